"""The loops of a product around its tiles, as a function of the library: sizes are its arguments.

for each place outside:                    two axes that only the result and both factors have
    for each panel of columns:             of one or two vectors
        for each block of the terms:       of up to two axes; copied, where columns lie badly
            for each place inside:         an axis that the right factor has not
                for each tile of rows:     sums; a second look at nan's; in the last block, maps

What a program decides comes as a row of numbers, as functions for tiles, and as one for maps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.library import borrow
from pullback.compiler.llvm.scalars import DOUBLE, FLAG, INDEX, POINTER
from pullback.compiler.llvm.silence import signature as mending
from pullback.compiler.llvm.sums import Term
from pullback.compiler.llvm.tiles import SIGNATURE
from pullback.compiler.llvm.vectors import loop, moved

#: Bytes of a panel, on the stack.
PANEL: Final = 1 << 17

#: What the numbers are, in their order: of axes the size and the steps, in elements.
FIELDS: Final = (
    *("first.size", "first.x", "first.y", "first.out"),
    *("second.size", "second.x", "second.y", "second.out"),
    *("inside.size", "inside.x", "inside.out"),
    *("along.size", "along.y"),
    *("rows.size", "rows.x", "rows.out"),
    *("terms.size", "terms.x", "terms.y"),
    *("summed.size", "summed.x", "summed.y"),
    # The columns of a panel, and of the last one if that is narrow.
    *("width", "narrow"),
    # The rows of a tile, and of the last one if others would be added up twice.
    *("height", "rest"),
    # The terms of a block; whether and how panels are copied; which loop the bounds are of.
    *("deep", "copied", "split"),
)
#: How panels are copied: not at all, in rows, or in transposed squares.
IN_PLACE, IN_ROWS, IN_SQUARES = range(3)
#: Which loop is cut.
SPLITS: Final = ("outside", "panels", "rows")

#: Maps of a tile: their places, the sums and how far rows lie apart; where the tile is, by the
#: five axes of the result; how many rows it has; and whether it is narrow.
FINISH: Final = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, *[INDEX] * 7, FLAG])
#: Factors and result, the numbers, the bounds; the functions of a tile, of its last rows, and of
#: both where it is narrow; a second look; maps, and what they are given.
_SIGNATURE: Final = ir.FunctionType(
    ir.VoidType(), [POINTER, POINTER, POINTER, POINTER, INDEX, INDEX, *[POINTER] * 7]
)
_Values = Mapping[str, ir.Value]


def multiplication(module: ir.Module, term: Term) -> ir.Function:
    """Return the declaration of the function for an element type."""
    name = f"product_{'double' if term.kind == DOUBLE else 'single'}_{term.lanes}"
    return borrow(module, name, _SIGNATURE, partial(_write, term=term))


def _write(function: ir.Function, *, term: Term) -> None:
    """Append the code of that function."""
    b = ir.IRBuilder(function.append_basic_block("entry"))
    names = ("left", "right", "out", "numbers", "start", "stop", "whole", "last", "narrow")
    given = dict(
        zip((*names, "narrow last", "mend", "finish", "places"), function.args, strict=True)
    )
    numbers = {
        name: b.load(moved(b, given["numbers"], INDEX, k), typ=INDEX)
        for k, name in enumerate(FIELDS)
    }
    for name, signature in (("mend", mending(3)), ("finish", FINISH)):
        given[name].type = signature.as_pointer()  # what llvmlite wants to call
    panel = vectors.room(b, term.kind, PANEL // term.bytes)
    own = vectors.room(b, term.kind, 8 * 2 * term.lanes)
    _Product(b, term, given, numbers, panel, own).emit()
    b.ret_void()


@final
@frozen
class _At:
    """Where the factors and the result begin, and the counters of the loops around."""

    left: ir.Value
    right: ir.Value
    out: ir.Value
    counters: tuple[ir.Value, ...] = ()


@final
@frozen
class _Product:
    """The function while it is being written."""

    b: ir.IRBuilder
    term: Term
    given: _Values
    numbers: _Values
    panel: ir.Value
    own: ir.Value

    def emit(self) -> None:
        """Append all of it."""
        start = _At(self.given["left"], self.given["right"], self.given["out"])
        bounds = self._bounds("outside", self.numbers["first.size"])
        self._around("first", start, bounds, lambda first: self._around(
            "second", first, self._all("second"), self._panels
        ))  # fmt: skip

    def _all(self, axis: str) -> tuple[ir.Value, ir.Value]:
        return _index(0), self.numbers[f"{axis}.size"]

    def _bounds(self, split: str, count: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return the bounds of a loop, which may be the one that is cut."""
        b = self.b
        chosen = b.icmp_unsigned("==", self.numbers["split"], _index(SPLITS.index(split)))
        start = b.select(chosen, self.given["start"], _index(0))
        return start, b.select(chosen, self.given["stop"], count)

    def _around(
        self,
        axis: str,
        at: _At,
        bounds: tuple[ir.Value, ir.Value],
        body: Callable[[_At], None],
    ) -> None:
        """Append a loop over an axis; its counter is known inside."""

        def inner(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            body(self._moved(axis, at, k, k))
            return carried

        loop(self.b, 2, [], inner, bounds)

    def _moved(self, axis: str, at: _At, k: ir.Value, counter: ir.Value) -> _At:
        """Return the places so many steps further along an axis."""
        return _At(
            self._place(at.left, k, f"{axis}.x"),
            self._place(at.right, k, f"{axis}.y"),
            self._place(at.out, k, f"{axis}.out"),
            (*at.counters, counter),
        )

    def _place(self, pointer: ir.Value, k: ir.Value, step: str) -> ir.Value:
        if step not in self.numbers:
            return pointer
        number = self.b.mul(k, self.numbers[step], flags=("nsw",))
        return self._gep(pointer, number)

    def _gep(self, pointer: ir.Value, elements: ir.Value) -> ir.Value:
        return self.b.gep(pointer, [elements], source_etype=self.term.kind)

    def _panels(self, at: _At) -> None:
        """Append the loop over panels of columns."""
        b, n = self.b, self.numbers
        count = self._ceil(n["along.size"], n["width"])

        def panel(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            narrow = b.and_(self._ends(k, count), b.icmp_unsigned("!=", n["narrow"], _index(0)))
            width = b.select(narrow, n["narrow"], n["width"])
            column = self._least(b.mul(k, n["width"]), b.sub(n["along.size"], width))
            right = self._gep(at.right, b.mul(column, n["along.y"]))
            there = _At(at.left, right, self._gep(at.out, column), at.counters)
            self._blocks(there, {"column": column, "width": width, "narrow": narrow})
            return carried

        loop(b, 2, [], panel, self._bounds("panels", count))

    def _blocks(self, at: _At, panel: _Values) -> None:
        """Append the loops over blocks of the terms of a panel."""
        b, n = self.b, self.numbers
        count = self._ceil(n["summed.size"], n["deep"])

        def terms(outer: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
            left, right = self._place(at.left, outer, "terms.x"), at.right
            right = self._place(right, outer, "terms.y")

            def block(k: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
                start = b.mul(k, n["deep"])
                depth = self._least(n["deep"], b.sub(n["summed.size"], start))
                there = _At(
                    self._place(left, start, "summed.x"),
                    self._place(right, start, "summed.y"),
                    at.out,
                    at.counters,
                )
                last = b.and_(self._ends(k, count), self._ends(outer, n["terms.size"]))
                first = b.icmp_unsigned("==", b.or_(k, outer), _index(0))
                self._block(there, {**panel, "begins": first, "ends": last, "depth": depth})
                return []

            loop(b, 2, [], block, (_index(0), count))
            return []

        loop(b, 2, [], terms, self._all("terms"))

    def _block(self, at: _At, values: _Values) -> None:
        """Append the copy of a block, if there is one, and the loop over an axis inside."""
        right, step = self._copied(at.right, values["depth"], values["width"])
        start = _At(at.left, right, at.out, at.counters)
        whole = {**values, "step": step}
        self._around("inside", start, self._all("inside"), lambda x: self._rows(x, whole))

    def _copied(
        self, right: ir.Value, depth: ir.Value, width: ir.Value
    ) -> tuple[ir.Value, ir.Value]:
        """Append the copy of a panel, if there is one; return where terms are, and how far apart.

        before -> (copy -> (rows | squares) -> ready | ready)
        """
        b, n, function = self.b, self.numbers, self.b.function
        copy, rows, squares, ready = (function.append_basic_block() for _ in range(4))
        before = b.block
        b.cbranch(b.icmp_unsigned("==", n["copied"], _index(IN_PLACE)), ready, copy)
        b.position_at_end(copy)
        b.cbranch(b.icmp_unsigned("==", n["copied"], _index(IN_ROWS)), rows, squares)
        b.position_at_end(ready)
        place, step = b.phi(POINTER), b.phi(INDEX)
        place.add_incoming(right, before)
        step.add_incoming(n["summed.y"], before)
        for start, append in ((rows, self._copy_rows), (squares, self._copy_squares)):
            b.position_at_end(start)
            append(right, depth, width)
            place.add_incoming(self.panel, b.block)
            step.add_incoming(width, b.block)
            b.branch(ready)
        b.position_at_end(ready)
        return place, step

    def _copy_rows(self, right: ir.Value, depth: ir.Value, width: ir.Value) -> None:
        """Append the copy of a panel in rows of vectors; the last one overlaps another."""
        b, term = self.b, self.term
        vector = vectors.vector(term.kind, term.lanes)
        lanes = _index(term.lanes)
        count, last = self._ceil(width, lanes), b.sub(width, lanes)

        def row(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            source = self._place(right, k, "summed.y")
            target = self._gep(self.panel, b.mul(k, width))

            def piece(i: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
                start = self._least(b.mul(i, lanes), last)
                value = b.load(self._gep(source, start), align=term.bytes, typ=vector)
                b.store(value, self._gep(target, start), align=term.bytes)
                return []

            loop(b, 2, [], piece, (_index(0), count))
            return carried

        loop(b, 2, [], row, (_index(0), depth))

    def _copy_squares(self, right: ir.Value, depth: ir.Value, width: ir.Value) -> None:
        """Append the copy of a panel in transposed squares; the last ones overlap others."""
        b, term = self.b, self.term
        side, size = square(term), _index(square(term))
        vector = vectors.vector(term.kind, side)

        def column(i: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            across = self._least(b.mul(i, size), b.sub(width, size))

            def piece(k: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
                down = self._least(b.mul(k, size), b.sub(depth, size))
                source = self._gep(self._place(right, across, "along.y"), down)
                target = self._gep(self.panel, b.add(b.mul(down, width), across))
                rows = []
                for _i in range(side):
                    rows.append(b.load(source, align=term.bytes, typ=vector))
                    source = self._gep(source, self.numbers["along.y"])
                for found in vectors.transpose(b, rows):
                    b.store(found, target, align=term.bytes)
                    target = self._gep(target, width)
                return []

            loop(b, 2, [], piece, (_index(0), self._ceil(depth, size)))
            return carried

        loop(b, 2, [], column, (_index(0), self._ceil(width, size)))

    def _rows(self, at: _At, values: _Values) -> None:
        """Append the loop over tiles of rows."""
        b, n, given = self.b, self.numbers, self.given
        count = self._ceil(n["rows.size"], n["height"])
        tile = b.select(values["narrow"], given["narrow"], given["whole"])
        last = b.select(values["narrow"], given["narrow last"], given["last"])

        def rows(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            apart = b.and_(self._ends(k, count), b.icmp_unsigned("!=", n["rest"], _index(0)))
            height = b.select(apart, n["rest"], n["height"])
            row = self._least(b.mul(k, n["height"]), b.sub(n["rows.size"], height))
            chosen = b.select(apart, last, tile)
            chosen.type = SIGNATURE.as_pointer()  # what llvmlite wants to call
            self._tile(chosen, self._moved("rows", at, row, row), {**values, "height": height})
            return carried

        loop(b, 2, [], rows, self._bounds("rows", count))

    def _tile(self, tile: ir.Value, at: _At, values: _Values) -> None:
        """Append the sums of a tile, and what follows them.

        Maps have the sums in memory of their own, unless these are added up in several blocks.
        """
        b, n, given = self.b, self.numbers, self.given
        nothing = ir.Constant(POINTER, None)
        maps = b.icmp_unsigned("!=", given["finish"], nothing)
        single = b.and_(values["begins"], values["ends"])
        apart = b.and_(maps, single)
        out = b.select(apart, self.own, at.out)
        step = b.select(apart, values["width"], n["rows.out"])
        steps = [n["rows.x"], n["summed.x"], values["step"], step, values["depth"]]
        nan = b.call(tile, [at.left, at.right, out, *steps, values["begins"]])
        with b.if_then(nan, likely=False):
            zero, one = _index(0), _index(1)
            axes = [values["height"], n["rows.x"], zero, step, values["width"], zero, one, one]
            axes += [values["depth"], n["summed.x"], values["step"], zero]
            b.call(given["mend"], [at.left, at.right, out, *axes])
        with b.if_then(b.and_(maps, values["ends"])):
            first, second, inside, row = at.counters
            where = first, second, inside, row, values["column"]
            more = values["height"], values["narrow"]
            b.call(given["finish"], [given["places"], out, step, *where, *more])

    def _ends(self, k: ir.Value, count: ir.Value) -> ir.Value:
        """Return whether a loop is in its last run."""
        return self.b.icmp_unsigned("==", self.b.add(k, _index(1)), count)

    def _ceil(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.b.udiv(self.b.add(x, self.b.sub(y, _index(1))), y)

    def _least(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.b.select(self.b.icmp_unsigned("<", x, y), x, y)


def square(term: Term) -> int:
    """Return the side of a square that is transposed in registers."""
    return min(8, term.lanes)


def _index(number: int) -> ir.Constant:
    return ir.Constant(INDEX, number)
