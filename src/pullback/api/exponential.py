"""Exponentials and logarithms."""

from __future__ import annotations

from pullback.core import Array, ArrayLike, apply, lift
from pullback.primitives.exponential import (
    Exp,
    Exp2,
    Expm1,
    Log,
    Log1p,
    Log2,
    Log10,
    Logaddexp,
    Logaddexp2,
)


def exp(x: ArrayLike, /) -> Array:
    """Return the exponential ``e ** x``, element by element; its own derivative.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape; integers become floats.

    Example:
        >>> exp([0.0, 1.0])
        Array([1.        , 2.71828183], float64[2])
    """
    return apply(Exp(), lift(x))


def exp2(x: ArrayLike, /) -> Array:
    """Return ``2 ** x``, element by element; derivative 2^x·ln 2.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape; integers become floats.

    Example:
        >>> exp2([0.0, 3.0])
        Array([1., 8.], float64[2])
    """
    return apply(Exp2(), lift(x))


def expm1(x: ArrayLike, /) -> Array:
    """Return ``e ** x - 1``, element by element, exact near 0 too; derivative e^x.

    Args:
        x: An array or number.

    Returns:
        An array of the same shape; integers become floats.

    Example:
        >>> expm1([0.0, 1e-20])
        Array([0.e+00, 1.e-20], float64[2])
    """
    return apply(Expm1(), lift(x))


def log(x: ArrayLike, /) -> Array:
    """Return the natural logarithm, element by element; derivative 1/x.

    Args:
        x: An array or number; positive, unless it is complex.

    Returns:
        An array of the same shape: -inf at 0, nan below. Of a complex number, the branch with
        -π ≤ Im ≤ π.

    Example:
        >>> log([1.0, 10.0])
        Array([0.        , 2.30258509], float64[2])
    """
    return apply(Log(), lift(x))


def log2(x: ArrayLike, /) -> Array:
    """Return the logarithm to base 2, element by element; derivative 1/(x·ln 2).

    Args:
        x: An array or number; positive, unless it is complex.

    Returns:
        An array of the same shape: -inf at 0, nan below.

    Example:
        >>> log2([1.0, 8.0])
        Array([0., 3.], float64[2])
    """
    return apply(Log2(), lift(x))


def log10(x: ArrayLike, /) -> Array:
    """Return the logarithm to base 10, element by element; derivative 1/(x·ln 10).

    Args:
        x: An array or number; positive, unless it is complex.

    Returns:
        An array of the same shape: -inf at 0, nan below.

    Example:
        >>> log10([1.0, 1000.0])
        Array([0., 3.], float64[2])
    """
    return apply(Log10(), lift(x))


def log1p(x: ArrayLike, /) -> Array:
    """Return ``log(1 + x)``, element by element, exact near 0 too; derivative 1/(1 + x).

    Args:
        x: An array or number; greater than -1, unless it is complex.

    Returns:
        An array of the same shape: -inf at -1, nan below.

    Example:
        >>> log1p([0.0, 1e-20])
        Array([0.e+00, 1.e-20], float64[2])
    """
    return apply(Log1p(), lift(x))


def logaddexp(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``log(e ** x + e ** y)``, element by element, without overflow.

    The derivatives are the terms' shares of the sum, e^x/(e^x + e^y) and e^y/(e^x + e^y); one half
    each where both are infinite alike (two probabilities of 0, say).

    Args:
        x: A real array or number.
        y: A real array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted floating dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is complex.

    Example:
        >>> logaddexp([0.0, 1000.0], [0.0, 1000.0])
        Array([6.93147181e-01, 1.00069315e+03], float64[2])
    """
    return apply(Logaddexp(), lift(x), lift(y))


def logaddexp2(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Return ``log2(2 ** x + 2 ** y)``, element by element, without overflow.

    The derivatives are the terms' shares of the sum, 2^x/(2^x + 2^y) and 2^y/(2^x + 2^y); one half
    each where both are infinite alike.

    Args:
        x: A real array or number.
        y: A real array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted floating dtype.

    Raises:
        ShapeError: The shapes do not broadcast.
        DTypeError: One is complex.

    Example:
        >>> logaddexp2([0.0, 1000.0], [0.0, 1000.0])
        Array([1.000e+00, 1.001e+03], float64[2])
    """
    return apply(Logaddexp2(), lift(x), lift(y))
