"""The program: a closed piece of the graph as a value.

It has inputs, steps and outputs, and nothing else: no values but its constants, no traces, no
names from where it was traced. What the graph says with objects, it says with numbers: the inputs
come first, then the constants, then the results of the steps in order; a step is a primitive and
the numbers of its operands. So programs compare, hash, pickle and evaluate without recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, final

import numpy as np
from attrs import field, frozen

from pullback.core.array import Array, apply, constant, lift, make_node
from pullback.core.graph import topological
from pullback.core.trace import Trace
from pullback.core.values import freeze_value, thaw
from pullback.errors import ProgramError
from pullback.primitives.identity import Input
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import NUMBERS, Value
from pullback.types import ArrayType, type_of

#: A primitive, and the numbers of its operands.
Step: TypeAlias = tuple[Primitive, tuple[int, ...]]

_ONE_VALUE: Final = 16  # a constant of more elements takes part in the hash by its type alone


@final
@frozen(eq=False, repr=False)
class Program:
    """A function of arrays, written out: `pullback.trace` makes one of a Python function.

    Two programs are equal if they do the same steps with the same constants, bit for bit.
    """

    inputs: tuple[ArrayType, ...]
    constants: tuple[Value, ...]
    steps: tuple[Step, ...]
    #: The type of each step's result.
    types: tuple[ArrayType, ...]
    outputs: tuple[int, ...]
    #: For each step the results that nothing later needs.
    _ends: tuple[tuple[int, ...], ...] = field(init=False)

    @_ends.default
    def _find_ends(self) -> tuple[tuple[int, ...], ...]:
        first = len(self.inputs) + len(self.constants)
        needed = set(self.outputs)
        ends: list[tuple[int, ...]] = []
        for _, numbers in reversed(self.steps):
            ended = [number for number in dict.fromkeys(numbers) if number not in needed]
            needed.update(ended)
            ends.append(tuple([number for number in ended if number >= first]))
        return tuple(reversed(ends))

    def _key(self) -> tuple[object, ...]:
        return self.inputs, self.steps, self.types, self.outputs

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Program) or self._key() != other._key():
            return False
        return len(self.constants) == len(other.constants) and all(
            map(_identical, self.constants, other.constants)
        )

    def __hash__(self) -> int:
        return hash((self._key(), tuple([_hashed(value) for value in self.constants])))

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
        """Infer every type again.

        Raises:
            ProgramError: A type that the program states is another than its primitive infers, or
                an operand is none of the earlier numbers.
            PullbackError: The operands of a primitive do not fit.
        """
        number = len(self.inputs) + len(self.constants)
        for (primitive, numbers), stated in zip(self.steps, self.types, strict=True):
            if not all(0 <= operand < number for operand in numbers):
                msg = f"program: step {number} ({primitive.name}) has operands {numbers}"
                raise ProgramError(msg)
            inferred = primitive.infer(*[self.type_at(operand) for operand in numbers])
            if inferred != stated:
                msg = (
                    f"program: step {number} ({primitive.name}) states the type {stated}, "
                    f"and its operands give {inferred}"
                )
                raise ProgramError(msg)
            number += 1
        if not all(0 <= output < number for output in self.outputs):
            msg = f"program: outputs {self.outputs}, but there are {number} values"
            raise ProgramError(msg)

    def __reduce__(self) -> tuple[object, ...]:
        constants = tuple([thaw(value) for value in self.constants])
        return _unpickle, (self.inputs, constants, self.steps, self.types, self.outputs)


def build_program(
    trace: Trace, inputs: Sequence[Array], outputs: Sequence[Array]
) -> tuple[Program, list[Array]]:
    """Return the piece of the graph between inputs of a trace and outputs, as a program.

    Nodes that depend on other traces are captured: they become further inputs of the program.

    Args:
        trace: The trace.
        inputs: Its inputs.
        outputs: Nodes.

    Returns:
        The program, whose inputs are the captured nodes and then those given; and the captured
        nodes.
    """
    given = set(inputs)
    order = [node for node in topological(outputs, trace) if node not in given]
    outer = dict.fromkeys(
        node
        for made in [*(node.operands for node in order), tuple(outputs)]
        for node in made
        if trace not in node.sources
    )
    captured = [node for node in outer if node.sources]
    constants = [node for node in outer if not node.sources]
    numbered = [*captured, *inputs, *constants, *order]
    number = {node: i for i, node in enumerate(numbered)}
    steps = []
    for node in order:
        assert node.primitive is not None, "a node that depends on a trace is no constant"
        steps.append((node.primitive, tuple([number[operand] for operand in node.operands])))
    program = Program(
        tuple([node.type for node in (*captured, *inputs)]),
        tuple([node._value for node in constants]),
        tuple(steps),
        tuple([node.type for node in order]),
        tuple([number[node] for node in outputs]),
    )
    return program, captured


def trace_program(
    f: Callable[[list[Array]], Sequence[object]], types: Sequence[ArrayType]
) -> tuple[Program, list[Array]]:
    """Return what a function does to arrays of given types, as a program.

    Args:
        f: A function of a list of arrays, whose values are unknown to it. It returns arrays or
            numbers.
        types: Their types.

    Returns:
        The program, and the nodes from outside that it captures: its first inputs, as in
        `build_program`.
    """
    trace = Trace()
    sources = frozenset((trace,))
    inputs = [unknown(type_, sources) for type_ in types]
    return build_program(trace, inputs, [lift(out) for out in f(inputs)])


def unknown(type_: ArrayType, sources: frozenset[Trace], label: str = "") -> Array:
    """Return an input of traces whose value is not known."""
    return make_node(type_, Input(label), (), sources)


def _identical(x: Value, y: Value) -> bool:
    """Return whether two constants are the same bit for bit."""
    if type_of(x) != type_of(y):
        return False
    return x is y or np.asarray(x).tobytes() == np.asarray(y).tobytes()


def _hashed(value: Value) -> object:
    type_ = type_of(value)
    if value.__class__ in NUMBERS or np.size(value) <= _ONE_VALUE:
        return type_, np.asarray(value).tobytes()
    return type_


def _unpickle(
    inputs: tuple[ArrayType, ...],
    constants: tuple[Value, ...],
    steps: tuple[Step, ...],
    types: tuple[ArrayType, ...],
    outputs: tuple[int, ...],
) -> Program:
    """Return a pickled program, with constants that nobody else can write to."""
    return Program(inputs, tuple(map(freeze_value, constants)), steps, types, outputs)
