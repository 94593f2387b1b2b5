"""Sorting along an axis, and searching in what is sorted."""

from __future__ import annotations

import math
from typing import Literal, final

import numpy as np
from attrs import frozen

from pullback.errors import ShapeError
from pullback.primitives.gather import Gather, ScatterAdd, grids
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.reduction import Discrete
from pullback.primitives.shape import spread_batch
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

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return Sort(self.axis + 1, self.descending)(operands[0])

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

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return ArgSort(self.axis + 1, self.descending)(operands[0])


@final
@frozen(eq=False, repr=False)
class SearchSorted(Discrete):
    """Where each value would stand in a sorted array of rank 1. Operands: the array, the values.

    ``side`` says on which side of elements that equal it. With ``rows``, there are as many axes in
    front of both operands, of the same sizes, and each row of the array is searched for its own
    values.
    """

    side: Literal["left", "right"]
    rows: int = 0

    def evaluate(self, *values: Value) -> Value:
        x, found = values
        if self.rows == 0:
            return np.searchsorted(x, found, self.side)
        dtype = np.result_type(x, found)
        count, each = math.prod(x.shape[:-1]), math.prod(found.shape[self.rows :])
        x, flat = x.reshape((count, x.shape[-1])), found.reshape((count, each))
        x, flat = (array.astype(dtype, copy=False) for array in (x, flat))
        ranks = _search_rows(x, flat, self.side)
        return ranks.reshape(found.shape)

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type of the indices."""
        x, values = types
        if len(x.shape) != self.rows + 1:
            msg = f"searchsorted: the sorted array has rank 1, unlike shape {x.shape[self.rows :]}"
            raise ShapeError(msg)
        return ArrayType(values.shape, np.dtype(np.intp))

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        if self.rows == 0 and not batched[0]:
            return self(*operands)
        return SearchSorted(self.side, self.rows + 1)(*spread_batch(operands, batched, size))


def _search_rows(x: Value, values: Value, side: str) -> Value:
    """Return where each value would stand in its row of ``x``, by bisection of all at once.

    The answer lies between ``low`` and ``high``, both included.
    """
    rows = np.arange(len(x))[:, None]
    low = np.zeros(values.shape, np.intp)
    high = np.full(values.shape, x.shape[1])
    for _ in range(x.shape[1].bit_length()):
        open_ = low < high
        middle = np.where(open_, (low + high) // 2, 0)
        element = x[rows, middle]
        behind = _precedes(element, values) if side == "left" else ~_precedes(values, element)
        low = np.where(open_ & behind, middle + 1, low)
        high = np.where(open_ & ~behind, middle, high)
    return low


def _precedes(x: Value, y: Value) -> Value:
    """Return where ``x`` stands before ``y`` in NumPy's order: a nan is last.

    Complex numbers are ordered by the real part, then by the imaginary part, and before those with
    a nan in the imaginary part stand those without, before those in the real part.
    """
    keys = [(x.real, y.real), (x.imag, y.imag)] if x.dtype.kind == "c" else [(x, y)]
    if x.dtype.kind in "fc":
        keys = [*((np.isnan(a), np.isnan(b)) for a, b in keys), *keys]
    before, tied = False, True
    for a, b in keys:
        before = before | (tied & (a < b))
        tied = tied & ~(a < b) & ~(b < a)
    return before
