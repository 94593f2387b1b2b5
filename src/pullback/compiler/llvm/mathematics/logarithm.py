"""Logarithms: x = 2ᵉ·m with m in [√½, √2), and log m = 2·artanh(s), s = (m - 1)/(m + 1).

With f = m - 1 and the series 2·artanh(s) = 2s + s·R(s²), log m = f - (f²/2 - s·(f²/2 + R)): the
leading terms are exact, or nearly so. The reduction is that of W. J. Cody and W. Waite, "Software
Manual for the Elementary Functions" (1980); the rearrangement became known by FDLIBM (1993).
"""

from __future__ import annotations

import math
from typing import Final

from pullback.compiler.llvm.mathematics.exponential import LN_2
from pullback.compiler.llvm.mathematics.formats import SINGLE, Coefficients
from pullback.compiler.llvm.mathematics.pairs import Pair, exact_sum, fast_sum, multiply
from pullback.compiler.llvm.mathematics.real import Real, horner, muladd, where

#: r₁, r₂, ... of R(z) = r₁·z + r₂·z² + ... for z = s² ≤ 1.01·(√2 - 1)⁴. Minimax (Remez exchange),
#: R's error relative to 2 below 2^-59.4 (single: 2^-30.1).
SERIES: Final = Coefficients(
    double=(
        0.666666666666674,
        0.3999999999937608,
        0.28571428751848116,
        0.22222197520625014,
        0.18183622944848815,
        0.1531245750769219,
        0.14812765338513578,
    ),
    single=(0.6666678190231323, 0.3997678756713867, 0.2989242970943451),
)
#: Each constant as a sum of two numbers of the format.
LOG2_E: Final = Coefficients(
    double=(1.4426950408889634, 2.0355273740931033e-17),
    single=(1.4426950216293335, 1.9259629911266175e-08),
)
LOG10_E: Final = Coefficients(
    double=(0.4342944819032518, 1.098319650216765e-17),
    single=(0.4342944920063019, -1.0103050052231683e-08),
)
#: The first part is so short that its product with an exponent is exact.
LOG10_2: Final = Coefficients(
    double=(0.30102999566395283, 2.8363394551044964e-14),
    single=(0.301025390625, 4.605038981195214e-06),
)


def log(x: Real) -> Real:
    """Return the natural logarithm."""
    m, e = split(x)
    return _edges(x, _log(m - 1.0, e))


def log2(x: Real) -> Real:
    """Return the logarithm to base 2."""
    m, e = split(x)
    product = multiply(_log_pair(m - 1.0), _pair(m, LOG2_E))
    total = fast_sum(e, product.hi)
    return _edges(x, total.hi + (total.lo + product.lo))


def log10(x: Real) -> Real:
    """Return the logarithm to base 10."""
    m, e = split(x)
    high, low = LOG10_2.of(x.form)
    product = multiply(_log_pair(m - 1.0), _pair(m, LOG10_E))
    total = fast_sum(e * high, product.hi)
    return _edges(x, total.hi + (total.lo + muladd(e, low, product.lo)))


def log1p(x: Real) -> Real:
    """Return log(1 + x)."""
    inside = log1p_pair(Pair(x, x.of(0.0))).copysign(x)
    return where(x > -1.0, inside, where(x.equals(-1.0), x.of(-math.inf), math.nan))


def log1p_pair(x: Pair, doublings: Real | None = None) -> Real:
    """Return log(2ᵈ·(1 + hi + lo)), where hi + lo > -1 and d is `doublings` or 0.

    The rounding error of 1 + hi is scaled by 2⁻ᵉ and added to f. Near 0 that restores x itself.
    """
    form = x.hi.form
    total = exact_sum(x.hi.of(1.0), x.hi)
    m, e = _split_normal(total.hi)
    inverse = (m.bits() - total.hi.bits() + (form.bias << form.fraction)).real()
    error = where(x.hi < 2.0**64, (total.lo + x.lo) * inverse, 0.0)
    result = _log(m - 1.0 + error, e if doublings is None else e + doublings)
    return where(x.hi < math.inf, result, x.hi)


def log1p_of_fraction(x: Real) -> Real:
    """Return log(1 + x) for 0 ≤ x ≤ 1, where 1 + x need not be computed: f is x or (x - 1)/2."""
    far = x > math.sqrt(2) - 1
    return _log(where(far, x * 0.5 - 0.5, x), where(far, x.of(1.0), 0.0))


def split(x: Real) -> tuple[Real, Real]:
    """Return m and e with x = 2ᵉ·m, √½ ≤ m < √2, for a finite positive x."""
    shift = float(x.form.precision)
    tiny = x < x.form.smallest_normal
    m, e = _split_normal(where(tiny, x * 2.0**shift, x))
    return m, e - where(tiny, x.of(shift), 0.0)


def _split_normal(x: Real) -> tuple[Real, Real]:
    form = x.form
    one = form.bias << form.fraction
    lowest = 0x3F3504F3 if form is SINGLE else 0x3FE6A09E667F3BCD  # √½
    bits = x.bits() + (one - lowest)
    m = ((bits & ((1 << form.fraction) - 1)) + lowest).real()
    # The exponent as a number: in the last places of 2^fraction, which is then taken away.
    unit = 2.0**form.fraction
    e = ((bits >> form.fraction) | ((form.bias + form.fraction) << form.fraction)).real()
    return m, e - (unit + form.bias)


def _series(f: Real) -> tuple[Real, Real]:
    """Return f²/2 and s·(f²/2 + R), whose difference from f is log(1 + f)."""
    s = f / (f + 2.0)
    z = s * s
    half = f * 0.5 * f
    return half, s * muladd(z, horner(z, SERIES.of(f.form)), half)


def _log(f: Real, e: Real) -> Real:
    """Return e·ln 2 + log(1 + f)."""
    high, low = LN_2.of(f.form)
    half, rest = _series(f)
    return muladd(e, high, f - (half - muladd(e, low, rest)))


def _log_pair(f: Real) -> Pair:
    """Return log(1 + f) with its rounding error."""
    half, rest = _series(f)
    total = fast_sum(f, -half)
    return Pair(total.hi, total.lo + rest)


def _pair(x: Real, constant: Coefficients) -> Pair:
    high, low = constant.of(x.form)
    return Pair(x.of(high), x.of(low))


def _edges(x: Real, inside: Real) -> Real:
    """Return the logarithm's value where x is 0, negative, infinite or nan."""
    outside = where(x.equals(0.0), x.of(-math.inf), math.nan)
    return where(x > 0.0, where(x < math.inf, inside, x), outside)
