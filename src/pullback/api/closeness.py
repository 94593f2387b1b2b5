"""Comparison up to rounding, and replacement of what is not finite."""

from __future__ import annotations

import numpy as np

from pullback.api.comparison import isfinite, isnan
from pullback.api.complex import imag, real
from pullback.api.dtypes import finfo
from pullback.api.selection import where
from pullback.core import Array, ArrayLike, lift, operands


def isclose(
    x: ArrayLike,
    y: ArrayLike,
    /,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    *,
    equal_nan: bool = False,
) -> Array:
    """Return whether elements are equal up to a tolerance: ``|x - y| ≤ atol + rtol·|y|``.

    Args:
        x: An array or number.
        y: The reference; the shapes broadcast.
        rtol: The tolerance relative to ``|y|``.
        atol: The absolute tolerance.
        equal_nan: Whether nan equals nan.

    Returns:
        A boolean array of the broadcast shape. Infinities equal those of the same sign only.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> isclose([1.0, 2.0], [1.0 + 1e-9, 2.1])
        Array([ True, False], bool[2])
    """
    first, second = operands(x, y)
    reference = second + 0.0  # a floating dtype, which can be subtracted
    with np.errstate(invalid="ignore"):  # inf - inf
        near = abs(first - reference) <= atol + rtol * abs(reference)
    result = (near & isfinite(reference)) | (first == second)
    return result | (isnan(first) & isnan(second)) if equal_nan else result


def allclose(
    x: ArrayLike,
    y: ArrayLike,
    /,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    *,
    equal_nan: bool = False,
) -> bool:
    """Return whether all elements are equal up to a tolerance: ``|x - y| ≤ atol + rtol·|y|``.

    Args:
        x: An array or number.
        y: The reference; the shapes broadcast.
        rtol: The tolerance relative to ``|y|``.
        atol: The absolute tolerance.
        equal_nan: Whether nan equals nan.

    Returns:
        Whether every element is close.

    Raises:
        ShapeError: The shapes do not broadcast.
        ConversionError: A value is not known, as while tracing for vmap or jit.

    Example:
        >>> allclose([1.0, 2.0], [1.0 + 1e-9, 2.0])
        True
    """
    close = isclose(x, y, rtol, atol, equal_nan=equal_nan)
    return bool(np.all(close._concrete("allclose(x, y)", "use all(isclose(x, y))")))


def array_equal(x: ArrayLike, y: ArrayLike, /, *, equal_nan: bool = False) -> bool:
    """Return whether two arrays have the same shape and equal elements.

    Args:
        x: An array or number.
        y: An array or number.
        equal_nan: Whether nan equals nan.

    Returns:
        Whether they are equal; arrays of different shapes are not.

    Raises:
        ConversionError: A value is not known, as while tracing for vmap or jit.

    Example:
        >>> array_equal([1, 2], [1, 2]), array_equal([1, 1], [1])
        (True, False)
    """
    first, second = lift(x), lift(y)
    if first.shape != second.shape:
        return False
    equal = first == second
    if equal_nan:
        equal = equal | (isnan(first) & isnan(second))
    return bool(np.all(equal._concrete("array_equal(x, y)", "use all(x == y)")))


def nan_to_num(
    x: ArrayLike,
    /,
    *,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Array:
    """Return the array with nan and infinities replaced by numbers.

    The derivative is 1 where an element stays, and 0 where it is replaced; an undefined derivative
    below does not come through, as with `where`.

    Args:
        x: An array or number; real and imaginary part are treated each by itself.
        nan: What replaces nan.
        posinf: What replaces inf; the largest finite number if None.
        neginf: What replaces -inf; the smallest finite number if None.

    Returns:
        An array of the type of ``x``.

    Example:
        >>> nan_to_num([1.0, float("nan"), float("inf")], posinf=9.0)
        Array([1., 0., 9.], float64[3])
    """
    (array,) = operands(x)
    if array.dtype.kind not in "fc":
        return array
    if array.dtype.kind == "c":
        real_part = nan_to_num(real(array), nan=nan, posinf=posinf, neginf=neginf)
        imag_part = nan_to_num(imag(array), nan=nan, posinf=posinf, neginf=neginf)
        return real_part + 1j * imag_part
    limits = finfo(array)
    high = limits.max if posinf is None else array.dtype.type(posinf)
    low = limits.min if neginf is None else array.dtype.type(neginf)
    replaced = where(array > 0, high, low)
    return where(isfinite(array), array, where(isnan(array), nan, replaced))
