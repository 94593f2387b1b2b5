"""The order of axes, and of the elements along them: transpose, move, turn, flip."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.core import Array, ArrayLike, apply, operands
from pullback.errors import ShapeError
from pullback.primitives.shape import Flip, Transpose
from pullback.types import canonical_axes, canonical_axis


def transpose(x: ArrayLike, /, axes: Sequence[int] | None = None) -> Array:
    """Return the array with its axes in another order.

    Args:
        x: An array or number.
        axes: Axis ``i`` of the result is axis ``axes[i]`` of ``x``; None reverses the order.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: ``axes`` does not name each axis once.

    Example:
        >>> transpose([[1.0, 2.0], [3.0, 4.0]])
        Array([[1., 3.],
               [2., 4.]], float64[2, 2])
    """
    (x,) = operands(x)
    return _transposed(x, tuple(reversed(range(x.ndim))) if axes is None else axes, "transpose")


def permute_dims(x: ArrayLike, /, axes: Sequence[int]) -> Array:
    """Return the array with its axes in the given order.

    Args:
        x: An array or number.
        axes: Axis ``i`` of the result is axis ``axes[i]`` of ``x``.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: ``axes`` does not name each axis once.

    Example:
        >>> permute_dims([[1.0, 2.0, 3.0]], (1, 0)).shape
        (3, 1)
    """
    (x,) = operands(x)
    return _transposed(x, axes, "permute_dims")


def matrix_transpose(x: ArrayLike, /) -> Array:
    """Return the array with its last two axes exchanged.

    Args:
        x: An array of rank 2 or more.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: The rank is less than 2.

    Example:
        >>> matrix_transpose([[1.0, 2.0, 3.0]]).shape
        (3, 1)
    """
    (x,) = operands(x)
    if x.ndim < 2:
        msg = f"matrix_transpose: shape {x.shape} is no matrix; it needs two axes at least"
        raise ShapeError(msg)
    return swapaxes(x, -1, -2)


def swapaxes(x: ArrayLike, /, axis1: int, axis2: int) -> Array:
    """Return the array with two axes exchanged.

    Args:
        x: An array.
        axis1: An axis.
        axis2: An axis.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: An axis is out of range.

    Example:
        >>> swapaxes([[[1.0, 2.0, 3.0]]], 0, 2).shape
        (3, 1, 1)
    """
    (x,) = operands(x)
    i, j = (canonical_axis("swapaxes", axis, x.ndim) for axis in (axis1, axis2))
    order = list(range(x.ndim))
    order[i], order[j] = j, i
    return _transposed(x, order, "swapaxes")


def moveaxis(
    x: ArrayLike, /, source: int | Sequence[int], destination: int | Sequence[int]
) -> Array:
    """Return the array with some axes moved; the others stay in order.

    Args:
        x: An array.
        source: An axis, or several.
        destination: For each of them, where it stands in the result.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: An axis is out of range or stands twice, or there are more sources than
            destinations or the other way round.

    Example:
        >>> moveaxis([[[1.0, 2.0, 3.0]]], 2, 0).shape
        (3, 1, 1)
    """
    (x,) = operands(x)
    sources = canonical_axes("moveaxis", source, x.ndim)
    destinations = canonical_axes("moveaxis", destination, x.ndim)
    if len(sources) != len(destinations):
        msg = (
            f"moveaxis: {len(sources)} axes {source} to {len(destinations)} places {destination}: "
            "the numbers differ"
        )
        raise ShapeError(msg)
    order = [axis for axis in range(x.ndim) if axis not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return _transposed(x, order, "moveaxis")


def rot90(x: ArrayLike, /, k: int = 1, axes: Sequence[int] = (0, 1)) -> Array:
    """Return the array turned by 90 degrees in the plane of two axes.

    Args:
        x: An array of rank 2 or more.
        k: How many times; a positive number turns from the first axis towards the second.
        axes: The two axes.

    Returns:
        An array of the same elements.

    Raises:
        ShapeError: There are not two different axes, or one is out of range.

    Example:
        >>> rot90([[1.0, 2.0], [3.0, 4.0]])
        Array([[2., 4.],
               [1., 3.]], float64[2, 2])
    """
    (x,) = operands(x)
    plane = canonical_axes("rot90", axes, x.ndim)
    if len(plane) != 2:
        msg = f"rot90: two axes make a plane, not {tuple(axes)}"
        raise ShapeError(msg)
    match k % 4:
        case 0:
            return x
        case 1:
            return swapaxes(flip(x, plane[1]), *plane)
        case 2:
            return flip(x, plane)
        case _:
            return flip(swapaxes(x, *plane), plane[1])


def flip(x: ArrayLike, /, axis: int | Sequence[int] | None = None) -> Array:
    """Return the elements in reverse order along axes.

    Args:
        x: An array or number.
        axis: The axis, or several; None means all.

    Returns:
        An array of the shape of ``x``.

    Raises:
        ShapeError: An axis is out of range or stands twice.

    Example:
        >>> flip([1.0, 2.0, 3.0])
        Array([3., 2., 1.], float64[3])
    """
    (x,) = operands(x)
    axes = canonical_axes("flip", axis, x.ndim)
    return apply(Flip(axes), x) if axes else x


def _transposed(x: Array, axes: Sequence[int], operation: str) -> Array:
    """Return the array with its axes in another order, and as it is in the same."""
    order = canonical_axes(operation, axes, x.ndim)
    if len(order) != x.ndim:
        msg = f"{operation}: axes {tuple(axes)} do not permute the axes of shape {x.shape}"
        raise ShapeError(msg)
    return x if order == tuple(range(x.ndim)) else apply(Transpose(order), x)
