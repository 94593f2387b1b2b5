"""One call of a function of a pytree that is to be differentiated: what `vjp` and `jvp` share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar, final

from attrs import evolve, frozen

from pullback.api.callables import check_functions, check_parameters
from pullback.api.functions import parameter_name
from pullback.api.inputs import Inputs, as_differentiable, open_inputs
from pullback.api.outputs import NUMERIC, describe
from pullback.api.plain import arrays_in, holds_array, release_tree, views_outside
from pullback.core import Array, Trace, apply, lift
from pullback.errors import DifferentiationError, DTypeError, ShapeError
from pullback.primitives.cast import Cast
from pullback.primitives.quantity import Quantity
from pullback.tree import Structure, flatten, unflatten
from pullback.tree.structures import leaf_path, mismatch
from pullback.types import ArrayType, promote

X = TypeVar("X")
Y = TypeVar("Y")


@final
@frozen(eq=False, repr=False)
class Call(Generic[X, Y]):
    """The argument of a function, the graph of its call, and the result."""

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

    def tangent(self, dots: Mapping[Array, Quantity], *, arrays: bool) -> Y:
        """Return a tangent of the result from those of its nodes, zero where there is none."""
        leaves, _ = flatten(self.y)
        return Inputs("", self.structure, leaves, self.outputs).gradient(dots, arrays=arrays)


def differentiable_call(
    operation: str,
    f: Callable[[X], Y],
    x: X,
    name: str | None = None,
    others: Iterable[object] = (),
) -> Call[X, Y]:
    """Call a function with inputs of a fresh trace.

    Args:
        operation: The name that an error gives the transform.
        f: The function.
        x: Its argument.
        name: What a user calls the argument, if not what ``f`` does.
        others: What else the user passed, which decides with ``x`` whether results are arrays.

    Raises:
        DifferentiationError: ``x`` has leaves, but none of floating-point type; or ``f`` is no
            function.
    """
    check_functions(operation, DifferentiationError, f=f)
    trace = Trace()
    inputs = open_inputs(x, trace, name or parameter_name(f, 0), operation)
    arrays = Array in map(type, inputs.leaves) or holds_array(others)
    argument = inputs.argument()
    try:
        result = f(argument)
    except TypeError:
        check_parameters(f"{operation}: f", f, "one pytree, such as a tuple of arguments")
        raise
    leaves, structure = flatten(result)
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
            arrays.append(None if node is None else fitting(leaf, node.type, of))
        except (DTypeError, ShapeError) as error:
            msg = f"{what} at {leaf_path(structure, number).place}: {error}"
            raise type(error)(msg) from None
    return arrays


def fitting(leaf: object, want: ArrayType, of: str) -> Array:
    """Return a leaf as an array of a type.

    Args:
        leaf: What a user gave.
        want: The type.
        of: What has that type: ``"the point"``.

    Raises:
        ShapeError: It has another shape.
        DTypeError: It is no number, or of a dtype that does not fit.
    """
    if not isinstance(leaf, NUMERIC):
        msg = f"expected {want}, not {describe(leaf)}"
        raise DTypeError(msg)
    array = lift(leaf)
    have = array.type
    if have == want:
        return array
    if have.shape != want.shape:
        msg = f"shape {have.shape}, but {of} has shape {want.shape}"
        raise ShapeError(msg)
    if promote([evolve(want, weak=False), have]) != want.dtype:
        msg = f"dtype {have.dtype}, but {of} has dtype {want.dtype}; convert it with astype"
        raise DTypeError(msg)
    return apply(Cast(want.dtype, want.weak), array)
