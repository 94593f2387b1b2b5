"""Powers and roots."""

from __future__ import annotations

from pullback.core import Array, ArrayLike, apply, lift, operands
from pullback.primitives.exponential import Cbrt, Sqrt
from pullback.primitives.power import IntegerPower, Power, Reciprocal, Square
from pullback.primitives.trigonometric import Hypot


def pow(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x ** y``, element by element.

    ∂/∂x x^y = y·x^(y-1), and 0 where y = 0, at x = 0 too.
    ∂/∂y x^y = x^y·ln x, and 0 where x = 0 and y ≥ 0; nan where x is negative (for then x^y is
    real at isolated y only) unless the dtype is complex.

    Args:
        x: The base.
        y: The exponent; the shapes broadcast. A Python integer is differentiated as a constant,
            and so is exact for every base.

    Returns:
        An array of the broadcast shape and the promoted dtype. A real power of a negative number
        is nan where the exponent is not a whole number.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: Integers have a negative exponent.

    Example:
        >>> pow([1.0, 2.0, 3.0], 2)
        Array([1., 4., 9.], float64[3])
        >>> pow(2.0, [-1.0, 0.5])
        Array([0.5       , 1.41421356], float64[2])
    """
    if type(y) is int:
        return apply(IntegerPower(y), *operands(x))
    return apply(Power(), *operands(x, y))


def square(x: ArrayLike, /) -> Array:
    """Return ``x * x``, element by element; derivative 2·x.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape and dtype.

    Example:
        >>> square([1.0, -2.0])
        Array([1., 4.], float64[2])
    """
    return apply(Square(), lift(x))


def reciprocal(x: ArrayLike, /) -> Array:
    """Return ``1 / x``, element by element; derivative -1/x².

    Args:
        x: An array or number.

    Returns:
        An array of the same shape and dtype: for integers, then, the whole quotient.

    Example:
        >>> reciprocal([1.0, -2.0])
        Array([ 1. , -0.5], float64[2])
    """
    return apply(Reciprocal(), lift(x))


def sqrt(x: ArrayLike, /) -> Array:
    """Return the square root √x, element by element; derivative 1 / (2·√x), infinite at 0.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape; real roots of negative numbers are nan, and of complex ones
        the one with Re √x ≥ 0.

    Example:
        >>> sqrt([1.0, 4.0])
        Array([1., 2.], float64[2])
    """
    return apply(Sqrt(), lift(x))


def cbrt(x: ArrayLike, /) -> Array:
    """Return the real cube root ∛x, element by element; derivative 1 / (3·∛x²), infinite at 0.

    Args:
        x: A real array or number, of either sign.

    Returns:
        An array of the same shape.

    Raises:
        DTypeError: It is complex.

    Example:
        >>> cbrt([8.0, -27.0])
        Array([ 2., -3.], float64[2])
    """
    return apply(Cbrt(), lift(x))


def hypot(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``√(x² + y²)``, element by element, without overflow of the squares.

    The derivatives are x/√(x² + y²) and y/√(x² + y²), and 0 at the origin.

    Args:
        x: A real array or number.
        y: A real array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted floating dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is complex.

    Example:
        >>> hypot([3.0, 5.0], [4.0, 12.0])
        Array([ 5., 13.], float64[2])
    """
    return apply(Hypot(), lift(x), lift(y))
