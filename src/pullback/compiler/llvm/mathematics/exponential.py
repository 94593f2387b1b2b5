"""Exponentials: x = n·ln 2 + r with |r| ≤ ½ ln 2, eʳ by a polynomial, then the scale 2ⁿ.

Reference: J.-M. Muller et al., "Handbook of Floating-Point Arithmetic" (2nd ed. 2018), chapter 10.
"""

from __future__ import annotations

import math
from typing import Final

from pullback.compiler.llvm.mathematics.formats import SINGLE, Coefficients
from pullback.compiler.llvm.mathematics.pairs import Pair, fast_sum
from pullback.compiler.llvm.mathematics.real import (
    Bits,
    Real,
    horner,
    muladd,
    nearest,
    power_of_two,
    where,
)

#: c₃, c₄, ... of eʳ - 1 = r + r²/2 + c₃·r³ + ..., on |r| ≤ 1.005·½ ln 2. Minimax (Remez exchange)
#: in the relative error of eʳ - 1, below 2^-55.1 (single: 2^-26.0) with the coefficients rounded.
EXPONENTIAL: Final = Coefficients(
    double=(
        0.166666666666666,
        0.041666666666618134,
        0.008333333333390274,
        0.0013888888921443044,
        0.00019841269706363237,
        2.4801514956271142e-05,
        2.755742614740925e-06,
        2.762286113295836e-07,
        2.504619755182392e-08,
    ),
    single=(
        0.1666654646396637,
        0.04166685789823532,
        0.008366359397768974,
        0.0013898247852921486,
    ),
)
#: ln 2 in two parts, the first so short that its product with an exponent is exact.
LN_2: Final = Coefficients(
    double=(0.6931471805598903, 5.497923018708371e-14),
    single=(0.693145751953125, 1.4286068203094173e-06),
)
LOG2_E: Final = 1.4426950408889634
#: Below this eˣ - 1 and sinh x round to x: half of it may be subnormal.
TINY: Final = 2.0**-60


def exp(x: Real) -> Real:
    """Return eˣ."""
    lowest, highest = (-104.5, 89.0) if x.form is SINGLE else (-746.0, 710.0)
    r, n = reduce(x.at_most(highest).at_least(lowest), 2 * x.form.bias)
    return scale(near_one(r), n)


def exp2(x: Real) -> Real:
    """Return 2ˣ."""
    lowest, highest = (-151.0, 129.0) if x.form is SINGLE else (-1076.0, 1025.0)
    x = x.at_most(highest).at_least(lowest)
    n, bits = nearest(x, offset=2 * x.form.bias)
    return scale(near_one((x - n) * math.log(2)), bits)


def expm1(x: Real) -> Real:
    """Return eˣ - 1: 2ⁿ·(eʳ - 1) + (2ⁿ - 1)."""
    lowest, highest = (-20.0, 89.0) if x.form is SINGLE else (-45.0, 710.0)
    t = expm1_pair(x.at_most(highest).at_least(lowest), 0.5)
    half = t.hi + t.lo
    return where(abs(x) < TINY, x, half + half).copysign(x)


def reduce(x: Real, offset: int) -> tuple[Real, Bits]:
    """Return r = x - n·ln 2, and bits that hold n + offset."""
    high, low = LN_2.of(x.form)
    n, bits = nearest(x, LOG2_E, offset)
    return muladd(n, -low, muladd(n, -high, x)), bits


def reduce_exactly(x: Real, offset: int) -> tuple[Pair, Bits]:
    """Return r = x - n·ln 2 as a pair, and bits that hold n + offset."""
    high, low = LN_2.of(x.form)
    n, bits = nearest(x, LOG2_E, offset)
    return fast_sum(muladd(n, -high, x), n * -low), bits


def beyond_linear(r: Pair) -> Real:
    """Return eʳ - 1 less the high part of a reduced r, whose low part is a rounding error."""
    series = horner(r.hi, (0.5, *EXPONENTIAL.of(r.hi.form)))
    return muladd(r.hi * r.hi, series, r.lo)


def near_one(r: Real) -> Real:
    """Return eʳ for a reduced r."""
    return horner(r, (1.0, 1.0, 0.5, *EXPONENTIAL.of(r.form)))


def scale(x: Real, bits: Bits) -> Real:
    """Return x·2ⁿ of bits that hold n + 2·bias, in two steps, for n may be out of range.

    Only the second product is ever rounded, where the result is subnormal.
    """
    half = bits >> 1
    return x * power_of_two(half) * power_of_two(bits - half)


def expm1_pair(x: Real, scale: float) -> Pair:
    """Return (eˣ - 1)·scale, with x in the range of the exponent, and a power of 2 as the scale.

    Where n = ±1 the terms of 2ⁿ·(eʳ - 1) + (2ⁿ - 1) nearly cancel: the rounding error of r counts.
    """
    r, n = reduce_exactly(x, x.form.bias + round(math.log2(scale)))
    power = power_of_two(n)
    total = fast_sum(power - scale, power * r.hi)  # the first is 0, or no less than the second
    return fast_sum(total.hi, muladd(power, beyond_linear(r), total.lo))
