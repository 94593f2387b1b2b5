"""Steps that have no native rule: NumPy computes them, called back from native code.

What NumPy makes is kept as an object, and copied to memory only where native code reads it.
"""

from __future__ import annotations

from typing import final

import numpy as np
from attrs import frozen

from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.compiler.memory import Memory
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.types import ArrayType


class UnfitError(Exception):
    """A Python integer is too long for native code. Never seen outside the compiler."""


@final
@frozen
class HostCall:
    """One step for NumPy."""

    primitive: Primitive
    operands: tuple[int, ...]
    out: int
    type: ArrayType
    #: Whether native code reads the result.
    stored: bool
    #: The objects that nothing needs any more.
    ends: tuple[int, ...]

    def run(self, operands: list[Value]) -> Value:
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
    """Return the calls of a plan in the order in which they run."""
    program = plan.program
    calls: list[HostCall] = []
    needed = set(program.outputs)
    for kernel in reversed(plan.kernels):
        if kernel.kind is not Kind.HOST:
            continue
        (out,) = kernel.values
        primitive, operands = program.steps[out - plan.first]
        ends = tuple([o for o in dict.fromkeys(operands) if o not in needed])
        needed.update(operands)
        stored = out in memory.offsets or out in memory.slots
        calls.append(HostCall(primitive, operands, out, program.type_at(out), stored, ends))
    return tuple(reversed(calls))


def read(memory: np.ndarray, type_: ArrayType) -> Value:
    """Return what lies in memory as a primitive takes it."""
    if type_.weak:
        return memory.item()
    return memory if type_.shape else memory[()]


def write(memory: np.ndarray, value: Value) -> None:
    """Copy a value to memory.

    Raises:
        UnfitError: It is a Python integer out of the memory's range.
    """
    try:
        memory[...] = value
    except OverflowError:
        raise UnfitError from None
