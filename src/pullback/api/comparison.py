"""Comparisons and tests, element by element: boolean, and so without derivative."""

from __future__ import annotations

from pullback.core import Array, ArrayLike, apply, lift, operands
from pullback.primitives.comparison import (
    Equal,
    Greater,
    GreaterEqual,
    Isfinite,
    Isinf,
    Isnan,
    Less,
    LessEqual,
    NotEqual,
)


def equal(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x == y``, element by element.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        A boolean array of the broadcast shape; nan equals nothing.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> equal([1, 2, 3], 2)
        Array([False,  True, False], bool[3])
    """
    return apply(Equal(), *operands(x, y))


def not_equal(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x != y``, element by element.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        A boolean array of the broadcast shape; nan differs from everything.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> not_equal([1, 2, 3], 2)
        Array([ True, False,  True], bool[3])
    """
    return apply(NotEqual(), *operands(x, y))


def less(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x < y``, element by element.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        A boolean array of the broadcast shape; False against nan.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> less([1, 2, 3], 2)
        Array([ True, False, False], bool[3])
    """
    return apply(Less(), *operands(x, y))


def less_equal(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x <= y``, element by element.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        A boolean array of the broadcast shape; False against nan.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> less_equal([1, 2, 3], 2)
        Array([ True,  True, False], bool[3])
    """
    return apply(LessEqual(), *operands(x, y))


def greater(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x > y``, element by element.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        A boolean array of the broadcast shape; False against nan.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> greater([1, 2, 3], 2)
        Array([False, False,  True], bool[3])
    """
    return apply(Greater(), *operands(x, y))


def greater_equal(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x >= y``, element by element.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        A boolean array of the broadcast shape; False against nan.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> greater_equal([1, 2, 3], 2)
        Array([False,  True,  True], bool[3])
    """
    return apply(GreaterEqual(), *operands(x, y))


def isfinite(x: ArrayLike, /) -> Array:
    """Return whether each element is neither infinite nor nan.

    Args:
        x: An array or number.

    Returns:
        A boolean array of the same shape.

    Example:
        >>> isfinite([1.0, float("inf"), float("nan")])
        Array([ True, False, False], bool[3])
    """
    return apply(Isfinite(), lift(x))


def isinf(x: ArrayLike, /) -> Array:
    """Return whether each element is infinite, of either sign.

    Args:
        x: An array or number; a complex one is infinite where either part is.

    Returns:
        A boolean array of the same shape.

    Example:
        >>> isinf([1.0, float("-inf"), float("nan")])
        Array([False,  True, False], bool[3])
    """
    return apply(Isinf(), lift(x))


def isnan(x: ArrayLike, /) -> Array:
    """Return whether each element is nan.

    Args:
        x: An array or number; a complex one is nan where either part is.

    Returns:
        A boolean array of the same shape.

    Example:
        >>> isnan([1.0, float("inf"), float("nan")])
        Array([False, False,  True], bool[3])
    """
    return apply(Isnan(), lift(x))
