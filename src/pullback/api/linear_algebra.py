"""Products of vectors, matrices and tensors: each is one contraction.

Sums of products by subscripts (``einsum``) stand in a module of their own.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from pullback.core import Array, ArrayLike, apply, lift
from pullback.errors import ShapeError
from pullback.primitives.cast import Cast
from pullback.primitives.complex import Conjugate
from pullback.primitives.contraction import Contract, contraction, size_mismatch
from pullback.primitives.contraction_plan import Labels
from pullback.primitives.shape import Reshape, Transpose
from pullback.types import broadcast_shapes, canonical_axes, canonical_axis

#: The labels of the operands of a matrix product and of its result, by the operands' ranks.
_MATMUL: Final[dict[tuple[int, int], tuple[Labels, Labels, Labels]]] = {
    (1, 1): ((0,), (0,), ()),
    (1, 2): ((0,), (0, 1), (1,)),
    (2, 1): ((0, 1), (1,), (0,)),
    (2, 2): ((0, 1), (1, 2), (0, 2)),
}
_MATMUL_PRIMITIVES: Final = {
    ranks: contraction(*labels, "matmul") for ranks, labels in _MATMUL.items()
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
    primitive = _MATMUL_PRIMITIVES.get((x_rank, y_rank))
    if primitive is not None:
        return apply(primitive, left, right)
    if not x_rank or not y_rank:
        msg = f"matmul: {'y' if x_rank else 'x'} is a scalar; multiply by a scalar with *"
        raise ShapeError(msg)
    return _batched("matmul", left, right, _MATMUL[min(x_rank, 2), min(y_rank, 2)])


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
    return _batched("matvec", lift(x), lift(y), _MATMUL[2, 1])


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
    return _batched("vecmat", _conjugate(lift(x)), lift(y), _MATMUL[1, 2])


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
    left, right = (_axis_last("vecdot", lift(v), axis) for v in (x, y))
    return _batched("vecdot", _conjugate(left), right, _MATMUL[1, 1])


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
    return _contract_axes("dot", left, right, [-1] * summed, [-min(right.ndim, 2)] * summed)


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
    return _contract_axes("inner", left, right, axes, axes)


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
    return _contract_axes("vdot", _conjugate(_flat(left)), _flat(right), [0], [0])


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
    return _contract_axes("outer", _flat(strong(x)), _flat(strong(y)), [], [])


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
    return _contract_axes("tensordot", left, right, *pairs)


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
    left, right = (_reshape(a, (1,) * (rank - a.ndim) + a.shape) for a in (left, right))
    x_labels, y_labels = tuple(range(0, 2 * rank, 2)), tuple(range(1, 2 * rank, 2))
    blocks = apply(contraction(x_labels, y_labels, tuple(range(2 * rank)), "kron"), left, right)
    return _reshape(blocks, tuple(map(operator.mul, left.shape, right.shape)))


def _contract_axes(
    operation: str, x: Array, y: Array, x_axes: Sequence[int], y_axes: Sequence[int]
) -> Array:
    """Sum over pairs of axes; the other axes of x, then of y, remain."""
    primitive = _axes_contraction(operation, x.ndim, y.ndim, tuple(x_axes), tuple(y_axes))
    return apply(primitive, x, y)


@lru_cache(maxsize=256)
def _axes_contraction(
    operation: str, x_rank: int, y_rank: int, x_axes: tuple[int, ...], y_axes: tuple[int, ...]
) -> Contract:
    """Label the axes so that those of a pair have one label."""
    x_summed = canonical_axes(operation, x_axes, x_rank)
    y_summed = canonical_axes(operation, y_axes, y_rank)
    x, y = list(range(x_rank)), list(range(x_rank, x_rank + y_rank))
    for i, j in zip(x_summed, y_summed, strict=True):
        y[j] = i
    out = [label for label in (*x, *y) if label not in x_summed]
    return contraction(tuple(x), tuple(y), tuple(out), operation)


def _batched(operation: str, x: Array, y: Array, labels: tuple[Labels, Labels, Labels]) -> Array:
    """Contract the last axes by their labels; the axes before them are a batch, and broadcast."""
    x_shape, y_shape = x.shape, y.shape
    x_rank, y_rank = len(x_shape) - len(labels[0]), len(y_shape) - len(labels[1])
    if x_rank < 0 or y_rank < 0:
        msg = (
            f"{operation}: expected at least {len(labels[0])} and {len(labels[1])} axes, "
            f"got x of shape {x_shape} and y of shape {y_shape}"
        )
        raise ShapeError(msg)
    primitive = _batch_contraction(operation, x_rank, y_rank, labels)
    x_batch, y_batch = x_shape[:x_rank], y_shape[:y_rank]
    if x_batch == y_batch or not x_batch or not y_batch:
        return apply(primitive, x, y)
    i, j = len(x_shape) - 1, y_rank + labels[1].index(labels[0][-1])
    if x_shape[i] != y_shape[j]:
        raise size_mismatch(operation, "contracted", (i, x_shape), (j, y_shape))
    batch = broadcast_shapes(f"{operation} (batch axes)", [x_batch, y_batch])
    sizes = dict(enumerate(batch, -len(batch)))
    x, x_labels = drop_stretched(x, primitive.x, sizes)
    y, y_labels = drop_stretched(y, primitive.y, sizes)
    return apply(contraction(x_labels, y_labels, primitive.out, operation), x, y)


@lru_cache(maxsize=256)
def _batch_contraction(
    operation: str, x_rank: int, y_rank: int, labels: tuple[Labels, Labels, Labels]
) -> Contract:
    """Put batch axes before labelled ones; each is labelled by its distance from them."""
    x, y, out = labels
    batch = range(-max(x_rank, y_rank), 0)
    return contraction(
        (*range(-x_rank, 0), *x), (*range(-y_rank, 0), *y), (*batch, *out), operation
    )


def drop_stretched(x: Array, labels: Labels, sizes: Mapping[int, int]) -> tuple[Array, Labels]:
    """Remove the axes of size 1 that broadcasting would stretch to the size of their label.

    What does not vary along an axis takes part in a contraction without it.
    """
    shape = x.shape
    if 1 not in shape:
        return x, labels
    kept = [i for i, label in enumerate(labels) if shape[i] == sizes.get(label, shape[i])]
    if len(kept) == len(labels):
        return x, labels
    return _reshape(x, tuple(shape[i] for i in kept)), tuple(labels[i] for i in kept)


def _axis_last(operation: str, x: Array, axis: int) -> Array:
    """Move an axis to the end."""
    last = canonical_axis(operation, axis, x.ndim)
    if last == x.ndim - 1:
        return x
    return apply(Transpose((*(i for i in range(x.ndim) if i != last), last)), x)


def strong(x: object) -> Array:
    """Return an array of a strong dtype: NumPy's products take Python numbers for arrays."""
    array = lift(x)
    return apply(Cast(array.dtype), array) if array.ndim == 0 and array.type.weak else array


def _reshape(x: Array, shape: tuple[int, ...]) -> Array:
    """Reshape, where the shape differs."""
    return x if x.shape == shape else apply(Reshape(shape), x)


def _flat(x: Array) -> Array:
    """Return the elements in row-major order."""
    return _reshape(x, (math.prod(x.shape),))


def _conjugate(x: Array) -> Array:
    """Return the complex conjugate; a real array as it is."""
    return apply(Conjugate(), x) if x.dtype.kind == "c" else x
