"""`vjp`: the value of a function, and its pullback as a value of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, final

import numpy as np
from attrs import evolve, frozen

from pullback.api.calls import differentiable_call, seeds
from pullback.api.inputs import Inputs
from pullback.api.plain import holds_array
from pullback.core import Array, FlatGraph, Trace, flatten_graph, rebuild_graph
from pullback.transforms.vjp import pull, seeds_of
from pullback.tree import Structure
from pullback.tree import leaf as declare_leaf

X = TypeVar("X")
Y = TypeVar("Y")


@declare_leaf  # a function may return it: taken apart, it would lose its trace
@final
@frozen(eq=False, repr=False)
class Pullback(Generic[X, Y]):
    """The pullback of a function at a point: it carries cotangents back along the function.

    `vjp` makes one. It is a linear function of the cotangent, the adjoint of the derivative, and
    it is a value: it may be called any number of times, in any thread, and be pickled and called
    in another process. What it remembers of the function is the graph of the call.

    Example:
        >>> import numpy as np
        >>> y, pullback = vjp(np.sin, np.zeros(2))
        >>> pullback(np.array([1.0, 2.0]))
        array([1., 2.])
        >>> pullback
        Pullback(* -> *)
    """

    _trace: Trace
    _inputs: Inputs[X]
    #: In place of each differentiable leaf of the output its node; None in place of any other.
    _outputs: Sequence[Array | None]
    _structure: Structure[Y]
    #: Whether the argument held arrays of ours.
    _arrays: bool

    def __call__(self, cotangent: Y, /) -> X:
        """Return the cotangent of the argument.

        Args:
            cotangent: Of the structure and shapes of the output, its dtypes no wider. Leaves that
                correspond to what is not differentiable are ignored.

        Returns:
            A value of the type of the argument: ``Jᵀ w`` for the Jacobian J and the cotangent w.

        Raises:
            StructureError: The structures differ.
            ShapeError: The shapes differ at some leaf.
            DTypeError: A leaf is no number, or of a dtype that does not fit in the output's.
        """
        bars = seeds("vjp: the cotangent", "the output", self._structure, self._outputs, cotangent)
        found = seeds_of(self._trace, self._outputs, bars)
        arrays = self._arrays or holds_array([cotangent])
        return self._inputs.gradient(pull(self._trace, found), arrays=arrays)

    def __repr__(self) -> str:
        return f"Pullback({self._structure!r} -> {self._inputs.structure!r})"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the nodes as one flat graph: linear, and without recursion."""
        inputs = self._inputs
        leaves = [
            leaf if node is None else _prototype(leaf)
            for leaf, node in zip(inputs.leaves, inputs.nodes, strict=True)
        ]
        nodes = [*inputs.nodes, *self._outputs]
        return _unpickle, (
            flatten_graph([node for node in nodes if node is not None]),
            [node is not None for node in nodes],
            Inputs(inputs.name, inputs.structure, leaves, ()),
            self._structure,
            self._arrays,
        )


def _prototype(leaf: object) -> object:
    """Return what the gradient needs of a differentiable leaf: its class, an ndarray's dtype."""
    if isinstance(leaf, np.ndarray):
        return np.empty(0, leaf.dtype)
    return None if isinstance(leaf, Array) else leaf


def _unpickle(
    graph: FlatGraph,
    present: list[bool],
    bare: Inputs[X],
    structure: Structure[Y],
    arrays: bool,  # noqa: FBT001 - pickle passes by position
) -> Pullback[X, Y]:
    """Return a pickled pullback; its trace is a new one."""
    rebuilt = iter(rebuild_graph(graph))
    nodes = [next(rebuilt) if there else None for there in present]
    number = len(bare.leaves)
    inputs = evolve(bare, nodes=nodes[:number])
    traces = [
        trace
        for node in inputs.nodes
        if node is not None
        for trace in node.sources.difference(*(operand.sources for operand in node.operands))
    ]
    trace = traces[0] if traces else Trace()
    return Pullback(trace, inputs, nodes[number:], structure, arrays)


def vjp(f: Callable[[X], Y], x: X, /) -> tuple[Y, Pullback[X, Y]]:
    """Return the value of a function at a point, and its pullback there.

    The pullback is w ↦ Jᵀ w for the Jacobian J of ``f`` at ``x``; for complex numbers it is the
    adjoint with respect to the real inner product Re Σ conj(w)·v.

    Plain in, plain out, as in `grad`: where ``x`` holds no `Array`, neither do the value and what
    the pullback returns for a plain cotangent.

    Args:
        f: A function of one pytree that returns a pytree; it is called once. A function of more
            arguments is one of a tuple: ``vjp(lambda args: f(*args), (x, y))``.
        x: The point, a pytree. Leaves that are no floating-point numbers are handed on to ``f``;
            the pullback has zeros for them if they are numbers, and hands on anything else.

    Returns:
        The value ``f(x)``, and a `Pullback`, which takes a cotangent of the type of the value and
        returns one of the type of ``x``.

    Raises:
        DifferentiationError: ``x`` has leaves, but none of floating-point type.

    Example:
        >>> import numpy as np
        >>> y, pullback = vjp(lambda x: {"sum": x[0] + x[1], "product": x[0] * x[1]}, (2.0, 3.0))
        >>> y
        {'sum': 5.0, 'product': 6.0}
        >>> pullback({"sum": 1.0, "product": 10.0})
        (31.0, 21.0)
    """
    call = differentiable_call("vjp", f, x)
    return call.y, Pullback(call.trace, call.inputs, call.outputs, call.structure, call.arrays)
