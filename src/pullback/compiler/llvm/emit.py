"""A plan as a module of LLVM's IR: a function for each program and kernel, and the way in.

run(root, inputs, outputs):  checks the inputs, writes pointers to a table, calls the program
program(root, table):        k0(...); k1(...); if call_host(...) != 0 return 1; ...; return 0
"""

from __future__ import annotations

import math
from itertools import count
from typing import final

from attrs import evolve
from llvmlite import ir

from pullback.compiler.interface import CALL_HOST, FRAME, INPUTS
from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.compiler.likeness import likeness
from pullback.compiler.llvm.control import emit_control
from pullback.compiler.llvm.convolutions import emit_convolution
from pullback.compiler.llvm.cumulatives import emit_cumulative
from pullback.compiler.llvm.entry import emit_entry
from pullback.compiler.llvm.folds import emit_fold
from pullback.compiler.llvm.gathers import Checks
from pullback.compiler.llvm.guards import has_rare_arguments, run_guarded
from pullback.compiler.llvm.lanewise import needs_passes, plan_loops
from pullback.compiler.llvm.library import Module
from pullback.compiler.llvm.loops import Code, emit_join, emit_map
from pullback.compiler.llvm.nests import Loops
from pullback.compiler.llvm.places import STATUS, Places, copy
from pullback.compiler.llvm.pooling import emit_pooling
from pullback.compiler.llvm.products import emit_product
from pullback.compiler.llvm.rows import emit_rows
from pullback.compiler.llvm.scalars import INDEX, POINTER, stored
from pullback.compiler.llvm.scatters import emit_scatter
from pullback.compiler.llvm.straight import emit_straight
from pullback.compiler.llvm.symbols import declare
from pullback.compiler.llvm.tape import emit_tape
from pullback.compiler.llvm.threads import Part, call_parts
from pullback.compiler.llvm.vectors import moved
from pullback.compiler.memory import Memory
from pullback.compiler.tape import Tape
from pullback.compiler.threads import parts


def emit_module(plan: Plan, memory: Memory) -> tuple[Module, ir.Module]:
    """Return the code of a plan, and apart from it the loops that LLVM's passes are for.

    The rest is written as it is to be, in vectors and without what could be left out.
    """
    module = Module("pullback")
    writer = _Writer(module)
    program = writer.program(plan, memory, "program")
    emit_entry(module, program, len(plan.program.inputs), len(plan.program.outputs))
    return module, writer.loops


@final
class _Writer:
    """Writes functions of one module; numbers host calls and programs in the order of writing."""

    def __init__(self, module: Module) -> None:
        self.module = module
        #: What LLVM's passes are for: loops over elements.
        self.loops = ir.Module("loops")
        self.host_calls = count()
        self.programs = count(1)
        self.kernels: dict[tuple[object, int], ir.Function] = {}

    def program(self, plan: Plan, memory: Memory, name: str) -> ir.Function:
        """Return the function of a program."""
        signature = ir.FunctionType(STATUS, [POINTER, POINTER])
        function = ir.Function(self.module, signature, name)
        function.linkage = "internal"
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        root, table = function.args
        places = Places(builder, root, table, plan, memory)
        checks = Checks(plan)
        for kernel in plan.kernels:
            match kernel.kind:
                case Kind.HOST:
                    self._call_host(places)
                case Kind.CONTROL:
                    self._call_programs(places, kernel)
                case Kind.STRAIGHT:
                    self._call_straight(places, kernel, f"{name}_kernel{kernel.values[0]}")
                case _ if not _is_empty(plan, kernel):
                    checks.before(kernel, places)
                    numbers = [*kernel.writes, *kernel.reads]
                    kernel_name = f"{name}_kernel{kernel.values[0]}"
                    count = parts(plan, kernel)
                    callee = self._kernel(plan, kernel, kernel_name, count)
                    pointers = [places.pointer(number) for number in numbers]
                    if count > 1:
                        call_parts(builder, callee, pointers, count)
                    else:
                        builder.call(callee, pointers)
                case _:
                    checks.before(kernel, places)
        if plan.called:
            _copy_outputs(places)
        builder.ret(ir.Constant(STATUS, 0))
        return function

    def _kernel(self, plan: Plan, kernel: Kernel, name: str, count: int) -> ir.Function:
        """Return the function of a kernel; kernels of the same code share one."""
        key = likeness(plan, kernel)
        known = None if key is None else self.kernels.get((key, count))
        if known is None:
            loops = plan_loops(plan, kernel)
            apart = needs_passes(plan, kernel, loops)
            known = _function(self.loops if apart else self.module, kernel, name, count)
            _emit_kernel(plan, kernel, known, count, loops)
            if apart:
                known.linkage = ""
                known = ir.Function(self.module, known.ftype, name)
            self.kernels[key, count] = known
        return known

    def _call_host(self, places: Places) -> None:
        """Append a call of the host; where it fails, the run ends."""
        signature = ir.FunctionType(STATUS, [POINTER, STATUS, POINTER])
        function = declare(self.module, CALL_HOST, signature)
        number = ir.Constant(STATUS, next(self.host_calls))
        frame = places.entry(places.root, FRAME)
        places.check(places.builder.call(function, [frame, number, places.table]))

    def _call_straight(self, places: Places, kernel: Kernel, name: str) -> None:
        """Append straight-line code; what is in pieces has scratch memory."""
        if isinstance(kernel.pieces, Tape):
            functions = [emit_tape(places, kernel, self.loops, name)]
        else:
            functions = emit_straight(places, kernel, self.module, name)
        for callee, arguments in functions:
            places.builder.call(callee, arguments)

    def _call_programs(self, places: Places, kernel: Kernel) -> None:
        """Append a step of control flow, after the functions of the programs that it calls."""
        step = kernel.values[0]
        memories, layout = places.memory.called[step]
        functions = [
            self.program(plan, memory, f"program{next(self.programs)}")
            for plan, memory in zip(places.plan.calls[step], memories, strict=True)
        ]
        emit_control(places, kernel, functions, layout)


