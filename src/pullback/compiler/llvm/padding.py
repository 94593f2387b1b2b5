"""Where the element of an array lies that is padded with zeros, and what says that there is one."""

from __future__ import annotations

from typing import final

from attrs import frozen

from pullback.compiler.indices import ZERO, Affine, Shape, strides
from pullback.primitives.slicing import PadSlice


@final
@frozen
class Check:
    """An axis of which only a part has elements: one in each so many places, from the first on."""

    #: The place along the axis, counted from the first element.
    place: Affine
    step: int
    #: How many elements there are; and by how many each steps in the operand, 0 for a single one.
    size: int
    stride: int


def padded(
    primitive: PadSlice, index: tuple[Affine, ...], have: Shape, want: Shape
) -> tuple[Affine, list[Check]]:
    """Return where an element lies along axes that are all filled, and the other axes.

    Args:
        primitive: The padding.
        index: An index of its result.
        have: The operand's shape.
        want: The result's shape.
    """
    place, checks = ZERO, list[Check]()
    sizes = iter(zip(have, strides(have), strict=True))
    for slot, entry, extent in zip(primitive.slots, index, want, strict=True):
        if not isinstance(slot, slice):
            if extent != 1:
                checks.append(Check(entry.scaled(1, -slot), 1, 1, 0))
            continue
        size, stride = next(sizes)
        if size == extent and slot.step == 1:
            place += entry.scaled(stride)
        else:
            checks.append(Check(entry.scaled(1, -slot.start), slot.step, size, stride))
    return place, checks
