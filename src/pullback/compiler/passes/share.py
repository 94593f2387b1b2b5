"""Common subexpressions: what is computed twice is computed once."""

from __future__ import annotations

from pullback.compiler.passes.rebuild import Typed, rebuild
from pullback.compiler.tokens import token
from pullback.control.callback import Callback
from pullback.core.program import Program, Step


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
    for (primitive, operands), type_ in zip(program.steps, program.types, strict=True):
        step = primitive, tuple([numbers[operand] for operand in operands])
        key = token(primitive), step[1]
        known = None if primitive.__class__ is Callback else found.get(key)
        if known is None:
            known = found[key] = first + len(steps)
            steps.append((step, type_))
        numbers.append(known)
    return rebuild(program, steps, [numbers[number] for number in program.outputs])
