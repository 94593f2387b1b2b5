"""Absolute value, sign, rounding, and division with a whole quotient."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from attrs import frozen

from pullback.errors import DTypeError
from pullback.primitives.arithmetic import divide, ieee
from pullback.primitives.cast import conform, spread
from pullback.primitives.comparison import Equal
from pullback.primitives.complex import Real, conjugate
from pullback.primitives.elementwise import Binary, Elementwise, Stepwise
from pullback.primitives.power import ONE, ZERO
from pullback.primitives.primitive import Product
from pullback.primitives.quantity import Quantity, Value, is_complex
from pullback.primitives.selection import Where
from pullback.types import ArrayType


@final
class FloorDivide(Stepwise):
    """``x // y``: the quotient rounded towards minus infinity."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.floor_divide

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        try:
            return x // y
        except ZeroDivisionError:  # two Python numbers
            return ieee(np.floor_divide, x, y)


@final
class Remainder(Binary):
    """``x % y = x - y·⌊x/y⌋``, with the sign of ``y``; ∂/∂x = 1, ∂/∂y = -⌊x/y⌋."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.remainder

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        try:
            return x % y
        except ZeroDivisionError:  # two Python numbers
            return ieee(np.remainder, x, y)

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return ONE

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return -FloorDivide()(x, y)


@final
class Fmod(Binary):
    """C's ``fmod``: ``x - y·n`` with x/y cut to an integer n, so it has the sign of ``x``.

    ∂/∂x = 1, ∂/∂y = -n. The quotient in floats may round up to an integer that it does not reach
    (1 / 0.1 = 10, but n = 9); n comes from the result, which is exact, as (x - out)/y.
    """

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.fmod

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return ONE

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return -Round()(divide(x - out, y))


@final
class Floor(Stepwise):
    """The largest integer that is not greater, in the dtype of the operand."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.floor

    def evaluate(self, *values: Value) -> Value:
        return np.floor(*values)


@final
class Ceil(Stepwise):
    """The smallest integer that is not less, in the dtype of the operand."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.ceil

    def evaluate(self, *values: Value) -> Value:
        return np.ceil(*values)


@final
class Trunc(Stepwise):
    """The integer next to the operand on the side of 0, in the dtype of the operand."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.trunc

    def evaluate(self, *values: Value) -> Value:
        return np.trunc(*values)


@final
@frozen(eq=False, repr=False)
class Round(Stepwise):
    """The nearest multiple of ``10 ** -decimals``, of two the even one; a complex part by part."""

    decimals: int = 0
    ufunc: ClassVar[np.ufunc] = np.rint

    def evaluate(self, *values: Value) -> Value:
        return np.round(values[0], self.decimals)

    def infer(self, *types: ArrayType) -> ArrayType:
        (x,) = types
        try:
            dtype = np.round(np.zeros((), x.dtype), self.decimals).dtype
        except TypeError:
            msg = f"round: not defined for dtype {x.dtype}; convert the operand with astype"
            raise DTypeError(msg) from None
        return ArrayType(x.shape, dtype)


@final
class Sign(Stepwise):
    """-1, 0 or 1, of a real number; nan of nan."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.sign

    def evaluate(self, *values: Value) -> Value:
        return np.sign(*values)


@final
class Signbit(Stepwise):
    """Whether the sign is minus, of -0.0 too."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.signbit

    def evaluate(self, *values: Value) -> Value:
        return np.signbit(*values)


@final
class Copysign(Binary):
    """The magnitude of ``x`` with the sign of ``y``; ∂/∂x = ±1, and 0 at 0 as for ``|x|``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.copysign

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return Sign()(x) * Copysign()(1, y)

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return ZERO


@final
class Nextafter(Binary):
    """The float next to ``x`` on the side of ``y``: ``x``, but for one unit in the last place."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.nextafter

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return ONE

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return ZERO


@final
class Abs(Elementwise):
    """``|x|``.

    Real: derivative sign x. Complex: ``d|x| = Re(conj(u)·dx)`` with the direction ``u = x/|x|``.
    Both are 0 at 0, the middle of the subdifferential.
    """

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.absolute

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        try:
            return abs(x)
        except OverflowError:  # a Python complex
            return ieee(np.absolute, x)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        (x,) = operands
        if is_complex(x):
            return spread(Real()(tangent * conjugate(direction(x, out))), out)
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
    """Return ``x / magnitude``, and 0 where the magnitude is 0."""
    return Where()(Equal()(magnitude, 0), 0, divide(x, magnitude))
