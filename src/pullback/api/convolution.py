"""Convolution and its transpose, along any number of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pullback.api.windows import Extents, Padding, extents, paddings, sliding
from pullback.core import Array, ArrayLike, apply, operands
from pullback.errors import ShapeError
from pullback.primitives.convolution import Convolve
from pullback.primitives.shape import Reshape
from pullback.primitives.windows import Relation, Sizes

#: Labels of axes: groups, and within each the channels that are summed over, and those that result.
_GROUP: Final = -1
_INNER: Final = -2
_OUTER: Final = -3


def conv(
    x: ArrayLike,
    kernel: ArrayLike,
    /,
    *,
    stride: Extents = 1,
    padding: Padding = 0,
    dilation: Extents = 1,
    groups: int = 1,
    bias: ArrayLike | None = None,
) -> Array:
    """Return the convolution of channels with a kernel, along as many axes as the kernel has.

    ``out[..., o, k] = bias[o] + Σ x[..., c, i]·kernel[o, c, j]``, over channels c and all i and j
    with ``i = stride·k + dilation·j - padding``; for each of several axes alike. The kernel is not
    flipped. What lies beyond ``x`` contributes nothing.

    With groups, channels and filters are parted into as many runs of equal length, and the filters
    of a run see the channels of the same run alone.

    Args:
        x: Of shape (..., channels, n_1, ..., n_d).
        kernel: Of shape (filters, channels / groups, m_1, ..., m_d), with d of at least 1.
        stride: How far the kernel moves, for all axes or for each.
        padding: By how much the axes are extended at both ends, for all axes or for each, where it
            may be a pair of numbers, (before, behind). A negative number cuts off. "valid" is 0;
            "same" makes the result of size ⌈n / stride⌉, behind longer than before by at most one.
        dilation: How far elements of the kernel are apart, for all axes or for each.
        groups: The number of groups.
        bias: Of shape (filters,).

    Returns:
        An array of shape (..., filters, k_1, ..., k_d) with
        ``k = ⌊(n + before + behind - dilation·(m - 1) - 1) / stride⌋ + 1``.

    Raises:
        ShapeError: The channels, groups or sizes do not fit, the kernel is wider than the padded
            axis, or a stride, a dilation or the number of groups is below 1.

    Example:
        >>> x = [[1.0, 2.0, 4.0, 8.0]]
        >>> conv(x, [[[-1.0, 1.0]]])
        Array([[1., 2., 4.]], float64[1, 3])
        >>> conv(x, [[[-1.0, 1.0]]], stride=2, padding=[(1, 0)])
        Array([[1., 2.]], float64[1, 2])
    """
    image, weights = operands(x, kernel)
    window = _window("conv", image, weights)
    filters, channels = weights.shape[:2]
    relations = sliding(
        "conv",
        image.shape,
        window,
        stride=stride,
        padding=padding,
        dilation=dilation,
    )
    _check_groups("conv", image, weights, groups, (channels * groups, filters))
    out = _convolve("conv", image, weights, relations, (_OUTER, _INNER), groups)
    return _with_bias("conv", out, bias, len(relations))


def conv_transpose(
    x: ArrayLike,
    kernel: ArrayLike,
    /,
    *,
    stride: Extents = 1,
    padding: int | Sequence[int | tuple[int, int]] = 0,
    output_padding: Extents = 0,
    dilation: Extents = 1,
    groups: int = 1,
    bias: ArrayLike | None = None,
) -> Array:
    """Return the transposed convolution: the adjoint of `conv` with the same kernel.

    ``out[..., o, k] = bias[o] + Σ x[..., c, i]·kernel[c, o, j]``, over channels c and all i and j
    with ``stride·i + dilation·j - padding = k``; for each of several axes alike.

    Args:
        x: Of shape (..., channels, n_1, ..., n_d).
        kernel: Of shape (channels, filters / groups, m_1, ..., m_d), with d of at least 1.
        stride: How far the kernel moves with each element, for all axes or for each.
        padding: By how much the result is cut at both ends, for all axes or for each, where it may
            be a pair of numbers, (before, behind): the padding of the `conv` of which this is the
            transpose. A negative number extends.
        output_padding: By how much the result is longer behind, for all axes or for each. Of the
            sizes that `conv` makes one size of, this chooses one.
        dilation: How far elements of the kernel are apart, for all axes or for each.
        groups: The number of groups; see `conv`.
        bias: Of shape (filters,).

    Returns:
        An array of shape (..., filters, k_1, ..., k_d) with ``k = stride·(n - 1)
        + dilation·(m - 1) + 1 - before - behind + output_padding``.

    Raises:
        ShapeError: The channels, groups or sizes do not fit, the padding cuts off more than there
            is, the output padding is neither below the stride nor below the dilation, or a stride,
            a dilation or the number of groups is below 1.

    Example:
        >>> conv_transpose([[1.0, 2.0]], [[[1.0, 1.0, 3.0]]], stride=2)
        Array([[1., 1., 5., 2., 6.]], float64[1, 5])
    """
    image, weights = operands(x, kernel)
    operation = "conv_transpose"
    window = _window(operation, image, weights)
    channels, rank = weights.shape[0], len(window)
    strides = extents(operation, "stride", stride, rank)
    dilations = extents(operation, "dilation", dilation, rank)
    ends = paddings(operation, padding, rank)
    more = extents(operation, "output_padding", output_padding, rank, least=0)
    relations = []
    for i, (low, high) in enumerate(ends):
        if more[i] >= max(strides[i], dilations[i]):
            msg = (
                f"{operation}: output_padding {more[i]} must be less than the stride, "
                f"{strides[i]}, or the dilation, {dilations[i]}"
            )
            raise ShapeError(msg)
        n = image.shape[i - rank]
        size = strides[i] * (n - 1) + dilations[i] * (window[i] - 1) + 1 - low - high + more[i]
        if size < 0:
            msg = f"{operation}: padding ({low}, {high}) leaves {size} elements on axis {i - rank}"
            raise ShapeError(msg)
        relations.append(Relation(strides[i], dilations[i], 1, -low, size))
    _check_groups(operation, image, weights, groups, (channels, channels))
    out = _convolve(operation, image, weights, tuple(relations), (_INNER, _OUTER), groups)
    return _with_bias(operation, out, bias, rank)


def _window(operation: str, x: Array, kernel: Array) -> Sizes:
    """Return the sizes of the kernel along the axes where it slides."""
    if kernel.ndim < 3 or x.ndim < kernel.ndim - 1:
        msg = (
            f"{operation}: expected x of shape (..., channels, n_1, ..., n_d) and a kernel with as "
            f"many axes behind its first two, one or more, got shapes {x.shape} and {kernel.shape}"
        )
        raise ShapeError(msg)
    return extents(operation, "kernel", kernel.shape[2:], kernel.ndim - 2)


def _check_groups(
    operation: str, x: Array, kernel: Array, groups: int, sizes: tuple[int, int]
) -> None:
    """Check that x has so many channels, and that the kernel's first axis has equal parts."""
    channels, parted = sizes
    if groups < 1 or parted % groups:
        msg = (
            f"{operation}: groups: expected a positive number that divides axis 0 of the kernel, "
            f"shape {kernel.shape}, got {groups}"
        )
        raise ShapeError(msg)
    axis = x.ndim - kernel.ndim + 1
    if x.shape[axis] != channels:
        within = f" in {groups} groups" if groups > 1 else ""
        msg = (
            f"{operation}: channels differ: x has {x.shape[axis]} (axis {axis} of shape "
            f"{x.shape}), the kernel of shape {kernel.shape} takes {channels}{within}"
        )
        raise ShapeError(msg)


