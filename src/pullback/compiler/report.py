"""What a compiled program needs of memory, for a reader."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, final

from attrs import frozen

from pullback.compiler.kernels import Plan
from pullback.compiler.memory import Memory
from pullback.core.program_text import value_names
from pullback.types import ArrayType

_SHOWN: Final = 30  # blocks


@final
@frozen
class Block:
    """A value in the arena."""

    name: str
    type: ArrayType
    #: Bytes from the arena's beginning.
    start: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.start:>12} {self.bytes:>12}  {self.type!s:<22} {self.name}"


@final
@frozen
class MemoryReport:
    """The bytes that a run needs, all of them planned when the program was compiled."""

    arguments: int
    results: int
    #: Arrays that are part of the program.
    constants: int
    #: What kernels share: values that live for a while, one in the place of another.
    arena: int
    blocks: tuple[Block, ...]

    @property
    def peak(self) -> int:
        """All together."""
        return self.arguments + self.results + self.constants + self.arena

    def __str__(self) -> str:
        """Write the sums, and a line for each block of the arena."""
        parts = ("arguments", "results", "constants", "arena", "peak")
        lines = [f"{part:<12}{getattr(self, part):>14,} bytes" for part in parts]
        if self.blocks:
            lines.append(f"{'start':>12} {'bytes':>12}  in the arena")
            lines += map(str, self.blocks[:_SHOWN])
        if len(self.blocks) > _SHOWN:
            lines.append(f"{'':>12} {len(self.blocks) - _SHOWN} more")
        return "\n".join(lines)


def memory_report(plan: Plan, memory: Memory) -> MemoryReport:
    """Return what a program needs of memory."""
    program, names = plan.program, value_names(plan.program)
    blocks = [
        Block(names[number], type_, start, _bytes([type_]))
        for number, start in sorted(memory.offsets.items(), key=lambda item: item[1])
        if (type_ := program.type_at(number)).parts is None
    ]
    return MemoryReport(
        _bytes(program.inputs),
        _bytes(program.output_types),
        _bytes(map(program.type_at, memory.constants)),
        memory.size,
        tuple(blocks),
    )


def _bytes(types: Iterable[ArrayType]) -> int:
    return sum(math.prod(type_.shape) * type_.dtype.itemsize for type_ in types)
