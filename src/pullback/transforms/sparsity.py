"""Which elements of a result depend on which elements of an input, read off the recorded graph.

One walk in topological order gives each node a pattern: the union over its operands of the rows
that the primitive reads to compute each element. It is conservative: an entry that is absent is a
derivative that is zero; one that is present may be zero. A primitive that is not named here is
taken to read all of each operand.

The pattern holds at the point, and wherever the function decides likewise: where the order of what
is sorted, the indices of what is gathered and the zeros of constant factors are the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pullback.core import Array, Trace, topological
from pullback.lazy import lazy
from pullback.primitives.cast import Cast
from pullback.primitives.complex import Conjugate, Imag, Real
from pullback.primitives.contraction import Contract
from pullback.primitives.contraction_plan import Labels
from pullback.primitives.cumulative import Cumprod, Cumsum, Recurrence
from pullback.primitives.elementwise import Elementwise
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.identity import Input
from pullback.primitives.joining import Concat
from pullback.primitives.quantity import Value
from pullback.primitives.reduction import Reduction, Softmax
from pullback.primitives.scatter import ScatterExtreme, ScatterSet
from pullback.primitives.selection import Where
from pullback.primitives.shape import BroadcastTo, Flip, Reshape, Sum, Transpose
from pullback.primitives.slicing import PadSlice, Slice, SliceSet
from pullback.primitives.sorting import ArgSort, Sort
from pullback.transforms.patterns import (
    Indices,
    Pattern,
    dense,
    from_entries,
    identity,
    stack,
    union,
)

if TYPE_CHECKING:
    from scipy import sparse
else:
    sparse = lazy("scipy.sparse")

#: The patterns found so far. A node that is absent depends on no element of the input.
Found = Mapping[Array, Pattern]


def dependencies(x: Array, y: Array, trace: Trace) -> Pattern:
    """Return the pattern of one node in terms of another.

    Args:
        x: An input of the trace; its elements in row-major order are the columns.
        y: A node of known value; its elements in row-major order are the rows.
        trace: The trace.
    """
    found = {x: identity(_size(x))}
    order = [node for node in topological([y], trace) if node is not x]
    uses = Counter(operand for node in order for operand in set(node.operands))
    for node in order:
        pattern = _pattern(node, found)
        if pattern is not None:
            found[node] = pattern
        for operand in set(node.operands):
            uses[operand] -= 1
            if not uses[operand]:
                found.pop(operand, None)
    nothing = np.zeros(0, np.intp)
    return found.get(y, dense(_size(y), nothing, _size(x)))


def _size(node: Array) -> int:
    """Return the number of elements; a bundle counts as one, whatever its parts are."""
    return math.prod(node.shape) if node.type.parts is None else 1


def _pattern(node: Array, found: Found) -> Pattern | None:
    """Return the pattern of a node from those of its operands; None if it has no entry."""
    primitive, operands = node.primitive, node.operands
    assert primitive is not None, "a node that depends on a trace is no constant"
    if not primitive.differentiable or not any(operand in found for operand in operands):
        return None
    match primitive:
        case Elementwise() | Where() | Cast() | Conjugate() | Real() | Imag() | Input():
            return _elementwise(node, found)
        case Reshape():
            return found[operands[0]]
        case BroadcastTo() | Concat() | Flip() | PadSlice() | Slice() | SliceSet() | Transpose():
            return _moved(node, found, len(operands))
        case Gather() if _known(operands[1:]):
            return _moved(node, found, 1)
        case ScatterSet() if _known(operands[2:]):
            return _moved(node, found, 2)
        case Sort() if _known(operands):
            return _sorted(primitive, operands[0], found)
        case ScatterAdd() if _known(operands[1:]):
            return _scattered(node, primitive.at, operands[0], operands[1:], found)
        case ScatterExtreme() if _known(operands[2:]):
            x, updates, *indices = operands
            kept = [found[x]] if x in found else []
            if updates in found:
                kept.append(_scattered(node, primitive.at, updates, indices, found))
            return union(kept) if kept else None
        case Softmax(axes=axes):
            fibres = _fibres(operands[0].shape, axes)
            return found[operands[0]].merge(fibres, _size(node)).take(fibres)
        case Reduction(axes=axes) | Sum(axes=axes):
            return found[operands[0]].merge(_fibres(operands[0].shape, axes), _size(node))
        case Cumsum() | Cumprod() | Recurrence():
            return _accumulated(node, primitive.axis, found, reverse=primitive.reverse)
        case Contract():
            return _contracted(primitive, node, found)
        case _:
            return _dense(node, found)


def _known(operands: Sequence[Array]) -> bool:
    """Whether all values are known."""
    return all(operand.known for operand in operands)


def _dense(node: Array, found: Found) -> Pattern:
    """Return the pattern in which each element depends on all that any operand depends on."""
    parts = [found[operand] for operand in set(node.operands) if operand in found]
    columns = np.unique(np.concatenate([part.columns for part in parts]))
    return dense(_size(node), columns, parts[0].width)


def _numbered(shape: tuple[int, ...], first: int = 0) -> Value:
    """Return the numbers from ``first`` on, in row-major order."""
    return np.arange(first, first + math.prod(shape)).reshape(shape)[()]


def _elementwise(node: Array, found: Found) -> Pattern:
    """Return the union of the operands' patterns, each repeated as the operand is broadcast."""
    shape = node.shape
    parts: list[Pattern] = []
    for operand in set(node.operands):
        if operand in found:
            part = found[operand]
            if part.shape[0] != math.prod(shape):
                part = part.take(np.broadcast_to(_numbered(operand.shape), shape).ravel())
            parts.append(part)
    return union(parts)


