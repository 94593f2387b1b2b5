"""The convolutional layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias, final

import numpy as np
from attrs import frozen

from pullback import random, tree
from pullback.api import zeros
from pullback.api.convolution import conv
from pullback.core import Array, ArrayLike
from pullback.errors import ShapeError

#: As `conv` takes them, but hashable: they are part of the structure.
Extents: TypeAlias = int | tuple[int, ...]
Padding: TypeAlias = int | tuple[int | tuple[int, int], ...] | Literal["same", "valid"]


@final
@frozen
class Conv:
    """The convolution of channels with a kernel; see `conv`.

    Attributes:
        kernel: Of shape (out_channels, in_channels / groups, m_1, ..., m_d).
        bias: Of shape (out_channels,), or None.
        stride: How far the kernel moves.
        padding: By how much the axes are extended.
        dilation: How far elements of the kernel are apart.
        groups: The number of groups.

    Example:
        >>> from pullback.random import key
        >>> layer = Conv.create(key(0), 3, 8, (5, 5), stride=2, padding="same")
        >>> import numpy as np
        >>> layer(np.ones((10, 3, 28, 28))).shape
        (10, 8, 14, 14)
    """

    kernel: Array
    bias: Array | None
    stride: Extents = tree.static(default=1)
    padding: Padding = tree.static(default=0)
    dilation: Extents = tree.static(default=1)
    groups: int = tree.static(default=1)

    @classmethod
    def create(
        cls,
        key: Array,
        in_channels: int,
        out_channels: int,
        window: Sequence[int],
        *,
        stride: Extents = 1,
        padding: Padding = 0,
        dilation: Extents = 1,
        groups: int = 1,
        bias: bool = True,
        dtype: object = np.float64,
    ) -> Conv:
        """Return a layer with a random kernel and a bias of zeros.

        The kernel is uniform in ``±√(3 / n)``, hence of variance ``1 / n``, where n is the number
        of elements that each result is made of: an input of unit variance gives outputs of unit
        variance.

        Args:
            key: A key of `pullback.random`.
            in_channels: The number of channels of the input, at least 1.
            out_channels: The number of channels of the output, at least 1.
            window: The sizes of the kernel, one for each axis along which it slides.
            stride: How far the kernel moves, for all axes or for each.
            padding: By how much the axes are extended; see `conv`.
            dilation: How far elements of the kernel are apart, for all axes or for each.
            groups: The number of groups, a divisor of both numbers of channels.
            bias: Whether there is a bias.
            dtype: float64 or float32.

        Returns:
            The layer.

        Raises:
            ShapeError: A size is below 1, there is no size, or the groups do not divide the
                channels.

        Example:
            >>> from pullback.random import key
            >>> Conv.create(key(0), 4, 6, (3,), groups=2).kernel.shape
            (6, 2, 3)

        References:
            Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998, eq. 16 (there
            with normal weights).
        """
        sizes = tuple(window)
        if not sizes or min(in_channels, out_channels, groups, *sizes) < 1:
            msg = (
                "Conv: sizes must be at least 1, got in_channels "
                f"{in_channels}, out_channels {out_channels}, window {sizes}, groups {groups}"
            )
            raise ShapeError(msg)
        if in_channels % groups or out_channels % groups:
            msg = f"Conv: {groups} groups do not divide {in_channels} and {out_channels} channels"
            raise ShapeError(msg)
        bound = math.sqrt(3 / (in_channels // groups * math.prod(sizes)))
        kernel = random.uniform(
            key,
            (out_channels, in_channels // groups, *sizes),
            minval=-bound,
            maxval=bound,
            dtype=dtype,
        )
        start = zeros(out_channels, dtype=kernel.dtype) if bias else None
        return cls(kernel, start, stride, padding, dilation, groups)

    def __call__(self, x: ArrayLike, /) -> Array:
        """Return the convolution of an input of shape (..., in_channels, n_1, ..., n_d).

        Args:
            x: The input.

        Returns:
            An array of shape (..., out_channels, k_1, ..., k_d); see `conv`.

        Raises:
            ShapeError: The input does not fit the kernel.
        """
        return conv(
            x,
            self.kernel,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            bias=self.bias,
        )
