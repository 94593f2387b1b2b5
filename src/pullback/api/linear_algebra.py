"""Products of vectors, matrices and tensors: each is one contraction.

Sums of products by subscripts (``einsum``) stand in a module of their own.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from typing import Final

from pullback.api.contractions import (
    axis_last,
    conjugated,
    contract_axes,
    contract_batched,
    flat,
    matrix_contraction,
    reshaped,
    strong,
)
from pullback.core import Array, ArrayLike, apply, lift
from pullback.errors import ShapeError
from pullback.primitives.contraction import contraction

#: The products of vectors and matrices without batch axes, by the ranks of the operands.
_MATMUL: Final = {
    ranks: matrix_contraction("matmul", ranks, ranks)
    for ranks in itertools.product((1, 2), repeat=2)
}


def matmul(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the matrix product ``x @ y``: out[..., i, k] = Σ_j x[..., i, j]·y[..., j, k].

    An operand of rank 1 is a row on the left and a column on the right, and its axis vanishes.
    Axes before the last two are batch axes, and broadcast.

    Args:
        x: An array of shape (..., m, n) or (n,).
        y: An array of shape (..., n, p) or (n,).

    Returns:
        An array of shape (..., m, p) and the promoted dtype.

    Raises:
        ShapeError: An operand is a scalar, the contracted sizes differ, or the batch axes do not
            broadcast.

    Example:
        >>> matmul([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0])
        Array([3., 7.], float64[2])
    """
    left = x if x.__class__ is Array else lift(x)
    right = y if y.__class__ is Array else lift(y)
    x_rank, y_rank = len(left.shape), len(right.shape)
    primitive = _MATMUL.get((x_rank, y_rank))
    if primitive is not None:
        return apply(primitive, left, right)
    if not x_rank or not y_rank:
        msg = f"matmul: {'y' if x_rank else 'x'} is a scalar; multiply by a scalar with *"
        raise ShapeError(msg)
    return contract_batched("matmul", left, right, (min(x_rank, 2), min(y_rank, 2)))


