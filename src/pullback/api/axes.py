"""Which axis of each leaf of a tree is mapped over: ``in_axes`` and ``out_axes`` of `vmap`."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.errors import StructureError
from pullback.tree import flatten
from pullback.tree.structures import mismatch


def spread_axes(operation: str, name: str, axes: object, tree: object) -> list[int | None]:
    """Return the axis of each leaf of a tree.

    Args:
        operation: The name that an error gives the transform.
        name: What the user calls ``axes``.
        axes: An integer or None, for all leaves; or a container like the tree, with such in place
            of subtrees.
        tree: The tree.

    Raises:
        StructureError: ``axes`` is something else, or a container unlike the tree.
    """
    found: list[int | None] = []
    pending = [(axes, tree)]
    while pending:
        axis, part = pending.pop()
        if axis is None or type(axis) is int:
            found.extend([axis] * len(flatten(part)[0]))
            continue
        axis_parts, axis_structure = _open(axis)
        if axis_parts == [axis]:
            msg = (
                f"{operation}: {name}: expected an axis, None, or a container of such like what "
                f"it is for, not {axis!r}"
            )
            raise StructureError(msg)
        parts, structure = _open(part)
        if structure != axis_structure:
            raise mismatch(structure, axis_structure, operation, f"what is mapped and its {name}")
        pending.extend(reversed(list(zip(axis_parts, parts, strict=True))))
    return found


def _open(tree: object) -> tuple[list[object], object]:
    """Return the children of a container, each a leaf, and the structure of that."""
    return flatten(tree, is_leaf=lambda part: part is not tree)


def moved_axis(ndim: int, source: int, target: int) -> tuple[int, ...] | None:
    """Return the transposition that moves one axis; None where nothing moves."""
    if source == target:
        return None
    order = [axis for axis in range(ndim) if axis != source]
    order.insert(target, source)
    return tuple(order)
