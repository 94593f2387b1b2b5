"""Where each stored value lies: with the caller, or in an arena whose places are used again.

Native code finds everything through one table of pointers. Its first entries are fixed (`ARENA`,
`FRAME`); then come arrays from outside: arguments, constants, results.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, final

from attrs import frozen

from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind

ARENA: Final = 0
FRAME: Final = 1
_FIXED: Final = 2
_ALIGNMENT: Final = 64  # a line of the cache, and the widest vector


@final
@frozen
class Memory:
    """The static plan of memory."""

    #: The bytes of the arena.
    size: int
    #: Values in the arena, and how many bytes from its start.
    offsets: dict[int, int]
    #: Values from outside the arena, and their places in the table.
    slots: dict[int, int]
    #: The entries of the table.
    entries: int

    def __str__(self) -> str:
        """Write a line for each value, in the order of places."""
        lines = [f"arena: {self.size} bytes"]
        lines += [
            f"  {offset}: value {v}" for v, offset in sorted(self.offsets.items(), key=_place)
        ]
        lines += [f"table entry {slot}: value {v}" for v, slot in self.slots.items()]
        return "\n".join(lines)


def _place(item: tuple[int, int]) -> int:
    return item[1]


def plan_memory(plan: Plan) -> Memory:
    """Give each value that native code reads or writes its place.

    Before -> after:
        kernels [0: -> a], [1: a -> b], [2: b -> c]  ->  a and c share a place, b has another

    Rank 0 lies in the arena, to the end where it comes from outside or goes there.
    """
    program, last = plan.program, len(plan.kernels)
    born, dies = dict[int, int](), dict[int, int]()
    for position, kernel in enumerate(plan.kernels):
        if kernel.kind is not Kind.HOST:
            for number in kernel.writes:
                born[number] = position
            for number in kernel.reads:
                dies[number] = position
    made = {
        kernel.values[0]: k for k, kernel in enumerate(plan.kernels) if kernel.kind is Kind.HOST
    }
    for position, kernel in enumerate(plan.kernels):
        if kernel.kind is Kind.HOST:
            for number in kernel.reads:
                if number in born:
                    dies[number] = max(position, dies.get(number, -1))
    for number in dies:
        if number not in born:
            born[number] = made.get(number, -1)
    arrays = [n for n in sorted(born) if program.type_at(n).shape]
    results = {n for n in program.outputs if n >= plan.first and n not in made}
    outside = [n for n in arrays if n < plan.first] + [n for n in arrays if n in results]
    slots = {number: _FIXED + k for k, number in enumerate(outside)}
    for number in born:
        if number < plan.first or number in results:
            dies[number] = last
    inside = [n for n in sorted(born, key=born.__getitem__) if n not in slots]
    offsets, size = _pack((n, _bytes(plan, n), born[n], dies.get(n, born[n])) for n in inside)
    return Memory(size, offsets, slots, _FIXED + len(slots))


def _bytes(plan: Plan, number: int) -> int:
    type_ = plan.program.type_at(number)
    size = math.prod(type_.shape) * type_.dtype.itemsize
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _pack(values: Iterable[tuple[int, int, int, int]]) -> tuple[dict[int, int], int]:
    """Return places that overlap for no two values alive at once, and their extent.

    Args:
        values: Number, bytes, first and last kernel of each, in the order of the first kernel.
    """
    offsets: dict[int, int] = {}
    alive: list[tuple[int, int, int]] = []  # place, end, last kernel: in order of places
    extent = 0
    for number, size, born, dies in values:
        alive = [item for item in alive if item[2] >= born]
        place, gap, start = None, math.inf, 0
        for begin, end, _ in alive:
            if size <= begin - start < gap:  # the smallest hole that is large enough
                place, gap = start, begin - start
            start = max(start, end)
        place = start if place is None else place
        offsets[number] = place
        alive.append((place, place + size, dies))
        alive.sort()
        extent = max(extent, place + size)
    return offsets, extent
