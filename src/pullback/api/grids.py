"""Evenly spaced numbers, and grids of coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from pullback.api.dtypes import astype, check_device
from pullback.api.manipulation import broadcast_to, reshape
from pullback.core import Array, ArrayLike, constant, lift, operands
from pullback.errors import ShapeError, UnsupportedError
from pullback.primitives.quantity import NUMBERS, Value
from pullback.types import broadcast_shapes, check_dtype, promote

if TYPE_CHECKING:
    import numpy.typing as npt


def arange(
    start: ArrayLike,
    /,
    stop: ArrayLike | None = None,
    step: ArrayLike = 1,
    *,
    dtype: npt.DTypeLike | None = None,
    device: str | None = None,
) -> Array:
    """Return evenly spaced numbers from ``start`` up to, and without, ``stop``.

    Args:
        start: The first number; if it is the only argument, the end instead, and 0 is the first.
        stop: The end.
        step: The distance between numbers, not 0.
        dtype: The dtype; that of the numbers if None.
        device: ``"cpu"`` or None.

    Returns:
        A vector of ``ceil((stop - start) / step)`` numbers, none if that is negative.

    Raises:
        ConversionError: An argument is under differentiation, or not known: the number of elements
            depends on it.
        UnsupportedError: The device is another one.

    Example:
        >>> arange(2, 8, 3)
        Array([2, 5], int64[2])
    """
    check_device("arange", device)
    ends = (0, start) if stop is None else (start, stop)
    first, end, stride = (_number("arange", number) for number in (*ends, step))
    value = np.arange(first, end, stride, dtype=dtype)
    check_dtype(value.dtype, "arange")
    return constant(value)


def _number(operation: str, number: ArrayLike) -> Value:
    """Return a parameter that decides the shape, as a number."""
    remedy = "give plain numbers, or scale arange(n) for a plain n"
    return lift(number)._constant(operation, remedy)


def linspace(
    start: ArrayLike,
    stop: ArrayLike,
    /,
    num: int,
    *,
    dtype: npt.DTypeLike | None = None,
    device: str | None = None,
    endpoint: bool = True,
) -> Array:
    """Return ``num`` evenly spaced numbers from ``start`` to ``stop``; differentiable in both.

    The numbers are ``(1 - t)·start + t·stop`` for ``t`` from 0 to 1.

    Args:
        start: The first number, or an array of them.
        stop: The last number, or an array of them; the shapes broadcast.
        num: How many numbers.
        dtype: The dtype; the promoted floating dtype of ``start`` and ``stop`` if None.
        device: ``"cpu"`` or None.
        endpoint: Whether ``stop`` is the last of the numbers; if not, it would be the next.

    Returns:
        An array whose first axis counts the numbers, followed by the axes of ``start``.

    Raises:
        ShapeError: The shapes do not broadcast.
        UnsupportedError: The device is another one.

    Example:
        >>> linspace(0.0, 1.0, 5)
        Array([0.  , 0.25, 0.5 , 0.75, 1.  ], float64[5])
    """
    check_device("linspace", device)
    if start.__class__ in NUMBERS and stop.__class__ in NUMBERS:
        ends: tuple[Value, Value] = start, stop
        value = np.linspace(*ends, num, endpoint=endpoint, dtype=dtype)
        check_dtype(value.dtype, "linspace")
        return constant(value)
    first, last = operands(start, stop)
    rank = len(broadcast_shapes("linspace", [first.shape, last.shape]))
    precision = np.zeros(0, promote([first.type, last.type])).real.dtype
    t = np.linspace(0, 1, num, endpoint=endpoint).reshape(-1, *(1,) * rank)
    t = t.astype(precision if precision.kind == "f" else np.float64)
    numbers = first * constant(1 - t) + last * constant(t)
    return numbers if dtype is None else astype(numbers, dtype)


def meshgrid(*arrays: ArrayLike, indexing: Literal["xy", "ij"] = "xy") -> tuple[Array, ...]:
    """Return the coordinates of every point of the grid that vectors span.

    Args:
        arrays: The coordinates along each axis, vectors or numbers.
        indexing: ``"ij"`` lets axis i of the results belong to vector i; ``"xy"`` exchanges the
            first two axes, as for pictures.

    Returns:
        One array for each vector, all of the shape of the grid.

    Raises:
        ShapeError: An array has more than one axis.
        UnsupportedError: ``indexing`` is neither.

    Example:
        >>> meshgrid([1, 2], [3, 4, 5], indexing="ij")[0]
        Array([[1, 1, 1],
               [2, 2, 2]], int64[2, 3])
    """
    if indexing not in ("xy", "ij"):
        msg = f"meshgrid: indexing is 'xy' or 'ij', not {indexing!r}"
        raise UnsupportedError(msg)
    vectors = [operands(array)[0] for array in arrays]
    if any(vector.ndim > 1 for vector in vectors):
        shapes = ", ".join(str(vector.shape) for vector in vectors)
        msg = f"meshgrid: expected vectors or numbers, got shapes {shapes}"
        raise ShapeError(msg)
    axes = list(range(len(vectors)))
    if indexing == "xy":
        axes[:2] = axes[1::-1]
    sizes = [1] * len(axes)
    for axis, vector in zip(axes, vectors, strict=True):
        sizes[axis] = vector.size
    return tuple(
        broadcast_to(
            reshape(vector, tuple(n if i == axis else 1 for i, n in enumerate(sizes))),
            tuple(sizes),
        )
        for axis, vector in zip(axes, vectors, strict=True)
    )
