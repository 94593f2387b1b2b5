"""Special functions, named and defined as in `scipy.special`."""

from __future__ import annotations

from pullback.core import Array, ArrayLike, apply, operands
from pullback.errors import ShapeError
from pullback.primitives.special import (
    Erf,
    Erfc,
    Erfcx,
    Erfinv,
    Expit,
    Gammaln,
    Logit,
    LogNdtr,
    Ndtr,
    Polygamma,
    Xlogy,
)


def erf(x: ArrayLike, /) -> Array:
    """Return the error function.

    erf x = 2/√π ∫₀ˣ exp(-t²) dt, with the derivative 2/√π exp(-x²).

    Args:
        x: An array or number, real or complex.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> erf([0.0, 1.0])
        Array([0.        , 0.84270079], float64[2])
    """
    return apply(Erf(), *operands(x))


def erfc(x: ArrayLike, /) -> Array:
    """Return ``1 - erf(x)``, to full precision where that is small.

    The derivative is -2/√π exp(-x²).

    Args:
        x: An array or number, real or complex.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> erfc([0.0, 10.0])
        Array([1.00000000e+00, 2.08848758e-45], float64[2])
    """
    return apply(Erfc(), *operands(x))


def erfcx(x: ArrayLike, /) -> Array:
    """Return the scaled function ``exp(x²) · erfc(x)``, which does not underflow.

    The derivative is 2x erfcx x - 2/√π. That difference cancels for large x: its relative error
    is about x² machine epsilons.

    Args:
        x: An array or number, real or complex.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> erfcx([0.0, 1e10])
        Array([1.00000000e+00, 5.64189584e-11], float64[2])
    """
    return apply(Erfcx(), *operands(x))


def erfinv(x: ArrayLike, /) -> Array:
    """Return the inverse of the error function.

    The derivative is √π/2 exp(erfinv(x)²), infinite at ±1.

    Args:
        x: An array or number in [-1, 1]; the result is nan outside.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Raises:
        DTypeError: The dtype is complex.

    Example:
        >>> erfinv([0.0, 1.0])
        Array([ 0., inf], float64[2])
    """
    return apply(Erfinv(), *operands(x))


def ndtr(x: ArrayLike, /) -> Array:
    """Return the distribution function of the standard normal distribution.

    Φ(x) = ∫ φ(t) dt for t ≤ x, with the density φ(x) = exp(-x²/2) / √(2π) as its derivative.

    Args:
        x: An array or number, real or complex.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> ndtr([0.0, 2.0])
        Array([0.5       , 0.97724987], float64[2])
    """
    return apply(Ndtr(), *operands(x))


def log_ndtr(x: ArrayLike, /) -> Array:
    """Return ``log(ndtr(x))``, which stays finite where ndtr underflows.

    The first derivative, φ/Φ, is accurate everywhere. Higher ones lose accuracy far on the left:
    there the relative error of the second is about x² machine epsilons.

    Args:
        x: An array or number, real or complex.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> log_ndtr([0.0, -50.0])
        Array([-6.93147181e-01, -1.25483136e+03], float64[2])
    """
    return apply(LogNdtr(), *operands(x))


def gammaln(x: ArrayLike, /) -> Array:
    """Return the logarithm of the absolute value of the gamma function.

    The derivative is `digamma`.

    Args:
        x: An array or number. At 0, -1, -2, ... the function is infinite.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Raises:
        DTypeError: The dtype is complex.

    Example:
        >>> gammaln([1.0, 5.0])
        Array([0.        , 3.17805383], float64[2])
    """
    return apply(Gammaln(), *operands(x))


def digamma(x: ArrayLike, /) -> Array:
    """Return ψ(x), the derivative of ln Γ(x).

    It has derivatives of every order, the functions `polygamma`.

    Args:
        x: An array or number. Poles at 0, -1, -2, ...; complex numbers have no derivative here.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> digamma([1.0, 2.0])
        Array([-0.57721566,  0.42278434], float64[2])
    """
    return apply(Polygamma(0), *operands(x))


def polygamma(n: int, x: ArrayLike, /) -> Array:
    """Return the derivative of order ``n`` of `digamma`.

    ψ⁽ⁿ⁾(x) = (-1)ⁿ⁺¹ n! Σₖ (x + k)⁻ⁿ⁻¹ over k ≥ 0, if n ≥ 1.

    Args:
        n: The order, at least 0; a Python integer.
        x: An array or number.

    Returns:
        An array of the shape of ``x``; single precision if ``x`` has it, else double.

    Raises:
        ShapeError: The order is negative.
        DTypeError: The dtype is complex.

    Example:
        >>> polygamma(1, 1.0)
        Array(1.64493407, float64[])
    """
    if n < 0:
        msg = f"polygamma: the order is {n}; expected an integer of at least 0"
        raise ShapeError(msg)
    return apply(Polygamma(n), *operands(x))


def expit(x: ArrayLike, /) -> Array:
    """Return the logistic function ``1 / (1 + exp(-x))``.

    It is accurate in both tails. So is its derivative, expit(x) expit(-x).

    Args:
        x: An array or number, real or complex.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Example:
        >>> expit([0.0, -745.0])
        Array([5.e-001, 5.e-324], float64[2])
    """
    return apply(Expit(), *operands(x))


def logit(x: ArrayLike, /) -> Array:
    """Return ``log(x / (1 - x))``, the inverse of `expit`.

    The derivative is 1 / (x (1 - x)), infinite at 0 and 1.

    Args:
        x: An array or number in [0, 1]; the result is nan outside.

    Returns:
        An array of the shape of ``x``, of its dtype if that is inexact.

    Raises:
        DTypeError: The dtype is complex.

    Example:
        >>> logit([0.5, 0.75])
        Array([0.        , 1.09861229], float64[2])
    """
    return apply(Logit(), *operands(x))


def xlogy(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``x * log(y)``, and 0 where ``x`` is 0, even if ``y`` is 0 too.

    The derivatives are ln y and x / y. Where both operands are 0 the latter is 0, since the
    function is constant in ``y`` there.

    Args:
        x: An array or number, real or complex.
        y: An array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape, of the promoted dtype if that is inexact.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> xlogy([0.0, 2.0], [0.0, 1.0])
        Array([0., 0.], float64[2])
    """
    return apply(Xlogy(), *operands(x, y))
