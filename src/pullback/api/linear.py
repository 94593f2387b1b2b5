"""Linear functions as values: `linearize`, whose pushforward is one, and `linear_transpose`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, final

import numpy as np
from attrs import frozen

from pullback.api.calls import differentiable_call, seeds
from pullback.api.functions import name_of, parameter_name
from pullback.api.inputs import Inputs, as_differentiable, open_inputs
from pullback.api.plain import holds_array
from pullback.core import Array, Program, Trace, build_program, constant, topological, unknown
from pullback.errors import DifferentiationError
from pullback.primitives.quantity import Value
from pullback.transforms.forward import push
from pullback.transforms.programs import zero_at_zero
from pullback.transforms.sweep import carry_nodes
from pullback.transforms.vjp import as_node, seeds_of
from pullback.tree import flatten
from pullback.tree import leaf as declare_leaf

X = TypeVar("X")
Y = TypeVar("Y")


@declare_leaf  # a function may return it
@final
@frozen(eq=False, repr=False)
class LinearMap(Generic[X, Y]):
    """A linear function of a pytree, such as the derivative of a function at a point.

    `linearize` and `linear_transpose` make one. It is a value: it may be called any number of
    times, in any thread, and be pickled. What it remembers is a program in which everything that
    does not depend on the argument has been computed already.

    Example:
        >>> import numpy as np
        >>> y, pushforward = linearize(np.sin, np.zeros(2))
        >>> pushforward(np.array([1.0, 2.0]))
        array([1., 2.])
        >>> pushforward
        LinearMap(* -> *)
    """

    #: What errors call the argument.
    _what: str
    #: From what it captured and the differentiable leaves of the argument to those of the result.
    _program: Program
    _captured: Sequence[Array]
    _inputs: Inputs[X]
    _outputs: Inputs[Y]
    #: Those of its nodes that the program computes; the others are zero.
    _moving: Sequence[Array]
    #: Whether it was made of arrays of ours.
    _arrays: bool

    @np.errstate(all="ignore")  # as in every sweep
    def __call__(self, x: X, /) -> Y:
        """Return the value at ``x``.

        Args:
            x: Of the structure and shapes that the map was made for, its dtypes no wider. Leaves
                that correspond to what is not differentiable are ignored.

        Returns:
            The value, plain if neither ``x`` nor what the map was made of holds an `Array`.

        Raises:
            StructureError: The structures differ.
            ShapeError: The shapes differ at some leaf.
            DTypeError: A leaf is no number, or of a dtype that does not fit.
        """
        inputs, outputs = self._inputs, self._outputs
        leaves = seeds(self._what, "the point", inputs.structure, inputs.nodes, x)
        given = [leaf for leaf in leaves if leaf is not None]
        found = self._program.apply([*self._captured, *given])
        moved: dict[Array, Value] = dict(zip(self._moving, found, strict=True))
        return outputs.gradient(moved, arrays=self._arrays or holds_array([x]))

    def __repr__(self) -> str:
        return f"LinearMap({self._inputs.structure!r} -> {self._outputs.structure!r})"


def linearize(f: Callable[[X], Y], x: X, /) -> tuple[Y, LinearMap[X, Y]]:
    """Return the value of a function at a point, and its pushforward there.

    The pushforward is ``ẋ ↦ J ẋ`` for the Jacobian J of ``f`` at ``x``, as in `jvp`; but ``f`` is
    called once, and all that does not depend on the direction is computed once, for any number of
    directions.

    Args:
        f: A function of one pytree that returns a pytree; it is called once. A function of more
            arguments is one of a tuple: ``linearize(lambda args: f(*args), (x, y))``.
        x: The point, a pytree. Leaves that are no floating-point numbers are handed on to ``f``.

    Returns:
        The value ``f(x)``, and the pushforward, which takes a tangent of the type of ``x`` and
        returns one of the type of the value.

    Raises:
        DifferentiationError: ``x`` has leaves, but none of floating-point type.

    Example:
        >>> y, pushforward = linearize(lambda x: x**3, 2.0)
        >>> y, pushforward(1.0), pushforward(10.0)
        (8.0, 12.0, 120.0)
    """
    call = differentiable_call("linearize", f, x)
    inputs = call.inputs
    linear = Trace()
    own = frozenset((linear,))
    tangents = {node: unknown(node.type, own) for node in inputs.nodes if node is not None}
    outputs = [out for out in call.outputs if out is not None]
    pushed = push(call.trace, outputs, tangents, call.views)
    # The map keeps no node of the graph of f, only what stands for it in type.
    stand_ins = {out: constant(out._value) for out in outputs}
    moving = [out for out in stand_ins if out in pushed]
    dots = [as_node(pushed[out]) for out in moving]
    program, captured = build_program(linear, list(tangents.values()), dots)
    nodes = [None if out is None else stand_ins[out] for out in call.outputs]
    image = Inputs("", call.structure, flatten(call.y)[0], nodes)
    what, moved = "linearize: the tangent", [stand_ins[out] for out in moving]
    return call.y, LinearMap(what, program, captured, inputs, image, moved, call.arrays)


def linear_transpose(f: Callable[[X], Y], x: X, /) -> LinearMap[Y, X]:
    """Return the transpose of a linear function.

    For a linear function f(x) = A x it is the function w ↦ Aᵀ w, the adjoint with respect to the
    real inner product Re Σ conj(w)·v.

    Args:
        f: A linear function of one pytree that returns a pytree; it is called once, with arrays
            whose values are unknown to it.
        x: An argument, of which only the structure, shapes and dtypes matter.

    Returns:
        The transpose, a `LinearMap`: it takes a value of the type of ``f(x)`` and returns one of
        the type of ``x``.

    Raises:
        DifferentiationError: ``f`` is not linear, or ``x`` has leaves, but none of floating-point
            type.

    Example:
        >>> import numpy as np
        >>> transpose = linear_transpose(lambda x: x[0] + 2 * x[1], np.zeros(2))
        >>> transpose(3.0)
        array([3., 6.])
    """
    trace, adjoint = Trace(), Trace()
    point = open_inputs(x, Trace(), parameter_name(f, 0), "linear_transpose")
    own, other = frozenset((trace,)), frozenset((adjoint,))
    nodes = [None if node is None else unknown(node.type, own) for node in point.nodes]
    inputs = Inputs(point.name, point.structure, point.leaves, nodes)
    leaves, structure = flatten(f(inputs.argument()))
    outputs = [as_differentiable(leaf) for leaf in leaves]
    given = [node for node in nodes if node is not None]
    if not zero_at_zero(trace, given, [out for out in outputs if out is not None]):
        msg = f"linear_transpose: {name_of(f)} is not linear: it is not zero at zero"
        raise DifferentiationError(msg)
    bars = [None if out is None else unknown(out.type, other) for out in outputs]
    reached = seeds_of(trace, outputs, bars)
    views = {node: node for node in topological(reached, trace)}
    found = carry_nodes(trace, reached, views)
    moving = [node for node in given if node in found]
    transposed = [as_node(found[node]) for node in moving]
    if any(trace in bar.sources for bar in transposed):
        msg = f"linear_transpose: {name_of(f)} is not linear: its derivative is not constant"
        raise DifferentiationError(msg)
    program, captured = build_program(adjoint, [bar for bar in bars if bar is not None], transposed)
    domain = Inputs("", structure, leaves, bars)
    what = "linear_transpose: the cotangent"
    return LinearMap(what, program, captured, domain, inputs, moving, holds_array([x]))
