"""Broadcasting of shapes, as NumPy and the Array API define it."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.errors import ShapeError

Shape = tuple[int, ...]


def broadcast_shapes(operation: str, shapes: Sequence[Shape]) -> Shape:
    """Return the common shape: axes align from the last, size 1 stretches.

    Args:
        operation: The name that an error gives the operation.
        shapes: The shapes that meet.

    Raises:
        ShapeError: Two sizes differ on one axis and neither is 1.

    Example:
        >>> broadcast_shapes("add", [(2, 1), (3,)])
        (2, 3)
    """
    distinct = {*shapes, ()}
    if len(distinct) < 3:  # the commonest: one shape, and scalars
        return max(distinct)
    rank = max(map(len, shapes))
    result = []
    for axis in range(-rank, 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        if len(sizes) > 1:
            shown = " and ".join(map(str, shapes))
            msg = (
                f"{operation}: shapes {shown} do not broadcast: "
                f"sizes {' and '.join(map(str, sorted(sizes)))} on axis {axis}"
            )
            raise ShapeError(msg)
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)
