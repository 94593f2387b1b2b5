"""Functions made of the others: x·ln y, the logit, Φ; and the next number."""

from __future__ import annotations

import math
from typing import Final

from pullback.compiler.llvm.mathematics.error_function import erfc
from pullback.compiler.llvm.mathematics.exponential import exp
from pullback.compiler.llvm.mathematics.formats import SINGLE
from pullback.compiler.llvm.mathematics.hyperbolic import atanh
from pullback.compiler.llvm.mathematics.logarithm import log
from pullback.compiler.llvm.mathematics.pairs import exact_product
from pullback.compiler.llvm.mathematics.real import Real, where

#: -1/√2 to twice the precision.
_ROOT: Final = (-0.7071067811865476, 4.833646656726457e-17)


def xlogy(x: Real, y: Real) -> Real:
    """Return x·ln y, and 0 where x is 0 and y is a number."""
    return where(x.equals(0.0) & ~y.is_nan(), x.of(0.0), x * log(y))


def logit(x: Real) -> Real:
    """Return ln(x / (1 - x)): near ½, where that has its zero, 2·artanh(2x - 1)."""
    middle = (x > 0.3) & (x < 0.65)
    twice = where(middle, x + x - 1.0, 0.0)  # exact
    return where(middle, atanh(twice) * 2.0, log(x / (1.0 - x)))


def ndtr(x: Real) -> Real:
    """Return Φ(x) = ½ erfc t, t = -x/√2.

    What t lacks, d, would cost 2·t² units in the last place on the left; so it is put in with
    the derivative, -2/√π · exp(-t²).
    """
    if x.form is SINGLE:
        return (erfc(x.widened() * _ROOT[0]) * 0.5).narrowed()
    t = exact_product(x, x.of(_ROOT[0]))
    finite = abs(x) < 100.0
    lost = where(finite, t.lo + x * _ROOT[1], 0.0)
    square = where(finite, t.hi * t.hi, 0.0)
    return erfc(t.hi) * 0.5 - exp(-square) * lost * (1.0 / math.sqrt(math.pi))


def nextafter(x: Real, y: Real) -> Real:
    """Return the number next to x on the side of y: the bits of a magnitude count upwards."""
    bits = x.bits()
    outward = ~((x < y) ^ (x > 0.0))
    moved = where(outward, (bits + 1).real(), (bits - 1).real())
    least = (x.of(0.0).bits() + 1).real().copysign(y)
    result = where(x.equals(0.0), least, moved)
    return where(x.equals(y), y, where(x.is_nan() | y.is_nan(), x + y, result))
