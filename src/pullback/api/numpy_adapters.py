"""Functions with NumPy's signatures, made of ours: where the standard differs from NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

import pullback.api as pb
from pullback.core import Array, ArrayLike, operands
from pullback.errors import ShapeError, UnsupportedError
from pullback.primitives.quantity import Value
from pullback.types import ArrayType

if TYPE_CHECKING:
    import numpy.typing as npt


def each(f: Callable[[ArrayLike], Array], arrays: Sequence[ArrayLike]) -> Array | tuple[Array, ...]:
    """Return the function of one array, or the tuple of it of several."""
    results = tuple(f(array) for array in arrays)
    return results[0] if len(results) == 1 else results


def shown(x: Array) -> Value:
    """Return the value for printing, which cuts nothing; an array of question marks if unknown."""
    return np.full(x.shape, "?") if isinstance(x._value, ArrayType) else np.asarray(x._value)


def size(x: Array, axis: int | None) -> int:
    """Return the number of elements, or the size along an axis."""
    return x.size if axis is None else x.shape[axis]


def append(arr: ArrayLike, values: ArrayLike, axis: int | None = None) -> Array:
    """Return the values after the array, both flattened if there is no axis."""
    return pb.concat([arr, values], axis)


def hsplit(ary: ArrayLike, indices_or_sections: int | Sequence[int]) -> list[Array]:
    """Return the parts along the second axis, or along the only one."""
    (x,) = operands(ary)
    return pb.split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


def meshgrid(
    *xi: ArrayLike,
    copy: bool = True,  # noqa: ARG001 - arrays do not change
    indexing: Literal["xy", "ij"] = "xy",
) -> tuple[Array, ...]:
    """Return the coordinates of the points of a grid."""
    return pb.meshgrid(*xi, indexing=indexing)


def linspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,  # noqa: FBT001, FBT002 - NumPy's signature
    *,
    dtype: npt.DTypeLike | None = None,
) -> Array:
    """Return evenly spaced numbers."""
    return pb.linspace(start, stop, num, dtype=dtype, endpoint=endpoint)


def clip(
    a: ArrayLike,
    a_min: ArrayLike | None = None,
    a_max: ArrayLike | None = None,
    *,
    min: ArrayLike | None = None,
    max: ArrayLike | None = None,
) -> Array:
    """Return the array limited to an interval, whose ends NumPy knows by two names."""
    return pb.clip(a, a_min if min is None else min, a_max if max is None else max)


def compress(condition: ArrayLike, a: ArrayLike, axis: int | None = None) -> Array:
    """Return the slices, or elements, at which the condition holds."""
    return pb.take(a, pb.nonzero(condition)[0], axis)


def where(
    condition: ArrayLike, x: ArrayLike | None = None, y: ArrayLike | None = None, /
) -> Array | tuple[Array, ...]:
    """Return the selection, or, of a condition alone, the indices where it holds."""
    if x is not None and y is not None:
        return pb.where(condition, x, y)
    if x is None and y is None:
        return pb.nonzero(condition)
    msg = "numpy.where: give both x and y, or neither"
    raise UnsupportedError(msg)


def ordering(f: Callable[..., Array]) -> Callable[..., Array]:
    """Return a sorting function with NumPy's parameters; every kind of sort gives the same."""

    def ordered(
        a: ArrayLike,
        axis: int | None = -1,
        kind: str | None = None,  # noqa: ARG001 - see above
        *,
        stable: bool | None = None,  # noqa: ARG001 - see above
    ) -> Array:
        return f(pb.ravel(a)) if axis is None else f(a, axis=axis)

    return ordered


