"""Sums and products up to each element, and the linear recurrence that differentiates products.

A derivative of a product never divides by its factors: it stays right where some are zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
from attrs import frozen

from pullback.errors import ShapeError
from pullback.primitives.complex import conjugate
from pullback.primitives.joining import place, stretch
from pullback.primitives.linear import Linear
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.selection import MultiplyNoNan
from pullback.primitives.shape import spread_batch
from pullback.types import ArrayType


@final
@frozen(eq=False, repr=False)
class Cumsum(Linear):
    """``y_k = x_0 + ... + x_k`` along ``axis``; reversed, the sum from ``x_k`` to the last."""

    axis: int
    reverse: bool = False

    def evaluate(self, *values: Value) -> Value:
        return _accumulate(np.add, values[0], self.axis, reverse=self.reverse)

    def infer(self, *types: ArrayType) -> ArrayType:
        return _accumulated_type(np.add, types[0])

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Return ``x_bar_k``, the sum of every ``y_bar`` whose ``y`` contains ``x_k``."""
        return Cumsum(self.axis, not self.reverse)(cotangent)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return Cumsum(self.axis + 1, self.reverse)(operands[0])


@final
@frozen(eq=False, repr=False)
class Cumprod(Primitive):
    """``y_k = x_0 · ... · x_k`` along ``axis``; reversed, the product from ``x_k`` to the last.

    From ``y_k = x_k·y_{k-1}``, with ``y_{-1} = 1``, follow two linear recurrences:

        y_dot_k = x_k·y_dot_{k-1} + x_dot_k·y_{k-1}
        g_k     = conj(x_{k+1})·g_{k+1} + y_bar_k          x_bar_k = conj(y_{k-1})·g_k
    """

    axis: int
    reverse: bool = False

    def evaluate(self, *values: Value) -> Value:
        return _accumulate(np.multiply, values[0], self.axis, reverse=self.reverse)

    def infer(self, *types: ArrayType) -> ArrayType:
        return _accumulated_type(np.multiply, types[0])

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        change = tangent * preceding(out, self.axis, 1, reverse=self.reverse)
        return Recurrence(self.axis, self.reverse)(operands[0], change)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        x = conjugate(operands[0])
        following = preceding(x, self.axis, 0, reverse=not self.reverse)
        g = Recurrence(self.axis, not self.reverse)(following, cotangent)
        return product(g, conjugate(preceding(out, self.axis, 1, reverse=self.reverse)))

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return Cumprod(self.axis + 1, self.reverse)(operands[0])


@final
@frozen(eq=False, repr=False)
class Recurrence(Primitive):
    """``h_k = a_k·h_{k-1} + b_k`` along ``axis``, with ``h_{-1} = 0``; reversed, from the last on.

    Operands: a, b, of one shape and one inexact dtype. Where ``h_{k-1}`` is 0, so is the product
    ``a_k·h_{k-1}``, even if ``a_k`` is infinite: h is a tangent or cotangent, and a zero one stays
    silent.

    Linear in b, and with ``h_dot_k = a_k·h_dot_{k-1} + (a_dot_k·h_{k-1} + b_dot_k)`` its own
    derivative. The adjoint runs the other way:

        g_k = conj(a_{k+1})·g_{k+1} + h_bar_k              b_bar = g,  a_bar_k = conj(h_{k-1})·g_k
    """

    axis: int
    reverse: bool = False

    def evaluate(self, *values: Value) -> Value:
        a, b = (np.moveaxis(value, self.axis, 0) for value in values)
        if self.reverse:
            a, b = a[::-1], b[::-1]
        out = np.moveaxis(_recur(a, b), 0, self.axis)
        return np.flip(out, self.axis) if self.reverse else out

    def infer(self, *types: ArrayType) -> ArrayType:
        a, b = types
        if a != b or not a.inexact or a.ndim == 0:
            msg = f"recurrence: two operands of one inexact type are needed, not {a} and {b}"
            raise ShapeError(msg)
        return a

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        if index == 0:
            before = preceding(out, self.axis, 0, reverse=self.reverse)
            tangent = MultiplyNoNan()(before, tangent)
        return self(operands[0], tangent)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        a = conjugate(operands[0])
        following = preceding(a, self.axis, 0, reverse=not self.reverse)
        g = Recurrence(self.axis, not self.reverse)(following, cotangent)
        if index == 1:
            return g
        before = conjugate(preceding(out, self.axis, 0, reverse=self.reverse))
        return MultiplyNoNan(symmetric=True)(g, before)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        a, b = spread_batch(operands, batched, size)
        return Recurrence(self.axis + 1, self.reverse)(a, b)


def preceding(quantity: Quantity, axis: int, first: int, *, reverse: bool) -> Quantity:
    """Return the element before each one along the axis; before the first stands 0 or 1.

    Reversed, the element after each one.
    """
    size = shape_of(quantity)[axis]
    if size == 0:
        return quantity
    kept = stretch(quantity, axis, 1, size) if reverse else stretch(quantity, axis, 0, size - 1)
    moved = place(kept, axis, 0 if reverse else 1, size)
    if first == 0:
        return moved
    gap: Value = np.arange(size) == (size - 1 if reverse else 0)
    ones: Quantity = gap.reshape((size,) + (1,) * (len(shape_of(quantity)) - axis - 1))
    return moved + ones


def products_of_others(x: Quantity, axis: int) -> Quantity:
    """Return for each element the product of all the others along the axis."""
    before = Cumprod(axis)(preceding(x, axis, 1, reverse=False))
    after = Cumprod(axis, reverse=True)(preceding(x, axis, 1, reverse=True))
    return before * after


def _accumulate(ufunc: np.ufunc, x: Value, axis: int, *, reverse: bool) -> Value:
    """Accumulate along the axis, from its end if reversed."""
    if reverse:
        return np.flip(ufunc.accumulate(np.flip(x, axis), axis), axis)
    return ufunc.accumulate(x, axis)


def _accumulated_type(ufunc: np.ufunc, x: ArrayType) -> ArrayType:
    """Return the type of an accumulation, with NumPy's choice of dtype."""
    return ArrayType(x.shape, ufunc.accumulate(np.zeros(1, x.dtype)).dtype)


def _recur(a: Value, b: Value) -> Value:
    """Return ``h_k = a_k·h_{k-1} + b_k`` along the first axis."""
    out = np.empty(b.shape, b.dtype)
    if b.size == len(b):  # one lane: Python's numbers are faster than arrays of one element
        out.flat[:] = list(_recur_numbers(a.ravel().tolist(), b.ravel().tolist()))
        return out
    finite = np.isfinite(a).all()
    h = np.zeros_like(b[0])
    for k in range(len(b)):
        step = a[k] * h if finite else np.multiply(a[k], h, np.zeros_like(h), where=h != 0)
        h = np.add(step, b[k], out[k])
    return out


def _recur_numbers(a: list[complex], b: list[complex]) -> Iterator[complex]:
    """Yield ``h_k = a_k·h_{k-1} + b_k``."""
    h: complex = 0
    for a_k, b_k in zip(a, b, strict=True):
        h = a_k * h + b_k if h else b_k
        yield h
