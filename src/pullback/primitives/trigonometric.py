"""Trigonometric functions and their inverses; the polar coordinates of a point of the plane.

Signs of zero tell the two sides of a branch cut apart: ``x - 1`` keeps the sign of a zero
imaginary part, where ``1 - x`` and ``x + 1`` lose it to the imaginary part of 1, which is +0.
"""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from pullback.primitives.arithmetic import divide
from pullback.primitives.comparison import Equal
from pullback.primitives.elementwise import Binary, Unary
from pullback.primitives.exponential import Sqrt
from pullback.primitives.quantity import Quantity, is_complex
from pullback.primitives.rounding import direction
from pullback.primitives.selection import Where


@final
class Sin(Unary):
    """The sine; derivative cos x."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.sin

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return Cos()(x)


@final
class Cos(Unary):
    """The cosine; derivative -sin x."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.cos

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return -Sin()(x)


@final
class Tan(Unary):
    """The tangent; derivative 1 + tan² x."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.tan

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return out * out + 1


@final
class Asin(Unary):
    """The arc sine; derivative 1/√((1-x)(1+x)), exact near ±1 and infinite there."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.arcsin

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return _asin_slope(x)


@final
class Acos(Unary):
    """The arc cosine; derivative -1/√((1-x)(1+x)), exact near ±1 and infinite there."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.arccos

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return -_asin_slope(x)


def _asin_slope(x: Quantity) -> Quantity:
    square = -(x - 1) * (x - -1) if is_complex(x) else (1 - x) * (1 + x)
    return 1 / Sqrt()(square)


@final
class Atan(Unary):
    """The arc tangent; derivative 1 / (1 + x²)."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.arctan

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return divide(1, x * x + 1)


@final
class Hypot(Binary):
    """``√(x² + y²)``; derivatives x/out and y/out, 0 at the origin (a subgradient)."""

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.hypot

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return direction(x, out)

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return direction(y, out)


@final
class Atan2(Binary):
    """The angle of the point with abscissa ``y`` and ordinate ``x``: the operands are (y, x).

    ∂/∂ordinate = abscissa/r², ∂/∂abscissa = -ordinate/r², and 0 at the origin, where there is no
    angle. Divided by r twice, for r² leaves the range of floats long before r does.
    """

    __slots__ = ()
    ufunc: ClassVar[np.ufunc] = np.arctan2

    def partial_x(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return _per_radius_twice(y, Hypot()(x, y))

    def partial_y(self, out: Quantity, x: Quantity, y: Quantity) -> Quantity:
        return -_per_radius_twice(x, Hypot()(x, y))


def _per_radius_twice(x: Quantity, radius: Quantity) -> Quantity:
    return Where()(Equal()(radius, 0), 0, x / radius / radius)