def median(a: ArrayLike, axis: int | None = None, *, keepdims: bool = False) -> Array:
    """Return the middle element in order, or the mean of the two in the middle; nan if any is."""
    (x,) = operands(a)
    ordered = pb.sort(pb.ravel(x)) if axis is None else pb.moveaxis(pb.sort(x, axis=axis), axis, -1)
    n = ordered.shape[-1]
    if n == 0:
        msg = f"numpy.median: there are no elements in shape {x.shape}"
        raise ShapeError(msg)
    middle = pb.mean(ordered[..., (n - 1) // 2 : n // 2 + 1], -1)
    result = pb.where(pb.isnan(ordered[..., -1]), math.nan, middle)
    if not keepdims:
        return result
    return pb.reshape(result, (1,) * x.ndim) if axis is None else pb.expand_dims(result, axis)


def cross(a: ArrayLike, b: ArrayLike, /, *, axis: int = -1) -> Array:
    """Return the vector products ``a × b`` of vectors of three components along an axis."""
    x, y = (pb.moveaxis(vectors, axis, -1) for vectors in operands(a, b))
    if (x.shape[-1], y.shape[-1]) != (3, 3):
        msg = f"numpy.cross: vectors have 3 components, not {x.shape[-1]} and {y.shape[-1]}"
        raise ShapeError(msg)
    ahead, behind = [1, 2, 0], [2, 0, 1]
    result = x[..., ahead] * y[..., behind] - x[..., behind] * y[..., ahead]
    return pb.moveaxis(result, -1, axis)


def convolve(a: ArrayLike, v: ArrayLike, mode: str = "full") -> Array:
    """Return the convolution of two vectors, ``out[k] = Σ_i a[i]·v[k - i]``."""
    x, y = operands(a, v)
    if x.ndim != 1 or y.ndim != 1 or 0 in (x.size, y.size):
        msg = f"numpy.convolve: expected two vectors with elements, got {x.shape} and {y.shape}"
        raise ShapeError(msg)
    if x.size < y.size:
        x, y = y, x
    n, m = x.size, y.size
    windows = np.arange(n + m - 1)[:, None] + np.arange(m)
    full = pb.pad(x, m - 1)[windows] @ y[::-1]
    match mode:
        case "full":
            return full
        case "same":
            return full[(m - 1) // 2 : (m - 1) // 2 + n]
        case "valid":
            return full[m - 1 : n]
        case _:
            msg = f"numpy.convolve: mode is 'full', 'same' or 'valid', not {mode!r}"
            raise UnsupportedError(msg)


def interp(
    x: ArrayLike,
    xp: ArrayLike,
    fp: ArrayLike,
    left: ArrayLike | None = None,
    right: ArrayLike | None = None,
) -> Array:
    """Return the piecewise linear function through the points ``(xp, fp)``, with ``xp`` increasing.

    At a point itself the derivative is that of the piece on its right.
    """
    at, places, heights = (operands(array)[0] for array in (x, xp, fp))
    if places.size == 1:
        inside = pb.broadcast_to(heights[0], at.shape)
    else:
        i = pb.clip(pb.searchsorted(places, at, side="right"), 1, places.size - 1)
        slope = (heights[i] - heights[i - 1]) / (places[i] - places[i - 1])
        inside = heights[i - 1] + slope * (at - places[i - 1])
    before = heights[0] if left is None else left
    after = heights[-1] if right is None else right
    return pb.where(at < places[0], before, pb.where(at > places[-1], after, inside))


def polyval(p: ArrayLike, x: ArrayLike) -> Array:
    """Return the polynomial with coefficients ``p``, of the highest power first (Horner)."""
    coefficients, at = operands(p)[0], operands(x)[0]
    result = pb.zeros_like(at)
    for i in range(coefficients.size):
        result = result * at + coefficients[i]
    return result


def sinc(x: ArrayLike) -> Array:
    """Return ``sin(πx) / (πx)``; near 0 its Taylor series, whose derivatives are right there.

    The first omitted term, ``y¹⁴ / 15!`` for ``|y| < 1/2``, is below rounding.
    """
    y = pb.multiply(x, math.pi)
    near = pb.abs(y) < 0.5
    square = y * y
    series = pb.zeros_like(y)
    for k in reversed(range(7)):
        series = series * square + (-1) ** k / math.factorial(2 * k + 1)
    far = pb.where(near, 1.0, y)
    return pb.where(near, series, pb.sin(far) / far)
