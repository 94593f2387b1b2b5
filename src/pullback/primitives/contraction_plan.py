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
Groups: TypeAlias = Sequence[Sequence[int]]
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
    rest = [label for label in out if label not in batch]
    if not inner:
        return _elementwise(x, y, out)
    # Free labels that lead the result and an operand, but are parted there from its other free
    # labels, would cost a copy to merge. As batch axes that the other operand broadcasts along
    # they cost nothing: W[i,k] · X[b,k,j] -> out[b,i,j].
    lead = _parted(x, batch, inner, rest) or _parted(y, batch, inner, rest)
    rest = rest[len(lead) :]
    swap = bool(rest) and rest[0] in y  # out is (right, left): compute out = yᵀ·xᵀ
    first, second = (y, x) if swap else (x, y)
    left = [label for label in first if label in rest]
    right = [label for label in second if label in rest]
    stacked = [*batch, *lead]
    if stacked:
        product: Kernel = np.matmul
        move = _move(first, [*_each(stacked, first), left, inner])
        move_other = _move(second, [*_each(stacked, second), inner, right])
        whole = len(left) == len(right) == 1
    else:
        product = np.ndarray.dot  # at small sizes twice as fast as np.matmul
        move = _move(first, [left, inner] if left else [inner])
        move_other = _move(second, [inner, right] if right else [inner])
        whole = len(left) < 2 and len(right) < 2
    order = [*stacked, *left, *right]
    sizes = (
        None if whole else [(label in x, (x if label in x else y).index(label)) for label in order]
    )
    axes = _permutation(order, out)

    def compute(x_value: Value, y_value: Value) -> Value:
        a, b = (y_value, x_value) if swap else (x_value, y_value)
        result = product(move(a) if move else a, move_other(b) if move_other else b)
        if sizes is not None:
            shapes = (y_value.shape, x_value.shape)
            result = result.reshape([shapes[of_x][axis] for of_x, axis in sizes])
        return result if axes is None else result.transpose(axes)

    # np.dot checks its one summed axis; merged axes and size 1 in a batch would pass unnoticed.
    return compute if not stacked and len(inner) == 1 else _checked(compute, x, y)


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


def _elementwise(x: Labels, y: Labels, out: Labels) -> Kernel:
    """Return the kernel of a contraction that sums nothing: a product with broadcasting."""
    spread, spread_other = _spread(x, out), _spread(y, out)

    def compute(x_value: Value, y_value: Value) -> Value:
        a = spread(x_value) if spread else x_value
        return a * (spread_other(y_value) if spread_other else y_value)

    return _checked(compute, x, y) if set(x) & set(y) else compute


def _spread(labels: Labels, out: Labels) -> Move | None:
    """Return the function that lines axes up with the result's; None for the identity."""
    axes = _permutation(labels, [label for label in out if label in labels])
    index = tuple(slice(None) if label in labels else None for label in out)
    index = tuple(dropwhile(lambda slot: slot is None, index))  # broadcasting adds these itself
    if None not in index:
        return _move(labels, [(labels[axis],) for axis in axes]) if axes else None
    return lambda value: (value if axes is None else value.transpose(axes))[index]


def _parted(
    own: Labels, batch: Sequence[int], inner: Sequence[int], rest: Sequence[int]
) -> list[int]:
    """Return the free labels that lead an operand and the result, if more follow ``inner``."""
    unbatched = [label for label in own if label not in batch]
    pairs = zip(unbatched, rest, strict=False)
    lead = [label for label, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]
    behind = unbatched[len(lead) :]
    parted = behind[0] in inner and any(label in rest for label in behind)
    return lead if parted else []


def _each(labels: Sequence[int], own: Labels) -> list[list[int]]:
    """Return each label as a group, empty where an operand does not have it."""
    return [[label] if label in own else [] for label in labels]


def _permutation(have: Sequence[int], want: Sequence[int]) -> tuple[int, ...] | None:
    """Return the axes that bring labels into the wanted order; None where they are in it."""
    axes = tuple(have.index(label) for label in want)
    return None if axes == tuple(range(len(axes))) else axes


def _move(labels: Labels, groups: Groups) -> Move | None:
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
