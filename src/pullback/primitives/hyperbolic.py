"""Hyperbolic functions and their inverses.

The signs of zeros matter on branch cuts, as `pullback.primitives.trigonometric` explains.
"""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from pullback.primitives.arithmetic import divide
from pullback.primitives.elementwise import Unary
from pullback.primitives.exponential import Sqrt
from pullback.primitives.quantity import Quantity


@final
class Sinh(Unary):
    """The hyperbolic sine; derivative cosh x."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.sinh

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return Cosh()(x)


@final
class Cosh(Unary):
    """The hyperbolic cosine; derivative sinh x."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.cosh

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return Sinh()(x)


@final
class Tanh(Unary):
    """The hyperbolic tangent; derivative 1 - tanh² x."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.tanh

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return 1 - out * out


@final
class Asinh(Unary):
    """The inverse hyperbolic sine; derivative 1/√(x² + 1)."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.arcsinh

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return 1 / Sqrt()(x * x - -1)


@final
class Acosh(Unary):
    """The inverse hyperbolic cosine; derivative 1/(√(x-1)·√(x+1)), infinite at 1.

    The two roots together have the branch cut of the function, from 1 to -∞; the root of the
    product has another.
    """

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.arccosh

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return 1 / (Sqrt()(x - 1) * Sqrt()(x - -1))


@final
class Atanh(Unary):
    """The inverse hyperbolic tangent; derivative 1/((1-x)(1+x)), exact near ±1."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.arctanh

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return divide(1, (1 - x) * (x + 1))
