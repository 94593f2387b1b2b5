"""A differentiated argument: a pytree whose differentiable leaves become inputs of a trace.

Differentiable are the real and complex floating numbers and arrays. The gradient has the structure
of the argument; a leaf that is not differentiable becomes zero in it if it is a number or an array
of numbers, and stands there unchanged if not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, Generic, TypeVar, final

import numpy as np
from attrs import frozen

from pullback.core import Array, Trace, constant, lift, make_node
from pullback.errors import DifferentiationError, StructureError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import NUMBERS, Quantity, Value
from pullback.transforms.vjp import as_node, exactly
from pullback.tree import Structure, flatten, unflatten
from pullback.tree.structures import LEAF
from pullback.types import ArrayType, python_zero

T = TypeVar("T")

_SHOWN: Final = 4  # leaves that an error names
_OF_LEAVES: Final = frozenset({"builtins", "numpy", Array.__module__})
#: The dtypes of differentiable ndarrays, but for rare ones.
USUAL: Final = frozenset(map(np.dtype, ("f4", "f8", "c8", "c16")))


@final
@frozen(eq=False, repr=False)
class Inputs(Generic[T]):
    """An argument taken apart, with the inputs of a trace that stand for its leaves."""

    #: What a user calls the argument.
    name: str
    structure: Structure[T]
    leaves: Sequence[object]
    #: In place of each differentiable leaf its input; None in place of any other.
    nodes: Sequence[Array | None]

    def argument(self) -> T:
        """Return the argument as the function is to see it."""
        if self.structure is LEAF:  # the commonest tree
            return self.nodes[0]  # type: ignore[return-value]  # stands for the argument
        pairs = zip(self.nodes, self.leaves, strict=True)
        return unflatten(self.structure, [leaf if node is None else node for node, leaf in pairs])

    def gradient(self, bars: Mapping[Array, Quantity], *, arrays: bool) -> T:
        """Return the gradient, zero where no cotangent came.

        Args:
            bars: The cotangents, by input.
            arrays: Whether its differentiable leaves are to be arrays of ours.
        """
        found: list[object] = []
        for node, leaf in zip(self.nodes, self.leaves, strict=True):
            bar: Value = None if node is None else bars.get(node)
            if bar.__class__ is not float or leaf.__class__ is not float or arrays:
                bar = _gradient(bar, node, leaf, arrays=arrays)
            found.append(bar)
        if self.structure is LEAF:
            return found[0]  # type: ignore[return-value]  # the gradient of a T is a T
        return unflatten(self.structure, found)

    def labels(self) -> list[str]:
        """Return how a user reaches each leaf: ``x``, ``params['w']``."""
        return [self.name + "".join(path.texts) for path in self.structure.paths()]


def open_inputs(tree: T, trace: Trace, name: str, operation: str) -> Inputs[T]:
    """Take an argument apart and make an input of the trace for each differentiable leaf.

    Args:
        tree: The argument.
        trace: The trace.
        name: What a user calls the argument.
        operation: The name that an error gives the transform.

    Raises:
        DifferentiationError: The argument has leaves, but none that is differentiable.
    """
    own = frozenset((trace,))
    leaves, structure = flatten(tree)
    nodes: list[Array | None] = []
    for leaf, primitive in zip(leaves, input_primitives(name, structure), strict=True):
        if leaf.__class__ is float:
            nodes.append(make_node(leaf, primitive, (), own))
        else:
            nodes.append(_input(leaf, primitive, own))
    inputs = Inputs(name, structure, leaves, nodes)
    if nodes and nodes[0] is None and all(node is None for node in nodes):
        raise _nothing_differentiable(inputs, operation)
    return inputs


def number_input(x: float, trace: Trace, name: str) -> Array:
    """Return the input that stands for a Python number."""
    return make_node(x, _root(name)[0], (), frozenset((trace,)))


def input_primitives(name: str, structure: Structure[object]) -> tuple[Input, ...]:
    """Return the primitives of the inputs that stand for an argument's leaves."""
    if structure is LEAF:
        return _root(name)
    try:
        return _labelled(name, structure)
    except StructureError:  # a static value that cannot be hashed
        return _labelled.__wrapped__(name, structure)


