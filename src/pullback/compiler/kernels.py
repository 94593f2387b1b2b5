"""A program cut into kernels: what is stored, what is folded into its consumers, which loops."""

from __future__ import annotations

from typing import final

from attrs import field, frozen

from pullback.compiler.kernel import Kernel
from pullback.compiler.kinds import Instructions, Kind, number_literals, step_kinds
from pullback.compiler.schedule import Scheduler
from pullback.compiler.storage import stored_values
from pullback.core.program import Program
from pullback.primitives.quantity import Value


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
    #: The number of the first step.
    first: int = field(init=False)

    @first.default
    def _first(self) -> int:
        return len(self.program.inputs) + len(self.program.constants)

    def __str__(self) -> str:
        """Write a line for each kernel."""
        lines = []
        for kernel in self.kernels:
            names = [self.program.steps[v - self.first][0].name for v in kernel.values]
            shape = self.program.type_at(kernel.values[-1])
            ends = f"{list(kernel.reads)} -> {list(kernel.writes)}"
            lines.append(f"{kernel.kind.name.lower()} {shape}: {ends}  ({', '.join(names)})")
        return "\n".join(lines)


def plan_kernels(program: Program, instructions: Instructions) -> Plan:
    """Return which values are stored, and the loops that compute them.

    Before -> after:
        [b = sin(a), c = b + 1, d = sum(c)]  ->  one fold over sin(a) + 1, which stores d alone
    """
    literals = number_literals(program)
    kinds = step_kinds(program, literals, instructions)
    stored = stored_values(program, kinds, literals)
    return Plan(program, kinds, literals, stored, Scheduler(program, kinds, stored).kernels())
