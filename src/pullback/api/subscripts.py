"""The subscripts of ``einsum``: from text or lists to one integer label for each axis.

Knows nothing of arrays but their shapes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import EllipsisType
from typing import TypeAlias

from pullback.errors import ShapeError
from pullback.primitives.contraction_plan import Labels

Shape: TypeAlias = tuple[int, ...]
#: The subscripts of one operand or of the result: letters, or integers; and ``...``.
Subscripts: TypeAlias = tuple[str | int | EllipsisType, ...]


def parse_call(
    operands: Sequence[object],
) -> tuple[tuple[Subscripts, ...], Subscripts | None, Sequence[object]]:
    """Take the operands of a call apart, in either of its two forms.

    Returns:
        The subscripts of each array; those of the result, where given; the arrays.

    Raises:
        ShapeError: The subscripts are malformed.
    """
    if not operands:
        msg = "einsum: no operands: expected subscripts and arrays"
        raise ShapeError(msg)
    if isinstance(operands[0], str):
        inputs, output = _parse_text(operands[0])
        return inputs, output, operands[1:]
    lists = operands[1::2]
    output = _parse_list(operands[-1]) if len(operands) % 2 else None
    arrays = operands[: 2 * len(lists) : 2]
    return tuple(_parse_list(subscripts) for subscripts in lists), output, arrays


@lru_cache(maxsize=256)
def _parse_text(text: str) -> tuple[tuple[Subscripts, ...], Subscripts | None]:
    """Parse ``"ij,j...->i..."``: the subscripts of the operands, and of the result if given."""
    inputs, arrow, output = re.sub(r"\s", "", text).partition("->")
    parsed = []
    for part in [*inputs.split(","), output]:
        match = re.fullmatch(r"([A-Za-z]*)(\.\.\.)?([A-Za-z]*)", part)
        if match is None:
            msg = (
                f"einsum: cannot read {part!r} in subscripts {text!r}: expected letters and at "
                "most one '...' for each operand, commas between, at most one '->'"
            )
            raise ShapeError(msg)
        before, dots, after = match.groups()
        parsed.append((*before, *([...] if dots else []), *after))
    return tuple(parsed[:-1]), parsed[-1] if arrow else None


def _parse_list(subscripts: object) -> Subscripts:
    """Check the subscripts of the form without text: integers, and at most one ellipsis."""
    if (
        not isinstance(subscripts, (list, tuple))
        or any(not isinstance(label, (int, EllipsisType)) for label in subscripts)
        or subscripts.count(...) > 1
    ):
        msg = (
            f"einsum: cannot read subscripts {subscripts!r}: expected a string first, or after "
            "each array a list of integers and at most one ellipsis"
        )
        raise ShapeError(msg)
    return tuple(subscripts)


@lru_cache(maxsize=256)
def label_axes(
    inputs: tuple[Subscripts, ...], output: Subscripts | None, shapes: tuple[Shape, ...]
) -> tuple[tuple[Labels, ...], Labels, Mapping[int, int]]:
    """Give each axis an integer: from 0 on for a label, negative for the axes of an ellipsis.

    Args:
        inputs: The subscripts of each operand.
        output: Those of the result; None for the implicit ones.
        shapes: The shape of each operand.

    Returns:
        The labels of each operand, those of the result, and the size of each.

    Raises:
        ShapeError: The subscripts do not fit the shapes or each other.
    """
    if len(inputs) != len(shapes):
        msg = f"einsum: subscripts for {len(inputs)} operands, but {len(shapes)} operands"
        raise ShapeError(msg)
    counts = Counter(name for part in inputs for name in part if not isinstance(name, EllipsisType))
    names = sorted(counts)  # all letters, or all integers
    number = {name: i for i, name in enumerate(names)}
    labels, widest = [], 0
    for i, (part, shape) in enumerate(zip(inputs, shapes, strict=True)):
        wide = len(shape) - len(part) + 1 if ... in part else 0
        if wide < 0 or (... not in part and len(shape) != len(part)):
            msg = (
                f"einsum: operand {i} has {len(shape)} axes (shape {shape}), "
                f"its subscripts {_show(part)} are for {len(part) - (... in part)}"
            )
            raise ShapeError(msg)
        widest = max(widest, wide)
        labels.append(_expand(part, number, wide))
    if output is None:
        output = (..., *(name for name in names if counts[name] == 1))
    _check_output(output, names, widest)
    return tuple(labels), _expand(output, number, widest), _sizes(labels, shapes, names)


def _check_output(output: Subscripts, names: Sequence[str | int], widest: int) -> None:
    """Check that the labels of the result are known and distinct, and that ``...`` has a place."""
    for name, times in Counter(output).items():
        if not isinstance(name, EllipsisType) and name not in names:
            msg = f"einsum: label {name!r} of the result {_show(output)} stands in no operand"
            raise ShapeError(msg)
        if times > 1:
            msg = f"einsum: label {name!r} stands {times} times in the result {_show(output)}"
            raise ShapeError(msg)
    if widest and ... not in output:
        msg = f"einsum: '...' has {widest} axes, the result {_show(output)} no '...' for them"
        raise ShapeError(msg)


def _expand(part: Subscripts, number: dict[str | int, int], wide: int) -> Labels:
    """Return the integers for subscripts in which the ellipsis stands for ``wide`` axes."""
    labels: list[int] = []
    for name in part:
        if isinstance(name, EllipsisType):
            labels.extend(range(-wide, 0))
        else:
            labels.append(number[name])
    return tuple(labels)


def _sizes(
    labels: Sequence[Labels], shapes: Sequence[Shape], names: Sequence[str | int]
) -> dict[int, int]:
    """Return the size of each label; 1 broadcasts, though not within an operand."""
    places: dict[int, tuple[int, int]] = {}  # operand and axis that each label's size is from
    for i, (own, shape) in enumerate(zip(labels, shapes, strict=True)):
        for axis, label in enumerate(own):
            size, first = shape[axis], own.index(label)
            j, other = places.setdefault(label, (i, axis))
            known = shapes[j][other]
            if size != shape[first]:
                j, other, known = i, first, shape[first]
            elif known == 1:
                places[label] = i, axis
                continue
            elif size in {1, known}:
                continue
            name = repr(names[label]) if label >= 0 else "'...'"
            msg = (
                f"einsum: sizes of {name} differ: "
                f"{known} (axis {other} of operand {j}, shape {shapes[j]}) and "
                f"{size} (axis {axis} of operand {i}, shape {shape})"
            )
            raise ShapeError(msg)
    return {label: shapes[i][axis] for label, (i, axis) in places.items()}


def _show(part: Subscripts) -> str:
    """Return subscripts as the user wrote them."""
    if any(isinstance(name, int) for name in part):
        return repr(list(part))
    return repr("".join("..." if isinstance(name, EllipsisType) else str(name) for name in part))
