"""Contractions with vectors along an axis of the result.

A term is a vector of the right factor times numbers of the left one, and a tile is some rows by up
to two vectors. The last tile of an axis begins early enough to be whole, and computes some elements
again, so that there is one copy of the code. Nearly all products are `standard`; the rest is
written out here.
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
from pullback.compiler.llvm.multiply import PANEL
from pullback.compiler.llvm.standard import Standard
from pullback.compiler.llvm.sums import Bounds, Places, Sums, Term, chains_for, height
from pullback.compiler.llvm.threads import Part
from pullback.compiler.llvm.vectors import loop, moved, spans

_ROWS: Final = 8
_NEAR: Final = 1 << 13  # bytes up to which a factor's rows are read where they are


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
        standard = self._standard()
        chosen = self if part is None else self._cut(part, standard)
        if standard is not None:
            standard.emit(places, chosen.split, chosen.bounds, self.epilogue)
        else:
            self.sums.around(self.outside, places, chosen.panels, chosen.within("outside"))

    def _standard(self) -> Standard | None:
        """Return the product as the library's function computes it, if it can."""
        *outer, last = self.summed
        most = PANEL // (self._width * self.term.bytes)
        short = not outer and last.size <= most
        copies = self._copies(min(most, last.size)) and (short or not self.term.silent)
        few = len(self.outside) <= 2 and len(self.inside) <= 1 and len(self.summed) <= 2
        if not few or self.sums.chains > 1 or self.along.x != 0 or (outer and self.term.silent):
            return None
        axes = self.outside, self.inside, self.rows, self.along, self.summed
        deep = -(-last.size // -(-last.size // most)) if copies else last.size
        found = Standard(self.b, self.term, *axes, self._height, self._width, deep, copies)
        return None if found.copied is None else found

    def _cut(self, part: Part, standard: Standard | None) -> Panels:
        """Return what does a part of the loop that is cut best."""
        outer = self.outside[0].size if self.outside else 1
        lines = 1 if self.inside else -(-self.rows.size // self._height)
        alone = standard is not None and not standard.panels_are_apart
        panels = 1 if alone else -(-self.along.size // self._width)
        loops = {"outside": outer, "panels": panels, "rows": lines}
        split = max(loops, key=lambda name: min(loops[name], 8))
        return evolve(self, split=split, bounds=part.bounds(self.b, loops[split]))

    def within(self, name: str) -> Bounds:
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

    def panels(self, places: Places) -> None:
        """Append loops over panels of columns, of one or two vectors each."""
        lanes, along = self.term.lanes, self.along
        rest = along.size % self._width
        narrow = lanes if 0 < rest <= lanes else 0  # less to compute twice
        bounds = self.within("panels")
        self.sums.pieces(along, self._width, places, self._panel, apart=narrow, bounds=bounds)

    def _panel(self, places: Places, width: int) -> None:
        """Append the loops over the rows of a panel."""

        def tile(at: Places, rows: int) -> None:
            self._tile(at, (rows, width))

        def tiles(inner: Places) -> None:
            self.sums.pieces(self.rows, self._height, inner, tile, bounds=self.within("rows"))

        self.sums.around(self.inside, places, tiles)

    def _copies(self, deep: int) -> bool:
        """Return whether a panel of so many terms is worth its copy."""
        used, step = self.rows.size * math.prod(a.size for a in self.inside), self.summed[-1].y
        if deep * self._width * self.term.bytes > PANEL or used == 1:
            return False
        far = deep * step * self.term.bytes > _NEAR and step > self._width
        return self.along.y > 1 or (far and used >= 4 * _ROWS)

    def _tile(self, places: Places, size: tuple[int, int]) -> None:
        """Append the sums of a tile, and their store or their maps."""
        b, kind, along, (count, width) = self.b, self.term.kind, self.along, size
        cells = [
            (r, start, lanes)
            for r in range(count)
            for start, lanes in spans(width, self.term.lanes)
        ]

        def terms(at: Places, totals: list[ir.Value]) -> list[ir.Value]:
            known: dict[tuple[ir.Value, int, int], ir.Value] = {}

            def load(pointer: ir.Value, place: int, lanes: int, step: int) -> ir.Value:
                key = pointer, place, lanes
                if key not in known:
                    known[key] = self.sums.load(moved(b, pointer, kind, place), lanes, step)
                return known[key]

            return [
                self.term.added(
                    b,
                    total,
                    load(at.left, r * self.rows.x + start * along.x, lanes, along.x),
                    load(at.right, start * along.y, lanes, along.y),
                )
                for total, (r, start, lanes) in zip(totals, cells, strict=True)
            ]

        begun = [vectors.zeros(vectors.vector(kind, lanes)) for _, _, lanes in cells]
        totals = self.sums.summed(places, self.summed, begun, terms)
        if self.epilogue is not None:
            self._map(self.epilogue, places, totals, size)
            return
        for (r, start, _), total in zip(cells, totals, strict=True):
            place = moved(b, places.out, kind, r * self.rows.out + start)
            b.store(total, place, align=self.term.bytes)
        axes = evolve(self.rows, size=count, y=0), evolve(along, size=width)
        self.sums.mend(places, totals, axes, self.summed)

    def _map(
        self,
        epilogue: Epilogue,
        places: Places,
        totals: Sequence[ir.Value],
        size: tuple[int, int],
    ) -> None:
        """Append the maps of a tile: of registers, or of its rows on the stack, one by one."""
        b, term, (count, width) = self.b, self.term, size
        pieces = spans(width, term.lanes)
        cells = [(r, start, lanes) for r in range(count) for start, lanes in pieces]
        if not (term.silent or epilogue.is_long(len(cells))):
            epilogue.emit(b, places.beside, self.rows, self.along, cells, totals)
            return
        axes = evolve(self.rows, size=count, y=0, out=width), evolve(self.along, size=width)
        inside = [r * width + start for r, start, _ in cells]
        own = self.sums.kept(places, totals, inside, axes, self.summed)

        def row(at: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            there = self.sums.moved(places, self.rows, at)
            sums = self.sums.at(own, at, width)
            epilogue.emit_row(b, there.beside, self.rows, self.along, sums, width)
            return carried

        loop(b, count, [], row)
