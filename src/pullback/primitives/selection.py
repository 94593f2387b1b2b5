"""Selection by condition, and the product that keeps an unselected branch silent.

The pullback of a selection fills what was not selected with zeros. An operation below may have an
infinite or undefined derivative there (``sqrt`` at 0, ``log`` at -1), and ``0 * inf`` would turn
the gradient into ``nan``. Below a selection, rules therefore multiply with `MultiplyNoNan`.
"""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from attrs import frozen

from pullback.primitives.cast import conform, spread
from pullback.primitives.complex import conjugate
from pullback.primitives.elementwise import Elementwise
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import NUMBERS, Quantity, Value
from pullback.types import ArrayType, broadcast_shapes, promote


@final
@frozen
class Where(Primitive):
    """``x`` where the condition holds, else ``y``. Operands: condition, x, y; they broadcast."""

    selects: ClassVar[bool] = True

    def evaluate(self, *values: Value) -> Value:
        condition, x, y = values
        if x.__class__ in NUMBERS and y.__class__ in NUMBERS:
            kinds = (bool, int, float, complex)
            kind = kinds[max(kinds.index(x.__class__), kinds.index(y.__class__))]
            if np.ndim(condition) == 0:
                return kind(x if condition else y)
        return np.where(condition, x, y)[()]

    def infer(self, *types: ArrayType) -> ArrayType:
        shape = broadcast_shapes("where", [t.shape for t in types])
        weak = all(t.weak for t in types[1:]) and shape == ()
        return ArrayType(shape, promote(types[1:]), weak)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity | None:
        if index == 0:
            return None
        return spread(_masked(operands[0], tangent, keep=index == 1), out)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity | None:
        if index == 0:
            return None
        return conform(_masked(operands[0], cotangent, keep=index == 1), operands[index])


def _masked(condition: Quantity, x: Quantity, *, keep: bool) -> Quantity:
    """Return ``x`` where the condition is ``keep``, else zero."""
    return Where()(condition, x, 0) if keep else Where()(condition, 0, x)


@final
@frozen
class MultiplyNoNan(Elementwise):
    """``x * y``, and 0 where ``x`` is 0, even if ``y`` is infinite or nan.

    Bilinear like the product. Its derivatives are products of the same kind, the changing factor
    (a tangent or cotangent, which is zero where nothing was selected) always first.
    """

    selects: ClassVar[bool] = True
    ufunc: ClassVar[np.ufunc] = np.multiply

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        result = x * y
        if result.__class__ is np.ndarray:
            if np.isfinite(result).all():
                return result
            return np.where(x == 0, result.dtype.type(0), result)
        return result if x != 0 else result.__class__(0)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        x, y = operands
        return spread(self(tangent, y) if index == 0 else self(x, tangent), out)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        x, y = operands
        bar = self(cotangent, conjugate(y)) if index == 0 else self(conjugate(x), cotangent)
        return conform(bar, operands[index])
