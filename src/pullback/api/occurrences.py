"""Updates at indices of which some may occur several times: one occurrence of each at a time.

What is meant is NumPy's ``ufunc.at``: ``x[i] = f(x[i], v[k])`` for each occurrence ``k`` of ``i``,
in order. The elements are sorted by how often they occur, so each round works on the first few of
them, and all rounds together on as many elements as there are occurrences.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from attrs import evolve

from pullback.api.index_key import Selection
from pullback.api.index_steps import gathered_shape, inner_part, inner_replaced, reshaped
from pullback.core import Array, apply, constant
from pullback.primitives.gather import Gather, flat_positions
from pullback.primitives.joining import concat_along, slots_along
from pullback.primitives.quantity import Value
from pullback.primitives.scatter import ScatterSet
from pullback.primitives.shape import Transpose
from pullback.primitives.slicing import Slice

_TWICE: Final = (
    "whether an index occurs twice decides the result; where none does, replace the elements by "
    "set(...)"
)

#: A function of elements and, where there are any, of as many values.
Combine = Callable[..., Array]


def without_repeats(operation: str, selection: Selection) -> Selection | None:
    """Return the selection, marked as selecting nothing twice; None if it does.

    Raises:
        ConversionError: An index array is not known.
    """
    gather = selection.gather
    if gather is None or gather.unique:
        return selection
    if np.bincount(_positions(operation, selection, gather)).max() > 1:
        return None
    return evolve(selection, gather=evolve(gather, unique=True))


def updated_in_turn(
    operation: str, array: Array, selection: Selection, combine: Combine, values: Sequence[Array]
) -> Array:
    """Return the array with each selected element combined with its values, one after another.

    Args:
        operation: What an error is to be called by.
        array: The array.
        selection: A selection by index arrays.
        combine: What makes an element, and the value of one occurrence, the new element.
        values: The values, of the selected shape; or nothing, for a function of the element alone.
    """
    gather = selection.gather
    assert gather is not None, "only index arrays select an element twice"
    positions = _positions(operation, selection, gather)
    order = np.argsort(positions, kind="stable")
    ordered = positions[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.diff(starts, append=ordered.size)
    often = np.argsort(-counts, kind="stable")
    starts, counts = starts[often], counts[often]

    sizes = [selection.inner[axis] for axis in gather.axes]
    targets = [constant(index) for index in np.unravel_index(ordered[starts], sizes)]
    at = Gather(gather.axes, 0, unique=True)
    rows = Gather((0,), 0, unique=True)
    inner = inner_part(array, selection)
    current = apply(at, inner, *targets)
    pending = [_occurrences_first(v, selection, gather) for v in values]
    finished: list[Array] = []
    for turn in range(counts[0]):
        live = int(np.count_nonzero(counts > turn))
        if live < current.shape[0]:
            finished.append(_stretch(current, live, current.shape[0]))
            current = _stretch(current, 0, live)
        which = constant(order[starts[:live] + turn])
        current = combine(current, *[apply(rows, v, which) for v in pending])
    finished.append(current)
    new = apply(concat_along(0, [a.shape for a in reversed(finished)]), *reversed(finished))
    return inner_replaced(array, selection, apply(ScatterSet(at), inner, new, *targets))


def _positions(operation: str, selection: Selection, gather: Gather) -> Value:
    """Return, for each occurrence, the number of the place that the index arrays select."""
    sizes = tuple([selection.inner[axis] for axis in gather.axes])
    at = Gather(tuple(range(len(sizes))), 0)
    known = [index.array._concrete(operation, _TWICE) for index in selection.indices]
    return flat_positions(sizes, at, known)


def _occurrences_first(values: Array, selection: Selection, gather: Gather) -> Array:
    """Return values of the selected shape with all axes of index arrays merged into the first."""
    values = reshaped(values, gathered_shape(selection, gather))
    others = len(selection.inner) - len(gather.axes)
    block = range(gather.position, gather.position + len(values.shape) - others)
    rest = [axis for axis in range(len(values.shape)) if axis not in block]
    if gather.position:
        values = apply(Transpose((*block, *rest)), values)
    merged, others_shape = values.shape[: len(block)], values.shape[len(block) :]
    return reshaped(values, (math.prod(merged), *others_shape))


def _stretch(array: Array, start: int, stop: int) -> Array:
    """Return the elements from ``start`` up to ``stop`` along the first axis."""
    return apply(Slice(slots_along(array.shape, 0, start, stop)), array)
