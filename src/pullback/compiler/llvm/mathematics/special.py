"""Functions made of the others: x·ln y, the logit; and the next number."""

from __future__ import annotations

from pullback.compiler.llvm.mathematics.hyperbolic import atanh
from pullback.compiler.llvm.mathematics.logarithm import log
from pullback.compiler.llvm.mathematics.real import Real, where


def xlogy(x: Real, y: Real) -> Real:
    """Return x·ln y, and 0 where x is 0 and y is a number."""
    return where(x.equals(0.0) & ~y.is_nan(), x.of(0.0), x * log(y))


def logit(x: Real) -> Real:
    """Return ln(x / (1 - x)): near ½, where that has its zero, 2·artanh(2x - 1)."""
    middle = (x > 0.3) & (x < 0.65)
    twice = where(middle, x + x - 1.0, 0.0)  # exact
    return where(middle, atanh(twice) * 2.0, log(x / (1.0 - x)))


def nextafter(x: Real, y: Real) -> Real:
    """Return the number next to x on the side of y: the bits of a magnitude count upwards."""
    bits = x.bits()
    outward = ~((x < y) ^ (x > 0.0))
    moved = where(outward, (bits + 1).real(), (bits - 1).real())
    least = (x.of(0.0).bits() + 1).real().copysign(y)
    result = where(x.equals(0.0), least, moved)
    return where(x.equals(y), y, where(x.is_nan() | y.is_nan(), x + y, result))
