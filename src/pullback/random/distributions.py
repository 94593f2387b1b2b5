"""Draws: random bits, uniform and normal numbers.

Element ``i`` of a draw is a function of the key and of ``i`` alone, so a longer draw begins with
the shorter one of the same key.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pullback.api import arange, asarray, astype, cos, log, minimum, nextafter, reshape, sqrt
from pullback.core import Array, ArrayLike
from pullback.errors import DTypeError, ShapeError
from pullback.random.keys import halves, split
from pullback.random.threefry import threefry2x32
from pullback.types.promotion import DType

Shape = int | Sequence[int]


def bits(key: Array, shape: Shape = ()) -> Array:
    """Return uniform random 32-bit words.

    Args:
        key: A key; use it for one draw only.
        shape: The shape of the result.

    Returns:
        A uint32 array.

    Raises:
        ShapeError: ``key`` has not the shape of a key, or a size is negative.
        DTypeError: ``key`` has not the dtype of a key.

    Example:
        >>> from pullback.random import key
        >>> bits(key(0), 3).shape
        (3,)
    """
    sizes = _sizes("bits", shape)
    return reshape(_words(key, "bits", math.prod(sizes))[0], sizes)


def uniform(
    key: Array,
    shape: Shape = (),
    *,
    minval: ArrayLike = 0.0,
    maxval: ArrayLike = 1.0,
    dtype: object = np.float64,
) -> Array:
    """Return numbers uniform in ``minval <= u < maxval``.

    ``u = minval + (maxval - minval)·k/2^p`` with k uniform in ``0 <= k < 2^p``; p is the precision
    of the dtype, 53 or 24 bits. Differentiable in the bounds.

    Args:
        key: A key; use it for one draw only.
        shape: The shape of the result, to which the bounds broadcast.
        minval: The lower bound.
        maxval: The upper bound, above ``minval``.
        dtype: float64 or float32.

    Returns:
        An array of the shape and dtype.

    Raises:
        ShapeError: ``key`` has not the shape of a key, or a size is negative.
        DTypeError: ``key`` has not the dtype of a key, or ``dtype`` is not a supported one.

    Example:
        >>> from pullback.random import key
        >>> u = uniform(key(0), (2, 3), minval=-1.0)
        >>> u.shape, bool((u >= -1).all()), bool((u < 1).all())
        ((2, 3), True, True)
    """
    sizes, kind = _sizes("uniform", shape), _float_dtype("uniform", dtype)
    unit = reshape(_unit(key, "uniform", math.prod(sizes), kind), sizes)
    low, high = (astype(asarray(bound), kind) for bound in (minval, maxval))
    # Rounding may reach the upper bound, which does not belong to the interval.
    return minimum(low + unit * (high - low), nextafter(high, low))


def normal(key: Array, shape: Shape = (), *, dtype: object = np.float64) -> Array:
    """Return numbers from the standard normal distribution.

    ``z = √(-2 ln u)·cos(2πv)`` with u uniform in (0, 1] and v in [0, 1).

    Args:
        key: A key; use it for one draw only.
        shape: The shape of the result.
        dtype: float64 or float32.

    Returns:
        An array of the shape and dtype.

    Raises:
        ShapeError: ``key`` has not the shape of a key, or a size is negative.
        DTypeError: ``key`` has not the dtype of a key, or ``dtype`` is not a supported one.

    Example:
        >>> from pullback.random import key
        >>> normal(key(0), 4).shape
        (4,)

    References:
        G. E. P. Box, M. E. Muller, "A Note on the Generation of Random Normal Deviates", Annals of
        Mathematical Statistics 29, 1958 (the cosine form, one deviate of each pair).
    """
    sizes, kind = _sizes("normal", shape), _float_dtype("normal", dtype)
    halves(key, "normal")
    size = math.prod(sizes)
    u, v = (_unit(part, "normal", size, kind) for part in split(key))
    return reshape(sqrt(-2 * log(1 - u)) * cos(2 * math.pi * v), sizes)


def _unit(key: Array, operation: str, size: int, dtype: DType) -> Array:
    """Return ``size`` numbers k/2^p in [0, 1), with as many bits as the dtype holds exactly."""
    high, low = _words(key, operation, size)
    if dtype == np.float32:
        return astype(high >> np.uint32(8), np.float32) * np.float32(2.0**-24)
    top = astype(high >> np.uint32(5), np.float64)  # 27 bits
    bottom = astype(low >> np.uint32(6), np.float64)  # 26 bits
    return (top * 2.0**26 + bottom) * 2.0**-53


def _words(key: Array, operation: str, size: int) -> tuple[Array, Array]:
    """Return 64 random bits for each of ``size`` elements, as two words."""
    low = arange(size, dtype=np.uint32)
    high = asarray(np.zeros(1, np.uint32))
    return threefry2x32(halves(key, operation), (high, low))


def _sizes(operation: str, shape: Shape) -> tuple[int, ...]:
    """Return a shape argument as a tuple."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(size < 0 for size in sizes) or math.prod(sizes) >= 2**32:
        msg = f"{operation}: sizes must not be negative, nor their product reach 2**32: {sizes}"
        raise ShapeError(msg)
    return sizes


def _float_dtype(operation: str, dtype: object) -> DType:
    """Return the dtype of a draw."""
    kind: DType = np.dtype(dtype)  # type: ignore[call-overload]  # NumPy checks what it is given
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        msg = f"{operation}: draws are float32 or float64, got {kind}; convert them with astype"
        raise DTypeError(msg)
    return kind
