"""Indexing with integer arrays, and its adjoint, which adds at the indices.

The index arrays are operands, so they may be unknown while tracing. They broadcast together; the
axes of what results take the place of the indexed axes, at a stated position among the others.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import reduce
from typing import ClassVar, final

import numpy as np
from attrs import frozen

from pullback.errors import DTypeError, IndexingError, ShapeError
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.shape import align_ranks, behind, move_axis, spread_batch
from pullback.primitives.slicing import zeros_for
from pullback.types import ArrayType, broadcast_shapes


@final
@frozen(eq=False, repr=False)
class Gather(Primitive):
    """The elements of ``x`` at integer indices. Operands: x, and an index array for each axis.

    With index arrays that broadcast to the shape ``B``, and the other axes of x having the sizes
    ``rest``, the result has the shape ``rest[:position] + B + rest[position:]``. A negative index
    counts from the end.
    """

    selects: ClassVar[bool] = True
    #: The indexed axes, increasing.
    axes: tuple[int, ...]
    #: How many of the other axes stand before those of the indices.
    position: int
    #: Whether no element is known to be selected twice.
    unique: bool = False

    def evaluate(self, *values: Value) -> Value:
        x, *indices = values
        try:
            result = x[_numpy_key(x.ndim, self.axes, indices)]
        except IndexError:
            raise out_of_range(self.name, x.shape, self.axes, indices) from None
        return _moved(result, indices, _numpy_position(self.axes), self.position)

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type of the selected elements."""
        x, *indices = types
        return ArrayType(selected_shape(self.name, x.shape, self, indices), x.dtype)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity | None:
        return self(tangent, *operands[1:]) if index == 0 else None

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity | None:
        if index:
            return None
        x, *indices = operands
        return ScatterAdd(shape_of(x), self)(cotangent, *indices)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        x, *indices = operands
        if not batched[0]:  # one element may be selected in several places of the batch
            selected = Gather(self.axes, self.position)(x, *align_ranks(indices, batched[1:]))
            return move_axis(selected, self.position, 0)
        at, arrays, place = self.in_batch(indices, batched[1:], size)
        return move_axis(at(x, *arrays), place, 0)

    def in_batch(
        self, indices: Sequence[Quantity], batched: Sequence[bool], size: int
    ) -> tuple[Gather, Sequence[Quantity], int]:
        """Return the same selection from an operand that has a batch axis.

        Args:
            indices: The index arrays.
            batched: Which of them have a batch axis too.
            size: The size of the batch.

        Returns:
            The selection; its index arrays; and the place of the batch axis in its result: where
            the indices are batched, that is the first of their axes.
        """
        axes = behind(self.axes)
        if True not in batched:
            return Gather(axes, self.position + 1, self.unique), indices, 0
        aligned = align_ranks(indices, batched)
        rank = max(len(shape_of(index)) for index in aligned)
        rows: Value = np.arange(size).reshape((size,) + (1,) * (rank - 1))
        at = Gather((0, *axes), self.position, self.unique)
        return at, [rows, *aligned], self.position


