"""Power series in t, whose coefficients are computed on demand and kept.

To the rules of the primitives a `Series` is a node, as an `Array` is: a primitive applied to
series makes a series. Its coefficients are quantities: values, or nodes of an outer graph. How a
primitive makes them is told by `pullback.transforms.recurrences`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np
from attrs import frozen

from pullback.core.operators import Operators
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value, quantity_type, shape_of
from pullback.types import ArrayType

if TYPE_CHECKING:
    from pullback.transforms.taylor import Algebra


class Rule(ABC):
    """How a series gets its next coefficient."""

    __slots__ = ()

    @abstractmethod
    def needs(self, out: Series, n: int) -> Iterator[tuple[Value, int]]:
        """Yield what coefficient ``n`` is made of: quantities, and up to which coefficient.

        Each is asked for when those before it are known.
        """

    @abstractmethod
    def __call__(self, out: Series, n: int) -> Value:
        """Return coefficient ``n`` of ``out``, or None if it is zero everywhere."""


@final
@frozen(eq=False, repr=False)
class Series(Operators):
    """``x(t) = Σ x_n tⁿ``."""

    #: The coefficients computed so far, of one type. None is a zero; the first is never None.
    known: list[Value]
    #: Where the others come from; None for a constant, which has no others.
    rule: Rule | None
    algebra: Algebra

    #: NumPy's values leave their operators to us.
    __array_ufunc__: ClassVar[None] = None

    @property
    def type(self) -> ArrayType:
        """The type of the coefficients."""
        return quantity_type(self.known[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the coefficients."""
        return shape_of(self.known[0])

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The dtype of the coefficients."""
        return self.type.dtype

    def bind(  # type: ignore[override]  # the operators of a Series take more than a Quantity's
        self, primitive: Primitive, operands: tuple[Value, ...]
    ) -> Series:
        """Apply a primitive to quantities of which this series is one."""
        return self.algebra.apply(primitive, operands)

    def _unary(self, primitive: Primitive) -> Series:
        return self.bind(primitive, (self,))

    def _binary(self, primitive: Primitive, other: Value) -> Series:
        return self.bind(primitive, (self, other))

    def _reflected(self, primitive: Primitive, other: Value) -> Series:
        return self.bind(primitive, (other, self))


def moves(quantity: Value) -> bool:
    """Return whether a quantity is a series other than a constant."""
    return quantity.__class__ is Series and quantity.rule is not None


def first(quantity: Value) -> Value:
    """Return a quantity at t = 0."""
    return quantity.known[0] if quantity.__class__ is Series else quantity


def coefficient(quantity: Value, n: int) -> Value:
    """Return a coefficient, which is known if the quantity moves; None for a zero."""
    if moves(quantity):
        return quantity.known[n]
    return first(quantity) if n == 0 else None


def extend(series: Series, order: int) -> None:
    """Compute the coefficients of a series up to an order.

    With a stack of its own: the derivatives of a primitive may lead through as many series as the
    order is high.
    """
    stack = [(series, order)]
    while stack:
        out, last = stack[-1]
        n = len(out.known)
        if out.rule is None or n > last:
            stack.pop()
            continue
        for quantity, needed in out.rule.needs(out, n):
            if moves(quantity) and len(quantity.known) <= needed:
                stack.append((quantity, needed))
                break
        else:
            out.known.append(out.rule(out, n))
