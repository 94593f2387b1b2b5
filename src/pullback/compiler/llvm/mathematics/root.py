"""Roots, and the length of a vector."""

from __future__ import annotations

import math
from typing import Final

from pullback.compiler.llvm.mathematics.formats import SINGLE
from pullback.compiler.llvm.mathematics.pairs import exact_product
from pullback.compiler.llvm.mathematics.real import (
    Real,
    horner,
    muladd,
    nearest,
    power_of_two,
    where,
)

#: x^(-1/3) on 1 ≤ x ≤ 2, a polynomial; minimax in the relative error, below 2^-14.7.
INVERSE_CUBE_ROOT: Final = (
    1.6700057978607938,
    -1.172877100254013,
    0.6954789662006631,
    -0.2212360210802467,
    0.028590695299897374,
)


def sqrt(x: Real) -> Real:
    """Return the square root."""
    return x.sqrt()


def rsqrt(x: Real) -> Real:
    """Return 1 / √x."""
    return 1.0 / x.sqrt()


def cbrt(x: Real) -> Real:
    """Return the real cube root.

    |x| = 2^(3k)·m, 1 ≤ m < 8 (or ½ ≤ m). An approximation y of m^(-1/3) with the error
    1 - m·y³ = d is improved by the series (1 - d)^(-1/3) = 1 + d/3 + 2d²/9 + ..., and the root m·y²
    by a step of Newton's method with an exact remainder.
    """
    form = x.form
    size = abs(x)
    tiny = size < form.smallest_normal
    shift = 30 if form is SINGLE else 60
    bits = where(tiny, size * 2.0**shift, size).bits()
    unit = 2.0**form.fraction
    e = ((bits >> form.fraction) | ((form.bias + form.fraction) << form.fraction)).real()
    e = e - (unit + form.bias)
    k, low = nearest(e, 1 / 3, form.bias)
    part = muladd(k, -3.0, e)  # -1, 0 or 1
    significand = ((bits & ((1 << form.fraction) - 1)) | (form.bias << form.fraction)).real()
    up, down = part > 0.0, part < 0.0
    m = significand * where(up, x.of(2.0), where(down, x.of(0.5), 1.0))
    start = where(up, x.of(2 ** (-1 / 3)), where(down, x.of(2 ** (1 / 3)), 1.0))
    y = horner(significand, INVERSE_CUBE_ROOT) * start
    d = 1.0 - m * (y * y) * y
    series = (1 / 3, 2 / 9) if form is SINGLE else (1 / 3, 2 / 9, 14 / 81)
    y = muladd(y * d, horner(d, series), y)
    root = m * y * y
    square = exact_product(root, root)
    cube = exact_product(square.hi, root)
    rest = ((m - cube.hi) - cube.lo) - square.lo * root
    root = muladd(rest * (1 / 3), y * y, root)
    scaled = root * power_of_two(low) * where(tiny, x.of(2.0 ** (-shift // 3)), 1.0)
    ordinary = (size > 0.0) & (size < math.inf)
    return where(ordinary, scaled.copysign(x), x)


def hypot(x: Real, y: Real) -> Real:
    """Return √(x² + y²), scaled where a square might overflow or underflow."""
    width, height = abs(x), abs(y)
    larger = where(width > height, width, height)
    smaller = where(width > height, height, width)
    bound, scale = (2.0**60, 2.0**90) if x.form is SINGLE else (2.0**500, 2.0**600)
    big, small = larger > bound, larger < 1 / bound
    factor = where(big, x.of(1 / scale), where(small, x.of(scale), 1.0))
    back = where(big, x.of(scale), where(small, x.of(1 / scale), 1.0))
    a, b = larger * factor, smaller * factor
    root = muladd(a, a, b * b).sqrt() * back
    infinite = width.equals(math.inf) | height.equals(math.inf)
    return where(infinite, x.of(math.inf), root)
