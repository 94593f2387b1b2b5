"""Plain in, plain out: whether results are arrays of ours, or Python numbers and ndarrays.

Where any leaf of any argument is an `Array`, results are arrays; where none is, they become plain.
A node that still depends on an outer trace stays a node: to make it plain would cut its gradient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType, NoneType
from typing import Final, TypeVar

import numpy as np

from pullback.core import Array, Trace, constant
from pullback.errors import StructureError
from pullback.transforms.vjp import outside
from pullback.tree import flatten, unflatten

T = TypeVar("T")

#: Classes that hold no arrays of ours, asked first because most arguments are of one of them.
_PLAIN: Final = frozenset(
    {bool, int, float, complex, str, NoneType, FunctionType, np.ndarray, np.float64, np.float32}
)


def holds_array(arguments: Iterable[object]) -> bool:
    """Return whether some leaf of some argument is an array of ours."""
    for argument in arguments:
        kind = argument.__class__
        if kind is Array:
            return True
        if kind in _PLAIN:
            continue
        try:
            leaves, _ = flatten(argument)
        except StructureError:  # it cannot be taken apart: a leaf
            continue
        if Array in map(type, leaves):
            return True
    return False


def arrays_in(tree: object) -> list[Array]:
    """Return the leaves of a tree that are arrays of ours."""
    return [leaf for leaf in flatten(tree)[0] if isinstance(leaf, Array)]


def plain(node: Array) -> object:
    """Return a constant's value as one may write to it; any other node as it is.

    A weak constant is a Python number, another of rank 0 a NumPy scalar, the rest are fresh
    ndarrays.
    """
    if node.sources:
        return node
    value: object = node._value
    return value.copy() if isinstance(value, np.ndarray) else value


def views_outside(trace: Trace, nodes: Sequence[Array]) -> dict[Array, Array] | None:
    """Return what stands for nodes outside a trace; None where only their values can.

    That is so where nothing but this trace is involved.
    """
    if all(len(node.sources) < 2 for node in nodes):
        return None
    return outside(nodes, trace)


def release(
    node: Array, trace: Trace, views: Mapping[Array, Array] | None, *, arrays: bool
) -> object:
    """Return what leaves a transform for a node: nothing that depends on the trace.

    Args:
        node: What the function returned.
        trace: The transform's trace.
        views: What `views_outside` gave for this node among others.
        arrays: Whether arrays stay arrays.
    """
    if trace in node.sources:
        node = constant(node._value) if views is None else views[node]
    return node if arrays else plain(node)


def release_tree(tree: T, trace: Trace, views: Mapping[Array, Array] | None, *, arrays: bool) -> T:
    """Return a tree with what leaves for its arrays, as in `release`."""
    leaves, structure = flatten(tree)
    released = [
        release(leaf, trace, views, arrays=arrays) if isinstance(leaf, Array) else leaf
        for leaf in leaves
    ]
    return unflatten(structure, released)
