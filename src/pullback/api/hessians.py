"""Second derivatives: `hessian`, and products with it and with its Gauss-Newton approximation."""

# mypy: disable-error-code="overload-overlap"
# Every type that an overload gives is an object, which the last ones give; mypy does not see it.

from __future__ import annotations

from collections.abc import Callable
from typing import overload

from pullback.api.calls import differentiable_call
from pullback.api.differentiation import differentiator
from pullback.api.forward import push_along
from pullback.api.functions import like
from pullback.api.jacobian_blocks import jacobian_of
from pullback.api.pullbacks import Pullback
from pullback.api.signatures import (
    At0,
    D,
    Number,
    One,
    P,
    S,
    Scalar,
    Sh,
    Shaped,
    Tensor,
    X,
    XArray,
    XFloat,
    Y,
)
from pullback.core import Array
from pullback.primitives.quantity import Value


@overload
def hessian(
    f: One[XArray, P, Array], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[XArray, P, Array]: ...
@overload
def hessian(
    f: One[XFloat, P, float], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[XFloat, P, float]: ...
@overload
def hessian(
    f: One[Shaped[Sh, D], P, Tensor[D] | Number], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[Shaped[Sh, D], P, Tensor[D]]: ...
@overload
def hessian(
    f: One[X, P, Scalar], argnums: At0 = 0, *, chunk_size: int | None = None
) -> One[X, P, object]: ...
@overload
def hessian(
    f: Callable[..., Scalar], argnums: int | tuple[int, ...], *, chunk_size: int | None = None
) -> Callable[..., object]: ...
def hessian(
    f: Callable[..., Scalar],
    argnums: int | tuple[int, ...] = 0,
    *,
    chunk_size: int | None = None,
) -> Callable[..., object]:
    """Return the function that computes the Hessian of ``f``.

    ``H[i, j] = ∂²f(x) / ∂x_i ∂x_j``: for an array of shape ``s`` it has shape ``s + s``. For a
    pytree it is a tree of blocks: the structure of the argument and, in place of each leaf, a tree
    of that structure again. It is the Jacobian of the gradient in forward mode: ``f`` is called
    once, and a sweep for each leaf gives all columns at once.

    Plain in, plain out, as in `grad`. For one product with a vector use `hvp`.

    Args:
        f: A function whose value is one real number.
        argnums: The position of the argument to differentiate with respect to, from 0; or a tuple
            of positions, for a tuple of arguments as one tree.
        chunk_size: How many columns are computed at once; by default, all of a leaf. The memory of
            a sweep is in proportion.

    Returns:
        A function with the parameters of ``f`` (the differentiated ones are positional) that
        returns the Hessian.

    Raises:
        DifferentiationError: As in `grad`; and the argument is complex.

    Example:
        >>> import numpy as np
        >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
        array([[4., 2.],
               [2., 0.]])
        >>> hessian(lambda x: x**3)(2.0)
        12.0
    """
    gradient = _gradient("hessian", f, argnums)
    run = jacobian_of("hessian", gradient, argnums, "forward", chunk_size).run

    def second(*args: object, **kwargs: object) -> object:
        return run(args, kwargs)[1]

    return like(f, second)


def hvp(f: Callable[[X], S], x: X, v: X, /) -> X:
    """Return the product of the Hessian of a function with a vector.

    ``H v`` for ``H = ∇²f(x)``, computed forward over reverse, as the derivative of the gradient
    along v: at a small multiple of the cost of ``f``, whatever the size of ``x``. The Hessian is
    never formed.

    Plain in, plain out, as in `grad`.

    Args:
        f: A function of one pytree whose value is one real number; it is called once. A function of
            more arguments is one of a tuple: ``hvp(lambda args: f(*args), (x, y), (v, w))``.
        x: The point, a pytree.
        v: The vector, of the structure and shapes of ``x``, its dtypes no wider.

    Returns:
        The product, of the type of ``x``.

    Raises:
        DifferentiationError: As in `grad`.
        StructureError: The structures of ``x`` and ``v`` differ.
        ShapeError: Their shapes differ at some leaf.
        DTypeError: A leaf of ``v`` is no number, or of a dtype that does not fit.

    Example:
        >>> import numpy as np
        >>> hvp(lambda x: x[0] ** 2 * x[1], np.array([1.0, 2.0]), np.array([1.0, 10.0]))
        array([24.,  2.])

    References:
        B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6, 1994.
    """
    gradient: Callable[[X], X] = _gradient("hvp", f, 0)
    return push_along("hvp", differentiable_call("hvp", gradient, x), v)


def gauss_newton_product(model: Callable[[X], Y], loss: Callable[[Y], S], x: X, v: X, /) -> X:
    """Return the product of the Gauss-Newton matrix of a loss of a model with a vector.

    ``G v = Jᵀ H J v`` for the Jacobian J of the model at x and the Hessian H of the loss at the
    model's value: the Hessian of ``loss(model(x))`` but for the curvature of the model. Where the
    loss is convex, G is positive semidefinite (vᵀ G v = (J v)ᵀ H (J v) ≥ 0), also where the Hessian
    is not. For ``loss(y) = ½ Σ (y - target)²`` it is ``Jᵀ J``; for a cross-entropy of logits it is
    the Fisher information.

    The model is called once. J v is a forward sweep, the product with H forward over reverse, that
    with Jᵀ a reverse sweep; no matrix is formed. Plain in, plain out, as in `grad`.

    Args:
        model: A function of one pytree of parameters that returns a pytree, with what else it needs
            closed over.
        loss: A function of what the model returns, whose value is one real number.
        x: The parameters.
        v: The vector, of the structure and shapes of ``x``, its dtypes no wider.

    Returns:
        The product, of the type of ``x``.

    Raises:
        DifferentiationError: ``x`` or the value of the model has leaves, but none of floating-point
            type; or the loss is not one real number.
        StructureError: The structures of ``x`` and ``v`` differ.
        ShapeError: Their shapes differ at some leaf.
        DTypeError: A leaf of ``v`` is no number, or of a dtype that does not fit.

    Example:
        >>> import numpy as np
        >>> def model(x):
        ...     return np.stack([x[0] * x[1], x[1] ** 2])
        >>> def loss(y):
        ...     return 0.5 * np.sum(y**2)
        >>> gauss_newton_product(model, loss, np.array([1.0, 2.0]), np.array([1.0, 0.0]))
        array([4., 2.])

    References:
        N. N. Schraudolph, "Fast curvature matrix-vector products for second-order gradient
        descent", Neural Computation 14, 2002.
    """
    operation = "gauss_newton_product"
    call = differentiable_call(operation, model, x)
    bent = differentiable_call(operation, _gradient(operation, loss, 0), call.y)
    y_bar = push_along(operation, bent, push_along(operation, call, v))
    back = Pullback(call.trace, call.inputs, call.outputs, call.structure, call.arrays)
    return back(y_bar)


def _gradient(
    operation: str, f: Callable[..., object], argnums: int | tuple[int, ...]
) -> Callable[..., Value]:
    """Return the gradient of a function, with errors that name another operation."""
    run = differentiator(operation, f, argnums, None, has_aux=False, unused="zero").run

    def gradient(*args: object, **kwargs: object) -> Value:
        return run(args, kwargs)[2]

    return like(f, gradient)
