"""Which kernels are the same code: a network has many layers of one shape, compiled once."""

from __future__ import annotations

from pullback.compiler.indexing import INDEXING
from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.tokens import token
from pullback.types import type_of


def likeness(plan: Plan, kernel: Kernel) -> object | None:
    """Return what is equal for kernels whose code is the same but for the places of values.

    Before -> after:
        c = tanh(a @ w) and f = tanh(d @ v), all of one shape  ->  one function, called twice

    Returns:
        None where the code depends on the values of constants.
    """
    program = plan.program
    numbers = {number: k for k, number in enumerate((*kernel.writes, *kernel.reads))}
    reads = frozenset(kernel.reads)
    known: dict[int, int] = {}
    found: list[object] = [kernel.kind, len(kernel.writes)]
    stack = [*reversed(kernel.values)]
    while stack:
        number = stack[-1]
        if number in known:
            stack.pop()
            continue
        place = numbers.get(number, -1)
        if number in reads:
            found.append((place, program.type_at(number)))
        elif number in plan.literals:
            value = plan.literals[number]
            found.append((type_of(value), repr(value)))
        else:
            primitive, operands = program.steps[number - plan.first]
            if primitive.__class__ in INDEXING:
                return None
            waiting = [operand for operand in operands if operand not in known]
            if waiting:
                stack += reversed(waiting)
                continue
            row = tuple([known[operand] for operand in operands])
            type_ = program.type_at(number)
            stored = number in plan.stored
            found.append((token(primitive), plan.kinds[number], row, type_, place, stored))
        known[number] = len(known)
        stack.pop()
    found.append(tuple([known[number] for number in kernel.values]))
    found.append(tuple([known.get(number, -1) for number in kernel.reads]))
    return tuple(found)
