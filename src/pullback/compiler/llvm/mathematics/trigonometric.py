"""Sine, cosine and tangent: polynomials on [-π/4, π/4], chosen and signed by the quadrant."""

from __future__ import annotations

from typing import Final

from pullback.compiler.llvm.mathematics.angle import reduce
from pullback.compiler.llvm.mathematics.formats import SINGLE, Coefficients
from pullback.compiler.llvm.mathematics.pairs import Pair, fast_sum, quotient
from pullback.compiler.llvm.mathematics.real import Bits, Real, Truth, horner, muladd, where

#: s₁, s₂, ... of sin r = r + r·(s₁·z + s₂·z² + ...), z = r², |r| ≤ 1.003·π/4. Minimax in the
#: relative error, below 2^-57.4 (single: 2^-27.9).
SINE: Final = Coefficients(
    double=(
        -0.1666666666666663,
        0.008333333333321778,
        -0.0001984126982930652,
        2.755731351987505e-06,
        -2.5050731385471854e-08,
        1.5895254631388745e-10,
    ),
    single=(-0.1666665439007858, 0.008332146602468974, -0.00019513327415328628),
)
#: c₂, c₃, ... of cos r = 1 - z/2 + c₂·z² + ..., likewise, below 2^-59.5 (single: 2^-33.0).
COSINE: Final = Coefficients(
    double=(
        0.04166666666666659,
        -0.0013888888888872568,
        2.4801587288538684e-05,
        -2.7557314086756723e-07,
        2.087568798924416e-09,
        -1.1357857496824429e-11,
    ),
    single=(0.041666645304013386, -0.0013887297405425695, 2.443095999960039e-05),
)


def sin(x: Real) -> Real:
    """Return the sine."""
    n, r = reduce(x)
    return where(x.equals(0.0), x, _quadrant(x, n, _sine(x, r), _cosine(x, r)))


def cos(x: Real) -> Real:
    """Return the cosine: the sine of a quadrant further."""
    n, r = reduce(x)
    return _quadrant(x, n + 1, _sine(x, r), _cosine(x, r))


def tan(x: Real) -> Real:
    """Return the tangent, sin r / cos r or, in odd quadrants, -cos r / sin r."""
    n, r = reduce(x)
    odd = ~(n & 1).equals(0)
    sine, cosine = _sine(x, r), _cosine(x, r)
    above, below = _where(odd, cosine, sine), _where(odd, sine, cosine)
    if x.form is SINGLE:
        ratio = above.hi / below.hi
    else:
        pair = quotient(above, below)
        ratio = pair.hi + pair.lo
    signed = _flipped(ratio, n & 1, 63)
    return where(x.equals(0.0), x, signed.narrowed() if x.form is SINGLE else signed)


def _sine(x: Real, r: Pair) -> Pair:
    """Return the sine of r; for an x in single precision, its low part is not needed."""
    z = r.hi * r.hi
    series = horner(z, SINE.of(x.form))
    if x.form is SINGLE:
        return Pair(muladd(r.hi * z, series, r.hi), r.lo)
    return fast_sum(r.hi, muladd(r.hi * z, series, r.lo))


def _cosine(x: Real, r: Pair) -> Pair:
    """Return the cosine of r, likewise."""
    z = r.hi * r.hi
    series = horner(z, COSINE.of(x.form))
    near = muladd(z, -0.5, 1.0)
    if x.form is SINGLE:
        return Pair(muladd(z * z, series, near), r.lo)
    error = muladd(z, -0.5, 1.0 - near)
    return fast_sum(near, error + muladd(z * z, series, -(r.hi * r.lo)))


def _quadrant(x: Real, n: Bits, sine: Pair, cosine: Pair) -> Real:
    """Return ±sin r or ±cos r, as the two lowest bits of n say."""
    size = where((n & 1).equals(0), sine.hi, cosine.hi)
    signed = _flipped(size, n & 2, 62)
    return signed.narrowed() if x.form is SINGLE else signed


def _flipped(x: Real, bit: Bits, distance: int) -> Real:
    """Change the sign where a bit is set that is `distance` places below the sign."""
    return (x.bits() ^ (bit << distance)).real()


def _where(test: Truth, yes: Pair, no: Pair) -> Pair:
    return Pair(where(test, yes.hi, no.hi), where(test, yes.lo, no.lo))
