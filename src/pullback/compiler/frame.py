"""What one run works with: the arena, the table of pointers, and what NumPy has made.

A frame serves one run at a time, so that threads share nothing; between runs it waits in a list.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Final, final

import numpy as np

from pullback.compiler.host import HostCall, read, write
from pullback.compiler.memory import ARENA, FRAME, Memory
from pullback.core.program import Program
from pullback.errors import ProgramError
from pullback.primitives.quantity import Value
from pullback.types import ArrayType

_LINE: Final = 64


@final
class Frame:
    """The memory of one run."""

    def __init__(self, program: Program, memory: Memory, calls: Sequence[HostCall]) -> None:
        self.program, self.memory, self.calls = program, memory, calls
        self.first = len(program.inputs) + len(program.constants)
        self.table = (ctypes.c_void_p * memory.entries)()
        self.address = ctypes.addressof(self.table)
        block = np.empty(memory.size + _LINE, np.uint8)
        start = -block.ctypes.data % _LINE
        self.arena = block[start : start + memory.size]
        self.table[ARENA] = block.ctypes.data + start
        self.table[FRAME] = id(self)
        self.views: dict[int, np.ndarray] = {}
        self.objects: dict[int, Value] = {}
        self.error: BaseException | None = None
        self.constants: list[np.ndarray] = []
        for number, value in enumerate(program.constants, len(program.inputs)):
            if number in memory.slots:
                array = np.ascontiguousarray(value)
                self.constants.append(array)
                self.table[memory.slots[number]] = array.ctypes.data
            elif number in memory.offsets:
                self.view(number)[...] = value

    def view(self, number: int) -> np.ndarray:
        """Return what lies in the arena, or is a result, as an ndarray."""
        found = self.views.get(number)
        if found is None:
            type_ = self.program.type_at(number)
            offset = self.memory.offsets[number]
            found = np.ndarray(type_.shape, type_.dtype, self.arena.data, offset)
            self.views[number] = found
        return found

    def enter(self, values: Sequence[Value]) -> list[np.ndarray]:
        """Take the arguments; return the arrays that have to live through the run."""
        program, memory, held = self.program, self.memory, []
        for number, (value, type_) in enumerate(zip(values, program.inputs, strict=True)):
            slot = memory.slots.get(number)
            if slot is not None:
                array = _contiguous(value, type_)
                held.append(array)
                self.table[slot] = _address(array)
            elif number in memory.offsets:
                write(self.view(number), value)
        for number, slot in memory.slots.items():
            if number >= self.first:
                type_ = program.type_at(number)
                result = self.views[number] = np.empty(type_.shape, type_.dtype)
                self.table[slot] = _address(result)
        if self.calls:
            self.objects.update(enumerate([*values, *program.constants]))
        return held

    def result(self, number: int, values: Sequence[Value]) -> Value:
        """Return an output, which shares no memory with anything."""
        if number < len(values):
            return _copied(values[number])
        if number < self.first:
            return _copied(self.program.constants[number - len(values)])
        if number in self.objects:
            return _copied(self.objects[number])
        type_ = self.program.type_at(number)
        return read(self.view(number), type_)

    def leave(self) -> None:
        """Let go of all that belongs to the run."""
        for number in self.memory.slots:
            self.views.pop(number, None)
        self.objects.clear()
        self.error = None

    def operand(self, number: int) -> Value:
        """Return a value as a primitive takes it."""
        found = self.objects.get(number)
        if found is not None:
            return found
        return read(self.view(number), self.program.type_at(number))

    def call(self, number: int) -> int:
        """Do a step that native code asks for; keep the error if it fails."""
        try:
            step = self.calls[number]
            result = step.run([self.operand(operand) for operand in step.operands])
            if step.stored:
                write(self.view(step.out), result)
            self.objects[step.out] = result
            for ended in step.ends:
                self.objects.pop(ended, None)
        except BaseException as error:  # noqa: BLE001 - raised again when native code has returned
            self.error = error
            return 1
        return 0


def _address(array: np.ndarray) -> int:
    """Return where the elements begin; `ndarray.ctypes` takes three times as long."""
    address: int = array.__array_interface__["data"][0]
    return address


def _contiguous(value: Value, type_: ArrayType) -> np.ndarray:
    """Return an argument as native code reads it.

    Raises:
        ProgramError: It is of another shape.
    """
    if value.__class__ is np.ndarray and value.dtype is type_.dtype and value.shape == type_.shape:
        flags = value.flags
        if flags.c_contiguous and flags.aligned:
            array: np.ndarray = value  # by far the commonest case
            return array
    array = np.ascontiguousarray(value, type_.dtype)
    if array.shape != type_.shape:
        msg = f"a compiled program: an argument of shape {array.shape} in place of {type_}"
        raise ProgramError(msg)
    return array if array.flags.aligned else array.copy()


def _copied(value: Value) -> Value:
    return value.copy() if value.__class__ is np.ndarray else value


def _call(frame: Frame, number: int) -> int:
    return frame.call(number)


#: A host call of a frame, which native code passes by its address.
HOST_CALLBACK: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_int)(_call)
