"""Reductions over axes, which vanish: product, extremes and their positions, any, all, logsumexp.

With them the softmax, which is the derivative of logsumexp, and the root that ends a norm. The sum
is linear and stands in `pullback.primitives.shape`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, final

import numpy as np
from attrs import frozen

from pullback.errors import DTypeError, ShapeError
from pullback.primitives.bitwise import BitwiseOr
from pullback.primitives.cast import Cast
from pullback.primitives.comparison import Equal, NotEqual
from pullback.primitives.complex import conjugate
from pullback.primitives.cumulative import products_of_others
from pullback.primitives.elementwise import Unary
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value, quantity_type, shape_of
from pullback.primitives.selection import Where
from pullback.primitives.shape import (
    Reshape,
    Sum,
    Transpose,
    behind,
    reduced_type,
    restore_axes,
)
from pullback.types import ArrayType


@frozen(eq=False, repr=False)
class Reduction(Primitive):
    """A primitive with distinct ``axes``, which vanish (but for softmax).

    The members inherit what attrs generates here. It would generate the same for each of them, at
    a third of a millisecond of every import.
    """

    axes: tuple[int, ...]

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return type(self)(behind(self.axes))(operands[0])


@final
class Prod(Reduction):
    """The product: ``∂/∂x_i Π x = Π_{j≠i} x_j``, found without dividing."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return np.multiply.reduce(values[0], axis=self.axes)

    def infer(self, *types: ArrayType) -> ArrayType:
        return reduced_type(np.multiply, types[0], self.axes)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return Sum(self.axes)(tangent * self._partial(operands[0]))

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        (x,) = operands
        bar = restore_axes(cotangent, self.axes, shape_of(x))
        return product(bar, conjugate(self._partial(x)))

    def _partial(self, x: Quantity) -> Quantity:
        """Return for each element the product of the others that it is multiplied with."""
        if len(self.axes) == 1:
            return products_of_others(x, self.axes[0])
        shape = shape_of(x)
        order = (*(axis for axis in range(len(shape)) if axis not in self.axes), *self.axes)
        moved = Transpose(order)(x)
        rest = shape_of(moved)[: len(shape) - len(self.axes)]
        size = math.prod(shape[axis] for axis in self.axes)
        others = products_of_others(Reshape((*rest, size))(moved), len(rest))
        restored = Reshape(shape_of(moved))(others)
        return Transpose(tuple(order.index(axis) for axis in range(len(shape))))(restored)


class Extreme(Reduction):
    """The largest or smallest element; nan where one is nan.

    The derivative passes to the elements that attain it, in equal shares.
    """

    __slots__ = ()
    selects: ClassVar[bool] = True

    @abstractmethod
    def evaluate(self, *values: Value) -> Value:
        """Find the extreme."""

    def infer(self, *types: ArrayType) -> ArrayType:
        (x,) = types
        for axis in self.axes:
            if x.shape[axis] == 0:
                msg = (
                    f"{self.name}: an empty reduction has no identity: axis {axis} of shape "
                    f"{x.shape} has size 0; give a value for it, initial="
                )
                raise ShapeError(msg)
        return reduced_type(np.maximum, x, self.axes)  # and np.minimum: the same

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        attained, count = self._attained(operands[0], out)
        return Sum(self.axes)(Where()(attained, tangent, 0)) / count

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        (x,) = operands
        attained, count = self._attained(x, out)
        return Where()(attained, restore_axes(cotangent / count, self.axes, shape_of(x)), 0)

    def _attained(self, x: Quantity, out: Quantity) -> tuple[Quantity, Quantity]:
        """Return which elements attain the extreme, and how many, in the dtype of ``x``."""
        equal = Equal()(x, restore_axes(out, self.axes, shape_of(x)))
        attained = BitwiseOr()(equal, NotEqual()(x, x))  # where the result is nan: each nan
        return attained, Sum(self.axes)(Cast(quantity_type(x).dtype)(attained))


@final
class Max(Extreme):
    """The largest element."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return np.maximum.reduce(values[0], axis=self.axes)


@final
class Min(Extreme):
    """The smallest element."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return np.minimum.reduce(values[0], axis=self.axes)


class Discrete(Primitive):
    """A reduction to integers or booleans: it has no derivative."""

    __slots__ = ()
    differentiable: ClassVar[bool] = False

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> None:
        """Return nothing: the derivative is zero."""

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> None:
        """Return nothing: the derivative is zero."""


@final
class Any(Discrete, Reduction):
    """Whether any element is not zero."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return np.logical_or.reduce(values[0], axis=self.axes)

    def infer(self, *types: ArrayType) -> ArrayType:
        return reduced_type(np.logical_or, types[0], self.axes)


@final
class All(Discrete, Reduction):
    """Whether all elements are not zero."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return np.logical_and.reduce(values[0], axis=self.axes)

    def infer(self, *types: ArrayType) -> ArrayType:
        return reduced_type(np.logical_and, types[0], self.axes)


