"""The multilayer perceptron."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import final

import numpy as np
from attrs import frozen
from pyrsistent import PVector, pvector

from pullback import random, tree
from pullback.api import tanh
from pullback.core import Array, ArrayLike
from pullback.errors import ShapeError
from pullback.nn.linear import Linear

Activation = Callable[[Array], Array]


@final
@frozen
class MLP:
    """Affine layers with an activation between them.

    Attributes:
        layers: The layers, first to last.
        activation: Applied after every layer but the last; part of the structure, not a leaf.
        last_activation: Applied after the last layer; None leaves it affine.

    Example:
        >>> from pullback.random import key
        >>> model = MLP.create(key(0), [3, 4, 4, 1])
        >>> import numpy as np
        >>> model(np.ones((2, 3))).shape
        (2, 1)
    """

    layers: PVector[Linear]
    activation: Activation = tree.static(default=tanh)
    last_activation: Activation | None = tree.static(default=None)

    @classmethod
    def create(
        cls,
        key: Array,
        sizes: Sequence[int],
        *,
        activation: Activation = tanh,
        last_activation: Activation | None = None,
        dtype: object = np.float64,
    ) -> MLP:
        """Return a perceptron with random weights; see `Linear.create`.

        Args:
            key: A key of `pullback.random`.
            sizes: The size of the input, of each hidden layer, and of the output: two or more.
            activation: Applied after every layer but the last.
            last_activation: Applied after the last layer.
            dtype: float64 or float32.

        Returns:
            The model.

        Raises:
            ShapeError: There are fewer than two sizes, or one is below 1.

        Example:
            >>> from pullback.random import key
            >>> len(MLP.create(key(0), [784, 256, 10]).layers)
            2
        """
        if len(sizes) < 2:
            msg = f"MLP: needs the sizes of input and output, at least two; got {list(sizes)}"
            raise ShapeError(msg)
        keys = random.split(key, len(sizes) - 1)
        layers = pvector(
            Linear.create(part, n, m, dtype=dtype)
            for part, (n, m) in zip(keys, pairwise(sizes), strict=True)
        )
        return cls(layers, activation, last_activation)

    def __call__(self, x: ArrayLike, /) -> Array:
        """Return the output for an input of shape (..., sizes[0]).

        Args:
            x: The input.

        Returns:
            An array of shape (..., sizes[-1]).

        Raises:
            ShapeError: The last axis of ``x`` has not the size of the input.
        """
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        y = last(x)
        return y if self.last_activation is None else self.last_activation(y)
