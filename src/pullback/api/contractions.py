"""Functions that label the axes of two arrays, and contract them.

The public products, each a line or two of these, stand in `linear_algebra` and `einsum`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

from pullback.core import Array, apply, lift
from pullback.errors import ShapeError
from pullback.primitives.cast import Cast
from pullback.primitives.complex import Conjugate
from pullback.primitives.contraction import Contract, contraction, size_mismatch
from pullback.primitives.contraction_plan import Labels
from pullback.primitives.shape import Reshape, Transpose
from pullback.types import broadcast_shapes, canonical_axes, canonical_axis


def contract_axes(
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


def contract_batched(operation: str, x: Array, y: Array, ranks: tuple[int, int]) -> Array:
    """Multiply vectors (rank 1) or matrices (rank 2); the axes before them broadcast."""
    x_shape, y_shape = x.shape, y.shape
    x_rank, y_rank = len(x_shape) - ranks[0], len(y_shape) - ranks[1]
    if x_rank < 0 or y_rank < 0:
        msg = (
            f"{operation}: expected at least {ranks[0]} and {ranks[1]} axes, "
            f"got x of shape {x_shape} and y of shape {y_shape}"
        )
        raise ShapeError(msg)
    primitive = matrix_contraction(operation, ranks, (len(x_shape), len(y_shape)))
    x_batch, y_batch = x_shape[:x_rank], y_shape[:y_rank]
    if x_batch == y_batch or not x_batch or not y_batch:
        return apply(primitive, x, y)
    if x_shape[-1] != y_shape[y_rank]:
        where = (len(x_shape) - 1, x_shape), (y_rank, y_shape)
        raise size_mismatch(operation, "contracted", *where)
    batch = broadcast_shapes(f"{operation} (batch axes)", [x_batch, y_batch])
    sizes = dict(enumerate(batch, -len(batch)))
    x, x_labels = drop_stretched(x, primitive.x, sizes)
    y, y_labels = drop_stretched(y, primitive.y, sizes)
    return apply(contraction(x_labels, y_labels, primitive.out, operation), x, y)


@lru_cache(maxsize=256)
def matrix_contraction(
    operation: str, ranks: tuple[int, int], batched_ranks: tuple[int, int]
) -> Contract:
    """Return the product of vectors or matrices, x[..., 0, 1]·y[..., 1, 2] or without 0, 2 or both.

    A batch axis is labelled by its distance from the matrix, so those that pair share labels.

    Args:
        operation: The name that an error gives the operation.
        ranks: 1 for a vector or 2 for a matrix, on the left and on the right.
        batched_ranks: The ranks with batch axes.
    """
    x_batch, y_batch = (range(m - n, 0) for m, n in zip(ranks, batched_ranks, strict=True))
    rows, columns = (0,) * (ranks[0] - 1), (2,) * (ranks[1] - 1)
    out = (*max(x_batch, y_batch, key=len), *rows, *columns)
    return contraction((*x_batch, *rows, 1), (*y_batch, 1, *columns), out, operation)


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
    return reshaped(x, tuple(shape[i] for i in kept)), tuple(labels[i] for i in kept)


def axis_last(operation: str, x: Array, axis: int) -> Array:
    """Move an axis to the end."""
    last = canonical_axis(operation, axis, x.ndim)
    if last == x.ndim - 1:
        return x
    return apply(Transpose((*(i for i in range(x.ndim) if i != last), last)), x)


def strong(x: object) -> Array:
    """Return an array of a strong dtype: NumPy's products take Python numbers for arrays."""
    array = lift(x)
    return apply(Cast(array.dtype), array) if array.ndim == 0 and array.type.weak else array


def reshaped(x: Array, shape: tuple[int, ...]) -> Array:
    """Reshape, where the shape differs."""
    return x if x.shape == shape else apply(Reshape(shape), x)


def flat(x: Array) -> Array:
    """Return the elements in row-major order."""
    return reshaped(x, (math.prod(x.shape),))


def conjugated(x: Array) -> Array:
    """Return the complex conjugate; a real array as it is."""
    return apply(Conjugate(), x) if x.dtype.kind == "c" else x
