"""The functions of the Array API that stand beside Python's arithmetic operators."""

from __future__ import annotations

from pullback.core import Array, ArrayLike, apply, operands
from pullback.primitives.arithmetic import Add


def add(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return the sum ``x + y``, element by element.

    Args:
        x: An array or number.
        y: An array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> add([1.0, 2.0], 3.0)
        Array([4., 5.], float64[2])
    """
    return apply(Add(), *operands(x, y))
