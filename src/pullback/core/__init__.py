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
from pullback.core.graph import FlatGraph, flatten_graph, last_uses, topological
from pullback.core.program import Program
from pullback.core.program_building import build_program, trace_program, unknown
from pullback.core.trace import Trace
from pullback.core.values import freeze_value, thaw

__all__ = [
    "NO_SOURCES",
    "Array",
    "ArrayLike",
    "FlatGraph",
    "Program",
    "Trace",
    "apply",
    "build_program",
    "constant",
    "flatten_graph",
    "freeze_value",
    "last_uses",
    "lift",
    "make_node",
    "operands",
    "rebuild_graph",
    "thaw",
    "topological",
    "trace_program",
    "unknown",
]
