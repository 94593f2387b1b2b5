"""The call of foreign code, of which only the types of its results are known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

from attrs import frozen

from pullback.control.parts import opened
from pullback.core import Array
from pullback.errors import ConversionError, DifferentiationError
from pullback.primitives.bundle import pack
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value
from pullback.transforms.batching import Batched, with_batch_axis
from pullback.types import ArrayType, Bundle, bundle_type


class Foreign(ABC):
    """Foreign code as a function of values; its ``repr`` is what errors call it."""

    @property
    @abstractmethod
    def types(self) -> tuple[ArrayType, ...]:
        """The types of its results."""

    @abstractmethod
    def call(self, values: Sequence[Value], types: Sequence[ArrayType]) -> list[Value]:
        """Return its results, copies of these types."""


@final
@frozen(eq=False, repr=False)
class Callback(Primitive):
    """What foreign code makes of the operands.

    Operand: a bundle of what it is given. Result: a bundle of its results. It has no derivatives.
    A batch is one call, if the code takes arrays with batch axes in front.
    """

    function: Foreign
    vectorized: bool
    #: The batch axes.
    stack: tuple[int, ...] = ()

    def _types(self) -> tuple[ArrayType, ...]:
        return tuple([
            ArrayType((*self.stack, *type_.shape), type_.dtype) for type_ in self.function.types
        ])  # fmt: skip

    def evaluate(self, *values: Value) -> Value:
        return Bundle(tuple(self.function.call(values[0].parts, self._types())))

    def infer(self, *types: ArrayType) -> ArrayType:
        return bundle_type(self._types())

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity | None:
        if not any(type_.inexact for type_ in self.function.types):
            return None
        raise self._not_differentiable()

    def pullback(
        self,
        index: int,
        cotangent: Value,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity | None:
        pairs = zip(cotangent.parts, self.function.types, strict=True)
        asked = any(bar is not None and type_.inexact for bar, type_ in pairs)
        if asked and _moves(operands[0]):
            raise self._not_differentiable()
        return None

    def _not_differentiable(self) -> DifferentiationError:
        return DifferentiationError(
            f"pure_callback: {self.function!r} is foreign code, of which no derivative is known; "
            "give one with custom_jvp or custom_vjp, or pass it stop_gradient(x) to take what it "
            "returns for a constant"
        )

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[Batched, ...], size: int
    ) -> Quantity:
        if not self.vectorized:
            msg = (
                f"pure_callback: vmap cannot call {self.function!r} for each example; pass "
                "vectorized=True if it takes arrays with batch axes in front, or go through the "
                "examples with scan"
            )
            raise ConversionError(msg)
        (flags,) = batched
        assert isinstance(flags, tuple), "a bundle knows which of its parts are batched"
        parts = [
            part if flag else with_batch_axis(part, size)
            for part, flag in zip(opened(operands[0]), flags, strict=True)
        ]
        return Callback(self.function, self.vectorized, (size, *self.stack))(pack(parts))


def _moves(bundle: Value) -> bool:
    """Return whether a part of a bundle may have a derivative: not behind `stop_gradient`."""
    if not isinstance(bundle, Array):
        return True  # of values nobody knows where they come from
    parts: list[Value] = [*opened(bundle)]
    nodes = [part for part in parts if isinstance(part, Array)]
    return any(node.primitive is None or node.primitive.differentiable for node in nodes)
