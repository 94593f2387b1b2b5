"""How NumPy computes a convolution: by matrix products of what windows show.

Three arrays meet in a convolution, and which of them is the result makes little difference. The
one with the fewest positions is the *window*. Of the other two, one is *dense*: each position k of
the *other* one and t of the window have one position in it. Labels of axes without positions fall
into four groups by where they stand:

    shared     in all three                  inner      in dense and window
    plain      in dense and other            outer      in other and window

Each group is merged into one axis. With ``seen[.., inner, t, k]`` the part of dense that stands in
the window for k, the convolution is one of three products, as the result is one or another array:

    other[shared, plain, outer, k]  = window[outer, (inner t)] · seen[(inner t), k]
    window[shared, outer, inner, t] = other[outer, (plain k)] · seen[(inner t), (plain k)]ᵀ
    seen[shared, plain, (inner t), k] = window[outer, (inner t)]ᵀ · other[outer, k]

of which the last is then added up to dense. BLAS computes them, for a block of ``seen`` at a time
that fits into the cache. Where no array is dense, or the matrices are vectors, what meets at each
position of the window is multiplied and added up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.errors import ShapeError
from pullback.primitives.contraction_plan import Labels
from pullback.primitives.convolution_products import convolve, view_of
from pullback.primitives.quantity import Value
from pullback.primitives.windows import Relation, Sizes

Kernel: TypeAlias = Callable[[Value, Value], Value]


@lru_cache(maxsize=1024)
def convolution_kernel(
    labels: tuple[Labels, Labels, Labels],
    relations: tuple[Relation, ...],
    shapes: tuple[Sizes, Sizes],
) -> Kernel:
    """Return the function that convolves two values.

    Args:
        labels: Those of x, y and the result, for all axes but the last.
        relations: How the positions along each of the last axes meet.
        shapes: The shapes of x and y.

    Raises:
        ShapeError: They do not fit.
    """
    sizes: dict[int, int] = {}
    positions = []
    for own, shape in zip(labels, shapes, strict=False):
        pairs = zip(own, shape, strict=False)
        agree = all(sizes.setdefault(label, size) == size for label, size in pairs)
        if len(shape) != len(own) + len(relations) or not agree:
            msg = f"convolve: shapes {shapes[0]} and {shapes[1]} do not fit"
            raise ShapeError(msg)
        positions.append(shape[len(own) :])
    positions.append(tuple(relation.size for relation in relations))
    counts = [math.prod(sizes[label] for label in own) for own in labels]
    roles = _roles(relations, positions, counts)
    tracks = tuple(
        relation.track(roles, tuple(positions[role][axis] for role in roles))
        for axis, relation in enumerate(relations)
    )
    layouts = _layouts([labels[role] for role in roles], sizes, [positions[role] for role in roles])
    result, view = roles.index(2), view_of(tracks)

    def compute(x: Value, y: Value) -> Value:
        dtype = np.result_type(x, y)
        given = (x.astype(dtype, copy=False), y.astype(dtype, copy=False))
        dense, other, window = (
            layout.blank(dtype) if role == 2 else layout.merge(given[role])
            for role, layout in zip(roles, layouts, strict=True)
        )
        arrays = dense, other, window
        if dense.size and other.size and window.size:
            convolve(arrays, tracks, view, result)
        return layouts[result].split(arrays[result])

    return compute


def _roles(
    relations: Sequence[Relation], positions: Sequence[Sizes], counts: Sequence[int]
) -> tuple[int, int, int]:
    """Return which of x, y and the result are dense, other and window.

    Args:
        relations: How positions meet.
        positions: How many positions each of x, y and the result has.
        counts: How many elements they have at each position.
    """

    def cost(role: int) -> tuple[bool, int]:
        slides = all(abs(relation.steps[role]) == 1 for relation in relations)
        # Windows of the result are added to it, which takes twice as long as to look.
        return not slides, math.prod(positions[role]) * counts[role] * (1 + (role == 2))

    window = min((1, 2, 0), key=lambda role: math.prod(positions[role]))
    dense, other = sorted({0, 1, 2} - {window}, key=cost)
    return dense, other, window


@final
@frozen
class Layout:
    """How an array's labelled axes merge into three groups."""

    #: The array's axes, group after group, and those with positions behind them.
    axes: tuple[int, ...]
    #: The sizes of these axes.
    parted: Sizes
    #: The sizes when the groups are merged.
    merged: Sizes
    #: The merged axes in the order in which the array has them.
    order: tuple[int, ...]

    def merge(self, value: Value) -> Value:
        """Return a value with its axes merged."""
        return value.transpose(self.axes).reshape(self.merged)

    def split(self, value: Value) -> Value:
        """Return what `merge` has merged as it was."""
        return value.reshape(self.parted).transpose(_inverse(self.axes))

    def blank(self, dtype: np.dtype[np.generic]) -> Value:
        """Return merged zeros that `split` makes an array of in row-major order, if it can be."""
        zeros: Value = np.zeros([self.merged[axis] for axis in self.order], dtype)
        return zeros.transpose(_inverse(self.order))


def _inverse(axes: Sequence[int]) -> list[int]:
    """Return the inverse of a permutation."""
    return [axes.index(axis) for axis in range(len(axes))]


def _layouts(
    labels: Sequence[Labels], sizes: dict[int, int], positions: Sequence[Sizes]
) -> list[Layout]:
    """Return the layouts of dense, other and window."""
    dense, other, window = labels
    shared = [label for label in dense if label in other and label in window]
    plain, inner, outer = (
        [label for label in one if label in another and label not in shared]
        for one, another in ((dense, other), (dense, window), (other, window))
    )
    layouts = []
    for own, groups, places in zip(
        labels,
        ((shared, plain, inner), (shared, plain, outer), (shared, outer, inner)),
        positions,
        strict=True,
    ):
        order = [label for group in groups for label in group]
        first = [own.index(group[0]) if group else -1 for group in groups]
        layouts.append(
            Layout(
                (*map(own.index, order), *range(len(own), len(own) + len(places))),
                (*(sizes[label] for label in order), *places),
                (*(math.prod(sizes[label] for label in group) for group in groups), *places),
                (*sorted(range(3), key=first.__getitem__), *range(3, 3 + len(places))),
            )
        )
    return layouts
