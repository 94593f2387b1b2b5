"""Writing a program again with other steps: what all passes share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from pullback.core.program import Program, Step
from pullback.types import ArrayType

#: A step and the type of its result.
Typed = tuple[Step, ArrayType]


def rebuild(program: Program, steps: Sequence[Typed], outputs: Sequence[int]) -> Program:
    """Return a program of the same inputs and constants, without the steps nobody needs.

    Before -> after:
        [c = sin(a), d = a * a, e = d + a], outputs [e]  ->  [c = a * a, d = c + a], outputs [d]

    Args:
        program: Where the inputs and constants are from; those stay, needed or not.
        steps: The steps, numbered as in a program.
        outputs: The numbers of the outputs.
    """
    first = len(program.inputs) + len(program.constants)
    used = set(chain.from_iterable([operands for (_, operands), _ in steps]))
    used.update(outputs)
    if len(used.difference(range(first))) == len(steps):  # what uses a step is used itself
        return Program(
            program.inputs,
            program.constants,
            tuple([step for step, _ in steps]),
            tuple([type_ for _, type_ in steps]),
            tuple(outputs),
            program.names,
        )
    needed = set(outputs)
    for number in range(first + len(steps) - 1, first - 1, -1):
        if number in needed:
            needed.update(steps[number - first][0][1])
    numbers = {number: number for number in range(first)}
    kept: list[Typed] = []
    for number, ((primitive, operands), type_) in enumerate(steps, first):
        if number in needed:
            numbers[number] = first + len(kept)
            kept.append(((primitive, tuple([numbers[operand] for operand in operands])), type_))
    return Program(
        program.inputs,
        program.constants,
        tuple([step for step, _ in kept]),
        tuple([type_ for _, type_ in kept]),
        tuple([numbers[number] for number in outputs]),
        program.names,
    )
