"""Joining arrays, and taking them apart again along an axis."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from pullback.api.manipulation import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    expand_dims,
    ravel,
)
from pullback.core import Array, ArrayLike, apply, operands
from pullback.errors import ShapeError
from pullback.primitives.joining import concat_along, slots_along
from pullback.primitives.shape import Reshape
from pullback.primitives.slicing import Slice
from pullback.types import canonical_axis


def concat(arrays: Iterable[ArrayLike], /, axis: int | None = 0) -> Array:
    """Return the arrays joined one after another along an axis.

    Args:
        arrays: Arrays whose shapes agree but for that axis.
        axis: The axis; None flattens the arrays first.

    Returns:
        An array of the promoted dtype.

    Raises:
        ShapeError: There are no arrays, they have no axes, their shapes differ on another axis, or
            the axis is out of range.

    Example:
        >>> concat([[1.0, 2.0], [3.0]])
        Array([1., 2., 3.], float64[3])
    """
    parts = [operands(x)[0] for x in arrays]
    if axis is None:
        parts, axis = [ravel(x) for x in parts], 0
    elif rank := max((x.ndim for x in parts), default=0):
        axis = canonical_axis("concat", axis, rank)
    return apply(concat_along(axis, [x.shape for x in parts]), *parts)


def stack(arrays: Iterable[ArrayLike], /, axis: int = 0) -> Array:
    """Return the arrays joined along a new axis.

    Args:
        arrays: Arrays or numbers of one shape.
        axis: Where the new axis stands in the result.

    Returns:
        An array of one more axis and the promoted dtype.

    Raises:
        ShapeError: There are no arrays, their shapes differ, or the axis is out of range.

    Example:
        >>> stack([[1.0, 2.0], [3.0, 4.0]], axis=1)
        Array([[1., 3.],
               [2., 4.]], float64[2, 2])
    """
    parts = [operands(x)[0] for x in arrays]
    if not parts:
        msg = "stack: no arrays were given; at least one is needed"
        raise ShapeError(msg)
    first = parts[0].shape
    for i, x in enumerate(parts):
        if x.shape != first:
            msg = f"stack: shapes differ: {first} of array 0 and {x.shape} of array {i}"
            raise ShapeError(msg)
    along = canonical_axis("stack", axis, len(first) + 1)
    shape = (*first[:along], 1, *first[along:])
    return apply(
        concat_along(along, [shape] * len(parts)), *(apply(Reshape(shape), x) for x in parts)
    )


def hstack(arrays: Iterable[ArrayLike], /) -> Array:
    """Return the arrays joined side by side: along the second axis, vectors along their only one.

    Args:
        arrays: Arrays or numbers; a number counts as a vector of one element.

    Returns:
        An array of the promoted dtype.

    Raises:
        ShapeError: There are no arrays, or their shapes differ on another axis.

    Example:
        >>> hstack([[1.0, 2.0], 3.0])
        Array([1., 2., 3.], float64[3])
    """
    parts = [atleast_1d(x) for x in arrays]
    return concat(parts, axis=1 if parts and parts[0].ndim > 1 else 0)


def vstack(arrays: Iterable[ArrayLike], /) -> Array:
    """Return the arrays joined one below the other: along the first axis, vectors being rows.

    Args:
        arrays: Arrays or numbers.

    Returns:
        An array of the promoted dtype.

    Raises:
        ShapeError: There are no arrays, or their shapes differ on another axis.

    Example:
        >>> vstack([[1.0, 2.0], [3.0, 4.0]])
        Array([[1., 2.],
               [3., 4.]], float64[2, 2])
    """
    return concat([atleast_2d(x) for x in arrays])


def dstack(arrays: Iterable[ArrayLike], /) -> Array:
    """Return the arrays joined in depth: along the third axis, which vectors and matrices gain.

    Args:
        arrays: Arrays or numbers.

    Returns:
        An array of the promoted dtype.

    Raises:
        ShapeError: There are no arrays, or their shapes differ on another axis.

    Example:
        >>> dstack([[1.0, 2.0], [3.0, 4.0]])
        Array([[[1., 3.],
                [2., 4.]]], float64[1, 2, 2])
    """
    return concat([atleast_3d(x) for x in arrays], axis=2)


def column_stack(arrays: Iterable[ArrayLike], /) -> Array:
    """Return the arrays joined side by side, vectors being columns.

    Args:
        arrays: Vectors and matrices of equal length.

    Returns:
        A matrix of the promoted dtype.

    Raises:
        ShapeError: There are no arrays, or their lengths differ.

    Example:
        >>> column_stack([[1.0, 2.0], [3.0, 4.0]])
        Array([[1., 3.],
               [2., 4.]], float64[2, 2])
    """
    parts = [atleast_1d(x) for x in arrays]
    return concat([x if x.ndim > 1 else expand_dims(x, 1) for x in parts], axis=1)


def split(x: ArrayLike, /, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Array]:
    """Return the parts of an array along an axis: equal parts, or parts between given indices.

    Args:
        x: An array.
        indices_or_sections: The number of parts, which divides the size along the axis; or the
            indices where a new part begins, increasing.
        axis: The axis.

    Returns:
        A list of arrays.

    Raises:
        ShapeError: The number does not divide the size, or the axis is out of range.

    Example:
        >>> split([1.0, 2.0, 3.0, 4.0], [1, 3])
        [Array([1.], float64[1]), Array([2., 3.], float64[2]), Array([4.], float64[1])]
    """
    (x,) = operands(x)
    along = canonical_axis("split", axis, x.ndim)
    if isinstance(indices_or_sections, (int, np.integer)):
        size = x.shape[along]
        if indices_or_sections < 1 or size % indices_or_sections:
            msg = (
                f"split: {indices_or_sections} parts of equal size from axis {along} of size "
                f"{size}, shape {x.shape}; array_split makes parts of unequal size"
            )
            raise ShapeError(msg)
    return array_split(x, indices_or_sections, along)


def array_split(
    x: ArrayLike, /, indices_or_sections: int | Sequence[int], axis: int = 0
) -> list[Array]:
    """Return the parts of an array along an axis, the first ones longer by one where need be.

    Args:
        x: An array.
        indices_or_sections: The number of parts; or the indices where a new part begins.
        axis: The axis.

    Returns:
        A list of arrays.

    Raises:
        ShapeError: The number of parts is not positive, or the axis is out of range.

    Example:
        >>> array_split([1.0, 2.0, 3.0], 2)
        [Array([1., 2.], float64[2]), Array([3.], float64[1])]
    """
    (x,) = operands(x)
    along = canonical_axis("array_split", axis, x.ndim)
    size = x.shape[along]
    if isinstance(indices_or_sections, (int, np.integer)):
        if indices_or_sections < 1:
            msg = f"array_split: the number of parts is positive, not {indices_or_sections}"
            raise ShapeError(msg)
        least, longer = divmod(size, int(indices_or_sections))
        bounds = [i * least + min(i, longer) for i in range(int(indices_or_sections) + 1)]
    else:
        inner = (slice(operator.index(i)).indices(size)[1] for i in indices_or_sections)
        bounds = [0, *inner, size]
    return [between(x, along, i, max(i, j)) for i, j in pairwise(bounds)]


def unstack(x: ArrayLike, /, *, axis: int = 0) -> tuple[Array, ...]:
    """Return the arrays that `stack` joined along an axis.

    Args:
        x: An array of rank 1 or more.
        axis: The axis to take apart.

    Returns:
        As many arrays as the size along the axis, each without it.

    Raises:
        ShapeError: The axis is out of range.

    Example:
        >>> unstack([[1.0, 2.0], [3.0, 4.0]])
        (Array([1., 2.], float64[2]), Array([3., 4.], float64[2]))
    """
    (x,) = operands(x)
    along = canonical_axis("unstack", axis, x.ndim)
    front, back = x.shape[:along], x.shape[along + 1 :]
    before, after = (tuple(slice(0, n, 1) for n in sizes) for sizes in (front, back))
    return tuple(apply(Slice((*before, i, *after)), x) for i in range(x.shape[along]))


def between(x: Array, axis: int, start: int, stop: int) -> Array:
    """Return the elements from ``start`` up to ``stop`` along an axis."""
    return apply(Slice(slots_along(x.shape, axis, start, stop)), x)
