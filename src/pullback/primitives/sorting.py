"""Sorting along an axis, and searching in what is sorted."""

from __future__ import annotations

from typing import Literal, final

import numpy as np
from attrs import frozen

from pullback.errors import ShapeError
from pullback.primitives.gather import Gather, ScatterAdd, grids
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.reduction import Discrete
from pullback.types import ArrayType


@final
@frozen(eq=False, repr=False)
class Sort(Primitive):
    """The elements in order along ``axis``; nan is greater than any number.

    A permutation, locally a fixed one: the derivative permutes likewise. Equal elements take
    their order from `ArgSort`.
    """

    axis: int
    descending: bool

    def evaluate(self, *values: Value) -> Value:
        result = np.sort(values[0], self.axis)
        return np.flip(result, self.axis) if self.descending else result

    def infer(self, *types: ArrayType) -> ArrayType:
        return types[0]

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        gather, indices = self._permutation(operands[0])
        return gather(tangent, *indices)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        gather, indices = self._permutation(operands[0])
        return ScatterAdd(shape_of(out), gather)(cotangent, *indices)

    def _permutation(self, x: Quantity) -> tuple[Gather, list[Quantity]]:
        """Return the selection that sorts ``x``, and its index arrays."""
        order = ArgSort(self.axis, self.descending)(x)
        shape = shape_of(x)
        before, after = grids(shape, self.axis)
        return Gather(tuple(range(len(shape))), 0, unique=True), [*before, order, *after]


@final
@frozen(eq=False, repr=False)
class ArgSort(Discrete):
    """The indices that sort along ``axis``; equal elements keep their order."""

    axis: int
    descending: bool

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        if not self.descending:
            return np.argsort(x, self.axis, stable=True)
        # Reversed twice, so that equal elements keep their order.
        order = np.argsort(np.flip(x, self.axis), self.axis, stable=True)
        return x.shape[self.axis] - 1 - np.flip(order, self.axis)

    def infer(self, *types: ArrayType) -> ArrayType:
        return ArrayType(types[0].shape, np.dtype(np.intp))


@final
@frozen(eq=False, repr=False)
class SearchSorted(Discrete):
    """Where each value would stand in a sorted array of rank 1. Operands: the array, the values.

    ``side`` says on which side of elements that equal it.
    """

    side: Literal["left", "right"]

    def evaluate(self, *values: Value) -> Value:
        x, found = values
        return np.searchsorted(x, found, self.side)

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type of the indices."""
        x, values = types
        if len(x.shape) != 1:
            msg = f"searchsorted: the sorted array has rank 1, unlike shape {x.shape}"
            raise ShapeError(msg)
        return ArrayType(values.shape, np.dtype(np.intp))
