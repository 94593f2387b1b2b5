"""Solvers whose results are differentiated by the implicit function theorem.

`custom_root` for roots, `custom_fixed_point`, `custom_minimizer`: each says which equations the
solution satisfies. How the solver found it does not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate

from pullback.api.callables import check_functions
from pullback.api.functions import name_of
from pullback.api.gradient import grad
from pullback.api.implicit_rules import Equations, Tree
from pullback.api.signatures import P, S, X
from pullback.core import Array
from pullback.errors import DifferentiationError
from pullback.tree import map


def custom_root(
    residual: Callable[Concatenate[X, P], X],
    solver: Callable[Concatenate[X, P], X],
    *,
    solve: Callable[[Callable[[X], X], X], X] | None = None,
) -> Callable[Concatenate[X, P], X]:
    """Return a solver of equations whose result can be differentiated.

    ``y = solver(guess, *params)`` is a root: ``residual(y, *params) = 0``. With F for the residual,
    J = ∂F/∂y and B = ∂F/∂p there, the implicit function theorem gives

        ẏ = -J⁻¹ B ṗ        p̄ = -Bᵀ J⁻ᵀ ȳ

    in forward and in reverse mode, and to higher orders. The derivative with respect to the guess
    is zero. The solver itself is not differentiated: under `grad` or `jvp` it is given constants,
    so it may branch on values, call SciPy or write to arrays of its own. Under `vmap`, values are
    unknown to it: there it is written with `while_loop` or the like.

    Args:
        residual: A function of the unknowns, a pytree of floating-point numbers, and of parameters,
            that returns a pytree of the same structure and shapes. It can be differentiated.
        solver: A function of a first guess and of the parameters that returns the unknowns. What
            it returns is taken for the root, and cannot be more exact than that.
        solve: Solves a linear system: ``solve(operator, b)`` returns the v with ``operator(v) = b``
            for a linear function ``operator`` of a pytree like the unknowns. In reverse mode the
            operator is Jᵀ. By default the matrix is computed, in one batch, and decomposed: for n
            numbers in time n³. An iterative method, as conjugate gradients, needs no matrix.

    Returns:
        A function with the parameters of ``solver``.

    Raises:
        DifferentiationError: When the function is called: ``residual`` or ``solver`` closes over
            a traced value.
        StructureError: ``residual`` returns another structure than the unknowns have, ``solver``
            another than the guess has, or ``solve`` another than ``b`` has.
        ShapeError: It returns another shape.
        DTypeError: It returns complex numbers for real unknowns.
        SingularMatrixError: J is singular.

    Example:
        >>> import pullback as pb
        >>> def newton(y, a):
        ...     for _ in range(30):
        ...         y = (y + a / y) / 2
        ...     return y
        >>> root = custom_root(lambda y, a: y * y - a, newton)
        >>> pb.grad(root, 1)(1.0, 4.0), pb.grad(pb.grad(root, 1), 1)(1.0, 4.0)
        (0.25, -0.03125)

    References:
        M. Blondel et al., "Efficient and Modular Implicit Differentiation", NeurIPS 2022,
        equations 2 to 4.
    """
    check_functions("custom_root", DifferentiationError, residual=residual, solver=solver)
    return Equations("custom_root", name_of(residual), residual, solve).solved(solver)


def custom_fixed_point(
    f: Callable[Concatenate[X, P], X],
    solver: Callable[Concatenate[X, P], X],
    *,
    solve: Callable[[Callable[[X], X], X], X] | None = None,
) -> Callable[Concatenate[X, P], X]:
    """Return a solver of a fixed-point equation whose result can be differentiated.

    ``y = solver(guess, *params)`` is a fixed point: ``f(y, *params) = y``. It is differentiated as
    the root of f(y, p) - y, by `custom_root`, which says more.

    Args:
        f: A function of a pytree and of parameters that returns a pytree like the first one.
        solver: A function of a first guess and of the parameters that returns the fixed point.
        solve: As in `custom_root`; its operator is ∂f/∂y - 1, or the transpose of that.

    Returns:
        A function with the parameters of ``solver``.

    Raises:
        DifferentiationError: When the function is called: ``f`` or ``solver`` closes over a traced
            value.
        StructureError: ``f`` returns another structure than it is given.
        ShapeError: It returns another shape.
        DTypeError: It returns complex numbers for real ones.
        SingularMatrixError: ∂f/∂y - 1 is singular.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> def iterate(y, a):
        ...     f = lambda y: np.cos(a * y)
        ...     return pb.while_loop(lambda y: abs(f(y) - y) > 1e-12, f, y)
        >>> fixed_point = custom_fixed_point(lambda y, a: np.cos(a * y), iterate)
        >>> slope = pb.grad(fixed_point, 1)
        >>> np.round(pb.vmap(slope, in_axes=(None, 0))(0.7, np.array([1.0, 0.5])), 4)
        array([-0.2975, -0.3218])

    References:
        B. Christianson, "Reverse accumulation and attractive fixed points", Optimization Methods
        and Software 3, 1994; here the linear system is solved by ``solve``, where he iterates.
    """
    check_functions("custom_fixed_point", DifferentiationError, f=f, solver=solver)

    def residual(y: Tree, *params: P.args, **options: P.kwargs) -> Tree:
        value: Tree = f(y, *params, **options)  # type: ignore[arg-type]  # y is an X
        return map(_difference, value, y)

    return Equations("custom_fixed_point", name_of(f), residual, solve).solved(solver)


def custom_minimizer(
    objective: Callable[Concatenate[X, P], S],
    solver: Callable[Concatenate[X, P], X],
    *,
    solve: Callable[[Callable[[X], X], X], X] | None = None,
) -> Callable[Concatenate[X, P], X]:
    """Return a minimizer whose result can be differentiated.

    ``y = solver(guess, *params)`` is where ``objective(y, *params)`` is least, or stationary. It is
    differentiated as the root of the gradient with respect to y, by `custom_root`, which says more;
    J is the Hessian there.

    Args:
        objective: A function of the unknowns, a pytree of floating-point numbers, and of
            parameters, that returns a real number. It can be differentiated twice.
        solver: A function of a first guess and of the parameters that returns the minimizer.
        solve: As in `custom_root`; its operator is the Hessian, which is symmetric.

    Returns:
        A function with the parameters of ``solver``.

    Raises:
        DifferentiationError: When the function is called: ``objective`` or ``solver`` closes over
            a traced value, or ``objective`` returns no real number.
        SingularMatrixError: The Hessian is singular.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> from scipy import optimize
        >>> def loss(w, x, y, decay):
        ...     return np.sum((x @ w - y) ** 2) + decay * np.sum(w * w)
        >>> def minimize(w, *params):
        ...     return optimize.minimize(lambda w: np.asarray(loss(w, *params)), np.asarray(w)).x
        >>> ridge = custom_minimizer(loss, minimize)
        >>> x, y = np.eye(2), np.array([1.0, 2.0])
        >>> np.round(pb.jacobian(ridge, 3)(np.zeros(2), x, y, 1.0), 4)  # of y / (1 + decay)
        array([-0.25, -0.5 ])

    References:
        M. Blondel et al., "Efficient and Modular Implicit Differentiation", NeurIPS 2022,
        section 2.2.
    """
    check_functions("custom_minimizer", DifferentiationError, objective=objective, solver=solver)
    equations = Equations("custom_minimizer", name_of(objective), grad(objective), solve)
    return equations.solved(solver)


def _difference(x: object, y: object) -> object:
    """Return the difference of two leaves; a leaf that is no array stays."""
    return x - y if isinstance(x, Array) and isinstance(y, Array) else x
