"""Φ, the distribution function of the normal distribution.

With a = |x|, Φ(-a) = e^(-a²/2)·P(t)/(a + k), t = (a - k)/(a + k), and Φ(a) = 1 - Φ(-a). The
variable is that of M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of
(1 + 2x)·exp(x²)·erfc x in 0 ≤ x < ∞" (1981); with a + k in the place of 1 + 2x there is one
division, not two.
"""

from __future__ import annotations

from typing import Final

from pullback.compiler.llvm.mathematics.exponential import exp
from pullback.compiler.llvm.mathematics.formats import SINGLE
from pullback.compiler.llvm.mathematics.pairs import exact_product, residual
from pullback.compiler.llvm.mathematics.real import Real, horner, muladd, where

#: k, where the first coefficient, 2k·e^(k²/2)·Φ(-k), is close to a number of the format.
_MIDDLE: Final = 4.703125
#: P, for a up to where Φ(-a) underflows. Minimax in the relative error, below 2^-57.9.
_TAIL: Final = (
    0.7658523331614351,
    -0.6512140030403345,
    0.46744899359525943,
    -0.27849086573957615,
    0.13308661425628998,
    -0.04732653619603272,
    0.009919947770072263,
    0.0005202499881287159,
    -0.00113139632322403,
    0.00023917941802509247,
    8.047522203652403e-05,
    -4.390096112604076e-05,
    -4.838226660548706e-06,
    6.66047366141144e-06,
    2.94711159986258e-07,
    -1.0409404705990887e-06,
    -4.6844264861678224e-08,
    1.7117645930963008e-07,
    1.74426483068689e-08,
    -2.6849672443627458e-08,
    -5.527867173150273e-09,
    2.874675889307564e-09,
    9.668529978199282e-10,
)


def ndtr(x: Real) -> Real:
    """Return Φ(x), within 3 units in the last place (3.2 without a fused multiply-add).

    In single precision it is computed in double.

    e^(-x²/2) is written as in the derivative, so that code which computes both computes it once.
    What its rounded square lacks, `lost`, and the errors of the division, of the last step of the
    polynomial and of its product are put in at first order. An error e of the division changes t,
    too: the ratio by about (k/(a + k))²·e in all.
    """
    if x.form is SINGLE:
        return ndtr(x.widened()).narrowed()
    power = exp(x * x * -0.5)
    size = abs(x).at_most(39.0)
    lost = exact_product(size, size).lo * -0.5
    inverse = 1.0 / (size + _MIDDLE)
    error = residual(residual(x.of(1.0), inverse, x.of(_MIDDLE)), inverse, size)
    t = muladd(size + size, inverse, -1.0)
    lowest, *others = _TAIL
    above = horner(t, tuple(others))
    total = muladd(t, above, lowest)
    rest = muladd(t, above, x.of(lowest) - total)
    ratio = exact_product(total, inverse)
    relative = muladd(inverse * inverse * _MIDDLE**2, error, lost)
    tail = power * (ratio.hi + muladd(ratio.hi, relative, muladd(rest, inverse, ratio.lo)))
    return where(x > 0.0, 1.0 - tail, tail)
