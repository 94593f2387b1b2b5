"""Where an element of a value lies, as a function of the variables of a loop.

An index is *flat* (a number in row-major order) or has an entry for each axis. Entries are affine
forms, constant + Σ coefficient·variable, so that views are composed before code is made of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias, final

from attrs import frozen

from pullback.primitives.primitive import Primitive
from pullback.primitives.shape import BroadcastTo, Flip, Reshape, Transpose
from pullback.primitives.slicing import Slice, Slots

Shape = tuple[int, ...]


@final
@frozen
class Affine:
    """``constant + Σ coefficient·variable``, the terms in the order of the variables."""

    terms: tuple[tuple[int, int], ...] = ()
    constant: int = 0

    def __add__(self, other: Affine) -> Affine:
        """Add two forms."""
        sums = dict(self.terms)
        for variable, coefficient in other.terms:
            sums[variable] = sums.get(variable, 0) + coefficient
        terms = tuple(sorted((v, c) for v, c in sums.items() if c))
        return Affine(terms, self.constant + other.constant)

    def scaled(self, factor: int, shift: int = 0) -> Affine:
        """Return ``factor·self + shift``."""
        terms = tuple((v, c * factor) for v, c in self.terms) if factor else ()
        return Affine(terms, self.constant * factor + shift)


#: Flat, or an entry for each axis.
Index: TypeAlias = Affine | tuple[Affine, ...]

ZERO: Final = Affine()


class NeedsAxesError(Exception):
    """A flat index does not say enough. Never seen outside the compiler."""


def variable(number: int) -> Affine:
    """Return a variable as a form."""
    return Affine(((number, 1),))


def axes_index(shape: Shape, start: int = 0) -> tuple[Affine, ...]:
    """Return an index with a variable for each axis that is longer than 1."""
    return tuple(variable(start + axis) if size != 1 else ZERO for axis, size in enumerate(shape))


def strides(shape: Sequence[int]) -> Shape:
    """Return by how many elements each axis steps, in row-major order."""
    steps: list[int] = []
    step = 1
    for size in reversed(shape):
        steps.append(step)
        step *= size
    return tuple(reversed(steps))


def flatten(index: Index, shape: Shape) -> Affine:
    """Return an index as a flat one."""
    if isinstance(index, Affine):
        return index
    total = ZERO
    for entry, step, size in zip(index, strides(shape), shape, strict=True):
        if size != 1:
            total += entry.scaled(step)
    return total


def spread(index: Index, shape: Shape) -> tuple[Affine, ...]:
    """Return an index with an entry for each axis.

    Raises:
        NeedsAxesError: It is flat, and more than one axis is longer than 1.
    """
    if not isinstance(index, Affine):
        return index
    long = [axis for axis, size in enumerate(shape) if size != 1]
    if len(long) > 1:
        raise NeedsAxesError
    return tuple(index if axis in long else ZERO for axis in range(len(shape)))


def broadcast(index: Index, have: Shape, want: Shape) -> Index:
    """Return where the element of an operand lies that broadcasting takes to ``index``."""
    if math.prod(have) == 1:
        return ZERO
    if have == want:
        return index
    entries = spread(index, want)[len(want) - len(have) :]
    return tuple(ZERO if size == 1 else e for e, size in zip(entries, have, strict=True))


def through(view: Primitive, index: Index, have: Shape, want: Shape) -> Index:
    """Return where the element of a view's operand lies.

    Args:
        view: A primitive that only moves elements.
        index: An index of its result.
        have: The operand's shape.
        want: The result's shape.
    """
    if math.prod(have) == 1:
        return ZERO
    if isinstance(index, Affine):
        start = offset(view, have, want)
        if start is not None:
            return index.scaled(1, start)
    match view:
        case Reshape():
            return flatten(index, want)
        case BroadcastTo():
            return broadcast(index, have, want)
        case Transpose(axes):
            places: list[Affine] = [ZERO] * len(axes)
            for axis, entry in zip(axes, spread(index, want), strict=True):
                places[axis] = entry
            return tuple(places)
        case Flip(axes):
            return tuple(
                e.scaled(-1, have[axis] - 1) if axis in axes else e
                for axis, e in enumerate(spread(index, want))
            )
        case Slice(slots):
            rest = iter(spread(index, want))
            return tuple(
                next(rest).scaled(slot.step or 1, slot.start or 0)
                if isinstance(slot, slice)
                else Affine((), slot)
                for slot in slots
            )
        case _:
            raise NotImplementedError(view)


def offset(view: Primitive, have: Shape, want: Shape) -> int | None:
    """Return where a view's first element lies in its operand, if the others follow in order.

    Before -> after:
        x[2:4] for x of shape (5, 3)  ->  6
        x[:, 0] for x of shape (5, 3)  ->  None

    Args:
        view: A primitive.
        have: The operand's shape.
        want: The result's shape, of at least one element.
    """
    match view:
        case Reshape():
            return 0
        case BroadcastTo():
            return 0 if math.prod(have) == math.prod(want) else None
        case Transpose(axes):
            long = [axis for axis in axes if have[axis] != 1]
            return 0 if long == sorted(long) else None
        case Slice(slots):
            return _run(slots, have)
        case _:
            return None


def _run(slots: Slots, have: Shape) -> int | None:
    """Return where a slice begins, if its elements lie side by side."""
    start, inside = 0, False  # whether an axis before has several elements
    for slot, size, step in zip(slots, have, strides(have), strict=True):
        taken = range(slot, slot + 1) if isinstance(slot, int) else range(size)[slot]
        if inside and len(taken) != size:
            return None
        if len(taken) > 1 and taken.step != 1:
            return None
        inside = inside or len(taken) > 1
        start += taken.start * step
    return start


def operand_indices(
    primitive: Primitive, index: Index, have: Iterable[Shape], want: Shape, *, elementwise: bool
) -> list[Index]:
    """Return where an element of a map or a view reads its operands.

    Args:
        primitive: What the step does.
        index: Where its element is.
        have: The operands' shapes.
        want: The step's shape.
        elementwise: Whether it is a map.
    """
    if elementwise:
        return [broadcast(index, shape, want) for shape in have]
    return [through(primitive, index, shape, want) for shape in have]
