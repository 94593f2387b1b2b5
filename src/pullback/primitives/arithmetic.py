"""The primitives behind Python's arithmetic operators.

They compute with Python's own operators, so that a Python number stays a Python number (a weak
type) exactly where it does in plain Python, and a NumPy value follows NumPy. Where Python would
raise (division by zero, overflow) or leave the reals (a root of a negative number), the result is
the IEEE one that NumPy gives.

The rules of every primitive meet Python numbers too. What raises there is `/`, so rules divide by
anything but a NumPy result with `divide`.
"""

from __future__ import annotations

import operator
from typing import ClassVar, Final, final

import numpy as np

from pullback.primitives.cast import conform_soon, spread
from pullback.primitives.complex import conjugate
from pullback.primitives.elementwise import Binary, Elementwise
from pullback.primitives.primitive import Product
from pullback.primitives.quantity import DOUBLES, Quantity, Value


def ieee(ufunc: np.ufunc, *numbers: Value) -> Value:
    """Return, as a Python number and without a warning, what NumPy makes of Python numbers."""
    with np.errstate(all="ignore"):
        return ufunc(*numbers).item()


@final
class Add(Elementwise):
    """``x + y``."""

    __slots__ = ()
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
        return conform_soon(cotangent, operands[index])


@final
class Subtract(Elementwise):
    """``x - y``."""

    __slots__ = ()
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
        return conform_soon(-cotangent if index else cotangent, operands[index])


@final
class Multiply(Elementwise):
    """``x * y``."""

    __slots__ = ()
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
        x, other = operands[index], operands[1 - index]
        if cotangent.__class__ in DOUBLES and x.__class__ in DOUBLES:
            return product(cotangent, other)  # the hot path of scalar code: the other is real too
        return conform_soon(product(cotangent, conjugate(other)), x)


@final
class Negative(Elementwise):
    """``-x``."""

    __slots__ = ()
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
class Positive(Elementwise):
    """``+x``; a Python bool becomes an int."""

    __slots__ = ()
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
class Divide(Binary):
    """``x / y``; ∂/∂x = 1/y, ∂/∂y = -x/y²."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.true_divide

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        try:
            return x / y
        except ZeroDivisionError:  # two Python numbers
            return ieee(np.true_divide, x, y)

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return divide(1, y)

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return divide(-out, y)


#: ``divide(x, y)``: division for rules, which is IEEE's for Python numbers as well.
divide: Final = Divide()
