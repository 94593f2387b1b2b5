"""A program cut into kernels: what is stored, what is folded into its consumers, which loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from attrs import evolve, field, frozen

from pullback.compiler.control import fits_memory, held, opened, size_of
from pullback.compiler.epilogues import merge_epilogues
from pullback.compiler.kernel import Kernel
from pullback.compiler.kinds import Instructions, Kind, number_literals, step_kinds
from pullback.compiler.operations import operations, value_types
from pullback.compiler.order import ordered
from pullback.compiler.rows import merge_rows
from pullback.compiler.schedule import Scheduler
from pullback.compiler.storage import stored_values
from pullback.compiler.straight import straight_steps
from pullback.compiler.views import Views, same_memory
from pullback.core.program import Program
from pullback.core.program_text import value_names
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.quantity import Value
from pullback.types import ArrayType

_SHOWN: Final = 6  # names in a row


@final
@frozen
class Plan:
    """A program, cut into kernels."""

    program: Program
    kinds: dict[int, Kind]
    #: Numbers that stand in the code.
    literals: dict[int, Value]
    #: Inputs, constants and results that lie in memory.
    stored: frozenset[int]
    kernels: tuple[Kernel, ...]
    #: For each step of native control flow the plans of the programs that it calls.
    calls: dict[int, tuple[Plan, ...]]
    #: Whether it is called so itself: all its values lie in memory then.
    called: bool
    #: Values that are others in another shape; none of them is stored.
    views: Views
    #: The number of the first step.
    first: int = field(init=False)

    @first.default
    def _first(self) -> int:
        return len(self.program.inputs) + len(self.program.constants)

    def __str__(self) -> str:
        """Write a line for each kernel, with the names of the program's text."""
        names = value_names(self.program)
        lines = []
        for kernel in self.kernels:
            steps = [self.program.steps[v - self.first][0].name for v in kernel.values]
            kind, shape = kernel.kind.name.lower(), self.program.type_at(kernel.values[-1])
            reads, writes = (
                _short([names[n] for n in row]) for row in (kernel.reads, kernel.writes)
            )
            lines.append(f"{kind:<11} {shape!s:<20} {writes} = {_short(steps)} of {reads}")
        return "\n".join(lines)


def _short(names: Sequence[str]) -> str:
    """Return names in a row, the first ones if there are many."""
    more = f", ... ({len(names)})" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def plan_kernels(program: Program, instructions: Instructions, *, called: bool = False) -> Plan:
    """Return which values are stored, and the loops that compute them.

    Before -> after:
        [b = sin(a), c = b + 1, d = sum(c)]  ->  one fold over sin(a) + 1, which stores d alone
    """
    packed = opened(program)
    calls = {number: _called(program, number, instructions) for number in packed}
    calls = {number: plans for number, plans in calls.items() if plans}
    literals = number_literals(program)
    types = value_types(program)
    like = operations(program, types)
    kinds = step_kinds(program, like, literals, instructions, calls)
    first = len(program.inputs) + len(program.constants)
    rows = dict(enumerate([row for _, row in program.steps], first))
    if not program.operations.isdisjoint({Pack, Unpack}):
        rows |= {number: () for number, kind in kinds.items() if kind is Kind.PART}
    rows |= {number: packed[number] for number in calls}
    straight = straight_steps(program, types, like, kinds, rows)
    stored = stored_values(program, kinds, literals, rows, straight)
    views = same_memory(program, kinds, stored, rows, straight)
    stored -= views.keys()
    kept = [views[number][0] for number in program.outputs if number in views]
    wanted = evolve(program, outputs=(*program.outputs, *kept)) if kept else program
    kernels = Scheduler(wanted, kinds, stored, rows, straight, like).kernels()
    kernels = merge_epilogues(wanted, kinds, literals, stored, kernels)
    kernels = merge_rows(wanted, kinds, stored, kernels)
    kernels = ordered(kernels, lambda number: _bytes(program.type_at(number)), wanted.outputs)
    return Plan(program, kinds, literals, stored, kernels, calls, called, views)


def _bytes(type_: ArrayType) -> int:
    return 0 if type_.parts is not None else size_of(type_)


def _called(program: Program, number: int, instructions: Instructions) -> tuple[Plan, ...]:
    """Return the plans of the programs that a step calls; none if one is not native."""
    primitive, _ = program.steps[number - len(program.inputs) - len(program.constants)]
    plans: list[Plan] = []
    for each in held(primitive):
        plan = plan_kernels(each, instructions, called=True)
        if not _in_memory(plan):
            return ()
        plans.append(plan)
    return tuple(plans)


def _in_memory(plan: Plan) -> bool:
    """Return whether all that native code and NumPy hand each other has a place in memory."""
    program = plan.program
    types = [*program.inputs, *program.output_types]
    for number, kind in plan.kinds.items():
        if kind is Kind.HOST:
            operands = program.steps[number - plan.first][1]
            types += [program.type_at(each) for each in (number, *operands)]
    return all(map(fits_memory, types))
