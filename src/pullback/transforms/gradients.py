"""Reverse mode on a graph that exists already: with respect to any of its nodes.

The requested nodes are not inputs of one trace. So what is made of them is made again, on top of
fresh inputs of a fresh trace, and swept; the rules see the original nodes, so the result is made
of those and differentiates again:

    x ── h ── y        becomes        x ═ x' ── h' ═ h" ── y'        for the nodes x and h

where ═ is an input that stands for its operand. The input h" is made of x', so that the derivative
with respect to x goes through h: it is the total derivative, as if h were not requested.
"""

from __future__ import annotations

from collections.abc import Iterable

from pullback.core import Array, Trace, make_node, topological
from pullback.primitives.identity import Input
from pullback.transforms.vjp import as_node, pull


def cotangents(output: Array, cotangent: Array, nodes: Iterable[Array]) -> dict[Array, Array]:
    """Carry a cotangent back from an output to nodes that it is made of.

    Args:
        output: A node.
        cotangent: Its cotangent, of its type.
        nodes: Nodes that depend on some trace.

    Returns:
        The cotangent of each node that the output depends on smoothly.
    """
    trace = Trace()
    requested = set(nodes)
    twins: dict[Array, Array] = {}  # for each node made of requested ones, what is made of inputs
    inputs: dict[Array, Array] = {}
    views: dict[Array, Array] = {}
    for node in topological([output]):
        twin = node
        if any(operand in twins for operand in node.operands):
            operands = tuple(twins.get(operand, operand) for operand in node.operands)
            twin = make_node(node._value, node.primitive, operands, node.sources | {trace})
            views[twin] = node
        if node in requested:
            twin = make_node(node._value, Input(), (twin,), node.sources | {trace})
            views[twin] = node
            inputs[node] = twin
        if twin is not node:
            twins[node] = twin
    if output not in twins:
        return {}
    bars = pull(trace, {twins[output]: cotangent}, views)
    return {node: as_node(bars[twin]) for node, twin in inputs.items() if twin in bars}
