"""Hyperbolic functions and their inverses, with NumPy's branch cuts in the complex plane."""

from __future__ import annotations

from pullback.core import Array, ArrayLike, apply, lift
from pullback.primitives.hyperbolic import Acosh, Asinh, Atanh, Cosh, Sinh, Tanh


def sinh(x: ArrayLike, /) -> Array:
    """Return the hyperbolic sine, element by element; derivative cosh x.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape; integers become floats.

    Example:
        >>> sinh([0.0, 1.0])
        Array([0.        , 1.17520119], float64[2])
    """
    return apply(Sinh(), lift(x))


def cosh(x: ArrayLike, /) -> Array:
    """Return the hyperbolic cosine, element by element; derivative sinh x.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape; integers become floats.

    Example:
        >>> cosh([0.0, 1.0])
        Array([1.        , 1.54308063], float64[2])
    """
    return apply(Cosh(), lift(x))


def tanh(x: ArrayLike, /) -> Array:
    """Return the hyperbolic tangent, element by element; derivative 1 - tanh² x.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape; integers become floats.

    Example:
        >>> tanh([0.0, 1.0])
        Array([0.        , 0.76159416], float64[2])
    """
    return apply(Tanh(), lift(x))


def asinh(x: ArrayLike, /) -> Array:
    """Return the inverse hyperbolic sine, element by element; derivative 1/√(x² + 1).

    Args:
        x: An array or number.

    Returns:
        An array of the same shape; integers become floats.

    Example:
        >>> asinh([0.0, 1.0])
        Array([0.        , 0.88137359], float64[2])
    """
    return apply(Asinh(), lift(x))


def acosh(x: ArrayLike, /) -> Array:
    """Return the inverse hyperbolic cosine, element by element; derivative 1/√(x² - 1).

    Args:
        x: An array or number; at least 1, unless it is complex. At 1 the derivative is infinite.

    Returns:
        An array of the same shape, not negative; nan outside the domain.

    Example:
        >>> acosh([1.0, 2.0])
        Array([0.       , 1.3169579], float64[2])
    """
    return apply(Acosh(), lift(x))


def atanh(x: ArrayLike, /) -> Array:
    """Return the inverse hyperbolic tangent, element by element; derivative 1/(1 - x²).

    Args:
        x: An array or number; in -1 ≤ x ≤ 1, unless it is complex. Infinite at ±1.

    Returns:
        An array of the same shape; nan outside the domain.

    Example:
        >>> atanh([0.0, 0.5])
        Array([0.        , 0.54930614], float64[2])
    """
    return apply(Atanh(), lift(x))
