"""Where the values of a tape lie: cells of scratch memory, in which runs find them side by side."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final, TypeAlias, final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from pullback.compiler.instances import Numbers, Runs, Steps

#: Bytes of a cell: any one number fits.
CELL: Final = 8
#: Results begin where a vector of so many cells may; so many chains run side by side.
WIDTH: Final = 8

Cells: TypeAlias = NDArray[np.int64]


@final
class Access(Enum):
    """Where a run finds an operand of its steps."""

    #: In one cell for all.
    ONE = auto()
    #: Side by side.
    ROW = auto()
    #: In the cells that a table names.
    TABLE = auto()


@final
@frozen
class Operation:
    """What a run does: the number of an operation, and how it reads."""

    number: int
    access: tuple[Access, ...]
    #: Which operand of a step in a chain is the result of the step before.
    chained: int | None = None


@final
@frozen(eq=False)
class Placed:
    """The runs of a tape, with places."""

    operations: tuple[Operation, ...]
    #: For each run its operation, steps or chains, steps of a chain, first cell, first place.
    runs: NDArray[np.int32]
    places: NDArray[np.int32]
    literals: bytes
    #: For each value its cell.
    cells: Cells
    size: int


@final
class Placing:
    """Gives cells to the runs of a tape, one after another.

    The cells of literals come before all others. How many there are is known in the end: until
    then they have numbers below zero, the first -1.
    """

    def __init__(self, steps: Steps, runs: Runs, literals: dict[int, bytes]) -> None:
        self.steps, self.runs = steps, runs
        self.cells = np.zeros(steps.count, np.int64)
        #: What is in the cells of literals; where some lie side by side.
        self.literals: list[bytes] = []
        self.rows: dict[bytes, int] = {}
        single: dict[bytes, int] = {}
        for number, value in literals.items():
            place = single.setdefault(value, len(self.literals))
            if place == len(self.literals):
                self.literals.append(value)
            self.cells[number] = -1 - place
        self.cells[list(steps.sources)] = np.arange(len(steps.sources))
        self.size = _padded(len(steps.sources))
        self.free: dict[int, list[int]] = {}  # by their size, blocks of cells

    def place(self) -> Placed:
        """Place all runs."""
        operations: dict[Operation, int] = {}
        rows: list[tuple[int, int, int, int, int]] = []
        places: list[Cells] = []
        placed = 0
        ending: list[list[tuple[int, int]]] = [[] for _ in range(len(self.runs.begins) + 1)]
        groups = zip(self.runs.begins.tolist(), self.runs.counts.tolist(), strict=True)
        for (begin, count), end in zip(groups, self._ends(), strict=True):
            operation, members, found = self._read(self.runs.order[begin : begin + count])
            number = operations.setdefault(operation, len(operations))
            size = _padded(count)
            cell = self._room(size)
            self.cells[self.steps.made[members]] = np.arange(cell, cell + count)
            rows.append((number, count, self._length(int(members[0])), cell, placed))
            places.append(found)
            placed += len(found)
            ending[end].append((size, cell))
            for free, start in ending[len(rows) - 1]:
                self.free.setdefault(free, []).append(start)
        shift = _padded(len(self.literals))
        table = np.array(rows, np.int64)
        table[:, 3] += shift
        return Placed(
            tuple(operations),
            table.astype(np.int32),
            _shifted(np.concatenate(places), shift).astype(np.int32),
            b"".join(self.literals),
            _shifted(self.cells, shift),
            shift + self.size + WIDTH,  # a vector may read behind the last
        )

    def _ends(self) -> list[int]:
        """Return the last run that reads a result of each run; one after all if it is kept."""
        steps, runs = self.steps, self.runs
        count = len(runs.begins)
        at = np.empty(len(steps.rows), np.intp)
        at[runs.order] = np.repeat(np.arange(count), runs.counts)
        for end, links in runs.chains.items():
            at[links.steps] = at[end]
        reading = np.repeat(at, steps.arity)
        order = np.argsort(reading, kind="stable")
        last = np.zeros(steps.count, np.intp)
        last[steps.operands[order]] = reading[order]  # of equal places the last counts
        last[list(steps.kept)] = count
        ends = np.maximum.reduceat(last[steps.made[runs.order]], runs.begins)
        found: list[int] = np.maximum(ends, np.arange(count)).tolist()
        return found

    def _room(self, size: int) -> int:
        """Return the first of so many cells that nobody needs."""
        held = self.free.get(size)
        if held:
            return held.pop()
        self.size += size
        return self.size - size

    def _length(self, step: int) -> int:
        links = self.runs.chains.get(step)
        return 1 if links is None else len(links.steps)

    def _read(self, members: Numbers) -> tuple[Operation, Numbers, Cells]:
        """Return how a run reads, its steps in the order that is best, and the places."""
        steps, example = self.steps, int(members[0])
        if example in self.runs.chains:
            return self._chained(members)
        span = np.arange(len(steps.rows[example]))[:, None]
        cells = self.cells[steps.operands[steps.starts[members] + span]]
        access = list(map(_access, cells))
        order = _order(cells, access)
        if order is not None:
            found = list(map(_access, cells[:, order]))
            if found.count(Access.TABLE) <= access.count(Access.TABLE):
                members, cells, access = members[order], cells[:, order], found
        number = steps.operations[example]
        if Access.TABLE in access:  # one loop for all such
            return Operation(number, (Access.TABLE,) * len(access)), members, cells.ravel()
        places = np.array([self._begin(row) for row in cells], np.int64)
        return Operation(number, tuple(access)), members, places

    def _begin(self, row: Cells) -> int:
        """Return the first cell of those side by side; literals get such."""
        first = int(row[0])
        if first >= 0 or (row == first).all():
            return first
        key = row.tobytes()
        begin = self.rows.setdefault(key, len(self.literals))
        if begin == len(self.literals):
            self.literals += [self.literals[-1 - cell] for cell in row.tolist()]
        return -1 - begin

    def _chained(self, members: Numbers) -> tuple[Operation, Numbers, Cells]:
        """Return how chains read: of `WIDTH` the beginnings, the next operands, and so on."""
        steps = self.steps
        example = self.runs.chains[int(members[0])]
        linked = np.array([self.runs.chains[end].steps for end in members.tolist()], np.intp)
        read = steps.starts[linked] + 1 - example.position
        begin = steps.starts[linked[:, :1]] + example.position
        cells = self.cells[steps.operands[np.concatenate([begin, read], axis=1)]]
        missing = _padded(len(cells)) - len(cells)
        cells = np.concatenate([cells, np.repeat(cells[-1:], missing, axis=0)])
        places = cells.reshape(-1, WIDTH, cells.shape[1]).transpose(0, 2, 1)
        number = steps.operations[int(members[0])]
        table = (Access.TABLE, Access.TABLE)
        return Operation(number, table, example.position), members, places.ravel()


def _padded(count: int) -> int:
    return -(-count // WIDTH) * WIDTH


def _shifted(cells: Cells, shift: int) -> Cells:
    """Return cells with those of literals before all others."""
    return np.where(cells < 0, -1 - cells, cells + shift)


def _access(cells: Cells) -> Access:
    """Return how a loop may read cells; literals get others, where they lie side by side."""
    if (cells == cells[0]).all():
        return Access.ONE
    if cells.max() < 0 or (cells[0] >= 0 and (np.diff(cells) == 1).all()):
        return Access.ROW
    return Access.TABLE


def _order(cells: Cells, access: Sequence[Access]) -> Numbers | None:
    """Return the order of an operand's cells, if a run has no good one so far."""
    for each, row in zip(access, cells, strict=True):
        if each is Access.TABLE:
            return np.argsort(row, kind="stable")
    if any(each is Access.ROW and row[0] >= 0 for each, row in zip(access, cells, strict=True)):
        return None
    for each, row in zip(access, cells, strict=True):
        if each is Access.ROW:  # literals, in the order in which a program was traced
            return np.argsort(-row, kind="stable")
    return None
