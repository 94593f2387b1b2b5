"""`laplacian`, `divergence` and `curl`: derivatives of scalar and of vector fields."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import overload

import numpy as np

from pullback.api.batching import vmap
from pullback.api.forward import jvp
from pullback.api.functions import like, name_of, parameter_name
from pullback.api.jacobian_blocks import jacobian_of
from pullback.api.outputs import NUMERIC, describe
from pullback.api.plain import holds_array
from pullback.api.signatures import D, One, P, S, Sh, Shaped, Tensor, X, XArray, XFloat
from pullback.core import Array, constant, lift
from pullback.errors import DifferentiationError, ShapeError
from pullback.primitives.quantity import Value


def laplacian(f: One[X, P, S]) -> One[X, P, S]:
    """Return the function that computes the Laplacian of ``f``.

    ``Δf(x) = Σ_i ∂²f(x) / ∂x_i²``, for an array over all of its elements. Of a vector field it is
    the Laplacian of each component. Each term is the second derivative along a unit vector, forward
    over forward, and all are computed at once: the cost and memory are those of evaluating ``f``
    n times, times a small number, and the Hessian is not formed.

    Plain in, plain out, as in `grad`.

    Args:
        f: A function of an array of real numbers, and of further arguments perhaps, that returns a
            real number or an array of them. It is called once.

    Returns:
        A function with the parameters of ``f`` that returns the Laplacian by the first one, of the
        shape of the value.

    Raises:
        DifferentiationError: ``f`` is not callable; or, when the function is called, the first
            argument is no array of real floating-point numbers.

    Example:
        >>> import numpy as np
        >>> laplacian(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
        np.float64(18.0)
    """
    g: Value = f
    if not callable(g):
        msg = f"laplacian: expected a function, not {describe(g)}"
        raise DifferentiationError(msg)

    def sum_of_curvatures(*args: object, **kwargs: object) -> object:
        x = _point("laplacian", f, args)
        size = math.prod(x.shape)
        basis: Value = np.eye(size, dtype=x.dtype).reshape(size, *x.shape)
        if holds_array([args, kwargs]):
            basis = constant(basis)

        def field(point: object) -> Value:
            return g(point, *args[1:], **kwargs)

        def curvature(unit: object) -> Value:
            return jvp(lambda point: jvp(field, point, unit)[1], args[0], unit)[1]

        return np.sum(vmap(curvature)(basis), axis=0)

    made: Value = like(f, sum_of_curvatures)
    return made  # type: ignore[no-any-return]  # with the parameters of f


@overload
def divergence(f: One[XArray, P, Array]) -> One[XArray, P, Array]: ...
@overload
def divergence(f: One[XFloat, P, float]) -> One[XFloat, P, float]: ...
@overload
def divergence(f: One[Shaped[Sh, D], P, Tensor[D]]) -> One[Shaped[Sh, D], P, D]: ...
def divergence(f: Callable[..., object]) -> Callable[..., object]:
    """Return the function that computes the divergence of a vector field.

    ``div f(x) = Σ_i ∂f(x)_i / ∂x_i``: the trace of the Jacobian, for arrays of any shape.

    Plain in, plain out, as in `grad`.

    Args:
        f: A function of an array of real numbers, and of further arguments perhaps, that returns an
            array of the same shape. It is called once.

    Returns:
        A function with the parameters of ``f`` that returns the divergence, one number.

    Raises:
        DifferentiationError: ``f`` is not callable; or, when the function is called, the first
            argument is no array of real floating-point numbers.
        ShapeError: The value has another shape than the argument.

    Example:
        >>> import numpy as np
        >>> divergence(lambda x: x * np.sum(x))(np.array([1.0, 2.0]))
        np.float64(9.0)
    """
    jacobian = _field_jacobian("divergence", f)

    def trace_of_jacobian(*args: object, **kwargs: object) -> object:
        return np.trace(jacobian(args, kwargs))

    return like(f, trace_of_jacobian)


@overload
def curl(f: One[XArray, P, Array]) -> One[XArray, P, Array]: ...
@overload
def curl(f: One[Shaped[Sh, D], P, Tensor[D]]) -> One[Shaped[Sh, D], P, Tensor[D] | D]: ...
def curl(f: Callable[..., object]) -> Callable[..., object]:
    """Return the function that computes the curl of a vector field in space or in the plane.

    In space, with J the Jacobian, ``curl f = (J₃₂ - J₂₃, J₁₃ - J₃₁, J₂₁ - J₁₂)``; in the plane it
    is the one number ``J₂₁ - J₁₂``.

    Plain in, plain out, as in `grad`.

    Args:
        f: A function of a vector of three or two real numbers, and of further arguments perhaps,
            that returns another. It is called once.

    Returns:
        A function with the parameters of ``f`` that returns the curl: a vector of three elements,
        or one number.

    Raises:
        DifferentiationError: ``f`` is not callable; or, when the function is called, the first
            argument is no array of real floating-point numbers.
        ShapeError: Its shape is not (3,) or (2,), or the value has another one.

    Example:
        >>> import numpy as np
        >>> def rotation(x):
        ...     return np.stack([-x[1], x[0], 0.0 * x[2]])
        >>> curl(rotation)(np.array([1.0, 2.0, 3.0]))
        array([0., 0., 2.])
    """
    jacobian = _field_jacobian("curl", f)

    def rotation(*args: object, **kwargs: object) -> object:
        shape = _point("curl", f, args).shape
        if shape not in {(2,), (3,)}:
            msg = (
                "curl: a vector field in space or in the plane is a function of 3 or 2 numbers, "
                f"and {parameter_name(f, 0)} has shape {shape}"
            )
            raise ShapeError(msg)
        matrix = jacobian(args, kwargs)
        turning = matrix.T - matrix
        if shape == (2,):
            return turning[0, 1]
        return turning[np.array([1, 2, 0]), np.array([2, 0, 1])]

    return like(f, rotation)


def _field_jacobian(
    operation: str, f: Callable[..., object]
) -> Callable[[tuple[object, ...], dict[str, object]], Value]:
    """Return what computes the Jacobian of a vector field, as a square matrix."""
    run = jacobian_of(operation, f, 0, "auto", None).run

    def square(args: tuple[object, ...], kwargs: dict[str, object]) -> Value:
        shape = _point(operation, f, args).shape
        matrix: Value
        y, matrix = run(args, kwargs)
        if not isinstance(y, NUMERIC) or lift(y).shape != shape:
            what = f"shape {lift(y).shape}" if isinstance(y, NUMERIC) else describe(y)
            msg = (
                f"{operation}: the value of a vector field has the shape of its argument, {shape}, "
                f"and {name_of(f)} returned {what}"
            )
            raise ShapeError(msg)
        size = math.prod(shape)
        square: Value = np.reshape(matrix, (size, size))
        return square

    return square


def _point(operation: str, f: Callable[..., object], args: tuple[object, ...]) -> Array:
    """Return the first argument, if it is an array of real floating-point numbers."""
    if args and isinstance(args[0], NUMERIC):
        x = lift(args[0])
        if x.dtype.kind == "f":
            return x
    what = "nothing"
    if args:
        what = f"dtype {lift(args[0]).dtype}" if isinstance(args[0], NUMERIC) else describe(args[0])
    msg = (
        f"{operation}: expected an array of real floating-point numbers as the first argument of "
        f"{name_of(f)}, not {what}"
    )
    raise DifferentiationError(msg)
