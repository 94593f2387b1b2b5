"""`grad`: the gradient of a function, with the signature of the function."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

from pullback.api.differentiation import differentiator
from pullback.api.functions import like
from pullback.api.signatures import (
    A,
    At0,
    At1,
    At2,
    No,
    One,
    P,
    S,
    Scalar,
    Three,
    Two,
    Unused,
    X,
    Y,
    Yes,
    Z,
)

# Overloads: one position, from 0 to 2; tuples of these; other tuples, where the types are lost;
# names, of which no type says which parameter they mean.


@overload
def grad(
    f: One[X, P, S], argnums: At0 = 0, *, has_aux: No = False, unused: Unused = "zero"
) -> One[X, P, X]: ...
@overload
def grad(
    f: One[X, P, tuple[S, A]], argnums: At0 = 0, *, has_aux: Yes, unused: Unused = "zero"
) -> One[X, P, tuple[X, A]]: ...
@overload
def grad(
    f: Two[X, Y, P, S], argnums: At1, *, has_aux: No = False, unused: Unused = "zero"
) -> Two[X, Y, P, Y]: ...
@overload
def grad(
    f: Two[X, Y, P, tuple[S, A]], argnums: At1, *, has_aux: Yes, unused: Unused = "zero"
) -> Two[X, Y, P, tuple[Y, A]]: ...
@overload
def grad(
    f: Three[X, Y, Z, P, S], argnums: At2, *, has_aux: No = False, unused: Unused = "zero"
) -> Three[X, Y, Z, P, Z]: ...
@overload
def grad(
    f: Three[X, Y, Z, P, tuple[S, A]], argnums: At2, *, has_aux: Yes, unused: Unused = "zero"
) -> Three[X, Y, Z, P, tuple[Z, A]]: ...
@overload
def grad(
    f: One[X, P, S], argnums: tuple[At0], *, has_aux: No = False, unused: Unused = "zero"
) -> One[X, P, tuple[X]]: ...
@overload
def grad(
    f: One[X, P, tuple[S, A]], argnums: tuple[At0], *, has_aux: Yes, unused: Unused = "zero"
) -> One[X, P, tuple[tuple[X], A]]: ...
@overload
def grad(
    f: Two[X, Y, P, S], argnums: tuple[At0, At1], *, has_aux: No = False, unused: Unused = "zero"
) -> Two[X, Y, P, tuple[X, Y]]: ...
@overload
def grad(
    f: Two[X, Y, P, tuple[S, A]], argnums: tuple[At0, At1], *, has_aux: Yes, unused: Unused = "zero"
) -> Two[X, Y, P, tuple[tuple[X, Y], A]]: ...
@overload
def grad(
    f: Three[X, Y, Z, P, S],
    argnums: tuple[At0, At2],
    *,
    has_aux: No = False,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[X, Z]]: ...
@overload
def grad(
    f: Three[X, Y, Z, P, tuple[S, A]],
    argnums: tuple[At0, At2],
    *,
    has_aux: Yes,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[tuple[X, Z], A]]: ...
@overload
def grad(
    f: Three[X, Y, Z, P, S],
    argnums: tuple[At1, At2],
    *,
    has_aux: No = False,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[Y, Z]]: ...
@overload
def grad(
    f: Three[X, Y, Z, P, tuple[S, A]],
    argnums: tuple[At1, At2],
    *,
    has_aux: Yes,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[tuple[Y, Z], A]]: ...
@overload
def grad(
    f: Three[X, Y, Z, P, S],
    argnums: tuple[At0, At1, At2],
    *,
    has_aux: No = False,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[X, Y, Z]]: ...
@overload
def grad(
    f: Three[X, Y, Z, P, tuple[S, A]],
    argnums: tuple[At0, At1, At2],
    *,
    has_aux: Yes,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[tuple[X, Y, Z], A]]: ...
@overload
def grad(
    f: Callable[..., Scalar],
    argnums: tuple[int, ...],
    *,
    has_aux: No = False,
    unused: Unused = "zero",
) -> Callable[..., tuple[object, ...]]: ...
@overload
def grad(
    f: Callable[..., tuple[Scalar, A]],
    argnums: tuple[int, ...],
    *,
    has_aux: Yes,
    unused: Unused = "zero",
) -> Callable[..., tuple[tuple[object, ...], A]]: ...
@overload
def grad(
    f: Callable[P, Scalar],
    argnums: None = None,
    *,
    argnames: tuple[str, ...],
    has_aux: No = False,
    unused: Unused = "zero",
) -> Callable[P, dict[str, object]]: ...
@overload
def grad(
    f: Callable[P, tuple[Scalar, A]],
    argnums: None = None,
    *,
    argnames: tuple[str, ...],
    has_aux: Yes,
    unused: Unused = "zero",
) -> Callable[P, tuple[dict[str, object], A]]: ...
@overload
def grad(
    f: Callable[P, Scalar],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...],
    has_aux: No = False,
    unused: Unused = "zero",
) -> Callable[P, object]: ...
@overload
def grad(
    f: Callable[P, tuple[Scalar, A]],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...],
    has_aux: Yes,
    unused: Unused = "zero",
) -> Callable[P, tuple[object, A]]: ...
def grad(
    f: Callable[..., object],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    unused: Unused = "zero",
) -> Callable[..., object]:
    """Return the function that computes the gradient of ``f``.

    ``grad(f)(x, ...)`` is ∇ₓ f(x, ...), computed in reverse mode: one call of ``f`` and one sweep
    back over what it did, at a small multiple of the cost of ``f``, whatever the size of ``x``.
    Of a complex argument it is ∂f/∂Re x + i·∂f/∂Im x, the direction of steepest ascent.

    The gradient has the structure and types of the argument: a float for a float, an ndarray for
    an ndarray, a model for a model. Plain in, plain out: where no leaf of any argument is an
    `Array`, neither is any of the result; where one is, the differentiable leaves of the result
    are. A leaf that is no floating-point number becomes zero if it is an integer or boolean number
    or array, and is unchanged if it is anything else. What ``f`` closes over may itself be
    differentiated by an outer transform; a result that depends on it is an `Array`.

    Args:
        f: A function whose value is one real number. It is called once, with `Array` in place of
            the numbers that it is differentiated with respect to; other arguments, and other
            leaves, are handed on as they are. It must be pure.
        argnums: The position of the argument to differentiate with respect to, from 0; or a tuple
            of positions. By default 0, or none if there are ``argnames``. Type checkers know what
            results for literals up to 2.
        argnames: The name of a parameter that is passed by keyword, or a tuple of names.
        has_aux: Whether ``f`` returns a pair: its value, and a pytree of other results.
        unused: What to do about inputs on which the value does not depend: "zero" gives zeros,
            "error" refuses and names them.

    Returns:
        A function with the parameters of ``f`` (the differentiated ones are positional) that
        returns the gradient: for one position or name, a value like the argument; for a tuple of
        positions, the tuple of these; for a tuple of names, a dict by name; for positions and
        names, the pair of both. With ``has_aux``, it returns the pair of that and the auxiliary
        result.

    Raises:
        DifferentiationError: The arguments of `grad` name nothing, or something twice. When the
            function is called: a differentiated argument is missing or has leaves but none of
            floating-point type; ``f`` returns something else than a real scalar (a Python number
            is a constant and has the gradient zero), or no pair with ``has_aux``; with
            ``unused="error"``, some input has no influence.

    Example:
        >>> import pullback as pb
        >>> pb.grad(lambda x: x**3)(2.0)
        12.0
        >>> pb.grad(pb.grad(lambda x: x**3))(2.0)
        12.0
        >>> def loss(model, x):
        ...     return (model["w"] * x + model["b"]) ** 2
        >>> pb.grad(loss)({"w": 2.0, "b": 1.0}, 3.0)
        {'w': 42.0, 'b': 14.0}
    """
    run = differentiator("grad", f, argnums, argnames, has_aux=has_aux, unused=unused).run

    def gradient(*args: object, **kwargs: object) -> object:
        _, aux, found = run(args, kwargs)
        return (found, aux) if has_aux else found

    return like(f, gradient)
