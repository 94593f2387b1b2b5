"""Replacing elements at integer indices: by assignment, and by the greatest or least value.

The conventions are those of `pullback.primitives.gather`. Both primitives know what several
occurrences of one index mean, also where the indices are unknown while tracing.
"""

from __future__ import annotations

import math
from typing import ClassVar, final

import numpy as np
from attrs import frozen

from pullback.primitives.cast import Cast
from pullback.primitives.comparison import Equal
from pullback.primitives.gather import Gather, ScatterAdd, assign, check_updates, flat_positions
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import Quantity, Value, quantity_type, shape_of
from pullback.primitives.selection import Where
from pullback.primitives.shape import Reshape, move_axis, spread_batch
from pullback.primitives.slicing import zeros_like
from pullback.types import ArrayType, broadcast_shapes


@final
@frozen(eq=False, repr=False)
class ScatterSet(Primitive):
    """``x`` with the elements at integer indices replaced; the last of several values stays.

    Operands: x, the new values in the dtype of x, and an index array for each axis. Linear in x
    and in the values: what is replaced, or does not stay, has the derivative zero.
    """

    selects: ClassVar[bool] = True
    at: Gather

    def evaluate(self, *values: Value) -> Value:
        x, updates, *indices = values
        result = x.copy()
        assign(result, self.at, indices, updates)
        return result

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type of ``x``."""
        x = types[0]
        check_updates(self.name, x.shape, self.at, types[1:])
        return x

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity | None:
        x, updates, *indices = operands
        if index == 0:
            return self(tangent, zeros_like(updates), *indices)
        if index > 1:
            return None
        add = ScatterAdd(shape_of(x), self.at)
        return add(self._staying(tangent, operands), *indices)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity | None:
        _, updates, *indices = operands
        if index == 0:
            return self(cotangent, zeros_like(updates), *indices)
        if index > 1:
            return None
        gathered = self.at(cotangent, *indices)
        return self._staying(gathered, operands)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        at, arrays, place = self.at.in_batch(operands[2:], batched[2:], size)
        x, updates = spread_batch(operands[:2], batched[:2], size)
        return ScatterSet(at)(x, move_axis(updates, 0, place), *arrays)

    def _staying(self, change: Quantity, operands: tuple[Quantity, ...]) -> Quantity:
        """Return the change of the values, with zeros for those that are replaced again.

        Numbering the values and assigning the numbers shows which of several stays.
        """
        if self.at.unique:
            return change
        x, _, *indices = operands
        sizes = tuple(shape_of(x)[axis] for axis in self.at.axes)
        block = broadcast_shapes(self.name, [shape_of(index) for index in indices])
        numbers: Value = np.arange(math.prod(block)).reshape(block)[()]
        at = Gather(tuple(range(len(sizes))), 0)
        zeros: Value = np.zeros(sizes, numbers.dtype)
        last = at(ScatterSet(at)(zeros, numbers, *indices), *indices)
        stays = Equal()(last, numbers)
        after = len(shape_of(x)) - len(sizes) - self.at.position
        return Where()(Reshape(block + (1,) * after)(stays), change, 0)


@final
@frozen(eq=False, repr=False)
class ScatterExtreme(Primitive):
    """``x`` with the elements at integer indices replaced by the greatest (or least) value given.

    Operands: x, whose own element counts among the values; the values in the dtype of x; and an
    index array for each axis. The derivative goes to whatever equals the result, in equal shares
    where several do:

        out_dot[i] = (Σ change of each value equal to out[i]) / (how many they are)
    """

    selects: ClassVar[bool] = True
    at: Gather
    least: bool

    def evaluate(self, *values: Value) -> Value:
        x, updates, *indices = values
        positions = flat_positions(x.shape, self.at, indices)
        flat = x.flatten()  # a copy
        extreme = np.minimum if self.least else np.maximum
        with np.errstate(invalid="ignore"):  # unlike np.minimum, its `at` warns of a nan
            extreme.at(flat, positions, np.reshape(updates, -1))
        return flat.reshape(x.shape)

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type of ``x``."""
        x = types[0]
        check_updates(self.name, x.shape, self.at, types[1:])
        return x

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity | None:
        if index > 1:
            return None
        x_loses, update_loses, count = self._losers(out, operands)
        if index == 0:
            return Where()(x_loses, 0, tangent / count)
        add = ScatterAdd(shape_of(out), self.at)
        return add(Where()(update_loses, 0, tangent), *operands[2:]) / count

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity | None:
        if index > 1:
            return None
        x_loses, update_loses, count = self._losers(out, operands)
        share = cotangent / count
        if index == 0:
            return Where()(x_loses, 0, share)
        return Where()(update_loses, 0, self.at(share, *operands[2:]))

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        at, arrays, place = self.at.in_batch(operands[2:], batched[2:], size)
        x, updates = spread_batch(operands[:2], batched[:2], size)
        return ScatterExtreme(at, self.least)(x, move_axis(updates, 0, place), *arrays)

    def _losers(
        self, out: Quantity, operands: tuple[Quantity, ...]
    ) -> tuple[Quantity, Quantity, Quantity]:
        """Return which elements of x and which values do not stay, and how many do.

        Of a nan, as for `Maximum` and `Minimum`, none loses.
        """
        x, updates, *indices = operands
        best = self.at(out, *indices)
        x_loses = x > out if self.least else x < out
        update_loses = updates > best if self.least else updates < best
        number = Cast(quantity_type(out).dtype)
        add = ScatterAdd(shape_of(out), self.at)
        count = (1 - number(x_loses)) + add(1 - number(update_loses), *indices)
        return x_loses, update_loses, count
