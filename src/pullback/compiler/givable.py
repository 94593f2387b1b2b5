"""What a plan says about the memory of arguments that a caller may give up: see `Donation`."""

from __future__ import annotations

from collections.abc import Iterator

from pullback.compiler.donation import Donation
from pullback.compiler.indexing import INDEXING
from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind


def donation(plan: Plan) -> Donation:
    """Return which results can lie in the memory of which inputs.

    A run that can fail half-way leaves its arguments as they are.
    """
    if can_fail(plan):
        return Donation({}, {}, frozenset())
    program = plan.program
    reads = {n: k for k, kernel in enumerate(plan.kernels) for n in kernel.reads}
    writes = {n: k for k, kernel in enumerate(plan.kernels) for n in kernel.writes}
    outputs = dict.fromkeys(program.outputs)
    last = {
        number: (reads.get(number, -1), type_)
        for number, type_ in enumerate(program.inputs)
        if type_.shape and number not in outputs
    }
    born = {
        number: (writes[number], program.type_at(number)) for number in outputs if number in writes
    }
    over: set[tuple[int, int]] = set()
    for position in {position for position, _ in born.values()}:
        kernel = plan.kernels[position]
        inputs = [n for n in kernel.reads if n in last and last[n][0] == position]
        if inputs and kernel.kind is Kind.MAP:
            over.update([pair for pair in _pairs(plan, kernel, inputs) if pair[1] in born])
    return Donation(last, born, frozenset(over))


def can_fail(plan: Plan) -> bool:
    """Return whether a run may end with an error: one of NumPy, or an index out of range."""
    return (
        not plan.program.operations.isdisjoint(INDEXING)
        or Kind.HOST in plan.kinds.values()
        or any(can_fail(each) for plans in plan.calls.values() for each in plans)
    )


def _pairs(plan: Plan, kernel: Kernel, inputs: list[int]) -> Iterator[tuple[int, int]]:
    """Yield inputs, and results of a loop that may be written over them, element by element.

    The result has to be made of the element that it replaces, and nothing may read the input at
    another place, or later.
    """
    places = [_places(plan, kernel, value) for value in kernel.values]
    for number in inputs:
        readers = [k for k, found in enumerate(places) if number in found]
        if readers and all(places[k][number] for k in readers):
            yield number, kernel.values[readers[-1]]


def _places(plan: Plan, kernel: Kernel, value: int) -> dict[int, bool]:
    """Return the inputs that a value of a kernel reads; whether each at its own place alone."""
    found: dict[int, bool] = {}
    shape = plan.program.type_at(value).shape
    stack, seen = [(value, True)], set[tuple[int, bool]]()
    while stack:
        current, same = item = stack.pop()
        if item in seen:
            continue
        seen.add(item)
        if current < len(plan.program.inputs):
            found[current] = same and found.get(current, True)
        elif current >= plan.first and (current == value or current not in kernel.values):
            kept = same and plan.kinds[current] is Kind.MAP
            operands = plan.program.steps[current - plan.first][1]
            stack += [(o, kept and plan.program.type_at(o).shape == shape) for o in operands]
    return found
