"""The steps of a selection: taking it out of an array, and putting values in its place."""

from __future__ import annotations

from pullback.api.index_key import Selection
from pullback.core import Array, apply
from pullback.errors import IndexingError
from pullback.primitives.gather import Gather, ScatterAdd, out_of_range, selected_shape
from pullback.primitives.primitive import Primitive
from pullback.primitives.scatter import ScatterSet
from pullback.primitives.shape import Reshape
from pullback.primitives.slicing import PadSlice, Slice, SliceSet, sliced_shape


def taken(operation: str, array: Array, selection: Selection) -> Array:
    """Return the selected elements.

    Raises:
        IndexingError: An index is out of range; ``operation`` begins the text.
    """
    part = inner_part(array, selection)
    if selection.gather is not None:
        part = at_indices(operation, array, selection, selection.gather, part)
    return reshaped(part, selection.shape)


def replaced(operation: str, array: Array, selection: Selection, values: Array) -> Array:
    """Return the array with the selected elements replaced by ``values``, of the selected shape."""
    gather = selection.gather
    if gather is None:
        return inner_replaced(array, selection, values)
    inner = inner_part(array, selection)
    values = reshaped(values, gathered_shape(selection, gather))
    inner = at_indices(operation, array, selection, ScatterSet(gather), inner, values)
    return inner_replaced(array, selection, inner)


def placed(operation: str, array: Array, selection: Selection, values: Array) -> Array:
    """Return ``values`` added up where they are selected, among zeros; the adjoint of `taken`."""
    gather = selection.gather
    if gather is not None:
        values = reshaped(values, gathered_shape(selection, gather))
        add = ScatterAdd(selection.inner, gather)
        values = at_indices(operation, array, selection, add, values)
    if selection.slots is None:
        return reshaped(values, array.shape)
    part = reshaped(values, sliced_shape(operation, selection.slots, array.shape))
    return apply(PadSlice(array.shape, selection.slots), part)


def inner_part(array: Array, selection: Selection) -> Array:
    """Return what the index arrays select from."""
    if selection.slots is not None:
        array = apply(Slice(selection.slots), array)
    return reshaped(array, selection.inner)


def inner_replaced(array: Array, selection: Selection, part: Array) -> Array:
    """Return the array with `inner_part` replaced."""
    slots = selection.slots
    if slots is None:
        return reshaped(part, array.shape)
    part = reshaped(part, sliced_shape("x.at[key]", slots, array.shape))
    return apply(SliceSet(slots), array, part)


def gathered_shape(selection: Selection, gather: Gather) -> tuple[int, ...]:
    """Return the shape of what the index arrays select, which may yet lack new axes."""
    types = [index.array.type for index in selection.indices]
    return selected_shape("x.at[key]", selection.inner, gather, types)


def at_indices(
    operation: str, array: Array, selection: Selection, primitive: Primitive, *values: Array
) -> Array:
    """Apply a primitive to ``values`` and the index arrays of a selection from ``array``.

    Raises:
        IndexingError: An index is out of range; the text names the axis of ``array``.
    """
    try:
        return apply(primitive, *values, *[index.array for index in selection.indices])
    except IndexingError:
        given = [(i.origin, i.array._value) for i in selection.indices if i.origin is not None]
        axes, indices = tuple(a for a, _ in given), [i for _, i in given]
        raise out_of_range(operation, array.shape, axes, indices) from None


def reshaped(array: Array, shape: tuple[int, ...]) -> Array:
    """Return the array in another shape; the array itself where it has that shape."""
    return array if array.shape == shape else apply(Reshape(shape), array)
