"""Common subexpressions: what is computed twice is computed once."""

from __future__ import annotations

from pullback.compiler.passes.rebuild import Typed, rebuild
from pullback.compiler.tokens import tokens
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
    found: dict[tuple[object, ...], int] = {}
    steps: list[Typed] = []
    moved = False
    number = first
    for same, type_, what in zip(program.steps, program.types, tokens(program.steps), strict=True):
        primitive, operands = step = same
        if moved:
            if len(operands) == 2:  # nearly always
                operands = numbers[operands[0]], numbers[operands[1]]
            else:
                operands = tuple([numbers[operand] for operand in operands])
            step = primitive, operands
        known = found.setdefault((what, *operands), number)
        if known == number or primitive.__class__ is Callback:
            steps.append((step, type_))
            numbers.append(number)
            number += 1
        else:
            moved = True
            numbers.append(known)
    if not moved:
        return program
    return rebuild(program, steps, [numbers[number] for number in program.outputs])
