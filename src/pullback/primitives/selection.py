"""Selection by condition, and the product that keeps an unselected branch silent.

The pullback of a selection fills what was not selected with zeros. An operation below may have an
infinite or undefined derivative there (``sqrt`` at 0, ``log`` at -1), and ``0 * inf`` would turn
the gradient into ``nan``. Below a selection, rules therefore multiply with `MultiplyNoNan`.
docs/design/003-safe-where.md says which rules honour this.
"""

from __future__ import annotations

from typing import ClassVar, Final, final

import numpy as np
from attrs import frozen

from pullback.primitives.cast import conform, spread
from pullback.primitives.complex import conjugate
from pullback.primitives.elementwise import Elementwise
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import NUMBERS, Quantity, Value
from pullback.primitives.shape import align_ranks
from pullback.types import ArrayType, broadcast_shapes, promote

_KINDS: Final = (bool, int, float, complex)  # of Python numbers, from the narrowest


@final
class Where(Primitive):
    """``x`` where the condition holds, else ``y``. Operands: condition, x, y; they broadcast."""

    __slots__ = ()

    selects: ClassVar[bool] = True

    def evaluate(self, *values: Value) -> Value:
        condition, x, y = values
        if condition.__class__ is not np.ndarray:
            chosen = x if condition else y
            if x.__class__ is y.__class__ and chosen.__class__ is not np.ndarray:
                return chosen
            if x.__class__ in NUMBERS and y.__class__ in NUMBERS:
                return _KINDS[max(_KINDS.index(x.__class__), _KINDS.index(y.__class__))](chosen)
        result: Value = np.where(condition, x, y)
        return result[()]

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

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return self(*align_ranks(operands, batched))


def _masked(condition: Quantity, x: Quantity, *, keep: bool) -> Quantity:
    """Return ``x`` where the condition is ``keep``, else zero."""
    return Where()(condition, x, 0) if keep else Where()(condition, 0, x)


@final
@frozen(eq=False, repr=False)
class MultiplyNoNan(Elementwise):
    """``x * y``, and 0 where ``x`` is 0, even if ``y`` is infinite or nan.

    ``x`` is a cotangent or a tangent, which is zero where nothing was selected; ``y`` is what it
    is multiplied with. Where ``y`` is one too, the product is ``symmetric``: then a zero of either
    annihilates. Bilinear, so the derivatives are products again:

        d(x·y) = dx·y + x·dy        x_bar = bar·y        y_bar = x·bar

    In y_bar both factors are cotangents, and each may be infinite where the other is silent.
    """

    symmetric: bool = False
    selects: ClassVar[bool] = True
    ufunc: ClassVar[np.ufunc] = np.multiply

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        result = x * y
        if result.__class__ is not np.ndarray:
            if result == result or not self._annihilates(x, y):  # noqa: PLR0124 - no nan
                return result
            return result.__class__(0)
        if not has_nan(result):
            return result
        silent = np.isnan(result) & self._annihilates(x, y)
        return np.where(silent, result.dtype.type(0), result)

    def _annihilates(self, x: Value, y: Value) -> Value:
        """Return where the product is 0 in any case."""
        return (x == 0) | (y == 0) if self.symmetric else x == 0

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
        if index == 0:
            bar = self(cotangent, conjugate(y))
        else:
            bar = MultiplyNoNan(symmetric=True)(conjugate(x), cotangent)
        return conform(bar, operands[index])


def has_nan(array: Value) -> bool:
    """Return False only if there is no nan in the array; infinities may make it True.

    Every masked product asks, so this is cheap. Below 10⁴ elements a dot product takes half the
    time of other tests; above, BLAS may wake threads, which costs more than it saves.
    """
    if array.size < 10_000:
        flat = array.ravel("K")
        square = flat.dot(flat)
        return bool(square != square)  # noqa: PLR0124 - nan alone differs from itself
    return not np.isfinite(array).all()
