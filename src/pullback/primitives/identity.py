"""Primitives that hand their operand on: the input of a trace, and the end of a gradient."""

from __future__ import annotations

from typing import ClassVar, final

from attrs import frozen

from pullback.primitives.linear import Linear
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value
from pullback.types import ArrayType


@final
@frozen(eq=False, repr=False)
class Input(Linear):
    """An input of a trace: a fresh node that equals its operand, a node from outside the trace.

    The trace differentiates with respect to the fresh node, and an outer trace sees through it.
    """

    #: How a user reaches it: ``x``, ``params['w']``.
    label: str = ""

    def evaluate(self, *values: Value) -> Value:
        return values[0]

    def infer(self, *types: ArrayType) -> ArrayType:
        return types[0]

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        return cotangent

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return operands[0]


@final
class StopGradient(Primitive):
    """The operand, taken for a constant."""

    __slots__ = ()

    differentiable: ClassVar[bool] = False

    def evaluate(self, *values: Value) -> Value:
        return values[0]

    def infer(self, *types: ArrayType) -> ArrayType:
        return types[0]

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> None:
        """Return nothing: a constant does not move."""

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> None:
        """Return nothing: a constant does not move."""

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return self(operands[0])
