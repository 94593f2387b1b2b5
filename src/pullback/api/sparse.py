"""Sparse Jacobians and Hessians, from as few products as their patterns have colours.

The argument may be any pytree of real numbers, and the value of the function another. The columns
are the elements of the argument's floating-point leaves, each in row-major order, one leaf after
the other in the order of the tree; the rows are the elements of the value's leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.api.callables import check_functions
from pullback.api.differentiation import differentiator
from pullback.api.functions import like
from pullback.api.outputs import describe
from pullback.api.signatures import One, P, S, X
from pullback.api.vectors import joined, traced_error, vectorized
from pullback.core import Array, Trace, constant, lift, make_node
from pullback.errors import DifferentiationError, ShapeError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.transforms.coloring import (
    Coloring,
    Matrix,
    color_pattern,
    color_symmetric,
    to_scipy,
)
from pullback.transforms.forward import push
from pullback.transforms.patterns import Pattern
from pullback.transforms.sparsity import dependencies
from pullback.transforms.vjp import pull

#: A function of the vector of an argument's numbers, whose value is a vector.
_OfVector: TypeAlias = Callable[[Array], Array]


@final
@frozen(eq=False, repr=False)
class _Graph:
    """One call of a function of a vector, recorded."""

    operation: str
    trace: Trace
    x: Array
    y: Array

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the Jacobian."""
        return self.y.shape[0], self.x.shape[0]

    def pattern(self) -> Pattern:
        """Return the sparsity pattern of the Jacobian."""
        return dependencies(self.x, self.y, self.trace)

    def matrix(self, coloring: Coloring) -> Matrix[np.floating]:
        """Return the Jacobian, from a product for each colour."""
        if coloring.shape != self.shape:
            msg = (
                f"{self.operation}: the coloring is of a matrix of shape {coloring.shape}, and "
                f"this one has shape {self.shape}; color its own pattern"
            )
            raise ShapeError(msg)
        if self.y.sources - {self.trace}:
            raise traced_error(self.operation, "a value that the function closes over")
        x, y = self.x, self.y
        compressed = np.zeros((coloring.number, coloring.length), y.dtype)
        for color in range(coloring.number if y.sources else 0):
            seed = coloring.seed(color)
            if coloring.by == "rows":
                bars: Value = pull(self.trace, {y: constant(seed.astype(y.dtype))})
                compressed[color] = bars.get(x, 0)
            else:
                dots: Value = push(self.trace, [y], {x: constant(seed.astype(x.dtype))})
                compressed[color] = dots.get(y, 0)
        return coloring.recover(compressed)


