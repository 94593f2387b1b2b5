"""Very many steps on single numbers as a tape: tables of places instead of code for each step.

Steps of the same depth in the graph do not depend on each other. Those of them that do the same
are one *run*: a loop that reads from a table where the operands of each step are. So a hundred
thousand steps take no more code than the operations among them, and next to none of LLVM's time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Final, final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from pullback.compiler.kinds import Kind
from pullback.compiler.operations import Operations
from pullback.core.program import Program

#: Bytes of a place in scratch memory: any one number fits.
CELL: Final = 8
_RUN: Final = 8  # steps in a run, on average: for shorter ones, code for each step is faster


@final
@frozen(eq=False)
class Tape:
    """A long kernel of single numbers, sorted into runs.

    Scratch memory is an array of cells: those of the literals, of what the kernel reads, and of the
    results in the order of the runs.
    """

    #: For each operation a step that does it.
    operations: tuple[int, ...]
    #: For each run its operation, and how many steps it has.
    runs: NDArray[np.int32]
    #: For each run and each operand in turn, the cell of that operand for each step.
    places: NDArray[np.int32]
    #: What is in the cells of the literals.
    literals: bytes
    #: The cell of the first result.
    first: int
    #: The cells of what the kernel reads and writes.
    cells: dict[int, int]
    #: The bytes of scratch memory.
    scratch: int


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
    types = [program.types[number - first] for number in steps]
    types += map(program.type_at, reads)
    single = {
        key: type_.parts is None and math.prod(type_.shape) == 1
        for key, type_ in {id(type_): type_ for type_ in types}.items()
    }
    if not all(map(single.__getitem__, map(id, types))):
        return None
    if set(map(kinds.__getitem__, steps)) != {Kind.MAP}:
        return None
    depths = [0] * (first + len(program.steps))
    rows = [program.steps[number - first][1] for number in steps]
    for number, row in zip(steps, rows, strict=True):
        if len(row) == 2:  # nearly always
            x, y = depths[row[0]], depths[row[1]]
            depths[number] = (x if x > y else y) + 1  # noqa: FURB136 - max takes twice the time
        else:
            depths[number] = 1 + max([depths[operand] for operand in row])
    places = np.array(steps)
    sort_of = np.array(like.numbers)[places - first]
    depth_of = np.array(depths)[places]
    together = depth_of * len(like.examples) + sort_of
    order = np.argsort(together, kind="stable")
    _, begins, counts = np.unique(together[order], return_index=True, return_counts=True)
    if len(steps) < _RUN * len(begins):
        return None
    read = set(reads)
    used = set(chain.from_iterable(rows))
    literals = [n for n in range(len(program.inputs), first) if n in used and n not in read]
    sources = [*literals, *reads]
    cells = np.zeros(first + len(program.steps), np.int32)
    cells[sources] = np.arange(len(sources))
    cells[places[order]] = np.arange(len(sources), len(sources) + len(steps))
    sorts, sort = np.unique(sort_of[order][begins], return_inverse=True)
    return Tape(
        tuple([first + like.examples[number] for number in sorts]),
        np.stack([sort, counts], axis=1).astype(np.int32),
        _places(rows, cells, order, np.repeat(begins, counts), np.repeat(counts, counts)),
        b"".join([_cell(program, number) for number in literals]),
        len(sources),
        {number: int(cells[number]) for number in (*reads, *writes)},
        CELL * (len(sources) + len(steps)),
    )


def _places(
    rows: Sequence[tuple[int, ...]],
    cells: NDArray[np.int32],
    order: NDArray[np.intp],
    begins: NDArray[np.intp],
    counts: NDArray[np.intp],
) -> NDArray[np.int32]:
    """Return the table of operands.

    Args:
        rows: The operands of each step.
        cells: The cell of each value.
        order: The steps in the order of the runs.
        begins: For each step in this order, where its run begins.
        counts: And how many steps it has.
    """
    operands = np.fromiter(chain.from_iterable(rows), np.intp)
    arity = np.fromiter(map(len, rows), np.intp)
    start = (np.cumsum(arity) - arity)[order]
    arity = arity[order]
    begin = (np.cumsum(arity) - arity)[begins]  # of the run's part of the table
    within = np.arange(len(rows)) - begins
    table = np.empty(len(operands), np.int32)
    for k in range(int(arity.max())):
        some = arity > k
        place = begin[some] + k * counts[some] + within[some]
        table[place] = cells[operands[start[some] + k]]
    return table


def _cell(program: Program, number: int) -> bytes:
    """Return a literal as it lies in memory."""
    value = program.constants[number - len(program.inputs)]
    return np.asarray(value).astype(program.type_at(number).dtype).tobytes().ljust(CELL, b"\0")
