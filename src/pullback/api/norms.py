"""Norms of vectors, and the Frobenius norm of matrices."""

from __future__ import annotations

import math
from typing import Literal

from pullback.api.dtypes import astype
from pullback.api.reductions import Axis, count_nonzero, inexact, max, min, sum
from pullback.api.statistics import squared
from pullback.core import Array, ArrayLike, apply, constant
from pullback.errors import UnsupportedError
from pullback.primitives.comparison import Equal
from pullback.primitives.complex import real_dtype
from pullback.primitives.power import Power
from pullback.primitives.reduction import Magnitude
from pullback.primitives.rounding import Abs
from pullback.primitives.selection import Where
from pullback.types import canonical_axes


def norm(
    x: ArrayLike,
    /,
    ord: float | Literal["fro"] | None = None,
    axis: Axis = None,
    *,
    keepdims: bool = False,
) -> Array:
    """Return a norm of the vectors, or the Frobenius norm of the matrices, along axes.

    The Euclidean (and Frobenius) norm is ``√Σ|x|²``, with the gradient ``x / norm``. Where it is
    0, so that there is no derivative, the gradient is 0, the middle of the subdifferential. The
    same holds for every other norm.

    Args:
        x: An array or number; booleans and integers count as float64.
        ord: Which norm, for a vector: None or 2, the Euclidean; 1, ``Σ|x|``; inf or -inf, the
            largest or smallest ``|x|``; 0, the number of elements that are not 0; another number
            p, ``(Σ|x|^p)^(1/p)``. For a matrix: None or ``"fro"``, the Frobenius norm.
        axis: The axis of the vectors, or the two of the matrices; None means that ``x`` is one
            vector or matrix (or, if ``ord`` is None, of any rank).
        keepdims: Whether the axes stay, with size 1.

    Returns:
        A real array without the axes.

    Raises:
        UnsupportedError: ``ord`` is no norm of vectors, or another one of matrices.
        ShapeError: An axis is out of range or stands twice, or there are no elements and ``ord`` is
            infinite.

    Example:
        >>> norm([3.0, 4.0]), norm([[3.0, -4.0], [0.0, 0.0]], 1, axis=1)
        (Array(5., float64[]), Array([7., 0.], float64[2]))
    """
    x = inexact(x)
    axes = canonical_axes("norm", axis, x.ndim)
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return apply(Magnitude(), sum(squared(x), axes, keepdims=keepdims))
    if isinstance(ord, str) or len(axes) != 1:
        msg = (
            f"norm: ord={ord!r} over {len(axes)} axes: a vector's norm has a number and one axis, "
            "a matrix's is 'fro' over two; for another norm of all elements, flatten x"
        )
        raise UnsupportedError(msg)
    if ord == 0:
        return astype(count_nonzero(x, axes, keepdims=keepdims), real_dtype(x.dtype))
    magnitudes = apply(Abs(), x)
    if math.isinf(ord):
        return (max if ord > 0 else min)(magnitudes, axes, keepdims=keepdims)
    if ord == 1:
        return sum(magnitudes, axes, keepdims=keepdims)
    return _p_norm(x, ord, axes, keepdims=keepdims)


def _p_norm(x: Array, p: float, axes: tuple[int, ...], *, keepdims: bool) -> Array:
    """Return ``(Σ|x|^p)^(1/p)``, with derivative 0 in elements that are 0, and where it is 0."""
    nothing, one = constant(0.0 if p > 0 else math.inf), constant(1.0)  # 0^p, 1
    zero = apply(Equal(), x, constant(0))
    powers = apply(Power(), apply(Abs(), apply(Where(), zero, one, x)), constant(p))
    total = sum(apply(Where(), zero, nothing, powers), axes, keepdims=keepdims)
    flat = apply(Equal(), total, nothing)
    root = apply(Power(), apply(Where(), flat, one, total), constant(1 / p))
    return apply(Where(), flat, constant(0.0), root)
