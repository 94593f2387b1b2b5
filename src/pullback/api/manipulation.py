"""Shapes: reshape, new and dropped axes, broadcasting. The order of axes: `transposition`."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import numpy as np

from pullback.core import Array, ArrayLike, apply, operands
from pullback.errors import ShapeError, UnsupportedError
from pullback.primitives.shape import BroadcastTo, Reshape
from pullback.types import broadcast_shapes, canonical_axes


def reshape(
    x: ArrayLike,
    /,
    shape: int | Sequence[int],
    order: str = "C",
    *,
    copy: bool | None = None,  # noqa: ARG001 - arrays do not change, so a copy is no different
) -> Array:
    """Return the same elements, in row-major order, under another shape.

    Args:
        x: An array or number.
        shape: The sizes along the new axes; one of them may be -1, which takes what is left.
        order: ``"C"``, row-major order.
        copy: Whether to copy; arrays do not change, so the value makes no difference.

    Returns:
        An array of the given shape.

    Raises:
        ShapeError: The numbers of elements differ, or more than one size is -1.
        UnsupportedError: The order is another one.

    Example:
        >>> reshape([1.0, 2.0, 3.0, 4.0], (2, -1))
        Array([[1., 2.],
               [3., 4.]], float64[2, 2])
    """
    _check_order("reshape", order)
    (x,) = operands(x)
    return _reshaped(x, _filled_in(x.shape, _sizes(shape)))


def ravel(x: ArrayLike, /, order: str = "C") -> Array:
    """Return the elements, in row-major order, as an array of rank 1.

    Args:
        x: An array or number.
        order: ``"C"``, row-major order.

    Returns:
        An array of rank 1.

    Raises:
        UnsupportedError: The order is another one.

    Example:
        >>> ravel([[1.0, 2.0], [3.0, 4.0]])
        Array([1., 2., 3., 4.], float64[4])
    """
    _check_order("ravel", order)
    (x,) = operands(x)
    return _reshaped(x, (math.prod(x.shape),))


def expand_dims(x: ArrayLike, /, axis: int | Sequence[int] = 0) -> Array:
    """Return the array with new axes of size 1.

    Args:
        x: An array or number.
        axis: Where, in the result, the new axis stands, or several.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: An axis is out of range or stands twice.

    Example:
        >>> expand_dims([1.0, 2.0], (0, 2)).shape
        (1, 2, 1)
    """
    (x,) = operands(x)
    added = len(axis) if isinstance(axis, Sequence) else 1
    places = canonical_axes("expand_dims", axis, x.ndim + added)
    sizes = iter(x.shape)
    return _reshaped(x, tuple(1 if i in places else next(sizes) for i in range(x.ndim + added)))


def squeeze(x: ArrayLike, /, axis: int | Sequence[int] | None = None) -> Array:
    """Return the array without some axes of size 1.

    Args:
        x: An array or number.
        axis: The axis to drop, or several; None means every one of size 1.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: An axis has another size, is out of range or stands twice.

    Example:
        >>> squeeze([[[1.0, 2.0]]], axis=0).shape
        (1, 2)
    """
    (x,) = operands(x)
    if axis is None:
        return _reshaped(x, tuple(n for n in x.shape if n != 1))
    dropped = canonical_axes("squeeze", axis, x.ndim)
    for i in dropped:
        if x.shape[i] != 1:
            msg = f"squeeze: axis {i} of shape {x.shape} has size {x.shape[i]}, not 1"
            raise ShapeError(msg)
    return _reshaped(x, tuple(n for i, n in enumerate(x.shape) if i not in dropped))


def atleast_1d(x: ArrayLike, /) -> Array:
    """Return the array with an axis, if it has none.

    Args:
        x: An array or number.

    Returns:
        An array of rank 1 or more.

    Example:
        >>> atleast_1d(2.0)
        Array([2.], float64[1])
    """
    (x,) = operands(x)
    return x if x.ndim else _reshaped(x, (1,))


def atleast_2d(x: ArrayLike, /) -> Array:
    """Return the array with two axes at least; a vector becomes a row.

    Args:
        x: An array or number.

    Returns:
        An array of rank 2 or more.

    Example:
        >>> atleast_2d([1.0, 2.0])
        Array([[1., 2.]], float64[1, 2])
    """
    (x,) = operands(x)
    return _reshaped(x, (1,) * (2 - x.ndim) + x.shape)


def atleast_3d(x: ArrayLike, /) -> Array:
    """Return the array with three axes at least, a new one before and after those of a vector.

    Args:
        x: An array or number.

    Returns:
        An array of rank 3 or more: a vector of ``n`` elements becomes ``(1, n, 1)``, a matrix
        ``(m, n)`` becomes ``(m, n, 1)``.

    Example:
        >>> atleast_3d([1.0, 2.0]).shape
        (1, 2, 1)
    """
    x = atleast_2d(x)
    return x if x.ndim > 2 else _reshaped(x, (*x.shape, 1))


def broadcast_to(x: ArrayLike, /, shape: int | Sequence[int]) -> Array:
    """Return the array repeated along new leading axes and along axes of size 1.

    Args:
        x: An array or number.
        shape: The shape of the result.

    Returns:
        An array of the given shape.

    Raises:
        ShapeError: The shape of ``x`` does not broadcast to it.

    Example:
        >>> broadcast_to([1.0, 2.0], (2, 2))
        Array([[1., 2.],
               [1., 2.]], float64[2, 2])
    """
    (x,) = operands(x)
    return _broadcast(x, _sizes(shape))


def broadcast_arrays(*arrays: ArrayLike) -> tuple[Array, ...]:
    """Return the arrays broadcast to their common shape.

    Args:
        arrays: Arrays or numbers.

    Returns:
        As many arrays, of one shape; each keeps its dtype.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> broadcast_arrays([1.0, 2.0], 3.0)
        (Array([1., 2.], float64[2]), Array([3., 3.], float64[2]))
    """
    lifted = [operands(x)[0] for x in arrays]
    shape = broadcast_shapes("broadcast_arrays", [x.shape for x in lifted])
    return tuple(_broadcast(x, shape) for x in lifted)


def _check_order(operation: str, order: str) -> None:
    """Refuse an order other than row-major."""
    if order != "C":
        msg = (
            f"{operation}: order {order!r}: the order is always 'C', row-major; for column-major "
            "order, transpose before and after"
        )
        raise UnsupportedError(msg)


def _sizes(shape: int | Sequence[int]) -> tuple[int, ...]:
    """Return the sizes that a shape argument gives."""
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else shape
    return tuple(operator.index(n) for n in sizes)


def _filled_in(old: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...]:
    """Return the new shape with the size -1 replaced by what is left of the old one."""
    for n in new:
        if n < -1 or (n == -1 and new.count(-1) > 1):
            msg = f"reshape: shape {new}: sizes are not negative, but that one may be -1"
            raise ShapeError(msg)
    if -1 not in new:
        return new
    known = math.prod(n for n in new if n != -1)
    total = math.prod(old)
    if known == 0 or total % known:
        msg = f"reshape: shape {old} has {total} elements, which {new} cannot hold for any -1"
        raise ShapeError(msg)
    return tuple(total // known if n == -1 else n for n in new)


def _reshaped(x: Array, shape: tuple[int, ...]) -> Array:
    """Return the array under another shape, and as it is if it has it."""
    return x if x.shape == shape else apply(Reshape(shape), x)


def _broadcast(x: Array, shape: tuple[int, ...]) -> Array:
    """Return the array broadcast to a shape, and as it is if it has it."""
    return x if x.shape == shape else apply(BroadcastTo(shape), x)
