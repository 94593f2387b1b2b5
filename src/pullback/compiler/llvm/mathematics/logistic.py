"""The logistic function and its kin, by exponentials that never overflow."""

from __future__ import annotations

import math

from pullback.compiler.llvm.mathematics.exponential import exp, exp2
from pullback.compiler.llvm.mathematics.logarithm import log1p_of_fraction
from pullback.compiler.llvm.mathematics.pairs import (
    Pair,
    exact_sum,
    fast_sum,
    quotient,
)
from pullback.compiler.llvm.mathematics.real import Real, muladd, where


def sigmoid(x: Real) -> Real:
    """Return 1 / (1 + e⁻ˣ), as z / (1 + z) of z = eˣ where x is negative."""
    z = exp(-abs(x))
    above = Pair(where(x < 0.0, z, 1.0), x.of(0.0))
    ratio = quotient(above, fast_sum(x.of(1.0), z))
    return ratio.hi + ratio.lo


def log_sigmoid(x: Real) -> Real:
    """Return log(1 / (1 + e⁻ˣ))."""
    return -softplus(-x)


def softplus(x: Real) -> Real:
    """Return log(1 + eˣ) = max(x, 0) + log(1 + e^-|x|)."""
    return where(x > 0.0, x, 0.0) + log1p_of_fraction(exp(-abs(x)))


def logaddexp(x: Real, y: Real) -> Real:
    """Return log(eˣ + eʸ) = max(x, y) + log(1 + e^-|x - y|).

    Where the terms cancel, the error is 2 units in the last place of the second, at most ln 2.
    """
    highest, distance = _ordered(x, y)
    z = exp(distance.hi)
    return highest + log1p_of_fraction(muladd(z, distance.lo, z))


def logaddexp2(x: Real, y: Real) -> Real:
    """Return log₂(2ˣ + 2ʸ), likewise."""
    highest, distance = _ordered(x, y)
    z = exp2(distance.hi)
    return muladd(
        log1p_of_fraction(muladd(z, distance.lo * math.log(2), z)), 1 / math.log(2), highest
    )


def _ordered(x: Real, y: Real) -> tuple[Real, Pair]:
    """Return the larger number, and -|x - y|, exactly where it matters: nan if one is nan."""
    above = x > y
    highest, lowest = where(above, x, y), where(above, y, x)
    distance = exact_sum(lowest, -highest)
    hi = where(x.equals(y), x.of(0.0), distance.hi)  # of equal infinities too
    return highest, Pair(hi, where(distance.hi > -2000.0, distance.lo, 0.0))
