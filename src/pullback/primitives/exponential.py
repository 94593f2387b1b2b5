"""Exponentials, logarithms and roots."""

from __future__ import annotations

import math
from typing import ClassVar, Final, final

import numpy as np

from pullback.primitives.arithmetic import divide
from pullback.primitives.bitwise import LogicalAnd
from pullback.primitives.comparison import Equal, Isinf
from pullback.primitives.elementwise import Binary, Unary
from pullback.primitives.quantity import Quantity
from pullback.primitives.selection import Where

LN_2: Final = math.log(2)
LOG2_E: Final = 1 / LN_2
LOG10_E: Final = math.log10(math.e)


@final
class Exp(Unary):
    """``e ** x``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.exp

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return out


@final
class Exp2(Unary):
    """``2 ** x``; derivative 2^x·ln 2."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.exp2

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return out * LN_2


@final
class Expm1(Unary):
    """``e ** x - 1``, exact near 0; derivative e^x, of which the result is 1 short."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.expm1

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return out + 1


@final
class Log(Unary):
    """The natural logarithm; derivative 1/x."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.log

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return divide(1, x)


@final
class Log2(Unary):
    """The logarithm to base 2; derivative log₂e / x."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.log2

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return divide(LOG2_E, x)


@final
class Log10(Unary):
    """The logarithm to base 10; derivative log₁₀e / x."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.log10

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return divide(LOG10_E, x)


@final
class Log1p(Unary):
    """``log(1 + x)``, exact near 0; derivative 1 / (1 + x)."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.log1p

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return divide(1, x + 1)


@final
class Sqrt(Unary):
    """The square root; derivative 1 / (2·√x), infinite at 0."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.sqrt

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return 0.5 / out


@final
class Cbrt(Unary):
    """The real cube root; derivative 1 / (3·∛x²), infinite at 0."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.cbrt

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return 1 / (out * out * 3)


@final
class Logaddexp(Binary):
    """``log(e ** x + e ** y)``; the derivatives are the terms' shares of the sum."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.logaddexp

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return _share(Exp(), out, x, y)

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return _share(Exp(), out, y, x)


@final
class Logaddexp2(Binary):
    """``log2(2 ** x + 2 ** y)``; the derivatives are the terms' shares of the sum."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.logaddexp2

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return _share(Exp2(), out, x, y)

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return _share(Exp2(), out, y, x)


def _share(power: Exp | Exp2, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
    """Return ``b^x / (b^x + b^y) = b^(x - out)``.

    ``out - out`` is no number where ``out`` is infinite; the limits there, along x = y and for a
    fixed y, are 1/2 where both terms are equal, and 1 where x alone is infinite as ``out`` is.
    """
    infinite = Isinf()(x)
    alone = LogicalAnd()(infinite, Equal()(x, out))
    tied = LogicalAnd()(infinite, Equal()(x, y))
    return Where()(tied, 0.5, Where()(alone, 1, power(x - out)))
