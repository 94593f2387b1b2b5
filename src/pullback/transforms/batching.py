"""Batching: a function of one example, traced once, applied to a whole batch at once.

The function is traced with inputs of unknown value and of the type of one element. Then one walk
in topological order applies each primitive's batching rule to quantities with the batch in front:

    y = primitive(a, b)        becomes        Y = primitive.batch((A, b), (True, False), size)

What does not depend on a batched input is not batched: it has been computed already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from pullback.core import Array, Program, Trace, build_program, last_uses, topological, unknown
from pullback.errors import PullbackError
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.cast import Cast
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.shape import BroadcastTo
from pullback.transforms.programs import bare
from pullback.transforms.vjp import as_node
from pullback.types import ArrayType

#: Whether a quantity has a batch axis in front; of a bundle, whether each part has one.
Batched: TypeAlias = bool | tuple[bool, ...]


@np.errstate(all="ignore")  # rows that something does not select may divide by zero
def batch(
    trace: Trace,
    inputs: Mapping[Array, tuple[Value, Batched]],
    outputs: Sequence[Array],
    size: int,
) -> list[tuple[Quantity, Batched]]:
    """Return for each output what it is for a whole batch, and whether it is batched.

    Args:
        trace: The trace of the function.
        inputs: The same for each of its inputs.
        outputs: Nodes.
        size: The length of the batch axis.
    """
    found: dict[Array, tuple[Value, Batched]] = dict(inputs)
    order = topological(outputs, trace)
    for node, ended in zip(order, last_uses(order, outputs), strict=True):
        if node not in found:
            given = [found.get(operand) or (bare(operand), False) for operand in node.operands]
            quantities, flags = zip(*given, strict=True)
            found[node] = _apply(node, quantities, flags, size)
        for operand in ended:
            found.pop(operand, None)
    return [found.get(out) or (bare(out), False) for out in outputs]


def batch_program(
    program: Program, batched: Sequence[bool], size: int, needed: Sequence[bool] | None = None
) -> tuple[Program, list[bool]]:
    """Return a program for a whole batch.

    Args:
        program: The program for one example.
        batched: For each input whether it has a batch axis in front.
        size: The length of the batch axis.
        needed: For each output whether it must be batched.

    Returns:
        The program for the batch, and for each output whether it is batched.
    """
    element, whole = Trace(), Trace()
    types = [
        ArrayType((size, *type_.shape), type_.dtype) if flag else type_
        for type_, flag in zip(program.inputs, batched, strict=True)
    ]
    nodes = [unknown(type_, frozenset((element,))) for type_ in program.inputs]
    given = [unknown(type_, frozenset((whole,))) for type_ in types]
    inputs = {node: (array, flag) for node, array, flag in zip(nodes, given, batched, strict=True)}
    outputs = []
    flags = []
    for number, (out, flag) in enumerate(batch(element, inputs, program.apply(nodes), size)):
        repeated = not flag and needed is not None and needed[number]
        outputs.append(as_node(with_batch_axis(out, size) if repeated else out))
        flags.append(bool(flag) or repeated)
    return build_program(whole, given, outputs)[0], flags


def with_batch_axis(quantity: Quantity, size: int) -> Quantity:
    """Return a quantity repeated along a batch axis in front."""
    return BroadcastTo((size, *shape_of(quantity)))(quantity)


def _apply(
    node: Array, operands: tuple[Value, ...], batched: tuple[Value, ...], size: int
) -> tuple[Value, Batched]:
    """Return what a node is for a whole batch, and whether it is batched."""
    primitive = node.primitive
    assert primitive is not None, "a node that depends on a trace is no constant"
    kind = primitive.__class__  # isinstance is slow with abstract classes
    if kind is Pack:
        return primitive(*operands), batched
    if kind is Unpack:
        assert isinstance(primitive, Unpack)
        (flags,) = batched
        return primitive(*operands), flags if flags.__class__ is bool else flags[primitive.index]
    if True not in batched and not any(flag and any(flag) for flag in batched):
        return primitive(*operands), False
    try:
        out: Value = primitive.batch(operands, batched, size)
    except PullbackError as error:
        error.add_note(f"vmap: in {primitive.name} of a batch, whose axis stands in front")
        raise
    want = node.type
    if want.parts is None and out.dtype is not want.dtype and out.dtype != want.dtype:
        out = Cast(want.dtype)(out)  # a weak element is no weak batch
    return out, True
