"""Reverse mode: cotangents carried from outputs back to the inputs of a trace.

One sweep visits each node once, in reverse topological order, and each edge once:

    x_bar += pullback_i(y_bar, y, operands)        for each operand x = operands[i] of y

Where nothing but this trace depends on its inputs (the commonest case), the rules compute with
bare values. Otherwise they build nodes in terms of what the outside world sees: the graph as it
is when every input of the trace is replaced by the outer node it stands for. So nothing that comes
out of a trace depends on the trace any more, and an outer transform differentiates it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from pullback.core import Array, Trace, constant, lift, make_node, topological
from pullback.primitives.identity import Input
from pullback.primitives.primitive import PLAIN_PRODUCT
from pullback.primitives.quantity import Quantity
from pullback.primitives.selection import MultiplyNoNan

_PRODUCT_BELOW_SELECTION: Final = MultiplyNoNan()


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
    views = None if concrete else outside(seeds, trace)
    with np.errstate(all="ignore"):  # an unselected branch may divide by zero
        found = _carry(trace, seeds, views)
    return {node: constant(bar) if concrete else lift(bar) for node, bar in found.items()}


def _carry(
    trace: Trace, seeds: dict[Array, Quantity], views: dict[Array, Array] | None
) -> dict[Array, Quantity]:
    """Do the sweep: on bare values, or on the nodes' views from outside the trace."""
    uses = _count_uses(trace, seeds)
    sums: dict[Array, Quantity | None] = dict(seeds)  # cotangents still being summed
    masked: set[Array] = set()  # nodes whose cotangent has passed a selection
    found: dict[Array, Quantity] = {}
    ready: list[tuple[Array, Quantity | None]] = [
        (node, sums.pop(node)) for node in seeds if node not in uses
    ]
    while ready:
        node, cotangent = ready.pop()
        primitive, operands = node.primitive, node.operands
        assert primitive is not None, "a node that depends on a trace is no constant"
        if primitive.__class__ is Input and cotangent is not None:
            found[node] = cotangent
        if cotangent is None:
            quantities: tuple[Quantity, ...] = operands
            out: Quantity = node
        elif views is None:
            quantities = tuple([operand._value for operand in operands])
            out = node._value
        else:
            quantities = tuple([views.get(operand, operand) for operand in operands])
            out = views[node]
        below_selection = node in masked
        product = _PRODUCT_BELOW_SELECTION if below_selection else PLAIN_PRODUCT
        selected = below_selection or primitive.selects
        for index, operand in enumerate(operands):
            if trace not in operand.sources:
                continue
            bar = (
                None
                if cotangent is None
                else primitive.pullback(index, cotangent, out, quantities, product)
            )
            if selected:
                masked.add(operand)
            if operand in uses:
                before = sums.get(operand)
                if before is not None:
                    bar = before if bar is None else before + bar
                left = uses[operand] - 1
                if left:
                    uses[operand] = left
                    sums[operand] = bar
                    continue
                sums.pop(operand, None)
            ready.append((operand, bar))
    return found


def _count_uses(trace: Trace, roots: Iterable[Array]) -> dict[Array, int]:
    """Return how many edges lead to each node that more than one leads to."""
    seen = set(roots)
    uses: dict[Array, int] = {}
    stack = list(seen)
    while stack:
        for operand in stack.pop().operands:
            if trace in operand.sources:
                if operand in seen:
                    uses[operand] = uses.get(operand, 1) + 1
                else:
                    seen.add(operand)
                    stack.append(operand)
    return uses
