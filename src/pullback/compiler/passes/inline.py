"""Calls written out: those of compiled programs, and of functions with derivatives of their own.

A checkpointed call stays a call: to write it out would let its steps be shared with those that it
is there to compute again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from pullback.compiler.call import Compiled
from pullback.compiler.control import with_held
from pullback.compiler.passes.rebuild import Typed, rebuild
from pullback.control.custom import Custom, Function, Residuals
from pullback.core import Program, trace_program
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.types import ArrayType, type_of

_INLINED: Final = (Compiled, Custom, Residuals)


def inline(program: Program) -> Program:
    """Write out the calls of programs and of functions.

    Before -> after:
        [b = pack(a), c = compiled(b), d = unpack(c)]  ->  the steps of the compiled program on a
    """
    if program.operations.isdisjoint(_INLINED):
        return program
    writer = _Writer(program.inputs)
    return writer.program(program, writer.write(program, range(len(program.inputs))))


@final
class _Writer:
    """Collects constants and steps. Until all are known, constants have numbers below zero."""

    def __init__(self, inputs: tuple[ArrayType, ...]) -> None:
        self.inputs = inputs
        self.constants: list[Value] = []
        self.steps: list[Typed] = []
        self.bundles: dict[int, Sequence[int]] = {}  # the parts of what is packed or written out

    def program(self, program: Program, outputs: Sequence[int]) -> Program:
        """Return the program that was written in place of another."""
        first, added = len(self.inputs), len(self.constants)

        def moved(number: int) -> int:
            return first - 1 - number if number < 0 else number + added * (number >= first)

        steps = [
            ((primitive, tuple(map(moved, operands))), type_)
            for (primitive, operands), type_ in self.steps
        ]
        start = Program(self.inputs, tuple(self.constants), (), (), (), program.names)
        return rebuild(start, steps, [moved(number) for number in outputs])

    def write(self, program: Program, inputs: Sequence[int]) -> list[int]:
        """Append the steps of a program on values that are there; return its outputs."""
        self.constants += program.constants
        added = range(-len(self.constants), len(program.constants) - len(self.constants))
        numbers = [*inputs, *reversed(added)]
        for (primitive, operands), type_ in zip(program.steps, program.types, strict=True):
            found = tuple([numbers[operand] for operand in operands])
            numbers.append(self._step(primitive, found, type_))
        return [numbers[number] for number in program.outputs]

    def _step(self, primitive: Primitive, operands: tuple[int, ...], type_: ArrayType) -> int:
        """Append a step, or what it stands for; return the number of its result."""
        parts = self.bundles.get(operands[0]) if operands else None
        if isinstance(primitive, Unpack) and parts is not None:
            return parts[primitive.index]
        number = len(self.inputs) + len(self.steps)
        self.steps.append(((with_held(primitive, inline), operands), type_))
        written: Sequence[int] | None = None
        match primitive:
            case Pack():
                written = operands
            case Compiled(program) if parts is not None:
                written = self.write(program, parts)
            case Custom(function) if parts is not None:
                written = self._called(function, parts)
            case Residuals(function) if parts is not None:
                written = parts[function.results :]
            case _:
                pass
        if written is not None:
            self.bundles[number] = written
        return number

    def _called(self, function: Function, parts: Sequence[int]) -> list[int] | None:
        """Append what a function does; nothing where it captures what is not its operand."""
        program, captured = trace_program(function.call, [self._type(part) for part in parts])
        return None if captured else self.write(program, parts)

    def _type(self, number: int) -> ArrayType:
        if number < 0:
            return type_of(self.constants[-number - 1])
        first = len(self.inputs)
        return self.inputs[number] if number < first else self.steps[number - first][1]
