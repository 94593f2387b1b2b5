"""What an index key selects: NumPy's keys, read into the steps that primitives take.

A key is integers, slices, ``None``, an ellipsis, boolean masks and integer arrays in any mixture.
Every selection is the same four steps (`pullback.api.index_steps`), of which most keys need few:

    Slice the integers and slices; Reshape, merging the axes that a mask spans;
    Gather with the index arrays; Reshape, inserting the new axes
"""

from __future__ import annotations

import math
import operator
from types import EllipsisType
from typing import TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.core import Array, constant, lift
from pullback.errors import ConversionError, DTypeError, IndexingError, ShapeError
from pullback.primitives.gather import Gather
from pullback.primitives.slicing import Slot, Slots
from pullback.types import broadcast_shapes

#: An entry of a key: an `Array` is of integers that are no single known number.
_Entry: TypeAlias = "int | slice | EllipsisType | Array | _Mask | None"


@final
@frozen(eq=False, repr=False)
class _Mask:
    """A boolean mask."""

    shape: tuple[int, ...]
    #: The row-major positions where it is true. A mask of rank 0 has the position 0, of a new
    #: axis of size 1, or none.
    positions: Array


@final
@frozen(eq=False, repr=False)
class Index:
    """An index array of a selection."""

    array: Array
    #: The axis of the selection's `inner` shape that it selects along.
    axis: int
    #: The axis of the user's array; None for what came from a mask, which selects nothing twice
    #: and is never out of range.
    origin: int | None


@final
@frozen(eq=False, repr=False)
class Selection:
    """What a key selects from an array of a given shape."""

    #: The integers and slices; None where they select everything.
    slots: Slots | None
    #: The shape that the index arrays select from: what the slots leave, with the axes that one
    #: mask spans merged.
    inner: tuple[int, ...]
    indices: tuple[Index, ...]
    #: What the index arrays select; None without any.
    gather: Gather | None
    #: The shape of what is selected.
    shape: tuple[int, ...]


def plain_slots(key: object, shape: tuple[int, ...]) -> Slots | None:
    """Return the slots of a key that holds only integers and slices; None of any other.

    Raises:
        IndexingError: An integer is out of range, or a slice has a bound that is no integer.
    """
    entries = key if type(key) is tuple else (key,)
    if not 0 < len(entries) <= len(shape):
        return None
    slots: list[Slot] = []
    for entry, n in zip(entries, shape, strict=False):
        if type(entry) is int:
            slots.append(_checked(entry, len(slots), n))
        elif type(entry) is slice:
            slots.append(_canonical(entry, n))
        elif isinstance(entry, np.integer):
            slots.append(_checked(int(entry), len(slots), n))
        else:
            return None
    if len(slots) < len(shape):
        slots.extend([slice(0, n, 1) for n in shape[len(slots) :]])
    return tuple(slots)


def select(key: object, shape: tuple[int, ...], *, exact: bool = True) -> Selection:
    """Return what ``key`` selects from an array of the given shape.

    Args:
        key: Any key that NumPy takes.
        shape: The array's shape.
        exact: Whether an integer out of range is an error; else it is read as an index array,
            whose values are not looked at.

    Raises:
        IndexingError: The key is not of a kind that can index an array of that shape.
        ConversionError: The value of a mask is not known.
    """
    entries = _entries(key, shape)
    if not exact:
        entries = [constant(np.intp(e)) if isinstance(e, int) else e for e in entries]
    advanced = any(type(entry) is Array or type(entry) is _Mask for entry in entries)
    slots: list[Slot] = []
    inner: list[int] = []
    shown: list[int] = []  # the axes of the result, other than those of index arrays
    indices: list[Index] = []
    # NumPy's rule: the axes of index arrays stand where the first index is, integers included, or
    # in front if a slice, an ellipsis or a new axis parts the indices.
    place: tuple[int, int] | None = None
    ended = parted = False
    for entry in entries:
        if entry is None or entry is Ellipsis or type(entry) is slice or not advanced:
            ended = place is not None
        else:
            place = place or (len(inner) - len(indices), len(shown))
            parted |= ended
        axis = len(slots)
        if entry is None:
            shown.append(1)
        elif type(entry) is int:
            slots.append(_checked(entry, axis, shape[axis]))
        elif type(entry) is slice:
            slot = _canonical(entry, shape[axis])
            slots.append(slot)
            inner.append(len(range(*slot.indices(shape[axis]))))
            shown.append(inner[-1])
        elif type(entry) is Array:
            indices.append(Index(entry, len(inner), axis))
            slots.append(slice(0, shape[axis], 1))
            inner.append(shape[axis])
        elif type(entry) is _Mask:
            spanned = shape[axis : axis + len(entry.shape)]
            if spanned != entry.shape:
                raise _misfit(entry.shape, axis, shape)
            indices.append(Index(entry.positions, len(inner), None))
            slots.extend([slice(0, n, 1) for n in spanned])
            inner.append(math.prod(spanned))
    position, before = (0, 0) if parted or place is None else place
    gather, block = _gather(indices, position)
    return Selection(
        slots=None if slots == [slice(0, n, 1) for n in shape] else tuple(slots),
        inner=tuple(inner),
        indices=tuple(indices),
        gather=gather,
        shape=(*shown[:before], *block, *shown[before:]),
    )


