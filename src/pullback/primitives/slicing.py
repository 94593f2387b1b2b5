"""Basic indexing, with integers and slices: selecting a part, its adjoint, and replacing a part."""

from __future__ import annotations

from typing import ClassVar, TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.errors import ShapeError
from pullback.primitives.linear import Linear
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value, quantity_type, shape_of
from pullback.primitives.shape import spread_batch
from pullback.types import ArrayType

#: What happens to one axis: an integer in ``0 <= i < n`` removes it; a slice is one as NumPy takes
#: it, whose stop is None only for "past the front" under a negative step.
Slot: TypeAlias = "int | slice[int, int | None, int]"
#: One slot for each axis.
Slots: TypeAlias = "tuple[Slot, ...]"


def sliced_shape(operation: str, slots: Slots, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of ``x[slots]``."""
    if len(slots) != len(shape):
        msg = f"{operation}: {len(slots)} slots for the {len(shape)} axes of shape {shape}"
        raise ShapeError(msg)
    pairs = zip(slots, shape, strict=True)
    return tuple(len(range(*s.indices(n))) for s, n in pairs if isinstance(s, slice))


@final
@frozen(eq=False, repr=False)
class Slice(Linear):
    """``x[slots]``, with an integer or a slice for each axis."""

    selects: ClassVar[bool] = True
    slots: Slots

    def evaluate(self, *values: Value) -> Value:
        return values[0][self.slots]

    def infer(self, *types: ArrayType) -> ArrayType:
        (x,) = types
        return ArrayType(sliced_shape(self.name, self.slots, x.shape), x.dtype)

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Put the cotangent in its place among zeros."""
        return PadSlice(shape_of(operand), self.slots)(cotangent)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return Slice((slice(0, size, 1), *self.slots))(operands[0])


@final
@frozen(eq=False, repr=False)
class PadSlice(Linear):
    """Zeros of ``shape``, but for the operand at ``slots``: the adjoint of `Slice`."""

    shape: tuple[int, ...]
    slots: Slots

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        result = zeros_for(x, self.shape)
        result[self.slots] = x
        return result

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the operand's type with the full shape."""
        (x,) = types
        _check_part(self.name, self.slots, self.shape, x.shape)
        return ArrayType(self.shape, x.dtype)

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Select the part."""
        return Slice(self.slots)(cotangent)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return PadSlice((size, *self.shape), (slice(0, size, 1), *self.slots))(operands[0])


@final
@frozen(eq=False, repr=False)
class SliceSet(Primitive):
    """``x`` with the part at ``slots`` replaced. Operands: x, and a part of its dtype.

    Linear in both; what is replaced has the derivative zero.
    """

    selects: ClassVar[bool] = True
    slots: Slots

    def evaluate(self, *values: Value) -> Value:
        x, part = values
        result = x.copy()
        result[self.slots] = part
        return result

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type of ``x``."""
        x, part = types
        _check_part(self.name, self.slots, x.shape, part.shape)
        return x

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        if index == 0:
            return self(tangent, zeros_like(operands[1]))
        return PadSlice(shape_of(out), self.slots)(tangent)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        if index == 0:
            return self(cotangent, zeros_like(operands[1]))
        return Slice(self.slots)(cotangent)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        x, part = spread_batch(operands, batched, size)
        return SliceSet((slice(0, size, 1), *self.slots))(x, part)


def zeros_for(x: Value, shape: tuple[int, ...]) -> Value:
    """Return zeros in which the elements of ``x`` are to be put."""
    # Where a sweep has bare values, a Python float may stand for a float64.
    return np.zeros(shape, np.float64 if x.__class__ is float else x.dtype)


def zeros_like(quantity: Quantity) -> Value:
    """Return zeros of the quantity's type."""
    type_ = quantity_type(quantity)
    return np.zeros(type_.shape, type_.dtype)[()]


def _check_part(
    operation: str, slots: Slots, whole: tuple[int, ...], part: tuple[int, ...]
) -> None:
    """Check that the part fits its place in the whole."""
    wanted = sliced_shape(operation, slots, whole)
    if part != wanted:
        msg = f"{operation}: a part of shape {part} at a place of shape {wanted} in shape {whole}"
        raise ShapeError(msg)
