"""A compiled program: from values to values by native code."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import final

from attrs import field, frozen

from pullback.compiler.contractions import is_small
from pullback.compiler.frame import Frame
from pullback.compiler.host import HostCall, UnfitError, host_calls
from pullback.compiler.kernels import Plan, plan_kernels
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm import link, scalars
from pullback.compiler.llvm.emit import emit_module
from pullback.compiler.llvm.symbols import define_blas, define_host
from pullback.compiler.memory import Memory, plan_memory
from pullback.compiler.passes.share import share
from pullback.compiler.passes.simplify import simplify
from pullback.core.program import Program
from pullback.errors import ProgramError
from pullback.primitives.contraction import Contract
from pullback.primitives.quantity import Value


@final
@frozen(eq=False)
class Executable:
    """Native code of a program. Any number of threads may run it at once."""

    program: Program
    #: The program after each pass, with the pass's name.
    passes: tuple[tuple[str, Program], ...] = field(repr=False)
    plan: Plan = field(repr=False)
    memory: Memory = field(repr=False)
    #: The machine code, for a later process on this machine: `compile_program` takes it.
    object_code: bytes = field(repr=False)
    #: The code in LLVM's IR before and after its passes; empty where object code was given.
    llvm_ir: str = field(repr=False)
    optimised_llvm_ir: str = field(repr=False)
    #: Seconds for each stage.
    times: dict[str, float] = field(repr=False)
    _linked: link.Linked = field(repr=False)
    _calls: tuple[HostCall, ...] = field(repr=False)
    _frames: list[Frame] = field(factory=list, init=False, repr=False)

    def run(self, values: Sequence[Value]) -> list[Value]:
        """Compute the outputs from values of the inputs' types.

        Args:
            values: As `Program.evaluate` takes them: Python numbers, NumPy scalars, ndarrays.

        Returns:
            The outputs, which share no memory with arguments, constants or each other.

        Raises:
            ProgramError: There are more or fewer values than inputs, or one of another shape.
        """
        program = self.plan.program
        if len(values) != len(program.inputs):
            msg = f"a compiled program: {len(values)} values for {len(program.inputs)} inputs"
            raise ProgramError(msg)
        try:
            frame = self._frames.pop()
        except IndexError:
            frame = Frame(program, self.memory, self._calls)
        try:
            held = frame.enter(values)
            status = self._linked.call(frame.address)
            del held
            if status:
                assert frame.error is not None, "a call that fails keeps its error"
                raise frame.error
            return self._results(frame, values)
        except UnfitError:  # a Python integer beyond 64 bits: Python's arithmetic has no end
            return [_fresh(value) for value in self.program.evaluate(values)]
        finally:
            frame.leave()
            self._frames.append(frame)

    def _results(self, frame: Frame, values: Sequence[Value]) -> list[Value]:
        seen: set[int] = set()
        results: list[Value] = []
        for number in self.plan.program.outputs:
            value = frame.result(number, values)
            results.append(_fresh(value) if number in seen else value)
            seen.add(number)
        return results

    @property
    def assembly(self) -> str:
        """The machine code as text; empty where object code was given."""
        return link.assembly(self.optimised_llvm_ir) if self.optimised_llvm_ir else ""


def _fresh(value: Value) -> Value:
    return value.copy() if hasattr(value, "copy") else value


def compile_program(program: Program, object_code: bytes | None = None) -> Executable:
    """Compile a program to native code.

    Every program compiles: what has no native rule, NumPy computes between kernels.

    Args:
        program: What to compute.
        object_code: That of an equal program, compiled by this version on this machine; it saves
            all but the planning.

    Returns:
        The native code.
    """
    times: dict[str, float] = {}
    start = time.perf_counter()
    passes = [("traced", program)]
    for rewrite in (simplify, share):
        passes.append((rewrite.__name__, rewrite(passes[-1][1])))
    times["rewrite"] = time.perf_counter() - start
    start = time.perf_counter()
    plan = plan_kernels(passes[-1][1], scalars.is_native)
    memory = plan_memory(plan)
    calls = host_calls(plan, memory)
    times["plan"] = time.perf_counter() - start
    text = optimised = ""
    if object_code is None:
        start = time.perf_counter()
        module = emit_module(plan, memory)
        text = str(module)
        times["emit"] = time.perf_counter() - start
        parsed = link.optimise(text, times)
        object_code = link.object_code(parsed, times)
        optimised = str(parsed)
    if calls:
        define_host()
    if _calls_blas(plan):
        define_blas()
    linked = link.load(object_code, times)
    return Executable(
        program, tuple(passes), plan, memory, object_code, text, optimised, times, linked, calls
    )


def _calls_blas(plan: Plan) -> bool:
    """Return whether a product is large."""
    for kernel in plan.kernels:
        if kernel.kind is Kind.PRODUCT:
            primitive, operands = plan.program.steps[kernel.values[0] - plan.first]
            shapes = [plan.program.type_at(operand).shape for operand in operands]
            if isinstance(primitive, Contract) and not is_small(primitive, shapes[0], shapes[1]):
                return True
    return False