def _gather(indices: list[Index], position: int) -> tuple[Gather | None, tuple[int, ...]]:
    """Return what index arrays select, and the shape to which they broadcast."""
    if not indices:
        return None, ()
    shapes = [index.array.shape for index in indices]
    try:
        block = broadcast_shapes("x[key]", shapes) if len(shapes) > 1 else shapes[0]
    except ShapeError as error:
        raise IndexingError(str(error)) from None
    unique = math.prod(block) <= 1 or any(
        i.origin is None and i.array.shape == block for i in indices
    )
    return Gather(tuple([index.axis for index in indices]), position, unique), block


def _entry(entry: object) -> _Entry:
    """Return an entry of the key, with everything array-like as an integer or an `Array`."""
    if entry is None or entry is Ellipsis or type(entry) is slice or type(entry) is int:
        return entry
    try:
        array = lift(entry)
    except DTypeError as error:
        raise _not_a_key(type(entry).__name__) from error
    dtype = array.dtype
    if dtype.kind == "b":
        return _mask(array)
    if dtype.kind in "iu":
        return array if array.shape or not array.known else operator.index(array)
    if array.shape == (0,) and isinstance(entry, (list, tuple)):
        return constant(np.empty(0, np.intp))
    kind = f"{dtype} array"
    raise _not_a_key(kind)


def _not_a_key(kind: str) -> IndexingError:
    """Return the error that says what a key may be made of."""
    return IndexingError(
        f"x[key]: a {kind} cannot index; a key is made of integers, slices, None, ..., "
        "boolean masks, and integer arrays"
    )


def _entries(key: object, shape: tuple[int, ...]) -> list[_Entry]:
    """Return the entries of a key, with a slice for each axis that it leaves out.

    Those follow the ellipsis, which stays: even with none it stands between its neighbours.
    """
    entries = [_entry(e) for e in key] if isinstance(key, tuple) else [_entry(key)]
    consumed = 0
    dots: list[int] = []
    for i, entry in enumerate(entries):
        if entry is Ellipsis:
            dots.append(i)
        elif type(entry) is _Mask:
            consumed += len(entry.shape)
        elif entry is not None:
            consumed += 1
    if consumed > len(shape):
        msg = f"x[key]: {consumed} indices for an array of {len(shape)} axes, shape {shape}"
        raise IndexingError(msg)
    if len(dots) > 1:
        msg = "x[key]: an ellipsis stands twice in the key; it may stand once"
        raise IndexingError(msg)
    place = dots[0] + 1 if dots else len(entries)
    fill: list[_Entry] = [slice(None)] * (len(shape) - consumed)
    return entries[:place] + fill + entries[place:]


def _mask(array: Array) -> _Mask:
    """Return a boolean array as a mask."""
    return _Mask(array.shape, constant(np.flatnonzero(array._shaping("x[mask]"))))


def _misfit(mask: tuple[int, ...], axis: int, shape: tuple[int, ...]) -> IndexingError:
    """Return the error that names a mask's shape and that of the axes it should span."""
    spanned = shape[axis : axis + len(mask)]
    return IndexingError(
        f"x[mask]: a mask of shape {mask} does not fit {spanned}, "
        f"the sizes of the axes from {axis} on in shape {shape}"
    )


def _checked(index: int, axis: int, n: int) -> int:
    """Return an index counted from the front."""
    if not -n <= index < n:
        msg = f"x[key]: index {index} is out of range for axis {axis} of size {n}"
        raise IndexingError(msg)
    return index if index >= 0 else index + n


def _canonical(key: slice, n: int) -> slice[int, int | None, int]:
    """Return a slice of an axis of size ``n`` as `Slots` have them."""
    try:
        start, stop, step = key.indices(n)
    except ConversionError:
        raise
    except (TypeError, ValueError) as error:  # a bound of another kind; a step of zero
        msg = f"x[key]: {key}: {error}"
        raise IndexingError(msg) from None
    if step > 0:
        return slice(start, stop, step)
    if start < 0:
        return slice(0, 0, 1)  # nothing: it starts before the front and goes on from there
    return slice(start, None if stop < 0 else stop, step)
