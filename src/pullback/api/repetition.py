"""Elements repeated, shifted round or padded: tile, repeat, roll, pad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from pullback.api.joining import between, concat
from pullback.api.manipulation import broadcast_to, ravel, reshape
from pullback.core import Array, ArrayLike, apply, constant, lift, operands
from pullback.errors import ShapeError, UnsupportedError
from pullback.primitives.gather import Gather
from pullback.primitives.selection import Where
from pullback.primitives.slicing import PadSlice
from pullback.types import canonical_axis

if TYPE_CHECKING:
    import numpy.typing as npt

PadMode: TypeAlias = Literal["constant", "edge", "reflect", "symmetric", "wrap"]
Widths: TypeAlias = int | Sequence[int] | Sequence[Sequence[int]]


def tile(x: ArrayLike, repetitions: int | Sequence[int], /) -> Array:
    """Return the whole array repeated along each axis.

    Args:
        x: An array or number.
        repetitions: How many times along each axis. Where there are fewer numbers than axes, the
            first axes are not repeated; where there are more, the array gains leading axes.

    Returns:
        An array whose sizes are those of ``x`` times the repetitions.

    Raises:
        ShapeError: A number is negative.

    Example:
        >>> tile([1.0, 2.0], 2)
        Array([1., 2., 1., 2.], float64[4])
    """
    (x,) = operands(x)
    many = [repetitions] if isinstance(repetitions, (int, np.integer)) else [*repetitions]
    if any(n < 0 for n in many):
        msg = f"tile: repetitions are not negative, unlike {repetitions}"
        raise ShapeError(msg)
    sizes = (*(1,) * (len(many) - x.ndim), *x.shape)
    times = (*(1,) * (x.ndim - len(many)), *many)
    pairs = tuple(zip(times, sizes, strict=True))
    spaced = reshape(x, tuple(n for _, size in pairs for n in (1, size)))
    repeated = broadcast_to(spaced, tuple(n for pair in pairs for n in pair))
    return reshape(repeated, tuple(n * size for n, size in pairs))


def repeat(
    x: ArrayLike, repeats: int | Sequence[int] | ArrayLike, /, axis: int | None = None
) -> Array:
    """Return the array with each element repeated along an axis.

    Args:
        x: An array or number.
        repeats: How many times each element is repeated: one number, or one for each element. The
            values decide the shape of the result, so they must be known.
        axis: The axis; None flattens the array first.

    Returns:
        An array whose size along the axis is the sum of the repeats.

    Raises:
        ShapeError: A number is negative, or there are not as many as elements; or the axis is out
            of range.
        ConversionError: The numbers are not known while tracing.

    Example:
        >>> repeat([1.0, 2.0], 2), repeat([1.0, 2.0], [3, 1])
        (Array([1., 1., 2., 2.], float64[4]), Array([1., 1., 1., 2.], float64[4]))
    """
    (x,) = operands(x)
    if axis is None:
        x, axis = ravel(x), 0
    along = canonical_axis("repeat", axis, x.ndim)
    size = x.shape[along]
    counts = np.asarray(lift(repeats)._shaping("repeat"))
    if counts.dtype.kind not in "iu" or counts.size not in (1, size) or counts.ndim > 1:
        msg = f"repeat: one integer or {size}, one for each element of axis {along}: {repeats}"
        raise ShapeError(msg)
    if (counts < 0).any():
        msg = f"repeat: repeats are not negative, unlike {repeats}"
        raise ShapeError(msg)
    if counts.size != 1:
        return _take(x, np.repeat(np.arange(size), counts), along)
    before, after, n = x.shape[:along], x.shape[along + 1 :], counts.item()
    repeated = broadcast_to(reshape(x, (*before, size, 1, *after)), (*before, size, n, *after))
    return reshape(repeated, (*before, size * n, *after))


def roll(
    x: ArrayLike,
    /,
    shift: int | Sequence[int],
    axis: int | Sequence[int] | None = None,
) -> Array:
    """Return the elements shifted round along axes: what leaves at one end enters at the other.

    Args:
        x: An array or number.
        shift: By how many places, towards higher indices; or one number for each axis.
        axis: The axis, or several; None shifts the flattened elements.

    Returns:
        An array of the shape of ``x``.

    Raises:
        ShapeError: An axis is out of range, or there are more shifts than axes or the other way
            round, and neither is one.

    Example:
        >>> roll([1.0, 2.0, 3.0], 1)
        Array([3., 1., 2.], float64[3])
    """
    (x,) = operands(x)
    if axis is None:
        return reshape(roll(ravel(x), int(np.sum(shift)), 0), x.shape)
    shifts, axes = np.atleast_1d(shift), np.atleast_1d(axis)
    if len(shifts) != len(axes) and 1 not in {len(shifts), len(axes)}:
        msg = f"roll: {len(shifts)} shifts, {shift}, along {len(axes)} axes, {axis}"
        raise ShapeError(msg)
    for places, along in np.broadcast(shifts, axes):
        i = canonical_axis("roll", along, x.ndim)
        cut = -int(places) % (x.shape[i] or 1)
        if cut:
            x = concat([between(x, i, cut, x.shape[i]), between(x, i, 0, cut)], i)
    return x


def pad(
    x: ArrayLike,
    /,
    pad_width: Widths,
    mode: PadMode = "constant",
    *,
    constant_values: ArrayLike | Sequence[ArrayLike] | Sequence[Sequence[ArrayLike]] = 0,
) -> Array:
    """Return the array with more elements before and after it, along each axis.

    Args:
        x: An array or number.
        pad_width: How many: one number; or ``(before, after)``; or such a pair for each axis.
        mode: What they are: ``"constant"``, the constant values; ``"edge"``, the outermost element;
            ``"reflect"``, the elements mirrored at the outermost; ``"symmetric"``, mirrored at the
            edge; ``"wrap"``, the elements from the other end.
        constant_values: One number, or numbers in the form of ``pad_width``; constants.

    Returns:
        An array of the dtype of ``x``.

    Raises:
        ShapeError: The widths do not fit the axes or are negative, or there is nothing to mirror
            or repeat.
        UnsupportedError: The mode is another one.

    Example:
        >>> pad([1.0, 2.0, 3.0], (1, 2))
        Array([0., 1., 2., 3., 0., 0.], float64[6])
        >>> pad([1.0, 2.0, 3.0], 1, mode="reflect")
        Array([2., 1., 2., 3., 2.], float64[5])
    """
    (x,) = operands(x)
    if mode not in get_args(PadMode):
        msg = f"pad: mode {mode!r} is none of {', '.join(get_args(PadMode))}"
        raise UnsupportedError(msg)
    widths = _pairs("pad_width", pad_width, x.ndim).tolist()
    if any(n < 0 for pair in widths for n in pair):
        msg = f"pad: widths are not negative, unlike {pad_width}"
        raise ShapeError(msg)
    if mode == "constant":
        return _pad_constant(x, widths, _pairs("constant_values", constant_values, x.ndim))
    return _pad_repeated(x, widths, mode)


def _pairs(operation: str, numbers: object, ndim: int) -> npt.NDArray[np.generic]:
    """Return a number before and one after, for each axis."""
    given = np.asarray(numbers)
    try:
        return np.broadcast_to(given, (ndim, 2))
    except ValueError:
        msg = (
            f"pad: {operation} of shape {given.shape} for {ndim} axes: "
            "give one number, a pair, or a pair for each axis"
        )
        raise ShapeError(msg) from None


def _pad_constant(
    x: Array, widths: list[tuple[int, int]], values: npt.NDArray[np.generic]
) -> Array:
    """Return the array among constants."""
    slots = tuple(slice(low, low + n, 1) for (low, _), n in zip(widths, x.shape, strict=True))
    shape = tuple(low + n + high for (low, high), n in zip(widths, x.shape, strict=True))
    padded = apply(PadSlice(shape, slots), x)
    if not values.any():
        return padded
    inside = np.zeros(shape, np.bool_)
    inside[slots] = True
    frame = np.pad(np.zeros(x.shape, x.dtype), widths, constant_values=values)
    return apply(Where(), constant(inside), padded, constant(frame))


def _pad_repeated(x: Array, widths: list[tuple[int, int]], mode: PadMode) -> Array:
    """Return the array with elements of its own before and after it."""
    for axis, (low, high) in enumerate(widths):
        n = x.shape[axis]
        if n == 0 and low + high:
            msg = f"pad: mode {mode!r} repeats elements, and axis {axis} of {x.shape} has none"
            raise ShapeError(msg)
        if low + high:
            x = _take(x, np.pad(np.arange(n), (low, high), mode), axis)
    return x


def _take(x: Array, indices: npt.NDArray[np.intp], axis: int) -> Array:
    """Return the elements at constant indices along an axis."""
    return apply(Gather((axis,), axis), x, constant(indices))
