"""Absolute value, sign, rounding, and division with a whole quotient."""

from __future__ import annotations

import operator
from typing import ClassVar, final

import numpy as np
from attrs import frozen

from pullback.primitives.cast import conform, spread
from pullback.primitives.comparison import Equal
from pullback.primitives.complex import Real, conjugate
from pullback.primitives.elementwise import Binary, Elementwise, Stepwise
from pullback.primitives.power import ONE
from pullback.primitives.primitive import Product
from pullback.primitives.quantity import Quantity, Value, is_complex
from pullback.primitives.selection import Where


@final
@frozen
class FloorDivide(Stepwise):
    """``x // y``: the quotient rounded towards minus infinity."""

    ufunc: ClassVar[np.ufunc] = np.floor_divide

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        try:
            return x // y
        except ZeroDivisionError:  # two Python numbers
            return np.floor_divide(x, y).item()


@final
@frozen
class Remainder(Binary):
    """``x % y = x - y·floor(x / y)``, with the sign of ``y``; ∂/∂x = 1, ∂/∂y = -floor(x / y)."""

    ufunc: ClassVar[np.ufunc] = np.remainder

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        try:
            return x % y
        except ZeroDivisionError:  # two Python numbers
            return np.remainder(x, y).item()

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return ONE

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return -FloorDivide()(x, y)


@final
@frozen
class Sign(Stepwise):
    """-1, 0 or 1, of a real number; nan of nan."""

    ufunc: ClassVar[np.ufunc] = np.sign
    evaluate = staticmethod(np.sign)


@final
@frozen
class Abs(Elementwise):
    """``|x|``.

    Real: derivative sign x. Complex: ``d|x| = Re(conj(u)·dx)`` with the direction ``u = x/|x|``.
    Both are 0 at 0, the middle of the subdifferential.
    """

    ufunc: ClassVar[np.ufunc] = np.absolute
    evaluate = staticmethod(operator.abs)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        (x,) = operands
        if is_complex(x):
            return Real()(conjugate(direction(x, out)) * tangent)
        return spread(tangent * Sign()(x), out)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        (x,) = operands
        slope = direction(x, out) if is_complex(x) else Sign()(x)
        return conform(product(cotangent, slope), x)


def direction(x: Quantity, magnitude: Quantity) -> Quantity:
    """Return ``x / |x|``, and 0 where ``x`` is 0."""
    zero = Equal()(x, 0)
    return Where()(zero, 0, x / Where()(zero, 1, magnitude))
