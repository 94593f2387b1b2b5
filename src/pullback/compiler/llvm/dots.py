"""Contractions with vectors along a summed axis: sums in lanes, which are added in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from attrs import evolve, field, frozen
from llvmlite import ir

from pullback.compiler.contractions import Axis
from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.epilogues import Epilogue
from pullback.compiler.llvm.scalars import INDEX
from pullback.compiler.llvm.sums import Places, Sums, Term, chains_for, height
from pullback.compiler.llvm.threads import Part
from pullback.compiler.llvm.vectors import at_most, joined, moved, spans


@final
@frozen
class Dots:
    """A contraction in tiles of rows and columns of the result, each element summed in lanes."""

    b: ir.IRBuilder
    term: Term
    #: The summed axis along which vectors run.
    along: Axis
    #: The axis of a tile's rows, which the right factor lacks, and of its columns, which the left.
    rows: Axis
    columns: Axis
    #: Other axes of the result.
    outside: Sequence[Axis]
    #: Other summed axes.
    summed: Sequence[Axis]
    #: What is computed of the elements before they are stored.
    epilogue: Epilogue | None = None
    sums: Sums = field(init=False)

    @sums.default
    def _sums(self) -> Sums:
        return Sums(self.b, self.term, chains_for(self._height * self._width))

    @property
    def _height(self) -> int:
        return height(self.rows.size, 4 if self.columns.size > 1 else 8)

    @property
    def _width(self) -> int:
        return height(self.columns.size, 4 if self.rows.size > 1 else 8)

    def emit(self, places: Places, part: Part | None = None) -> None:
        """Append all of it, or a part."""
        outer = self.outside[0].size if self.outside else 1
        lines = -(-self.rows.size // self._height)
        across = outer >= min(lines, 8)
        bounds = None if part is None else part.bounds(self.b, outer if across else lines)

        def column(at: Places, _: int) -> None:
            self.sums.pieces(self.columns, self._width, at, lambda p, _: self._dot(p))

        def row(at: Places) -> None:
            within = None if across else bounds
            self.sums.pieces(self.rows, self._height, at, column, bounds=within)

        self.sums.around(self.outside, places, row, bounds if across else None)

    def _dot(self, places: Places) -> None:
        """Append the sums of a tile, and their store."""
        count, width = self._height, self._width
        b, kind, along = self.b, self.term.kind, self.along
        contiguous = along.x == along.y == 1
        lanes = min(self.term.lanes, at_most(along.size)) if contiguous else 1
        whole, rest = divmod(along.size, lanes)

        def terms(at: Places, totals: list[ir.Value], first: int = 0) -> list[ir.Value]:
            def loaded(pointer: ir.Value, step: int) -> ir.Value:
                value = self.sums.load(moved(b, pointer, kind, step), lanes, 1)
                return vectors.masked(b, value, first) if first else value

            left = [loaded(at.left, r * self.rows.x) for r in range(count)]
            right = [loaded(at.right, c * self.columns.y) for c in range(width)]
            pairs = [(x, y) for x in left for y in right]
            return [
                self.term.added(b, total, x, y) for total, (x, y) in zip(totals, pairs, strict=True)
            ]

        begun = [vectors.zeros(vectors.vector(kind, lanes))] * (count * width)
        axis = Axis(whole, along.x * lanes, along.y * lanes, 0)

        def tail(at: Places, totals: list[ir.Value]) -> list[ir.Value]:
            if not rest:
                return totals
            last = self.sums.moved(
                at, Axis(1, along.x, along.y, 0), ir.Constant(INDEX, along.size - lanes)
            )
            return terms(last, totals, lanes - rest)

        totals = self.sums.summed(places, [*self.summed, axis], begun, terms, tail)
        found = vectors.sums(b, totals)
        summed = [*self.summed, along]
        if self.epilogue is not None:
            rows, columns = Axis(count, self.rows.x, 0, width), Axis(width, 0, self.columns.y, 1)
            cells = list(range(count * width))
            if self.term.silent:
                own = self.sums.kept(places, found, cells, (rows, columns), summed)
                found = [self.sums.load(moved(b, own, kind, cell), 1, 0) for cell in cells]
            self._finish(self.epilogue, places, found)
            return
        rows = Axis(count, self.rows.x, 0, self.rows.out)
        columns = Axis(width, 0, self.columns.y, self.columns.out)
        cells = [r * rows.out + c * columns.out for r in range(count) for c in range(width)]
        for place, total in zip(cells, found, strict=True):
            b.store(total, moved(b, places.out, kind, place), align=self.term.bytes)
        self.sums.mend(places, found, (rows, columns), summed)

    def _finish(self, epilogue: Epilogue, places: Places, found: Sequence[ir.Value]) -> None:
        """Append maps of a tile's elements, in vectors along its longer side, and the stores."""
        count, width = self._height, self._width
        across, along = evolve(self.columns, size=width), evolve(self.rows, size=count)
        steps = 1, width
        if width > count:
            across, along, steps = along, across, (width, 1)
        cells = [
            (k, start, lanes)
            for k in range(across.size)
            for start, lanes in spans(along.size, self.term.lanes)
        ]
        totals = [
            joined(self.b, [found[k * steps[0] + (start + i) * steps[1]] for i in range(lanes)])
            for k, start, lanes in cells
        ]
        epilogue.emit(self.b, places.beside, across, along, cells, totals)
