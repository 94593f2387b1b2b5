"""Powers: of any exponent, and of an integer one that is fixed.

At the points where the textbook formulas read ``0 * inf``, the derivatives take their limits.
"""

from __future__ import annotations

from typing import ClassVar, Final, final

import numpy as np
from attrs import evolve, frozen

from pullback.primitives.comparison import Equal
from pullback.primitives.elementwise import Binary, Unary
from pullback.primitives.exponential import Log
from pullback.primitives.quantity import NUMBERS, Quantity, Value
from pullback.primitives.selection import Where
from pullback.types import ArrayType, python_zero, type_of, ufunc_dtype

#: Literal partial derivatives; as Python numbers they take part in any dtype.
ZERO: Final[Value] = 0
ONE: Final[Value] = 1


@final
@frozen
class Power(Binary):
    """``x ** y``.

    ∂/∂x x^y = y·x^(y-1), and 0 where y = 0 (x^0 is constant, at x = 0 too).
    ∂/∂y x^y = x^y·ln x, and 0 where x = 0 and y > 0 (0^y is constant there).
    """

    ufunc: ClassVar[np.ufunc] = np.power

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        if x.__class__ in NUMBERS and y.__class__ in NUMBERS:
            try:
                result = x**y
            except (ZeroDivisionError, OverflowError):
                return np.power(float(x), float(y)).item()
            if result.__class__ is complex and complex not in {x.__class__, y.__class__}:
                return float("nan")  # a root of a negative number, in the reals
            return result
        return x**y

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        if y.__class__ in NUMBERS:
            return y * Power()(x, y - 1) if y != 0 else ZERO
        constant = Equal()(y, 0)
        return Where()(constant, 0, y * Power()(x, Where()(constant, 1, y - 1)))

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        flat = Where()(y > 0, Equal()(x, 0), False)
        return Where()(flat, 0, out * Log()(Where()(flat, 1, x)))


@final
@frozen
class IntegerPower(Unary):
    """``x ** exponent`` with a fixed integer exponent; derivative n·x^(n-1), 0 for n = 0."""

    exponent: int
    ufunc: ClassVar[np.ufunc] = np.power

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        try:
            return x**self.exponent
        except ZeroDivisionError:
            return np.power(float(x), float(self.exponent)).item()
        except OverflowError:  # a Python float
            return np.power(x, self.exponent).item()

    def infer(self, *types: ArrayType) -> ArrayType:
        (x,) = types
        if x.weak:
            return type_of(self.evaluate(type(python_zero(x.dtype))(1)))
        exponent = ArrayType((), np.dtype(np.int64), weak=True)
        return evolve(x, dtype=ufunc_dtype(np.power, [x, exponent]))

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        n = self.exponent
        return IntegerPower(n - 1)(x) * n if n else ZERO
