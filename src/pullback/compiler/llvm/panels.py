"""Contractions with vectors along an axis of the result.

A term is a vector of the right factor times numbers of the left one, and a tile is some rows by up
to two vectors. Columns that are not contiguous, or far apart, are copied to a panel first. The last
tile of an axis begins early enough to be whole, and computes some elements again, so that there is
one copy of the code; not so where sums are cut in blocks, each added to the result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, final

from attrs import evolve, field, frozen
from llvmlite import ir

from pullback.compiler.contractions import Axis
from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.epilogues import Epilogue
from pullback.compiler.llvm.scalars import FLAG, INDEX, POINTER
from pullback.compiler.llvm.sums import Bounds, Places, Sums, Term, chains_for, height
from pullback.compiler.llvm.threads import Part
from pullback.compiler.llvm.vectors import at_most, loop, moved, spans

_ROWS: Final = 8
_PANEL: Final = 1 << 17  # bytes, on the stack
_NEAR: Final = 1 << 13  # bytes up to which a factor's rows are read where they are

#: The rows and columns of a tile, the right factor's step along it, and what is summed over.
Tile = tuple[tuple[int, int], int, Sequence[Axis]]


@final
@frozen
class Panels:
    """A contraction whose right factor has the axis of the vectors."""

    b: ir.IRBuilder
    term: Term
    #: The axis along which vectors run.
    along: Axis
    #: The axis of a tile's rows, which the right factor does not have.
    rows: Axis
    #: Other axes of the result that the right factor has, and those that it has not.
    outside: Sequence[Axis]
    inside: Sequence[Axis]
    summed: Sequence[Axis]
    #: Memory for a panel, if there are copies.
    panel: ir.Value | None = None
    #: Where sums are cut in blocks: whether this is the first, which the others are added to.
    first: ir.Value | None = None
    #: And whether this is the last.
    last: ir.Value | None = None
    #: What is computed of the elements before they are stored.
    epilogue: Epilogue | None = None
    #: Which loop is cut in parts, and where this part starts and stops.
    split: str = ""
    bounds: Bounds = None
    sums: Sums = field(init=False)

    @sums.default
    def _sums(self) -> Sums:
        beside = len(spans(self._width, self.term.lanes))
        return Sums(self.b, self.term, chains_for(self._height * beside))

    def emit(self, places: Places, part: Part | None = None) -> None:
        """Append all of it, or a part."""
        chosen = self if part is None else self._cut(part)
        *outer, last = self.summed
        deep = _PANEL // (self._width * self.term.bytes)
        block = Axis(min(deep, last.size), last.x, last.y, 0)
        short = not outer and last.size <= deep
        if not self._copies(block) or (self.term.silent and not short):
            chosen.around(places)
            return
        with self.b.goto_entry_block():
            panel = self.b.alloca(ir.ArrayType(self.term.kind, block.size * self._width))
        panel.type = POINTER  # llvmlite gives it the type of what it points to
        chosen = evolve(chosen, panel=panel)
        if short:
            chosen.around(places)
            return
        count = -(-last.size // deep)
        ends = ir.Constant(FLAG, 1), ir.Constant(FLAG, 1)
        chosen.blocks([*outer, last], -(-last.size // count), places, ends)

    def _cut(self, part: Part) -> Panels:
        """Return what does a part of the loop that is cut best."""
        outer = self.outside[0].size if self.outside else 1
        lines = 1 if self.inside else -(-self.rows.size // self._height)
        loops = {"outside": outer, "panels": -(-self.along.size // self._width), "rows": lines}
        split = max(loops, key=lambda name: min(loops[name], 8))
        return evolve(self, split=split, bounds=part.bounds(self.b, loops[split]))

    def around(self, places: Places) -> None:
        """Append all of one block of the sums."""
        self.sums.around(self.outside, places, self._panels, self._bounds("outside"))

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
        most = vectors.registers().sums // -(-self._width // self.term.lanes)
        return height(self.rows.size, min(most, _ROWS))

    def blocks(
        self,
        summed: Sequence[Axis],
        deep: int,
        places: Places,
        ends: tuple[ir.Value, ir.Value],
    ) -> None:
        """Append loops over blocks of the sums; ``ends`` are whether it is the first or last."""
        b, axis, (first, last) = self.b, summed[0], ends
        count = axis.size // deep if len(summed) == 1 else axis.size
        rest = axis.size % deep if len(summed) == 1 else 0

        def body(at: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            begins = b.and_(first, b.icmp_unsigned("==", at, ir.Constant(INDEX, 0)))
            done = b.icmp_unsigned("==", at, ir.Constant(INDEX, count - 1))
            inner = begins, ir.Constant(FLAG, 0) if rest else b.and_(last, done)
            if len(summed) > 1:
                self.blocks(summed[1:], deep, self.sums.moved(places, axis, at), inner)
            else:
                start = b.mul(at, ir.Constant(INDEX, deep))
                self._block(
                    Axis(deep, axis.x, axis.y, 0), self.sums.moved(places, axis, start), inner
                )
            return carried

        loop(b, count, [], body)
        if rest:
            start = self.sums.moved(places, axis, ir.Constant(INDEX, axis.size - rest))
            self._block(Axis(rest, axis.x, axis.y, 0), start, (ir.Constant(FLAG, 0), last))

    def _block(self, axis: Axis, places: Places, ends: tuple[ir.Value, ir.Value]) -> None:
        evolve(self, summed=(axis,), first=ends[0], last=ends[1]).around(places)

    def _panels(self, places: Places) -> None:
        """Append loops over panels of columns, of one or two vectors each."""
        lanes, along = self.term.lanes, self.along
        rest = along.size % self._width
        narrow = lanes if 0 < rest <= lanes else 0  # less to compute twice
        apart = narrow if self.first is None else rest
        bounds = self._bounds("panels")
        self.sums.pieces(along, self._width, places, self._panel, apart=apart, bounds=bounds)

    def _panel(self, places: Places, width: int) -> None:
        """Append the loops over the rows of a panel, which is copied where that pays."""
        summed, step = self.summed, self.along.y
        if self.panel is not None:
            self._copy(places.right, self.panel, summed[0], width)
            places = evolve(places, right=self.panel)
            summed, step = [Axis(summed[0].size, summed[0].x, width, 0)], 1

        def tile(at: Places, rows: int) -> None:
            self._tile(at, summed, (rows, width), step)

        def tiles(inner: Places) -> None:
            apart = 0 if self.first is None else self.rows.size % self._height
            bounds = self._bounds("rows")
            self.sums.pieces(self.rows, self._height, inner, tile, apart=apart, bounds=bounds)

        self.sums.around(self.inside, places, tiles)

    def _copies(self, axis: Axis) -> bool:
        """Return whether a panel is worth its copy."""
        used = self.rows.size * math.prod(a.size for a in self.inside)
        if axis.size * self._width * self.term.bytes > _PANEL or used == 1:
            return False
        far = axis.size * axis.y * self.term.bytes > _NEAR and axis.y > self._width
        return self.along.y > 1 or (far and used >= 4 * _ROWS)

    def _copy(self, right: ir.Value, panel: ir.Value, axis: Axis, width: int) -> None:
        """Append the copy of a panel: rows of ``width`` elements, in transposed squares or not."""
        b, term, step = self.b, self.term, self.along.y
        side = min(at_most(min(axis.size, width)), 8, term.lanes)

        def square(at: Places, _: int) -> None:
            rows = [
                self.sums.load(moved(b, at.right, term.kind, step * i), side, 1)
                for i in range(side)
            ]
            for i, row in enumerate(vectors.transpose(b, rows)):
                b.store(row, moved(b, at.out, term.kind, width * i), align=term.bytes)

        def row(at: Places, _: int) -> None:
            for start, lanes in spans(width, term.lanes):
                value = self.sums.load(moved(b, at.right, term.kind, step * start), lanes, step)
                b.store(value, moved(b, at.out, term.kind, start), align=term.bytes)

        # As a place, `out` is in the panel.
        deep, wide = Axis(axis.size, 0, axis.y, width), Axis(width, 0, step, 1)
        start = Places(right, right, panel)
        if step > 1 and axis.y == 1:
            self.sums.pieces(
                wide, side, start, lambda p, _: self.sums.pieces(deep, side, p, square)
            )
        else:
            self.sums.pieces(deep, 1, start, row)

    def _tile(
        self, places: Places, summed: Sequence[Axis], size: tuple[int, int], step: int
    ) -> None:
        """Append the sums of a tile, and their store."""
        b, kind = self.b, self.term.kind
        count, width = size
        pieces = spans(width, self.term.lanes)

        def terms(at: Places, totals: list[ir.Value]) -> list[ir.Value]:
            right = [
                self.sums.load(moved(b, at.right, kind, step * start), lanes, step)
                for start, lanes in pieces
            ]
            found = iter(totals)
            result: list[ir.Value] = []
            for r in range(count):
                row = moved(b, at.left, kind, r * self.rows.x)
                number = None if self.along.x else self.sums.load(row, 1, 0)
                for (start, lanes), factor in zip(pieces, right, strict=True):
                    if number is None:
                        begin = moved(b, row, kind, start * self.along.x)
                        left = self.sums.load(begin, lanes, self.along.x)
                    else:
                        left = vectors.splat(b, number, lanes)
                    result.append(self.term.added(b, next(found), left, factor))
            return result

        cells = [
            (r * self.rows.out + start, lanes) for r in range(count) for start, lanes in pieces
        ]
        begun = [self._begun(moved(b, places.out, kind, place), lanes) for place, lanes in cells]
        totals = self.sums.summed(places, summed, begun, terms)
        if self.epilogue is not None:
            self._finish(self.epilogue, places, totals, (size, step, summed))
            return
        self._store(places, cells, totals)
        rows = Axis(count, self.rows.x, 0, self.rows.out)
        self.sums.mend(places, totals, (rows, Axis(width, self.along.x, step, 1)), summed)

    def _store(
        self, places: Places, cells: Sequence[tuple[int, int]], totals: Sequence[ir.Value]
    ) -> None:
        for (place, _), total in zip(cells, totals, strict=True):
            pointer = moved(self.b, places.out, self.term.kind, place)
            self.b.store(total, pointer, align=self.term.bytes)

    def _finish(
        self, epilogue: Epilogue, places: Places, totals: Sequence[ir.Value], tile: Tile
    ) -> None:
        """Append the maps of a tile, or the store of its sums if these are not complete."""
        b, ((count, width), _, _) = self.b, tile
        if self.last is None:
            self._map(epilogue, places, totals, tile)
            return
        pieces = spans(width, self.term.lanes)
        cells = [
            (r * self.rows.out + start, lanes) for r in range(count) for start, lanes in pieces
        ]
        with b.if_then(b.not_(self.last)):
            self._store(places, cells, totals)
        with b.if_then(self.last):
            self._map(epilogue, places, totals, tile)

    def _map(
        self, epilogue: Epilogue, places: Places, totals: Sequence[ir.Value], tile: Tile
    ) -> None:
        """Append the maps of a tile: of registers, or of its rows on the stack, one by one."""
        b, term, ((count, width), step, summed) = self.b, self.term, tile
        pieces = spans(width, term.lanes)
        cells = [(r, start, lanes) for r in range(count) for start, lanes in pieces]
        if not (term.silent or epilogue.is_long(len(cells))):
            epilogue.emit(places.beside, self.rows, self.along, cells, totals)
            return
        axes = Axis(count, self.rows.x, 0, width), Axis(width, self.along.x, step, 1)
        inside = [r * width + start for r, start, _ in cells]
        own = self.sums.kept(places, totals, inside, axes, summed)

        def row(at: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            place = self.sums.at(own, at, width)
            there = self.sums.moved(places, self.rows, at)
            line = [(0, start, lanes) for start, lanes in pieces]
            found = [
                self.sums.load(moved(b, place, term.kind, start), lanes, 1)
                for start, lanes in pieces
            ]
            epilogue.emit(there.beside, self.rows, self.along, line, found)
            return carried

        loop(b, count, [], row)

    def _begun(self, place: ir.Value, lanes: int) -> ir.Value:
        """Return what a sum starts from."""
        zero = vectors.zeros(vectors.vector(self.term.kind, lanes))
        if self.first is None:
            return zero
        return self.b.select(self.first, zero, self.sums.load(place, lanes, 1))