def _is_empty(plan: Plan, kernel: Kernel) -> bool:
    """Return whether a kernel writes no element."""
    return all(math.prod(plan.program.type_at(n).shape) == 0 for n in kernel.writes)


def _function(module: ir.Module, kernel: Kernel, name: str, count: int) -> ir.Function:
    """Return the function of a kernel, which is given the places of what it writes and reads.

    If it is cut in parts, it takes the number of one, too.
    """
    places = len(kernel.writes) + len(kernel.reads)
    arguments = [POINTER] * places + [INDEX] * (count > 1)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    for argument in function.args[:places]:
        argument.add_attribute("noalias")
    return function


def _emit_kernel(
    plan: Plan, kernel: Kernel, function: ir.Function, count: int, loops: Loops
) -> None:
    """Append the code of a kernel."""
    numbers = [*kernel.writes, *kernel.reads]
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    pointers: dict[int, ir.Value] = dict(zip(numbers, function.args, strict=False))
    for number in kernel.values:
        for operand in plan.program.steps[number - plan.first][1]:
            root, start = plan.views.get(operand, (operand, 0))
            if operand not in pointers and root in pointers:
                kind = stored(plan.program.type_at(operand).dtype)
                pointers[operand] = moved(builder, pointers[root], kind, start)
    part = Part(function.args[-1], count) if count > 1 else None
    code = Code(plan, builder, pointers, frozenset(kernel.reads), part, loops)
    if has_rare_arguments(plan, kernel):
        run_guarded(builder, lambda met: _emit_loops(evolve(code, met=met), kernel))
    else:
        _emit_loops(code, kernel)
    builder.ret_void()


def _emit_loops(code: Code, kernel: Kernel) -> None:
    """Append the loops of a kernel."""
    match kernel.kind:
        case Kind.FOLD:
            emit_fold(code, kernel)
        case Kind.PRODUCT:
            emit_product(code, kernel)
        case Kind.CONVOLUTION:
            emit_convolution(code, kernel)
        case Kind.POOLING:
            emit_pooling(code, kernel)
        case Kind.JOIN:
            emit_join(code, kernel)
        case Kind.CUMULATIVE:
            emit_cumulative(code, kernel)
        case Kind.SCATTER:
            emit_scatter(code, kernel)
        case Kind.ROWS:
            emit_rows(code, kernel)
        case _:
            emit_map(code, kernel)


def _copy_outputs(places: Places) -> None:
    """Append copies of the outputs that lie elsewhere: inputs, constants, and what is given twice.

    What is copied may be what the caller overwrites next, so all outputs have places of their own.
    """
    program = places.plan.program
    for entry, number in enumerate(program.outputs, INPUTS + len(program.inputs)):
        if places.memory.slots.get(number) != entry:
            target = places.entry(places.table, entry)
            copy(places.builder, target, places.pointer(number), program.type_at(number))
