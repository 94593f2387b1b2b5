"""Contractions as sums in registers: a tile of the result at a time.

Where vectors run along an axis of the result, a term is a vector of the right factor times numbers
of the left one, and a tile is some rows by up to two vectors; what is not contiguous, or is far
apart, is copied to a panel first. Where vectors run along a summed axis, each element of a tile is
summed in lanes, and the lanes are added in the end.

Each element is added up in an order that depends on sizes alone. The last tile of an axis begins
early enough to be whole, and computes some elements again, so that there is one copy of the code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, final

from attrs import evolve, frozen
from llvmlite import ir

from pullback.compiler.contractions import Axis
from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.scalars import FLAG, INDEX, POINTER
from pullback.compiler.llvm.silence import mend
from pullback.compiler.llvm.threads import Part
from pullback.compiler.llvm.vectors import at_least, at_most, loop, moved

_CHAINS: Final = 8  # sums that a processor adds to at once
_ROWS: Final = 8
_STRAIGHT: Final = 16  # terms up to which there is no loop over them
_PANEL: Final = 1 << 17  # bytes, on the stack
_NEAR: Final = 1 << 13  # bytes up to which a factor's rows are read where they are
_ONE: Final = Axis(1, 0, 0, 0)

#: Where a part of a loop starts and stops; all of it without.
Bounds = tuple[ir.Value, ir.Value] | None


@final
@frozen
class Places:
    """Where elements of the two factors and of the result lie."""

    left: ir.Value
    right: ir.Value
    out: ir.Value


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


_FUSED: Final = ("contract",)


@final
@frozen
class Tiles:
    """A contraction in tiles. Of each axis, ``x`` is the left factor's step, ``y`` the right's."""

    b: ir.IRBuilder
    term: Term
    #: The axis along which vectors run.
    along: Axis
    #: The axis of a tile's rows, which the right factor does not have.
    rows: Axis
    #: The axis of a tile's columns, where vectors run along a summed axis; the left one lacks it.
    columns: Axis
    #: Other axes of the result that the right factor has, and those that it has not.
    outside: Sequence[Axis]
    inside: Sequence[Axis]
    #: Summed axes, without ``along``.
    summed: Sequence[Axis]
    #: Where sums are cut: whether this is the first part, which the others are added to.
    first: ir.Value | None = None
    #: Which loop is cut in parts, and where this part starts and stops.
    split: str = ""
    bounds: Bounds = None

    def emit(self, places: Places, part: Part | None = None) -> None:
        """Append all of it, or a part."""
        if part is not None:
            loops = {"outside": self._outer, "panels": self._columns, "rows": self._lines}
            split = max(loops, key=lambda name: min(loops[name], 8))
            bounds = part.bounds(self.b, loops[split])
            evolve(self, split=split, bounds=bounds).emit(places)
            return
        outside = self._bounds("outside")
        if self.along.out == 0:
            self._around([*self.outside, *self.inside], places, self._dots, outside)
            return
        *outer, last = self.summed or (_ONE,)
        deep = _PANEL // (self._width * self.term.bytes)
        block = Axis(min(deep, last.size), last.x, last.y, 0)
        short = not outer and last.size <= deep
        if short or self.term.silent or not self._copies(block, self._width):
            self._around(self.outside, places, self._panels, outside)
            return
        blocks = -(-last.size // deep)
        self._blocks([*outer, last], -(-last.size // blocks), places, ir.Constant(FLAG, 1))

    def _bounds(self, name: str) -> Bounds:
        """Return the bounds of a loop, if it is the one that is cut in parts."""
        return self.bounds if self.split == name else None

    @property
    def _width(self) -> int:
        """The columns of a panel."""
        return min(2 * self.term.lanes, self.along.size)

    @property
    def _height(self) -> int:
        """The rows of a tile."""
        if self.along.out == 0:
            return _height(self.rows.size, 4 if self.columns.size > 1 else 8)
        most = vectors.registers().sums // -(-self._width // self.term.lanes)
        return _height(self.rows.size, min(most, _ROWS))

    @property
    def _beside(self) -> int:
        """The columns of a tile, where vectors run along a summed axis."""
        return _height(self.columns.size, 4 if self.rows.size > 1 else 8)

    @property
    def _chains(self) -> int:
        """How many sums there are for each element: the same in all tiles, whatever their size."""
        width = self._beside if self.along.out == 0 else len(_vectors(self._width, self.term.lanes))
        return at_least(-(-_CHAINS // (self._height * width)))

    # How often each loop runs that may be cut in parts

    @property
    def _outer(self) -> int:
        axes = [*self.outside, *(self.inside if self.along.out == 0 else ())]
        return axes[0].size if axes else 1

    @property
    def _columns(self) -> int:
        return 1 if self.along.out == 0 else -(-self.along.size // self._width)

    @property
    def _lines(self) -> int:
        return 1 if self.inside and self.along.out else -(-self.rows.size // self._height)

    def _blocks(
        self, summed: Sequence[Axis], deep: int, places: Places, first: ir.Value
    ) -> None:
        """Append loops over blocks of the sums."""
        b, axis = self.b, summed[0]

        def inner(at: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            beginning = b.and_(first, b.icmp_unsigned("==", at, ir.Constant(INDEX, 0)))
            if len(summed) > 1:
                self._blocks(summed[1:], deep, self._moved(places, axis, at), beginning)
            else:
                start = b.mul(at, ir.Constant(INDEX, deep))
                self._block(Axis(deep, axis.x, axis.y, 0), self._moved(places, axis, start), beginning)
            return carried

        loop(b, axis.size // deep if len(summed) == 1 else axis.size, [], inner)
        rest = axis.size % deep
        if len(summed) == 1 and rest:
            start = self._moved(places, axis, ir.Constant(INDEX, axis.size - rest))
            self._block(Axis(rest, axis.x, axis.y, 0), start, ir.Constant(FLAG, 0))

    def _block(self, axis: Axis, places: Places, first: ir.Value) -> None:
        block = evolve(self, summed=(axis,), first=first)
        block._around(self.outside, places, block._panels, self._bounds("outside"))

    def _around(
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
            self._around(axes[1:], self._moved(places, axes[0], at), body)
            return carried

        loop(self.b, axes[0].size, [], inner, bounds)

    def _pieces(
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
            body(self._moved(places, axis, first), width)
            return carried

        def final() -> None:
            body(self._moved(places, axis, ir.Constant(INDEX, axis.size - apart)), apart)

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

    def _moved(self, places: Places, axis: Axis, at: ir.Value) -> Places:
        return Places(
            self._at(places.left, at, axis.x),
            self._at(places.right, at, axis.y),
            self._at(places.out, at, axis.out),
        )

    def _at(self, pointer: ir.Value, index: ir.Value, step: int) -> ir.Value:
        return vectors.stepped(self.b, pointer, self.term.kind, index, step)

    def _panels(self, places: Places) -> None:
        """Append loops over panels of columns, of one or two vectors each."""
        lanes, along = self.term.lanes, self.along
        rest = along.size % self._width
        narrow = lanes if 0 < rest <= lanes else 0  # less to compute twice
        apart = narrow if self.first is None else rest
        bounds = self._bounds("panels")
        self._pieces(along, self._width, places, self._panel, apart=apart, bounds=bounds)

    def _panel(self, places: Places, width: int) -> None:
        """Append the loops over the rows of a panel, which is copied where that pays."""
        summed, step = self.summed, self.along.y
        if len(summed) == 1 and self._copies(summed[0], width):
            pointer = self._copied(places.right, summed[0], width)
            places = Places(places.left, pointer, places.out)
            summed, step = [Axis(summed[0].size, summed[0].x, width, 0)], 1
        height = self._height

        def tile(at: Places, rows: int) -> None:
            self._tile(at, summed, (rows, width), step)

        def tiles(inner: Places) -> None:
            apart = 0 if self.first is None else self.rows.size % height
            bounds = self._bounds("rows")
            self._pieces(self.rows, height, inner, tile, apart=apart, bounds=bounds)

        self._around(self.inside, places, tiles)

    def _copies(self, axis: Axis, width: int) -> bool:
        """Return whether a panel is worth its copy."""
        used = self.rows.size * math.prod(a.size for a in self.inside)
        if axis.size * width * self.term.bytes > _PANEL or used == 1:
            return False
        far = axis.size * axis.y * self.term.bytes > _NEAR and axis.y > width
        return self.along.y > 1 or (far and used >= 4 * _ROWS)

    def _copied(self, right: ir.Value, axis: Axis, width: int) -> ir.Value:
        """Append the copy of a panel: rows of ``width`` elements, in transposed squares or not."""
        b, term, step = self.b, self.term, self.along.y
        with b.goto_entry_block():
            panel = b.alloca(ir.ArrayType(term.kind, axis.size * width))
        panel.type = POINTER  # llvmlite gives it the type of what it points to
        side = min(at_most(min(axis.size, width)), 8, term.lanes)

        def square(at: Places, _: int) -> None:
            rows = [self._load(moved(b, at.right, term.kind, step * i), side, 1) for i in range(side)]
            for i, row in enumerate(vectors.transpose(b, rows)):
                b.store(row, moved(b, at.out, term.kind, width * i), align=term.bytes)

        def row(at: Places, _: int) -> None:
            for start, lanes in _vectors(width, term.lanes):
                value = self._load(moved(b, at.right, term.kind, step * start), lanes, step)
                b.store(value, moved(b, at.out, term.kind, start), align=term.bytes)

        # As a place, `out` is in the panel.
        deep, wide = Axis(axis.size, 0, axis.y, width), Axis(width, 0, step, 1)
        start = Places(right, right, panel)
        if step > 1 and axis.y == 1:
            self._pieces(wide, side, start, lambda p, _: self._pieces(deep, side, p, square))
        else:
            self._pieces(deep, 1, start, row)
        return panel

    def _load(self, pointer: ir.Value, lanes: int, step: int) -> ir.Value:
        return vectors.load(self.b, pointer, self.term.kind, lanes, step, self.term.bytes)

    def _tile(
        self, places: Places, summed: Sequence[Axis], size: tuple[int, int], step: int
    ) -> None:
        """Append the sums of a tile, and their store."""
        b, kind = self.b, self.term.kind
        height, width = size
        pieces = _vectors(width, self.term.lanes)

        def terms(at: Places, totals: list[ir.Value]) -> list[ir.Value]:
            right = [
                self._load(moved(b, at.right, kind, step * start), lanes, step)
                for start, lanes in pieces
            ]
            found = iter(totals)
            result: list[ir.Value] = []
            for r in range(height):
                row = moved(b, at.left, kind, r * self.rows.x)
                number = None if self.along.x else self._load(row, 1, 0)
                for (start, lanes), factor in zip(pieces, right, strict=True):
                    if number is None:
                        begin = moved(b, row, kind, start * self.along.x)
                        left = self._load(begin, lanes, self.along.x)
                    else:
                        left = vectors.splat(b, number, lanes)
                    result.append(self.term.added(b, next(found), left, factor))
            return result

        cells = [(r * self.rows.out + start, lanes) for r in range(height) for start, lanes in pieces]
        begun = [self._begun(moved(b, places.out, kind, place), lanes) for place, lanes in cells]
        totals = self._summed(places, summed, begun, terms)
        for (place, _), total in zip(cells, totals, strict=True):
            b.store(total, moved(b, places.out, kind, place), align=self.term.bytes)
        rows = Axis(height, self.rows.x, 0, self.rows.out)
        self._mend(places, totals, (rows, Axis(width, self.along.x, step, 1)), summed)

    def _begun(self, place: ir.Value, lanes: int) -> ir.Value:
        """Return what a sum starts from."""
        zero = vectors.zeros(vectors.vector(self.term.kind, lanes))
        if self.first is None:
            return zero
        return self.b.select(self.first, zero, self._load(place, lanes, 1))

    def _dots(self, places: Places) -> None:
        """Append tiles of which each element is summed in lanes."""
        height = self._height
        width = self._beside

        def row(at: Places, _: int) -> None:
            self._pieces(self.columns, width, at, lambda p, _: self._dot(p, height, width))

        self._pieces(self.rows, height, places, row, bounds=self._bounds("rows"))

    def _dot(self, places: Places, height: int, width: int) -> None:
        b, kind, along = self.b, self.term.kind, self.along
        contiguous = along.x == along.y == 1
        lanes = min(self.term.lanes, at_most(along.size)) if contiguous else 1
        whole, rest = divmod(along.size, lanes)

        def terms(at: Places, totals: list[ir.Value], first: int = 0) -> list[ir.Value]:
            def loaded(pointer: ir.Value, step: int) -> ir.Value:
                value = self._load(moved(b, pointer, kind, step), lanes, 1)
                return vectors.masked(b, value, first) if first else value

            left = [loaded(at.left, r * self.rows.x) for r in range(height)]
            right = [loaded(at.right, c * self.columns.y) for c in range(width)]
            pairs = [(x, y) for x in left for y in right]
            return [
                self.term.added(b, total, x, y) for total, (x, y) in zip(totals, pairs, strict=True)
            ]

        begun = [vectors.zeros(vectors.vector(kind, lanes))] * (height * width)
        axis = Axis(whole, along.x * lanes, along.y * lanes, 0)

        def tail(at: Places, totals: list[ir.Value]) -> list[ir.Value]:
            if not rest:
                return totals
            last = self._moved(at, Axis(1, along.x, along.y, 0), ir.Constant(INDEX, along.size - lanes))
            return terms(last, totals, lanes - rest)

        totals = self._summed(places, [*self.summed, axis], begun, terms, tail)
        found = vectors.sums(b, totals)
        rows = Axis(height, self.rows.x, 0, self.rows.out)
        columns = Axis(width, 0, self.columns.y, self.columns.out)
        cells = [r * rows.out + c * columns.out for r in range(height) for c in range(width)]
        for place, total in zip(cells, found, strict=True):
            b.store(total, moved(b, places.out, kind, place), align=self.term.bytes)
        self._mend(places, found, (rows, columns), [*self.summed, along])

    def _mend(
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
        axes = [*tile, *(summed or (_ONE,))]
        with b.if_then(vectors.any_nan(b, totals), likely=False):
            mend(b, self.term.kind, self.term.silent, (places.left, places.right, places.out), axes)

    def _summed(
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
        *around, last = axes or (_ONE,)
        chains = min(self._chains, at_most(last.size))
        many = len(begun)

        def inner(at: Places, totals: list[ir.Value]) -> list[ir.Value]:
            def step(start: ir.Value, sums: list[ir.Value], count: int) -> list[ir.Value]:
                here = self._moved(at, last, start)
                result = list(sums)
                for k in range(count):
                    part = slice(k % chains * many, (k % chains + 1) * many)
                    there = self._moved(here, last, ir.Constant(INDEX, k)) if k else here
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
                lambda k, sums: over(rest[1:], self._moved(at, rest[0], k), sums),
            )

        others = [vectors.zeros(total.type) for total in begun] * (chains - 1)
        totals = over(around, places, [*begun, *others])
        while len(totals) > many:
            half = len(totals) // 2
            totals = [b.fadd(x, y) for x, y in zip(totals[:half], totals[half:], strict=True)]
        return totals


def _height(size: int, most: int) -> int:
    """Return the rows of a tile: few are computed twice, and there are few tiles."""
    return min(range(1, min(size, most) + 1), key=lambda rows: -(-size // rows) * (rows + 1))


def _vectors(width: int, lanes: int) -> Sequence[tuple[int, int]]:
    """Return where vectors begin that make up a row, and their lanes; the last may overlap."""
    lanes = min(lanes, at_most(width))
    pieces = [(start, lanes) for start in range(0, width - lanes + 1, lanes)]
    rest = width % lanes
    if rest:
        last = at_least(rest)
        pieces.append((width - last, last))
    return pieces
