"""A program cut into pieces, each of which is computed again on its own: what is kept, and where.

A cut is a position: the number of steps before it. The results of earlier steps that are used
after it are kept. So a piece gives what later pieces need, and a value that passes several cuts is
kept once. Where to cut is said by names, or chosen under a budget by `control.budgets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from attrs import evolve

from pullback.control.checkpointing import Named, Remat
from pullback.control.parts import call_bundled
from pullback.core import Array, Program, apply, constant
from pullback.core.program import Step
from pullback.primitives.bundle import Unpack
from pullback.primitives.identity import StopGradient
from pullback.primitives.shape import Reshape, Transpose
from pullback.primitives.slicing import Slice
from pullback.types import ArrayType


def prepare(program: Program) -> tuple[Program, dict[str, list[int]]]:
    """Return a program that can be cut, and the positions right after values with names.

    The names are gone in it, and bundles are unpacked where they are made: no bundle is kept.
    """
    first = first_result(program)
    unpacks: dict[int, list[int]] = {}
    for i, (primitive, numbers) in enumerate(program.steps):
        if isinstance(primitive, Unpack):
            unpacks.setdefault(numbers[0], []).append(i)
    names: dict[str, list[int]] = {}
    place = dict(zip(range(first), range(first), strict=True))  # old number: new number
    steps: list[Step] = []
    types: list[ArrayType] = []
    for i, (primitive, numbers) in enumerate(program.steps):
        if isinstance(primitive, Named):
            place[first + i] = place[numbers[0]]
            names.setdefault(primitive.label, []).append(place[numbers[0]] + 1 - first)
        elif first + i not in place:
            for j in (i, *unpacks.get(first + i, ())):
                place[first + j] = first + len(steps)
                made, operands = program.steps[j]
                steps.append((made, tuple([place[number] for number in operands])))
                types.append(program.types[j])
    outputs = tuple([place[number] for number in program.outputs])
    return evolve(program, steps=tuple(steps), types=tuple(types), outputs=outputs), names


def lift_views(program: Program, nodes: Sequence[Array]) -> tuple[Program, list[Array]]:
    """Return a program that is given the views of its inputs, and what it is then given.

    Views take no memory. Inside a piece, the cotangent of each would be one of the whole input.
    """
    first = first_result(program)
    held = dict(enumerate(nodes))
    for i, (primitive, numbers) in enumerate(program.steps):
        if isinstance(primitive, (Slice, Transpose, Reshape)) and numbers[0] in held:
            held[first + i] = apply(primitive, held[numbers[0]])
    rest = [i for i in range(len(program.steps)) if first + i not in held]
    order = [*held, *range(len(program.inputs), first), *(first + i for i in rest)]
    place = {number: i for i, number in enumerate(order)}
    steps = [program.steps[i] for i in rest]
    lifted = evolve(
        program,
        inputs=tuple([node.type for node in held.values()]),
        steps=tuple([(made, tuple([place[n] for n in numbers])) for made, numbers in steps]),
        types=tuple([program.types[i] for i in rest]),
        outputs=tuple([place[number] for number in program.outputs]),
        names=(),
    )
    return lifted, list(held.values())


def first_result(program: Program) -> int:
    """Return the number of the first step's result."""
    return len(program.inputs) + len(program.constants)


def last_steps(program: Program) -> list[int]:
    """Return for each step the last one that uses its result; for an output one past the end."""
    first = first_result(program)
    last = list(range(len(program.steps)))
    for i, (_, numbers) in enumerate(program.steps):
        for number in numbers:
            if number >= first:
                last[number - first] = i
    for number in program.outputs:
        if number >= first:
            last[number - first] = len(program.steps)
    return last


def allowed_cuts(program: Program) -> list[bool]:
    """Return for each position whether a cut there would keep no bundle."""
    allowed = [True] * (len(program.steps) + 1)
    for i, (type_, last) in enumerate(zip(program.types, last_steps(program), strict=True)):
        if type_.parts is not None:
            allowed[i + 1 : last + 1] = [False] * (last - i)
    return allowed


def apply_pieces(program: Program, cuts: Iterable[int], nodes: Sequence[Array]) -> list[Array]:
    """Compute the outputs of a program, and record the pieces before the last cut as `Remat`.

    Args:
        program: The program, as `prepare` gives it.
        cuts: Allowed positions.
        nodes: Its inputs.
    """
    first = first_result(program)
    last = last_steps(program)
    held = dict(enumerate([*nodes, *map(constant, program.constants)]))
    bounds = sorted({0, *cuts})
    for start, stop in pairwise(bounds):
        operands, results, piece = _piece(program, last, start, stop)
        given = [held[number] for number in operands]
        active = tuple([bool(node.sources) for node in given])
        parts = call_bundled(Remat(piece, active), given)
        for number, part in zip(results, parts, strict=True):
            # Without the call, an integer whose value is known would be a constant.
            held[number] = part if part.type.inexact else apply(StopGradient(), part)
    for i in range(bounds[-1], len(program.steps)):
        primitive, numbers = program.steps[i]
        held[first + i] = apply(primitive, *[held[number] for number in numbers])
    return [held[number] for number in program.outputs]


def _piece(
    program: Program, last: Sequence[int], start: int, stop: int
) -> tuple[list[int], list[int], Program]:
    """Return the numbers of what a piece takes and gives, and the piece.

    It takes the inputs last: the sweep adds up first what comes back to the last operand, and what
    comes back to the inputs, from every piece, would pile up.
    """
    first, inputs = first_result(program), len(program.inputs)
    steps = program.steps[start:stop]
    used = sorted({n for _, numbers in steps for n in numbers if n < first + start}, reverse=True)
    constants = [n for n in used if inputs <= n < first]
    operands = [n for n in used if not inputs <= n < first]
    results = [first + i for i in range(start, stop) if last[i] >= stop]
    order = [*operands, *constants, *range(first + start, first + stop)]
    place = {number: i for i, number in enumerate(order)}
    piece: Program = Program(
        tuple([program.type_at(number) for number in operands]),
        tuple([program.constants[number - inputs] for number in constants]),
        tuple([(made, tuple([place[number] for number in numbers])) for made, numbers in steps]),
        program.types[start:stop],
        tuple([place[number] for number in results]),
    )
    return operands, results, piece
