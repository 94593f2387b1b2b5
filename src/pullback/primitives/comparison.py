"""Comparisons, element by element; their results are boolean and have no derivative."""

from __future__ import annotations

import operator
from typing import ClassVar, final

import numpy as np
from attrs import frozen

from pullback.primitives.elementwise import Stepwise


@final
@frozen
class Equal(Stepwise):
    """``x == y``."""

    ufunc: ClassVar[np.ufunc] = np.equal
    evaluate = staticmethod(operator.eq)


@final
@frozen
class NotEqual(Stepwise):
    """``x != y``."""

    ufunc: ClassVar[np.ufunc] = np.not_equal
    evaluate = staticmethod(operator.ne)


@final
@frozen
class Less(Stepwise):
    """``x < y``."""

    ufunc: ClassVar[np.ufunc] = np.less
    evaluate = staticmethod(operator.lt)


@final
@frozen
class LessEqual(Stepwise):
    """``x <= y``."""

    ufunc: ClassVar[np.ufunc] = np.less_equal
    evaluate = staticmethod(operator.le)


@final
@frozen
class Greater(Stepwise):
    """``x > y``."""

    ufunc: ClassVar[np.ufunc] = np.greater
    evaluate = staticmethod(operator.gt)


@final
@frozen
class GreaterEqual(Stepwise):
    """``x >= y``."""

    ufunc: ClassVar[np.ufunc] = np.greater_equal
    evaluate = staticmethod(operator.ge)
