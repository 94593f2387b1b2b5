"""Batching: a function of one example, traced once, applied to a whole batch at once.

The function is traced with inputs of unknown value and of the type of one element. Then one walk
in topological order applies each primitive's batching rule to quantities with the batch in front:

    y = primitive(a, b)        becomes        Y = primitive.batch((A, b), (True, False), size)

What does not depend on a batched input is not batched: it has been computed already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pullback.core import Array, Program, Trace, build_program, last_uses, topological, unknown
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.cast import Cast
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.shape import BroadcastTo
from pullback.transforms.programs import bare
from pullback.transforms.vjp import as_node
from pullback.types import ArrayType

#: Whether a quantity has a batch axis in front; of a bundle, whether each part has one.
Batched: TypeAlias = bool | tuple[bool, ...]


def batch(
    trace: Trace,
    inputs: Mapping[Array, tuple[Quantity, Batched]],
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
            quantities, flags = [], []
            for operand in node.operands:
                given = found.get(operand)
                quantities.append(given[0] if given else bare(operand))
                flags.append(given[1] if given else False)
            found[node] = _apply(node, tuple(quantities), tuple(flags), size)
        for operand in ended:
            found.pop(operand, None)
    return [found[out] if out in found else (bare(out), False) for out in outputs]


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
    inputs = dict(zip(nodes, zip(given, batched, strict=True), strict=True))
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
    node: Array, operands: tuple[Value, ...], batched: tuple[Batched, ...], size: int
) -> tuple[Value, Batched]:
    """Return what a node is for a whole batch, and whether it is batched."""
    primitive: Primitive | None = node.primitive
    assert primitive is not None, "a node that depends on a trace is no constant"
    kind = primitive.__class__
    if kind is Pack:
        return primitive(*operands), tuple([flag is True for flag in batched])
    if kind is Unpack:
        (flags,) = batched
        return primitive(*operands), flags if flags.__class__ is bool else flags[primitive.index]
    if not any(flag is True or (flag is not False and any(flag)) for flag in batched):
        return primitive(*operands), False
    out: Value = primitive.batch(operands, batched, size)
    want = node.type
    if want.parts is None and out.dtype is not want.dtype and out.dtype != want.dtype:
        out = Cast(want.dtype)(out)  # a weak element is no weak batch
    return out, True
