"""Neural networks as immutable pytrees: a layer is its parameters and a pure function of them."""

from pullback.nn.linear import Linear
from pullback.nn.mlp import MLP

__all__ = ["MLP", "Linear"]
