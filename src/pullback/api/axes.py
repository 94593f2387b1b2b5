"""Which axis of each leaf of a tree is mapped over: ``in_axes`` and ``out_axes`` of `vmap`."""

from __future__ import annotations

from pullback.api.outputs import NUMERIC
from pullback.errors import StructureError
from pullback.tree import Structure, flatten
from pullback.tree.structures import LEAF, mismatch


def spread_axes(
    operation: str, name: str, axes: object, *, what: str, tree: object, number: int
) -> list[int | None]:
    """Return the axis of each leaf of a tree.

    Args:
        operation: The name that an error gives the transform.
        name: What the user calls ``axes``.
        axes: An integer or None, for all leaves; or a container like the tree, with such in place
            of subtrees. What stands in place of a leaf that is no array does not matter.
        what: What the user calls the tree.
        tree: The tree.
        number: How many leaves it has.

    Raises:
        StructureError: ``axes`` is something else, or a container unlike the tree.
    """
    if axes is None or axes.__class__ is int:  # the commonest, without taking the tree apart
        return [axes] * number
    found: list[int | None] = []
    pending = [(axes, tree, what)]
    while pending:
        axis, part, place = pending.pop()
        if axis is None or axis.__class__ is int:
            found.extend([axis] * len(flatten(part)[0]))
            continue
        axis_parts, axis_structure = _open(axis)
        parts, structure = _open(part)
        if structure == axis_structure == LEAF and not isinstance(part, NUMERIC):
            found.append(None)  # the name of a model, say, in a container like the model
            continue
        if axis_structure == LEAF:
            msg = (
                f"{operation}: {name} for {place}: expected an axis, None, or a container of such "
                f"like {place}, not {axis!r}"
            )
            raise StructureError(msg)
        if structure != axis_structure:
            raise mismatch(structure, axis_structure, operation, f"{place} and its {name}")
        places = [place + "".join(path.texts) for path in structure.paths()]
        pending.extend(reversed(list(zip(axis_parts, parts, places, strict=True))))
    return found


def _open(tree: object) -> tuple[list[object], Structure[object]]:
    """Return the children of a container, each a leaf, and the structure of that."""
    return flatten(tree, is_leaf=lambda part: part is not tree)
