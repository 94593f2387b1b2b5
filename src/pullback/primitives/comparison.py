"""Comparisons and tests, element by element; their results are boolean and have no derivative."""

from __future__ import annotations

import operator
from typing import ClassVar, final

import numpy as np

from pullback.primitives.elementwise import Stepwise
from pullback.primitives.quantity import Value


@final
class Equal(Stepwise):
    """``x == y``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.equal
    evaluate = staticmethod(operator.eq)


@final
class NotEqual(Stepwise):
    """``x != y``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.not_equal
    evaluate = staticmethod(operator.ne)


@final
class Less(Stepwise):
    """``x < y``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.less
    evaluate = staticmethod(operator.lt)


@final
class LessEqual(Stepwise):
    """``x <= y``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.less_equal
    evaluate = staticmethod(operator.le)


@final
class Greater(Stepwise):
    """``x > y``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.greater
    evaluate = staticmethod(operator.gt)


@final
class GreaterEqual(Stepwise):
    """``x >= y``."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.greater_equal
    evaluate = staticmethod(operator.ge)


@final
class Isfinite(Stepwise):
    """Whether ``x`` is neither infinite nor nan."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.isfinite

    def evaluate(self, *values: Value) -> Value:
        return np.isfinite(*values)


@final
class Isinf(Stepwise):
    """Whether ``x`` is infinite, of either sign."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.isinf

    def evaluate(self, *values: Value) -> Value:
        return np.isinf(*values)


@final
class Isnan(Stepwise):
    """Whether ``x`` is nan."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.isnan

    def evaluate(self, *values: Value) -> Value:
        return np.isnan(*values)
