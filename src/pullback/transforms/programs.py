"""Derivatives of a program at nodes: what the rules of control flow are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pullback.core import Array, Program, Trace, make_node
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.transforms.forward import push
from pullback.transforms.sweep import carry_nodes
from pullback.transforms.vjp import as_node, outside
from pullback.types import ArrayType


def push_through(
    program: Program, nodes: Sequence[Array], tangents: Sequence[Array | None]
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
    program: Program,
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
    seeds: dict[Array, Array] = {}
    for out, bar in zip(program.apply(inputs), cotangents, strict=True):
        if bar is not None and trace in out.sources:
            seeds[out] = seeds[out] + bar if out in seeds else bar
    bars = carry_nodes(trace, seeds, outside(seeds, trace), selected=selected)
    return [as_node(bars[node]) if node in bars else None for node in inputs]


def _inputs(trace: Trace, nodes: Sequence[Array], chosen: Sequence[bool]) -> list[Array]:
    """Return an input of the trace for each node that is chosen, and the others as they are."""
    return [
        make_node(node._value, Input(), (node,), node.sources | {trace}) if flag else node
        for node, flag in zip(nodes, chosen, strict=True)
    ]


def has_selection(program: Program) -> bool:
    """Return whether something in a program selects, so that zeros in cotangents annihilate."""
    return any(primitive.selects for primitive, _ in program.steps)


def zeros(type_: ArrayType) -> Value:
    """Return zeros of a type that is not weak."""
    return np.zeros(type_.shape, type_.dtype)[()]


def bare(node: Array) -> Value:
    """Return the value of a constant, and any other node."""
    return node if node.sources else node._value
