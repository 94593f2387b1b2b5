"""Where values lie, in the function of a program."""

from __future__ import annotations

import math
from typing import Final, TypeAlias, final

from llvmlite import ir

from pullback.compiler.interface import ARENA
from pullback.compiler.kernels import Plan
from pullback.compiler.llvm.scalars import BYTE, INDEX, POINTER, stored
from pullback.compiler.llvm.symbols import declare
from pullback.compiler.llvm.vectors import moved
from pullback.compiler.memory import Memory
from pullback.types import ArrayType

STATUS: Final = ir.IntType(32)
#: Whether the root has a pointer, its entry there or in the table, and how many bytes behind it.
Place: TypeAlias = tuple[bool, int, int]


@final
class Places:
    """The two tables of a program's function; each entry is read once."""

    def __init__(
        self,
        builder: ir.IRBuilder,
        root: ir.Value,
        table: ir.Value,
        plan: Plan,
        memory: Memory,
    ) -> None:
        self.builder, self.root, self.table = builder, root, table
        self.plan, self.memory = plan, memory
        self.start = builder.block
        self.known: dict[tuple[bool, int], ir.Value] = {}

    def entry(self, table: ir.Value, number: int) -> ir.Value:
        """Return an entry of a table, read where the function begins."""
        key = table is self.root, number
        found = self.known.get(key)
        if found is None:
            with self.builder.goto_block(self.start):
                place = self.builder.gep(table, [ir.Constant(INDEX, number)], source_etype=POINTER)
                found = self.known[key] = self.builder.load(place, typ=POINTER)
        return found

    def pointer(self, number: int) -> ir.Value:
        """Return where a value lies."""
        slot = self.memory.slots.get(number)
        if slot is not None:
            return self.entry(self.table, slot)
        slot = self.memory.constants.get(number)
        if slot is not None:
            return self.entry(self.root, slot)
        if number in self.plan.views:
            root, start = self.plan.views[number]
            kind = stored(self.plan.program.type_at(number).dtype)
            return moved(self.builder, self.pointer(root), kind, start)
        return self.in_arena(self.memory.offsets[number])

    def located(self, number: int) -> Place:
        """Return where the function of a kernel finds a value."""
        memory = self.memory
        if number in memory.slots:
            return False, memory.slots[number], 0
        if number in memory.constants:
            return True, memory.constants[number], 0
        if number in self.plan.views:
            root, start = self.plan.views[number]
            whose, entry, shift = self.located(root)
            return whose, entry, shift + start * self.plan.program.type_at(number).dtype.itemsize
        return False, ARENA, memory.offsets[number]

    def in_arena(self, offset: int) -> ir.Value:
        """Return a place in the arena."""
        arena = self.entry(self.table, ARENA)
        return self.builder.gep(arena, [ir.Constant(INDEX, offset)], source_etype=BYTE)

    def check(self, status: ir.Value) -> None:
        """Append the end of the function where a call failed.

        before -> (stop | after)
        """
        b = self.builder
        stop, after = (b.function.append_basic_block(name) for name in ("stop", "after"))
        b.cbranch(b.icmp_signed("==", status, ir.Constant(STATUS, 0)), after, stop)
        b.position_at_end(stop)
        b.ret(status)
        b.position_at_end(after)


def copy(builder: ir.IRBuilder, target: ir.Value, source: ir.Value, type_: ArrayType) -> None:
    """Append the copy of a value to a place that does not overlap with its own."""
    size = math.prod(type_.shape) * type_.dtype.itemsize
    flag = ir.IntType(1)
    signature = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, INDEX, flag])
    function = declare(builder.module, "llvm.memcpy.p0.p0.i64", signature)
    builder.call(function, [target, source, ir.Constant(INDEX, size), ir.Constant(flag, 0)])
