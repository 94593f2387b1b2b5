"""Primitives with a fault planted in one of their rules."""

from __future__ import annotations

from typing import final

import numpy as np

from pullback.core import Array, apply, lift
from pullback.primitives.bundle import Unpack
from pullback.primitives.complex import conjugate
from pullback.primitives.identity import StopGradient
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value
from pullback.types import ArrayType, Bundle, broadcast_shapes, bundle_type


def wrong(primitive: type[Primitive], *operands: object) -> Array:
    """Apply a primitive with a planted fault."""
    return apply(primitive(), *map(lift, operands))


class Square(Primitive):
    """``x * x``, right in all that a subclass does not replace."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return values[0] * values[0]

    def infer(self, *types: ArrayType) -> ArrayType:
        return types[0]

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return 2 * operands[0] * tangent

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        return 2 * conjugate(operands[0]) * cotangent

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return self(*operands)


@final
class WrongSign(Square):
    """Its pullback has the wrong sign."""

    __slots__ = ()

    def pullback(self, *args: Value) -> Value:
        return -super().pullback(*args)


@final
class NoConjugate(Square):
    """Its pullback lacks the conjugate of the partial derivative."""

    __slots__ = ()

    def pullback(self, *args: Value) -> Value:
        return 2 * args[3][0] * args[1]


@final
class WrongPushforward(Square):
    """Its pushforward is half of what it should be, its pullback right."""

    __slots__ = ()

    def pushforward(self, *args: Value) -> Value:
        return args[3][0] * args[1]


@final
class NearlyRight(Square):
    """Its pushforward is one percent off."""

    __slots__ = ()

    def pushforward(self, *args: Value) -> Value:
        return 1.01 * super().pushforward(*args)


@final
class OneElement(Square):
    """Its pullback is wrong at the last element only."""

    __slots__ = ()

    def pullback(self, *args: Value) -> Value:
        bar: Value = super().pullback(*args)
        mask = np.zeros(bar.shape)
        mask.flat[-1] = 0.5
        return bar * (1 - mask)


@final
class Detached(Square):
    """Its first derivatives are right, but do not depend on the operand."""

    __slots__ = ()

    def pushforward(self, *args: Value) -> Value:
        return 2 * StopGradient()(*args[3]) * args[1]

    def pullback(self, *args: Value) -> Value:
        return 2 * StopGradient()(*args[3]) * args[1]


@final
class Cube(Square):
    """``x * x * x``, of which the third derivatives are the first wrong ones."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return values[0] ** 3

    def pushforward(self, *args: Value) -> Value:
        return 3 * wrong(Detached, *args[3]) * args[1]

    def pullback(self, *args: Value) -> Value:
        return 3 * wrong(Detached, *args[3]) * args[1]


@final
class WrongBatch(Square):
    """Its batching rule turns the batch around."""

    __slots__ = ()

    def batch(self, *args: Value) -> Value:
        whole: Value = super().batch(*args)
        return whole[::-1]


@final
class Unwieldy(Square):
    """Its pullback hands NumPy what it cannot multiply."""

    __slots__ = ()

    def pullback(self, *args: Value) -> Value:
        return args[1] * np.ones(7)


@final
class Unsummed(Primitive):
    """``x + y``, whose pullback forgets to sum over what was broadcast."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return values[0] + values[1]

    def infer(self, *types: ArrayType) -> ArrayType:
        return ArrayType(broadcast_shapes("add", [t.shape for t in types]), types[0].dtype)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return tangent + 0 * out

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        return cotangent

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return operands[0] + operands[1]


@final
class Halves(Primitive):
    """Of a bundle (x, y) the bundle (x + y, x * y), with a wrong derivative by y of the latter."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        x, y = values[0].parts
        return Bundle((x + y, x * y))

    def infer(self, *types: ArrayType) -> ArrayType:
        parts = types[0].parts
        assert parts is not None
        return bundle_type(parts)

    def pushforward(
        self, index: int, tangent: Value, out: Quantity, operands: tuple[Value, ...]
    ) -> Value:
        x, y = Unpack(0)(*operands), Unpack(1)(*operands)
        x_dot, y_dot = (0 * x if part is None else part for part in tangent.parts)
        return Bundle((x_dot + y_dot, x_dot * y + y_dot * y))

    def pullback(
        self,
        index: int,
        cotangent: Value,
        out: Quantity,
        operands: tuple[Value, ...],
        product: Product,
    ) -> Value:
        x, y = Unpack(0)(*operands), Unpack(1)(*operands)
        a, b = (0 * x if part is None else part for part in cotangent.parts)
        return Bundle((a + b * y, a + b * x))

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        raise NotImplementedError