@final
@frozen(eq=False, repr=False)
class ScatterAdd(Primitive):
    """Zeros of ``shape``, with values added where ``at`` selects: the adjoint of `Gather`.

    Operands: the values, and the index arrays. An index that occurs several times adds each of
    its values.
    """

    shape: tuple[int, ...]
    at: Gather

    def evaluate(self, *values: Value) -> Value:
        updates, *indices = values
        if self.at.unique:
            result = zeros_for(updates, self.shape)
            assign(result, self.at, indices, updates)
            return result
        positions = flat_positions(self.shape, self.at, indices)
        flat = zeros_for(updates, (math.prod(self.shape),))
        np.add.at(flat, positions, np.reshape(updates, -1))  # fast along a single axis only
        return flat.reshape(self.shape)

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type of the values with the full shape."""
        check_updates(self.name, self.shape, self.at, types)
        return ArrayType(self.shape, types[0].dtype)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity | None:
        return self(tangent, *operands[1:]) if index == 0 else None

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity | None:
        return self.at(cotangent, *operands[1:]) if index == 0 else None

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        updates, *indices = operands
        at, arrays, place = self.at.in_batch(indices, batched[1:], size)
        (updates,) = spread_batch((updates,), batched[:1], size)
        return ScatterAdd((size, *self.shape), at)(move_axis(updates, 0, place), *arrays)


def selected_shape(
    operation: str, shape: tuple[int, ...], gather: Gather, indices: Sequence[ArrayType]
) -> tuple[int, ...]:
    """Return the shape of what index arrays select from an array of the given shape.

    Raises:
        DTypeError: An index array is not of integers.
        ShapeError: The index arrays do not broadcast, or the axes do not fit the shape.
    """
    for index in indices:
        if index.dtype.kind not in "iu":
            msg = f"{operation}: an index array has dtype {index.dtype}; indices are integers"
            raise DTypeError(msg)
    axes, position = gather.axes, gather.position
    if len(indices) != len(axes) or not all(0 <= axis < len(shape) for axis in axes):
        msg = f"{operation}: {len(indices)} index arrays for the axes {axes} of shape {shape}"
        raise ShapeError(msg)
    block = broadcast_shapes(operation, [index.shape for index in indices])
    rest = tuple(n for axis, n in enumerate(shape) if axis not in axes)
    return rest[:position] + block + rest[position:]


def check_updates(
    operation: str, shape: tuple[int, ...], at: Gather, types: Sequence[ArrayType]
) -> None:
    """Check that the first of ``types`` has the shape of what the others select."""
    updates, *indices = types
    wanted = selected_shape(operation, shape, at, indices)
    if updates.shape != wanted:
        msg = f"{operation}: values of shape {updates.shape} where the indices select {wanted}"
        raise ShapeError(msg)


def assign(array: Value, at: Gather, indices: Sequence[Value], values: Value) -> None:
    """Write values into ``array``, which nobody else holds; the last of several stays."""
    moved = _moved(values, indices, at.position, _numpy_position(at.axes))
    ordered = [np.asarray(index, order="C") for index in indices]  # NumPy goes by their layout
    try:
        array[_numpy_key(array.ndim, at.axes, ordered)] = moved
    except IndexError:
        raise out_of_range(at.name, array.shape, at.axes, indices) from None


def flat_positions(shape: tuple[int, ...], at: Gather, indices: Sequence[Value]) -> Value:
    """Return the row-major position, in an array of ``shape``, of each element selected.

    Raises:
        IndexingError: An index is out of range.
    """
    rest = [axis for axis in range(len(shape)) if axis not in at.axes]
    after = len(rest) - at.position
    terms: list[Value] = []
    for axis, index in zip(at.axes, indices, strict=True):
        n, array = shape[axis], np.asarray(index, np.intp)
        least = array.min(initial=0)
        if least < -n or array.max(initial=-1) >= n:
            raise out_of_range(at.name, shape, at.axes, indices)
        if least < 0:
            array = np.where(array < 0, array + n, array)
        terms.append(_offsets(array, axis, shape).reshape(array.shape + (1,) * after))
    for place, axis in enumerate(rest):
        after = len(rest) - 1 - place + (_rank(indices) if place < at.position else 0)
        terms.append(_offsets(np.arange(shape[axis]), axis, shape).reshape((-1,) + (1,) * after))
    return np.reshape(reduce(operator.add, terms), -1)


def _offsets(index: Value, axis: int, shape: tuple[int, ...]) -> Value:
    """Return how far in row-major order an index along one axis leads."""
    stride = math.prod(shape[axis + 1 :])
    return index if stride == 1 else index * stride


def out_of_range(
    operation: str, shape: tuple[int, ...], axes: tuple[int, ...], indices: Sequence[Value]
) -> IndexingError:
    """Return the error that names the first index outside its axis."""
    for axis, index in zip(axes, indices, strict=True):
        array, n = np.asarray(index), shape[axis]
        outside = array[(array < -n) | (array >= n)]
        if outside.size:
            return IndexingError(
                f"{operation}: index {outside[0]} is out of range for axis {axis} of size {n}"
            )
    return IndexingError(f"{operation}: the index arrays do not fit shape {shape}")


def _rank(indices: Sequence[Value]) -> int:
    """Return the number of axes that index arrays broadcast to."""
    return max(map(np.ndim, indices))


def _numpy_key(ndim: int, axes: tuple[int, ...], indices: Sequence[Value]) -> tuple[Value, ...]:
    """Return NumPy's key for index arrays along the given axes."""
    key: list[Value] = [slice(None)] * ndim
    for axis, index in zip(axes, indices, strict=True):
        key[axis] = index
    return tuple(key)


def _numpy_position(axes: tuple[int, ...]) -> int:
    """Return the position that NumPy gives the axes of the index arrays."""
    adjacent = axes[-1] - axes[0] == len(axes) - 1
    return axes[0] if adjacent else 0


def _moved(array: Value, indices: Sequence[Value], source: int, target: int) -> Value:
    """Move the axes of the index arrays, which start at ``source``, to start at ``target``."""
    if source == target:
        return array
    rank = _rank(indices)
    return np.moveaxis(array, range(source, source + rank), range(target, target + rank))


def grids(shape: tuple[int, ...], axis: int) -> tuple[list[Value], list[Value]]:
    """Return index arrays that move nothing, for the axes before ``axis`` and for those after it.

    With indices along ``axis`` between them they select those at each position of the others.
    """
    rank = len(shape)
    arrays = [np.arange(n).reshape((-1,) + (1,) * (rank - 1 - i)) for i, n in enumerate(shape)]
    return list(arrays[:axis]), list(arrays[axis + 1 :])
