"""`jacobian`, `jacfwd`, `jacrev` and `value_and_jacobian`: all first derivatives of a function."""

# mypy: disable-error-code="overload-overlap"
# Every type that an overload gives is an object, which the last ones give; mypy does not see it.

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, overload

import numpy as np

from pullback.api.functions import like
from pullback.api.jacobian_blocks import Mode, jacobian_of
from pullback.api.signatures import (
    At0,
    At1,
    D,
    Number,
    One,
    P,
    Sh,
    Shaped,
    Tensor,
    Two,
    X,
    XArray,
    XFloat,
    Y,
)
from pullback.core import Array

V = TypeVar("V", bound=Tensor[np.generic] | Number)

# Overloads: of the first argument, where the argument and the value are one array or number each;
# of the second; of others, and of other trees, whose type cannot be said.


@overload
def jacobian(
    f: One[XArray, P, Array],
    argnums: At0 = 0,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> One[XArray, P, Array]: ...
@overload
def jacobian(
    f: One[XFloat, P, float],
    argnums: At0 = 0,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> One[XFloat, P, float]: ...
@overload
def jacobian(
    f: One[Shaped[Sh, D], P, Tensor[D] | Number],
    argnums: At0 = 0,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> One[Shaped[Sh, D], P, Tensor[D]]: ...
@overload
def jacobian(
    f: One[XFloat, P, Tensor[D]],
    argnums: At0 = 0,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> One[XFloat, P, Tensor[D]]: ...
@overload
def jacobian(
    f: Two[X, XArray, P, Array],
    argnums: At1,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Two[X, XArray, P, Array]: ...
@overload
def jacobian(
    f: Two[X, Shaped[Sh, D], P, Tensor[D] | Number],
    argnums: At1,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Two[X, Shaped[Sh, D], P, Tensor[D]]: ...
@overload
def jacobian(
    f: One[X, P, object],
    argnums: At0 = 0,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> One[X, P, object]: ...
@overload
def jacobian(
    f: Callable[..., object],
    argnums: int | tuple[int, ...],
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., object]: ...
def jacobian(
    f: Callable[..., object],
    argnums: int | tuple[int, ...] = 0,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., object]:
    """Return the function that computes the Jacobian of ``f``.

    ``J[i, j] = ∂f(x)_i / ∂x_j``, for an index i into the value and an index j into the argument:
    of an array of shape ``s`` by one of shape ``t`` it has shape ``s + t``. Of pytrees it is a tree
    of blocks: the structure of the value and, in place of each leaf y, a tree of the structure of
    the argument, with ``∂y/∂x`` in place of each leaf x. Its dtype is the common one of y and x.

    ``f`` is called once. Then one sweep for each leaf, over all of its unit vectors at once, gives
    the columns (in forward mode, for each leaf of the argument) or the rows (in reverse mode, for
    each leaf of the value).

    Zeros of unit vectors are absent rather than numbers: an infinite derivative of one element
    leaves what does not depend on that element alone, so the Jacobian of ``sqrt`` at (0, 1) is
    diagonal, with an infinity in it, in both modes. The price: where inside ``f`` a finite zero
    factor meets an infinite one, the result may be 0 in one mode and ``nan`` in the other.

    The Jacobian by real numbers of a complex value is complex. By complex numbers it is only where
    ``f`` is holomorphic: then ``J[i, j] = df_i/dx_j``, the plain complex derivative. (`grad`, which
    is of a real value, has the other sign in its imaginary part.)

    Plain in, plain out, as in `grad`.

    Args:
        f: A function of pytrees that returns a pytree.
        argnums: The position of the argument to differentiate with respect to, from 0; or a tuple
            of positions, for a tuple of arguments as one tree.
        mode: "forward", "reverse", or "auto": forward if the argument has at most as many elements
            as the value, or the value is complex; else reverse.
        chunk_size: How many unit vectors a sweep takes at once. A sweep needs the memory of so many
            evaluations of ``f``; by default it takes all of a leaf.
        holomorphic: Whether ``f`` is a holomorphic function of complex numbers, as you promise.

    Returns:
        A function with the parameters of ``f`` (the differentiated ones are positional) that
        returns the Jacobian. Where a leaf of the value or the argument is no floating-point number,
        its blocks are zeros if it is a number; anything else stands there unchanged.

    Raises:
        DifferentiationError: The arguments of `jacobian` are not as said. When the function is
            called: a differentiated argument is missing; the argument or the value has leaves, but
            none of floating-point type; the argument is complex, and ``holomorphic`` is not given
            or the value is real; the value is complex in reverse mode.

    Example:
        >>> import numpy as np
        >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
        array([[2., 0.],
               [0., 4.]])
        >>> jacobian(lambda p: (p["a"] * p["b"], p["b"] ** 2))({"a": 2.0, "b": 3.0})
        ({'a': 3.0, 'b': 2.0}, {'a': 0.0, 'b': 6.0})
    """
    run = jacobian_of("jacobian", f, argnums, mode, chunk_size, holomorphic=holomorphic).run

    def derivative(*args: object, **kwargs: object) -> object:
        return run(args, kwargs)[1]

    return like(f, derivative)


@overload
def jacfwd(
    f: One[XArray, P, Array], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[XArray, P, Array]: ...
@overload
def jacfwd(
    f: One[XFloat, P, float], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[XFloat, P, float]: ...
@overload
def jacfwd(
    f: One[Shaped[Sh, D], P, Tensor[D] | Number], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[Shaped[Sh, D], P, Tensor[D]]: ...
@overload
def jacfwd(
    f: One[XFloat, P, Tensor[D]], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[XFloat, P, Tensor[D]]: ...
@overload
def jacfwd(
    f: One[X, P, object],
    argnums: At0 = 0,
    *,
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> One[X, P, object]: ...
@overload
def jacfwd(
    f: Callable[..., object],
    argnums: int | tuple[int, ...],
    *,
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., object]: ...
def jacfwd(
    f: Callable[..., object],
    argnums: int | tuple[int, ...] = 0,
    *,
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., object]:
    """Return the function that computes the Jacobian of ``f`` in forward mode.

    It is ``jacobian(f, mode="forward")``: the cost is that of as many evaluations of ``f`` as the
    argument has elements, times a small number.

    Args:
        f: A function of pytrees that returns a pytree; it is called once.
        argnums: The position of the argument to differentiate with respect to, or a tuple of them.
        chunk_size: How many columns are computed at once; by default, all of a leaf.
        holomorphic: Whether ``f`` is a holomorphic function of complex numbers.

    Returns:
        A function with the parameters of ``f`` that returns what `jacobian` does.

    Raises:
        DifferentiationError: As in `jacobian`.

    Example:
        >>> import numpy as np
        >>> jacfwd(lambda t: np.stack([np.cos(t), np.sin(t)]))(0.0)
        array([0., 1.])
    """
    run = jacobian_of("jacfwd", f, argnums, "forward", chunk_size, holomorphic=holomorphic).run

    def derivative(*args: object, **kwargs: object) -> object:
        return run(args, kwargs)[1]

    return like(f, derivative)


@overload
def jacrev(
    f: One[XArray, P, Array], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[XArray, P, Array]: ...
@overload
def jacrev(
    f: One[XFloat, P, float], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[XFloat, P, float]: ...
@overload
def jacrev(
    f: One[Shaped[Sh, D], P, Tensor[D] | Number], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[Shaped[Sh, D], P, Tensor[D]]: ...
@overload
def jacrev(
    f: One[XFloat, P, Tensor[D]], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[XFloat, P, Tensor[D]]: ...
@overload
def jacrev(
    f: One[X, P, object], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[X, P, object]: ...
@overload
def jacrev(
    f: Callable[..., object], argnums: int | tuple[int, ...], *, chunk_size: int | None = None
) -> Callable[..., object]: ...
def jacrev(
    f: Callable[..., object],
    argnums: int | tuple[int, ...] = 0,
    *,
    chunk_size: int | None = None,
) -> Callable[..., object]:
    """Return the function that computes the Jacobian of ``f`` in reverse mode.

    It is ``jacobian(f, mode="reverse")``: the cost is that of as many evaluations of ``f`` as the
    value has elements, times a small number.

    Args:
        f: A function of pytrees of real numbers that returns a pytree; it is called once.
        argnums: The position of the argument to differentiate with respect to, or a tuple of them.
        chunk_size: How many rows are computed at once; by default, all of a leaf.

    Returns:
        A function with the parameters of ``f`` that returns what `jacobian` does.

    Raises:
        DifferentiationError: As in `jacobian`.

    Example:
        >>> import numpy as np
        >>> jacrev(np.prod)(np.array([2.0, 3.0]))
        array([3., 2.])
    """
    run = jacobian_of("jacrev", f, argnums, "reverse", chunk_size).run

    def derivative(*args: object, **kwargs: object) -> object:
        return run(args, kwargs)[1]

    return like(f, derivative)


@overload
def value_and_jacobian(
    f: One[XArray, P, Array],
    argnums: At0 = 0,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> One[XArray, P, tuple[Array, Array]]: ...
@overload
def value_and_jacobian(
    f: One[XFloat, P, float],
    argnums: At0 = 0,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> One[XFloat, P, tuple[float, float]]: ...
@overload
def value_and_jacobian(
    f: One[Shaped[Sh, D], P, V],
    argnums: At0 = 0,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> One[Shaped[Sh, D], P, tuple[V, Tensor[D]]]: ...
@overload
def value_and_jacobian(
    f: One[X, P, Y],
    argnums: At0 = 0,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> One[X, P, tuple[Y, object]]: ...
@overload
def value_and_jacobian(
    f: Callable[..., Y],
    argnums: int | tuple[int, ...],
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., tuple[Y, object]]: ...
def value_and_jacobian(
    f: Callable[..., object],
    argnums: int | tuple[int, ...] = 0,
    *,
    mode: Mode = "auto",
    chunk_size: int | None = None,
    holomorphic: bool = False,
) -> Callable[..., object]:
    """Return the function that computes the value of ``f`` and its Jacobian.

    Both come of one call of ``f``; see `jacobian`.

    Args:
        f: A function of pytrees that returns a pytree.
        argnums: The position of the argument to differentiate with respect to, or a tuple of them.
        mode: "forward", "reverse", or "auto", which chooses by sizes.
        chunk_size: How many unit vectors a sweep takes at once; by default, all of a leaf.
        holomorphic: Whether ``f`` is a holomorphic function of complex numbers.

    Returns:
        A function with the parameters of ``f`` that returns the pair of its value and its Jacobian.

    Raises:
        DifferentiationError: As in `jacobian`.

    Example:
        >>> import numpy as np
        >>> value_and_jacobian(np.cumsum)(np.array([1.0, 2.0]))
        (array([1., 3.]), array([[1., 0.],
               [1., 1.]]))
    """
    operation = "value_and_jacobian"
    run = jacobian_of(operation, f, argnums, mode, chunk_size, holomorphic=holomorphic).run

    def derivative(*args: object, **kwargs: object) -> object:
        return run(args, kwargs)

    return like(f, derivative)
