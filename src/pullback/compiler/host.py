"""Steps that have no native rule: NumPy computes them, called back from native code.

What NumPy makes for the program itself is kept as an object, and copied to memory only where native
code reads it. In the programs that loops and branches call, all lies in memory.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import final

import numpy as np
from attrs import frozen

from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.compiler.memory import ARENA, Memory
from pullback.core.program import Program
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.types import ArrayType


class UnfitError(Exception):
    """A Python integer is too long for native code. Never seen outside the compiler."""


@final
@frozen
class HostCall:
    """One step for NumPy."""

    program: Program
    memory: Memory
    primitive: Primitive
    operands: tuple[int, ...]
    out: int
    type: ArrayType
    #: Whether operands and result lie in the memory of a called program.
    called: bool
    #: Whether native code reads the result.
    stored: bool
    #: The objects that nothing needs any more.
    ends: tuple[int, ...]

    def run(self, objects: dict[int, Value], table: int) -> None:
        """Compute the result, and put it among the objects or into memory.

        Args:
            objects: The values that are no memory, by number.
            table: The address of the program's table.

        Raises:
            UnfitError: It is a Python integer out of the memory's range.
        """
        result = self._evaluate([self._operand(number, objects, table) for number in self.operands])
        if self.stored:
            _write(self._view(self.out, table), result)
        if not self.called:
            objects[self.out] = result
            for ended in self.ends:
                objects.pop(ended, None)

    def _operand(self, number: int, objects: dict[int, Value], table: int) -> Value:
        """Return a value as a primitive takes it."""
        constant = number - len(self.program.inputs)
        if 0 <= constant < len(self.program.constants):
            return self.program.constants[constant]
        if not self.called and number in objects:
            return objects[number]
        return read(self._view(number, table), self.program.type_at(number))

    def _view(self, number: int, table: int) -> np.ndarray:
        """Return the memory of a value as an ndarray."""
        slot, offset = self.memory.slots.get(number), 0
        if slot is None:
            slot, offset = ARENA, self.memory.offsets[number]
        place = ctypes.c_void_p.from_address(table + 8 * slot).value
        assert place is not None, "each value has a place"
        return at_address(place + offset, self.program.type_at(number))

    def _evaluate(self, operands: list[Value]) -> Value:
        """Compute the result; it shares no memory with the operands, whose memory is used again."""
        if self.type.parts is not None:
            operands = [x.copy() if x.__class__ is np.ndarray else x for x in operands]
        result = self.primitive.evaluate(*operands)
        if result.__class__ is np.ndarray and (
            result.base is not None or any(result is x for x in operands)
        ):
            return result.copy()
        return result


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
    calls: list[HostCall] = []
    for kernel in plan.kernels:
        out = kernel.values[0]
        if kernel.kind is Kind.CONTROL:
            for each, inner in zip(plan.calls[out], memory.called[out][0], strict=True):
                calls += host_calls(each, inner)
        elif kernel.kind is Kind.HOST:
            step, type_ = program.steps[out - plan.first], program.type_at(out)
            stored = out in memory.offsets or out in memory.slots
            calls.append(
                HostCall(program, memory, *step, out, type_, plan.called, stored, ends[out])
            )
    return tuple(calls)


def at_address(address: int, type_: ArrayType) -> np.ndarray:
    """Return memory as an ndarray, which does not keep it alive."""
    size = math.prod(type_.shape) * type_.dtype.itemsize
    buffer = memoryview((ctypes.c_ubyte * size).from_address(address))
    return np.ndarray(type_.shape, type_.dtype, buffer)


def read(memory: np.ndarray, type_: ArrayType) -> Value:
    """Return what lies in memory as a primitive takes it."""
    if type_.weak:
        return memory.item()
    return memory if type_.shape else memory[()]


def _write(memory: np.ndarray, value: Value) -> None:
    """Copy a value to memory.

    Raises:
        UnfitError: It is a Python integer out of the memory's range.
    """
    try:
        memory[...] = value
    except OverflowError:
        raise UnfitError from None
