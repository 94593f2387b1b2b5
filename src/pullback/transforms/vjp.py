"""Reverse mode: cotangents carried from outputs back to the inputs of a trace.

Where nothing but this trace depends on its inputs (the commonest case), the rules compute with
bare values. Otherwise they build nodes in terms of what the outside world sees: the graph as it
is when every input of the trace is replaced by the outer node it stands for. So nothing that comes
out of a trace depends on the trace any more, and an outer transform differentiates it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pullback.core import Array, Trace, constant, make_node, topological
from pullback.primitives.identity import Input
from pullback.primitives.quantity import DOUBLES, Quantity, Value
from pullback.transforms.sweep import carry_nodes, carry_values
from pullback.types import ArrayType


def outside(nodes: Iterable[Array], trace: Trace) -> dict[Array, Array]:
    """Return each node under ``nodes`` that depends on ``trace`` as the outside world sees it.

    An input of the trace is the node it stands for; what was made of inputs is made of those. A
    node that depended on this trace alone is a constant.
    """
    seen: dict[Array, Array] = {}
    view = seen.get
    without: dict[frozenset[Trace], frozenset[Trace]] = {}
    for node in topological(nodes, trace):
        sources = node.sources
        rest = without.get(sources)
        if rest is None:
            rest = without[sources] = sources - {trace}
        if not rest:
            seen[node] = constant(node._value)
        elif isinstance(node.primitive, Input) and rest == node.operands[0].sources - {trace}:
            seen[node] = seen.get(node.operands[0], node.operands[0])
        else:
            operands = tuple([view(operand, operand) for operand in node.operands])
            seen[node] = make_node(node._value, node.primitive, operands, rest)
    return seen


def pull(
    trace: Trace, seeds: dict[Array, Array], views: Mapping[Array, Array] | None = None
) -> dict[Array, Quantity]:
    """Carry cotangents back from outputs to the inputs of the trace.

    Args:
        trace: The trace whose inputs are differentiated with respect to.
        seeds: The cotangent of each output, of its type; each output depends on the trace. The
            dict is emptied: the graph is freed as the sweep passes, where nobody else holds it.
        views: What stands for each node that depends on the trace, as `outside` gives it, where
            the caller has it already.

    Returns:
        The cotangent of each input that the outputs depend on smoothly: bare values where this
        trace alone is involved, else nodes.
    """
    if views is None and all(
        len(out.sources) == 1 and not bar.sources for out, bar in seeds.items()
    ):
        values = {out: bar._value for out, bar in seeds.items()}
        seeds.clear()
        return carry_values(values)
    return carry_nodes(trace, seeds, views or outside(seeds, trace))


def sweep(
    trace: Trace, outputs: Sequence[Array], cotangents: Sequence[Array]
) -> dict[Array, Array]:
    """Carry cotangents back, as `pull` does, and return arrays.

    Args:
        trace: The trace whose inputs are differentiated with respect to.
        outputs: Nodes; those that do not depend on the trace contribute nothing.
        cotangents: One for each output, of its type.

    Returns:
        The cotangent of each input that the outputs depend on smoothly.
    """
    seeds = seeds_of(trace, outputs, cotangents)
    return {node: as_node(exactly(bar, node)) for node, bar in pull(trace, seeds).items()}


def seeds_of(
    trace: Trace, outputs: Iterable[Array | None], cotangents: Iterable[Array | None]
) -> dict[Array, Array]:
    """Return the cotangent of each node among the outputs, added up where it stands twice.

    Those that are absent, or do not depend on the trace, contribute nothing.
    """
    seeds: dict[Array, Array] = {}
    for out, bar in zip(outputs, cotangents, strict=True):
        if out is not None and bar is not None and trace in out.sources:
            seeds[out] = seeds[out] + bar if out in seeds else bar
    return seeds


def exactly(bar: Value, node: Array) -> Value:
    """Return the cotangent of a node in the node's own type.

    A sweep over bare values takes Python floats and double-precision scalars for each other.
    """
    kind = node._value.__class__
    if bar.__class__ is kind or bar.__class__ not in DOUBLES:
        return bar
    if kind is ArrayType:  # of unknown value
        kind = float if node.type.weak else node.type.dtype.type
    return kind(bar)


def as_node(quantity: Value) -> Array:
    """Return a node as it is, and a value that nobody else can write to as a constant."""
    return quantity if isinstance(quantity, Array) else constant(quantity)