def sparse_jacobian(
    f: One[X, P, object], *, coloring: Coloring | None = None
) -> One[X, P, Matrix[np.floating]]:
    """Return the function that computes the Jacobian of ``f`` as a ``scipy.sparse`` array.

    ``J[i, j] = ∂f(x)_i / ∂x_j``. The sparsity pattern is read off the graph of the call, element
    by element; its columns (or rows) are coloured; and one product ``J s`` in forward mode (or
    ``Jᵀ s`` in reverse mode) for each colour gives all entries. Where a row has a handful of
    entries, that is a handful of products for any number of unknowns.

    For many points, find the pattern once: it holds wherever ``f`` takes the same branches, sorts
    into the same order, gathers at the same indices and multiplies by constants with the same
    zeros. Where it does not hold, a given coloring yields a wrong matrix without an error.

    Args:
        f: A function of a pytree of real numbers, and any further arguments, whose value is a
            pytree of real numbers. It is called once.
        coloring: The colouring of the pattern, from `color_jacobian`. If None, it is found at each
            call.

    Returns:
        A function with the parameters of ``f``. It returns a ``scipy.sparse.csr_array`` of shape
        (elements of the value, elements of the floating-point leaves of ``x``), each counted in
        row-major order and in the order of the tree, of the value's dtype. It stores an entry for
        each place of the pattern, zeros too. Where one derivative is infinite, other entries of
        its row may be nan: in a product, it meets their zero.

    Raises:
        DifferentiationError: ``f`` is no function, or the coloring is none or one of a symmetric
            matrix. When the function is
            called: there is no floating-point number in ``x``, or a complex one; the value holds
            something else than real numbers; an outer transform differentiates or batches what
            this depends on, which plain numbers in a ``scipy.sparse`` array would cut off:
            `jacobian` is for that.
        ShapeError: When the function is called: the Jacobian has not the shape of the coloring.

    Example:
        >>> import numpy as np
        >>> def residual(u):
        ...     return u[1:] ** 2 - u[:-1]
        >>> sparse_jacobian(residual)(np.array([1.0, 2.0, 3.0, 4.0])).toarray()
        array([[-1.,  4.,  0.,  0.],
               [ 0., -1.,  6.,  0.],
               [ 0.,  0., -1.,  8.]])
        >>> from pullback import color_jacobian
        >>> coloring = color_jacobian(jacobian_sparsity(residual)(np.ones(10_000)))
        >>> coloring
        Coloring(9999 x 10000, 19998 entries, columns in 2 colors)
        >>> jacobian = sparse_jacobian(residual, coloring=coloring)
        >>> jacobian(np.ones(10_000)).shape
        (9999, 10000)
    """
    check_functions("sparse_jacobian", DifferentiationError, f=f)
    _check_coloring("sparse_jacobian", coloring)
    if coloring is not None and coloring.by == "symmetric":
        msg = (
            "sparse_jacobian: the coloring is one for symmetric matrices; "
            "color a Jacobian's pattern with color_jacobian"
        )
        raise DifferentiationError(msg)

    def jacobian(x: X, /, *args: P.args, **kwargs: P.kwargs) -> Matrix[np.floating]:
        graph = _value_graph("sparse_jacobian", f, x, args, kwargs)
        return graph.matrix(coloring or color_pattern(graph.pattern(), "auto"))

    like(f, jacobian)
    return jacobian


def jacobian_sparsity(f: One[X, P, object]) -> One[X, P, Matrix[np.bool_]]:
    """Return the function that finds the sparsity pattern of the Jacobian of ``f`` at a point.

    An entry that the pattern has not is zero: element ``i`` of the value does not depend on
    element ``j`` of the argument. An entry that it has may be zero. It holds at the point, and
    wherever ``f`` decides likewise, as `sparse_jacobian` says.

    Each operation is known by the elements it reads: indexing, reshaping, sorting, broadcasting,
    reductions, products. One that is not known so closely (control flow with bodies of its own,
    factorisations) counts as reading everything.

    Args:
        f: A function as in `sparse_jacobian`.

    Returns:
        A function with the parameters of ``f`` that returns a ``scipy.sparse.csr_array`` of
        booleans, of the shape of the Jacobian.

    Raises:
        DifferentiationError: When the function is called, as in `sparse_jacobian`. Here an outer
            transform may differentiate ``x`` (a pattern has no derivative), but not batch it.

    Example:
        >>> import numpy as np
        >>> jacobian_sparsity(lambda x: x[::-1] * x[0])(np.ones(3)).toarray()
        array([[ True, False,  True],
               [ True,  True, False],
               [ True, False, False]])
    """
    check_functions("jacobian_sparsity", DifferentiationError, f=f)

    def sparsity(x: X, /, *args: P.args, **kwargs: P.kwargs) -> Matrix[np.bool_]:
        return _stored(_value_graph("jacobian_sparsity", f, x, args, kwargs, traced=True))

    like(f, sparsity)
    return sparsity


