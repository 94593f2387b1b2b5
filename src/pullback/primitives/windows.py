"""Windows that slide along axes: which positions of three arrays belong together.

The geometry of convolutions and poolings, one axis at a time. Nothing here computes with values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, TypeAlias, final

from attrs import frozen

Sizes: TypeAlias = tuple[int, ...]
#: Some positions along an axis; a stop of None is one past the front, under a negative step.
Stretch: TypeAlias = "slice[int, int | None, int]"
#: One for each axis.
Part: TypeAlias = tuple[Stretch, ...]

_NOTHING: Final = (slice(0, 0, 1), slice(0, 0, 1))


@final
@frozen
class Relation:
    """Which positions along one axis meet: i of x, j of y and k of the result.

    They meet where ``x·i + y·j + offset = out·k``. None of the steps ``x``, ``y`` and ``out`` is 0;
    ``out`` is positive. In a convolution by a kernel y, with stride s, dilation d and padding p in
    front, ``i - d·j + p = s·k``; in a transposed one, ``s·i + d·j - p = k``.
    """

    x: int
    y: int
    out: int
    offset: int
    #: How many positions the result has.
    size: int

    @property
    def steps(self) -> tuple[int, int, int]:
        """The steps of x, y and the result."""
        return self.x, self.y, self.out

    @property
    def exchanged(self) -> Relation:
        """The relation with x and y exchanged."""
        return Relation(self.y, self.x, self.out, self.offset, self.size)

    def solved_for(self, operand: int, size: int) -> Relation:
        """Return the relation of the result with the other operand, that of x first.

        Args:
            operand: 0 to exchange the roles of x and the result, or 1: the result, x and y then
                play the parts of x, y and the result.
            size: How many positions the operand has.
        """
        own, other = (self.y, self.x) if operand else (self.x, self.y)
        sign = 1 if own > 0 else -1
        return Relation(sign * self.out, -sign * other, abs(own), -sign * self.offset, size)

    def track(self, roles: Sequence[int], sizes: Sizes) -> Track:
        """Return the relation of the three arrays in another order.

        Args:
            roles: 0 for x, 1 for y and 2 for the result: which are the first array, the second,
                and the window.
            sizes: How many positions these have.
        """
        terms = self.x, self.y, -self.out
        first, second, window = (terms[role] for role in roles)
        return Track(first, -second, window, self.offset, sizes)


def meeting(
    step: int, shift: int, step_other: int, sizes: tuple[int, int]
) -> tuple[Stretch, Stretch]:
    """Return the positions i and k of two axes at which ``step·i + shift = step_other·k``.

    With g = gcd(step, step_other), they are ``i = i_0 + (step_other / g)·m`` and
    ``k = k_0 + (step / g)·m`` for a range of integers m.

    Args:
        step: Not 0.
        shift: The shift.
        step_other: Not 0.
        sizes: The number of positions of each axis, counted from 0.

    Returns:
        Two slices of equal length; the positions that they select belong together in order.
    """
    common = math.gcd(step, step_other) * (1 if step_other > 0 else -1)
    if shift % common:
        return _NOTHING
    a, b, c = step // common, step_other // common, shift // common
    first = -c * pow(a, -1, b) % b
    first_other = (a * first + c) // b
    last = sizes[0] - 1
    low, high = 0, (last - first) // b
    if a > 0:
        low = max(low, -(first_other // a))
        high = min(high, (sizes[1] - 1 - first_other) // a)
    else:
        low = max(low, -((sizes[1] - 1 - first_other) // -a))
        high = min(high, first_other // -a)
    if low > high:
        return _NOTHING
    end = first_other + a * high
    stop = end + 1 if a > 0 else end - 1 if end else None
    return (
        slice(first + b * low, first + b * high + 1, b),
        slice(first_other + a * low, stop, a),
    )


@final
@frozen
class Track:
    """One axis of three arrays of which the third, the window, is gone through one by one.

    Positions i, k and t belong together where ``step·i + window·t + offset = step_other·k``.
    """

    step: int
    step_other: int
    window: int
    offset: int
    #: How many positions the two arrays and the window have.
    sizes: Sizes

    def shifted(self, start: int, size: int) -> Track:
        """Return the track of a part of the second array: so many positions from a start."""
        offset = self.offset - self.step_other * start
        sizes = (self.sizes[0], size, self.sizes[2])
        return Track(self.step, self.step_other, self.window, offset, sizes)


def taps(tracks: Sequence[Track]) -> Iterator[tuple[tuple[int, ...], Part, Part]]:
    """Yield each position of a window, with the parts of two arrays that it brings together.

    Positions that bring nothing together are left out.
    """
    axes: list[list[tuple[int, Stretch, Stretch]]] = []
    for track in tracks:
        size, other, count = track.sizes
        found = []
        for t in range(count):
            shift = track.window * t + track.offset
            part, others = meeting(track.step, shift, track.step_other, (size, other))
            if part != _NOTHING[0]:
                found.append((t, part, others))
        axes.append(found)
    for met in product(*axes):
        yield tuple([m[0] for m in met]), tuple([m[1] for m in met]), tuple([m[2] for m in met])
