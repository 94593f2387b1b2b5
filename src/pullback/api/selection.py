"""Selection by condition or by size: where, select, maximum, minimum, clip."""

from __future__ import annotations

from collections.abc import Sequence

from pullback.core import Array, ArrayLike, apply, lift, operands
from pullback.errors import ShapeError
from pullback.primitives.extremum import Maximum, Minimum
from pullback.primitives.selection import Where


def where(condition: ArrayLike, x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return ``x1`` where the condition holds and ``x2`` elsewhere.

    What is not selected contributes nothing to the gradient, at any order: below a ``where`` a
    zero cotangent stays zero even against an infinite or undefined derivative.

    Args:
        condition: An array of booleans; of numbers, those other than 0 count as true.
        x1: An array or number.
        x2: An array or number; the three shapes broadcast.

    Returns:
        An array of the broadcast shape, of the promoted dtype of ``x1`` and ``x2``.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> where([True, False], [1.0, 2.0], 0.0)
        Array([1., 0.], float64[2])
    """
    return apply(Where(), lift(condition), *operands(x1, x2))


def select(
    condlist: Sequence[ArrayLike], choicelist: Sequence[ArrayLike], default: ArrayLike = 0
) -> Array:
    """Return, at each element, the choice that belongs to the first condition that holds.

    Args:
        condlist: Arrays of booleans.
        choicelist: As many arrays or numbers; all shapes broadcast.
        default: What stands where no condition holds.

    Returns:
        An array of the broadcast shape and the promoted dtype of the choices and the default.

    Raises:
        ShapeError: There are more or fewer choices than conditions, there are none, or the shapes
            do not broadcast.

    Example:
        >>> select([[True, False, False], [True, True, False]], [1.0, 2.0], 3.0)
        Array([1., 2., 3.], float64[3])
    """
    if len(condlist) != len(choicelist) or not condlist:
        msg = (
            f"select: {len(condlist)} conditions and {len(choicelist)} choices; "
            "expected one choice for each condition, and at least one"
        )
        raise ShapeError(msg)
    result = lift(default)
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = where(condition, choice, result)
    return result


def maximum(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the larger of ``x1`` and ``x2``, element by element; nan where either is nan.

    The gradient goes to the larger one. Where they are equal each has half of it.

    Args:
        x1: An array or number.
        x2: An array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> maximum([1.0, 5.0], 3.0)
        Array([3., 5.], float64[2])
    """
    return apply(Maximum(), *operands(x1, x2))


def minimum(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Return the smaller of ``x1`` and ``x2``, element by element; nan where either is nan.

    The gradient goes to the smaller one. Where they are equal each has half of it.

    Args:
        x1: An array or number.
        x2: An array or number; the shapes broadcast.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> minimum([1.0, 5.0], 3.0)
        Array([1., 3.], float64[2])
    """
    return apply(Minimum(), *operands(x1, x2))


def clip(x: ArrayLike, /, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Array:
    """Return ``minimum(maximum(x, min), max)``: ``x`` brought into an interval.

    The derivative in ``x`` is 1 inside and 0 outside. At a bound it is ½, the mean of both sides,
    as for `maximum` and `minimum`; the bound has the other half.

    Args:
        x: An array or number.
        min: The lower bound, or None for no bound; broadcasts with ``x``.
        max: The upper bound, or None for no bound; broadcasts with ``x``. It wins where it is the
            smaller of the two.

    Returns:
        An array of the broadcast shape and the promoted dtype.

    Raises:
        ShapeError: The shapes do not broadcast.

    Example:
        >>> clip([-1.0, 0.5, 2.0], 0.0, 1.0)
        Array([0. , 0.5, 1. ], float64[3])
    """
    (result,) = operands(x)
    if min is not None:
        result = maximum(result, min)
    return result if max is None else minimum(result, max)
