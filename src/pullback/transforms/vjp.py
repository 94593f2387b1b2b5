"""Reverse mode: cotangents carried from outputs back to the inputs of a trace.

Where nothing but this trace depends on its inputs (the commonest case), the rules compute with
bare values. Otherwise they build nodes in terms of what the outside world sees: the graph as it
is when every input of the trace is replaced by the outer node it stands for. So nothing that comes
out of a trace depends on the trace any more, and an outer transform differentiates it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pullback.core import Array, Trace, constant, lift, make_node, topological
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Quantity
from pullback.transforms.sweep import carry_nodes, carry_values


def outside(nodes: Iterable[Array], trace: Trace) -> dict[Array, Array]:
    """Return each node under ``nodes`` that depends on ``trace`` as the outside world sees it.

    An input of the trace is the node it stands for; what was made of inputs is made of those. A
    node that depended on this trace alone is a constant.
    """
    seen: dict[Array, Array] = {}
    for node in topological(nodes):
        if trace not in node.sources:
            continue
        rest = node.sources - {trace}
        if isinstance(node.primitive, Input) and rest == node.operands[0].sources - {trace}:
            seen[node] = seen.get(node.operands[0], node.operands[0])
        elif rest:
            operands = tuple(seen.get(operand, operand) for operand in node.operands)
            seen[node] = make_node(node._value, node.primitive, operands, rest)
        else:
            seen[node] = constant(node._value)
    return seen


def sweep(
    trace: Trace, outputs: Sequence[Array], cotangents: Sequence[Array]
) -> dict[Array, Array]:
    """Carry cotangents back from the outputs to the inputs of the trace.

    Args:
        trace: The trace whose inputs are differentiated with respect to.
        outputs: Nodes; those that do not depend on the trace contribute nothing.
        cotangents: One for each output, of its type.

    Returns:
        The cotangent of each input that the outputs depend on smoothly.
    """
    seeds: dict[Array, Quantity] = {}
    concrete = all(len(out.sources) < 2 for out in outputs) and not any(
        bar.sources for bar in cotangents
    )
    for out, bar in zip(outputs, cotangents, strict=True):
        if trace in out.sources:
            seed: Quantity = bar._value if concrete else bar
            seeds[out] = seeds[out] + seed if out in seeds else seed
    with np.errstate(all="ignore"):  # an unselected branch may divide by zero
        if concrete:
            values = carry_values(seeds)
            return {node: constant(bar) for node, bar in values.items()}
        nodes = carry_nodes(trace, seeds, outside(seeds, trace))
        return {node: lift(bar) for node, bar in nodes.items()}
