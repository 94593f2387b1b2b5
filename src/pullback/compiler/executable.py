"""A compiled program: from values to values by native code."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, final

import numpy as np
from attrs import field, frozen
from numpy import empty

from pullback.compiler.collector import paused
from pullback.compiler.control import everywhere
from pullback.compiler.donation import taken
from pullback.compiler.frame import Frame, Ground, fitting
from pullback.compiler.host import UnfitError, host_calls
from pullback.compiler.kernels import Plan, plan_kernels
from pullback.compiler.llvm import link, scalars
from pullback.compiler.llvm.emit import emit_module
from pullback.compiler.llvm.pool import define_parallel
from pullback.compiler.llvm.symbols import define_host
from pullback.compiler.memory import INPUTS, Memory, plan_memory
from pullback.compiler.passes.expand import expand
from pullback.compiler.passes.inline import inline
from pullback.compiler.passes.share import share
from pullback.compiler.passes.simplify import simplify
from pullback.compiler.threads import calls_threads
from pullback.core.program import Program
from pullback.errors import ProgramError
from pullback.primitives.quantity import Value

_PASSES: Final = (inline, expand, simplify, share)
#: Memory of this many bytes is kept for later runs in any number; of more once.
_SMALL: Final = 1 << 20
_NOWHERE: Final = (0,), np.dtype(np.uint8)


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
    _ground: Ground = field(repr=False)
    #: Shape and dtype of the array to which native code writes each output.
    _places: tuple[tuple[tuple[int, ...], np.dtype], ...] = field(init=False, repr=False)
    #: The outputs that are no such arrays: index, number, and whether it is a Python number; None
    #: for what native code does not write.
    _others: tuple[tuple[int, int, bool | None], ...] = field(init=False, repr=False)
    _frames: list[Frame] = field(factory=list, init=False, repr=False)
    #: For the donated arguments of earlier runs: which result can lie in which of them.
    _donations: dict[tuple[int, ...], tuple[tuple[int, int], ...]] = field(
        factory=dict, init=False, repr=False
    )

    @_places.default
    def _find_places(self) -> tuple[tuple[tuple[int, ...], np.dtype], ...]:
        program, slots = self.plan.program, self.memory.slots
        return tuple([
            (type_.shape, type_.dtype) if slots.get(number) == entry else _NOWHERE
            for entry, (number, type_) in enumerate(
                zip(program.outputs, program.output_types, strict=True),
                INPUTS + len(program.inputs),
            )
        ])  # fmt: skip

    @_others.default
    def _find_others(self) -> tuple[tuple[int, int, bool | None], ...]:
        pairs = enumerate(zip(self.plan.program.outputs, self._places, strict=True))
        types = self.plan.program.output_types
        return tuple([
            (index, number, None if place is _NOWHERE else types[index].weak)
            for index, (number, place) in pairs
            if place is _NOWHERE or not place[0]
        ])  # fmt: skip

    def run(self, values: Sequence[Value], donated: tuple[int, ...] = ()) -> list[Value]:
        """Compute the outputs from values of the inputs' types.

        Args:
            values: As `Program.evaluate` takes them: Python numbers, NumPy scalars, ndarrays. A
                list must not change meanwhile.
            donated: Which of them are arrays in whose memory results may lie.

        Returns:
            The outputs, which share no memory with other arguments, constants or each other.

        Raises:
            ProgramError: There are more or fewer values than inputs, or one of another shape.
        """
        given = values
        if values.__class__ is not list or self._ground.integers:  # as native code reads it
            values = self._ground.boxed(values)
        try:
            frame = self._frames.pop()
        except IndexError:
            frame = Frame(self._ground)
        outs: list[Value] = [empty(shape, dtype) for shape, dtype in self._places]
        try:
            if len(values) != self._ground.inputs:
                msg = f"a compiled program: {len(values)} values for {self._ground.inputs} inputs"
                raise ProgramError(msg)
            if donated:
                self._take(values, donated, outs)
            if frame.calls:
                frame.objects.update(enumerate(given))
            status = self._linked.call(frame.address, values, outs)
            if status:
                self._retry(status, values, outs, frame)
            return self._results(given, outs, frame) if self._others else outs
        except UnfitError:  # a Python integer beyond 64 bits: Python's arithmetic has no end
            return [_copied(value) for value in self.program.evaluate(given)]
        finally:
            frame.objects.clear()
            if not self._frames or len(frame.arena) < _SMALL:
                self._frames.append(frame)

    def _take(self, values: Sequence[Value], donated: tuple[int, ...], outs: list[Value]) -> None:
        """Put donated arrays in the places of results, where they fit."""
        pairs = self._donations.get(donated)
        if pairs is None:
            outputs = self.plan.program.outputs
            found = taken(self.plan, donated)
            pairs = tuple([(outputs.index(out), number) for out, number in found.items()])
            self._donations[donated] = pairs
        for index, number in pairs:
            value, out = values[number], outs[index]
            if value.__class__ is np.ndarray and value.dtype == out.dtype:
                flags = value.flags
                if value.shape == out.shape and flags.carray and flags.owndata:
                    outs[index] = value

    def _retry(self, status: int, values: Sequence[Value], outs: list[Value], frame: Frame) -> None:
        """Run again where native code could not read an argument; or raise what NumPy did."""
        if status == link.REFUSED:
            raise UnfitError
        if status == link.UNFIT:
            fitted = fitting(self.plan.program, values)
            status = self._linked.call(frame.address, fitted, outs)
        if status:
            assert frame.error is not None, "a call that fails keeps its error"
            error, frame.error = frame.error, None
            raise error

    def _results(self, values: Sequence[Value], outs: list[Value], frame: Frame) -> list[Value]:
        """Return the outputs as values of their types, each in memory of its own."""
        for index, number, weak in self._others:
            if weak is not None:
                outs[index] = outs[index].item() if weak else outs[index][()]
            elif number < len(values):
                outs[index] = _copied(values[number])
            elif number < self.plan.first:
                outs[index] = _copied(self.plan.program.constants[number - len(values)])
            elif number in frame.objects:
                outs[index] = _copied(frame.objects[number])
            else:  # given before
                outs[index] = _copied(outs[self.plan.program.outputs.index(number)])
        return outs

    @property
    def assembly(self) -> str:
        """The machine code as text; empty where object code was given."""
        return link.assembly(self.optimised_llvm_ir) if self.optimised_llvm_ir else ""


def _copied(value: Value) -> Value:
    return value.copy() if value.__class__ is np.ndarray else value


@paused()
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
    for rewrite in _PASSES:
        passes.append((rewrite.__name__, everywhere(rewrite)(passes[-1][1])))
    times["rewrite"] = time.perf_counter() - start
    start = time.perf_counter()
    plan = plan_kernels(passes[-1][1], scalars.is_native)
    memory = plan_memory(plan)
    calls = host_calls(plan, memory)
    times["plan"] = time.perf_counter() - start
    text = optimised = ""
    if object_code is None:
        start = time.perf_counter()
        module, loops = emit_module(plan, memory)
        texts = str(module), str(loops) if loops.globals else ""
        text = "\n".join(texts)
        times["emit"] = time.perf_counter() - start
        parsed = link.optimise(*texts, times)
        quick = any(kernel.pieces is not None for kernel in plan.kernels)
        object_code = link.object_code(parsed, times, quick=quick)
        optimised = str(parsed) if texts[1] else text
    if calls:
        define_host()
    if calls_threads(plan):
        define_parallel()
    linked = link.load(object_code, times)
    ground = Ground(plan, memory, calls)
    return Executable(
        program, tuple(passes), plan, memory, object_code, text, optimised, times, linked, ground
    )
