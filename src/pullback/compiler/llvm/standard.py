"""Products that the library's function computes: its numbers, and maps as a function for it.

That is nearly all of them. What is left (columns that no copy makes contiguous, several summed axes
that are not one, few sums side by side) `panels` writes out for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.contractions import Axis
from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.epilogues import Epilogue
from pullback.compiler.llvm.library import Module
from pullback.compiler.llvm.multiply import (
    FIELDS,
    FINISH,
    IN_PLACE,
    IN_ROWS,
    IN_SQUARES,
    SPLITS,
    multiplication,
    square,
)
from pullback.compiler.llvm.scalars import BYTE, INDEX, POINTER
from pullback.compiler.llvm.silence import mending
from pullback.compiler.llvm.sums import ONE, Bounds, Places, Term
from pullback.compiler.llvm.tiles import tile
from pullback.compiler.llvm.vectors import loop, moved

_NOTHING: Final = ir.Constant(POINTER, None)


@final
@frozen
class Standard:
    """A product of up to two axes outside, one inside, and two that are summed."""

    b: ir.IRBuilder
    term: Term
    #: The first axes, those of rows and columns, and what is summed over.
    outside: Sequence[Axis]
    inside: Sequence[Axis]
    rows: Axis
    along: Axis
    summed: Sequence[Axis]
    #: The rows and columns of a tile, and the terms of a block.
    height: int
    width: int
    deep: int
    #: Whether columns are copied to a panel.
    copies: bool

    @property
    def copied(self) -> int | None:
        """How panels are copied; None if the function cannot."""
        if not self.copies or self.width < square(self.term):
            return IN_PLACE if self.along.y == 1 else None
        if self.along.y == 1:
            return IN_ROWS if self.width >= self.term.lanes else IN_PLACE
        shortest = self.summed[-1].size % self.deep or self.deep
        return IN_SQUARES if self.summed[-1].y == 1 and shortest >= square(self.term) else None

    @property
    def several(self) -> bool:
        """Whether sums are added up in several blocks."""
        return len(self.summed) > 1 or self.deep < self.summed[-1].size

    @property
    def panels_are_apart(self) -> bool:
        """Whether different threads may do different panels: overlapping ones add to the same."""
        return not self.several or self.along.size % self.width == 0

    def emit(self, places: Places, split: str, bounds: Bounds, epilogue: Epilogue | None) -> None:
        """Append the call.

        Args:
            places: Where the factors and the result begin.
            split: Which loop the bounds are of.
            bounds: Where a part of it starts and stops; all without.
            epilogue: The maps.
        """
        b, module, term = self.b, self.b.module, self.term
        outer = self.outside[0].size if self.outside else 1
        start, stop = bounds or (ir.Constant(INDEX, 0), ir.Constant(INDEX, outer))
        numbers = self._numbers(split if bounds else "outside")
        rest, narrow = numbers["rest"], numbers["narrow"]
        sizes = [
            (height, width)
            for width in (self.width, narrow or self.width)
            for height in (self.height, rest or self.height)
        ]
        tiles = [tile(module, term, *size) for size in sizes]
        mend = mending(module, term.kind, term.silent, 3) if term.silent else _NOTHING
        maps: list[ir.Value] = [_NOTHING, _NOTHING]
        if epilogue is not None:
            maps = [self._maps(epilogue, narrow), self._context(places)]
        type_ = ir.ArrayType(INDEX, len(FIELDS))
        table = ir.GlobalVariable(module, type_, f"{b.function.name}_numbers")
        table.initializer = ir.Constant(type_, [numbers[name] for name in FIELDS])
        table.linkage, table.global_constant = "internal", True
        pointers = [places.left, places.right, places.out, table, start, stop]
        b.call(multiplication(module, term), [*pointers, *tiles, mend, *maps])

    @property
    def _around(self) -> tuple[Axis, Axis, Axis]:
        """The axes around panels and rows, of one element where there is none."""
        first, second, *_ = *self.outside, ONE, ONE
        return first, second, self.inside[0] if self.inside else ONE

    def _numbers(self, split: str) -> dict[str, int]:
        """Return the numbers of the product."""
        first, second, inside = self._around
        axes = {"first": first, "second": second, "inside": inside, "along": self.along}
        terms, summed = (ONE, *self.summed)[-2:]
        axes |= {"rows": self.rows, "terms": terms, "summed": summed}
        found = {
            f"{name}.{step}": getattr(axis, step)
            for name, axis in axes.items()
            for step in ("size", "x", "y", "out")
        }
        rest = self.along.size % self.width
        found["width"], found["height"], found["deep"] = self.width, self.height, self.deep
        found["narrow"] = self.term.lanes if 0 < rest <= self.term.lanes else 0
        found["rest"] = self.rows.size % self.height if self.several else 0
        copied = self.copied
        assert copied is not None, "it fits"
        found["copied"], found["split"] = copied, SPLITS.index(split)
        return found

    def _context(self, places: Places) -> ir.Value:
        """Append a table of where the maps' operands and results begin."""
        b = self.b
        table = vectors.room(b, POINTER, len(places.beside))
        for k, pointer in enumerate(places.beside):
            b.store(pointer, moved(b, table, POINTER, k))
        return table

    def _maps(self, epilogue: Epilogue, narrow: int) -> ir.Function:
        """Return the function that computes the maps of a tile, row by row."""
        function = ir.Function(self.b.module, FINISH, f"{self.b.function.name}_maps")
        function.linkage = "internal"
        b = ir.IRBuilder(function.append_basic_block("entry"))
        table, sums, step, *counters, height, is_narrow = function.args
        axes = *self._around, self.rows, self.along
        beside = [
            b.load(moved(b, table, POINTER, k), typ=POINTER) for k, _ in enumerate(epilogue.streams)
        ]
        for axis, counter in zip(axes, counters, strict=True):
            if axis.beside:
                steps = zip(beside, axis.beside, strict=True)
                beside = [vectors.stepped(b, place, BYTE, counter, by) for place, by in steps]

        def rows(width: int) -> None:
            def row(at: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
                down = zip(beside, self.rows.beside or (0,) * len(beside), strict=True)
                there = [vectors.stepped(b, place, BYTE, at, by) for place, by in down]
                line = b.gep(sums, [b.mul(at, step)], source_etype=self.term.kind)
                epilogue.emit_row(b, there, self.rows, self.along, line, width)
                return carried

            loop(b, 2, [], row, (ir.Constant(INDEX, 0), height))

        if narrow:
            with b.if_then(is_narrow):
                rows(narrow)
                b.ret_void()
        rows(self.width)
        b.ret_void()
        assert isinstance(function.module, Module), "as for what is borrowed"
        return function.module.only(function)
