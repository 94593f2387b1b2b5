"""Inverse sine, cosine and tangent, and the angle of a point."""

from __future__ import annotations

import math
from typing import Final

from pullback.compiler.llvm.mathematics.formats import SINGLE, Coefficients
from pullback.compiler.llvm.mathematics.pairs import (
    Pair,
    exact_product,
    fast_sum,
    quotient,
    residual,
)
from pullback.compiler.llvm.mathematics.real import Real, Truth, horner, muladd, where

#: a₁, a₂, ... of artan t = t + t·(a₁·z + a₂·z² + ...), z = t², 0 ≤ t ≤ tan π/8. Minimax in the
#: relative error, below 2^-58.4 (single: 2^-28.1).
ARC_TANGENT: Final = Coefficients(
    double=(
        -0.3333333333333319,
        0.1999999999995239,
        -0.14285714280075681,
        0.11111110777419597,
        -0.09090897584195845,
        0.07692057130480297,
        -0.06663068996280228,
        0.0584763413755741,
        -0.050381537757529724,
        0.038035275929687334,
        -0.017875080894189845,
    ),
    single=(
        -0.33333316445350647,
        0.1999845951795578,
        -0.1424330621957779,
        0.10592042654752731,
        -0.060735251754522324,
    ),
)
#: a₁, a₂, ... of arsin t, likewise, for t ≤ ½; below 2^-55.8 (single: 2^-27.3).
ARC_SINE: Final = Coefficients(
    double=(
        0.16666666666665403,
        0.07500000000338605,
        0.04464285682694541,
        0.030381959196536433,
        0.02237175656687665,
        0.01735972789923712,
        0.013884999984742533,
        0.012170800194631435,
        0.006520933169216422,
        0.01954797985100828,
        -0.016255847548494073,
        0.03193435601922978,
    ),
    single=(
        0.16666752099990845,
        0.07495288550853729,
        0.04547164589166641,
        0.024172767996788025,
        0.04217853397130966,
    ),
)
#: π/4 to twice the precision.
QUARTER_PI: Final = Coefficients(
    double=(0.7853981633974483, 3.061616997868383e-17),
    single=(0.7853981852531433, -2.1855695000931213e-08),
)
TAN_PI_8: Final = math.sqrt(2) - 1


def asin(x: Real) -> Real:
    """Return arsin |x|, as π/2 - 2·arsin √((1 - |x|) / 2) beyond ½, with x's sign."""
    size = abs(x)
    far, root, rest = _half_angle(size)
    high, low = QUARTER_PI.of(x.form)
    beyond = fast_sum(x.of(2 * high), -2.0 * root)
    other = beyond.hi + (beyond.lo + muladd(rest, -2.0, 2 * low))
    return where(far, other, root + rest).copysign(x)


def acos(x: Real) -> Real:
    """Return π/2 - arsin x, and beyond ½ 2·arsin √((1 - |x|) / 2) or π less that."""
    far, root, rest = _half_angle(abs(x))
    high, low = QUARTER_PI.of(x.form)
    left = x < 0.0
    # Three cases, one sum: k·π/4 + factor·(root + rest).
    base = where(far, where(left, x.of(4 * high), 0.0), 2 * high)
    base_low = where(far, where(left, x.of(4 * low), 0.0), 2 * low)
    sign = where(left, x.of(-1.0), 1.0)
    factor = where(far, sign + sign, -sign)
    total = fast_sum(base, factor * root)
    return total.hi + (total.lo + muladd(factor, rest, base_low))


def atan(x: Real) -> Real:
    """Return the angle of the point (1, |x|), with x's sign."""
    size = abs(x)
    infinite = size.equals(math.inf)
    opposite, adjacent = where(infinite, x.of(1.0), size), where(infinite, x.of(0.0), 1.0)
    return _first_quadrant(opposite, adjacent, x.of(0.0)).copysign(x)


def atan2(y: Real, x: Real) -> Real:
    """Return the angle of the point (x, y), from -π to π."""
    width, height = abs(x), abs(y)
    infinite_x, infinite_y = width.equals(math.inf), height.equals(math.inf)
    one, zero = x.of(1.0), x.of(0.0)
    # The angle is that of a point of moderate size in the same direction.
    infinite = infinite_x | infinite_y
    top = where(infinite, where(infinite_y, one, where(height.is_nan(), height, 0.0)), height)
    side = where(infinite, where(infinite_x, one, where(width.is_nan(), width, 0.0)), width)
    larger = where(top > side, top, side)
    # Scaled so that no rounding error underflows unless the angle does.
    bound = 2.0 ** (60 if x.form is SINGLE else 500)
    factor = where(larger > bound, x.of(bound**-0.5), bound)
    right = _first_quadrant(top * factor, side * factor, where(x.negative(), one, zero))
    return right.copysign(y)


def _half_angle(size: Real) -> tuple[Truth, Real, Real]:
    """Return whether |x| > ½, and arsin of |x| or of √((1 - |x|) / 2) as root + rest."""
    far = size > 0.5
    half = (1.0 - size) * 0.5
    z = where(far, half, size * size)
    root = half.sqrt()
    error = where(root > 0.0, residual(half, root, root) * (0.5 / root), 0.0)
    t = where(far, root, size)
    rest = muladd(t * z, horner(z, ARC_SINE.of(size.form)), where(far, error, 0.0))
    return far, t, where(size > 1.0, size.of(math.nan), rest)


def _first_quadrant(y: Real, x: Real, left: Real) -> Real:
    """Return the angle of (x, y) for x, y ≥ 0, or of (-x, y) where `left` is 1.

    With a ≤ b the sides and t = a/b it is artan t, or π/4 + artan (a - b)/(a + b) for t > tan π/8;
    then π/2 less that where y is the larger side, and π less that on the left.
    """
    steep = y > x
    a, b = where(steep, x, y), where(steep, y, x)
    b = where(b.equals(0.0), b.of(1.0), b)
    turned = a > b * TAN_PI_8
    total, difference = fast_sum(b, a), fast_sum(b, -a)
    above = Pair(where(turned, -difference.hi, a), where(turned, -difference.lo, 0.0))
    below = Pair(where(turned, total.hi, b), where(turned, total.lo, 0.0))
    t = quotient(above, below)
    z = t.hi * t.hi
    rest = muladd(t.hi * z, horner(z, ARC_TANGENT.of(x.form)), t.lo)
    # ±(t + rest) + k·π/4
    eighths = where(turned, x.of(1.0), 0.0)
    eighths = where(steep, 2.0 - eighths, eighths)
    flip = where(steep, x.of(-1.0), 1.0)
    on_left = left > 0.0
    eighths = where(on_left, 4.0 - eighths, eighths)
    flip = where(on_left, -flip, flip)
    high, low = QUARTER_PI.of(x.form)
    base = exact_product(eighths, high)
    angle = fast_sum(base.hi, flip * t.hi)
    return angle.hi + (angle.lo + muladd(flip, rest, muladd(eighths, low, base.lo)))
