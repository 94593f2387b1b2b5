"""A plan as a module of LLVM's IR: a function for each kernel, and one that calls them in order.

run(table):  k0(...); k1(...); if call_host(frame, 0) != 0 return 1; k2(...); ...; return 0
"""

from __future__ import annotations

import math
from typing import final

from llvmlite import ir

from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm.folds import emit_fold
from pullback.compiler.llvm.loops import Code, emit_join, emit_map
from pullback.compiler.llvm.products import emit_product
from pullback.compiler.llvm.scalars import BYTE, INDEX, POINTER
from pullback.compiler.llvm.symbols import CALL_HOST, declare
from pullback.compiler.memory import ARENA, FRAME, Memory

_STATUS = ir.IntType(32)


def emit_module(plan: Plan, memory: Memory) -> ir.Module:
    """Return the code of a plan."""
    module = ir.Module("pullback")
    run = ir.Function(module, ir.FunctionType(_STATUS, [POINTER]), "run")
    builder = ir.IRBuilder(run.append_basic_block("entry"))
    table = _Table(builder, run.args[0], memory)
    frame = table.entry(FRAME)
    calls = 0
    for kernel in plan.kernels:
        if kernel.kind is Kind.HOST:
            _call_host(builder, frame, calls)
            calls += 1
        elif not _is_empty(plan, kernel):
            numbers = [*kernel.writes, *kernel.reads]
            function = _emit_kernel(plan, kernel, module, f"kernel{kernel.values[0]}")
            builder.call(function, [table.pointer(number) for number in numbers])
    builder.ret(ir.Constant(_STATUS, 0))
    return module


def _is_empty(plan: Plan, kernel: Kernel) -> bool:
    """Return whether a kernel writes no element."""
    return all(math.prod(plan.program.type_at(n).shape) == 0 for n in kernel.writes)


def _emit_kernel(plan: Plan, kernel: Kernel, module: ir.Module, name: str) -> ir.Function:
    """Return the function of a kernel, which is given the places of what it writes and reads."""
    numbers = [*kernel.writes, *kernel.reads]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER] * len(numbers)), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    for argument in function.args:
        argument.add_attribute("noalias")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    pointers: dict[int, ir.Value] = dict(zip(numbers, function.args, strict=True))
    code = Code(plan, builder, pointers, frozenset(kernel.reads))
    match kernel.kind:
        case Kind.FOLD:
            emit_fold(code, kernel)
        case Kind.PRODUCT:
            emit_product(code, kernel)
        case Kind.JOIN:
            emit_join(code, kernel)
        case _:
            emit_map(code, kernel)
    builder.ret_void()
    return function


def _call_host(builder: ir.IRBuilder, frame: ir.Value, number: int) -> None:
    """Append a call of the host; where it fails, the run ends.

    before -> call -> (stop | after)
    """
    signature = ir.FunctionType(_STATUS, [POINTER, _STATUS])
    function = declare(builder.module, CALL_HOST, signature)
    status = builder.call(function, [frame, ir.Constant(_STATUS, number)])
    stop = builder.function.append_basic_block("stop")
    after = builder.function.append_basic_block("after")
    well = builder.icmp_signed("==", status, ir.Constant(_STATUS, 0))
    builder.cbranch(well, after, stop)
    builder.position_at_end(stop)
    builder.ret(status)
    builder.position_at_end(after)


@final
class _Table:
    """The places of values in the function that calls the kernels; each entry is read once."""

    def __init__(self, builder: ir.IRBuilder, table: ir.Value, memory: Memory) -> None:
        self.builder, self.table, self.memory = builder, table, memory
        self.read: dict[int, ir.Value] = {}
        self.arena = self.entry(ARENA)
        for slot in memory.slots.values():
            self.entry(slot)

    def entry(self, slot: int) -> ir.Value:
        found = self.read.get(slot)
        if found is None:
            place = self.builder.gep(self.table, [ir.Constant(INDEX, slot)], source_etype=POINTER)
            found = self.read[slot] = self.builder.load(place, typ=POINTER)
        return found

    def pointer(self, number: int) -> ir.Value:
        slot = self.memory.slots.get(number)
        if slot is not None:
            return self.entry(slot)
        offset = ir.Constant(INDEX, self.memory.offsets[number])
        return self.builder.gep(self.arena, [offset], source_etype=BYTE)