def _moved(node: Array, found: Found, number: int) -> Pattern:
    """Return the pattern of what only moves elements of its first so many operands.

    The primitive moves numbers: those of the rows of all the operands' patterns, one after the
    other. 0 is the number of an element that depends on nothing.
    """
    values: list[Value] = []
    parts: list[Pattern] = []
    first = 1
    for operand in node.operands[:number]:
        if operand in found:
            values.append(_numbered(operand.shape, first))
            parts.append(found[operand])
            first += _size(operand)
        else:
            values.append(np.zeros(operand.shape, np.intp)[()])
    values.extend([index._value for index in node.operands[number:]])
    assert node.primitive is not None
    return stack(parts).take(np.ravel(node.primitive.evaluate(*values)))


def _sorted(primitive: Sort, x: Array, found: Found) -> Pattern:
    """Return the rows in the order of the elements."""
    order = ArgSort(primitive.axis, primitive.descending).evaluate(x._value)
    numbers = np.take_along_axis(_numbered(x.shape), order, primitive.axis)
    return found[x].take(np.ravel(numbers))


def _scattered(
    node: Array, at: Gather, updates: Array, indices: Sequence[Array], found: Found
) -> Pattern:
    """Return the pattern of the sum of updates at indices: which go where, `at` tells."""
    targets = at.evaluate(_numbered(node.shape), *[index._value for index in indices])
    return found[updates].merge(np.ravel(targets), _size(node))


def _fibres(shape: tuple[int, ...], axes: Sequence[int]) -> Indices:
    """Return for each element of an operand the element that a reduction makes of it."""
    kept = tuple(1 if axis in axes else n for axis, n in enumerate(shape))
    return np.broadcast_to(_numbered(kept), shape).ravel()


def _accumulated(node: Array, axis: int, found: Found, *, reverse: bool) -> Pattern:
    """Return the union of the rows up to each element along an axis.

    A row that is the union of ``2ᵏ`` rows, and that of the ``2ᵏ`` before them, make one of
    ``2ᵏ⁺¹`` (Hillis and Steele, 1986).
    """
    shape = node.shape
    pattern = union([found[operand] for operand in set(node.operands) if operand in found])
    numbers = np.moveaxis(_numbered(shape, 1), axis, 0)
    step = 1
    while step < shape[axis]:
        moved = np.zeros(shape, np.intp)
        before = np.moveaxis(moved, axis, 0)
        if reverse:
            before[:-step] = numbers[step:]
        else:
            before[step:] = numbers[:-step]
        pattern = union([pattern, stack([pattern]).take(moved.ravel())])
        step *= 2
    return pattern


