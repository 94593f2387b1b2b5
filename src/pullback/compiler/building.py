"""How native code of a program comes about: passes, planning, emission, LLVM."""

from __future__ import annotations

import time
from functools import partial
from typing import Final, final

from attrs import frozen

from pullback.compiler.control import everywhere
from pullback.compiler.givable import donation
from pullback.compiler.host import Cell, HostCall, Known, Operand
from pullback.compiler.interface import ARENA, INPUTS
from pullback.compiler.kernels import Plan, plan_kernels
from pullback.compiler.kinds import Kind
from pullback.compiler.library import LIBRARY
from pullback.compiler.llvm import link, scalars
from pullback.compiler.llvm.emit import emit_module
from pullback.compiler.llvm.library import Module, text
from pullback.compiler.memory import Memory, plan_memory
from pullback.compiler.native import Native
from pullback.compiler.objects import joined
from pullback.compiler.passes.expand import expand
from pullback.compiler.passes.inline import inline
from pullback.compiler.passes.layout import layout
from pullback.compiler.passes.share import share
from pullback.compiler.passes.simplify import simplify
from pullback.compiler.passes.split import split
from pullback.compiler.passes.uniform import uniform
from pullback.compiler.straight import Pieces
from pullback.compiler.threads import calls_threads
from pullback.core.collector import paused
from pullback.core.program import Program
from pullback.primitives.quantity import Value

_PASSES: Final = (inline, expand, split, uniform, simplify, share, layout)


@final
@frozen(eq=False, repr=False)
class Building:
    """What each stage made of a program."""

    #: The program after each pass, with the pass's name.
    passes: tuple[tuple[str, Program], ...]
    plan: Plan
    memory: Memory
    #: The code in LLVM's IR: what is written as it is to be, and loops, or nothing.
    texts: tuple[str, str]
    native: Native
    #: Seconds for each stage.
    times: dict[str, float]

    @property
    def llvm_ir(self) -> str:
        """The code in LLVM's IR before its passes."""
        return "\n".join(self.texts)

    @property
    def optimised_llvm_ir(self) -> str:
        """The code in LLVM's IR after its passes."""
        return link.optimised(*self.texts)


@paused()
def build(program: Program) -> Building:
    """Compile a program to native code.

    Every program compiles: what has no native rule, NumPy computes between kernels.
    """
    times: dict[str, float] = {}
    start = time.perf_counter()
    passes = [("traced", program)]
    for rewrite in _PASSES:
        passes.append((rewrite.__name__, everywhere(rewrite)(passes[-1][1])))
    times["rewrite"] = time.perf_counter() - start
    start = time.perf_counter()
    plan = plan_kernels(passes[-1][1], scalars.is_native)
    memory = plan_memory(plan)
    times["plan"] = time.perf_counter() - start
    start = time.perf_counter()
    module, loops = emit_module(plan, memory)
    texts = str(module), str(loops) if loops.globals else ""
    times["emit"] = time.perf_counter() - start
    start = time.perf_counter()
    level = 0 if any(isinstance(kernel.pieces, Pieces) for kernel in plan.kernels) else 1
    files = [LIBRARY.file(name, partial(_borrowed, module, name)) for name in module.borrowed]
    native = _native(plan, memory, joined([*files, *link.object_files(*texts, level)]))
    times["generate"] = time.perf_counter() - start
    return Building(tuple(passes), plan, memory, texts, native, times)


def _borrowed(module: Module, name: str) -> bytes:
    """Return the machine code of a function that the library does not have."""
    (file,) = link.object_files(text(module, name), level=2)
    return file


def assembly(building: Building) -> str:
    """Return the machine code as text."""
    return link.assembly(building.optimised_llvm_ir)


def _native(plan: Plan, memory: Memory, object_code: bytes) -> Native:
    """Return what a run needs of a plan."""
    program = plan.program
    inputs = len(program.inputs)
    written = tuple([
        program.type_at(number) if memory.slots.get(number) == entry else None
        for entry, number in enumerate(program.outputs, INPUTS + inputs)
    ])  # fmt: skip
    return Native(
        object_code,
        memory.size,
        _root(plan, memory),
        program.outputs,
        written,
        {n: program.constants[n - inputs] for n in program.outputs if inputs <= n < plan.first},
        host_calls(plan, memory),
        calls_threads(plan),
        donation(plan),
    )


def _root(plan: Plan, memory: Memory) -> dict[int, Value]:
    """Return the constants that native code reads, by their entries in the root."""
    constants, inputs = plan.program.constants, len(plan.program.inputs)
    found = {entry: constants[number - inputs] for number, entry in memory.constants.items()}
    for step, plans in plan.calls.items():
        for each, inner in zip(plans, memory.called[step][0], strict=True):
            found |= _root(each, inner)
    return found


def host_calls(plan: Plan, memory: Memory) -> tuple[HostCall, ...]:
    """Return the calls of a plan and of the plans that it calls, in the order of the code."""
    program = plan.program
    ends: dict[int, tuple[int, ...]] = {}
    needed = set(program.outputs)
    for kernel in reversed(plan.kernels):
        if kernel.kind is Kind.HOST:
            number = kernel.values[0]
            operands = dict.fromkeys(program.steps[number - plan.first][1])
            ends[number] = tuple([each for each in operands if each not in needed])
            needed.update(operands)
    objects = set() if plan.called else {*range(len(program.inputs)), *ends}
    calls: list[HostCall] = []
    for kernel in plan.kernels:
        out = kernel.values[0]
        if kernel.kind is Kind.CONTROL:
            for each, inner in zip(plan.calls[out], memory.called[out][0], strict=True):
                calls += host_calls(each, inner)
        elif kernel.kind is Kind.HOST:
            primitive, numbers = program.steps[out - plan.first]
            found = tuple([_operand(plan, memory, number, objects) for number in numbers])
            stored = out in memory.offsets or out in memory.slots
            cell = _cell(plan, memory, out) if stored else None
            result = out if out in objects else None
            calls.append(HostCall(primitive, found, program.type_at(out), result, cell, ends[out]))
    return tuple(calls)


def _operand(plan: Plan, memory: Memory, number: int, objects: set[int]) -> Operand:
    """Return where a host call finds a value."""
    inputs = len(plan.program.inputs)
    if inputs <= number < plan.first:
        return Known(plan.program.constants[number - inputs])
    return number if number in objects else _cell(plan, memory, number)


def _cell(plan: Plan, memory: Memory, number: int) -> Cell:
    """Return the memory of a value."""
    entry, offset = memory.slots.get(number), 0
    if entry is None:
        entry, offset = ARENA, memory.offsets[number]
    return Cell(entry, offset, plan.program.type_at(number))
