"""Indexing with arrays: which index arrays are known, and which need a look before they are used.

An index array that counts along one of its axes, 0, 1, 2, ..., is a *grid*: its elements need no
memory. `take_along_axis` has one for each axis but the one along which it takes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, final

import numpy as np
from attrs import frozen

from pullback.compiler.indices import ZERO, Affine, Index, broadcast
from pullback.core.program import Program
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.primitive import Primitive
from pullback.primitives.scatter import ScatterExtreme, ScatterSet
from pullback.primitives.shape import Reshape
from pullback.types import broadcast_shapes

Shape = tuple[int, ...]

#: The primitives with index arrays.
INDEXING: Final = (Gather, ScatterAdd, ScatterSet, ScatterExtreme)


@final
@frozen
class Selection:
    """What index arrays select from an array."""

    #: The shape of the array.
    shape: Shape
    at: Gather
    #: The numbers of the index arrays.
    indices: tuple[int, ...]
    #: For each index array the axis of their common shape along which it counts, if it is a grid.
    grids: tuple[int | None, ...]
    #: The common shape.
    block: Shape
    #: The shape of each index array.
    shapes: tuple[Shape, ...]

    def index_of(self, k: int, index: tuple[Affine, ...]) -> Index:
        """Return which element of an index array belongs to an element of what is selected."""
        start = self.at.position
        return broadcast(index[start : start + len(self.block)], self.shapes[k], self.block)


def selection(program: Program, number: int) -> Selection:
    """Return what the index arrays of a step select."""
    primitive, operands = program.steps[number - len(program.inputs) - len(program.constants)]
    match primitive:
        case Gather():
            at, shape, indices = primitive, program.type_at(operands[0]).shape, operands[1:]
        case ScatterAdd(shape, at):
            indices = operands[1:]
        case ScatterSet(at) | ScatterExtreme(at):
            shape, indices = program.type_at(operands[0]).shape, operands[2:]
        case _:
            raise NotImplementedError(primitive)
    shapes = tuple([program.type_at(index).shape for index in indices])
    block = broadcast_shapes("", shapes)
    grids = [_grid(program, index, block) for index in indices]
    return Selection(shape, at, indices, tuple(grids), block, shapes)


def _grid(program: Program, number: int, block: Shape) -> int | None:
    """Return the axis of the common shape along which a constant counts."""
    place = number - len(program.inputs)
    if not 0 <= place < len(program.constants):
        return None
    value = np.asarray(program.constants[place])
    axis = max((axis for axis, size in enumerate(value.shape) if size != 1), default=-1)
    grid = axis + len(block) - value.ndim
    counts = axis >= 0 and value.size == value.shape[axis] == block[grid]
    if not counts or not np.array_equal(value.ravel(), np.arange(value.size)):
        return None
    return grid


def constants_in_range(program: Program, number: int) -> bool:
    """Return whether the known index arrays of a step select what exists."""
    found = selection(program, number)
    for axis, index in zip(found.at.axes, found.indices, strict=True):
        place, size = index - len(program.inputs), found.shape[axis]
        if 0 <= place < len(program.constants):
            value = np.asarray(program.constants[place])
            if not ((value >= -size) & (value < size)).all():
                return False
    return True


def unknown_indices(program: Program, number: int) -> Iterator[tuple[int, int]]:
    """Yield the index arrays that need a look, with the size of the axis that they index."""
    found = selection(program, number)
    constants = range(len(program.inputs), len(program.inputs) + len(program.constants))
    for axis, index in zip(found.at.axes, found.indices, strict=True):
        if index not in constants:
            yield _base(program, index), found.shape[axis]


def indices_in_memory(program: Program, number: int) -> list[int]:
    """Return the index arrays that a step reads from memory, before they were given a shape."""
    primitive, operands = program.steps[number - len(program.inputs) - len(program.constants)]
    return [_base(program, operand) for operand in index_operands(primitive, operands)]


def index_operands(primitive: Primitive, operands: tuple[int, ...]) -> tuple[int, ...]:
    """Return the operands that are index arrays."""
    match primitive:
        case Gather() | ScatterAdd():
            return operands[1:]
        case ScatterSet() | ScatterExtreme():
            return operands[2:]
        case _:
            return ()


def _base(program: Program, number: int) -> int:
    """Return the value of which this is another shape."""
    first = len(program.inputs) + len(program.constants)
    while number >= first and isinstance(program.steps[number - first][0], Reshape):
        (number,) = program.steps[number - first][1]
    return number


@final
@frozen
class OneHot:
    """A sum at indices of which each element has at most one term: a comparison with the index.

    Of the index arrays one is of any kind, and the others are grids, along axes of their own.
    """

    selection: Selection
    #: Which of the index arrays is no grid, and the axis that it indexes.
    free: int
    axis: int

    def updates(self, index: tuple[Affine, ...]) -> tuple[Affine, ...]:
        """Return which term belongs to an element of the result."""
        found = self.selection
        at, shape = found.at, found.shape
        block: list[Affine] = [ZERO] * len(found.block)
        for axis, grid in zip(at.axes, found.grids, strict=True):
            if grid is not None:
                block[grid] = index[axis]
        rest = [index[axis] for axis in range(len(shape)) if axis not in at.axes]
        return (*rest[: at.position], *block, *rest[at.position :])


def one_hot(program: Program, number: int) -> OneHot | None:
    """Return a sum at indices as a comparison, if it is one."""
    found = selection(program, number)
    free = [k for k, grid in enumerate(found.grids) if grid is None]
    if len(free) != 1:
        return None
    covered: set[int] = set()
    for axis, grid in zip(found.at.axes, found.grids, strict=True):
        if grid is not None:
            if grid in covered or found.block[grid] != found.shape[axis]:
                return None
            covered.add(grid)
    if math.prod(size for k, size in enumerate(found.block) if k not in covered) != 1:
        return None
    return OneHot(found, free[0], found.at.axes[free[0]])
