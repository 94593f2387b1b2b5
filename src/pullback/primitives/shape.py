"""Primitives that move elements without computing: reshape, transpose, broadcast; and the sum
that is broadcasting's transpose.

All are linear: the pushforward is the operation itself, and the pullback its inverse or adjoint.
"""

from __future__ import annotations

import math
from typing import final

import numpy as np
from attrs import evolve, frozen

from pullback.errors import ShapeError
from pullback.primitives.linear import Linear
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.types import ArrayType, broadcast_shapes


@final
@frozen
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


@final
@frozen
class Transpose(Linear):
    """A permutation of the axes: axis ``i`` of the result is axis ``axes[i]`` of the operand."""

    axes: tuple[int, ...]

    def evaluate(self, *values: Value) -> Value:
        return np.transpose(values[0], self.axes)

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the operand's type with its axes permuted."""
        (x,) = types
        if sorted(self.axes) != list(range(x.ndim)):
            msg = f"transpose: axes {self.axes} do not permute the axes of shape {x.shape}"
            raise ShapeError(msg)
        return evolve(x, shape=tuple(x.shape[axis] for axis in self.axes))

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Permute back."""
        inverse = tuple(int(i) for i in np.argsort(self.axes))
        return Transpose(inverse)(cotangent)


@final
@frozen
class BroadcastTo(Linear):
    """The operand repeated along new leading axes and along axes of size 1."""

    shape: tuple[int, ...]

    def evaluate(self, *values: Value) -> Value:
        return np.broadcast_to(values[0], self.shape)[()]

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


@final
@frozen
class Sum(Linear):
    """The sum over distinct ``axes``, which vanish; small integers widen as NumPy widens them."""

    axes: tuple[int, ...]

    def evaluate(self, *values: Value) -> Value:
        return np.add.reduce(values[0], axis=self.axes)

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type without the axes."""
        (x,) = types
        shape = tuple(n for axis, n in enumerate(x.shape) if axis not in self.axes)
        dtype = x.dtype
        if dtype.kind in "biu":
            dtype = np.add.reduce(np.empty(0, dtype)).dtype
        return ArrayType(shape, dtype)

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Repeat the cotangent along the axes that were summed."""
        shape = shape_of(operand)
        kept = tuple(1 if axis in self.axes else n for axis, n in enumerate(shape))
        return BroadcastTo(shape)(Reshape(kept)(cotangent))


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
