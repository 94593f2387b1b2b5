"""Forward mode: tangents carried from the inputs of a trace to outputs.

One sweep visits each node once, in topological order, and each edge once:

    y_dot += pushforward_i(x_dot, y, operands)        for each operand x = operands[i] of y

As in the reverse sweep, the rules compute with bare values where nothing but this trace is
involved; otherwise they build nodes in terms of what the outside world sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pullback.core import Array, Trace, last_uses, topological
from pullback.primitives.quantity import Quantity, Value
from pullback.transforms.vjp import outside


def push(
    trace: Trace,
    outputs: Sequence[Array],
    tangents: Mapping[Array, Array],
    views: Mapping[Array, Array] | None = None,
) -> dict[Array, Quantity]:
    """Carry tangents from inputs of the trace to outputs.

    Args:
        trace: The trace.
        outputs: Nodes.
        tangents: The tangent of each input, of its type; an absent one is zero.
        views: What stands for each node that depends on the trace, as `outside` gives it, where
            the caller has it already.

    Returns:
        The tangent of each output that moves: a bare value where this trace alone is involved,
        else a node.
    """
    order = topological(outputs, trace)
    if views is None and not any(dot.sources for dot in tangents.values()):
        if all(len(out.sources) == 1 for out in outputs if trace in out.sources):
            return _push_values(order, tangents, set(outputs))
        views = outside(outputs, trace)
    return _push_nodes(order, tangents, views or outside(outputs, trace), set(outputs))


@np.errstate(all="ignore")  # an unselected branch may divide by zero
def _push_values(
    order: Sequence[Array], tangents: Mapping[Array, Array], wanted: set[Array]
) -> dict[Array, Value]:
    """Sweep over bare values; a tangent that is not needed any more is freed."""
    dots: dict[Array, Value] = {node: dot._value for node, dot in tangents.items()}
    ends = last_uses(order, wanted)
    for node, ended in zip(order, ends, strict=True):
        if node not in dots:  # else it is an input
            primitive, operands = node.primitive, node.operands
            assert primitive is not None, "a node that depends on a trace is no constant"
            values = None
            total: Value = None
            for index, operand in enumerate(operands):
                dot = dots.get(operand)
                if dot is not None:
                    if values is None:
                        values = tuple([operand._value for operand in operands])
                    term = primitive.pushforward(index, dot, node._value, values)
                    total = term if total is None else total if term is None else total + term
            if total is not None:
                dots[node] = total
        for operand in ended:
            dots.pop(operand, None)
    return {node: dots[node] for node in wanted if node in dots}


@np.errstate(all="ignore")
def _push_nodes(
    order: Sequence[Array],
    tangents: Mapping[Array, Array],
    views: Mapping[Array, Array],
    wanted: set[Array],
) -> dict[Array, Quantity]:
    """Sweep over nodes."""
    dots: dict[Array, Value] = dict(tangents)
    for node in order:
        if node in dots:
            continue
        primitive, operands = node.primitive, node.operands
        assert primitive is not None, "a node that depends on a trace is no constant"
        moving = [index for index, operand in enumerate(operands) if operand in dots]
        if not moving or not primitive.differentiable:
            continue
        seen: Value = tuple([views.get(operand, operand) for operand in operands])
        out: Value = views[node]
        total: Value = None
        for index in moving:
            term = primitive.pushforward(index, dots[operands[index]], out, seen)
            total = term if total is None else total if term is None else total + term
        if total is not None:
            dots[node] = total
    return {node: dots[node] for node in wanted if node in dots}
