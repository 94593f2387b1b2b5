"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pullback.api.reductions import sum
from pullback.core import Array, ArrayLike, apply, constant, operands
from pullback.errors import ShapeError
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.selection import Where
from pullback.types import canonical_axes

if TYPE_CHECKING:
    import numpy.typing as npt


def tril(x: ArrayLike, /, k: int = 0) -> Array:
    """Return the lower triangle of each matrix, with zeros above.

    Args:
        x: An array of rank 2 or more: matrices in its last two axes.
        k: The highest diagonal that stays: 0 the main one, 1 the one above it, -1 below it.

    Returns:
        An array of the type of ``x``.

    Raises:
        ShapeError: The rank is less than 2.

    Example:
        >>> tril([[1.0, 2.0], [3.0, 4.0]])
        Array([[1., 0.],
               [3., 4.]], float64[2, 2])
    """
    (x,) = operands(x)
    below = np.tri(*_matrix_shape("tril", x), k=k, dtype=np.bool_)
    return apply(Where(), constant(below), x, constant(x.dtype.type(0)))


def triu(x: ArrayLike, /, k: int = 0) -> Array:
    """Return the upper triangle of each matrix, with zeros below.

    Args:
        x: An array of rank 2 or more: matrices in its last two axes.
        k: The lowest diagonal that stays: 0 the main one, 1 the one above it, -1 below it.

    Returns:
        An array of the type of ``x``.

    Raises:
        ShapeError: The rank is less than 2.

    Example:
        >>> triu([[1.0, 2.0], [3.0, 4.0]])
        Array([[1., 2.],
               [0., 4.]], float64[2, 2])
    """
    (x,) = operands(x)
    below = np.tri(*_matrix_shape("triu", x), k=k - 1, dtype=np.bool_)
    return apply(Where(), constant(below), constant(x.dtype.type(0)), x)


def diagonal(x: ArrayLike, /, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Return the diagonal of the matrices in two axes.

    Args:
        x: An array of rank 2 or more.
        offset: Which diagonal: 0 the main one, positive above, negative below.
        axis1: The axis of the rows.
        axis2: The axis of the columns.

    Returns:
        An array without the two axes, and with the diagonal as its last one.

    Raises:
        ShapeError: The axes are equal or out of range.

    Example:
        >>> diagonal([[1.0, 2.0], [3.0, 4.0]])
        Array([1., 4.], float64[2])
    """
    (x,) = operands(x)
    _matrix_shape("diagonal", x)
    i, j = canonical_axes("diagonal", (axis1, axis2), x.ndim)
    size = min(x.shape[i] + min(offset, 0), x.shape[j] - max(offset, 0))
    along = np.arange(max(size, 0))
    pairs = sorted([(i, along - min(offset, 0)), (j, along + max(offset, 0))], key=lambda p: p[0])
    gather = Gather(tuple(axis for axis, _ in pairs), x.ndim - 2, unique=True)
    return apply(gather, x, *(constant(places) for _, places in pairs))


def diag(x: ArrayLike, /, k: int = 0) -> Array:
    """Return the diagonal of a matrix; or of a vector, the matrix that has it as a diagonal.

    Args:
        x: A matrix or a vector.
        k: Which diagonal: 0 the main one, positive above, negative below.

    Returns:
        A vector or a matrix.

    Raises:
        ShapeError: ``x`` is neither a matrix nor a vector.

    Example:
        >>> diag([1.0, 2.0])
        Array([[1., 0.],
               [0., 2.]], float64[2, 2])
    """
    (x,) = operands(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        msg = f"diag: shape {x.shape} is neither that of a matrix nor of a vector"
        raise ShapeError(msg)
    size, along = x.shape[0] + abs(k), np.arange(x.shape[0])
    places = constant(along - min(k, 0)), constant(along + max(k, 0))
    return apply(ScatterAdd((size, size), Gather((0, 1), 0, unique=True)), x, *places)


def trace(
    x: ArrayLike,
    /,
    offset: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: npt.DTypeLike | None = None,
) -> Array:
    """Return the sum along the diagonal of the matrices in two axes.

    Args:
        x: An array of rank 2 or more.
        offset: Which diagonal: 0 the main one, positive above, negative below.
        axis1: The axis of the rows.
        axis2: The axis of the columns.
        dtype: The dtype to sum in and to return; see `sum`.

    Returns:
        An array without the two axes.

    Raises:
        ShapeError: The axes are equal or out of range.

    Example:
        >>> trace([[1.0, 2.0], [3.0, 4.0]])
        Array(5., float64[])
    """
    return sum(diagonal(x, offset, axis1, axis2), -1, dtype)


def _matrix_shape(operation: str, x: Array) -> tuple[int, int]:
    """Return the sizes of the last two axes."""
    if x.ndim < 2:
        msg = f"{operation}: shape {x.shape} is no matrix; it needs two axes at least"
        raise ShapeError(msg)
    return x.shape[-2], x.shape[-1]
