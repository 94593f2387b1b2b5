"""Reductions that stay in registers, in an order that is fixed.

Blocks of 16 vectors are added lane by lane, and the blocks' sums with their rounding errors kept
(Neumaier), so that the error does not grow with the number of blocks. In the end the lanes are
added, one half to the other. A loop over single elements has blocks of 128, and LLVM's vectoriser
orders what is in one.

References:
    A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54
    (1974), algorithm IV.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.lanes import half, lanes, widened
from pullback.compiler.llvm.loops import Stepping
from pullback.compiler.llvm.nests import further, smaller, stepped
from pullback.compiler.llvm.scalars import INDEX
from pullback.compiler.llvm.vectors import at_least, lanes_of, loop
from pullback.primitives.primitive import Primitive
from pullback.primitives.reduction import All, Any, Max, Min, Prod
from pullback.primitives.shape import Sum
from pullback.types.promotion import DType

_BLOCK: Final = 128  # elements of a block, where they are taken one by one
_STEPS: Final = 16  # vectors of a block
_NONE: Final = -1  # the variable of a loop that runs once


@final
@frozen
class Total:
    """How a reduction is carried through loops: in lanes, and with what rounding took of a sum."""

    builder: ir.IRBuilder
    primitive: Primitive
    dtype: DType

    @property
    def exact(self) -> bool:
        """Whether rounding errors of the blocks' sums are kept."""
        return isinstance(self.primitive, Sum) and self.dtype.kind == "f"

    def nothing(self, count: int) -> ir.Constant:
        """Return the reduction of nothing, in so many lanes."""
        neutral = neutral_element(self.primitive, self.dtype)
        return ir.Constant(lanes(neutral.type, count), neutral.constant)

    def taken(self, part: ir.Value, x: ir.Value) -> ir.Value:
        """Append the addition of elements, one in each lane, or in some."""
        count = lanes_of(part)
        if lanes_of(x) != count:
            x = widened(self.builder, x, self.nothing(lanes_of(x)), count)
        return combine(self.builder, self.primitive, part, x, self.dtype, lanes=count == 1)

    def added(self, total: ir.Value, error: ir.Value, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Append the addition of a block: s' = s + x, and its rounding error exactly."""
        b = self.builder
        new = b.fadd(total, x)
        back = b.fsub(new, total)
        lost = b.fadd(b.fsub(total, b.fsub(new, back)), b.fsub(x, back))
        return new, b.fadd(error, lost)

    def corrected(self, total: ir.Value, error: ir.Value) -> ir.Value:
        """Append the end; where a sum is infinite, and its error nan, the sum alone counts."""
        b = self.builder
        size = scalars.intrinsic(b, "fabs", error)
        usable = b.fcmp_ordered("<", size, ir.Constant(error.type, math.inf))
        return b.select(usable, b.fadd(total, error), total)

    def across(self, total: ir.Value) -> ir.Value:
        """Append the reduction of all lanes: of one half with the other, and so on."""
        b, count = self.builder, lanes_of(total)
        if count > 1 and self.dtype.kind == "b":
            bits = ir.IntType(count)
            every = isinstance(self.primitive, (All, Min, Prod))
            limit = ir.Constant(bits, 2**count - 1 if every else 0)
            return b.icmp_unsigned("==" if every else "!=", b.bitcast(total, bits), limit)
        while lanes_of(total) > 1:
            low, high = half(b, total, 0), half(b, total, 1)
            total = combine(b, self.primitive, low, high, self.dtype)
        return total


#: Makes the elements, one for each reduction, given the loop variables.
Taking = Callable[[dict[int, ir.Value], Stepping], list[ir.Value]]


@final
class Run:
    """A loop that several reductions share: in blocks, where sums are to be exact.

    Of an exact sum is carried the total of the blocks before, and their errors; of others only
    what there is so far.
    """

    def __init__(
        self,
        builder: ir.IRBuilder,
        totals: Sequence[Total],
        extents: Sequence[tuple[int, int]],
        body: Taking,
        lanes: int,
    ) -> None:
        """Take loops: the variable of each, and how often it runs; the innermost is in lanes."""
        self.builder, self.totals, self.body, self.lanes = builder, totals, body, lanes
        *self.around, (self.axis, extent) = extents or [(_NONE, 1)]
        self.steps, self.rest = divmod(extent, lanes)
        self.empty = any(size == 0 for _, size in extents)
        self.width = lanes if self.steps else at_least(max(self.rest, 1))
        exact = any(total.exact for total in totals)
        #: How many vectors make a block.
        self.depth = max(self.steps, 1)
        if exact:
            self.depth = min(self.depth, _BLOCK if lanes == 1 else _STEPS)

    def results(self, variables: dict[int, ir.Value]) -> list[ir.Value]:
        """Append the loops, and return what they reduce to.

        Args:
            variables: Those of loops around these.
        """
        nothing: list[ir.Value] = [total.nothing(self.width) for total in self.totals]
        if self.empty:
            return [total.nothing(1) for total in self.totals]
        if not self.around and self.steps <= self.depth:
            parts = self._last(self._block(nothing, ir.Constant(INDEX, 0), variables), variables)
        else:
            errors = [zero for zero, total in zip(nothing, self.totals, strict=True) if total.exact]
            ended = _around(self.builder, self.around, nothing + errors, self._blocks, variables)
            left = iter(ended[len(self.totals) :])
            parts = [
                total.corrected(part, next(left)) if total.exact else part
                for total, part in zip(self.totals, ended, strict=False)
            ]
        return [total.across(part) for total, part in zip(self.totals, parts, strict=True)]

    def _blocks(self, variables: dict[int, ir.Value], carried: list[ir.Value]) -> list[ir.Value]:
        """Append the loop over blocks, and what is left over."""
        zero = ir.Constant(INDEX, 0)
        if self.steps <= self.depth:
            parts = self._block(self._begun(carried), zero, variables)
            return self._added(carried, self._last(parts, variables))

        def block(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            return self._added(carried, self._block(self._begun(carried), k, variables))

        carried = loop(self.builder, -(-self.steps // self.depth), carried, block)
        if not self.rest:
            return carried
        return self._added(carried, self._last(self._begun(carried), variables))

    def _begun(self, carried: list[ir.Value]) -> list[ir.Value]:
        """Return with what a block begins."""
        return [
            total.nothing(self.width) if total.exact else part
            for total, part in zip(self.totals, carried, strict=False)
        ]

    def _added(self, carried: list[ir.Value], parts: list[ir.Value]) -> list[ir.Value]:
        """Append the addition of a block."""
        left = iter(carried[len(self.totals) :])
        found, errors = list(parts), list[ir.Value]()
        for k, total in enumerate(self.totals):
            if total.exact:
                found[k], error = total.added(carried[k], next(left), parts[k])
                errors.append(error)
        return found + errors

    def _block(
        self, parts: list[ir.Value], number: ir.Value, variables: dict[int, ir.Value]
    ) -> list[ir.Value]:
        """Append the loop over a block; the last one may be shorter."""
        b, stepping = self.builder, (self.axis, self.lanes) if self.lanes > 1 else None
        if not self.steps:
            return parts
        start = stepped(b, number, self.depth * self.lanes)

        def step(k: ir.Value, parts: list[ir.Value]) -> list[ir.Value]:
            place = further(b, start, stepped(b, k, self.lanes))
            return self._taken(parts, self.body(variables | {self.axis: place}, stepping))

        bounds = None
        if self.steps % self.depth:
            before = stepped(b, number, self.depth)
            bounds = ir.Constant(INDEX, 0), smaller(b, self.steps, before, self.depth)
        return loop(b, self.depth, parts, step, bounds)

    def _last(self, parts: list[ir.Value], variables: dict[int, ir.Value]) -> list[ir.Value]:
        """Append what takes the elements that fill no vector."""
        if not self.rest:
            return parts
        place = ir.Constant(INDEX, self.steps * self.lanes)
        stepping = (self.axis, self.rest) if self.rest > 1 else None
        return self._taken(parts, self.body(variables | {self.axis: place}, stepping))

    def _taken(self, parts: list[ir.Value], values: list[ir.Value]) -> list[ir.Value]:
        return [
            total.taken(part, value)
            for total, part, value in zip(self.totals, parts, values, strict=True)
        ]


#: Makes what is inside of loops that carry values.
Inside = Callable[[dict[int, ir.Value], list[ir.Value]], list[ir.Value]]


def _around(
    b: ir.IRBuilder,
    extents: Sequence[tuple[int, int]],
    carried: list[ir.Value],
    body: Inside,
    variables: dict[int, ir.Value],
) -> list[ir.Value]:
    """Append loops that carry values, the first outermost, and return what they carry."""
    if not extents:
        return body(variables, carried)
    (axis, extent), *rest = extents
    return loop(
        b,
        extent,
        carried,
        lambda k, inside: _around(b, rest, inside, body, variables | {axis: k}),
    )


def neutral_element(primitive: Primitive, dtype: DType) -> ir.Constant:
    """Return the reduction of nothing, or what every element replaces."""
    kind = scalars.computed(dtype)
    limit = {"f": math.inf, "b": 1}.get(dtype.kind)
    if limit is None:
        bits = 8 * dtype.itemsize
        limit = 2 ** (bits - (dtype.kind == "i")) - 1
    lowest = -limit if dtype.kind == "f" else -limit - 1 if dtype.kind == "i" else 0
    match primitive:
        case Prod() | All():
            return ir.Constant(kind, 1)
        case Max():
            return ir.Constant(kind, lowest)
        case Min():
            return ir.Constant(kind, limit)
        case _:  # the sum of no floats is 0.0, of negative zeros as well, in NumPy too
            return ir.Constant(kind, 0)


def combine(
    b: ir.IRBuilder,
    primitive: Primitive,
    total: ir.Value,
    x: ir.Value,
    dtype: DType,
    *,
    lanes: bool = False,
) -> ir.Value:
    """Append one step; in ``lanes``, the order within a loop is the vectoriser's."""
    flags = ("reassoc",) if lanes else ()
    floating = dtype.kind == "f"
    match primitive:
        case Sum():
            if dtype.kind == "b":
                return b.or_(total, x)
            return b.fadd(total, x, flags=flags) if floating else b.add(total, x)
        case Prod():
            return b.fmul(total, x, flags=flags) if floating else b.mul(total, x)
        case Any():
            return b.or_(total, x)
        case All():
            return b.and_(total, x)
        case _:
            largest = isinstance(primitive, Max)
            if floating:
                return scalars.intrinsic(b, "maximum" if largest else "minimum", total, x)
            better = scalars.compare(b, ">" if largest else "<", x, total, dtype)
            return b.select(better, x, total)
