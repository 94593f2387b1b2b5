"""Trigonometric functions of angles in radians, and their inverses.

Branch cuts in the complex plane are NumPy's: the inverse functions are continuous on each side of
a cut, and the sign of a zero part tells the sides apart.
"""

from __future__ import annotations

import math
from typing import Final

from pullback.api.arithmetic import multiply
from pullback.core import Array, ArrayLike, apply, lift
from pullback.primitives.trigonometric import Acos, Asin, Atan, Atan2, Cos, Sin, Tan


def sin(x: ArrayLike, /) -> Array:
    """Return the sine, element by element; derivative cos x.

    Args:
        x: An array or number, in radians.

    Returns:
        An array of the same shape; integers become floats.

    Example:
        >>> sin([0.0, 1.0])
        Array([0.        , 0.84147098], float64[2])
    """
    return apply(Sin(), lift(x))


def cos(x: ArrayLike, /) -> Array:
    """Return the cosine, element by element; derivative -sin x.

    Args:
        x: An array or number, in radians.

    Returns:
        An array of the same shape; integers become floats.

    Example:
        >>> cos([0.0, 1.0])
        Array([1.        , 0.54030231], float64[2])
    """
    return apply(Cos(), lift(x))


def tan(x: ArrayLike, /) -> Array:
    """Return the tangent, element by element; derivative 1 + tan² x.

    Args:
        x: An array or number, in radians.

    Returns:
        An array of the same shape; integers become floats.

    Example:
        >>> tan([0.0, 1.0])
        Array([0.        , 1.55740772], float64[2])
    """
    return apply(Tan(), lift(x))


def asin(x: ArrayLike, /) -> Array:
    """Return the arc sine, element by element; derivative 1/√(1 - x²), infinite at ±1.

    Args:
        x: An array or number; in -1 ≤ x ≤ 1, unless it is complex.

    Returns:
        An array of the same shape, in radians, in -π/2 ≤ asin x ≤ π/2; nan outside the domain.

    Example:
        >>> asin([0.0, 1.0])
        Array([0.        , 1.57079633], float64[2])
    """
    return apply(Asin(), lift(x))


def acos(x: ArrayLike, /) -> Array:
    """Return the arc cosine, element by element; derivative -1/√(1 - x²), infinite at ±1.

    Args:
        x: An array or number; in -1 ≤ x ≤ 1, unless it is complex.

    Returns:
        An array of the same shape, in radians, in 0 ≤ acos x ≤ π; nan outside the domain.

    Example:
        >>> acos([0.0, 1.0])
        Array([1.57079633, 0.        ], float64[2])
    """
    return apply(Acos(), lift(x))


def atan(x: ArrayLike, /) -> Array:
    """Return the arc tangent, element by element; derivative 1/(1 + x²).

    Args:
        x: An array or number.

    Returns:
        An array of the same shape, in radians, in -π/2 ≤ atan x ≤ π/2.

    Example:
        >>> atan([0.0, 1.0])
        Array([0.        , 0.78539816], float64[2])
    """
    return apply(Atan(), lift(x))


def atan2(y: ArrayLike, x: ArrayLike, /) -> Array:
    """Return the angle of the point ``(x, y)`` of the plane, element by element.

    ∂/∂y = x/(x² + y²) and ∂/∂x = -y/(x² + y²), and 0 at the origin, where there is no angle.

    Args:
        y: The ordinate, a real array or number.
        x: The abscissa, a real array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape, in radians, from -π to π.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is complex.

    Example:
        >>> atan2([1.0, -1.0], -1.0)
        Array([ 2.35619449, -2.35619449], float64[2])
    """
    return apply(Atan2(), lift(y), lift(x))


#: NumPy's name.
arctan2: Final = atan2


def deg2rad(x: ArrayLike, /) -> Array:
    """Return an angle given in degrees, in radians: ``x·π/180``.

    Args:
        x: A real array or number, in degrees.

    Returns:
        An array of the same shape; integers become ``float64``.

    Example:
        >>> deg2rad([0.0, 180.0])
        Array([0.        , 3.14159265], float64[2])
    """
    return multiply(x, math.pi / 180)


def rad2deg(x: ArrayLike, /) -> Array:
    """Return an angle given in radians, in degrees: ``x·180/π``.

    Args:
        x: A real array or number, in radians.

    Returns:
        An array of the same shape; integers become ``float64``.

    Example:
        >>> rad2deg([0.0, 1.0])
        Array([ 0.        , 57.29577951], float64[2])
    """
    return multiply(x, 180 / math.pi)
