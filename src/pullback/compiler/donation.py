"""Results in the memory of arguments that the caller gave up."""

from __future__ import annotations

from collections.abc import Iterable

from pullback.compiler.indexing import INDEXING
from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind


def taken(plan: Plan, donated: Iterable[int]) -> dict[int, int]:
    """Return the inputs, among donated ones, in whose memory results can lie: by result.

    It can if they are of one type, and nothing reads the input when the result is written; but for
    a loop over elements, each of which is read at its own place before the result's is written.

    A run that can fail half-way leaves its arguments as they are.

    Before -> after:
        u = x - 0.1 * g, with x donated  ->  {u: x}
    """
    if can_fail(plan):
        return {}
    program = plan.program
    born = {n: k for k, kernel in enumerate(plan.kernels) for n in kernel.writes}
    last = {n: k for k, kernel in enumerate(plan.kernels) for n in kernel.reads}
    outputs = [n for n in dict.fromkeys(program.outputs) if n in born]
    found: dict[int, int] = {}
    for number in donated:
        type_ = program.inputs[number]
        if number in program.outputs or not type_.shape:
            continue
        for out in outputs:
            same = program.type_at(out) == type_ and plan.kernels[born[out]].kind is not Kind.HOST
            if out in found or not same or born[out] < last.get(number, -1):
                continue
            kernel = plan.kernels[born[out]]
            if born[out] > last.get(number, -1) or _in_place(plan, kernel, number, out):
                found[out] = number
                break
    return found


def can_fail(plan: Plan) -> bool:
    """Return whether a run may end with an error: one of NumPy, or an index out of range."""
    fails = any(isinstance(primitive, INDEXING) for primitive, _ in plan.program.steps)
    return (
        fails
        or Kind.HOST in plan.kinds.values()
        or any(can_fail(each) for plans in plan.calls.values() for each in plans)
    )


def _in_place(plan: Plan, kernel: Kernel, number: int, out: int) -> bool:
    """Return whether a loop may write a result over an input, element by element.

    The result has to be made of the element that it replaces, and nothing may read the input at
    another place, or later.
    """
    if kernel.kind is not Kind.MAP:
        return False
    places = [_places(plan, kernel, value, number) for value in kernel.values]
    position = kernel.values.index(out)
    return (
        places[position] == {True}
        and not any(False in found for found in places)
        and not any(places[position + 1 :])
    )


def _places(plan: Plan, kernel: Kernel, value: int, number: int) -> set[bool]:
    """Return whether a value of a kernel reads an input at its own place, or at others."""
    found: set[bool] = set()
    shape = plan.program.type_at(number).shape
    stack, seen = [(value, True)], set[tuple[int, bool]]()
    while stack:
        current, same = item = stack.pop()
        if item in seen:
            continue
        seen.add(item)
        if current == number:
            found.add(same)
        elif current >= plan.first and (current == value or current not in kernel.values):
            kept = same and plan.kinds[current] is Kind.MAP
            operands = plan.program.steps[current - plan.first][1]
            stack += [(o, kept and plan.program.type_at(o).shape == shape) for o in operands]
    return found
