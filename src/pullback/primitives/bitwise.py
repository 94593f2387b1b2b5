"""Bitwise and logical operations on integers and booleans; without derivatives."""

from __future__ import annotations

import operator
from typing import ClassVar, final

import numpy as np
from attrs import frozen

from pullback.primitives.elementwise import Stepwise
from pullback.primitives.quantity import Value


@final
@frozen
class BitwiseAnd(Stepwise):
    """``x & y``."""

    ufunc: ClassVar[np.ufunc] = np.bitwise_and
    evaluate = staticmethod(operator.and_)


@final
@frozen
class BitwiseOr(Stepwise):
    """``x | y``."""

    ufunc: ClassVar[np.ufunc] = np.bitwise_or
    evaluate = staticmethod(operator.or_)


@final
@frozen
class BitwiseXor(Stepwise):
    """``x ^ y``."""

    ufunc: ClassVar[np.ufunc] = np.bitwise_xor
    evaluate = staticmethod(operator.xor)


@final
@frozen
class BitwiseInvert(Stepwise):
    """``~x``; on booleans the logical not."""

    ufunc: ClassVar[np.ufunc] = np.bitwise_invert

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        return ~int(x) if x.__class__ is bool else ~x


@final
@frozen
class LeftShift(Stepwise):
    """``x << y``."""

    ufunc: ClassVar[np.ufunc] = np.bitwise_left_shift
    evaluate = staticmethod(operator.lshift)


@final
@frozen
class RightShift(Stepwise):
    """``x >> y``."""

    ufunc: ClassVar[np.ufunc] = np.bitwise_right_shift
    evaluate = staticmethod(operator.rshift)
