"""The affine layer."""

from __future__ import annotations

import math
from typing import final

import numpy as np
from attrs import frozen

from pullback import random
from pullback.api import matmul, zeros
from pullback.core import Array, ArrayLike
from pullback.errors import ShapeError


@final
@frozen
class Linear:
    """The affine map ``x ↦ x·W + b``.

    Attributes:
        weight: W, of shape (in_features, out_features).
        bias: b, of shape (out_features,), or None.

    Example:
        >>> from pullback.random import key
        >>> layer = Linear.create(key(0), 3, 2)
        >>> import numpy as np
        >>> layer(np.ones(3)).shape
        (2,)
    """

    weight: Array
    bias: Array | None

    @classmethod
    def create(
        cls,
        key: Array,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        dtype: object = np.float64,
    ) -> Linear:
        """Return a layer with random weights and a bias of zeros.

        The weights are uniform in ``±√(3 / in_features)``, hence of variance ``1 / in_features``:
        an input of unit variance gives outputs of unit variance.

        Args:
            key: A key of `pullback.random`.
            in_features: The size of the input's last axis, at least 1.
            out_features: The size of the output's last axis, at least 1.
            bias: Whether there is a bias.
            dtype: float64 or float32.

        Returns:
            The layer.

        Raises:
            ShapeError: A size is below 1.

        Example:
            >>> from pullback.random import key
            >>> Linear.create(key(0), 3, 2).weight.shape
            (3, 2)

        References:
            Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998, eq. 16 (there
            with normal weights).
        """
        if in_features < 1 or out_features < 1:
            msg = f"Linear: sizes must be at least 1, got {in_features} and {out_features}"
            raise ShapeError(msg)
        bound = math.sqrt(3 / in_features)
        weight = random.uniform(
            key, (in_features, out_features), minval=-bound, maxval=bound, dtype=dtype
        )
        return cls(weight, zeros(out_features, dtype=weight.dtype) if bias else None)

    def __call__(self, x: ArrayLike, /) -> Array:
        """Return ``x·W + b`` for an input of shape (..., in_features).

        Args:
            x: The input.

        Returns:
            An array of shape (..., out_features).

        Raises:
            ShapeError: The last axis of ``x`` is not of size in_features.
        """
        y = matmul(x, self.weight)
        return y if self.bias is None else y + self.bias
