"""The persistent DAG: the node, how primitives apply to nodes, and walks over the graph."""

from pullback.core.array import (
    NO_SOURCES,
    Array,
    ArrayLike,
    apply,
    constant,
    lift,
    make_node,
    operands,
    rebuild_graph,
)
from pullback.core.graph import FlatGraph, flatten_graph, topological
from pullback.core.trace import Trace
from pullback.core.values import freeze_value, thaw

__all__ = [
    "NO_SOURCES",
    "Array",
    "ArrayLike",
    "FlatGraph",
    "Trace",
    "apply",
    "constant",
    "flatten_graph",
    "freeze_value",
    "lift",
    "make_node",
    "operands",
    "rebuild_graph",
    "thaw",
    "topological",
]