def matvec(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the product of matrices and vectors: out[..., i] = Σ_j x[..., i, j]·y[..., j].

    Args:
        x: An array of shape (..., m, n).
        y: An array of shape (..., n); the axes before the last broadcast with those of x before
            its last two.

    Returns:
        An array of shape (..., m) and the promoted dtype.

    Raises:
        ShapeError: An operand has too few axes, the contracted sizes differ, or the batch axes do
            not broadcast.

    Example:
        >>> matvec([[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [0.0, 1.0]])
        Array([[3., 7.],
               [2., 4.]], float64[2, 2])
    """
    return contract_batched("matvec", lift(x), lift(y), (2, 1))


def vecmat(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the product of vectors and matrices: out[..., k] = Σ_j conj(x[..., j])·y[..., j, k].

    Args:
        x: An array of shape (..., n); conjugated, if complex.
        y: An array of shape (..., n, p); the axes before the last two broadcast with those of x
            before its last.

    Returns:
        An array of shape (..., p) and the promoted dtype.

    Raises:
        ShapeError: An operand has too few axes, the contracted sizes differ, or the batch axes do
            not broadcast.

    Example:
        >>> vecmat([1.0, 1.0], [[1.0, 2.0], [3.0, 4.0]])
        Array([4., 6.], float64[2])
    """
    return contract_batched("vecmat", conjugated(lift(x)), lift(y), (1, 2))


def vecdot(x: ArrayLike, y: ArrayLike, /, *, axis: int = -1) -> Array:
    """Return the inner product of vectors, Σ_j conj(x[..., j])·y[..., j], along one axis.

    Args:
        x: An array; conjugated, if complex.
        y: An array; the axes other than ``axis`` broadcast.
        axis: The axis of the vectors, in each operand; it may be negative.

    Returns:
        An array of the broadcast shape without the axis, of the promoted dtype.

    Raises:
        ShapeError: An operand does not have the axis, its sizes differ, or the other axes do not
            broadcast.

    Example:
        >>> vecdot([[1.0, 2.0], [3.0, 4.0]], [1.0, -1.0])
        Array([-1., -1.], float64[2])
    """
    left, right = (axis_last("vecdot", lift(v), axis) for v in (x, y))
    return contract_batched("vecdot", conjugated(left), right, (1, 1))


def dot(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return NumPy's dot product: the sum over the last axis of x and the last but one of y.

    The matrix product for ranks 1 and 2; the product for scalars. For higher ranks,
    out[i.., k.., m] = Σ_j x[i.., j]·y[k.., j, m]; `matmul` pairs batch axes instead.

    Args:
        x: An array of shape (..., n), or a scalar.
        y: An array of shape (..., n, m) or (n,), or a scalar.

    Returns:
        An array of shape x.shape[:-1] + y.shape[:-2] + y.shape[-1:], of the promoted dtype.

    Raises:
        ShapeError: The contracted sizes differ.

    Example:
        >>> dot([1.0, 2.0], [3.0, 4.0])
        Array(11., float64[])
    """
    left, right = strong(x), strong(y)
    summed = min(left.ndim, right.ndim, 1)
    return contract_axes("dot", left, right, [-1] * summed, [-min(right.ndim, 2)] * summed)


def inner(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the sum over the last axes: out[i.., k..] = Σ_j x[i.., j]·y[k.., j].

    Args:
        x: An array of shape (..., n), or a scalar.
        y: An array of shape (..., n), or a scalar.

    Returns:
        An array of shape x.shape[:-1] + y.shape[:-1]; for a scalar, the product.

    Raises:
        ShapeError: The contracted sizes differ.

    Example:
        >>> inner([1.0, 2.0], [[3.0, 4.0], [5.0, 6.0]])
        Array([11., 17.], float64[2])
    """
    left, right = strong(x), strong(y)
    axes = [-1] * min(left.ndim, right.ndim, 1)
    return contract_axes("inner", left, right, axes, axes)


def vdot(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the inner product of all elements: Σ conj(x)·y, over the arrays flattened.

    Args:
        x: An array; conjugated, if complex.
        y: An array with as many elements.

    Returns:
        A scalar of the promoted dtype.

    Raises:
        ShapeError: The numbers of elements differ.

    Example:
        >>> vdot([1j, 2.0], [1j, 1.0])
        Array(3.+0.j, complex128[])
    """
    left, right = strong(x), strong(y)
    if left.shape != right.shape and math.prod(left.shape) != math.prod(right.shape):
        msg = (
            f"vdot: x of shape {left.shape} has {math.prod(left.shape)} elements, "
            f"y of shape {right.shape} has {math.prod(right.shape)}"
        )
        raise ShapeError(msg)
    return contract_axes("vdot", conjugated(flat(left)), flat(right), [0], [0])


def outer(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the outer product of the flattened arrays: out[i, j] = x[i]·y[j].

    Args:
        x: An array with m elements.
        y: An array with n elements.

    Returns:
        An array of shape (m, n) and the promoted dtype.

    Example:
        >>> outer([1.0, 2.0], [3.0, 4.0])
        Array([[3., 4.],
               [6., 8.]], float64[2, 2])
    """
    return contract_axes("outer", flat(strong(x)), flat(strong(y)), [], [])


def tensordot(
    x: ArrayLike, y: ArrayLike, /, axes: int | Sequence[int | Sequence[int]] = 2
) -> Array:
    """Return the sum of products over pairs of axes; the other axes of x, then of y, remain.

    Args:
        x: An array.
        y: An array.
        axes: How many axes: the last of x with the first of y, in order; or the axes of x and
            the axes of y, each an integer or a sequence, as many in one as in the other.

    Returns:
        An array of the promoted dtype; its shape is what remains of x.shape and y.shape.

    Raises:
        ShapeError: The axes do not exist, stand twice or do not pair, or their sizes differ.

    Example:
        >>> tensordot([[1.0, 2.0], [3.0, 4.0]], [10.0, 1.0], axes=1)
        Array([12., 34.], float64[2])
    """
    left, right = strong(x), strong(y)
    if isinstance(axes, Sequence):
        if len(axes) != 2:
            msg = f"tensordot: axes {axes}: expected an integer, or axes of x and axes of y"
            raise ShapeError(msg)
        pairs = [list(n) if isinstance(n, Sequence) else [n] for n in axes]
    else:
        n = operator.index(axes)
        if not 0 <= n <= min(left.ndim, right.ndim):
            msg = (
                f"tensordot: axes={n}, but x has {left.ndim} axes (shape {left.shape}) "
                f"and y has {right.ndim} (shape {right.shape})"
            )
            raise ShapeError(msg)
        pairs = [list(range(left.ndim - n, left.ndim)), list(range(n))]
    if len(pairs[0]) != len(pairs[1]):
        msg = f"tensordot: {len(pairs[0])} axes of x for {len(pairs[1])} axes of y in {axes}"
        raise ShapeError(msg)
    return contract_axes("tensordot", left, right, *pairs)


def kron(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the Kronecker product: each element of x replaced by its product with all of y.

    Args:
        x: An array; leading axes of size 1 are added to the array of lower rank.
        y: An array.

    Returns:
        An array whose shape is the product of the shapes, of the promoted dtype.

    Example:
        >>> kron([1.0, 10.0], [1.0, 2.0])
        Array([ 1.,  2., 10., 20.], float64[4])
    """
    left, right = strong(x), strong(y)
    rank = max(left.ndim, right.ndim)
    left, right = (reshaped(a, (1,) * (rank - a.ndim) + a.shape) for a in (left, right))
    x_labels, y_labels = tuple(range(0, 2 * rank, 2)), tuple(range(1, 2 * rank, 2))
    blocks = apply(contraction(x_labels, y_labels, tuple(range(2 * rank)), "kron"), left, right)
    return reshaped(blocks, tuple(map(operator.mul, left.shape, right.shape)))
