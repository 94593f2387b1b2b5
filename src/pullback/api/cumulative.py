"""Sums and products up to each element; differences and sums of trapezoids along an axis."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import numpy as np

from pullback.api.joining import between, concat
from pullback.api.manipulation import broadcast_to, ravel, reshape
from pullback.api.reductions import as_dtype, sum
from pullback.core import Array, ArrayLike, apply, constant, lift, operands
from pullback.errors import ShapeError
from pullback.primitives.comparison import NotEqual
from pullback.primitives.cumulative import Cumprod, Cumsum
from pullback.types import canonical_axis

if TYPE_CHECKING:
    import numpy.typing as npt


def cumsum(x: ArrayLike, /, axis: int | None = None, dtype: npt.DTypeLike | None = None) -> Array:
    """Return the sum of all elements up to each one along an axis.

    Args:
        x: An array or number.
        axis: The axis; None flattens the array first.
        dtype: The dtype to sum in and to return. None means that of ``x``, but for booleans and
            small integers the default integer of their kind.

    Returns:
        An array of the shape of ``x``; if the axis is None, of rank 1.

    Raises:
        ShapeError: The axis is out of range.

    Example:
        >>> cumsum([1.0, 2.0, 3.0])
        Array([1., 3., 6.], float64[3])
    """
    return _accumulate("cumsum", Cumsum, x, axis, dtype)


def cumprod(x: ArrayLike, /, axis: int | None = None, dtype: npt.DTypeLike | None = None) -> Array:
    """Return the product of all elements up to each one along an axis.

    No derivative involves a division, so it is right where some elements are zero.

    Args:
        x: An array or number.
        axis: The axis; None flattens the array first.
        dtype: The dtype to multiply in and to return. None means that of ``x``, but for booleans
            and small integers the default integer of their kind.

    Returns:
        An array of the shape of ``x``; if the axis is None, of rank 1.

    Raises:
        ShapeError: The axis is out of range.

    Example:
        >>> cumprod([1.0, 2.0, 3.0])
        Array([1., 2., 6.], float64[3])
    """
    return _accumulate("cumprod", Cumprod, x, axis, dtype)


def cumulative_sum(
    x: ArrayLike,
    /,
    *,
    axis: int | None = None,
    dtype: npt.DTypeLike | None = None,
    include_initial: bool = False,
) -> Array:
    """Return the sum of all elements up to each one along an axis.

    Args:
        x: An array.
        axis: The axis; None is for arrays of rank 1.
        dtype: The dtype to sum in and to return; see `cumsum`.
        include_initial: Whether the result begins with the sum of nothing, 0.

    Returns:
        An array of the shape of ``x``, or one longer along the axis.

    Raises:
        ShapeError: The axis is out of range, or None for an array of another rank.

    Example:
        >>> cumulative_sum([1.0, 2.0, 3.0], include_initial=True)
        Array([0., 1., 3., 6.], float64[4])
    """
    (x,) = operands(x)
    along = _only_axis("cumulative_sum", x, axis)
    out = cumsum(x, along, dtype)
    return _after(0, out, along) if include_initial else out


def cumulative_prod(
    x: ArrayLike,
    /,
    *,
    axis: int | None = None,
    dtype: npt.DTypeLike | None = None,
    include_initial: bool = False,
) -> Array:
    """Return the product of all elements up to each one along an axis.

    Args:
        x: An array.
        axis: The axis; None is for arrays of rank 1.
        dtype: The dtype to multiply in and to return; see `cumprod`.
        include_initial: Whether the result begins with the product of nothing, 1.

    Returns:
        An array of the shape of ``x``, or one longer along the axis.

    Raises:
        ShapeError: The axis is out of range, or None for an array of another rank.

    Example:
        >>> cumulative_prod([1.0, 2.0, 3.0], include_initial=True)
        Array([1., 1., 2., 6.], float64[4])
    """
    (x,) = operands(x)
    along = _only_axis("cumulative_prod", x, axis)
    out = cumprod(x, along, dtype)
    return _after(1, out, along) if include_initial else out


def diff(
    x: ArrayLike,
    /,
    n: int = 1,
    axis: int = -1,
    prepend: ArrayLike | None = None,
    append: ArrayLike | None = None,
) -> Array:
    """Return the difference of each element and the one before it along an axis.

    Args:
        x: An array of rank 1 or more.
        n: How many times differences are taken.
        axis: The axis.
        prepend: What stands before the elements: an array that fits, or a number.
        append: What stands after the elements: an array that fits, or a number.

    Returns:
        An array that is shorter by ``n`` along the axis. Of booleans, whether they differ.

    Raises:
        ShapeError: The axis is out of range, ``n`` is negative, or what is put before or after does
            not fit.

    Example:
        >>> diff([1.0, 4.0, 9.0]), diff([1.0, 4.0, 9.0], n=2)
        (Array([3., 5.], float64[2]), Array([2.], float64[1]))
    """
    (x,) = operands(x)
    along, times = canonical_axis("diff", axis, x.ndim), operator.index(n)
    if times < 0:
        msg = f"diff: n counts how many times differences are taken; it is not negative, unlike {n}"
        raise ShapeError(msg)
    parts = [None if part is None else _beside(x, part, along) for part in (prepend, append)]
    if times and any(part is not None for part in parts):
        x = concat([part for part in (parts[0], x, parts[1]) if part is not None], along)
    for _ in range(times):
        earlier, later = _neighbours(x, along)
        x = apply(NotEqual(), later, earlier) if x.dtype.kind == "b" else later - earlier
    return x


def trapezoid(
    y: ArrayLike, /, x: ArrayLike | None = None, dx: ArrayLike = 1.0, axis: int = -1
) -> Array:
    """Return the integral along an axis by the trapezoidal rule, ``Σ Δx·(y_k + y_{k+1}) / 2``.

    Args:
        y: The values of the function.
        x: The points they belong to: an array of rank 1, or one that broadcasts with ``y``; None
            means points that are ``dx`` apart.
        dx: The distance of the points.
        axis: The axis.

    Returns:
        An array without the axis.

    Raises:
        ShapeError: The shapes do not fit, or the axis is out of range.

    Example:
        >>> trapezoid([1.0, 2.0, 3.0]), trapezoid([1.0, 2.0, 3.0], x=[4.0, 6.0, 8.0])
        (Array(4., float64[]), Array(8., float64[]))
    """
    (y,) = operands(y)
    along = canonical_axis("trapezoid", axis, y.ndim)
    earlier, later = _neighbours(y, along)
    if x is None:
        return sum(lift(dx) * (earlier + later) / 2.0, along)
    (x,) = operands(x)
    if x.ndim == 1:
        if x.shape[0] != y.shape[along]:
            msg = (
                f"trapezoid: {x.shape[0]} points for the {y.shape[along]} values along axis "
                f"{along} of shape {y.shape}"
            )
            raise ShapeError(msg)
        x, axis = reshape(x, (*x.shape, *(1,) * (y.ndim - 1 - along))), along - y.ndim
    return sum(diff(x, axis=axis) * (earlier + later) / 2.0, along)


def _accumulate(
    operation: str,
    make: type[Cumsum | Cumprod],
    x: ArrayLike,
    axis: int | None,
    dtype: npt.DTypeLike | None,
) -> Array:
    """Apply an accumulation along an axis, or to the flattened elements."""
    x = as_dtype(operands(x)[0], dtype)
    if axis is None:
        x, axis = ravel(x), 0
    return as_dtype(apply(make(canonical_axis(operation, axis, x.ndim)), x), dtype)


def _only_axis(operation: str, x: Array, axis: int | None) -> int:
    """Return the axis, counted from the front; None is for arrays of rank 1."""
    if axis is None and x.ndim != 1:
        msg = (
            f"{operation}: an axis is needed for shape {x.shape}; only of rank 1 there is no choice"
        )
        raise ShapeError(msg)
    return canonical_axis(operation, 0 if axis is None else axis, x.ndim)


def _after(initial: int, x: Array, axis: int) -> Array:
    """Return the array with a number before its elements along the axis."""
    shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    return concat([constant(np.full(shape, initial, x.dtype)), x], axis)


def _beside(x: Array, part: ArrayLike, axis: int) -> Array:
    """Return what is put before or after ``x``; a number fills a place along the axis."""
    (part,) = operands(part)
    return part if part.ndim else broadcast_to(part, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))


def _neighbours(x: Array, axis: int) -> tuple[Array, Array]:
    """Return all elements but the last, and all but the first, along the axis."""
    size = x.shape[axis]
    ends = (0, max(size - 1, 0)), (min(size, 1), size)
    earlier, later = (between(x, axis, *end) for end in ends)
    return earlier, later
