"""The functions of the Array API that stand beside Python's arithmetic operators.

Integers and booleans promote as in NumPy 2. Functions of nothing but Python numbers return a
scalar of NumPy's dtype, where the operators keep Python numbers.
"""

from __future__ import annotations

from typing import Final

from pullback.core import Array, ArrayLike, apply, lift, operands
from pullback.primitives.arithmetic import Add, Divide, Multiply, Negative, Positive, Subtract
from pullback.primitives.rounding import FloorDivide, Fmod, Remainder


def add(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the sum ``x + y``, element by element.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> add([1.0, 2.0], 3.0)
        Array([4., 5.], float64[2])
    """
    return apply(Add(), *operands(x, y))


def subtract(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the difference ``x - y``, element by element.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: Both are boolean.

    Example:
        >>> subtract([1.0, 2.0], 3.0)
        Array([-2., -1.], float64[2])
    """
    return apply(Subtract(), *operands(x, y))


def multiply(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the product ``x * y``, element by element.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> multiply([1.0, 2.0], 3.0)
        Array([3., 6.], float64[2])
    """
    return apply(Multiply(), *operands(x, y))


def divide(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the quotient ``x / y``, element by element.

    Division by zero is IEEE's: infinite, or nan for 0/0.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype; of integers, ``float64``.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> divide([1.0, 2.0], 4)
        Array([0.25, 0.5 ], float64[2])
    """
    return apply(Divide(), *operands(x, y))


def floor_divide(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x // y``: the quotient rounded towards minus infinity, element by element.

    It is a step function: its derivative is zero.

    Args:
        x: A real array or number.
        y: A real array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is complex.

    Example:
        >>> floor_divide([7, -7], 2)
        Array([ 3, -4], int64[2])
    """
    return apply(FloorDivide(), *operands(x, y))


def remainder(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x % y = x - y·⌊x/y⌋``, element by element: Python's, with the sign of ``y``.

    ∂/∂x = 1 and ∂/∂y = -⌊x/y⌋, at the jumps too.

    Args:
        x: A real array or number.
        y: A real array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is complex.

    Example:
        >>> remainder([7, -7], 4)
        Array([3, 1], int64[2])
    """
    return apply(Remainder(), *operands(x, y))


#: NumPy's other name.
mod: Final = remainder


def fmod(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return C's remainder ``x - y·n``, x/y cut to the integer n: it has the sign of ``x``.

    ∂/∂x = 1 and ∂/∂y = -n, at the jumps too.

    Args:
        x: A real array or number.
        y: A real array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is complex.

    Example:
        >>> fmod([7, -7], 4)
        Array([ 3, -3], int64[2])
    """
    return apply(Fmod(), lift(x), lift(y))


def divmod(x: ArrayLike, y: ArrayLike, /) -> tuple[Array, Array]:
    """Return ``x // y`` and ``x % y``, for which ``x = y·(x // y) + x % y``.

    Args:
        x: A real array or number.
        y: A real array or number; the shapes broadcast.

    Returns:
        `floor_divide` and `remainder`, of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is complex.

    Example:
        >>> divmod([7, -7], 4)
        (Array([ 1, -2], int64[2]), Array([3, 1], int64[2]))
    """
    return floor_divide(x, y), remainder(x, y)


def negative(x: ArrayLike, /) -> Array:
    """Return ``-x``, element by element.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: It is boolean.

    Example:
        >>> negative([1.0, -2.0])
        Array([-1.,  2.], float64[2])
    """
    return apply(Negative(), *operands(x))


def positive(x: ArrayLike, /) -> Array:
    """Return ``+x``: the elements as they are.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: It is boolean.

    Example:
        >>> positive([1.0, -2.0])
        Array([ 1., -2.], float64[2])
    """
    return apply(Positive(), *operands(x))
