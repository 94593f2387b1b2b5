"""How NumPy computes a contraction: which axes to move and merge so that one product does it.

Labels of axes fall into four groups by where they stand:

    batch   in x, y and out          left    in x and out
    inner   in x and y (summed)      right   in y and out

With x brought to (batch, left, inner) and y to (batch, inner, right), each group merged into one
axis, the contraction is a matrix product, and BLAS computes it. The work of finding the moves is
done once for each triple of labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import dropwhile, takewhile
from operator import attrgetter, methodcaller
from typing import TypeAlias

import numpy as np

from pullback.errors import ShapeError
from pullback.primitives.quantity import Value

#: One label for each axis of an array; axes with one label run together.
Labels: TypeAlias = tuple[int, ...]
#: Labels whose axes are merged into one; an empty group is an axis of size 1.
Group: TypeAlias = Sequence[int]
Kernel: TypeAlias = Callable[[Value, Value], Value]
Move: TypeAlias = Callable[[Value], Value]


@lru_cache(maxsize=1024)
def kernel(x: Labels, y: Labels, out: Labels) -> Kernel:
    """Return the function that contracts two values whose sizes agree.

    Args:
        x: The labels of the first operand, each once.
        y: The labels of the second operand, each once.
        out: The labels of the result, each once. A label stands in at least two of the three.

    Returns:
        The function; it raises ShapeError where sizes with one label differ.
    """
    batch = [label for label in out if label in x and label in y]
    inner = [label for label in x if label in y and label not in out]
    free = [label for label in out if label not in batch]
    if not inner:
        return _elementwise(x, y, out)
    # Free labels that lead the result and an operand, but are parted there from its other free
    # labels, would cost a copy to merge. As batch axes that the other operand broadcasts along
    # they cost nothing: W[i,k] · X[b,k,j] -> out[b,i,j].
    lead = _parted(x, batch, inner, free) or _parted(y, batch, inner, free)
    free = free[len(lead) :]
    stacked = [*batch, *lead]
    if free and free[0] in y:  # the result is (right, left): compute it as yᵀ·xᵀ
        flipped = _matrix_product(y, x, out, stacked, inner, free)
        compute: Kernel = lambda x_value, y_value: flipped(y_value, x_value)  # noqa: E731 - typed
    else:
        compute = _matrix_product(x, y, out, stacked, inner, free)
    # np.dot checks its one summed axis; merged axes and size 1 in a batch would pass unnoticed.
    return compute if not stacked and len(inner) == 1 else _checked(compute, x, y)


def _matrix_product(  # noqa: PLR0917 - labels, as in the plan
    x: Labels, y: Labels, out: Labels, stacked: Group, inner: Group, free: Group
) -> Kernel:
    """Return the kernel that moves and merges axes for one call of BLAS for each stacked matrix."""
    left = [label for label in x if label in free]
    right = [label for label in y if label in free]
    if stacked:
        product: Kernel = np.matmul
        move = _move(x, [*_each(stacked, x), left, inner])
        move_other = _move(y, [*_each(stacked, y), inner, right])
        merged = len(left) != 1 or len(right) != 1
    else:
        product = np.ndarray.dot  # at small sizes twice as fast as np.matmul
        move = _move(x, [left, inner] if left else [inner])
        move_other = _move(y, [inner, right] if right else [inner])
        merged = len(left) > 1 or len(right) > 1
    order = [*stacked, *left, *right]
    axes = _permutation(order, out)
    places = [(0, x.index(label)) if label in x else (1, y.index(label)) for label in order]

    def compute(x_value: Value, y_value: Value) -> Value:
        a = move(x_value) if move else x_value
        result = product(a, move_other(y_value) if move_other else y_value)
        if merged:
            shapes = (x_value.shape, y_value.shape)
            result = result.reshape([shapes[operand][axis] for operand, axis in places])
        return result if axes is None else result.transpose(axes)

    return compute


def _elementwise(x: Labels, y: Labels, out: Labels) -> Kernel:
    """Return the kernel of a contraction that sums nothing: a product with broadcasting."""
    spread, spread_other = _spread(x, out), _spread(y, out)

    def compute(x_value: Value, y_value: Value) -> Value:
        a = spread(x_value) if spread else x_value
        return a * (spread_other(y_value) if spread_other else y_value)

    return _checked(compute, x, y) if set(x) & set(y) else compute


def _checked(compute: Kernel, x: Labels, y: Labels) -> Kernel:
    """Return the kernel that first compares the sizes of the axes with one label."""
    shared = [(x.index(label), y.index(label)) for label in x if label in y]

    def checked(x_value: Value, y_value: Value) -> Value:
        for i, j in shared:
            if x_value.shape[i] != y_value.shape[j]:
                msg = f"contract: shapes {x_value.shape} and {y_value.shape} do not fit"
                raise ShapeError(msg)
        return compute(x_value, y_value)

    return checked


def _spread(labels: Labels, out: Labels) -> Move | None:
    """Return the function that lines axes up with the result's; None for the identity."""
    move = _move(labels, [[label] for label in out if label in labels])
    slots = (slice(None) if label in labels else None for label in out)
    index = tuple(dropwhile(lambda slot: slot is None, slots))  # broadcasting adds these itself
    if None not in index:
        return move
    return lambda value: (move(value) if move else value)[index]


def _parted(own: Labels, batch: Group, inner: Group, free: Group) -> Group:
    """Return the free labels that lead an operand and the result, if more follow ``inner``."""
    unbatched = [label for label in own if label not in batch]
    pairs = zip(unbatched, free, strict=False)
    lead = [label for label, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]
    behind = unbatched[len(lead) :]
    parted = behind[0] in inner and any(label in free for label in behind)
    return lead if parted else []


def _each(labels: Group, own: Labels) -> list[Group]:
    """Return each label as a group, empty where an operand does not have it."""
    return [[label] if label in own else [] for label in labels]


def _permutation(have: Group, want: Group) -> tuple[int, ...] | None:
    """Return the axes that bring labels into the wanted order; None where they are in it."""
    axes = tuple(have.index(label) for label in want)
    return None if axes == tuple(range(len(axes))) else axes


def _move(labels: Labels, groups: Sequence[Group]) -> Move | None:
    """Return the function that permutes and merges axes into groups; None for the identity."""
    axes = _permutation(labels, [label for group in groups for label in group])
    if all(len(group) == 1 for group in groups):
        if axes is None:
            return None
        return attrgetter("T") if axes == (1, 0) else methodcaller("transpose", axes)
    merged = [[labels.index(label) for label in group] for group in groups]

    def move(value: Value) -> Value:
        shape = value.shape
        sizes = [math.prod([shape[axis] for axis in group]) for group in merged]
        return (value if axes is None else value.transpose(axes)).reshape(sizes)

    return move
