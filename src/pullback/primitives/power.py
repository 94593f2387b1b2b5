"""Powers: of any exponent, of an integer one that is fixed; square and reciprocal.

At the points where the textbook formulas read ``0 * inf``, the derivatives take their limits.
"""

from __future__ import annotations

import math
from typing import ClassVar, Final, final

import numpy as np
from attrs import frozen

from pullback.errors import DTypeError
from pullback.primitives.arithmetic import ieee
from pullback.primitives.bitwise import LogicalAnd
from pullback.primitives.cast import spread
from pullback.primitives.comparison import Equal
from pullback.primitives.complex import Real
from pullback.primitives.elementwise import Binary, Unary
from pullback.primitives.exponential import Log
from pullback.primitives.quantity import NUMBERS, Quantity, Value, is_complex
from pullback.primitives.selection import Where
from pullback.types import ArrayType, python_zero, type_of

#: Literal partial derivatives; as Python numbers they take part in any dtype.
ZERO: Final[Quantity] = 0  # type: ignore[assignment]  # int's operators do not name Quantity
ONE: Final[Quantity] = 1  # type: ignore[assignment]  # the same


@final
class Power(Binary):
    """``x ** y``.

    ∂/∂x x^y = y·x^(y-1), and 0 where y = 0 (x^0 is constant, at x = 0 too).
    ∂/∂y x^y = x^y·ln x, and 0 where x = 0 and y ≥ 0 (0^y is constant, to the right of y = 0);
    nan where x is negative, for x^y is real at isolated y only.
    """

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.power

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        if x.__class__ in NUMBERS and y.__class__ in NUMBERS:
            return _python_power(x, y)
        try:
            return x**y
        except (ValueError, OverflowError) as error:
            raise _not_an_integer(error) from None

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        if y.__class__ in NUMBERS:
            return y * Power()(x, y - 1) if y != ZERO else ZERO
        # Only at x = 0 is x^(y-1) infinite where y = 0. Elsewhere 0 comes of itself, and must:
        # a selected 0 would be constant in y, while ∂²/∂x∂y x^y = 1/x there.
        flat = LogicalAnd()(Equal()(x, 0), Equal()(y, 0))
        return Where()(flat, 0, y * Power()(x, y - 1.0))  # 1.0: an unsigned 0 - 1 is no -1

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        real = Real()(y) if is_complex(y) else y
        flat = LogicalAnd()(Equal()(x, 0), real >= 0)
        # The logarithm in the type of the result: of a small integer it has half precision, and
        # of a negative number it exists where the exponent is complex.
        return Where()(flat, 0, out * Log()(spread(x, out)))


@final
@frozen(eq=False, repr=False)
class IntegerPower(Unary):
    """``x ** exponent`` with a fixed integer exponent; derivative n·x^(n-1), 0 for n = 0."""

    exponent: int
    ufunc: ClassVar[np.ufunc] = np.power

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        if x.__class__ is np.bool_:  # NumPy squares a scalar in int64, an array in int8
            return (x.reshape(1) ** self.exponent)[0]
        return _python_power(x, self.exponent) if x.__class__ in NUMBERS else x**self.exponent

    def infer(self, *types: ArrayType) -> ArrayType:
        (x,) = types
        if x.weak:
            return type_of(self.evaluate(type(python_zero(x.dtype))(1)))
        try:  # NumPy has shortcuts for some exponents, with dtypes of their own
            power = np.ones(1, x.dtype) ** self.exponent
        except (ValueError, OverflowError) as error:
            raise _not_an_integer(error) from None
        return ArrayType(x.shape, power.dtype)

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        match self.exponent:
            case 0:
                return ZERO
            case 1:
                return ONE
            case 2:
                return x * 2
            case n:
                return IntegerPower(n - 1)(x) * n


@final
class Square(Unary):
    """``x * x``; derivative 2·x."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.square

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return x * 2


@final
class Reciprocal(Unary):
    """``1 / x``; derivative -1/x²."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.reciprocal

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return -out * out


def _python_power(x: Value, y: Value) -> Value:
    """Return the power of two Python numbers; IEEE's where Python raises or leaves the reals."""
    try:
        result = x**y
    except (ZeroDivisionError, OverflowError):
        return ieee(np.float_power, x, y)
    if result.__class__ is complex and complex not in {x.__class__, y.__class__}:
        return math.nan  # a root of a negative number
    return result


def _not_an_integer(error: Exception) -> DTypeError:
    """Return the error for integers whose power is none, or is out of their range."""
    msg = f"power: {str(error).rstrip('.')}; convert the base to a floating dtype with astype"
    return DTypeError(msg)
