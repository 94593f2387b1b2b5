"""One call of a function of a pytree that is to be differentiated: what `vjp` and `jvp` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar, final

from attrs import evolve, frozen

from pullback.api.functions import parameter_name
from pullback.api.inputs import Inputs, as_differentiable, open_inputs
from pullback.api.outputs import NUMERIC, describe
from pullback.api.plain import arrays_in, release_tree, views_outside
from pullback.core import Array, Trace, apply, lift
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.cast import Cast
from pullback.tree import Structure, flatten, unflatten
from pullback.tree.structures import leaf_path, mismatch
from pullback.types import promote

X = TypeVar("X")
Y = TypeVar("Y")


@final
@frozen(eq=False, repr=False)
class Call(Generic[X, Y]):
    """A function's argument, the graph of its call, and its result; `differentiable_call` makes it."""

    trace: Trace
    inputs: Inputs[X]
    #: In place of each differentiable leaf of the output its node; None in place of any other.
    outputs: Sequence[Array | None]
    structure: Structure[Y]
    #: The result as it leaves the transform.
    y: Y
    #: Whether the argument held arrays of ours.
    arrays: bool
    #: What stands for the outputs outside the trace; None where only their values can.
    views: Mapping[Array, Array] | None

    def tangent(self, dots: Mapping[Array, object], *, arrays: bool) -> Y:
        """Return a tangent of the result from those of its nodes, zero where there is none."""
        leaves, _ = flatten(self.y)
        return Inputs("", self.structure, leaves, self.outputs).gradient(dots, arrays=arrays)


def differentiable_call(operation: str, f: Callable[[X], Y], x: X) -> Call[X, Y]:
    """Call a function with inputs of a fresh trace.

    Raises:
        DifferentiationError: ``x`` has leaves, but none of floating-point type.
    """
    trace = Trace()
    inputs = open_inputs(x, trace, parameter_name(f, 0), operation)
    arrays = Array in map(type, inputs.leaves)
    leaves, structure = flatten(f(inputs.argument()))
    outputs = [as_differentiable(leaf) for leaf in leaves]
    if arrays:  # numbers that f returned become arrays, too
        pairs = zip(leaves, outputs, strict=True)
        leaves = [leaf if out is None else out for leaf, out in pairs]
    y = unflatten(structure, leaves)
    views = views_outside(trace, arrays_in(y))
    released = release_tree(y, trace, views, arrays=arrays)
    return Call(trace, inputs, outputs, structure, released, arrays, views)


def seeds(
    what: str,
    of: str,
    structure: Structure[object],
    nodes: Sequence[Array | None],
    tree: object,
) -> list[Array | None]:
    """Return the leaves of a tangent or cotangent as arrays of the types of nodes.

    Args:
        what: The operation and what the tree is: ``"jvp: the tangent"``.
        of: What it belongs to: ``"the point"``.
        structure: The structure that it must have.
        nodes: In place of each differentiable leaf its node; a leaf of None is ignored.
        tree: The tangent or cotangent.

    Raises:
        StructureError: The structures differ.
        ShapeError: The shapes differ at some leaf.
        DTypeError: A leaf is no number, or of a dtype that does not fit.
    """
    leaves, found = flatten(tree)
    if found != structure:
        operation, _, name = what.partition(": the ")
        raise mismatch(structure, found, operation, f"{of} and its {name}")
    arrays: list[Array | None] = []
    for number, (node, leaf) in enumerate(zip(nodes, leaves, strict=True)):
        try:
            arrays.append(None if node is None else _seed(node, leaf, of))
        except (DTypeError, ShapeError) as error:
            msg = f"{what} at {leaf_path(structure, number).place}: {error}"
            raise type(error)(msg) from None
    return arrays


def _seed(node: Array, leaf: object, of: str) -> Array:
    """Return a leaf as an array of the type of a node."""
    want = node.type
    if not isinstance(leaf, NUMERIC):
        msg = f"expected {want}, not {describe(leaf)}"
        raise DTypeError(msg)
    array = lift(leaf)
    have = array.type
    if have.shape != want.shape:
        msg = f"shape {have.shape}, but {of} has shape {want.shape}"
        raise ShapeError(msg)
    if promote([evolve(want, weak=False), have]) != want.dtype:
        msg = f"dtype {have.dtype}, but {of} has dtype {want.dtype}; convert it with astype"
        raise DTypeError(msg)
    return array if have == want else apply(Cast(want.dtype, want.weak), array)
