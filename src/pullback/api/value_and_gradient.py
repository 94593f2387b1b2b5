"""`value_and_grad`: the value of a function and its gradient, from one call."""

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
def value_and_grad(
    f: One[X, P, S], argnums: At0 = 0, *, has_aux: No = False, unused: Unused = "zero"
) -> One[X, P, tuple[S, X]]: ...
@overload
def value_and_grad(
    f: One[X, P, tuple[S, A]], argnums: At0 = 0, *, has_aux: Yes, unused: Unused = "zero"
) -> One[X, P, tuple[tuple[S, A], X]]: ...
@overload
def value_and_grad(
    f: Two[X, Y, P, S], argnums: At1, *, has_aux: No = False, unused: Unused = "zero"
) -> Two[X, Y, P, tuple[S, Y]]: ...
@overload
def value_and_grad(
    f: Two[X, Y, P, tuple[S, A]], argnums: At1, *, has_aux: Yes, unused: Unused = "zero"
) -> Two[X, Y, P, tuple[tuple[S, A], Y]]: ...
@overload
def value_and_grad(
    f: Three[X, Y, Z, P, S], argnums: At2, *, has_aux: No = False, unused: Unused = "zero"
) -> Three[X, Y, Z, P, tuple[S, Z]]: ...
@overload
def value_and_grad(
    f: Three[X, Y, Z, P, tuple[S, A]], argnums: At2, *, has_aux: Yes, unused: Unused = "zero"
) -> Three[X, Y, Z, P, tuple[tuple[S, A], Z]]: ...
@overload
def value_and_grad(
    f: One[X, P, S], argnums: tuple[At0], *, has_aux: No = False, unused: Unused = "zero"
) -> One[X, P, tuple[S, tuple[X]]]: ...
@overload
def value_and_grad(
    f: One[X, P, tuple[S, A]], argnums: tuple[At0], *, has_aux: Yes, unused: Unused = "zero"
) -> One[X, P, tuple[tuple[S, A], tuple[X]]]: ...
@overload
def value_and_grad(
    f: Two[X, Y, P, S], argnums: tuple[At0, At1], *, has_aux: No = False, unused: Unused = "zero"
) -> Two[X, Y, P, tuple[S, tuple[X, Y]]]: ...
@overload
def value_and_grad(
    f: Two[X, Y, P, tuple[S, A]], argnums: tuple[At0, At1], *, has_aux: Yes, unused: Unused = "zero"
) -> Two[X, Y, P, tuple[tuple[S, A], tuple[X, Y]]]: ...
@overload
def value_and_grad(
    f: Three[X, Y, Z, P, S],
    argnums: tuple[At0, At2],
    *,
    has_aux: No = False,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[S, tuple[X, Z]]]: ...
@overload
def value_and_grad(
    f: Three[X, Y, Z, P, tuple[S, A]],
    argnums: tuple[At0, At2],
    *,
    has_aux: Yes,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[tuple[S, A], tuple[X, Z]]]: ...
@overload
def value_and_grad(
    f: Three[X, Y, Z, P, S],
    argnums: tuple[At1, At2],
    *,
    has_aux: No = False,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[S, tuple[Y, Z]]]: ...
@overload
def value_and_grad(
    f: Three[X, Y, Z, P, tuple[S, A]],
    argnums: tuple[At1, At2],
    *,
    has_aux: Yes,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[tuple[S, A], tuple[Y, Z]]]: ...
@overload
def value_and_grad(
    f: Three[X, Y, Z, P, S],
    argnums: tuple[At0, At1, At2],
    *,
    has_aux: No = False,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[S, tuple[X, Y, Z]]]: ...
@overload
def value_and_grad(
    f: Three[X, Y, Z, P, tuple[S, A]],
    argnums: tuple[At0, At1, At2],
    *,
    has_aux: Yes,
    unused: Unused = "zero",
) -> Three[X, Y, Z, P, tuple[tuple[S, A], tuple[X, Y, Z]]]: ...
@overload
def value_and_grad(
    f: Callable[..., S], argnums: tuple[int, ...], *, has_aux: No = False, unused: Unused = "zero"
) -> Callable[..., tuple[S, tuple[object, ...]]]: ...
@overload
def value_and_grad(
    f: Callable[..., tuple[S, A]],
    argnums: tuple[int, ...],
    *,
    has_aux: Yes,
    unused: Unused = "zero",
) -> Callable[..., tuple[tuple[S, A], tuple[object, ...]]]: ...
@overload
def value_and_grad(
    f: Callable[P, S],
    argnums: None = None,
    *,
    argnames: tuple[str, ...],
    has_aux: No = False,
    unused: Unused = "zero",
) -> Callable[P, tuple[S, dict[str, object]]]: ...
@overload
def value_and_grad(
    f: Callable[P, tuple[S, A]],
    argnums: None = None,
    *,
    argnames: tuple[str, ...],
    has_aux: Yes,
    unused: Unused = "zero",
) -> Callable[P, tuple[tuple[S, A], dict[str, object]]]: ...
@overload
def value_and_grad(
    f: Callable[P, S],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...],
    has_aux: No = False,
    unused: Unused = "zero",
) -> Callable[P, tuple[S, object]]: ...
@overload
def value_and_grad(
    f: Callable[P, tuple[S, A]],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...],
    has_aux: Yes,
    unused: Unused = "zero",
) -> Callable[P, tuple[tuple[S, A], object]]: ...
def value_and_grad(
    f: Callable[..., object],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    unused: Unused = "zero",
) -> Callable[..., object]:
    """Return the function that computes the value of ``f`` and its gradient.

    ``value_and_grad(f)(x, ...)`` is the pair of f(x, ...) and ∇ₓ f(x, ...), from one call of ``f``.
    `grad` says what the gradient is, and what ``f`` may be.

    Plain in, plain out: where no leaf of any argument is an `Array`, the value is a Python number
    or a NumPy scalar, and what else ``f`` returns holds ndarrays; where one is, they are arrays.

    Args:
        f: A function whose value is one real number.
        argnums: The position of the argument to differentiate with respect to, from 0; or a tuple
            of positions. By default 0, or none if there are ``argnames``.
        argnames: The name of a parameter that is passed by keyword, or a tuple of names.
        has_aux: Whether ``f`` returns a pair: its value, and a pytree of other results.
        unused: What to do about inputs on which the value does not depend: "zero" gives zeros,
            "error" refuses and names them.

    Returns:
        A function with the parameters of ``f`` (the differentiated ones are positional) that
        returns the pair ``(value, gradient)``, or with ``has_aux``
        ``((value, auxiliary), gradient)``.

    Raises:
        DifferentiationError: As `grad` does.

    Example:
        >>> import pullback as pb
        >>> pb.value_and_grad(lambda x: x**3)(2.0)
        (8.0, 12.0)
        >>> def loss(w, x):
        ...     prediction = w * x
        ...     return (prediction - 1.0) ** 2, prediction
        >>> pb.value_and_grad(loss, has_aux=True)(2.0, 3.0)
        ((25.0, 6.0), 30.0)
    """
    run = differentiator("value_and_grad", f, argnums, argnames, has_aux=has_aux, unused=unused).run

    def value_and_gradient(*args: object, **kwargs: object) -> object:
        value, aux, found = run(args, kwargs)
        return ((value, aux), found) if has_aux else (value, found)

    return like(f, value_and_gradient)
