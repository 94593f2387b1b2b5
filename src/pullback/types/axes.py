"""Axis arguments: an axis may be negative; several must be distinct."""

from __future__ import annotations

import operator
from collections.abc import Sequence

from pullback.errors import ShapeError


def canonical_axis(operation: str, axis: int, ndim: int) -> int:
    """Return ``axis`` counted from the front.

    Args:
        operation: The name that an error gives the operation.
        axis: In ``-ndim <= axis < ndim``.
        ndim: The number of axes.

    Raises:
        ShapeError: The axis lies outside that range.
    """
    index = operator.index(axis)
    if not -ndim <= index < ndim:
        msg = f"{operation}: axis {index} is out of range for an array with {ndim} axes"
        raise ShapeError(msg)
    return index % ndim


def canonical_axes(operation: str, axes: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Return the axes counted from the front, in the order given; ``None`` means all.

    Raises:
        ShapeError: An axis is out of range, or stands twice.
    """
    if axes is None:
        return tuple(range(ndim))
    sequence = axes if isinstance(axes, (tuple, list)) else (axes,)
    result = tuple(canonical_axis(operation, axis, ndim) for axis in sequence)
    if len(set(result)) != len(result):
        msg = f"{operation}: an axis stands twice in {tuple(sequence)}"
        raise ShapeError(msg)
    return result
