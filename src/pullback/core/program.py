"""The program: a closed piece of the graph as a value.

It has inputs, constants, steps and outputs, and no trace of where they come from; what the inputs
are called is kept for reading, and with a `Signature` it is called with trees. What the graph says
with objects, it says with numbers: the inputs come first, then the constants, then the results of
the steps in order; a step is a primitive and the numbers of its operands. So programs compare,
hash, pickle and evaluate without recursion. How they print, `program_text` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.core.array import Array, apply, constant
from pullback.core.values import freeze_value, thaw
from pullback.errors import ProgramError
from pullback.lazy import lazy
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.tree import leaf
from pullback.types import ArrayType, Bundle, type_of

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, TypeVar

    from pullback.api import tracing
    from pullback.core import program_text
    from pullback.core.signature import Signature

    # A program whose parameters nobody states is one of any parameters: Python 3.13's defaults.
    P = ParamSpec("P", default=...)
    R_co = TypeVar("R_co", covariant=True, default=object)
else:
    from typing import ParamSpec, TypeVar

    P, R_co = ParamSpec("P"), TypeVar("R_co", covariant=True)
    tracing = lazy("pullback.api.tracing")
    program_text = lazy("pullback.core.program_text")

#: A primitive, and the numbers of its operands.
Step: TypeAlias = tuple[Primitive, tuple[int, ...]]

_HASHED: Final = 16  # a constant of more elements takes part in the hash by its type alone

leaf(ArrayType)  # in a tree of arguments a type stands for an array


@leaf
@final
@frozen(eq=False, repr=False)
class Program(Generic[P, R_co]):
    """A function of arrays, written out: `pullback.trace` makes one of a Python function.

    It is called as the function was when it was traced, with the same structures and types; plain
    in, plain out. It prints as code. Two programs are equal if they do the same steps in the same
    order with the same constants, bit for bit, whatever the names; equal programs hash equally,
    and a program that was pickled equals itself. It cannot be changed.

    Example:
        >>> import pullback as pb
        >>> program = pb.trace(lambda x, y: pb.sin(x) * y + 1, 2.0, 3.0)
        >>> program
        Program((weak float64, weak float64) -> (float64[]), 3 steps)
        >>> program(0.0, 3.0)
        np.float64(1.0)
        >>> program == pb.trace(lambda u, v: pb.sin(u) * v + 1, 0.0, 1.0)
        True
    """

    inputs: tuple[ArrayType, ...]
    constants: tuple[Value, ...]
    steps: tuple[Step, ...]
    #: The type of each step's result.
    types: tuple[ArrayType, ...]
    outputs: tuple[int, ...]
    #: What a user calls each input; for reading alone.
    names: tuple[str, ...] = ()
    #: The trees of its arguments and its result; without one it takes and gives arrays in a row.
    signature: Signature | None = None

    @cached_property
    def operations(self) -> frozenset[type[Primitive]]:
        """The classes of the primitives of its steps."""
        return frozenset({primitive.__class__ for primitive, _ in self.steps})

    @cached_property
    def _ends(self) -> tuple[tuple[int, ...], ...]:
        """For each step the results that nothing later needs."""
        first = len(self.inputs) + len(self.constants)
        needed = set(self.outputs)
        ends: list[tuple[int, ...]] = []
        for _, numbers in reversed(self.steps):
            if needed.issuperset(numbers):
                ends.append(())
                continue
            ended = [number for number in dict.fromkeys(numbers) if number not in needed]
            needed.update(ended)
            ends.append(tuple([number for number in ended if number >= first]))
        return tuple(reversed(ends))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Compute what the function computes, without calling it.

        Raises:
            ProgramError: There are other arguments than those it was traced with, or a leaf that is
                no array is another.
            StructureError: An argument has another structure.
            ShapeError: An array has another shape.
            DTypeError: A leaf is no number, or of a dtype that does not fit.
        """
        return tracing.call(self, args, kwargs)

    def __str__(self) -> str:
        return program_text.write(self)

    def __repr__(self) -> str:
        ends = [", ".join(map(str, types)) for types in (self.inputs, self.output_types)]
        number = len(self.steps)
        return f"Program(({ends[0]}) -> ({ends[1]}), {number} step{'s' * (number != 1)})"

    def _key(self) -> tuple[object, ...]:
        return self.inputs, self.steps, self.types, self.outputs, self.signature

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Program):
            return NotImplemented
        return self._key() == other._key() and _bits(self.constants) == _bits(other.constants)

    def __hash__(self) -> int:
        small = [value for value in self.constants if np.size(value) <= _HASHED]
        return hash((self._key(), _bits(tuple(small))))

    def type_at(self, number: int) -> ArrayType:
        """Return the type of an input, a constant, or the result of a step."""
        for kind in (self.inputs, self.constants, self.types):
            if number < len(kind):
                found = kind[number]
                return found if found.__class__ is ArrayType else type_of(found)
            number -= len(kind)
        raise IndexError(number)

    @property
    def output_types(self) -> tuple[ArrayType, ...]:
        """The types of the outputs."""
        return tuple([self.type_at(number) for number in self.outputs])

    def evaluate(self, values: Sequence[Value]) -> list[Value]:
        """Compute the outputs from values of the inputs' types."""
        held: list[Value] = [*values, *self.constants]
        keep = held.append
        for (primitive, numbers), ended in zip(self.steps, self._ends, strict=True):
            if len(numbers) == 2:  # at a third of what the comprehension takes
                i, j = numbers
                keep(primitive.evaluate(held[i], held[j]))
            elif len(numbers) == 1:
                keep(primitive.evaluate(held[numbers[0]]))
            else:
                keep(primitive.evaluate(*[held[number] for number in numbers]))
            for number in ended:
                held[number] = None
        return [held[number] for number in self.outputs]

    def apply(self, nodes: Sequence[Array]) -> list[Array]:
        """Compute the outputs from nodes, or record them."""
        if not any(node.sources for node in nodes):
            return [constant(value) for value in self.evaluate([node._value for node in nodes])]
        held = [*nodes, *map(constant, self.constants)]
        for primitive, numbers in self.steps:
            held.append(apply(primitive, *[held[number] for number in numbers]))
        return [held[number] for number in self.outputs]

    def type_check(self) -> None:
        """Infer every type again, also in the programs that primitives hold.

        Raises:
            ProgramError: A type that the program states is another than its primitive infers, an
                operand is none of the earlier values, or the program is broken otherwise.
            PullbackError: The operands of a primitive do not fit.
        """
        known = [*self.inputs, *map(type_of, self.constants)]
        if len(self.steps) != len(self.types):
            msg = f"program: {len(self.steps)} steps, but {len(self.types)} types of their results"
            raise ProgramError(msg)
        for (primitive, numbers), stated in zip(self.steps, self.types, strict=True):
            where = f"program: step {len(known)} ({primitive.name})"
            if not all(0 <= number < len(known) for number in numbers):
                msg = f"{where} has operands {numbers}, of which some are not earlier values"
                raise ProgramError(msg)
            for _, program in held_programs(primitive):
                program.type_check()
            inferred = primitive.infer(*[known[number] for number in numbers])
            if inferred != stated:
                msg = f"{where} states the type {stated}, and its operands give {inferred}"
                raise ProgramError(msg)
            known.append(stated)
        if not all(0 <= number < len(known) for number in self.outputs):
            msg = f"program: outputs {self.outputs}, but there are {len(known)} values"
            raise ProgramError(msg)

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickle, (
            self.constants,
            (self.inputs, self.steps, self.types, self.outputs, self.names, self.signature),
        )


def held_programs(primitive: Primitive) -> Iterator[tuple[str, Program]]:
    """Yield the programs that a primitive holds, with what they are called."""
    names: tuple[str, ...] = primitive.__match_args__
    for name in names:
        value: object = getattr(primitive, name)
        if isinstance(value, Program):
            yield name, value
        elif isinstance(value, tuple):
            for index, part in enumerate(value):
                if isinstance(part, Program):
                    yield f"{name}[{index}]", part


def _bits(value: Value) -> object:
    """Return what two constants have in common if they are the same bit for bit."""
    kind = value.__class__
    if kind is tuple:
        return tuple([_bits(part) for part in value])
    if kind is Bundle:
        return kind, _bits(value.parts)
    # An int may be too long for a dtype.
    return type_of(value), value if kind is int else np.asarray(value).tobytes()


def _unpickle(constants: tuple[Value, ...], others: tuple[Value, ...]) -> Program:
    """Return a pickled program, with constants that nobody can write to."""
    inputs, *rest = others
    return Program(inputs, tuple([thaw(freeze_value(value)) for value in constants]), *rest)
