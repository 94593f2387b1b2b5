"""Walks over the graph: iterative, linear in the number of nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, final

from attrs import frozen

from pullback.core.trace import Trace
from pullback.core.values import thaw
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value

if TYPE_CHECKING:
    from pullback.core.array import Array


def topological(roots: Iterable[Array], within: Trace | None = None) -> list[Array]:
    """Return every node that the roots are made of, operands before what they make.

    Args:
        roots: Where the walk begins.
        within: If given, the walk keeps to the nodes that depend on this trace.
    """
    order: list[Array] = []
    seen: set[Array] = set()
    stack: list[Array | None] = [root for root in roots if within is None or within in root.sources]
    pop, push = stack.pop, stack.append
    while stack:
        node = pop()
        if node is None:  # all below the next is walked
            order.append(pop())  # type: ignore[arg-type]  # None stands on a node
        elif node not in seen:
            seen.add(node)
            push(node)
            push(None)
            for operand in reversed(node.operands):  # the first is walked first
                if operand not in seen and (within is None or within in operand.sources):
                    push(operand)
    return order


def last_uses(order: Sequence[Array], wanted: Iterable[Array]) -> list[list[Array]]:
    """Return for each node of an order those of its operands that nothing later needs.

    Args:
        order: Nodes, operands before what they make.
        wanted: Nodes that are needed in the end.
    """
    needed = set(wanted)
    ends: list[list[Array]] = []
    for node in reversed(order):
        ended = []
        for operand in node.operands:
            if operand.sources and operand not in needed:
                needed.add(operand)
                ended.append(operand)
        ends.append(ended)
    ends.reverse()
    return ends


@final
@frozen(eq=False, repr=False)
class FlatGraph:
    """A graph as flat columns, for pickling: row ``i`` is a node, made only of earlier rows."""

    values: list[Value]
    primitives: list[Primitive | None]
    operands: list[tuple[int, ...]]
    sources: list[tuple[int, ...]]
    roots: list[int]


def flatten_graph(roots: Sequence[Array]) -> FlatGraph:
    """Return the graph under the roots as flat columns; traces become small numbers."""
    order = topological(roots)
    row = {node: i for i, node in enumerate(order)}
    number: dict[Trace, int] = {}
    return FlatGraph(
        values=[thaw(node._value) for node in order],
        primitives=[node.primitive for node in order],
        operands=[tuple(row[operand] for operand in node.operands) for node in order],
        sources=[
            tuple(sorted(number.setdefault(trace, len(number)) for trace in node.sources))
            for node in order
        ],
        roots=[row[root] for root in roots],
    )
