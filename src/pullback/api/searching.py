"""Where an array is not zero. The number of such places decides the shape: values must be known."""

from __future__ import annotations

import numpy as np

from pullback.core import Array, ArrayLike, constant, operands
from pullback.errors import ShapeError
from pullback.primitives.quantity import Value


def nonzero(x: ArrayLike, /) -> tuple[Array, ...]:
    """Return the indices of the elements that are not zero; they have no derivative.

    Args:
        x: An array of rank 1 or more, of known value.

    Returns:
        An array of integers for each axis; together they index the elements in row-major order.

    Raises:
        ShapeError: ``x`` has rank 0.
        ConversionError: The value is not known, as while tracing.

    Example:
        >>> nonzero([[0.0, 2.0], [3.0, 0.0]])
        (Array([0, 1], int64[2]), Array([1, 0], int64[2]))
    """
    return tuple(constant(index) for index in np.nonzero(_value("nonzero(x)", x)))


def flatnonzero(x: ArrayLike, /) -> Array:
    """Return the row-major positions of the elements that are not zero; they have no derivative.

    Args:
        x: An array of known value.

    Returns:
        An array of integers of rank 1.

    Raises:
        ConversionError: The value is not known, as while tracing.

    Example:
        >>> flatnonzero([[0.0, 2.0], [3.0, 0.0]])
        Array([1, 2], int64[2])
    """
    return constant(np.flatnonzero(operands(x)[0]._shaping("flatnonzero(x)")))


def argwhere(x: ArrayLike, /) -> Array:
    """Return the indices of the elements that are not zero, a row for each; without derivative.

    Args:
        x: An array of rank 1 or more, of known value.

    Returns:
        An array of integers of shape ``(how many, x.ndim)``, in row-major order.

    Raises:
        ShapeError: ``x`` has rank 0.
        ConversionError: The value is not known, as while tracing.

    Example:
        >>> argwhere([[0.0, 2.0], [3.0, 0.0]])
        Array([[0, 1],
               [1, 0]], int64[2, 2])
    """
    return constant(np.argwhere(_value("argwhere(x)", x)))


def _value(operation: str, x: ArrayLike) -> Value:
    """Return the value of an array of rank 1 or more."""
    (array,) = operands(x)
    if not array.shape:
        msg = f"{operation}: an array of rank 0 has no indices; reshape it to (1,) first"
        raise ShapeError(msg)
    return array._shaping(operation)
