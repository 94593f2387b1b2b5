"""Reductions over axes: sum, product, extremes and their positions, any, all, logsumexp.

Means and deviations stand in `pullback.api.statistics`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pullback.api.dtypes import astype
from pullback.core import Array, ArrayLike, apply, constant, lift, operands
from pullback.errors import ShapeError
from pullback.primitives.comparison import NotEqual
from pullback.primitives.extremum import Extremum, Maximum, Minimum
from pullback.primitives.primitive import Primitive
from pullback.primitives.reduction import All, Any, Argmax, Argmin, Logsumexp, Max, Min, Prod
from pullback.primitives.selection import Where
from pullback.primitives.shape import BroadcastTo, Reshape, Sum
from pullback.types import broadcast_shapes, canonical_axes, canonical_axis

if TYPE_CHECKING:
    import numpy.typing as npt

Axis: TypeAlias = int | Sequence[int] | None


def sum(
    x: ArrayLike,
    /,
    axis: Axis = None,
    dtype: npt.DTypeLike | None = None,
    *,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike = True,
) -> Array:
    """Return the sum of the elements over axes.

    Args:
        x: An array or number.
        axis: The axis, or several, to sum over; None means all.
        dtype: The dtype to sum in and to return. None means that of ``x``, but for booleans and
            small integers the default integer of their kind.
        keepdims: Whether the axes stay, with size 1.
        initial: A number to add to the sum.
        where: Which elements count; it broadcasts to the shape of ``x``.

    Returns:
        An array without the axes. The sum of nothing is 0.

    Raises:
        ShapeError: An axis is out of range or stands twice, or ``where`` does not broadcast.

    Example:
        >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
        Array([4., 6.], float64[2])
    """
    x = chosen("sum", as_dtype(operands(x)[0], dtype), where, 0)
    out = as_dtype(reduce("sum", Sum, x, axis, keepdims=keepdims), dtype)
    return out if initial is None else out + initial


def prod(
    x: ArrayLike,
    /,
    axis: Axis = None,
    dtype: npt.DTypeLike | None = None,
    *,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike = True,
) -> Array:
    """Return the product of the elements over axes.

    The derivative by one element is the product of the others, at every order; no division is
    involved, so it is right where some elements are zero.

    Args:
        x: An array or number.
        axis: The axis, or several, to multiply over; None means all.
        dtype: The dtype to multiply in and to return. None means that of ``x``, but for booleans
            and small integers the default integer of their kind.
        keepdims: Whether the axes stay, with size 1.
        initial: A number to multiply the product with.
        where: Which elements count; it broadcasts to the shape of ``x``.

    Returns:
        An array without the axes. The product of nothing is 1.

    Raises:
        ShapeError: An axis is out of range or stands twice, or ``where`` does not broadcast.

    Example:
        >>> prod([[1.0, 2.0], [3.0, 4.0]], axis=1)
        Array([ 2., 12.], float64[2])
    """
    x = chosen("prod", as_dtype(operands(x)[0], dtype), where, 1)
    out = as_dtype(reduce("prod", Prod, x, axis, keepdims=keepdims), dtype)
    return out if initial is None else out * initial


def max(
    x: ArrayLike,
    /,
    axis: Axis = None,
    *,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike = True,
) -> Array:
    """Return the largest element over axes; nan where one is nan.

    The gradient passes to the largest element; where several are equal, in equal shares.

    Args:
        x: An array or number; complex numbers compare by real, then by imaginary part.
        axis: The axis, or several, to search; None means all.
        keepdims: Whether the axes stay, with size 1.
        initial: A number that takes part in the comparison; without it there must be an element.
        where: Which elements count; it broadcasts to the shape of ``x`` and needs ``initial``.

    Returns:
        An array without the axes.

    Raises:
        ShapeError: There are no elements, and no ``initial``; or an axis is out of range or stands
            twice, or ``where`` does not broadcast.

    Example:
        >>> max([[1.0, 5.0], [4.0, 2.0]], axis=1)
        Array([5., 4.], float64[2])
    """
    x, pick = operands(x)[0], Maximum()
    return _extreme("max", Max, pick, x, axis, keepdims=keepdims, initial=initial, where=where)


def min(
    x: ArrayLike,
    /,
    axis: Axis = None,
    *,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike = True,
) -> Array:
    """Return the smallest element over axes; nan where one is nan.

    The gradient passes to the smallest element; where several are equal, in equal shares.

    Args:
        x: An array or number; complex numbers compare by real, then by imaginary part.
        axis: The axis, or several, to search; None means all.
        keepdims: Whether the axes stay, with size 1.
        initial: A number that takes part in the comparison; without it there must be an element.
        where: Which elements count; it broadcasts to the shape of ``x`` and needs ``initial``.

    Returns:
        An array without the axes.

    Raises:
        ShapeError: There are no elements, and no ``initial``; or an axis is out of range or stands
            twice, or ``where`` does not broadcast.

    Example:
        >>> min([[1.0, 5.0], [4.0, 2.0]], axis=1)
        Array([1., 2.], float64[2])
    """
    x, pick = operands(x)[0], Minimum()
    return _extreme("min", Min, pick, x, axis, keepdims=keepdims, initial=initial, where=where)


def any(
    x: ArrayLike, /, axis: Axis = None, *, keepdims: bool = False, where: ArrayLike = True
) -> Array:
    """Return whether any element over axes is not zero.

    Args:
        x: An array or number.
        axis: The axis, or several, to search; None means all.
        keepdims: Whether the axes stay, with size 1.
        where: Which elements count; it broadcasts to the shape of ``x``.

    Returns:
        A boolean array without the axes; of nothing, False.

    Raises:
        ShapeError: An axis is out of range or stands twice, or ``where`` does not broadcast.

    Example:
        >>> any([[True, False], [False, False]], axis=1)
        Array([ True, False], bool[2])
    """
    x = chosen("any", operands(x)[0], where, 0)
    return reduce("any", Any, x, axis, keepdims=keepdims)


def all(
    x: ArrayLike, /, axis: Axis = None, *, keepdims: bool = False, where: ArrayLike = True
) -> Array:
    """Return whether all elements over axes are not zero.

    Args:
        x: An array or number.
        axis: The axis, or several, to search; None means all.
        keepdims: Whether the axes stay, with size 1.
        where: Which elements count; it broadcasts to the shape of ``x``.

    Returns:
        A boolean array without the axes; of nothing, True.

    Raises:
        ShapeError: An axis is out of range or stands twice, or ``where`` does not broadcast.

    Example:
        >>> all([[True, False], [True, True]], axis=1)
        Array([False,  True], bool[2])
    """
    x = chosen("all", operands(x)[0], where, 1)
    return reduce("all", All, x, axis, keepdims=keepdims)


def count_nonzero(x: ArrayLike, /, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """Return how many elements over axes are not zero.

    Args:
        x: An array or number.
        axis: The axis, or several, to count over; None means all.
        keepdims: Whether the axes stay, with size 1.

    Returns:
        An int64 array without the axes.

    Raises:
        ShapeError: An axis is out of range or stands twice.

    Example:
        >>> count_nonzero([[1.0, 0.0], [3.0, 4.0]], axis=1)
        Array([1, 2], int64[2])
    """
    nonzero = apply(NotEqual(), operands(x)[0], constant(0))
    return reduce("count_nonzero", Sum, nonzero, axis, keepdims=keepdims)


def argmax(x: ArrayLike, /, axis: int | None = None, *, keepdims: bool = False) -> Array:
    """Return the index of the largest element along an axis: the first, if several are equal.

    Args:
        x: An array or number.
        axis: The axis to search; None means all elements, in row-major order.
        keepdims: Whether the axis (or, if None, every axis) stays, with size 1.

    Returns:
        An int64 array without the axis. It has no derivative.

    Raises:
        ShapeError: There are no elements, or the axis is out of range.

    Example:
        >>> argmax([[1.0, 5.0], [4.0, 2.0]], axis=1)
        Array([1, 0], int64[2])
    """
    return _position("argmax", Argmax, operands(x)[0], axis, keepdims=keepdims)


def argmin(x: ArrayLike, /, axis: int | None = None, *, keepdims: bool = False) -> Array:
    """Return the index of the smallest element along an axis: the first, if several are equal.

    Args:
        x: An array or number.
        axis: The axis to search; None means all elements, in row-major order.
        keepdims: Whether the axis (or, if None, every axis) stays, with size 1.

    Returns:
        An int64 array without the axis. It has no derivative.

    Raises:
        ShapeError: There are no elements, or the axis is out of range.

    Example:
        >>> argmin([[1.0, 5.0], [4.0, 2.0]], axis=1)
        Array([0, 1], int64[2])
    """
    return _position("argmin", Argmin, operands(x)[0], axis, keepdims=keepdims)


def logsumexp(x: ArrayLike, /, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """Return ``ln Σ exp(x)`` over axes, where no exponential overflows.

    The gradient is the softmax ``exp(x) / Σ exp(x)``. An element -inf has weight 0; where all are
    -inf, the result is -inf and the gradient 0. Elements inf share the gradient equally.

    Args:
        x: An array or number; booleans and integers count as float64.
        axis: The axis, or several, to sum over; None means all.
        keepdims: Whether the axes stay, with size 1.

    Returns:
        An array without the axes; of nothing, -inf.

    Raises:
        ShapeError: An axis is out of range or stands twice.

    Example:
        >>> logsumexp([1000.0, 1000.0])
        Array(1000.69314718, float64[])

    References:
        P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax
        functions", IMA Journal of Numerical Analysis 41(4), 2021: the shifted formula with log1p,
        which leaves the largest term out of the sum; here every term that equals it.
    """
    return reduce("logsumexp", Logsumexp, inexact(x), axis, keepdims=keepdims)


def reduce(
    operation: str,
    make: Callable[[tuple[int, ...]], Primitive],
    x: Array,
    axis: Axis,
    *,
    keepdims: bool,
) -> Array:
    """Apply the reduction that ``make`` returns for the axes counted from the front."""
    axes = canonical_axes(operation, axis, x.ndim)
    out = apply(make(axes), x)
    if not keepdims or not axes:
        return out
    return apply(Reshape(tuple(1 if i in axes else n for i, n in enumerate(x.shape))), out)


def chosen(operation: str, x: Array, where: ArrayLike, rest: ArrayLike) -> Array:
    """Return ``x`` with the elements that do not count replaced by ``rest``."""
    if where is True:
        return x
    mask = lift(where)
    if broadcast_shapes(operation, [mask.shape, x.shape]) != x.shape:
        msg = f"{operation}: where, of shape {mask.shape}, does not broadcast to shape {x.shape}"
        raise ShapeError(msg)
    return apply(Where(), mask, x, astype(rest, x.dtype))


def as_dtype(x: Array, dtype: npt.DTypeLike | None) -> Array:
    """Return ``x`` in a dtype; None means the one it has."""
    return x if dtype is None else astype(x, dtype)


def inexact(x: ArrayLike, dtype: npt.DTypeLike | None = None) -> Array:
    """Return ``x`` in a dtype; None means its own if that is inexact, else float64."""
    (x,) = operands(x)
    return as_dtype(x, np.float64 if dtype is None and not x.type.inexact else dtype)


def _extreme(
    operation: str,
    make: type[Max | Min],
    pick: Extremum,
    x: Array,
    axis: Axis,
    *,
    keepdims: bool,
    initial: ArrayLike | None,
    where: ArrayLike,
) -> Array:
    """Return the extreme of the elements that count, and of ``initial`` if given."""
    if initial is None:
        if where is not True:
            msg = f"{operation}: where may leave no elements; give a value for that, initial="
            raise ShapeError(msg)
        return reduce(operation, make, x, axis, keepdims=keepdims)
    start = astype(initial, x.dtype)
    x = chosen(operation, x, where, start)
    axes = canonical_axes(operation, axis, x.ndim)
    if math.prod(x.shape[i] for i in axes):
        return apply(pick, reduce(operation, make, x, axes, keepdims=keepdims), start)
    rest = [(1 if i in axes else n) for i, n in enumerate(x.shape) if keepdims or i not in axes]
    return apply(BroadcastTo(tuple(rest)), start)


def _position(
    operation: str, make: type[Argmax | Argmin], x: Array, axis: int | None, *, keepdims: bool
) -> Array:
    """Return the position of an extreme along an axis, or among all elements."""
    if axis is None:
        out = apply(make(0), apply(Reshape((math.prod(x.shape),)), x))
        return apply(Reshape((1,) * x.ndim), out) if keepdims and x.ndim else out
    along = canonical_axis(operation, axis, x.ndim)
    out = apply(make(along), x)
    if not keepdims:
        return out
    return apply(Reshape((*x.shape[:along], 1, *x.shape[along + 1 :])), out)
