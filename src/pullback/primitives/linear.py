"""The family of primitives that are linear in their one operand."""

from __future__ import annotations

from abc import abstractmethod

from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity


class Linear(Primitive):
    """A primitive that is linear in its only operand: only the transpose is written."""

    __slots__ = ()

    @abstractmethod
    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Return the adjoint applied to ``cotangent``; ``operand`` tells the type only."""

    def pushforward(
        self,
        index: int,
        tangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
    ) -> Quantity:
        """Return the operation applied to the tangent."""
        return self(tangent)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        """Return the transpose applied to the cotangent."""
        return self.transpose(cotangent, operands[0])
