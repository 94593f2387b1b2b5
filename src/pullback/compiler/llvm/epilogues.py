"""What is computed of a product's elements before they are stored: maps of a tile, in vectors.

The other operands and the results are walked along with the product's own element, by pointers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from attrs import evolve, field, frozen
from llvmlite import ir

from pullback.compiler.contractions import Axis
from pullback.compiler.epilogues import Read, Reading
from pullback.compiler.indices import axes_index, flatten, strides
from pullback.compiler.kernel import Kernel
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm import scalars, vectors
from pullback.compiler.llvm.loops import Code
from pullback.compiler.llvm.scalars import BYTE, FLAG
from pullback.compiler.llvm.vectors import moved
from pullback.types.promotion import DType

_FORMULA: Final = 40  # instructions
_LONG: Final = 120  # instructions from which a tile's rows have one copy of the code

#: A vector of a tile: where in the tile it begins, across and along, and how many elements it has.
Cell = tuple[int, int, int]


@final
@frozen
class Stream:
    """What is read or written at each element of a product."""

    number: int
    dtype: DType
    #: Its first element.
    pointer: ir.Value
    #: Its step along each axis of the product, in bytes.
    steps: tuple[int, ...]


@final
@frozen
class Epilogue:
    """The maps of a product's kernel."""

    code: Code
    kernel: Kernel
    reading: Reading = field(init=False)
    #: For each map what it is made of.
    made: dict[int, tuple[Read, ...]] = field(init=False)
    inputs: dict[Read, Stream] = field(init=False)
    outputs: tuple[Stream, ...] = field(init=False)

    @reading.default
    def _reading(self) -> Reading:
        plan = self.code.plan
        return Reading(plan.program, plan.kinds, plan.literals)

    @made.default
    def _made(self) -> dict[int, tuple[Read, ...]]:
        stop = {*self.kernel.values, *self.kernel.reads}
        made: dict[int, tuple[Read, ...]] = {}
        for number in self.kernel.values[1:]:
            found = self.reading.reads(number, stop)
            assert found is not None, "no other map is put into the kernel of a product"
            made[number] = tuple(found)
        return made

    @inputs.default
    def _inputs(self) -> dict[Read, Stream]:
        rank, found = len(self.code.shape(self.kernel.values[0])), dict[Read, Stream]()
        for read in (read for reads in self.made.values() for read in reads):
            number, index = read
            if number not in self.kernel.values:
                start = flatten(index, self.code.shape(number)).constant
                found[read] = self._stream(number, self.reading.steps(read, rank), start)
        return found

    @outputs.default
    def _outputs(self) -> tuple[Stream, ...]:
        steps = strides(self.code.shape(self.kernel.values[0]))
        return tuple([self._stream(number, steps, 0) for number in self.kernel.writes])

    def _stream(self, number: int, steps: Sequence[int], start: int) -> Stream:
        dtype = self.code.plan.program.type_at(number).dtype
        pointer = self.code.pointers[number]
        if start:
            pointer = moved(self.code.builder, pointer, scalars.stored(dtype), start)
        return Stream(number, dtype, pointer, tuple([step * dtype.itemsize for step in steps]))

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All that is read and written."""
        return (*self.inputs.values(), *self.outputs)

    @property
    def place(self) -> ir.Value:
        """Where sums that are not complete can lie."""
        dtype = self.code.plan.program.type_at(self.kernel.values[0]).dtype
        return next(each.pointer for each in self.outputs if each.dtype == dtype)

    def is_long(self, cells: int) -> bool:
        """Return whether the maps of so many vectors are too much code."""
        plan, total, seen = self.code.plan, 0, set[int](self.kernel.reads)
        stack = list(self.kernel.values[1:])
        while stack:
            number = stack.pop()
            if number in seen or number < plan.first or number == self.kernel.values[0]:
                continue
            seen.add(number)
            primitive, operands = plan.program.steps[number - plan.first]
            if plan.kinds[number] is Kind.MAP:
                total += _FORMULA if type(primitive) in scalars.FORMULAS else 1
            stack += operands
        return total * cells > _LONG

    def emit_row(  # noqa: PLR0917 - what a row is
        self,
        b: ir.IRBuilder,
        beside: Sequence[ir.Value],
        across: Axis,
        along: Axis,
        sums: ir.Value,
        width: int,
    ) -> None:
        """Append the maps of a row whose sums are in memory, as `emit` does for registers."""
        number = self.kernel.values[0]
        dtype = self.code.plan.program.type_at(number).dtype
        kind, size = scalars.computed(dtype), dtype.itemsize
        pieces = vectors.spans(width, vectors.registers().bytes // size)
        totals = [
            vectors.load(b, moved(b, sums, kind, start), kind, lanes, 1, aligned=size)
            for start, lanes in pieces
        ]
        cells = [(0, start, lanes) for start, lanes in pieces]
        self.emit(b, beside, across, along, cells, totals)

    def emit(  # noqa: PLR0917 - what a tile is
        self,
        b: ir.IRBuilder,
        beside: Sequence[ir.Value],
        across: Axis,
        along: Axis,
        cells: Sequence[Cell],
        totals: Sequence[ir.Value],
    ) -> None:
        """Append the maps of a tile, and the stores.

        Args:
            b: Where they go: into the kernel, or a function that it calls.
            beside: The places of the streams at the tile's first element.
            across: An axis of the tile.
            along: The axis along which vectors run.
            cells: The vectors.
            totals: The sums.
        """
        code, count = evolve(self.code, builder=b), len(self.inputs)
        nowhere = (0,) * len(beside)
        down, right = across.beside or nowhere, along.beside or nowhere
        known: dict[tuple[int, int, int], ir.Value] = {}  # a bias is the same in all rows
        index = axes_index(self.code.shape(self.kernel.values[0]))

        def place(k: int, cell: Cell) -> int:
            return cell[0] * down[k] + cell[1] * right[k]

        for cell, total in zip(cells, totals, strict=True):
            elements = code.elements({})
            elements.lanes = (-1, cell[2]) if cell[2] > 1 else None
            for k, (read, stream) in enumerate(self.inputs.items()):
                key = k, place(k, cell), cell[2]
                if key not in known:
                    known[key] = _load(b, stream, beside[k], key, right[k])
                elements.known[read] = known[key]
            values = {self.kernel.values[0]: total}
            for number, reads in self.made.items():
                for read in reads:
                    if read[0] in values:
                        elements.known[read] = values[read[0]]
                values[number] = elements.compute(number, index)
            for k, stream in enumerate(self.outputs, count):
                pointer = moved(b, beside[k], BYTE, place(k, cell))
                _store(b, stream, pointer, right[k], values[stream.number])


def _load(
    b: ir.IRBuilder, stream: Stream, pointer: ir.Value, key: tuple[int, int, int], step: int
) -> ir.Value:
    """Append the load of a vector."""
    size, (_, start, lanes) = stream.dtype.itemsize, key
    kind = scalars.stored(stream.dtype)
    pointer = moved(b, pointer, BYTE, start)
    value = vectors.load(b, pointer, kind, lanes, step // size, aligned=size)
    return b.trunc(value, vectors.vector(FLAG, lanes)) if stream.dtype.kind == "b" else value


def _store(b: ir.IRBuilder, stream: Stream, pointer: ir.Value, step: int, value: ir.Value) -> None:
    """Append the store of a vector."""
    size, lanes = stream.dtype.itemsize, vectors.lanes_of(value)
    if stream.dtype.kind == "b":
        value = b.zext(value, vectors.vector(BYTE, lanes))
    if lanes == 1 or step == size:
        b.store(value, pointer, align=size)
        return
    for lane, number in enumerate(vectors.split(b, value)):
        b.store(number, moved(b, pointer, BYTE, lane * step), align=size)
