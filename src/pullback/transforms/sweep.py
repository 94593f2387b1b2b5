"""The reverse sweep: cotangents carried from outputs back to the inputs of a trace.

One sweep visits each node once, in reverse topological order, and each edge once:

    x_bar += pullback_i(y_bar, y, operands)        for each operand x = operands[i] of y

A first walk counts the edges that lead to each node; a node's cotangent is complete when as many
have been followed back. The sweep comes in two forms that do the same: on bare values, the common
case, where each nanosecond counts; and on nodes, whose rules build the graph of the derivative.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from pullback.core import Array, Trace
from pullback.primitives.cast import conform
from pullback.primitives.identity import Input
from pullback.primitives.primitive import PLAIN_PRODUCT
from pullback.primitives.quantity import Quantity, Value
from pullback.primitives.selection import MultiplyNoNan
from pullback.primitives.slicing import Slice

_PRODUCT_BELOW_SELECTION: Final = MultiplyNoNan()
_VALUE_PRODUCT_BELOW_SELECTION: Final = _PRODUCT_BELOW_SELECTION.evaluate


@np.errstate(all="ignore")  # an unselected branch may divide by zero
def carry_values(  # noqa: PLR0915 - one hot loop
    seeds: dict[Array, Value], *, selected: bool = False
) -> dict[Array, Value]:
    """Sweep over bare values, where one trace alone is involved.

    It keeps no node longer than it needs it, so the graph is freed on the way if nobody else
    holds it.

    Args:
        seeds: The cotangent of each output; emptied.
        selected: Whether the zeros among the seeds are absences: what no selection took.

    Returns:
        The cotangent of each input that the outputs depend on smoothly.
    """
    uses = _count_uses(seeds)
    sums: dict[Array, Value] = {}  # what has arrived so far at nodes that await more
    found: dict[Array, Value] = {}
    masked = set(seeds) if selected else set()  # nodes whose cotangent has passed a selection
    parts: dict[Array, Value] = {}  # the sum of what the slices of a node send it
    arrived = list(seeds.items())
    seeds.clear()
    pop, push = arrived.pop, arrived.append
    while arrived:
        node, bar = pop()
        if node in uses:
            before = sums.get(node)
            if before is not None:
                bar = before if bar is None else before + bar
            left = uses[node] - 1
            if left:
                uses[node] = left
                sums[node] = bar
                continue
            del uses[node]
            sums.pop(node, None)
            if node in parts:
                bar = parts.pop(node) if bar is None else parts.pop(node) + bar
        primitive, operands = node.primitive, node.operands
        assert primitive is not None, "a node that depends on a trace is no constant"
        if bar is None:  # the derivative is zero, but the edges below count
            arrived.extend([(operand, None) for operand in operands if operand.sources])
            continue
        if primitive.__class__ is Input:
            found[node] = bar
        product = PLAIN_PRODUCT
        if masked and node in masked:
            product = _VALUE_PRODUCT_BELOW_SELECTION
            masked.remove(node)
            masked.update(operands)
        elif primitive.selects:
            masked.update(operands)
        if len(operands) == 2:  # the commonest, without a loop
            x, y = operands
            values: tuple[Value, ...] = (x._value, y._value)
            if x.sources:
                push((x, primitive.pullback(0, bar, node._value, values, product)))
            if y.sources:
                push((y, primitive.pullback(1, bar, node._value, values, product)))
        elif primitive.__class__ is Slice and operands[0] in uses:
            (x,) = operands
            part = parts.get(x)
            if part is None:
                part = parts[x] = np.zeros(x.shape, x.dtype)
            part[primitive.slots] += bar  # in place: nobody else holds it
            push((x, None))
        else:
            values = tuple([operand._value for operand in operands])
            for index, operand in enumerate(operands):
                if operand.sources:
                    push((operand, primitive.pullback(index, bar, node._value, values, product)))
    return found


@np.errstate(all="ignore")
def carry_nodes(
    trace: Trace,
    seeds: Mapping[Array, Value],
    views: Mapping[Array, Value],
    *,
    selected: bool = False,
) -> dict[Array, Quantity]:
    """Sweep over nodes.

    Args:
        trace: The trace whose inputs are differentiated with respect to.
        seeds: The cotangent of each output.
        views: What the rules see in place of each node that depends on the trace.
        selected: Whether the zeros among the seeds are absences: what no selection took.

    Returns:
        The cotangent of each input that the outputs depend on smoothly.
    """
    uses = _count_uses(seeds, trace)
    sums: dict[Array, Quantity | None] = {}
    found: dict[Array, Quantity] = {}
    masked: set[Array] = set(seeds) if selected else set()
    arrived: list[tuple[Array, Quantity | None]] = list(seeds.items())
    pop, push = arrived.pop, arrived.append
    while arrived:
        node, bar = pop()
        left = uses.get(node)
        if left is not None:
            bar = _add(sums.get(node), bar)
            uses[node] = left - 1
            if left > 1:
                sums[node] = bar
                continue
        primitive, operands = node.primitive, node.operands
        assert primitive is not None, "a node that depends on a trace is no constant"
        if bar is None or not primitive.differentiable:
            arrived.extend([(operand, None) for operand in operands if trace in operand.sources])
            continue
        if primitive.__class__ is Input:
            own: Value = node
            found[node] = conform(bar, own)  # rules leave that of a Python number strong
        below = masked and node in masked
        product = _PRODUCT_BELOW_SELECTION if below else PLAIN_PRODUCT
        if below or primitive.selects:
            masked.update(operands)
        seen = tuple([views.get(operand, operand) for operand in operands])
        out = views[node]
        for index, operand in enumerate(operands):
            if trace in operand.sources:
                push((operand, primitive.pullback(index, bar, out, seen, product)))
    return found


def _add(x: Value, y: Value) -> Value:
    """Add two cotangents, of which either may be absent."""
    if x is None:
        return y
    return x if y is None else x + y


def _count_uses(roots: Iterable[Array], trace: Trace | None = None) -> dict[Array, int]:
    """Return how many cotangents will arrive at each node, where more than one will.

    One arrives by each edge to the node, and at a root its own. Without a trace, edges to
    constants do not count; with one, only edges to nodes that depend on it do.
    """
    seen = set(roots)
    uses: dict[Array, int] = {}
    stack = list(seen)
    while stack:
        for operand in stack.pop().operands:
            if operand.sources and (trace is None or trace in operand.sources):
                if operand in seen:
                    uses[operand] = uses.get(operand, 1) + 1
                else:
                    seen.add(operand)
                    stack.append(operand)
    return uses
