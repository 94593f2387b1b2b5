"""Views that are the same memory: a reader needs no copy to see a stored value in another shape.

Loops compute a view's elements where they need them, and never store it for themselves. Products,
and others that work on pointers, are given the place of what is viewed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from pullback.compiler.indexing import INDEXING, indices_in_memory
from pullback.compiler.indices import offset
from pullback.compiler.kinds import Kind
from pullback.compiler.storage import Rows
from pullback.core.program import Program

#: By the number of a view: the value in whose memory it lies, and its first element there.
Views = dict[int, tuple[int, int]]


def same_memory(
    program: Program,
    kinds: dict[int, Kind],
    stored: frozenset[int],
    rows: Rows,
    straight: frozenset[int],
) -> Views:
    """Return which stored values need no memory of their own.

    Before -> after:
        a = x @ w, b = reshape(a), c = b @ v  ->  {b: (a, 0)}

    What NumPy or straight-line code reads has memory of its own, and so have index arrays: the
    look at them is before what reads them by their number.
    """
    first = len(program.inputs) + len(program.constants)
    found: Views = {}
    made = stored.difference(range(first), straight)
    if not made:
        return found
    apart = _read_by_number(program, kinds, rows, straight)
    taken = set(program.outputs)
    for number in sorted(made - apart):
        place = _place(program, kinds, stored, found, number)
        if place is None:
            continue
        root, _ = place
        want = program.type_at(number).shape
        size = math.prod(program.type_at(root).shape)
        if root >= first and 2 * math.prod(want) < size:
            continue  # it would keep much memory for little
        if number in program.outputs:  # of which each has an array of its own
            whole = size == math.prod(want)
            if root < first or root in taken or kinds[root] is Kind.HOST or not whole:
                continue
            taken.add(root)
        found[number] = place
    return found


def _place(
    program: Program, kinds: dict[int, Kind], stored: frozenset[int], found: Views, number: int
) -> tuple[int, int] | None:
    """Return where a view begins in a stored value, if its elements lie there in their order."""
    first = len(program.inputs) + len(program.constants)
    start = 0
    while kinds.get(number) is Kind.VIEW:
        view, (operand, *_) = program.steps[number - first]
        have, want = program.type_at(operand).shape, program.type_at(number).shape
        moved = offset(view, have, want) if math.prod(want) > 1 else None
        if moved is None:
            return None
        number, start = operand, start + moved
        if number in found:
            root, before = found[number]
            return root, start + before
        if number in stored:
            return number, start
    return None


def _read_by_number(
    program: Program, kinds: dict[int, Kind], rows: Rows, straight: Iterable[int]
) -> set[int]:
    """Return the values that have to be in memory themselves, if at all."""
    first = len(program.inputs) + len(program.constants)
    found: set[int] = set()
    for number, kind in kinds.items():
        if kind is Kind.HOST or number in straight:
            found.update(rows[number])
        elif program.steps[number - first][0].__class__ in INDEXING:
            found.update(indices_in_memory(program, number))
    return found
