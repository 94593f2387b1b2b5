"""Derivatives of a program at nodes: what the rules of control flow are made of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeAlias

import numpy as np

from pullback.core import Array, Program, Trace, build_program, make_node
from pullback.primitives.identity import Input
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Quantity, Value
from pullback.transforms.forward import push
from pullback.transforms.series import first
from pullback.transforms.sweep import carry_nodes
from pullback.transforms.vjp import as_node, outside, seeds_of
from pullback.types import ArrayType, python_zero


class Recorded(Protocol):
    """A program, or a function that is called anew whenever it is differentiated."""

    def apply(self, nodes: Sequence[Array], /) -> list[Array]:
        """Compute the outputs from nodes, or record them."""


#: Makes another program of one of which some inputs move.
Rewriting: TypeAlias = Callable[[Program, Sequence[bool]], Program]


class Composite(Primitive):
    """A primitive of a bundle that holds programs: what it does can be written out."""

    __slots__ = ()

    @abstractmethod
    def expand(self, parts: Sequence[Quantity]) -> list[Quantity]:
        """Return the parts of the result, made of the operand's by simpler primitives.

        Choices are made, and steps counted, by values at hand; of a power series by its first
        coefficient.
        """

    @abstractmethod
    def rewritten(self, moving: Sequence[bool], change: Rewriting) -> Composite:
        """Return the same with its programs rewritten.

        Args:
            moving: Which parts of the operand move.
            change: Makes another program of one of which some inputs move.
        """


def push_through(
    program: Recorded, nodes: Sequence[Array], tangents: Sequence[Array | None]
) -> tuple[list[Array], list[Array | None]]:
    """Return the outputs of a program, and their tangents; None stands for zero.

    Args:
        program: The program.
        nodes: Its inputs.
        tangents: The tangent of each.
    """
    trace = Trace()
    inputs = _inputs(trace, nodes, [dot is not None for dot in tangents])
    outputs = program.apply(inputs)
    views = outside(outputs, trace)
    dots = {node: dot for node, dot in zip(inputs, tangents, strict=True) if dot is not None}
    pushed = push(trace, outputs, dots, views)
    return (
        [views.get(out, out) for out in outputs],
        [as_node(pushed[out]) if out in pushed else None for out in outputs],
    )


def pull_through(
    program: Recorded,
    nodes: Sequence[Array],
    cotangents: Sequence[Array | None],
    wanted: Sequence[bool],
    *,
    selected: bool,
) -> list[Array | None]:
    """Return the cotangents of a program's inputs; None stands for zero.

    Args:
        program: The program.
        nodes: Its inputs.
        cotangents: The cotangent of each output.
        wanted: For each input whether its cotangent is wanted.
        selected: Whether zeros in the cotangents are absences, as below a selection.
    """
    trace = Trace()
    inputs = _inputs(trace, nodes, wanted)
    seeds = seeds_of(trace, program.apply(inputs), cotangents)
    bars = carry_nodes(trace, seeds, outside(seeds, trace), selected=selected)
    return [as_node(bars[node]) if node in bars else None for node in inputs]


def _inputs(trace: Trace, nodes: Sequence[Array], chosen: Sequence[bool]) -> list[Array]:
    """Return an input of the trace for each node that is chosen, and the others as they are."""
    return [
        make_node(node._value, Input(), (node,), node.sources | {trace}) if flag else node
        for node, flag in zip(nodes, chosen, strict=True)
    ]


def compute(program: Program, quantities: Sequence[Quantity]) -> list[Quantity]:
    """Return the outputs of a program: values, or nodes where an input is one."""
    held = [*quantities, *program.constants]
    for primitive, numbers in program.steps:
        held.append(primitive(*[held[number] for number in numbers]))
    return [held[number] for number in program.outputs]


def has_selection(program: Program) -> bool:
    """Return whether something in a program selects, so that zeros in cotangents annihilate."""
    return any(primitive.selects for primitive, _ in program.steps)


def dependence(program: Program, *, smooth: bool = True) -> list[int]:
    """Return for each output the inputs that it may depend on, smoothly or at all, as bits."""
    bits = [1 << i if type_.inexact or not smooth else 0 for i, type_ in enumerate(program.inputs)]
    bits += [0] * len(program.constants)
    for (primitive, numbers), type_ in zip(program.steps, program.types, strict=True):
        union = 0
        moves = primitive.differentiable and (type_.inexact or type_.parts is not None)
        if moves or not smooth:
            for number in numbers:
                union |= bits[number]
        bits.append(union)
    return [bits[number] for number in program.outputs]


def moved(depends: Sequence[int], moving: Iterable[bool]) -> list[bool]:
    """Return which outputs may move if the flagged inputs do."""
    inputs = sum(1 << i for i, flag in enumerate(moving) if flag)
    return [bool(union & inputs) for union in depends]


def reached(depends: Sequence[int], outputs: Iterable[bool], number: int) -> list[bool]:
    """Return which of a number of inputs may have a cotangent if the flagged outputs do."""
    inputs = 0
    for union, flag in zip(depends, outputs, strict=True):
        if flag:
            inputs |= union
    return [bool(inputs >> i & 1) for i in range(number)]


def zeros(type_: ArrayType) -> Value:
    """Return zeros of a type."""
    if type_.weak:
        return python_zero(type_.dtype)
    return np.zeros(type_.shape, type_.dtype)[()]


def bare(node: Array) -> Value:
    """Return the value of a constant, and any other node."""
    return node if node.sources else node._value


def value_of(quantity: Value) -> Value:
    """Return the value of a quantity, or of a series at first; None where it is not known."""
    start = first(quantity)
    if isinstance(start, Array):
        return start._value if start.known else None
    return start


@np.errstate(all="ignore")
def zero_at_zero(trace: Trace, inputs: Sequence[Array], outputs: Sequence[Array]) -> bool:
    """Return whether a function is zero at zero, as one that is linear must be.

    Args:
        trace: The trace of the function.
        inputs: Its inputs.
        outputs: What it gives. Where they depend on other traces, nothing is known, and the answer
            is yes.
    """
    program, captured = build_program(trace, inputs, outputs)
    if captured:
        return True
    values = program.evaluate([zeros(type_) for type_ in program.inputs])
    return not any(np.any((value != 0) & (value == value)) for value in values)  # noqa: PLR0124 - no nan