def sparse_hessian(
    f: One[X, P, S], *, coloring: Coloring | None = None
) -> One[X, P, Matrix[np.floating]]:
    """Return the function that computes the Hessian of ``f`` as a ``scipy.sparse`` array.

    ``H[i, j] = ∂²f(x) / ∂x_i ∂x_j``. The sparsity pattern is that of the gradient's Jacobian, read
    off the graph of the gradient; a star colouring uses its symmetry; and one product ``H s``,
    forward over reverse, for each colour gives all entries.

    For many points, find the pattern once, under the same conditions as in `sparse_jacobian`.

    Args:
        f: A function of a pytree of real numbers, and any further arguments, whose value is one
            real number. It is called once.
        coloring: The colouring of the pattern, from `color_hessian`. If None, it is found at each
            call.

    Returns:
        A function with the parameters of ``f``. It returns a ``scipy.sparse.csr_array``, square,
        rows and columns as the columns of `sparse_jacobian`. It stores an entry for each place of
        the pattern, zeros too.

    Raises:
        DifferentiationError: When the function is called: the value is no real number, or the
            arguments are such as `sparse_jacobian` refuses.
        ShapeError: When the function is called: the Hessian has not the shape of the coloring.

    Example:
        >>> import numpy as np
        >>> def f(x):
        ...     return (x[1:] * x[:-1] ** 2).sum()
        >>> sparse_hessian(f)(np.array([1.0, 2.0, 3.0])).toarray()
        array([[4., 2., 0.],
               [2., 6., 4.],
               [0., 4., 0.]])
    """
    check_functions("sparse_hessian", DifferentiationError, f=f)
    _check_coloring("sparse_hessian", coloring)

    def hessian(x: X, /, *args: P.args, **kwargs: P.kwargs) -> Matrix[np.floating]:
        graph = _gradient_graph("sparse_hessian", f, x, args, kwargs)
        return graph.matrix(coloring or color_symmetric(graph.pattern()))

    like(f, hessian)
    return hessian


def hessian_sparsity(f: One[X, P, S]) -> One[X, P, Matrix[np.bool_]]:
    """Return the function that finds the sparsity pattern of the Hessian of ``f`` at a point.

    It is the pattern of the Jacobian of the gradient, as `jacobian_sparsity` finds it.

    Args:
        f: A function as in `sparse_hessian`.

    Returns:
        A function with the parameters of ``f`` that returns a square ``scipy.sparse.csr_array`` of
        booleans.

    Raises:
        DifferentiationError: When the function is called, as in `jacobian_sparsity`.

    Example:
        >>> import numpy as np
        >>> hessian_sparsity(lambda x: (x[1:] * x[:-1]).sum())(np.ones(3)).toarray()
        array([[False,  True, False],
               [ True, False,  True],
               [False,  True, False]])
    """
    check_functions("hessian_sparsity", DifferentiationError, f=f)

    def sparsity(x: X, /, *args: P.args, **kwargs: P.kwargs) -> Matrix[np.bool_]:
        return _stored(_gradient_graph("hessian_sparsity", f, x, args, kwargs, traced=True))

    like(f, sparsity)
    return sparsity


def _check_coloring(operation: str, coloring: object) -> None:
    """Raise if what a user gave for a coloring is something else."""
    if coloring is not None and not isinstance(coloring, Coloring):
        maker = operation.replace("sparse", "color")
        msg = f"{operation}: coloring: expected what {maker} returns, not {describe(coloring)}"
        raise DifferentiationError(msg)


def _stored(graph: _Graph) -> Matrix[np.bool_]:
    """Return the pattern of a graph as a ``scipy.sparse`` array."""
    pattern = graph.pattern()
    return to_scipy(pattern, np.ones(len(pattern.columns), np.bool_))


def _value_graph(
    operation: str,
    f: Callable[..., object],
    x: object,
    args: tuple[object, ...],
    kwargs: dict[str, object],
    *,
    traced: bool = False,
) -> _Graph:
    """Record the value of ``f`` as a vector."""
    vector, rebuild = vectorized(operation, f, x, traced=traced)

    def value(x: Array) -> Array:
        return joined(operation, f, f(rebuild(x), *args, **kwargs), x.type)

    return _recorded(operation, value, vector)


def _gradient_graph(
    operation: str,
    f: Callable[..., object],
    x: object,
    args: tuple[object, ...],
    kwargs: dict[str, object],
    *,
    traced: bool = False,
) -> _Graph:
    """Record the gradient of ``f`` as a vector."""
    vector, rebuild = vectorized(operation, f, x, traced=traced)

    def value(x: Array) -> object:
        return f(rebuild(x), *args, **kwargs)

    run = differentiator(operation, like(f, value), 0, None, has_aux=False, unused="zero").run

    def gradient(x: Array) -> Array:
        return lift(run((x,), {})[2])

    return _recorded(operation, gradient, vector)


def _recorded(operation: str, f: _OfVector, vector: Value) -> _Graph:
    """Call a function of a vector under a trace of its own."""
    trace, outer = Trace(), constant(vector)
    x = make_node(vector, Input("x"), (outer,), frozenset((trace,)))
    return _Graph(operation, trace, x, f(x))
