"""Means, variances, weighted averages, ranges, and the reductions that pass over nan."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pullback.api.dtypes import astype
from pullback.api.reductions import Axis, as_dtype, inexact, max, min, sum
from pullback.core import Array, ArrayLike, apply, operands
from pullback.errors import ShapeError
from pullback.primitives.comparison import Equal
from pullback.primitives.complex import Conjugate, Real, real_dtype
from pullback.primitives.reduction import Magnitude
from pullback.primitives.shape import BroadcastTo, Reshape, Transpose
from pullback.types import canonical_axes

if TYPE_CHECKING:
    import numpy.typing as npt


def mean(
    x: ArrayLike,
    /,
    axis: Axis = None,
    dtype: npt.DTypeLike | None = None,
    *,
    keepdims: bool = False,
    where: ArrayLike = True,
) -> Array:
    """Return the arithmetic mean of the elements over axes.

    Args:
        x: An array or number.
        axis: The axis, or several, to average over; None means all.
        dtype: The dtype to compute in and to return; None means that of ``x``, but float64 for
            booleans and integers.
        keepdims: Whether the axes stay, with size 1.
        where: Which elements count; it broadcasts to the shape of ``x``.

    Returns:
        An array without the axes; the mean of nothing is nan.

    Raises:
        ShapeError: An axis is out of range or stands twice, or ``where`` does not broadcast.

    Example:
        >>> mean([[1, 2], [3, 4]], axis=0)
        Array([2., 3.], float64[2])
    """
    (x,) = operands(x)
    half = dtype is None and x.dtype == np.float16  # summed in float32, as NumPy does
    x = inexact(x, np.float32 if half else dtype)
    total = sum(x, axis, keepdims=keepdims, where=where)
    out = total / _count("mean", x, axis, where, keepdims=keepdims)
    return astype(out, np.float16) if half else out


def var(
    x: ArrayLike,
    /,
    axis: Axis = None,
    dtype: npt.DTypeLike | None = None,
    *,
    correction: float = 0.0,
    ddof: float | None = None,
    keepdims: bool = False,
    where: ArrayLike = True,
) -> Array:
    """Return the variance over axes, ``Σ |x - mean|² / (n - correction)``.

    Args:
        x: An array or number.
        axis: The axis, or several, to reduce; None means all.
        dtype: The dtype to compute in; None means that of ``x``, but float64 for booleans and
            integers.
        correction: Subtracted from the number of elements: 1 for the unbiased estimate.
        ddof: NumPy's name for ``correction``, which it replaces where it is given.
        keepdims: Whether the axes stay, with size 1.
        where: Which elements count; it broadcasts to the shape of ``x``.

    Returns:
        A real array without the axes; nan where there are no more elements than the correction.

    Raises:
        ShapeError: An axis is out of range or stands twice, or ``where`` does not broadcast.

    Example:
        >>> var([1.0, 2.0, 4.0, 5.0]), var([1.0, 3.0], correction=1)
        (Array(2.5, float64[]), Array(2., float64[]))
    """
    x = inexact(x, dtype)
    squares = squared(x - mean(x, axis, keepdims=True, where=where))
    total = sum(squares, axis, keepdims=keepdims, where=where)
    count = _count("var", squares, axis, where, keepdims=keepdims)
    freedom = count - (correction if ddof is None else ddof)
    return total / (freedom * (freedom > 0))


def std(
    x: ArrayLike,
    /,
    axis: Axis = None,
    dtype: npt.DTypeLike | None = None,
    *,
    correction: float = 0.0,
    ddof: float | None = None,
    keepdims: bool = False,
    where: ArrayLike = True,
) -> Array:
    """Return the standard deviation over axes, the root of the variance `var`.

    Where all elements are equal, so that the root has no derivative, the gradient is 0, as that of
    a norm is at 0.

    Args:
        x: An array or number.
        axis: The axis, or several, to reduce; None means all.
        dtype: The dtype to compute in; None means that of ``x``, but float64 for booleans and
            integers.
        correction: Subtracted from the number of elements: 1 for the unbiased variance.
        ddof: NumPy's name for ``correction``, which it replaces where it is given.
        keepdims: Whether the axes stay, with size 1.
        where: Which elements count; it broadcasts to the shape of ``x``.

    Returns:
        A real array without the axes; nan where there are no more elements than the correction.

    Raises:
        ShapeError: An axis is out of range or stands twice, or ``where`` does not broadcast.

    Example:
        >>> std([1.0, 3.0]), std([[1.0, 1.0], [0.0, 4.0]], axis=1)
        (Array(1., float64[]), Array([0., 2.], float64[2]))
    """
    squares = var(x, axis, dtype, correction=correction, ddof=ddof, keepdims=keepdims, where=where)
    return apply(Magnitude(), squares)


def average(
    x: ArrayLike,
    /,
    axis: Axis = None,
    weights: ArrayLike | None = None,
    *,
    keepdims: bool = False,
) -> Array:
    """Return the weighted average over axes, ``Σ w·x / Σ w``.

    Args:
        x: An array or number.
        axis: The axis, or several, to average over; None means all.
        weights: An array of the shape of ``x``, or of its sizes along the axes given; None means
            equal weights.
        keepdims: Whether the axes stay, with size 1.

    Returns:
        An array without the axes; where the weights add up to 0, nan or infinite.

    Raises:
        ShapeError: The weights have another shape, or an axis is out of range or stands twice.

    Example:
        >>> average([1.0, 2.0, 6.0], weights=[2.0, 1.0, 1.0])
        Array(2.5, float64[])
    """
    if weights is None:
        return mean(x, axis, keepdims=keepdims)
    (x,), (w,) = operands(x), operands(weights)
    if w.shape != x.shape:
        axes = canonical_axes("average", axis, x.ndim)
        if w.shape != tuple(x.shape[i] for i in axes):
            msg = (
                f"average: weights of shape {w.shape} for x of shape {x.shape}, axis {axis}: "
                "they need the shape of x, or its sizes along the axes"
            )
            raise ShapeError(msg)
        w = apply(Transpose(tuple(axes.index(i) for i in sorted(axes))), w)
        w = apply(Reshape(tuple(n if i in axes else 1 for i, n in enumerate(x.shape))), w)
    total = sum(x * w, axis, keepdims=keepdims)
    return total / sum(w, axis, dtype=total.dtype, keepdims=keepdims)


def ptp(x: ArrayLike, /, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """Return the range of the elements over axes: the largest minus the smallest.

    Args:
        x: An array or number.
        axis: The axis, or several, to reduce; None means all.
        keepdims: Whether the axes stay, with size 1.

    Returns:
        An array without the axes.

    Raises:
        ShapeError: There are no elements, or an axis is out of range or stands twice.

    Example:
        >>> ptp([[4.0, 9.0], [1.0, 2.0]], axis=1)
        Array([5., 1.], float64[2])
    """
    (x,) = operands(x)
    return max(x, axis, keepdims=keepdims) - min(x, axis, keepdims=keepdims)


def nansum(
    x: ArrayLike,
    /,
    axis: Axis = None,
    dtype: npt.DTypeLike | None = None,
    *,
    keepdims: bool = False,
) -> Array:
    """Return the sum of the elements over axes, with nan counting as 0.

    Args:
        x: An array or number.
        axis: The axis, or several, to sum over; None means all.
        dtype: The dtype to sum in and to return; see `sum`.
        keepdims: Whether the axes stay, with size 1.

    Returns:
        An array without the axes. The gradient of an element that is nan is 0.

    Raises:
        ShapeError: An axis is out of range or stands twice.

    Example:
        >>> nansum([1.0, float("nan"), 2.0])
        Array(3., float64[])
    """
    x = as_dtype(operands(x)[0], dtype)
    return sum(x, axis, dtype, keepdims=keepdims, where=apply(Equal(), x, x))


def nanmean(
    x: ArrayLike,
    /,
    axis: Axis = None,
    dtype: npt.DTypeLike | None = None,
    *,
    keepdims: bool = False,
) -> Array:
    """Return the mean over axes of the elements that are not nan.

    Args:
        x: An array or number.
        axis: The axis, or several, to average over; None means all.
        dtype: The dtype to compute in and to return; see `mean`.
        keepdims: Whether the axes stay, with size 1.

    Returns:
        An array without the axes; nan where all elements are. The gradient of an element that is
        nan is 0.

    Raises:
        ShapeError: An axis is out of range or stands twice.

    Example:
        >>> nanmean([1.0, float("nan"), 2.0])
        Array(1.5, float64[])
    """
    x = as_dtype(operands(x)[0], dtype)
    return mean(x, axis, dtype, keepdims=keepdims, where=apply(Equal(), x, x))


def squared(x: Array) -> Array:
    """Return ``|x|²``, real."""
    return apply(Real(), x * apply(Conjugate(), x)) if x.dtype.kind == "c" else x * x


def _count(
    operation: str, x: Array, axis: Axis, where: ArrayLike, *, keepdims: bool
) -> Array | int:
    """Return how many elements count over the axes; where that varies, in the dtype of ``x``."""
    if where is True:
        return math.prod(x.shape[i] for i in canonical_axes(operation, axis, x.ndim))
    ones = apply(BroadcastTo(x.shape), astype(1, real_dtype(x.dtype)))
    return sum(ones, axis, keepdims=keepdims, where=where)
