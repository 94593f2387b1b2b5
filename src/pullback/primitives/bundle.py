"""Several quantities as one node, and back: the ways into control flow and out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from attrs import frozen

from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Node, Quantity, Value
from pullback.types import ArrayType, Bundle, bundle_type, only


@final
class Pack(Primitive):
    """The operands as the parts of a bundle."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return Bundle(values)

    def infer(self, *types: ArrayType) -> ArrayType:
        return bundle_type(types)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Value:
        return only(index, tangent, len(operands))

    def pullback(
        self,
        index: int,
        cotangent: Value,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity | None:
        part: Quantity | None = cotangent.parts[index]
        return part

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        """Pack the operands: which of them are batched, the batching transform remembers."""
        return self(*operands)


@final
@frozen(eq=False, repr=False)
class Unpack(Primitive):
    """One part of a bundle."""

    index: int

    def evaluate(self, *values: Value) -> Value:
        return values[0].parts[self.index]

    def infer(self, *types: ArrayType) -> ArrayType:
        parts = types[0].parts
        assert parts is not None, "only a bundle has parts"
        return parts[self.index]

    def pushforward(
        self, index: int, tangent: Value, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity | None:
        part: Quantity | None = tangent.parts[self.index]
        return part

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Value:
        bundle: Value = operands[0]
        whole: Value = bundle.type if isinstance(bundle, Node) else bundle
        return only(self.index, cotangent, len(whole.parts))

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        """Return the part, which is batched if the bundle is."""
        return self(*operands)


def pack(parts: Sequence[Quantity]) -> Quantity:
    """Return a bundle of quantities: a node if one of them is."""
    return Pack()(*parts)


def unpack(bundle: Quantity) -> list[Quantity]:
    """Return the parts of a bundle, which may be a node."""
    if not isinstance(bundle, Node):
        value: Value = bundle
        return list(value.parts)
    parts = bundle.type.parts
    assert parts is not None, "only a bundle has parts"
    return [Unpack(index)(bundle) for index in range(len(parts))]
