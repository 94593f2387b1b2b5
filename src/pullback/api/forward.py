"""Forward mode: the derivative of a function along a direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pullback.api.calls import Call, differentiable_call, seeds
from pullback.api.plain import holds_array
from pullback.transforms.forward import push

X = TypeVar("X")
Y = TypeVar("Y")


def jvp(f: Callable[[X], Y], x: X, x_dot: X, /) -> tuple[Y, Y]:
    """Return the value of a function at a point, and its derivative along a direction.

    The derivative is ``ẏ = J ẋ`` for the Jacobian J of ``f`` at ``x``, computed in forward mode:
    at a small multiple of the cost of ``f``, whatever the size of the value.

    Plain in, plain out, as in `grad`: where neither ``x`` nor ``x_dot`` holds an `Array`, neither
    does the result.

    Args:
        f: A function of one pytree that returns a pytree; it is called once. A function of more
            arguments is one of a tuple: ``jvp(lambda args: f(*args), (x, y), (x_dot, y_dot))``.
        x: The point, a pytree. Leaves that are no floating-point numbers are handed on to ``f``.
        x_dot: The direction, of the structure and shapes of ``x``, its dtypes no wider. Leaves
            that correspond to what is not differentiable are ignored.

    Returns:
        The value ``f(x)`` and its tangent ``J x_dot``, which has the value's type. Where the value
        has a leaf that is no floating-point number, the tangent has a zero if it is a number, and
        the leaf itself if not.

    Raises:
        DifferentiationError: ``x`` has leaves, but none of floating-point type.
        StructureError: The structures of ``x`` and ``x_dot`` differ.
        ShapeError: Their shapes differ at some leaf.
        DTypeError: A leaf of ``x_dot`` is no number, or of a dtype that does not fit.

    Example:
        >>> import numpy as np
        >>> jvp(np.sin, np.zeros(2), np.array([1.0, 2.0]))
        (array([0., 0.]), array([1., 2.]))
        >>> jvp(lambda args: args[0] * args[1], (2.0, 3.0), (1.0, 0.0))
        (6.0, 3.0)
    """
    call = differentiable_call("jvp", f, x)
    return call.y, push_along("jvp", call, x_dot)


def push_along(operation: str, call: Call[X, Y], x_dot: X) -> Y:
    """Return the tangent of the result of a call when its argument moves along ``x_dot``."""
    inputs = call.inputs
    dots = seeds(f"{operation}: the tangent", "the point", inputs.structure, inputs.nodes, x_dot)
    tangents = {
        node: dot
        for node, dot in zip(inputs.nodes, dots, strict=True)
        if node is not None and dot is not None
    }
    outputs = [out for out in call.outputs if out is not None]
    pushed = push(call.trace, outputs, tangents, call.views)
    return call.tangent(pushed, arrays=call.arrays or holds_array([x_dot]))
