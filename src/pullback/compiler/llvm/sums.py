"""Sums of products in registers: loops over the axes of a contraction, and the sums themselves.

A tile is some elements of a result that are summed side by side. Each element is added up in an
order that depends on sizes alone: however many sums stand beside it, and whoever computes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.contractions import Axis
from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.scalars import BYTE, INDEX
from pullback.compiler.llvm.silence import mend
from pullback.compiler.llvm.vectors import at_least, at_most, loop

_BUSY: Final = 8  # sums that a processor adds to at once
_STRAIGHT: Final = 16  # terms up to which there is no loop over them
_FUSED: Final = ("contract",)

#: An axis of one element.
ONE: Final = Axis(1, 0, 0, 0)
#: Where a part of a loop starts and stops; all of it without.
Bounds = tuple[ir.Value, ir.Value] | None
#: Appends one term to each of several sums.
Terms = Callable[["Places", list[ir.Value]], list[ir.Value]]


@final
@frozen
class Places:
    """Where elements of the two factors and of the result lie."""

    left: ir.Value
    right: ir.Value
    out: ir.Value
    #: Of what else is read and written with the result.
    beside: tuple[ir.Value, ...] = ()


@final
@frozen
class Term:
    """What is added up: products, of which some may count as zero."""

    kind: ir.Type
    bytes: int
    #: Which factors silence the other where they are zero: none, "x", "y" or "xy".
    silent: str

    @property
    def lanes(self) -> int:
        """How many fit into a register."""
        return vectors.registers().bytes // self.bytes

    def added(self, b: ir.IRBuilder, total: ir.Value, left: ir.Value, right: ir.Value) -> ir.Value:
        """Append the addition of a product."""
        return b.fadd(total, b.fmul(left, right, flags=_FUSED), flags=_FUSED)


def chains_for(count: int) -> int:
    """Return how many sums there are for each element, if so many elements stand side by side."""
    return at_least(-(-_BUSY // count))


def height(size: int, most: int) -> int:
    """Return the rows of a tile: few are computed twice, and there are few tiles."""
    return min(range(1, min(size, most) + 1), key=lambda rows: -(-size // rows) * (rows + 1))


@final
@frozen
class Sums:
    """Loops and sums of one contraction. Of an axis, ``x`` is the left factor's step."""

    b: ir.IRBuilder
    term: Term
    #: How many sums there are for each element: the same in all tiles.
    chains: int

    def around(
        self,
        axes: Sequence[Axis],
        places: Places,
        body: Callable[[Places], None],
        bounds: Bounds = None,
    ) -> None:
        """Append loops over axes of the result."""
        if not axes:
            body(places)
            return

        def inner(at: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            self.around(axes[1:], self.moved(places, axes[0], at), body)
            return carried

        loop(self.b, axes[0].size, [], inner, bounds)

    def pieces(
        self,
        axis: Axis,
        width: int,
        places: Places,
        body: Callable[[Places, int], None],
        *,
        apart: int = 0,
        bounds: Bounds = None,
    ) -> None:
        """Append a loop over an axis in steps of ``width``.

        The last step begins early enough to be whole; or, if it is ``apart``, it is that wide, and
        has code of its own.
        """
        b, whole, rest = self.b, axis.size // width, axis.size % width
        last = ir.Constant(INDEX, axis.size - width)

        def inner(at: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            first: ir.Value = b.mul(at, ir.Constant(INDEX, width)) if width > 1 else at
            if rest and not apart:
                first = b.select(b.icmp_unsigned("<", first, last), first, last)
            body(self.moved(places, axis, first), width)
            return carried

        def final() -> None:
            body(self.moved(places, axis, ir.Constant(INDEX, axis.size - apart)), apart)

        if not (rest and apart):
            loop(b, whole + (rest > 0), [], inner, bounds)
        elif bounds is None:
            loop(b, whole, [], inner)
            final()
        else:
            start, stop = bounds
            limit = ir.Constant(INDEX, whole)
            stop = b.select(b.icmp_unsigned("<", stop, limit), stop, limit)
            with b.if_then(b.icmp_unsigned("<", start, stop)):
                loop(b, whole, [], inner, (start, stop))
            with b.if_then(b.icmp_unsigned(">", bounds[1], limit)):
                final()

    def moved(self, places: Places, axis: Axis, at: ir.Value) -> Places:
        """Return the places of elements further along an axis."""
        b, beside = self.b, places.beside
        if axis.beside and beside:
            steps = zip(beside, axis.beside, strict=True)
            beside = tuple([vectors.stepped(b, place, BYTE, at, step) for place, step in steps])
        return Places(
            self.at(places.left, at, axis.x),
            self.at(places.right, at, axis.y),
            self.at(places.out, at, axis.out),
            beside,
        )

    def at(self, pointer: ir.Value, index: ir.Value, step: int) -> ir.Value:
        """Return a pointer ``index·step`` elements further."""
        return vectors.stepped(self.b, pointer, self.term.kind, index, step)

    def load(self, pointer: ir.Value, lanes: int, step: int) -> ir.Value:
        """Append a load of so many elements, ``step`` apart."""
        return vectors.load(self.b, pointer, self.term.kind, lanes, step, aligned=self.term.bytes)

    def mend(
        self,
        places: Places,
        totals: Sequence[ir.Value],
        tile: tuple[Axis, Axis],
        summed: Sequence[Axis],
    ) -> None:
        """Append a second look at sums that are nan, if some of their terms count as zero."""
        if not self.term.silent:
            return
        b = self.b
        axes = [*tile, *summed]
        with b.if_then(vectors.any_nan(b, totals), likely=False):
            mend(b, self.term.kind, self.term.silent, (places.left, places.right, places.out), axes)

    def kept(
        self,
        places: Places,
        totals: Sequence[ir.Value],
        cells: Sequence[int],
        tile: tuple[Axis, Axis],
        summed: Sequence[Axis],
    ) -> ir.Value:
        """Append the store of sums in a tile of memory on the stack; return where it is.

        Args:
            places: Those of the tile in the factors and in the result.
            totals: The sums.
            cells: Where each lies in the tile on the stack.
            tile: The axes of the tile, with steps in that on the stack.
            summed: What is summed over.
        """
        b, kind = self.b, self.term.kind
        own = vectors.room(b, kind, math.prod(axis.size for axis in tile))
        for cell, total in zip(cells, totals, strict=True):
            b.store(total, vectors.moved(b, own, kind, cell), align=self.term.bytes)
        self.mend(Places(places.left, places.right, own), totals, tile, summed)
        return own

    def summed(
        self,
        places: Places,
        axes: Sequence[Axis],
        begun: Sequence[ir.Value],
        terms: Callable[[Places, list[ir.Value]], list[ir.Value]],
        tail: Callable[[Places, list[ir.Value]], list[ir.Value]] | None = None,
    ) -> list[ir.Value]:
        """Append loops over summed axes, in several chains where there are few sums.

        Args:
            places: Where they begin.
            axes: What is summed over; the last is innermost.
            begun: What the sums start from.
            terms: Appends one term to each of the sums.
            tail: Appends what follows the loop over the last axis.
        """
        b = self.b
        *around, last = axes
        chains = min(self.chains, at_most(last.size))
        many = len(begun)

        def inner(at: Places, totals: list[ir.Value]) -> list[ir.Value]:
            def step(start: ir.Value, sums: list[ir.Value], count: int) -> list[ir.Value]:
                here = self.moved(at, last, start)
                result = list(sums)
                for k in range(count):
                    part = slice(k % chains * many, (k % chains + 1) * many)
                    there = self.moved(here, last, ir.Constant(INDEX, k)) if k else here
                    result[part] = terms(there, result[part])
                return result

            zero = ir.Constant(INDEX, 0)
            if last.size * many <= _STRAIGHT:
                totals = step(zero, totals, last.size)
            else:
                whole, rest = divmod(last.size, chains)

                def body(k: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
                    first = b.mul(k, ir.Constant(INDEX, chains)) if chains > 1 else k
                    return step(first, sums, chains)

                totals = loop(b, whole, totals, body)
                if rest:
                    totals = step(ir.Constant(INDEX, whole * chains), totals, rest)
            if tail is not None:
                totals[:many] = tail(at, totals[:many])
            return totals

        def over(rest: Sequence[Axis], at: Places, totals: list[ir.Value]) -> list[ir.Value]:
            if not rest:
                return inner(at, totals)
            return loop(
                b,
                rest[0].size,
                totals,
                lambda k, sums: over(rest[1:], self.moved(at, rest[0], k), sums),
            )

        others = [vectors.zeros(total.type) for total in begun] * (chains - 1)
        totals = over(around, places, [*begun, *others])
        while len(totals) > many:
            half = len(totals) // 2
            totals = [b.fadd(x, y) for x, y in zip(totals[:half], totals[half:], strict=True)]
        return totals
