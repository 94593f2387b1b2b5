"""Values that are to go into an array: in its dtype, and in the shape of their place."""

from __future__ import annotations

import numpy as np

from pullback.core import Array, ArrayLike, apply, lift
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.cast import Cast
from pullback.primitives.shape import BroadcastTo
from pullback.types.promotion import DType


def fitted(operation: str, value: ArrayLike, dtype: DType, shape: tuple[int, ...]) -> Array:
    """Return a value in the given dtype and shape.

    Raises:
        DTypeError: The dtype cannot hold a value of that kind.
        ShapeError: The value does not broadcast to the shape.
    """
    array = lift(value)
    type_ = array.type
    if type_.dtype != dtype or type_.weak:
        if type_.weak and type_.dtype.kind == "i" and dtype.kind in "iu":
            _check_range(operation, array, dtype)
        else:
            _check_kind(operation, type_.dtype, dtype)
        array = apply(Cast(dtype), array)
    if type_.shape == shape:
        return array
    if len(type_.shape) > len(shape) or any(
        n not in {1, m} for n, m in zip(type_.shape[::-1], shape[::-1], strict=False)
    ):
        msg = (
            f"{operation}: a value of shape {type_.shape} does not broadcast "
            f"to the selected shape {shape}"
        )
        raise ShapeError(msg)
    return apply(BroadcastTo(shape), array)


def _check_kind(operation: str, have: DType, want: DType) -> None:
    """Check that ``want`` holds values of the kind of ``have``."""
    if not np.can_cast(have, want, "same_kind"):
        msg = (
            f"{operation}: values of dtype {have} do not fit into an array of dtype {want}; "
            "convert one of the two with astype"
        )
        raise DTypeError(msg)


def _check_range(operation: str, number: Array, dtype: DType) -> None:
    """Check that an integer dtype holds a Python integer."""
    info = np.iinfo(str(dtype))
    if number.known and not info.min <= number._value <= info.max:
        msg = f"{operation}: {number._value} does not fit into an array of dtype {dtype}"
        raise DTypeError(msg)
