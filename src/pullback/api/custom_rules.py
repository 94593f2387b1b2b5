"""Functions whose derivatives their author gives: `custom_jvp`, `custom_vjp`, `check_rules`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np

from pullback.api.callables import check_functions, check_parameters
from pullback.api.calls import differentiable_call
from pullback.api.custom_calls import Definition, call_custom, signature_of
from pullback.api.functions import like, name_of
from pullback.api.outputs import NUMERIC, describe
from pullback.errors import DifferentiationError, DTypeError, GradientError
from pullback.lazy import lazy
from pullback.tree import flatten
from pullback.tree.structures import leaf_path, mismatch

if TYPE_CHECKING:
    from pullback import testing
else:
    testing = lazy("pullback.testing")

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")
S = TypeVar("S")


def custom_jvp(
    f: Callable[P, R],
    pushforward: Callable[[A, A, R], R],
    *,
    forward: Callable[P, tuple[R, S]] | None = None,
    backward: Callable[[S, R], tuple[object, ...]] | None = None,
) -> Callable[P, R]:
    """Return ``f`` with a derivative of its own, given in forward mode.

    The rule is a function ``pushforward(primals, tangents, y)`` of the tuple of the arguments, the
    tuple of their tangents and the value ``y = f(*primals)``; it returns ``ẏ = J ẋ``. In reverse
    mode its transpose is used, which takes the rule to be linear in the tangents; or, if they are
    given, the rules of `custom_vjp`.

    Where no argument is traced, ``f`` is called with what it is given. Under `grad`, `jvp` and the
    like it is called with constants: arrays whose values it may look at, and may hand to SciPy or
    a compiled library. Under `vmap` and in the body of a loop it is called with arrays whose
    values are unknown. In all these cases numbers become `Array`s, but for Python's integers and
    booleans, which are handed on as they are. The rules are called in the same way, and are
    differentiated for higher derivatives; ``y`` has the custom derivative again.

    Keyword arguments are passed by position where ``f`` has a position for them; keyword-only ones
    are handed on to ``f`` and to each rule as they are, and cannot be differentiated.

    Args:
        f: A function of pytrees that returns a pytree. It cannot close over what an outer
            transform differentiates.
        pushforward: The rule. Tangents, and what it returns, have the structure, shapes and dtypes
            of what they belong to; a tangent that is zero is given as zeros. Tangents of integers
            are zero and those of it ignored.
        forward: The forward rule of `custom_vjp`.
        backward: The backward rule of `custom_vjp`.

    Returns:
        A function with the parameters of ``f``.

    Raises:
        DifferentiationError: One of ``forward`` and ``backward`` is missing, or the rule takes
            other arguments. When the function is
            called: ``f`` or a rule closes over a traced value; or the rule is not linear in the
            tangents and is transposed.
        StructureError: The rule returns another structure than ``f``.
        ShapeError: It returns another shape.
        DTypeError: It returns a dtype that does not fit.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> def push(primals, tangents, y):
        ...     (x,), (x_dot,) = primals, tangents
        ...     return x_dot * (1 - np.exp(-y))  # log(1 + eˣ)' = eˣ / (1 + eˣ)
        >>> softplus = custom_jvp(lambda x: np.log1p(np.exp(x)), push)
        >>> pb.grad(softplus)(0.0), pb.grad(pb.grad(softplus))(0.0)
        (0.5, 0.25)
    """
    check_functions("custom_jvp", DifferentiationError, f=f, pushforward=pushforward)
    check_parameters("custom_jvp: pushforward", pushforward, "primals", "tangents", "y")
    if (forward is None) != (backward is None):
        msg = "custom_jvp: forward and backward make one rule; give both of them or neither"
        raise DifferentiationError(msg)
    return customized(Definition("custom_jvp", f, forward, backward, pushforward))


def custom_vjp(
    f: Callable[P, R],
    forward: Callable[P, tuple[R, S]],
    backward: Callable[[S, R], tuple[object, ...]],
    *,
    pushforward: Callable[[A, A, R], R] | None = None,
) -> Callable[P, R]:
    """Return ``f`` with a derivative of its own, given in reverse mode.

    ``forward(*args)`` returns the value of ``f`` and the residuals, a pytree of what the other
    rule needs to know; ``backward(residuals, y_bar)`` returns ``x̄ = Jᵀ ȳ``, a cotangent for each
    argument. In forward mode the transpose of ``backward`` is used, which takes it to be linear in
    ``y_bar``; or, if it is given, the rule of `custom_jvp`. `custom_jvp` also says what these
    functions are called with.

    A function that is to be a decorator is made with `functools.partial`.

    For second derivatives ``backward`` is differentiated. Where residuals are arguments or parts
    of the value, they have the derivatives of those; other residuals have the derivatives of what
    ``forward`` does to compute them.

    Args:
        f: A function of pytrees that returns a pytree. It is called where nothing is traced;
            elsewhere ``forward`` is, in its place. It cannot close over what an outer transform
            differentiates.
        forward: It has the parameters of ``f``, and returns the pair of the value and the
            residuals.
        backward: It returns a tuple with one cotangent for each positional argument of ``f``, of
            its structure, shapes and dtypes, or None where it is zero. Cotangents of integers are
            ignored. For complex numbers the inner product is the real one, Re Σ conj(w)·v.
        pushforward: The rule of `custom_jvp`.

    Returns:
        A function with the parameters of ``f``.

    Raises:
        DifferentiationError: ``backward`` takes other arguments. When the function is called:
            ``f`` or a rule closes over a traced value; or ``backward`` is not linear and is
            transposed.
        StructureError: ``forward`` returns no pair, or ``backward`` no tuple of so many
            cotangents, or one of another structure.
        ShapeError: A cotangent has another shape.
        DTypeError: A cotangent has a dtype that does not fit.

    Example:
        >>> import pullback as pb
        >>> def clip_forward(x, limit):
        ...     return x, limit
        >>> def clip_backward(limit, y_bar):
        ...     return pb.clip(y_bar, -limit, limit), None
        >>> clip_gradient = custom_vjp(lambda x, limit: x, clip_forward, clip_backward)
        >>> pb.grad(lambda x: clip_gradient(x, 1.0) ** 2)(3.0)
        1.0
    """
    check_functions("custom_vjp", DifferentiationError, f=f, forward=forward, backward=backward)
    check_parameters("custom_vjp: backward", backward, "residuals", "y_bar")
    return customized(Definition("custom_vjp", f, forward, backward, pushforward))


def customized(definition: Definition) -> Callable[P, R]:
    """Return the function that a definition describes, with the parameters of its ``f``."""
    signature = signature_of(definition.f)

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return call_custom(definition, signature, args, kwargs)  # type: ignore[return-value]  # of f

    return like(definition.f, call)


def check_rules(f: Callable[..., object], args: Sequence[object], order: int = 1) -> None:
    """Check the derivatives of a function with rules of its own at a point; raise if one is wrong.

    The value of ``f`` is compared with the one that its forward rule computes; the pushforward with
    central differences of values; the pullback with the pushforward, by the adjoint identity
    ``⟨w, J v⟩ = ⟨Jᵀ w, v⟩`` in the real inner product Re Σ conj(w)·v. Directions are random. Where
    one rule is derived from the other, the identity holds by itself.

    Args:
        f: A function made by `custom_jvp` or `custom_vjp`, or any other.
        args: Its positional arguments, a tuple or list.
        order: Up to which order derivatives are compared, as in `pullback.testing.check_grads`.

    Raises:
        GradientError: Something differs, by more than rounding explains.
        DifferentiationError: There is nothing to differentiate, or a rule is not linear and is
            transposed.
        DTypeError: ``args`` is no tuple or list.

    Example:
        >>> wrong = custom_jvp(lambda x: x**3, lambda primals, tangents, y: 2 * tangents[0])
        >>> check_rules(wrong, (2.0,))
        Traceback (most recent call last):
        ...
        pullback.errors.GradientError: check_grads: the forward-mode derivative of <lambda> is wrong
        ...
    """
    if not isinstance(args, (tuple, list)):
        msg = f"check_rules: args: expected a tuple of the arguments, not {describe(args)}"
        raise DTypeError(msg)
    traced = differentiable_call("check_rules", lambda given: f(*given), tuple(args)).y
    leaves, structure = flatten(f(*args))
    others, found = flatten(traced)
    if structure != found:
        raise mismatch(structure, found, "check_rules", f"{name_of(f)} and its forward rule")
    for number, (leaf, other) in enumerate(zip(leaves, others, strict=True)):
        if isinstance(leaf, NUMERIC):
            value, ruled = np.asarray(leaf), np.asarray(other)
            small = math.sqrt(np.finfo(value.dtype).eps) if value.dtype.kind in "fc" else 0.0
            same = np.isclose(ruled, value, small, small, equal_nan=value.dtype.kind in "fc")
            if value.shape != ruled.shape or not same.all():
                place = leaf_path(structure, number).place
                msg = (
                    f"check_rules: the value of {name_of(f)} and the one that its forward rule "
                    f"computes differ at {place}: {value} and {ruled}"
                )
                raise GradientError(msg)
    testing.check_grads(f, args, order)
