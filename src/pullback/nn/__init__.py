"""Neural networks as immutable pytrees: a layer is its parameters and a pure function of them."""

from pullback.api.convolution import conv, conv_transpose
from pullback.api.pooling import avg_pool, max_pool
from pullback.nn.activations import (
    celu,
    elu,
    gelu,
    glu,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    tanh,
)
from pullback.nn.convolution import Conv
from pullback.nn.linear import Linear
from pullback.nn.mlp import MLP

__all__ = [
    "MLP",
    "Conv",
    "Linear",
    "avg_pool",
    "celu",
    "conv",
    "conv_transpose",
    "elu",
    "gelu",
    "glu",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]