def _contracted(primitive: Contract, node: Array, found: Found) -> Pattern:
    """Return the pattern of a contraction: bilinear, so one operand at a time."""
    x, y = node.operands
    sizes = dict(zip((*primitive.x, *primitive.y), (*x.shape, *y.shape), strict=True))
    parts: list[Pattern] = []
    for own, other, labels, others in (
        (x, y, primitive.x, primitive.y),
        (y, x, primitive.y, primitive.x),
    ):
        if own not in found:
            continue
        factor = True if other.sources else np.asarray(other._value) != 0  # a nan is not 0
        if np.all(factor):
            parts.append(_summed(found[own], labels, primitive.out, sizes))
        else:
            terms = labels, others, primitive.out
            parts.append(_multiplied(found[own], np.flatnonzero(factor), terms, sizes))
    return union(parts)


def _summed(pattern: Pattern, labels: Labels, out: Labels, sizes: Mapping[int, int]) -> Pattern:
    """Return the pattern of a contraction with a factor that may be nowhere zero."""
    kept = tuple(label for label in labels if label in out)
    rows = math.prod(sizes[label] for label in kept)
    summed = pattern.merge(_places(labels, kept, sizes), rows)
    return summed.take(_places(out, kept, sizes))


def _multiplied(
    pattern: Pattern,
    nonzeros: Indices,
    terms: tuple[Labels, Labels, Labels],
    sizes: Mapping[int, int],
) -> Pattern:
    """Return the pattern of a contraction with a constant factor that is not zero at some places.

    It is a matrix product, over the labels that both operands have. The matrix on the left has the
    other labels of the factor; that on the right has those of the operand, and with each of them
    an element of the input:

        out[rest, free] = ∪ over shared of factor[rest, shared] ∧ operand[shared, free]

    The ``terms`` are the labels of the operand, of the factor, and of the result.
    """
    labels, others, out = terms
    shared = tuple(label for label in labels if label in others)
    rest = tuple(label for label in others if label in out)
    free = tuple(label for label in labels if label not in others)
    depth = math.prod(sizes[label] for label in shared)
    left = _boolean(
        _places(others, rest, sizes)[nonzeros],
        _places(others, shared, sizes)[nonzeros],
        (math.prod(sizes[label] for label in rest), depth),
    )
    rows = pattern.rows()
    keys = _places(labels, free, sizes)[rows] * pattern.width + pattern.columns
    kinds, inverse = np.unique(keys, return_inverse=True)
    right = _boolean(_places(labels, shared, sizes)[rows], inverse, (depth, len(kinds)))
    product = (left @ right).tocoo()
    free_place, column = np.divmod(kinds[product.col], pattern.width)
    # Either group of labels contributes its part to the place in the result.
    place = _places(rest, out, sizes)[product.row] + _places(free, out, sizes)[free_place]
    height = math.prod(sizes[label] for label in out)
    return from_entries(place, column, (height, pattern.width))


def _boolean(rows: Indices, columns: Indices, shape: tuple[int, int]) -> sparse.csr_array[np.bool_]:
    """Return the matrix that is true at the given places."""
    return sparse.csr_array((np.ones(len(rows), np.bool_), (rows, columns)), shape=shape)


def _places(source: Labels, target: Labels, sizes: Mapping[int, int]) -> Indices:
    """Return for each element of an array with labels ``source`` its place in one with ``target``.

    That is the row-major position to which the labels that both have contribute.
    """
    places = np.zeros(1, np.intp)
    for label in source:
        step = 0
        if label in target:
            step = math.prod(sizes[other] for other in target[target.index(label) + 1 :])
        places = np.add.outer(places, np.arange(sizes[label]) * step).ravel()
    return places
