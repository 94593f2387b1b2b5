"""Max pooling: the largest element in each window.

Average pooling is a convolution with equal weights, and has no primitive of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar, Final, final

import numpy as np
from attrs import frozen

from pullback.errors import ShapeError
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value
from pullback.primitives.shape import spread_batch
from pullback.primitives.windows import Part, Relation, Sizes, taps
from pullback.types import ArrayType

#: How many elements are computed with at once.
_BLOCK: Final = 1 << 16


@final
@frozen(eq=False, repr=False)
class MaxPool(Primitive):
    """The largest element in each window of the last axes; nan where one is nan.

    ``relations`` say which element i of x stands at position j of the window for the result k. The
    derivative passes to the elements that attain the largest, in equal shares, as that of `Max`.
    Each window must hold an element.
    """

    selects: ClassVar[bool] = True
    relations: tuple[Relation, ...]
    window: Sizes

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        result = np.full(_pooled(x.shape, self.relations), _least(x.dtype), x.dtype)
        for (own, pooled), met in _meetings(self.relations, self.window, x, result):
            for part, place in met:
                target = pooled[place]
                np.maximum(target, own[part], out=target)
        return result

    def infer(self, *types: ArrayType) -> ArrayType:
        (x,) = types
        check_windows(self.name, self.relations, self.window, x.shape)
        return ArrayType(_pooled(x.shape, self.relations), x.dtype)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        return MaxPoolShare(self.relations, self.window)(tangent, operands[0], out)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity:
        share = MaxPoolShare(self.relations, self.window, adjoint=True)
        return share(cotangent, operands[0], out)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return self(operands[0])  # all axes before the windows' are alike


@final
@frozen(eq=False, repr=False)
class MaxPoolShare(Primitive):
    """The derivative of `MaxPool`. Operands: a tangent of x, x, and the result of the pooling.

        out_dot[k] = Σ_i [x[i] attains out[k]]·x_dot[i] / count[k]
        x_bar[i]   = Σ_k [x[i] attains out[k]]·out_bar[k] / count[k]

    over pairs that meet, where count is the number that attain. If ``adjoint``, the first operand
    is a cotangent of the result, and this is the second. Linear in it; which elements attain the
    largest does not change with x almost everywhere.
    """

    selects: ClassVar[bool] = True
    relations: tuple[Relation, ...]
    window: Sizes
    adjoint: bool = False

    def evaluate(self, *values: Value) -> Value:
        change, x, out = values
        count = np.zeros(out.shape, change.dtype)
        attains = _attains if np.isfinite(out).all() else _attains_or_nan
        for (own, pooled, counts), met in _meetings(self.relations, self.window, x, out, count):
            for part, place in met:
                counts[place] += attains(own[part], pooled[place])
        count = np.maximum(count, 1)  # 0 if out is not the result, and nothing attains it
        if self.adjoint:
            change = change / count
        result = np.zeros((x if self.adjoint else out).shape, change.dtype)
        arrays = x, out, change, result
        for (own, pooled, given, taken), met in _meetings(self.relations, self.window, *arrays):
            for part, place in met:
                source, target = (place, part) if self.adjoint else (part, place)
                taken[target] += np.where(attains(own[part], pooled[place]), given[source], 0)
        return result if self.adjoint else result / count

    def infer(self, *types: ArrayType) -> ArrayType:
        change, x, out = types
        pooled = _pooled(x.shape, self.relations)
        given, taken = (pooled, x.shape) if self.adjoint else (x.shape, pooled)
        if out.shape != pooled or change.shape != given:
            msg = (
                f"{self.name}: shapes {change.shape} and {out.shape} do not fit the pooling of "
                f"shape {x.shape} to {pooled}"
            )
            raise ShapeError(msg)
        return ArrayType(taken, change.dtype)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity | None:
        return None if index else self(tangent, *operands[1:])

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity | None:
        if index:
            return None
        transposed = MaxPoolShare(self.relations, self.window, adjoint=not self.adjoint)
        return transposed(cotangent, *operands[1:])

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return self(*spread_batch(operands, batched, size))


def check_windows(
    operation: str, relations: tuple[Relation, ...], window: Sizes, shape: Sizes
) -> None:
    """Check that each window holds an element of an array of the shape.

    Raises:
        ShapeError: One holds none.
    """
    first = len(shape) - len(relations)
    for axis, (relation, length) in enumerate(zip(relations, window, strict=True), first):
        track = relation.track((0, 2, 1), (shape[axis], relation.size, length))
        held = {k for _, _, (places,) in taps([track]) for k in range(relation.size)[places]}
        if len(held) < relation.size:
            msg = (
                f"{operation}: a window on axis {axis} of x, shape {shape}, holds padding only; "
                f"pad by less than the window, {length}"
            )
            raise ShapeError(msg)


def _meetings(
    relations: tuple[Relation, ...], window: Sizes, *arrays: Value
) -> Iterator[tuple[list[Value], list[tuple[Part, Part]]]]:
    """Yield blocks of arrays, the first two being x and the result, and which parts of them meet.

    There is one pair of parts for each position of the window. The blocks are small, and have one
    axis in front; changes to them are changes to the arrays, which are in row-major order.
    """
    rank = len(relations)
    sizes = zip(arrays[0].shape[-rank:], arrays[1].shape[-rank:], window, strict=True)
    tracks = [r.track((0, 2, 1), size) for r, size in zip(relations, sizes, strict=True)]
    everything = (slice(None),)
    met = [(everything + part, everything + place) for _, part, place in taps(tracks)]
    rows = math.prod(arrays[0].shape[:-rank])
    flat = [array.reshape(rows, *array.shape[-rank:]) for array in arrays]
    step = max(1, _BLOCK // max(1, math.prod(arrays[0].shape[-rank:])))
    for start in range(0, rows, step):
        yield [array[start : start + step] for array in flat], met


def _pooled(shape: Sizes, relations: tuple[Relation, ...]) -> Sizes:
    """Return the shape of the result."""
    return (*shape[: len(shape) - len(relations)], *(relation.size for relation in relations))


def _least(dtype: Value) -> Value:
    """Return a value that no other of the dtype is below."""
    match dtype.kind:
        case "f":
            return -np.inf
        case "c":
            return complex(-np.inf, -np.inf)
        case "b":
            return False
        case _:
            return np.iinfo(dtype).min


def _attains(x: Value, out: Value) -> Value:
    return x == out


def _attains_or_nan(x: Value, out: Value) -> Value:
    return (x == out) | (x != x)  # noqa: PLR0124 - nan alone differs from itself; it makes out nan
