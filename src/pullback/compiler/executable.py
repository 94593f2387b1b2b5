"""A compiled program: from values to values by native code."""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Callable, Sequence
from itertools import starmap
from typing import TYPE_CHECKING, Final, TypeAlias, final

import numpy as np
from attrs import field, frozen

from pullback.compiler import kept
from pullback.compiler.blocks import BLOCKS, LARGE, owns
from pullback.compiler.frame import HOST_CALLBACK, Frame, Ground, fitting, usual
from pullback.compiler.interface import CALL_HOST, PARALLEL, REFUSED, RUN, UNFIT, UnfitError
from pullback.compiler.loading import Loaded, load
from pullback.compiler.native import Native
from pullback.core.program import Program
from pullback.errors import ProgramError
from pullback.lazy import lazy
from pullback.primitives.quantity import Value

if TYPE_CHECKING:
    from pullback.compiler import building, pool
    from pullback.compiler.building import Building
    from pullback.compiler.kernels import Plan
    from pullback.compiler.memory import Memory
else:
    building = lazy("pullback.compiler.building")
    pool = lazy("pullback.compiler.pool")

#: A compiled run: takes the root's address, the arguments and arrays for the results; returns 0, or
#: 1 where a host call failed, or `UNFIT` where an argument is not as described.
Run: TypeAlias = Callable[[int, Sequence[Value], list[Value]], int]

_RUN: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
#: Memory of this many bytes is kept for later runs in any number; of more once.
_SMALL: Final = 1 << 20
_NOWHERE: Final = (0,), np.dtype(np.uint8)


