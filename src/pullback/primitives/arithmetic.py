"""The primitives behind Python's arithmetic operators.

They compute with Python's own operators, so that a Python number stays a Python number (a weak
type) exactly where it does in plain Python, and a NumPy value follows NumPy. Where Python would
raise (division by zero, overflow) or leave the reals (a root of a negative number), the result is
the IEEE one that NumPy gives.
"""

from __future__ import annotations

import operator
from typing import ClassVar, final

import numpy as np
from attrs import frozen

from pullback.primitives.cast import conform, spread
from pullback.primitives.complex import conjugate
from pullback.primitives.elementwise import Binary, Elementwise
from pullback.primitives.primitive import Product
from pullback.primitives.quantity import Quantity, Value


@final
@frozen
class Add(Elementwise):
    """``x + y``."""

    ufunc: ClassVar[np.ufunc] = np.add
    evaluate = staticmethod(operator.add)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return spread(tangent, out)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        return conform(cotangent, operands[index])


@final
@frozen
class Subtract(Elementwise):
    """``x - y``."""

    ufunc: ClassVar[np.ufunc] = np.subtract
    evaluate = staticmethod(operator.sub)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return spread(-tangent if index else tangent, out)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        return conform(-cotangent if index else cotangent, operands[index])


@final
@frozen
class Multiply(Elementwise):
    """``x * y``."""

    ufunc: ClassVar[np.ufunc] = np.multiply
    evaluate = staticmethod(operator.mul)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return spread(tangent * operands[1 - index], out)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        other = operands[1 - index]
        return conform(product(cotangent, conjugate(other)), operands[index])


@final
@frozen
class Negative(Elementwise):
    """``-x``."""

    ufunc: ClassVar[np.ufunc] = np.negative
    evaluate = staticmethod(operator.neg)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return -tangent

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        return -cotangent


@final
@frozen
class Positive(Elementwise):
    """``+x``; a Python bool becomes an int."""

    ufunc: ClassVar[np.ufunc] = np.positive
    evaluate = staticmethod(operator.pos)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return tangent

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        return cotangent


@final
@frozen
class Divide(Binary):
    """``x / y``."""

    ufunc: ClassVar[np.ufunc] = np.true_divide

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        try:
            return x / y
        except ZeroDivisionError:  # two Python numbers
            return np.true_divide(x, y).item()

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return 1 / y

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return -out / y