@frozen(eq=False, repr=False)
class Position(Discrete):
    """The index along ``axis``, which vanishes, of the first extreme element, or the first nan."""

    axis: int

    @abstractmethod
    def evaluate(self, *values: Value) -> Value:
        """Find the position."""

    def infer(self, *types: ArrayType) -> ArrayType:
        (x,) = types
        if x.shape[self.axis] == 0:
            msg = f"{self.name}: axis {self.axis} of shape {x.shape} has size 0"
            raise ShapeError(msg)
        shape = (*x.shape[: self.axis], *x.shape[self.axis + 1 :])
        return ArrayType(shape, np.dtype(np.intp))

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return type(self)(self.axis + 1)(operands[0])


@final
class Argmax(Position):
    """The position of the largest element."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return np.argmax(values[0], self.axis)


@final
class Argmin(Position):
    """The position of the smallest element."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return np.argmin(values[0], self.axis)


@final
class Logsumexp(Reduction):
    """``ln Σ exp(x)``, without overflow; -inf of nothing. The derivative is `Softmax`."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        # ln Σ exp(x) = shift + ln(1 + (m - 1) + Σ' exp(x - shift)), where the m elements equal to
        # the largest one, the shift, are left out of Σ': so ln1p keeps what is small beside 1.
        # An infinite shift would give inf - inf; with 0 in its place the formula holds too.
        x = np.asarray(values[0])
        shift = _largest_real_part(x, self.axes)
        if not np.isfinite(shift).all():
            shift = np.where(np.isfinite(shift), shift, 0)
        with np.errstate(all="ignore"):
            terms = np.asarray(np.exp(x - shift))
            at_shift = x == shift
            terms[at_shift] = 0
            ties = np.add.reduce(at_shift, axis=self.axes, dtype=x.dtype)
            rest = np.add.reduce(terms, axis=self.axes)
            return np.log1p(rest + (ties - 1)) + shift.reshape(rest.shape)[()]

    def infer(self, *types: ArrayType) -> ArrayType:
        return _inexact_reduction(self.name, types[0], self.axes)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return Sum(self.axes)(tangent * Softmax(self.axes)(operands[0]))

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        (x,) = operands
        bar = restore_axes(cotangent, self.axes, shape_of(x))
        return product(bar, conjugate(Softmax(self.axes)(x)))


@final
class Softmax(Reduction):
    """``p = exp(x) / Σ exp(x)``, the sum over distinct ``axes``.

    Where all are -inf, so that nothing has any weight, p is 0; where some are inf, they share it
    equally. With the symmetric derivative ``p_dot = p·(x_dot - Σ p·x_dot)``.
    """

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        x = np.asarray(values[0])
        largest = _largest_real_part(x, self.axes)
        with np.errstate(all="ignore"):
            if np.isfinite(largest).all():
                terms = np.exp(x - largest)
                return (terms / np.add.reduce(terms, axis=self.axes, keepdims=True))[()]
            terms = np.asarray(np.exp(x - np.where(largest == -np.inf, 0, largest)))
            terms[x == np.inf] = 1  # exp(inf - inf); beside it, the finite ones have given 0
            total = np.add.reduce(terms, axis=self.axes, keepdims=True)
            return (terms / np.where(total == 0, 1, total))[()]

    def infer(self, *types: ArrayType) -> ArrayType:
        (x,) = types
        return ArrayType(x.shape, _inexact_reduction(self.name, x, self.axes).dtype)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        mean = restore_axes(Sum(self.axes)(tangent * out), self.axes, shape_of(out))
        return (tangent - mean) * out

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        p = conjugate(out)
        mean = restore_axes(Sum(self.axes)(product(cotangent, p)), self.axes, shape_of(out))
        return product(cotangent - mean, p)


def _largest_real_part(x: Value, axes: tuple[int, ...]) -> Value:
    """Return the largest real part over ``axes``, which keep size 1; -inf of nothing."""
    return np.maximum.reduce(x.real, axis=axes, keepdims=True, initial=-np.inf)


def _inexact_reduction(name: str, x: ArrayType, axes: tuple[int, ...]) -> ArrayType:
    """Return the type of a reduction that needs an inexact dtype and keeps it."""
    if not x.inexact:
        msg = f"{name}: not defined for dtype {x.dtype}; convert the operand with astype"
        raise DTypeError(msg)
    return reduced_type(np.add, x, axes)


@final
class Magnitude(Unary):
    """``√s`` of a sum of squares ``s = Σ|x|²``, as in norms and standard deviations.

    Its derivative at 0 counts as 0, and so then does that of the norm, ``x/√s`` elsewhere: the
    middle of the norm's subdifferential. (The plain root's derivative is infinite there, and would
    meet that of the squares, 0, as ``inf·0``.)
    """

    __slots__ = ()

    ufunc: ClassVar[np.ufunc] = np.sqrt

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        zero = Equal()(out, 0)
        return Where()(zero, 0, 0.5 / Where()(zero, 1, out))
