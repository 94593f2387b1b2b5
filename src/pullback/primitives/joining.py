"""Concatenation; and along one axis, taking a stretch out or putting one among zeros."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import final

import numpy as np
from attrs import frozen

from pullback.errors import ShapeError
from pullback.primitives.cast import conform, spread
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.shape import spread_batch
from pullback.primitives.slicing import PadSlice, Slice, Slots
from pullback.types import ArrayType, promote

Shape = tuple[int, ...]


@final
@frozen(eq=False, repr=False)
class Concat(Primitive):
    """The operands one after another along ``axis``, promoted to their common dtype.

    Operand ``i`` lies from ``bounds[i]`` up to ``bounds[i + 1]``: a rule finds its place without
    counting through the operands before it, which would take quadratic time for all of them.
    """

    axis: int
    bounds: tuple[int, ...]

    def evaluate(self, *values: Value) -> Value:
        return np.concatenate(values, self.axis)

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type with the sizes along the axis added up."""
        shapes = [t.shape for t in types]
        if concat_along(self.axis, shapes) != self:
            msg = f"concat: bounds {self.bounds} on axis {self.axis} do not fit shapes {shapes}"
            raise ShapeError(msg)
        return ArrayType(_with_size(shapes[0], self.axis, self.bounds[-1]), promote(types))

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return spread(place(tangent, self.axis, self.bounds[index], self.bounds[-1]), out)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        start, stop = self.bounds[index : index + 2]
        return conform(stretch(cotangent, self.axis, start, stop), operands[index])

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return Concat(self.axis + 1, self.bounds)(*spread_batch(operands, batched, size))


def concat_along(axis: int, shapes: Sequence[Shape]) -> Concat:
    """Return the concatenation along ``axis`` of operands of the given shapes.

    Raises:
        ShapeError: There are none, or they differ on another axis.
    """
    if not shapes:
        msg = "concat: no arrays were given; at least one is needed"
        raise ShapeError(msg)
    first = shapes[0]
    if not first:
        msg = "concat: array 0 has shape (), and no axis to join along; stack joins scalars"
        raise ShapeError(msg)
    for i, shape in enumerate(shapes):
        if shape == first:
            continue
        if len(shape) != len(first):
            msg = (
                f"concat: array 0 has shape {first} and array {i} has shape {shape}: "
                "they need the same number of axes"
            )
            raise ShapeError(msg)
        for other, (n, m) in enumerate(zip(first, shape, strict=True)):
            if n != m and other != axis:
                msg = (
                    f"concat: sizes differ on axis {other}: {n} in array 0, shape {first}, and "
                    f"{m} in array {i}, shape {shape}; only sizes on axis {axis} may differ"
                )
                raise ShapeError(msg)
    return Concat(axis, tuple(accumulate((shape[axis] for shape in shapes), initial=0)))


def stretch(quantity: Quantity, axis: int, start: int, stop: int) -> Quantity:
    """Return the elements from ``start`` up to ``stop`` along the axis."""
    return Slice(slots_along(shape_of(quantity), axis, start, stop))(quantity)


def place(quantity: Quantity, axis: int, start: int, size: int) -> Quantity:
    """Return zeros that have ``size`` along the axis, but for ``quantity`` from ``start`` on."""
    shape = shape_of(quantity)
    slots = slots_along(shape, axis, start, start + shape[axis])
    return PadSlice(_with_size(shape, axis, size), slots)(quantity)


def slots_along(shape: Shape, axis: int, start: int, stop: int) -> Slots:
    """Return the slots that select a stretch along one axis, and all along the others."""
    return tuple(
        slice(start, stop, 1) if i == axis else slice(0, n, 1) for i, n in enumerate(shape)
    )


def _with_size(shape: Shape, axis: int, size: int) -> Shape:
    """Return the shape with another size along the axis."""
    return (*shape[:axis], size, *shape[axis + 1 :])
