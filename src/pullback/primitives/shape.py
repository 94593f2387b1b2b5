"""Primitives that move elements without computing, and the sum, broadcasting's transpose.

All are linear: the pushforward is the operation itself, and the pullback its inverse or adjoint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, final

import numpy as np
from attrs import frozen

from pullback.errors import ShapeError
from pullback.primitives.linear import Linear
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.types import ArrayType, broadcast_shapes


@final
@frozen(eq=False, repr=False)
class Reshape(Linear):
    """The same elements in row-major order under another shape (all sizes given)."""

    shape: tuple[int, ...]

    def evaluate(self, *values: Value) -> Value:
        return np.reshape(values[0], self.shape)[()]

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the operand's type with the new shape."""
        (x,) = types
        if math.prod(x.shape) != math.prod(self.shape):
            msg = (
                f"reshape: shape {x.shape} has {math.prod(x.shape)} elements, "
                f"shape {self.shape} has {math.prod(self.shape)}"
            )
            raise ShapeError(msg)
        return ArrayType(self.shape, x.dtype)

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Restore the shape."""
        return Reshape(shape_of(operand))(cotangent)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return Reshape((size, *self.shape))(operands[0])


@final
@frozen(eq=False, repr=False)
class Transpose(Linear):
    """A permutation of the axes: axis ``i`` of the result is axis ``axes[i]`` of the operand."""

    axes: tuple[int, ...]

    def evaluate(self, *values: Value) -> Value:
        return np.transpose(values[0], self.axes)[()]

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the operand's type with its axes permuted."""
        (x,) = types
        if sorted(self.axes) != list(range(x.ndim)):
            msg = f"transpose: axes {self.axes} do not permute the axes of shape {x.shape}"
            raise ShapeError(msg)
        return ArrayType(tuple(x.shape[axis] for axis in self.axes), x.dtype)

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Permute back."""
        inverse = tuple(int(i) for i in np.argsort(self.axes))
        return Transpose(inverse)(cotangent)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return Transpose((0, *behind(self.axes)))(operands[0])


#: Up to this many elements, filling an array is quicker than making a view with strides of 0.
_SMALL: Final = 4096


@final
@frozen(eq=False, repr=False)
class BroadcastTo(Linear):
    """The operand repeated along new leading axes and along axes of size 1."""

    shape: tuple[int, ...]

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        if isinstance(x, np.generic) and self.shape:  # np.broadcast_to takes eight times as long
            return np.ndarray(self.shape, x.dtype, x, 0, (0,) * len(self.shape))
        if math.prod(self.shape) <= _SMALL:
            result = np.empty(self.shape, np.asarray(x).dtype)
            result[...] = x
            return result[()]
        return np.broadcast_to(x, self.shape)[()]

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the operand's type with the wider shape."""
        (x,) = types
        if broadcast_shapes("broadcast_to", [x.shape, self.shape]) != self.shape:
            msg = f"broadcast_to: shape {x.shape} does not broadcast to {self.shape}"
            raise ShapeError(msg)
        return ArrayType(self.shape, x.dtype)

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Sum over what was repeated."""
        return sum_to_shape(cotangent, shape_of(operand))

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        (x,) = operands
        x = insert_ones(x, len(self.shape) + 1 - len(shape_of(x)))
        return BroadcastTo((size, *self.shape))(x)


@final
@frozen(eq=False, repr=False)
class Sum(Linear):
    """The sum over distinct ``axes``, which vanish; small integers widen as NumPy widens them."""

    axes: tuple[int, ...]

    def evaluate(self, *values: Value) -> Value:
        return np.add.reduce(values[0], axis=self.axes)

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type without the axes."""
        return reduced_type(np.add, types[0], self.axes)

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Repeat the cotangent along the axes that were summed."""
        shape = shape_of(operand)
        return BroadcastTo(shape)(restore_axes(cotangent, self.axes, shape))

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return Sum(behind(self.axes))(operands[0])


@final
@frozen(eq=False, repr=False)
class Flip(Linear):
    """The elements in reverse order along ``axes``. Its own inverse and its own adjoint."""

    axes: tuple[int, ...]

    def evaluate(self, *values: Value) -> Value:
        return np.flip(values[0], self.axes)[()]

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the operand's type."""
        return ArrayType(types[0].shape, types[0].dtype)

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Flip back."""
        return self(cotangent)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return Flip(behind(self.axes))(operands[0])


def reduced_type(ufunc: np.ufunc, x: ArrayType, axes: tuple[int, ...]) -> ArrayType:
    """Return the type of a ufunc's reduction over ``axes``, with NumPy's choice of dtype."""
    shape = tuple(n for axis, n in enumerate(x.shape) if axis not in axes)
    return ArrayType(shape, ufunc.reduce(np.zeros(1, x.dtype)).dtype)


def restore_axes(quantity: Quantity, axes: tuple[int, ...], shape: tuple[int, ...]) -> Quantity:
    """Return a reduction over ``axes`` of something of ``shape`` so that it broadcasts to it."""
    if axes == tuple(range(len(axes))):
        return quantity  # broadcasting adds leading axes by itself
    return Reshape(tuple(1 if axis in axes else n for axis, n in enumerate(shape)))(quantity)


def sum_to_shape(quantity: Quantity, shape: tuple[int, ...]) -> Quantity:
    """Sum over every axis that broadcasting from ``shape`` added or stretched."""
    have = shape_of(quantity)
    added = len(have) - len(shape)
    axes = (
        *range(added),
        *(i + added for i, n in enumerate(shape) if n == 1 and have[i + added] != 1),
    )
    if axes:
        quantity = Sum(axes)(quantity)
    return quantity if shape_of(quantity) == shape else Reshape(shape)(quantity)


def behind(axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes as they are numbered behind a batch axis."""
    return tuple([axis + 1 for axis in axes])


def align_ranks(operands: Sequence[Quantity], batched: Sequence[bool]) -> Sequence[Quantity]:
    """Return operands that broadcast, element by element, so that they do so with a batch axis.

    Axes of size 1 follow the batch axis of an element that has fewer axes than another. What is
    not batched broadcasts along the batch axis by itself.
    """
    ranks = [len(shape_of(x)) - flag for x, flag in zip(operands, batched, strict=True)]
    rank = max(ranks)
    return [
        insert_ones(x, rank - own) if flag else x
        for x, flag, own in zip(operands, batched, ranks, strict=True)
    ]


def insert_ones(x: Quantity, number: int) -> Quantity:
    """Return ``x`` with a number of axes of size 1 behind the batch axis."""
    if number == 0:
        return x
    size, *rest = shape_of(x)
    return Reshape((size, *(1,) * number, *rest))(x)


def spread_batch(
    operands: Sequence[Quantity], batched: Sequence[bool], size: int
) -> list[Quantity]:
    """Return the operands, those that have no batch axis repeated along one."""
    return [
        x if flag else BroadcastTo((size, *shape_of(x)))(x)
        for x, flag in zip(operands, batched, strict=True)
    ]


def move_axis(x: Quantity, source: int, target: int) -> Quantity:
    """Return ``x`` with one axis moved to another place among the others."""
    if source == target:
        return x
    axes = list(range(len(shape_of(x))))
    axes.insert(target, axes.pop(source))
    return Transpose(tuple(axes))(x)
