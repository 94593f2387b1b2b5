"""Exponentials, logarithms and roots."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from attrs import frozen

from pullback.primitives.elementwise import Unary
from pullback.primitives.quantity import Quantity


@final
@frozen
class Exp(Unary):
    """``e ** x``."""

    ufunc: ClassVar[np.ufunc] = np.exp

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return out


@final
@frozen
class Log(Unary):
    """The natural logarithm."""

    ufunc: ClassVar[np.ufunc] = np.log

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return 1 / x


@final
@frozen
class Sqrt(Unary):
    """The square root; its derivative at 0 is infinite."""

    ufunc: ClassVar[np.ufunc] = np.sqrt

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return 0.5 / out
