"""The matrix products that a convolution is made of, a block that fits into the cache at a time.

What is dense, other and window, and what the groups of axes are, `convolution_plan` says. Here an
array has one axis for each group, in the order that `Arrays` says, and behind them those with
positions, in row-major order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, TypeAlias, final

import numpy as np
from attrs import frozen
from numpy.lib.stride_tricks import as_strided

from pullback.primitives.quantity import Value
from pullback.primitives.windows import Sizes, Track, taps

#: Dense [shared, plain, inner, ...], other [shared, plain, outer, ...] and window [shared, outer,
#: inner, ...].
Arrays: TypeAlias = tuple[Value, Value, Value]

#: How many elements of what the windows show are computed with at once.
_BLOCK: Final = 1 << 18
#: Matrices with at most this many rows are no matter for BLAS.
_THIN: Final = 4


@final
@frozen
class Sight:
    """How an axis of dense is seen: ``along·k + across·t + start`` with its padding."""

    along: int
    across: int
    start: int
    #: The size with padding, and from where to where there is something.
    extent: int
    place: slice[int, int, int]
    #: What of dense is seen at all.
    part: slice[int, int, int]

    @property
    def padded(self) -> bool:
        """Whether more is seen than there is."""
        return self.place != slice(0, self.extent, 1)


def _sight(track: Track) -> Sight:
    """Return how the first array of a track is seen; its step must be 1 or -1."""
    size, others, window = track.sizes
    along, across = track.step * track.step_other, -track.step * track.window
    start = -track.step * track.offset
    reach, width = along * (others - 1), across * (window - 1)
    low = start + min(reach, 0) + min(width, 0)
    high = start + max(reach, 0) + max(width, 0) + 1
    first = max(low, 0)
    part = slice(first, max(first, min(high, size)), 1)
    place = slice(part.start - low, part.stop - low, 1)
    return Sight(along, across, start - low, high - low, place, part)


@final
@frozen
class View:
    """How dense is seen through windows."""

    sights: tuple[Sight, ...]
    #: The positions of the window, and behind them those of other.
    places: Sizes

    @property
    def padded(self) -> bool:
        """Whether more is seen than there is."""
        return any(sight.padded for sight in self.sights)

    @property
    def extent(self) -> Sizes:
        """The sizes with padding."""
        return tuple([sight.extent for sight in self.sights])

    def pad(self, dense: Value) -> Value:
        """Return what is seen at all."""
        part = dense[(..., *(sight.part for sight in self.sights))]
        if not self.padded:
            return part
        whole: Value = np.zeros((*dense.shape[:3], *self.extent), dense.dtype)
        whole[(..., *(sight.place for sight in self.sights))] = part
        return whole

    def seen(self, dense: Value) -> Value:
        """Return what the windows show: three axes, those of the window, those of other."""
        whole = self.pad(dense)
        first = whole[(..., *(slice(sight.start, None) for sight in self.sights))]
        steps = first.strides[3:]
        strides = [s.across * step for s, step in zip(self.sights, steps, strict=True)]
        strides += [s.along * step for s, step in zip(self.sights, steps, strict=True)]
        shape = (*first.shape[:3], *self.places)
        return as_strided(first, shape, (*first.strides[:3], *strides))


def view_of(tracks: Sequence[Track]) -> View | None:
    """Return how the first array of tracks is seen; None where it is not dense."""
    if any(abs(track.step) != 1 for track in tracks):
        return None
    places = (*(track.sizes[2] for track in tracks), *(track.sizes[1] for track in tracks))
    return View(tuple(map(_sight, tracks)), places)


def convolve(arrays: Arrays, tracks: Sequence[Track], view: View | None, result: int) -> None:
    """Add a convolution to the array that is the result, which is zero.

    Args:
        arrays: Dense, other and window, none of them empty.
        tracks: Along each axis, how positions of the three meet.
        view: How dense is seen; None where it is not dense.
        result: Which of the three is the result.
    """
    outer, inner = arrays[2].shape[1:3]
    rows, depth = (outer, inner) if result else (inner, outer)
    thin = depth == 1 and rows <= _THIN and result < 2
    # Zeros around dense must not meet an infinity: there is nothing there.
    if view is None or (result > 0 and view.padded and not np.isfinite(arrays[3 - result]).all()):
        _by_taps(arrays, tracks, result)
    elif thin and result == 1 and all(sight.along == 1 for sight in view.sights):
        _thinly_to_other(arrays, view)
    elif thin:
        _by_taps(arrays, tracks, result)
    elif result == 0:
        _to_dense(arrays, tracks)
    elif result == 1:
        _to_other(arrays, view)
    else:
        _to_window(arrays, view)


def _blocks(shared: int, plain: int, rows: int, each: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield parts of three axes, such that no part has much more than `_BLOCK` elements.

    Args:
        shared: The size of the first axis.
        plain: The size of the second.
        rows: The size of the third.
        each: How many elements there are for each index of the three axes.
    """
    row_step = max(1, min(rows, _BLOCK // each))
    plain_step = max(1, min(plain, _BLOCK // (each * row_step)))
    shared_step = max(1, min(shared, _BLOCK // (each * row_step * plain_step)))
    for a, b, c in product(
        range(0, shared, shared_step), range(0, plain, plain_step), range(0, rows, row_step)
    ):
        yield slice(a, a + shared_step), slice(b, b + plain_step), slice(c, c + row_step)


def _seen(arrays: Arrays, view: View) -> Iterator[tuple[slice, slice, slice, Value]]:
    """Yield what the windows show of dense, block by block: where, and what."""
    dense, other, window = arrays
    shared, plain, inner = dense.shape[:3]
    axis = len(window.shape)  # behind those of the window
    each = inner * math.prod(window.shape[3:]) * math.prod(other.shape[4:])
    before = None
    seen: Value = None
    for a, b, rows in _blocks(shared, plain, other.shape[3], each):
        if before != (a, b):
            before, seen = (a, b), view.seen(dense[a, b])
        yield a, b, rows, seen[(slice(None),) * axis + (rows,)]


def _to_other(arrays: Arrays, view: View) -> None:
    """Compute other: ``window · seen``."""
    _, other, window = arrays
    shared, outer = window.shape[:2]
    matrix = window.reshape(shared, 1, outer, -1)
    for a, b, rows, seen in _seen(arrays, view):
        columns = seen.reshape(*seen.shape[:2], matrix.shape[-1], -1)
        target = other[a, b, :, rows]
        np.matmul(matrix[a], columns, out=target.reshape(*target.shape[:3], -1, copy=False))


def _thinly_to_other(arrays: Arrays, view: View) -> None:
    """Compute other where matrices are vectors and windows move by 1.

    Rows of dense stay as long as they are padded, one after another, so that those of all rows
    are added at once; what lies between the ends of other's rows means nothing.
    """
    dense, other, window = arrays
    shared, plain, outer, *places = other.shape
    pitches = [math.prod(view.extent[axis + 1 :]) for axis in range(len(places))]
    length = 1 + _offset([n - 1 for n in places], pitches)
    shift = _offset([sight.start for sight in view.sights], pitches)
    moves = [s.across * pitch for s, pitch in zip(view.sights, pitches, strict=True)]
    for a, b, _ in _blocks(shared, plain, 1, outer * length):
        whole = view.pad(dense[a, b])
        flat = whole.reshape(*whole.shape[:3], -1)
        wide = np.zeros((*flat.shape[:2], outer, length), other.dtype)
        for t in np.ndindex(*window.shape[3:]):
            first = shift + _offset(t, moves)
            wide += (
                window[(a, None, slice(None), slice(None), *t)] * flat[..., first : first + length]
            )
        strides = (*wide.strides[:3], *(pitch * wide.itemsize for pitch in pitches))
        other[a, b] = as_strided(wide, (*wide.shape[:3], *places), strides)


def _offset(position: Sequence[int], pitches: Sequence[int]) -> int:
    return sum(n * pitch for n, pitch in zip(position, pitches, strict=True))


def _to_window(arrays: Arrays, view: View) -> None:
    """Compute the window: ``other · seenᵀ``, summed over blocks."""
    _, other, window = arrays
    shared, outer = window.shape[:2]
    behind = range(3, window.ndim)
    order = (0, 2, *behind, 1, *(axis + len(behind) for axis in behind))
    columns = math.prod(window.shape[2:])
    total = np.zeros((shared, columns, outer), window.dtype)
    for a, b, rows, seen in _seen(arrays, view):
        part = other[a, b, :, rows]
        count, plain, _, *places = part.shape
        if columns <= math.prod(places):  # to add up products is less than to move rows
            lines = part.reshape(count, plain, outer, -1).swapaxes(2, 3)
            total[a] += (seen.reshape(count, plain, columns, -1) @ lines).sum(1, total.dtype)
        else:
            lines = _rows(part).swapaxes(1, 2)
            total[a] += seen.transpose(order).reshape(count, columns, -1) @ lines
    window[...] = total.swapaxes(1, 2).reshape(window.shape)


def _to_dense(arrays: Arrays, tracks: Sequence[Track]) -> None:
    """Compute dense: ``windowᵀ · other``, each element added where the window shows it."""
    dense, other, window = arrays
    shared, outer = window.shape[:2]
    matrix = window.reshape(shared, 1, outer, -1).swapaxes(2, 3)
    first, *rest = tracks
    each = matrix.shape[2] * math.prod(other.shape[4:])
    for a, b, rows in _blocks(shared, other.shape[1], other.shape[3], each):
        lines = other[a, b, :, rows]
        seen = matrix[a] @ lines.reshape(*lines.shape[:3], -1)
        seen = seen.reshape(*lines.shape[:2], *window.shape[2:], *lines.shape[3:])
        target = dense[a, b]
        for t, part, others in taps([first.shifted(rows.start, lines.shape[3]), *rest]):
            target[(..., *part)] += seen[(slice(None), slice(None), slice(None), *t, *others)]


def _by_taps(arrays: Arrays, tracks: Sequence[Track], result: int) -> None:
    """Compute any of the three, one position of the window after the other."""
    dense, other, window = arrays
    shared, plain, inner = dense.shape[:3]
    outer = other.shape[2]
    each = max(inner, outer) * math.prod(other.shape[3:])
    met = list(taps(tracks))
    for a, b, _ in _blocks(shared, plain, 1, each):
        for t, part, others in met:
            x, y = dense[(a, b, slice(None), *part)], other[(a, b, slice(None), *others)]
            factor = window[(a, slice(None), slice(None), *t)]
            if result == 2:
                factor += _rows(y) @ _rows(x).swapaxes(1, 2)
            elif result == 1:
                y += _mixed(factor, x)
            else:
                x += _mixed(factor.swapaxes(1, 2), y)


def _rows(part: Value) -> Value:
    """Return [shared, plain, channels, ...] as matrices with a row for each channel."""
    return part.swapaxes(1, 2).reshape(part.shape[0], part.shape[2], -1)


def _mixed(matrix: Value, part: Value) -> Value:
    """Return matrices [shared, rows, channels] times an array [shared, plain, channels, ...]."""
    shared, plain, channels, *places = part.shape
    if channels == 1:
        return matrix.reshape(shared, 1, -1, *(1 for _ in places)) * part
    mixed = matrix[:, None] @ part.reshape(shared, plain, channels, -1)
    return mixed.reshape(shared, plain, -1, *places)