@final
@frozen(eq=False)
class Executable:
    """Native code of a program. Any number of threads may run it at once."""

    program: Program
    native: Native = field(repr=False)
    #: Seconds for each stage.
    times: dict[str, float] = field(repr=False)
    #: The code in memory, which lives as long as this does, and its way in.
    _loaded: Loaded = field(repr=False)
    _call: Run = field(repr=False)
    _ground: Ground = field(repr=False)
    #: How the native code was made; of what a store had, it is found out when somebody asks.
    _buildings: list[Building] = field(repr=False)
    #: Shape and dtype of the array to which native code writes each output.
    _places: tuple[tuple[tuple[int, ...], np.dtype], ...] = field(init=False, repr=False)
    #: What makes these arrays.
    _empty: Callable[[tuple[int, ...], np.dtype], np.ndarray] = field(init=False, repr=False)
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
        return tuple([
            (type_.shape, usual(type_.dtype)) if type_ is not None else _NOWHERE
            for type_ in self.native.written
        ])  # fmt: skip

    @_empty.default
    def _find_empty(self) -> Callable[[tuple[int, ...], np.dtype], np.ndarray]:
        sizes = [math.prod(shape) * dtype.itemsize for shape, dtype in self._places]
        return BLOCKS.empty if max(sizes, default=0) >= LARGE else np.empty

    @_others.default
    def _find_others(self) -> tuple[tuple[int, int, bool | None], ...]:
        pairs = enumerate(zip(self.native.outputs, self.native.written, strict=True))
        return tuple([
            (index, number, None if type_ is None else type_.weak)
            for index, (number, type_) in pairs
            if (type_ is None or not type_.shape) and not self._in_row(index)
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
        outs = self._outs(frame)
        try:
            if len(values) != self._ground.inputs:
                msg = f"a compiled program: {len(values)} values for {self._ground.inputs} inputs"
                raise ProgramError(msg)
            if donated:
                self._take(values, donated, outs)
            if frame.calls:
                frame.objects.update(enumerate(given))
            status = self._call(frame.address, values, outs)
            if status:
                self._retry(status, values, outs, frame)
            if self._ground.row is not None:
                outs[self._ground.row] = frame.taken()
            return self._results(given, outs, frame) if self._others else outs
        except UnfitError:  # a Python integer beyond 64 bits: Python's arithmetic has no end
            return [_copied(value) for value in self.program.evaluate(given)]
        finally:
            frame.objects.clear()
            if not self._frames or len(frame.arena) < _SMALL:
                self._frames.append(frame)

    def _in_row(self, index: int) -> bool:
        row = self._ground.row
        return row is not None and row.start <= index < row.stop

    def _outs(self, frame: Frame) -> list[Value]:
        """Return the arrays to which native code writes the outputs."""
        row = self._ground.row
        if row is None:
            return [*starmap(self._empty, self._places)]
        before, after = self._places[: row.start], self._places[row.stop :]
        return [*starmap(self._empty, before), *frame.row, *starmap(self._empty, after)]

    def direct(self) -> Callable[[list[Value]], list[Value] | None] | None:
        """Return `run` without all that is rarely needed, as one function of variables.

        It is on the way of each call, and attributes take time. It returns None for arguments that
        are not as native code reads them, be they of other types or for `run` to convert. There is
        no such function for programs with which more is to be done than to call native code.
        """
        frames, places, call, ground = self._frames, self._places, self._call, self._ground
        others = [(index, weak) for index, _, weak in self._others]
        rare = any(weak is None for _, weak in others) or ground.integers or ground.calls
        if rare or ground.arena >= _SMALL or ground.row is not None:
            return None
        inputs, empty = ground.inputs, self._empty

        def direct(values: list[Value]) -> list[Value] | None:
            if len(values) != inputs:
                return None
            try:
                frame = frames.pop()
            except IndexError:
                frame = Frame(ground)
            outs: list[Value] = [*starmap(empty, places)]
            status = call(frame.address, values, outs)
            frames.append(frame)
            if status:
                return None
            for index, weak in others:
                outs[index] = outs[index].item() if weak else outs[index][()]
            return outs

        return direct

    def _take(self, values: Sequence[Value], donated: tuple[int, ...], outs: list[Value]) -> None:
        """Put donated arrays in the places of results, where they fit."""
        pairs = self._donations.get(donated)
        if pairs is None:
            outputs = self.native.outputs
            found = self.native.donation.taken(donated)
            pairs = tuple([(outputs.index(out), number) for out, number in found.items()])
            self._donations[donated] = pairs
        for index, number in pairs:
            value, out = values[number], outs[index]
            if value.__class__ is np.ndarray and value.dtype == out.dtype:
                flags = value.flags
                if value.shape == out.shape and flags.carray and owns(value):
                    outs[index] = value

    def _retry(self, status: int, values: Sequence[Value], outs: list[Value], frame: Frame) -> None:
        """Run again where native code could not read an argument; or raise what NumPy did."""
        if status == REFUSED:
            raise UnfitError
        if status == UNFIT:
            fitted = fitting(self.program, values)
            status = self._call(frame.address, fitted, outs)
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
            elif number in self.native.constants:
                outs[index] = _copied(self.native.constants[number])
            elif number in frame.objects:
                outs[index] = _copied(frame.objects[number])
            else:  # given before
                outs[index] = _copied(outs[self.native.outputs.index(number)])
        return outs

    @property
    def _building(self) -> Building:
        if not self._buildings:
            self._buildings.append(building.build(self.program))
        return self._buildings[0]

    @property
    def passes(self) -> tuple[tuple[str, Program], ...]:
        """The program after each pass, with the pass's name."""
        return self._building.passes

    @property
    def plan(self) -> Plan:
        """The loops and calls that the program is cut into."""
        return self._building.plan

    @property
    def memory(self) -> Memory:
        """Where each value lies that is not kept in a register."""
        return self._building.memory

    @property
    def llvm_ir(self) -> str:
        """The code in LLVM's IR."""
        return self._building.llvm_ir

    @property
    def optimised_llvm_ir(self) -> str:
        """The same after LLVM's passes."""
        return self._building.optimised_llvm_ir

    @property
    def assembly(self) -> str:
        """The machine code as text."""
        return building.assembly(self._building)


def _copied(value: Value) -> Value:
    return value.copy() if value.__class__ is np.ndarray else value


def compile_program(program: Program) -> Executable:
    """Compile a program to native code.

    Every program compiles: what has no native rule, NumPy computes between kernels.
    """
    made = building.build(program)
    return _executable(program, made.native, made.times, [made])


def pack(executable: Executable) -> bytes | None:
    """Return an executable as bytes, from which `unpack` makes one again; None if there are none.

    Machine code is right on one machine and for one version of the library alone.
    """
    return kept.packed(executable.native, executable.program)


def unpack(data: bytes, program: Program) -> Executable:
    """Return the executable of a program from the bytes of that of an equal one.

    They must be ours: they can do anything.
    """
    start = time.perf_counter()
    native = kept.unpacked(data, program)
    times = {"read": time.perf_counter() - start}
    return _executable(program, native, times, [])


def _address_of(function: ctypes._FuncPointer) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None, "a function has an address"
    return address


def _executable(
    program: Program, native: Native, times: dict[str, float], made: list[Building]
) -> Executable:
    start = time.perf_counter()
    symbols = {CALL_HOST: _address_of(HOST_CALLBACK)}
    if native.threads:
        symbols[PARALLEL] = pool.parallel()
    loaded = load(native.object_code, symbols)
    run = _RUN(loaded.address(RUN))
    times["load"] = time.perf_counter() - start
    return Executable(program, native, times, loaded, run, Ground(program, native), made)
