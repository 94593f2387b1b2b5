"""Sorting, and what rests on it: positions in a sorted array, distinct values."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from pullback.core import Array, ArrayLike, apply, constant, lift, operands
from pullback.primitives.gather import Gather
from pullback.primitives.shape import Reshape
from pullback.primitives.sorting import ArgSort, SearchSorted, Sort
from pullback.types import canonical_axis


def sort(
    x: ArrayLike,
    /,
    axis: int = -1,
    *,
    descending: bool = False,
    stable: bool = True,  # noqa: ARG001 - the Array API has it
) -> Array:
    """Return the elements in order along an axis.

    The derivative permutes as the elements were permuted; of equal elements the first in ``x``
    comes first.

    Args:
        x: An array of rank 1 or more. Complex numbers sort by real part, then imaginary part.
        axis: The axis to sort along.
        descending: Whether the greatest element comes first. nan is greater than any number.
        stable: Accepted for the Array API; sorting is always stable.

    Returns:
        An array of the shape and dtype of ``x``.

    Raises:
        ShapeError: The axis is out of range.

    Example:
        >>> sort([3.0, 1.0, 2.0])
        Array([1., 2., 3.], float64[3])
    """
    (array,) = operands(x)
    return apply(Sort(canonical_axis("sort", axis, array.ndim), descending), array)


def argsort(
    x: ArrayLike,
    /,
    axis: int = -1,
    *,
    descending: bool = False,
    stable: bool = True,  # noqa: ARG001 - the Array API has it
) -> Array:
    """Return the indices that sort along an axis; they have no derivative.

    Args:
        x: An array of rank 1 or more.
        axis: The axis to sort along.
        descending: Whether the index of the greatest element comes first.
        stable: Accepted for the Array API; equal elements always keep their order.

    Returns:
        An array of integers of the shape of ``x``.

    Raises:
        ShapeError: The axis is out of range.

    Example:
        >>> argsort([3.0, 1.0, 2.0])
        Array([1, 2, 0], int64[3])
    """
    (array,) = operands(x)
    return apply(ArgSort(canonical_axis("argsort", axis, array.ndim), descending), array)


def searchsorted(
    x1: ArrayLike,
    x2: ArrayLike,
    /,
    *,
    side: Literal["left", "right"] = "left",
    sorter: ArrayLike | None = None,
) -> Array:
    """Return where values would stand in a sorted array; the indices have no derivative.

    Args:
        x1: A sorted array of rank 1.
        x2: The values.
        side: "left" gives the first place where a value may stand, "right" the last.
        sorter: Indices that sort ``x1``, if it is not sorted.

    Returns:
        An array of integers from 0 to the size of ``x1``, of the shape of ``x2``.

    Raises:
        ShapeError: ``x1`` is not of rank 1.

    Example:
        >>> searchsorted([1.0, 2.0, 3.0], [0.5, 2.0, 9.0])
        Array([0, 1, 3], int64[3])
    """
    array, values = operands(x1, x2)
    if sorter is not None:
        array = apply(Gather((0,), 0), array, lift(sorter))
    return apply(SearchSorted(side), array, values)


class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: Array
    indices: Array
    inverse_indices: Array
    counts: Array


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: Array
    counts: Array


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: Array
    inverse_indices: Array


def unique_all(x: ArrayLike, /) -> UniqueAll:
    """Return the distinct values in order, and where and how often they occur.

    The values are those of the elements where they first occur, and have their derivative.

    Args:
        x: An array of known value; each nan is distinct.

    Returns:
        A named tuple: ``values``; ``indices``, where each first occurs in the flattened array;
        ``inverse_indices`` of the shape of ``x``, the place of each element among the values; and
        ``counts``.

    Raises:
        ConversionError: The value is not known, as while tracing.

    Example:
        >>> unique_all([3.0, 1.0, 3.0]).counts
        Array([1, 2], int64[2])
    """
    (array,) = operands(x)
    found = np.unique_all(array._shaping("unique(x)"))
    flat = apply(Reshape((array.size,)), array)
    indices = constant(found.indices)
    values = apply(Gather((0,), 0, unique=True), flat, indices)
    return UniqueAll(values, indices, constant(found.inverse_indices), constant(found.counts))


def unique_counts(x: ArrayLike, /) -> UniqueCounts:
    """Return the distinct values in order, and how often they occur.

    Args:
        x: An array of known value; each nan is distinct.

    Returns:
        A named tuple: ``values`` and ``counts``.

    Raises:
        ConversionError: The value is not known, as while tracing.

    Example:
        >>> unique_counts([3.0, 1.0, 3.0]).counts
        Array([1, 2], int64[2])
    """
    found = unique_all(x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: ArrayLike, /) -> UniqueInverse:
    """Return the distinct values in order, and the place of each element among them.

    Args:
        x: An array of known value; each nan is distinct.

    Returns:
        A named tuple: ``values``, and ``inverse_indices`` of the shape of ``x``, for which
        ``values[inverse_indices]`` is ``x``.

    Raises:
        ConversionError: The value is not known, as while tracing.

    Example:
        >>> unique_inverse([3.0, 1.0, 3.0]).inverse_indices
        Array([1, 0, 1], int64[3])
    """
    found = unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: ArrayLike, /) -> Array:
    """Return the distinct values in order.

    Args:
        x: An array of known value; each nan is distinct.

    Returns:
        An array of rank 1, of the dtype of ``x``.

    Raises:
        ConversionError: The value is not known, as while tracing.

    Example:
        >>> unique_values([3.0, 1.0, 3.0])
        Array([1., 3.], float64[2])
    """
    return unique_all(x).values
