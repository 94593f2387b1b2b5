"""Absolute value, sign and rounding."""

from __future__ import annotations

from pullback.core import Array, ArrayLike, apply, lift, operands
from pullback.primitives.rounding import (
    Abs,
    Ceil,
    Copysign,
    Floor,
    Nextafter,
    Round,
    Sign,
    Signbit,
    Trunc,
)
from pullback.primitives.selection import Where


def abs(x: ArrayLike, /) -> Array:
    """Return the absolute value |x|, element by element.

    The derivative is sign x; of a complex number, d|x| = Re(conj(x/|x|)·dx). It is 0 at 0.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape, and of the same dtype; of a complex one, its real dtype.

    Example:
        >>> abs([1.0, -2.0])
        Array([1., 2.], float64[2])
        >>> abs(3 + 4j)
        Array(5., float64[])
    """
    return apply(Abs(), *operands(x))


def sign(x: ArrayLike, /) -> Array:
    """Return the sign of each element: -1, 0 or 1, and of a complex number x/|x|.

    The derivative is zero in the reals, and at 0; that of x/|x| turns with the direction of x.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape and dtype; nan where x is.

    Raises:
        DTypeError: It is boolean.

    Example:
        >>> sign([1.5, 0.0, -2.0])
        Array([ 1.,  0., -1.], float64[3])
    """
    (array,) = operands(x)
    if array.dtype.kind != "c":
        return apply(Sign(), array)
    magnitude = abs(array)
    zero = magnitude == 0
    unit = array / apply(Where(), zero, lift(1), magnitude)
    return apply(Where(), zero, lift(0), unit)


def signbit(x: ArrayLike, /) -> Array:
    """Return whether each element has the sign minus, which -0.0 has too.

    Args:
        x: A real array or number.

    Returns:
        A boolean array of the same shape.

    Raises:
        DTypeError: It is complex.

    Example:
        >>> signbit([1.0, -0.0])
        Array([False,  True], bool[2])
    """
    return apply(Signbit(), lift(x))


def copysign(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the magnitude of ``x`` with the sign of ``y``, element by element.

    ∂/∂x is 1 where the signs agree and -1 where they do not, and 0 at x = 0; ∂/∂y = 0.

    Args:
        x: A real array or number.
        y: A real array or number, whose zeros have signs too; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted floating dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is complex.

    Example:
        >>> copysign([1.0, -2.0], [-0.0, 3.0])
        Array([-1.,  2.], float64[2])
    """
    return apply(Copysign(), lift(x), lift(y))


def nextafter(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the float next to ``x`` on the side of ``y``, element by element.

    But for one unit in the last place it is ``x``: ∂/∂x = 1, ∂/∂y = 0.

    Args:
        x: A real array or number.
        y: A real array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted floating dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is complex.

    Example:
        >>> nextafter(1.0, 2.0) - 1.0
        Array(2.22044605e-16, float64[])
    """
    return apply(Nextafter(), lift(x), lift(y))


def floor(x: ArrayLike, /) -> Array:
    """Return the largest integer that is not greater, element by element; derivative zero.

    Args:
        x: A real array or number.

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: It is complex.

    Example:
        >>> floor([1.5, -1.5])
        Array([ 1., -2.], float64[2])
    """
    return apply(Floor(), lift(x))


def ceil(x: ArrayLike, /) -> Array:
    """Return the smallest integer that is not less, element by element; derivative zero.

    Args:
        x: A real array or number.

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: It is complex.

    Example:
        >>> ceil([1.5, -1.5])
        Array([ 2., -1.], float64[2])
    """
    return apply(Ceil(), lift(x))


def trunc(x: ArrayLike, /) -> Array:
    """Return the integer next to each element on the side of 0; derivative zero.

    Args:
        x: A real array or number.

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: It is complex.

    Example:
        >>> trunc([1.5, -1.5])
        Array([ 1., -1.], float64[2])
    """
    return apply(Trunc(), lift(x))


def round(x: ArrayLike, /, decimals: int = 0) -> Array:
    """Return each element rounded to the nearest value, of two the even one; derivative zero.

    Args:
        x: An array or number; of a complex one both parts are rounded.
        decimals: How many decimals to keep; a negative number rounds to tens, hundreds, ...

    Returns:
        An array of the same shape and dtype.

    Example:
        >>> round([0.5, 1.5, 2.675])
        Array([0., 2., 3.], float64[3])
        >>> round([0.125, 1.5], 1)
        Array([0.1, 1.5], float64[2])
    """
    return apply(Round(decimals), lift(x))
