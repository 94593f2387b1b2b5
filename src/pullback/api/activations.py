"""Activation functions of neural networks, with numerics that hold in both tails.

None overflows, cancels, or turns an infinite input into nan where there is a limit; nor do the
first derivatives. Those with corners stand in `pullback.api.rectifiers`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from pullback.api.reductions import inexact, logsumexp, max
from pullback.api.selection import where
from pullback.core import Array, ArrayLike, apply, operands
from pullback.errors import ShapeError
from pullback.primitives.hyperbolic import Tanh
from pullback.primitives.identity import StopGradient
from pullback.primitives.reduction import Softmax
from pullback.primitives.rounding import Sign
from pullback.primitives.special import Expit, Ndtr, Softplus
from pullback.types import canonical_axes, canonical_axis


def sigmoid(x: ArrayLike, /) -> Array:
    """Return the logistic function ``1 / (1 + exp(-x))``.

    Value and derivatives are accurate in both tails; the derivative is σ(x) σ(-x).

    Args:
        x: An array or number.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> sigmoid([-1.0, 0.0, 2.0])
        Array([0.26894142, 0.5       , 0.88079708], float64[3])
    """
    return apply(Expit(), *operands(x))


def log_sigmoid(x: ArrayLike, /) -> Array:
    """Return ``log(sigmoid(x))``, which is ``-softplus(-x)``.

    Args:
        x: An array or number.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> log_sigmoid([-1.0, 0.0, 2.0])
        Array([-1.31326169, -0.69314718, -0.12692801], float64[3])
    """
    return -softplus(-operands(x)[0])


def softplus(x: ArrayLike, /) -> Array:
    """Return ``log(1 + exp(x))``, a smooth `relu`.

    The derivative is `sigmoid`.

    Args:
        x: An array or number.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> softplus([-1.0, 0.0, 2.0])
        Array([0.31326169, 0.69314718, 2.12692801], float64[3])
    """
    return apply(Softplus(), *operands(x))


def gelu(x: ArrayLike, /, *, approximate: bool = False) -> Array:
    """Return ``x · Φ(x)``, with the distribution function Φ of the normal distribution.

    Approximately, Φ(x) ≈ σ(√(8/π) (x + 0.044715 x³)): the same as the usual form with tanh, as
    ½ (1 + tanh u) = σ(2u), without its cancellation on the left.

    Args:
        x: An array or number.
        approximate: Whether to approximate Φ, to about 3e-4.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> gelu([-1.0, 0.0, 2.0])
        Array([-0.15865525,  0.        ,  1.95449974], float64[3])

    References:
        D. Hendrycks, K. Gimpel, *Gaussian Error Linear Units*, 2016, section 2.
    """
    return _gated(inexact(x), _ndtr_like if approximate else _ndtr, 40)


def silu(x: ArrayLike, /) -> Array:
    """Return ``x · sigmoid(x)``, also called swish.

    Args:
        x: An array or number.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> silu([-1.0, 0.0, 2.0])
        Array([-0.26894142,  0.        ,  1.76159416], float64[3])
    """
    return _gated(inexact(x), sigmoid, 750)


def mish(x: ArrayLike, /) -> Array:
    """Return ``x · tanh(softplus(x))``.

    Args:
        x: An array or number.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> mish([-1.0, 0.0, 2.0])
        Array([-0.30340146,  0.        ,  1.94395896], float64[3])

    References:
        D. Misra, *Mish: A Self Regularized Non-Monotonic Activation Function*, 2019, equation 1.
    """
    return _gated(inexact(x), lambda t: apply(Tanh(), softplus(t)), 750)


def _gated(x: Array, gate: Callable[[Array], Array], limit: float) -> Array:
    """Return ``x · gate(x)``, where the gate is 0 below ``-limit`` and 1 above ``limit``.

    The limits keep ``inf · 0`` out of the value at -inf and of the derivative at inf. Where all
    values are known to lie within, there is nothing to keep out.
    """
    if x.known and np.all(np.abs(x._value) <= limit):
        return x * gate(x)
    low = where(x < -limit, -limit, x)
    return low * gate(where(low > limit, limit, low))


def _ndtr(x: Array) -> Array:
    return apply(Ndtr(), x)


def _ndtr_like(x: Array) -> Array:
    return sigmoid(math.sqrt(8 / math.pi) * (x + 0.044715 * x * x * x))


def softsign(x: ArrayLike, /) -> Array:
    """Return ``x / (1 + |x|)``.

    Args:
        x: An array or number.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> softsign([-1.0, 0.0, 2.0])
        Array([-0.5       ,  0.        ,  0.66666667], float64[3])
    """
    a = inexact(x)
    infinite = abs(a) == math.inf
    finite = where(infinite, 0, a)
    return where(infinite, apply(Sign(), a), finite / (1 + abs(finite)))


def glu(x: ArrayLike, /, axis: int = -1) -> Array:
    """Return ``a · sigmoid(b)`` for the halves a and b of ``x`` along an axis.

    Args:
        x: An array or number.
        axis: The axis that is cut; its size is even.

    Returns:
        An array with half the size along the axis.

    Raises:
        ShapeError: The axis is out of range, or its size is odd.

    Example:
        >>> glu([1.0, 2.0, 0.0, 0.0])
        Array([0.5, 1. ], float64[2])

    References:
        Y. Dauphin et al., *Language Modeling with Gated Convolutional Networks*, 2017, equation 1.
    """
    (whole,) = operands(x)
    axis = canonical_axis("glu", axis, whole.ndim)
    half, odd = divmod(whole.shape[axis], 2)
    if odd:
        msg = f"glu: axis {axis} of shape {whole.shape} has an odd size; it is cut into halves"
        raise ShapeError(msg)
    before = (slice(None),) * axis
    return whole[(*before, slice(half))] * sigmoid(whole[(*before, slice(half, None))])


def softmax(x: ArrayLike, /, axis: int | Sequence[int] | None = -1) -> Array:
    """Return ``exp(x) / Σ exp(x)``, with the sum over an axis.

    Where some elements are inf they share the whole; of -inf alone, it is 0.

    Args:
        x: An array or number.
        axis: The axis or axes to sum over; None for all.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Raises:
        ShapeError: An axis is out of range, or stands twice.

    Example:
        >>> softmax([0.0, 0.0, -math.inf])
        Array([0.5, 0.5, 0. ], float64[3])
    """
    a = inexact(x)
    return apply(Softmax(canonical_axes("softmax", axis, a.ndim)), a)


def log_softmax(x: ArrayLike, /, axis: int | Sequence[int] | None = -1) -> Array:
    """Return ``log(softmax(x))``, without underflow.

    Relative to the largest element m it is (x - m) - log Σ exp(x - m).

    Args:
        x: An array or number.
        axis: The axis or axes to sum over; None for all.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Raises:
        ShapeError: An axis is out of range, or stands twice.

    Example:
        >>> log_softmax([0.0, 0.0, -1000.0])
        Array([-6.93147181e-01, -6.93147181e-01, -1.00069315e+03], float64[3])
    """
    a = inexact(x)
    shifted = a - apply(StopGradient(), max(a, axis, keepdims=True))
    return shifted - logsumexp(shifted, axis, keepdims=True)
