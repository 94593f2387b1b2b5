"""Bitwise and logical operations; without derivatives."""

from __future__ import annotations

import operator
from typing import ClassVar, final

import numpy as np

from pullback.primitives.elementwise import Stepwise
from pullback.primitives.quantity import Value


@final
class BitwiseAnd(Stepwise):
    """``x & y``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.bitwise_and
    evaluate = staticmethod(operator.and_)


@final
class BitwiseOr(Stepwise):
    """``x | y``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.bitwise_or
    evaluate = staticmethod(operator.or_)


@final
class BitwiseXor(Stepwise):
    """``x ^ y``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.bitwise_xor
    evaluate = staticmethod(operator.xor)


@final
class BitwiseInvert(Stepwise):
    """``~x``; on boolean arrays the logical not."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.bitwise_invert

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        return ~int(x) if x.__class__ is bool else ~x


@final
class LeftShift(Stepwise):
    """``x << y``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.bitwise_left_shift
    evaluate = staticmethod(operator.lshift)


@final
class RightShift(Stepwise):
    """``x >> y``, which keeps the sign."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.bitwise_right_shift
    evaluate = staticmethod(operator.rshift)


@final
class LogicalAnd(Stepwise):
    """Whether both are different from 0."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.logical_and

    def evaluate(self, *values: Value) -> Value:
        return np.logical_and(*values)


@final
class LogicalOr(Stepwise):
    """Whether one or both are different from 0."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.logical_or

    def evaluate(self, *values: Value) -> Value:
        return np.logical_or(*values)


@final
class LogicalXor(Stepwise):
    """Whether exactly one is different from 0."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.logical_xor

    def evaluate(self, *values: Value) -> Value:
        return np.logical_xor(*values)


@final
class LogicalNot(Stepwise):
    """Whether ``x`` is 0."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.logical_not

    def evaluate(self, *values: Value) -> Value:
        return np.logical_not(*values)
