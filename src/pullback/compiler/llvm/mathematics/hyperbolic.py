"""Hyperbolic functions, by exponentials, and their inverses, by log(1 + x) of a pair."""

from __future__ import annotations

import math
from typing import Final

from pullback.compiler.llvm.mathematics.exponential import (
    TINY,
    expm1_pair,
    near_one,
    reduce,
)
from pullback.compiler.llvm.mathematics.formats import SINGLE, Coefficients
from pullback.compiler.llvm.mathematics.logarithm import log1p_pair
from pullback.compiler.llvm.mathematics.pairs import (
    Pair,
    exact_product,
    exact_sum,
    fast_sum,
    quotient,
    residual,
)
from pullback.compiler.llvm.mathematics.real import Real, horner, muladd, power_of_two, where

#: Between the two forms of tanh: its value there is ½.
BORDER: Final = 0.55
#: t₁, t₂, ... of tanh x = x + x·(t₁·z + t₂·z² + ...), z = x², |x| ≤ BORDER. Minimax in the
#: relative error, below 2^-55.2 (single: 2^-24.5).
TANGENT: Final = Coefficients(
    double=(
        -0.33333333333332305,
        0.13333333333167285,
        -0.05396825387537716,
        0.021869485957947195,
        -0.008863194276436726,
        0.003591717848316008,
        -0.0014532075368286466,
        0.0005791094056500514,
        -0.00021025684414283352,
        5.098965973307066e-05,
    ),
    single=(
        -0.333329439163208,
        0.13320690393447876,
        -0.052669499069452286,
        0.01643303781747818,
    ),
)


def tanh(x: Real) -> Real:
    """Return x·P(x²) near 0, and 1 - 2 / (e^(2|x|) + 1), with x's sign, elsewhere."""
    size = abs(x)
    z = x * x
    near = muladd(x * z, horner(z, TANGENT.of(x.form)), x)
    double = (size + size).at_most(20.0 if x.form is SINGLE else 40.0)  # tanh is 1 beyond
    r, n = reduce(double, x.form.bias)
    far = 1.0 - 2.0 / muladd(near_one(r), power_of_two(n), 1.0)
    return where(size < BORDER, near, far).copysign(x)


def sinh(x: Real) -> Real:
    """Return (t + t / (t + 1)) / 2 of t = e^|x| - 1, with x's sign.

    All in quarters: e^|x| overflows before its half does, and 2ⁿ before 2ⁿ·eʳ.
    """
    size = abs(x)
    t = expm1_pair(size.at_most(_highest(x)), 0.25)
    half = t.hi + (t.hi / (t.hi * 4.0 + 1.0) + t.lo)
    return where(size < TINY, size, half + half).copysign(x)


def cosh(x: Real) -> Real:
    """Return h + 1 / (4·h) of h = e^|x| / 2."""
    r, n = reduce(abs(x).at_most(_highest(x)), x.form.bias - 2)
    half = near_one(r) * power_of_two(n)
    h = half + half
    return h + 0.25 / h


def _highest(x: Real) -> float:
    """Return a number whose cosine overflows, but for which 2ⁿ / 4 does not."""
    return 89.5 if x.form is SINGLE else 710.5


def asinh(x: Real) -> Real:
    """Return log(1 + a + a² / (1 + √(1 + a²))) of a = |x|, with x's sign; log 2a for a large a."""
    size = abs(x)
    large = size > 2.0 ** (14 if x.form is SINGLE else 28)
    a = where(large, x.of(0.0), size)
    root = muladd(a, a, 1.0).sqrt()
    ratio = quotient(exact_product(a, a), fast_sum(root, 1.0))
    total = exact_sum(a, ratio.hi)
    hi = where(large, size, total.hi)
    lo = where(large, x.of(-1.0), total.lo + ratio.lo)
    return log1p_pair(Pair(hi, lo), where(large, x.of(1.0), 0.0)).copysign(x)


def acosh(x: Real) -> Real:
    """Return log(1 + t + √(t·(t + 2))) of t = x - 1; log 2x where x is large; nan below 1."""
    large = x > 2.0 ** (14 if x.form is SINGLE else 28)
    t = exact_sum(where(large, x.of(1.0), x), x.of(-1.0))
    part = exact_product(t.hi, t.hi)
    square = exact_sum(t.hi + t.hi, part.hi)
    root = square.hi.sqrt()
    rest = (residual(square.hi, root, root) + (square.lo + part.lo)) * (0.5 / root)
    rest = where(root > 0.0, rest, 0.0)
    total = exact_sum(root, t.hi)
    hi = where(large, x, total.hi)
    lo = where(large, x.of(-1.0), total.lo + rest + t.lo)
    inside = log1p_pair(Pair(hi, lo), where(large, x.of(1.0), 0.0))
    return where(x >= 1.0, inside, math.nan)


def atanh(x: Real) -> Real:
    """Return ½·log(1 + 2a / (1 - a)) of a = |x|, with x's sign; nan beyond ±1."""
    size = abs(x)
    ratio = quotient(Pair(size + size, x.of(0.0)), fast_sum(x.of(1.0), -size))
    inside = log1p_pair(ratio) * 0.5
    return where(size < 1.0, inside, where(size.equals(1.0), x.of(math.inf), math.nan)).copysign(x)