def _convolve(  # noqa: PLR0917 - what both have
    operation: str,
    x: Array,
    kernel: Array,
    relations: tuple[Relation, ...],
    labels: tuple[int, int],
    groups: int,
) -> Array:
    """Apply the convolution whose kernel has these labels, within each group."""
    rank = len(relations)
    *batch_sizes, channels = x.shape[:-rank]
    batch = tuple(range(len(batch_sizes)))
    if groups == 1:
        primitive = Convolve((*batch, _INNER), labels, (*batch, _OUTER), relations, operation)
        return apply(primitive, x, kernel)
    split = (*batch_sizes, groups, channels // groups, *x.shape[-rank:])
    first, second, *window = kernel.shape
    primitive = Convolve(
        (*batch, _GROUP, _INNER),
        (_GROUP, *labels),
        (*batch, _GROUP, _OUTER),
        relations,
        operation,
    )
    parts = apply(Reshape((groups, first // groups, second, *window)), kernel)
    out = apply(primitive, apply(Reshape(split), x), parts)
    filters = groups * out.shape[len(batch) + 1]
    return apply(Reshape((*batch_sizes, filters, *out.shape[-rank:])), out)


def _with_bias(operation: str, out: Array, bias: ArrayLike | None, rank: int) -> Array:
    """Add a number to each channel."""
    if bias is None:
        return out
    (shift,) = operands(bias)
    filters = out.shape[-rank - 1]
    if shift.shape != (filters,):
        msg = f"{operation}: expected a bias of shape ({filters},), got shape {shift.shape}"
        raise ShapeError(msg)
    return out + apply(Reshape((filters, *(1,) * rank)), shift)
