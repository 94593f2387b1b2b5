"""The larger and the smaller of two operands, element by element."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, final

import numpy as np

from pullback.primitives.cast import conform, spread
from pullback.primitives.comparison import Equal
from pullback.primitives.elementwise import Elementwise
from pullback.primitives.primitive import Product
from pullback.primitives.quantity import Quantity, Value
from pullback.primitives.selection import Where


class Extremum(Elementwise):
    """One of two operands, or the nan that is among them.

    The operand that loses has derivative 0. At a tie each has half of it, the middle of the
    subdifferential. Of a nan neither loses.
    """

    __slots__ = ()

    selects: ClassVar[bool] = True

    @abstractmethod
    def loses(self, mine: Quantity, other: Quantity) -> Quantity:
        """Return where ``mine`` is not the extremum."""

    def evaluate(self, *values: Value) -> Value:
        return self.ufunc(*values)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return spread(self._share(index, tangent, operands), out)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        return conform(self._share(index, cotangent, operands), operands[index])

    def _share(self, index: int, change: Quantity, operands: tuple[Quantity, ...]) -> Quantity:
        """Return the share of operand ``index`` in a tangent or cotangent.

        By selection, not by a factor of 0, ½ or 1: the change may be infinite where it loses.
        """
        mine, other = operands[index], operands[1 - index]
        shared = Where()(Equal()(mine, other), change * 0.5, change)
        return Where()(self.loses(mine, other), 0, shared)


@final
class Maximum(Extremum):
    """The larger of ``x`` and ``y``; nan if either is."""

    __slots__ = ()

    ufunc: ClassVar[np.ufunc] = np.maximum

    def loses(self, mine: Quantity, other: Quantity) -> Quantity:
        return mine < other


@final
class Minimum(Extremum):
    """The smaller of ``x`` and ``y``; nan if either is."""

    __slots__ = ()

    ufunc: ClassVar[np.ufunc] = np.minimum

    def loses(self, mine: Quantity, other: Quantity) -> Quantity:
        return mine > other
