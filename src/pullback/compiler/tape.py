"""Very many steps on single numbers as a tape: tables of places instead of code for each step.

Steps that are the same function of the same inputs but for literals are *instances* of each other:
what a program does for each of many points. Their results lie side by side, and one loop over them
computes them as vectors. Other steps that do the same at the same depth of the graph share a loop
that reads from a table where operands are, and sums with a chain for each of many are one loop,
too. So a hundred thousand steps take no more code than the operations among them, and next to none
of LLVM's time. What `instances` says are such *runs*, `cells` gives places.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from struct import pack
from typing import Final, final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from pullback.compiler.cells import CELL, Access, Placing
from pullback.compiler.indices import offset
from pullback.compiler.instances import Steps, sorted_runs
from pullback.compiler.kinds import Kind
from pullback.compiler.operations import Operations
from pullback.core.program import Program
from pullback.primitives.joining import Concat
from pullback.primitives.primitive import Primitive
from pullback.types import ArrayType

_RUN: Final = 8  # steps in a run, on average: for shorter ones, code for each step is faster


@final
@frozen
class Transfer:
    """Elements of a value in memory, and the cells that they are copied from or to."""

    number: int
    element: int
    cell: int
    count: int


@final
@frozen
class Operation:
    """What a run does: a step that does it, and where it finds operands.

    In a chain, ``chained`` is the operand that is the result of the step before.
    """

    step: int
    access: tuple[Access, ...]
    chained: int | None


@final
@frozen(eq=False)
class Tape:
    """A long kernel of single numbers, sorted into runs.

    Scratch memory is an array of cells: those of the literals, of what the kernel reads, and of
    results, which are used again.
    """

    operations: tuple[Operation, ...]
    #: For each run its operation, how many steps or chains it has, how many steps each chain, the
    #: cell of the first result, and where its places begin.
    runs: NDArray[np.int32]
    #: For each run the cells of its operands, as its operation reads them.
    places: NDArray[np.int32]
    #: What is in the cells of the literals.
    literals: bytes
    #: What the kernel copies in and out.
    reads: tuple[Transfer, ...]
    writes: tuple[Transfer, ...]
    #: The bytes of scratch memory.
    scratch: int


def is_single(type_: ArrayType) -> bool:
    """Return whether a value is one number."""
    return type_.parts is None and math.prod(type_.shape) == 1


def is_wide(primitive: Primitive, out: ArrayType, types: Sequence[ArrayType]) -> bool:
    """Return whether a step takes an element out of an array, or makes one of single numbers."""
    if isinstance(primitive, Concat):
        return all(map(is_single, types))
    return (
        is_single(out)
        and len(types) == 1
        and offset(primitive, types[0].shape, out.shape) is not None
    )


def tape(  # noqa: PLR0917 - what is known of a kernel and its program
    program: Program,
    like: Operations,
    kinds: dict[int, Kind],
    steps: Sequence[int],
    reads: Sequence[int],
    writes: Sequence[int],
) -> Tape | None:
    """Sort a long kernel; return None where values are not single numbers, or runs are short.

    Before -> after:
        [c = a * b, d = a + b, e = b * b, f = c + d]  ->  runs [c, e], [d], [f]
    """
    first = len(program.inputs) + len(program.constants)
    numbers = _Numbers(program, kinds, reads)
    if not numbers.sort(steps):
        return None
    ends = [numbers.elements_of(number) for number in writes]
    used = {*chain.from_iterable(numbers.rows), *chain.from_iterable(ends)}
    literals = [
        n for n in range(len(program.inputs), first) if n in used and n not in numbers.reads
    ]
    maps = Steps(
        numbers.maps,
        numbers.rows,
        [like.numbers[number - first] for number in numbers.maps],
        list(numbers.sources),
        [*chain.from_iterable(ends)],
        first + len(program.steps),
    )
    runs = sorted_runs(maps)
    if len(steps) < _RUN * len(runs.begins) and not numbers.arrays:
        return None
    placed = Placing(maps, runs, {n: _cell(program, n) for n in literals}).place()
    cells: list[int] = placed.cells.tolist()
    return Tape(
        tuple(
            [
                Operation(first + like.examples[each.number], each.access, each.chained)
                for each in placed.operations
            ]
        ),
        placed.runs,
        placed.places,
        placed.literals,
        _transfers([(*place, cells[value]) for value, place in numbers.sources.items()]),
        _transfers(
            [
                (number, element, cells[value])
                for number, row in zip(writes, ends, strict=True)
                for element, value in enumerate(row)
            ]
        ),
        CELL * placed.size,
    )


@final
class _Numbers:
    """The single numbers of a kernel: those that maps make, and those that lie in arrays."""

    def __init__(self, program: Program, kinds: dict[int, Kind], reads: Sequence[int]) -> None:
        self.program, self.kinds, self.reads = program, kinds, frozenset(reads)
        self.first = len(program.inputs) + len(program.constants)
        self.maps: Sequence[int] = []
        self.rows: list[tuple[int, ...]] = []
        #: For a view the number that it shows, and for an array the numbers it is made of.
        self.same: dict[int, int] = {}
        self.joined: dict[int, tuple[int, ...]] = {}
        #: For each number that is read, the value and the element of it.
        self.sources = {n: (n, 0) for n in reads if is_single(program.type_at(n))}
        self.elements: dict[tuple[int, int], int] = {}
        #: Whether arrays are read or made.
        self.arrays = len(self.sources) < len(self.reads)

    def sort(self, steps: Sequence[int]) -> bool:
        """Take in all steps; return False if there is one of another kind."""
        program, kinds = self.program, self.kinds
        self.maps = [number for number in steps if kinds[number] is Kind.MAP]
        types = [program.types[number - self.first] for number in self.maps]
        if not all(map(is_single, {id(type_): type_ for type_ in types}.values())):
            return False
        others = (
            [] if len(self.maps) == len(steps) else [n for n in steps if kinds[n] is not Kind.MAP]
        )
        if not all(map(self._take, others)) or (self.arrays and not others):
            return False
        self.rows = [program.steps[number - self.first][1] for number in self.maps]
        moved = {view: number for view, number in self.same.items() if view != number}
        if moved:
            find, apart = moved.get, moved.keys().isdisjoint
            self.rows = [
                row if apart(row) else tuple([find(each, each) for each in row])
                for row in self.rows
            ]
        return True

    def _take(self, number: int) -> bool:
        """Take in a step that is no map, if it is of such a kind."""
        program = self.program
        primitive, row = program.steps[number - self.first]
        types, out = [program.type_at(operand) for operand in row], program.type_at(number)
        if self.kinds[number] is Kind.JOIN and is_wide(primitive, out, types):
            self.joined[number] = tuple([self.same.get(operand, operand) for operand in row])
            self.arrays = True
            return True
        if self.kinds[number] is not Kind.VIEW or not is_single(out):
            return False
        (operand,) = row
        if is_single(types[0]):
            self.same[number] = self.same.get(operand, operand)
            return True
        element = offset(primitive, types[0].shape, out.shape)
        return element is not None and self._take_element(number, operand, element)

    def _take_element(self, number: int, array: int, element: int) -> bool:
        """Take in the look at an element of an array."""
        if array in self.joined:
            self.same[number] = self.joined[array][element]
            return True
        self.same[number] = self.elements.setdefault((array, element), number)
        if self.same[number] == number:
            self.sources[number] = array, element
        return array in self.reads

    def elements_of(self, number: int) -> tuple[int, ...]:
        """Return the numbers that a value is made of."""
        return self.joined.get(number) or (self.same.get(number, number),)


def _transfers(places: Iterable[tuple[int, int, int]]) -> tuple[Transfer, ...]:
    """Put elements together that lie side by side in a value and in cells."""
    found: list[tuple[int, int, int, int]] = []
    for number, element, cell in sorted(places):
        if found:
            last, start, begin, count = found[-1]
            if (last, start + count, begin + count) == (number, element, cell):
                found[-1] = last, start, begin, count + 1
                continue
        found.append((number, element, cell, 1))
    return tuple([Transfer(*each) for each in found])


def _cell(program: Program, number: int) -> bytes:
    """Return a literal as it lies in memory."""
    value = program.constants[number - len(program.inputs)]
    if value.__class__ is float:  # at a tenth of the time
        return pack("d", value)
    return np.asarray(value).astype(program.type_at(number).dtype).tobytes().ljust(CELL, b"\0")
