"""Logical and bitwise operations, element by element; without derivatives."""

from __future__ import annotations

from pullback.core import Array, ArrayLike, apply, lift, operands
from pullback.primitives.bitwise import (
    BitwiseAnd,
    BitwiseInvert,
    BitwiseOr,
    BitwiseXor,
    LeftShift,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
    LogicalXor,
    RightShift,
)


def logical_and(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return whether both elements are true, or different from 0.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        A boolean array of the broadcast shape.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> logical_and([True, True], [True, False])
        Array([ True, False], bool[2])
    """
    return apply(LogicalAnd(), lift(x), lift(y))


def logical_or(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return whether at least one of two elements is true, or different from 0.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        A boolean array of the broadcast shape.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> logical_or([False, True], [False, False])
        Array([False,  True], bool[2])
    """
    return apply(LogicalOr(), lift(x), lift(y))


def logical_xor(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return whether exactly one of two elements is true, or different from 0.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        A boolean array of the broadcast shape.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> logical_xor([True, True], [True, False])
        Array([False,  True], bool[2])
    """
    return apply(LogicalXor(), lift(x), lift(y))


def logical_not(x: ArrayLike, /) -> Array:
    """Return whether each element is false, or 0.

    Args:
        x: An array or number.

    Returns:
        A boolean array of the same shape.

    Example:
        >>> logical_not([True, False])
        Array([False,  True], bool[2])
    """
    return apply(LogicalNot(), lift(x))


def bitwise_and(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x & y``, bit by bit.

    Args:
        x: An array or number, of integers or booleans.
        y: An array or number, of integers or booleans; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is neither integer nor boolean.

    Example:
        >>> bitwise_and([6, 5], 3)
        Array([2, 1], int64[2])
    """
    return apply(BitwiseAnd(), *operands(x, y))


def bitwise_or(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x | y``, bit by bit.

    Args:
        x: An array or number, of integers or booleans.
        y: An array or number, of integers or booleans; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is neither integer nor boolean.

    Example:
        >>> bitwise_or([6, 5], 3)
        Array([7, 7], int64[2])
    """
    return apply(BitwiseOr(), *operands(x, y))


def bitwise_xor(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x ^ y``, bit by bit.

    Args:
        x: An array or number, of integers or booleans.
        y: An array or number, of integers or booleans; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is neither integer nor boolean.

    Example:
        >>> bitwise_xor([6, 5], 3)
        Array([5, 6], int64[2])
    """
    return apply(BitwiseXor(), *operands(x, y))


def bitwise_invert(x: ArrayLike, /) -> Array:
    """Return ``~x``, bit by bit; of booleans, the logical not.

    Args:
        x: An array or number, of integers or booleans.

    Returns:
        An array of the same shape and dtype.

    Raises:
        DTypeError: It is neither integer nor boolean.

    Example:
        >>> bitwise_invert([0, 5])
        Array([-1, -6], int64[2])
    """
    return apply(BitwiseInvert(), *operands(x))


def bitwise_left_shift(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x << y``: the bits moved ``y`` places up.

    Args:
        x: An array or number, of integers.
        y: An array or number, of integers that are not negative; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is not integer.

    Example:
        >>> bitwise_left_shift([1, 3], 2)
        Array([ 4, 12], int64[2])
    """
    return apply(LeftShift(), *operands(x, y))


def bitwise_right_shift(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x >> y``: the bits moved ``y`` places down, the sign kept.

    Args:
        x: An array or number, of integers.
        y: An array or number, of integers that are not negative; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is not integer.

    Example:
        >>> bitwise_right_shift([4, -3], 1)
        Array([ 2, -2], int64[2])
    """
    return apply(RightShift(), *operands(x, y))
