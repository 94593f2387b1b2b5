"""The explicit form: variables, the graph that operations on them build, and its gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from pullback.api.inputs import is_inexact, zero_of
from pullback.api.outputs import describe, one_like, scalar_output
from pullback.core import Array, ArrayLike, Trace, apply, constant, lift, make_node
from pullback.errors import DifferentiationError
from pullback.lazy import lazy
from pullback.primitives.identity import Input, StopGradient
from pullback.transforms.gradients import cotangents
from pullback.tree import flatten, unflatten

if TYPE_CHECKING:
    import pyrsistent
else:
    pyrsistent = lazy("pyrsistent")

T = TypeVar("T")


def variable(value: ArrayLike, label: str = "") -> Array:
    """Return a variable: an array whose operations are remembered, for `gradients`.

    What is made of variables is a node that knows what it was made of; the graph lives as long as
    a node of it does. Nothing is recorded anywhere else.

    Args:
        value: A floating-point number or array, real or complex.
        label: What the variable is called when it is printed.

    Returns:
        A new node of the value's shape and dtype. Of an `Array` that depends on other variables
        it is an alias: they see through it.

    Raises:
        DifferentiationError: The dtype has no derivatives.

    Example:
        >>> x = variable(3.0, "x")
        >>> x
        Array(3.0, weak float64, input x)
        >>> y = x * x
        >>> gradients(y, [x])[x]
        Array(6.0, weak float64, traced add)
    """
    outer = lift(value)
    _check_differentiable("variable: the value", outer)
    return make_node(outer._value, Input(label), (outer,), outer.sources | {Trace()})


def gradients(output: Array, inputs: Iterable[Array]) -> pyrsistent.PMap[Array, Array]:
    """Return the gradients of a node with respect to nodes that it is made of.

    Any node of the graph will do: variables, what was computed from them, what was kept from
    inside a differentiated function. A derivative is total: where an input is made of another, the
    gradient of the other goes through it too, whether it was asked for or not.

    Args:
        output: A real scalar.
        inputs: Nodes that depend on variables, or on the arguments of a differentiated function.

    Returns:
        A map from each input to its gradient, an array of its shape and dtype; zeros where the
        output does not depend on it. The gradients are nodes of the same graph and have gradients
        themselves.

    Raises:
        DifferentiationError: The output is no real scalar; an input is no `Array`, is of a dtype
            without derivatives, or is a constant, whose operations are not remembered.

    Example:
        >>> x = variable(3.0)
        >>> h = x * x
        >>> y = x * h
        >>> found = gradients(y, [x, h])
        >>> print(found[x], found[h])
        27.0 3.0
        >>> print(gradients(found[x], [x])[x])
        18.0
    """
    nodes = list(inputs)
    for number, node in enumerate(nodes):
        name = f"gradients: input {number}"
        _check_differentiable(name, node)
        if not node.sources:
            msg = (
                f"{name}, {node!r}, is a constant, and operations on constants are not "
                "remembered; make it with variable(...), and compute from that"
            )
            raise DifferentiationError(msg)
    out = scalar_output("gradients", None, output)
    bars = cotangents(out, one_like(out), nodes)
    return pyrsistent.pmap(
        {node: bars[node] if node in bars else constant(zero_of(node)) for node in nodes}
    )


def stop_gradient(x: T) -> T:
    """Return ``x`` as a constant: what is made of the result has no derivative through it.

    Args:
        x: A pytree.

    Returns:
        The same values. An `Array` that is being differentiated becomes a constant; other leaves
        are unchanged.

    Example:
        >>> import pullback as pb
        >>> pb.grad(lambda x: x * stop_gradient(x))(3.0)
        3.0
    """
    leaves, structure = flatten(x)
    return unflatten(
        structure,
        [
            apply(StopGradient(), leaf) if isinstance(leaf, Array) and leaf.sources else leaf
            for leaf in leaves
        ],
    )


def _check_differentiable(name: str, node: object) -> None:
    if not isinstance(node, Array):
        msg = f"{name} is {describe(node)}, not an Array"
        raise DifferentiationError(msg)
    if not is_inexact(node):
        msg = (
            f"{name} has dtype {node.dtype}, which has no derivatives; "
            "use a floating-point number or array (2.0 in place of 2, astype(float))"
        )
        raise DifferentiationError(msg)
