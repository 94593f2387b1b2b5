"""Loops, branches and calls: which are native, and what scratch memory they work in.

Such a step calls programs that it holds. It is native if it takes a bundle that is packed from
values, gives one that is only unpacked, and all that the programs compute can lie in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from typing import Final, TypeAlias, final

from attrs import evolve, frozen

from pullback.control.checkpointing import Remat
from pullback.control.cond import Cond
from pullback.control.scan import Scan
from pullback.control.while_loop import While
from pullback.core.program import Program
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.primitive import Primitive
from pullback.types import ArrayType

Control: TypeAlias = Scan | While | Cond | Remat

#: A line of the cache, and the widest vector: where values begin.
ALIGNMENT: Final = 64
CONTROL: Final = (Scan, While, Cond, Remat)


def held(primitive: Primitive) -> tuple[Program, ...]:
    """Return the programs that a step calls."""
    match primitive:
        case Scan(body):
            return (body,)
        case While(test, body):
            return test, body
        case Cond(branches):
            return branches
        case Remat(program):
            return (program,)
        case _:
            return ()


def with_held(primitive: Primitive, change: Callable[[Program], Program]) -> Primitive:
    """Return a step that calls other programs, equal in what they do."""
    match primitive:
        case Scan(body):
            return evolve(primitive, body=change(body))
        case While(test, body):
            return evolve(primitive, test=change(test), body=change(body))
        case Cond(branches):
            return evolve(primitive, branches=tuple(map(change, branches)))
        case Remat(program):
            return evolve(primitive, program=change(program))
        case _:
            return primitive


def everywhere(change: Callable[[Program], Program]) -> Callable[[Program], Program]:
    """Return a rewrite that changes also the programs that steps call, innermost first."""

    def changed(program: Program) -> Program:
        if not program.operations.isdisjoint(CONTROL):
            steps = [(with_held(primitive, changed), row) for primitive, row in program.steps]
            program = Program(
                program.inputs,
                program.constants,
                tuple(steps),
                program.types,
                program.outputs,
                program.names,
            )
        return change(program)

    return changed


def opened(program: Program) -> dict[int, tuple[int, ...]]:
    """Return the steps that may be native, and the values packed for each."""
    first = len(program.inputs) + len(program.constants)
    found: dict[int, tuple[int, ...]] = {}
    if program.operations.isdisjoint(CONTROL):
        return found
    for number, (primitive, operands) in enumerate(program.steps, first):
        if primitive.__class__ in CONTROL and operands[0] >= first:
            maker, packed = program.steps[operands[0] - first]
            if isinstance(maker, Pack):
                found[number] = packed
    if found:
        others = [(p, row) for p, row in program.steps if not isinstance(p, Unpack)]
        for number in {*program.outputs}.union(*[row for _, row in others]):
            found.pop(number, None)
    return found


def fits_memory(type_: ArrayType) -> bool:
    """Return whether values of a type have a place in memory of a known size."""
    return type_.parts is None and type_.dtype.kind in "biufc"


@final
@frozen
class Layout:
    """What lies where in the scratch memory of a step that calls programs."""

    #: For each called program its table, and its arena.
    tables: tuple[int, ...]
    arenas: tuple[int, ...]
    #: For each result two places: what a loop carries is in one and then in the other; a result
    #: that nobody reads is put in the first.
    buffers: tuple[tuple[int, int], ...]
    #: The result of a loop's test.
    flag: int
    size: int


def layout(primitive: Primitive, needs: Sequence[tuple[int, int]], read: Container[int]) -> Layout:
    """Return a layout.

    Args:
        primitive: The step.
        needs: For each program that it calls the bytes of its table and its arena.
        read: Which of its results somebody reads.
    """
    place = 0

    def taken(size: int) -> int:
        nonlocal place
        start, place = place, place + rounded(size)
        return start

    pairs = [(taken(table), taken(arena)) for table, arena in needs]
    results = held(primitive)[-1].output_types
    carries = carried(primitive)
    buffers: list[tuple[int, int]] = []
    for index, type_ in enumerate(results):
        needed = size_of(type_) if index in carries or index not in read else 0
        first = taken(needed)
        buffers.append((first, taken(needed) if index in carries else first))
    flag = taken(1)
    tables, arenas = zip(*pairs, strict=True)
    return Layout(tables, arenas, tuple(buffers), flag, place)


def carried(primitive: Primitive) -> range:
    """Return which results of a step are those of a loop's last round."""
    match primitive:
        case Scan():
            return range(primitive.carries)
        case While():
            return range(len(primitive.body.outputs))
        case _:
            return range(0)


def size_of(type_: ArrayType) -> int:
    """Return the bytes of a value, with what fills the last line."""
    return rounded(math.prod(type_.shape) * type_.dtype.itemsize)


def rounded(size: int) -> int:
    """Return the bytes of the lines that a size takes."""
    return -(-size // ALIGNMENT) * ALIGNMENT