# Labels are read only where a node is printed, but to write them costs more than all the rest.
@lru_cache(maxsize=64)
def _labelled(name: str, structure: Structure[object]) -> tuple[Input, ...]:
    return tuple(Input(name + "".join(path.texts)) for path in structure.paths())


@lru_cache(maxsize=256)
def _root(name: str) -> tuple[Input]:
    return (Input(name),)


def _input(leaf: object, primitive: Input, own: frozenset[Trace]) -> Array | None:
    """Return the input that stands for a leaf; None for a leaf that is not differentiable."""
    outer = as_differentiable(leaf)
    if outer is None:
        return None
    sources = outer.sources | own if outer.sources else own
    return make_node(outer._value, primitive, (outer,), sources)


def as_differentiable(leaf: object) -> Array | None:
    """Return a leaf that is differentiable as an array; None for any other leaf."""
    if leaf.__class__ is Array:
        return leaf if is_inexact(leaf) else None
    if leaf.__class__ is np.ndarray and leaf.dtype in USUAL and leaf.ndim:
        return constant(np.array(leaf))  # as `lift` does, without its checks
    if isinstance(leaf, (np.ndarray, np.inexact)):
        return lift(leaf) if leaf.dtype.kind in "fc" else None
    if isinstance(leaf, float):
        return constant(float(leaf))  # of a subclass, too
    return constant(complex(leaf)) if isinstance(leaf, complex) else None


def is_inexact(node: Array) -> bool:
    """Return whether an array is of a dtype that has derivatives."""
    value: Value = node._value
    kind = value.__class__
    return kind is float or kind is complex or (kind not in NUMBERS and value.dtype.kind in "fc")


def _nothing_differentiable(inputs: Inputs[T], operation: str) -> DifferentiationError:
    """Return the error about an argument without differentiable leaves."""
    kinds = [str(getattr(leaf, "dtype", type(leaf).__name__)) for leaf in inputs.leaves]
    shown = [f"{label} ({kind})" for label, kind in zip(inputs.labels(), kinds, strict=True)]
    if len(shown) > _SHOWN:
        shown[_SHOWN:] = [f"{len(shown) - _SHOWN} more"]
    remedy = "pass 2.0 in place of 2, convert an array with astype(float)"
    if any(type(leaf).__module__ not in _OF_LEAVES for leaf in inputs.leaves):
        remedy = "make its class a dataclass or an attrs class, or register it with tree.register"
    msg = (
        f"{operation}: no floating-point numbers to differentiate with respect to in "
        f"{', '.join(shown)}; {remedy}, or differentiate with respect to another argument"
    )
    return DifferentiationError(msg)


def _gradient(bar: Value, node: Array | None, leaf: Value, *, arrays: bool) -> object:
    """Return the gradient at a leaf from the cotangent of its input, which may be absent."""
    if bar.__class__ is np.ndarray:
        return constant(bar) if arrays else np.array(bar, leaf.dtype)
    if node is None:
        return _zero_like(leaf)
    bar = zero_of(node) if bar is None else exactly(bar, node)
    if arrays:
        return as_node(bar)
    if bar.__class__ is Array:
        if bar.sources:  # an outer transform differentiates it
            return bar
        bar = bar._value
    return np.array(bar, leaf.dtype) if isinstance(leaf, np.ndarray) else bar


def zero_of(node: Array) -> Value:
    """Return the zero of an array's type."""
    value: Value = node._value
    kind: type[float] = value.__class__
    if kind in NUMBERS:
        return kind(0)
    if value.__class__ is ArrayType and value.weak:
        return python_zero(value.dtype)
    return np.zeros(value.shape, value.dtype)[()]


def _zero_like(leaf: object) -> object:
    """Return the gradient at a leaf that is not differentiable."""
    if isinstance(leaf, Array):
        return constant(zero_of(leaf))
    if isinstance(leaf, (np.ndarray, np.generic)) and leaf.dtype.kind in "biu":
        zero: Value = np.zeros(leaf.shape, leaf.dtype)
        return zero if isinstance(leaf, np.ndarray) else zero[()]
    if isinstance(leaf, int):
        return False if leaf is True or leaf is False else 0
    return leaf
