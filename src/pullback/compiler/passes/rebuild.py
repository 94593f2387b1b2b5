"""Writing a program again with other steps: what all passes share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from pullback.core.program import Program, Step
from pullback.types import ArrayType

#: A step and the type of its result.
Typed = tuple[Step, ArrayType]


def all_used(first: int, steps: Sequence[Step], outputs: Sequence[int]) -> bool:
    """Return whether each step is read, or an output; what reads a step is read itself then."""
    used = set(chain.from_iterable([operands for _, operands in steps]))
    used.update(outputs)
    return len(used.difference(range(first))) == len(steps)


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
    if all_used(first, [step for step, _ in steps], outputs):
        return Program(
            program.inputs,
            program.constants,
            tuple([step for step, _ in steps]),
            tuple([type_ for _, type_ in steps]),
            tuple(outputs),
            program.names,
        )
    needed = bytearray(first + len(steps))
    for number in outputs:
        needed[number] = True
    for number in range(first + len(steps) - 1, first - 1, -1):
        if needed[number]:
            for operand in steps[number - first][0][1]:
                needed[operand] = True
    start = needed.find(0, first) - first  # up to there all stay as they are
    numbers = list(range(first + start))
    kept = list(steps[:start])
    for number, ((primitive, operands), type_) in enumerate(steps[start:], first + start):
        numbers.append(first + len(kept))
        if needed[number]:
            if len(operands) == 2:  # nearly always
                moved: tuple[int, ...] = (numbers[operands[0]], numbers[operands[1]])
            else:
                moved = tuple([numbers[operand] for operand in operands])
            kept.append(((primitive, moved), type_))
    return Program(
        program.inputs,
        program.constants,
        tuple([step for step, _ in kept]),
        tuple([type_ for _, type_ in kept]),
        tuple([numbers[number] for number in outputs]),
        program.names,
    )
