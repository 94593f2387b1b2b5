"""The loops of a contraction: how long they are, and how they step through memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

from attrs import evolve, frozen

from pullback.primitives.contraction import Contract

#: Of an array.
Shape = tuple[int, ...]


@final
@frozen
class Axis:
    """A loop of a contraction: its length, and how far apart elements lie in factors and result.

    A step is 0 where a value does not have the axis.
    """

    size: int
    x: int
    y: int
    out: int
    #: The same in bytes for what else is read and written at an element of the result.
    beside: tuple[int, ...] = ()


def axes(
    contract: Contract, x: Shape, y: Shape, beside: Sequence[Sequence[int]] = ()
) -> tuple[Axis, ...]:
    """Return the loops of a contraction, as few as there can be: those of the result first.

    Args:
        contract: The contraction.
        x: The left factor's shape.
        y: The right factor's shape.
        beside: For values that are read and written with the result: the step, in bytes, of each
            of the result's axes.

    Before -> after:
        x[a, b, c]·y[c, d, 1] -> out[a, b, d, 1]  ->  loops over ab, d and c
    """
    sizes = dict(zip(contract.x, x, strict=True)) | dict(zip(contract.y, y, strict=True))
    steps: list[dict[int, int]] = []
    for labels in (contract.x, contract.y, contract.out):
        step, found = 1, dict[int, int]()
        for label in reversed(labels):
            found[label] = step
            step *= sizes[label]
        steps.append(found)
    steps += [dict(zip(contract.out, found, strict=True)) for found in beside]
    order = [*contract.out, *(label for label in contract.x if label not in contract.out)]
    result: list[Axis] = []
    for label in order:
        if sizes[label] == 1:
            continue
        in_x, in_y, in_out, *others = (found.get(label, 0) for found in steps)
        axis = Axis(sizes[label], in_x, in_y, in_out, tuple(others))
        if result and _continues(result[-1], axis):
            axis = evolve(axis, size=result.pop().size * axis.size)
        result.append(axis)
    return tuple(result)


def _continues(before: Axis, axis: Axis) -> bool:
    """Return whether two loops are one: a step of the first is a whole run of the second."""
    return (before.x, before.y, before.out, *before.beside) == tuple(
        [step * axis.size for step in (axis.x, axis.y, axis.out, *axis.beside)]
    )


def terms(contract: Contract, x: Shape, y: Shape) -> int:
    """Return how many products are added up."""
    sizes = dict(zip(contract.x, x, strict=True)) | dict(zip(contract.y, y, strict=True))
    return math.prod(sizes.values())
