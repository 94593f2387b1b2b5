"""Rectifiers: activation functions with a corner, or made of pieces.

Each says what its derivative is at its corners: the one that PyTorch has. A nan stays nan.
"""

from __future__ import annotations

from typing import Final

from pullback.api.selection import where
from pullback.core import Array, ArrayLike, apply, operands
from pullback.primitives.exponential import Expm1

# The constants of selu, to the precision of doubles.
_SELU_ALPHA: Final = 1.6732632423543772
_SELU_SCALE: Final = 1.0507009873554805


def relu(x: ArrayLike, /) -> Array:
    """Return ``x`` where it is positive, else 0; nan for nan.

    The derivative at 0 is 0.

    Args:
        x: An array or number.

    Returns:
        An array of the shape and dtype of ``x``.

    Example:
        >>> relu([-1.0, 0.0, 2.0])
        Array([0., 0., 2.], float64[3])
    """
    (a,) = operands(x)
    return where(a <= 0, 0, a)


def relu6(x: ArrayLike, /) -> Array:
    """Return ``relu(x)``, at most 6.

    The derivatives at 0 and at 6 are 0.

    Args:
        x: An array or number.

    Returns:
        An array of the shape and dtype of ``x``.

    Example:
        >>> relu6([-1.0, 2.0, 7.0])
        Array([0., 2., 6.], float64[3])
    """
    (a,) = operands(x)
    return where(a <= 0, 0, where(a >= 6, 6, a))


def leaky_relu(x: ArrayLike, /, negative_slope: ArrayLike = 0.01) -> Array:
    """Return ``x`` where it is positive, else ``negative_slope * x``.

    The derivative at 0 is the slope of the negative side.

    Args:
        x: An array or number.
        negative_slope: An array or number that broadcasts with ``x``.

    Returns:
        An array of the shape and dtype of ``x``.

    Example:
        >>> leaky_relu([-1.0, 0.0, 2.0])
        Array([-0.01,  0.  ,  2.  ], float64[3])
    """
    (a,) = operands(x)
    return where(a > 0, a, negative_slope * a)


def elu(x: ArrayLike, /, alpha: ArrayLike = 1.0) -> Array:
    """Return ``x`` where it is positive, else ``alpha * (exp(x) - 1)``.

    The derivative at 0 is alpha.

    Args:
        x: An array or number.
        alpha: An array or number that broadcasts with ``x``.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> elu([-1.0, 0.0, 2.0])
        Array([-0.63212056,  0.        ,  2.        ], float64[3])
    """
    (a,) = operands(x)
    positive = a > 0
    return where(positive, a, alpha * apply(Expm1(), where(positive, 0, a)))


def selu(x: ArrayLike, /) -> Array:
    """Return the scaled `elu` under which layers keep mean 0 and variance 1.

    λ·elu(x, α) with λ = 1.0507009873554805 and α = 1.6732632423543772.

    Args:
        x: An array or number.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> selu([-1.0, 0.0, 2.0])
        Array([-1.11133074,  0.        ,  2.10140197], float64[3])

    References:
        G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, *Self-Normalizing Neural Networks*,
        2017, equation 2.
    """
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


def celu(x: ArrayLike, /, alpha: ArrayLike = 1.0) -> Array:
    """Return ``x`` where it is positive, else ``alpha * (exp(x / alpha) - 1)``.

    The derivative is continuous: 1 at 0, for every alpha.

    Args:
        x: An array or number.
        alpha: A positive array or number that broadcasts with ``x``.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> celu([-1.0, 0.0, 2.0])
        Array([-0.63212056,  0.        ,  2.        ], float64[3])

    References:
        J. T. Barron, *Continuously Differentiable Exponential Linear Units*, 2017, equation 2.
    """
    (a,) = operands(x)
    positive = a > 0
    return where(positive, a, alpha * apply(Expm1(), where(positive, 0, a) / alpha))


def hard_tanh(x: ArrayLike, /) -> Array:
    """Return ``x`` brought into [-1, 1].

    The derivatives at -1 and 1 are 0.

    Args:
        x: An array or number.

    Returns:
        An array of the shape and dtype of ``x``.

    Example:
        >>> hard_tanh([-1.0, 0.0, 2.0])
        Array([-1.,  0.,  1.], float64[3])
    """
    (a,) = operands(x)
    return where(a <= -1, -1, where(a >= 1, 1, a))


def hard_sigmoid(x: ArrayLike, /) -> Array:
    """Return ``relu6(x + 3) / 6``, a piecewise linear `sigmoid`.

    The derivatives at -3 and 3 are 0.

    Args:
        x: An array or number.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> hard_sigmoid([-1.0, 0.0, 2.0])
        Array([0.33333333, 0.5       , 0.83333333], float64[3])
    """
    return relu6(operands(x)[0] + 3) / 6


def hard_swish(x: ArrayLike, /) -> Array:
    """Return ``x · hard_sigmoid(x)``, a piecewise quadratic `silu`.

    The derivatives at -3 and 3 are 0 and 1.

    Args:
        x: An array or number.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> hard_swish([-1.0, 0.0, 2.0])
        Array([-0.33333333,  0.        ,  1.66666667], float64[3])

    References:
        A. Howard et al., *Searching for MobileNetV3*, 2019, section 5.2.
    """
    (a,) = operands(x)
    return where(a <= -3, 0, where(a >= 3, a, a * (a + 3) / 6))
