"""Where each stored value lies: with the caller, among the constants, or in an arena."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import final

from attrs import field, frozen

from pullback.compiler.control import Layout, held, layout, size_of
from pullback.compiler.interface import CONSTANTS, INPUTS
from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.primitives.bundle import Unpack


@final
@frozen
class Memory:
    """The static plan of memory of a program, and of those that it calls."""

    #: The bytes of the arena.
    size: int
    #: Values in the arena, and how many bytes from its start.
    offsets: dict[int, int]
    #: Inputs and outputs, and their entries in the table.
    slots: dict[int, int]
    #: Constants that native code reads, and their entries in the root.
    constants: dict[int, int]
    #: For each kernel that needs it (by its first value): where its scratch memory begins.
    scratch: dict[int, int]
    #: The plans of the programs that a step calls, and what lies where in its scratch memory.
    called: dict[int, tuple[tuple[Memory, ...], Layout]] = field(repr=False)


def plan_memory(plan: Plan, entries: Iterator[int] | None = None) -> Memory:
    """Give each value that native code reads or writes its place.

    Before -> after:
        kernels [0: -> a], [1: a -> b], [2: b -> c]  ->  a and c share a place, b has another

    Args:
        plan: The kernels.
        entries: The entries of the root that are free for constants.
    """
    entries = count(CONSTANTS) if entries is None else entries
    program = plan.program
    born, dies = _lives(plan)
    slots = {number: INPUTS + number for number in range(len(program.inputs))}
    for entry, number in enumerate(program.outputs, INPUTS + len(program.inputs)):
        root, _ = plan.views.get(number, (number, 0))
        if root in born:
            slots.setdefault(number, entry)
            slots.setdefault(root, entry)
    constants = {n: next(entries) for n in range(len(program.inputs), plan.first) if n in dies}
    called: dict[int, tuple[tuple[Memory, ...], Layout]] = {}
    blocks = [
        (n, size_of(program.type_at(n)), b, dies.get(n, b))
        for n, b in born.items()
        if n not in slots
    ]
    for position, kernel in enumerate(plan.kernels):
        number = kernel.values[0]
        if number in plan.calls:
            memories = tuple([plan_memory(each, entries) for each in plan.calls[number]])
            called[number] = memories, _layout(plan, kernel, memories)
            # A number below zero stands for scratch memory.
            blocks.append((-number, called[number][1].size, position, position))
        if kernel.pieces is not None:
            blocks.append((-number, kernel.pieces.scratch, position, position))
    offsets, size = _pack(sorted(blocks, key=_birth))
    return Memory(
        size,
        {number: place for number, place in offsets.items() if number >= 0},
        slots,
        constants,
        {-number: place for number, place in offsets.items() if number < 0},
        called,
    )


def _lives(plan: Plan) -> tuple[dict[int, int], dict[int, int]]:
    """Return the first kernel of each value made in memory, and the last of each value there.

    What NumPy makes and native code does not read stays an object, unless it is in a called
    program.
    """
    born, dies = dict[int, int](), dict[int, int]()
    made = dict[int, int]()
    for position, kernel in enumerate(plan.kernels):
        host = kernel.kind is Kind.HOST
        for number in kernel.writes:
            (made if host and not plan.called else born)[number] = position
        for number in kernel.reads:
            if not host or number in born:
                dies[number] = position
    born |= {number: position for number, position in made.items() if number in dies}
    if plan.called:  # outputs that no step makes are copied from where they lie
        dies |= dict.fromkeys(plan.program.outputs, len(plan.kernels))
    return born, dies


def _layout(plan: Plan, kernel: Kernel, memories: Sequence[Memory]) -> Layout:
    """Return what lies where in the scratch memory of a step that calls programs."""
    primitive, _ = plan.program.steps[kernel.values[0] - plan.first]
    needs = [
        (8 * (INPUTS + len(program.inputs) + len(program.outputs)), memory.size)
        for program, memory in zip(held(primitive), memories, strict=True)
    ]
    return layout(primitive, needs, results(plan, kernel))


def results(plan: Plan, kernel: Kernel) -> dict[int, int]:
    """Return by its index each result of a step of control flow that somebody reads."""
    found: dict[int, int] = {}
    for number in kernel.writes:
        primitive, _ = plan.program.steps[number - plan.first]
        assert isinstance(primitive, Unpack), "nothing else takes a part of a bundle"
        found[primitive.index] = number
    return found


def _birth(block: tuple[int, int, int, int]) -> int:
    return block[2]


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
