"""Pooling: one number for each window, the largest or the mean."""

from __future__ import annotations

import math

import numpy as np

from pullback.api.windows import Extents, Padding, extents, sliding
from pullback.core import Array, ArrayLike, apply, constant, operands
from pullback.errors import ShapeError
from pullback.primitives.cast import Cast
from pullback.primitives.convolution import Convolve
from pullback.primitives.pooling import MaxPool, check_windows
from pullback.primitives.windows import Relation, Sizes, taps


def max_pool(
    x: ArrayLike,
    window: Extents,
    /,
    *,
    stride: Extents | None = None,
    padding: Padding = 0,
    dilation: Extents = 1,
) -> Array:
    """Return the largest element in each window: ``out[..., k] = max_j x[..., stride·k + j]``.

    The derivative passes to the elements that attain the largest, in equal shares, as that of
    `pullback.max`, which pools over all there is. (PyTorch gives it to the first of them.)

    Args:
        x: Of shape (..., n_1, ..., n_d).
        window: The size of the window along the last axes, one number for each of them. A number
            alone is for all axes but the first two: those of samples and channels.
        stride: How far the window moves, for all axes or for each; None means by its size.
        padding: By how much the axes are extended at both ends; see `conv`. Padding is below every
            element, and never the largest.
        dilation: How far elements of the window are apart, for all axes or for each.

    Returns:
        An array of the dtype of ``x`` and of shape (..., k_1, ..., k_d), of the sizes that `conv`
        has; nan where the window holds a nan.

    Raises:
        ShapeError: A window is wider than the padded axis or holds padding only, or an argument
            does not fit.

    Example:
        >>> max_pool([[1.0, 5.0, 3.0, 4.0]], [2])
        Array([[5., 4.]], float64[1, 2])
        >>> max_pool([[1.0, 5.0, 3.0, 4.0]], [3], stride=1, padding="same")
        Array([[5., 5., 5., 4.]], float64[1, 4])
    """
    (image,) = operands(x)
    sizes = _window("max_pool", window, image)
    relations = sliding(
        "max_pool",
        image.shape,
        sizes,
        stride=sizes if stride is None else stride,
        padding=padding,
        dilation=dilation,
    )
    check_windows("max_pool", relations, sizes, image.shape)
    return apply(MaxPool(relations, sizes), image)


def avg_pool(
    x: ArrayLike,
    window: Extents,
    /,
    *,
    stride: Extents | None = None,
    padding: Padding = 0,
    count_include_pad: bool = True,
) -> Array:
    """Return the mean of each window: ``out[..., k] = 1/m Σ_j x[..., stride·k + j]``.

    Args:
        x: Of shape (..., n_1, ..., n_d).
        window: The size of the window along the last axes, one number for each of them. A number
            alone is for all axes but the first two: those of samples and channels.
        stride: How far the window moves, for all axes or for each; None means by its size.
        padding: By how much the axes are extended with zeros at both ends; see `conv`.
        count_include_pad: Whether m is the size of the window; else the number of elements of
            ``x`` that it holds.

    Returns:
        An array of shape (..., k_1, ..., k_d), of the sizes that `conv` has; of a floating dtype.

    Raises:
        ShapeError: A window is wider than the padded axis, or holds padding only and that does not
            count, or an argument does not fit.

    Example:
        >>> avg_pool([[1.0, 5.0, 3.0, 4.0]], [2])
        Array([[3. , 3.5]], float64[1, 2])
        >>> avg_pool([[1.0, 5.0, 3.0, 4.0]], [2], padding=1, count_include_pad=False)
        Array([[1., 4., 4.]], float64[1, 3])
    """
    (image,) = operands(x)
    if not image.type.inexact:
        image = apply(Cast(np.dtype(np.float64)), image)
    sizes = _window("avg_pool", window, image)
    relations = sliding(
        "avg_pool",
        image.shape,
        sizes,
        stride=sizes if stride is None else stride,
        padding=padding,
        dilation=1,
    )
    labels = tuple(range(image.ndim - len(sizes)))
    primitive = Convolve(labels, (), labels, relations, "avg_pool")
    if count_include_pad:
        weights = np.full(sizes, 1 / math.prod(sizes), image.dtype)
        return apply(primitive, image, constant(weights))
    check_windows("avg_pool", relations, sizes, image.shape)
    total = apply(primitive, image, constant(np.ones(sizes, image.dtype)))
    places = image.shape[len(labels) :]
    return total / constant(_counts(relations, sizes, places).astype(image.dtype))


def _window(operation: str, window: Extents, x: Array) -> Sizes:
    """Return the size of the window for each axis along which it slides."""
    rank = x.ndim - 2 if isinstance(window, int) else len(window)
    if not 0 < rank <= x.ndim:
        msg = (
            f"{operation}: a window {window!r} does not fit shape {x.shape}; give one size for "
            "each of the last axes, or a number alone for all behind the first two"
        )
        raise ShapeError(msg)
    return extents(operation, "window", window, rank)


def _counts(
    relations: tuple[Relation, ...], window: Sizes, places: Sizes
) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """Return how many elements each window holds."""
    counts = np.ones((), np.intp)
    for relation, length, size in zip(relations, window, places, strict=True):
        held = np.zeros(relation.size, np.intp)
        for _, _, place in taps([relation.track((0, 2, 1), (size, relation.size, length))]):
            held[place] += 1
        counts = np.multiply.outer(counts, held)
    return counts
