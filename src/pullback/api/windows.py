"""How far windows move, and how an axis is padded: the arguments of convolution and pooling."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Literal, TypeAlias

from pullback.errors import ShapeError
from pullback.primitives.windows import Relation, Sizes

#: A number for all axes, or one for each.
Extents: TypeAlias = int | Sequence[int]
#: A number for both ends of all axes, or for each axis one or two; or a rule.
Padding: TypeAlias = int | Sequence[int | tuple[int, int]] | Literal["same", "valid"]


def extents(operation: str, name: str, value: Extents, rank: int, least: int = 1) -> Sizes:
    """Return one number for each of ``rank`` axes.

    Raises:
        ShapeError: There are more or fewer, or one is below ``least``.
    """
    numbers = (value,) * rank if isinstance(value, int) else tuple(map(operator.index, value))
    if len(numbers) != rank or min(numbers) < least:
        msg = (
            f"{operation}: {name}: expected a number of at least {least}, or one for each of "
            f"{rank} axes, got {value!r}"
        )
        raise ShapeError(msg)
    return numbers


def paddings(operation: str, value: object, rank: int) -> tuple[tuple[int, int], ...]:
    """Return two numbers, before and behind, for each of ``rank`` axes.

    Raises:
        ShapeError: ``value`` does not say so many.
    """
    given = (value,) * rank if isinstance(value, int) else value
    if isinstance(given, (tuple, list)) and len(given) == rank:
        pairs = [(end, end) if isinstance(end, int) else end for end in given]
        if all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
            return tuple((operator.index(low), operator.index(high)) for low, high in pairs)
    msg = (
        f"{operation}: padding: expected a number, or for each of {rank} axes a number or a pair "
        f"(before, behind), got {value!r}"
    )
    raise ShapeError(msg)


def sliding(
    operation: str,
    shape: Sizes,
    window: Sizes,
    *,
    stride: Extents,
    padding: Padding,
    dilation: Extents,
) -> tuple[Relation, ...]:
    """Return how windows slide along the last axes of x.

    Args:
        operation: The name that an error gives the operation.
        shape: The shape of x.
        window: The size of the window along each of the last axes.
        stride: How far it moves.
        padding: By how much the axes are padded, and a negative number cuts off; "valid" by
            nothing, "same" so that there are as many windows as the stride divides the axis into.
        dilation: How far the positions of the window are apart.

    Returns:
        Relations of x, the window and the result, by which ``i - dilation·j + low = stride·k``.

    Raises:
        ShapeError: An argument does not fit, or a window is wider than its axis.
    """
    rank = len(window)
    strides = extents(operation, "stride", stride, rank)
    dilations = extents(operation, "dilation", dilation, rank)
    first = len(shape) - rank
    widths = [d * (n - 1) + 1 for d, n in zip(dilations, window, strict=True)]
    if padding == "valid":
        ends: Sequence[tuple[int, int]] = [(0, 0)] * rank
    elif padding == "same":
        triples = zip(shape[first:], strides, widths, strict=True)
        lacking = [max(0, (-(-n // s) - 1) * s + width - n) for n, s, width in triples]
        ends = [(lack // 2, lack - lack // 2) for lack in lacking]
    else:
        ends = paddings(operation, padding, rank)
    relations = []
    for i, (low, high) in enumerate(ends):
        room = shape[first + i] + low + high - widths[i]
        if room < 0:
            msg = (
                f"{operation}: a window of {window[i]}, {widths[i]} wide with dilation "
                f"{dilations[i]}, does not fit axis {first + i} of x, shape {shape}, padded by "
                f"({low}, {high})"
            )
            raise ShapeError(msg)
        relations.append(Relation(1, -dilations[i], strides[i], low, room // strides[i] + 1))
    return tuple(relations)
