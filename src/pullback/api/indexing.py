"""Selecting elements by index: ``x[key]``, and the functions that take an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from pullback.api.index_key import plain_slots, select
from pullback.api.index_steps import placed, reshaped, taken
from pullback.api.index_values import fitted
from pullback.core import Array, ArrayLike, apply, constant, lift, operands
from pullback.errors import DTypeError, IndexingError, ShapeError
from pullback.primitives.arithmetic import Add
from pullback.primitives.extremum import Maximum, Minimum
from pullback.primitives.gather import Gather, grids, out_of_range
from pullback.primitives.primitive import Primitive
from pullback.primitives.rounding import Remainder
from pullback.primitives.scatter import ScatterSet
from pullback.primitives.slicing import Slice
from pullback.types import canonical_axis


def getitem(x: ArrayLike, key: object, /) -> Array:
    """Return ``x[key]``, for every key that NumPy takes.

    An element that is selected several times has the sum of the cotangents.

    Args:
        x: An array.
        key: Integers, slices, ``None``, ``...``, boolean masks, integer arrays or lists of
            integers, and tuples that mix them.

    Returns:
        The selected elements, in the shape that NumPy gives them.

    Raises:
        IndexingError: An index is out of range, or not of a kind that can index ``x``.
        ConversionError: The value of a mask is not known, as while tracing.

    Example:
        >>> getitem([[1.0, 2.0], [3.0, 4.0]], ([0, 1, 1], 0))
        Array([1., 3., 3.], float64[3])
    """
    array = x if isinstance(x, Array) else lift(x)
    slots = plain_slots(key, array.shape)
    if slots is not None:
        return apply(Slice(slots), array)
    return taken("x[key]", array, select(key, array.shape))


def take(
    x: ArrayLike,
    indices: ArrayLike,
    /,
    axis: int | None = None,
    *,
    mode: Literal["raise", "clip", "wrap"] = "raise",
) -> Array:
    """Return the elements at integer indices along an axis.

    Args:
        x: An array.
        indices: Integers, of any shape; a negative one counts from the end.
        axis: The axis; None flattens ``x``.
        mode: What an index out of range does: "raise" is an error, "clip" selects the first or
            last element, "wrap" takes the remainder by the size of the axis.

    Returns:
        An array of shape ``x.shape[:axis] + indices.shape + x.shape[axis + 1:]``.

    Raises:
        IndexingError: An index is out of range.
        DTypeError: The indices are not integers.
        ShapeError: The axis is out of range.

    Example:
        >>> take([[1.0, 2.0], [3.0, 4.0]], [1, 1, 0], axis=1)
        Array([[2., 2., 1.],
               [4., 4., 3.]], float64[2, 3])
    """
    (array,) = operands(x)
    if axis is None:
        array, axis = reshaped(array, (array.size,)), 0
    along = canonical_axis("take", axis, array.ndim)
    index = _integers("take", indices)
    n = array.shape[along]
    if mode == "wrap":
        index = apply(Remainder(), index, constant(n))
    elif mode == "clip":
        index = apply(Minimum(), apply(Maximum(), index, constant(0)), constant(n - 1))
    selection = select((slice(None),) * along + (index,), array.shape, exact=False)
    return taken("take", array, selection)


def take_along_axis(x: ArrayLike, indices: ArrayLike, /, axis: int = -1) -> Array:
    """Return the elements at indices along an axis, at each position of the other axes.

    With ``indices = argsort(x, axis=axis)`` it sorts.

    Args:
        x: An array.
        indices: Integers, of the rank of ``x``; the other axes broadcast.
        axis: The axis that the indices count along.

    Returns:
        An array of the shape of the indices, with the other axes broadcast.

    Raises:
        IndexingError: An index is out of range.
        DTypeError: The indices are not integers.
        ShapeError: The ranks differ, the axis is out of range, or the shapes do not broadcast.

    Example:
        >>> take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=1)
        Array([[2.],
               [3.]], float64[2, 1])
    """
    array, arrays, along = _along("take_along_axis", x, indices, axis)
    gather = Gather(tuple(range(array.ndim)), 0)
    return _applied("take_along_axis", gather, (array,), arrays, along)


def put_along_axis(x: ArrayLike, indices: ArrayLike, values: ArrayLike, /, axis: int = -1) -> Array:
    """Return ``x`` with the elements that `take_along_axis` selects replaced.

    Args:
        x: An array.
        indices: Integers, of the rank of ``x``; the other axes broadcast.
        values: The new values, which broadcast to the shape of the selection; of several for one
            element the last stays.
        axis: The axis that the indices count along.

    Returns:
        An array of the shape and dtype of ``x``.

    Raises:
        IndexingError: An index is out of range.
        DTypeError: The indices are not integers, or the values do not fit the dtype of ``x``.
        ShapeError: The ranks differ, the axis is out of range, or the shapes do not broadcast.

    Example:
        >>> put_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], 9.0, axis=1)
        Array([[1., 9.],
               [9., 4.]], float64[2, 2])
    """
    array, arrays, along = _along("put_along_axis", x, indices, axis)
    gather = Gather(tuple(range(array.ndim)), 0)
    shape = gather.infer(array.type, *[index.type for index in arrays]).shape
    new = fitted("put_along_axis", values, array.dtype, shape)
    return _applied("put_along_axis", ScatterSet(gather), (array, new), arrays, along)


def scatter_add(x: ArrayLike, indices: ArrayLike, values: ArrayLike, /, axis: int = 0) -> Array:
    """Return ``x`` with values added at integer indices along an axis: the adjoint of `take`.

    Every value is added, also where an index occurs several times.

    Args:
        x: An array.
        indices: Integers, of any shape; a negative one counts from the end.
        values: The values, which broadcast to ``take(x, indices, axis).shape``.
        axis: The axis.

    Returns:
        An array of the shape and dtype of ``x``.

    Raises:
        IndexingError: An index is out of range.
        DTypeError: The indices are not integers, or the values do not fit the dtype of ``x``.
        ShapeError: The axis is out of range, or the values do not broadcast.

    Example:
        >>> scatter_add([0.0, 0.0, 0.0], [0, 2, 2], [1.0, 2.0, 3.0])
        Array([1., 0., 5.], float64[3])
    """
    (array,) = operands(x)
    along = canonical_axis("scatter_add", axis, array.ndim)
    index = _integers("scatter_add", indices)
    selection = select((slice(None),) * along + (index,), array.shape, exact=False)
    new = fitted("scatter_add", values, array.dtype, selection.shape)
    return apply(Add(), array, placed("scatter_add", array, selection, new))


def _integers(operation: str, indices: ArrayLike) -> Array:
    """Return indices as an array of integers."""
    (array,) = operands(indices)
    if array.dtype.kind not in "iu":
        if array.shape == (0,) and not array.sources:  # an empty list
            return constant(np.empty(0, np.intp))
        msg = f"{operation}: indices are integers, not {array.dtype}"
        raise DTypeError(msg)
    return array


def _along(
    operation: str, x: ArrayLike, indices: ArrayLike, axis: int
) -> tuple[Array, list[Array], int]:
    """Return the array, the index arrays for all its axes, and the axis from the front."""
    (array,) = operands(x)
    along = canonical_axis(operation, axis, array.ndim)
    index = _integers(operation, indices)
    if index.ndim != array.ndim:
        msg = (
            f"{operation}: indices of shape {index.shape} for an array of shape {array.shape}: "
            "they need the same number of axes"
        )
        raise ShapeError(msg)
    before, after = grids(array.shape, along)
    return array, [*map(lift, before), index, *map(lift, after)], along


def _applied(
    operation: str, primitive: Primitive, values: Sequence[Array], indices: list[Array], axis: int
) -> Array:
    """Apply a primitive to values, the first of which is indexed, and to the index arrays."""
    try:
        return apply(primitive, *values, *indices)
    except IndexingError:
        shape = values[0].shape
        raise out_of_range(operation, shape, (axis,), [indices[axis]._value]) from None
