"""Common subexpressions: what is computed twice is computed once."""

from __future__ import annotations

from pullback.compiler.passes.rebuild import Typed, rebuild
from pullback.compiler.tokens import token
from pullback.control.callback import Callback
from pullback.core.program import Program


def share(program: Program) -> Program:
    """Compute equal applications of equal primitives once.

    Before -> after:
        [b = sin(a), c = sin(a), d = b * c]  ->  [b = sin(a), d = b * b]

    Calls of foreign code are left as they are: nobody knows what they do beside their results.
    """
    first = len(program.inputs) + len(program.constants)
    numbers = list(range(first))
    found: dict[tuple[object, tuple[int, ...]], int] = {}
    steps: list[Typed] = []
    moved = False
    for same, type_ in zip(program.steps, program.types, strict=True):
        primitive, operands = step = same
        if moved:
            operands = tuple([numbers[operand] for operand in operands])
            step = primitive, operands
        number = first + len(steps)
        known = found.setdefault((token(primitive), operands), number)
        if known == number or primitive.__class__ is Callback:
            steps.append((step, type_))
        else:
            moved, number = True, known
        numbers.append(number)
    if not moved:
        return program
    return rebuild(program, steps, [numbers[number] for number in program.outputs])
