"""Nodes of each kind, for the tests of what a node is."""

from __future__ import annotations

import numpy as np

from pullback.core import Array, Trace, constant, lift, make_node
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.types import ArrayType


def traced(value: Value, label: str = "x") -> Array:
    """A node that is being differentiated."""
    outer = lift(value)
    return make_node(outer._value, Input(label), (outer,), frozenset({Trace()}))


def unknown(*shape: int, dtype: str = "float64") -> Array:
    """A node without a value, as under vmap and jit."""
    type_ = ArrayType(shape, np.dtype(dtype))
    return make_node(type_, Input("x"), (constant(0.0),), frozenset({Trace()}))
