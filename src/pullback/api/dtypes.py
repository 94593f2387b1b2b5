"""Conversion between data types, and what can be asked about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from pullback.core import Array, ArrayLike, apply, lift
from pullback.errors import DTypeError, UnsupportedError
from pullback.primitives.cast import Cast
from pullback.primitives.quantity import Value
from pullback.types import check_dtype, python_zero

if TYPE_CHECKING:
    import numpy.typing as npt

    Kind: TypeAlias = Literal[
        "bool",
        "signed integer",
        "unsigned integer",
        "integral",
        "real floating",
        "complex floating",
        "numeric",
    ]


def check_device(operation: str, device: str | None) -> None:
    """Refuse a device other than the CPU.

    Raises:
        UnsupportedError: It is another device.
    """
    if device not in (None, "cpu"):
        msg = f"{operation}: device {device!r} is unknown; the only device is 'cpu'"
        raise UnsupportedError(msg)


def astype(
    x: ArrayLike,
    dtype: npt.DTypeLike,
    /,
    *,
    copy: bool = True,  # noqa: ARG001 - arrays do not change, so a copy is no different
    device: str | None = None,
) -> Array:
    """Return the array converted to another dtype.

    Between real or complex floating dtypes the conversion is linear and differentiable; to integer
    and boolean dtypes it is a step function, whose derivative is zero.

    Args:
        x: An array or number.
        dtype: The dtype to convert to.
        copy: Whether to copy where the dtype is the same already; arrays do not change, so there
            is nothing to copy, and the value makes no difference.
        device: ``"cpu"`` or None.

    Returns:
        An array of the shape of ``x``.

    Raises:
        DTypeError: ``x`` is complex and the dtype is not; or arrays cannot have the dtype.
        UnsupportedError: The device is another one.

    Example:
        >>> astype([1.5, 0.0], bool)
        Array([ True, False], bool[2])
    """
    check_device("astype", device)
    array, target = lift(x), check_dtype(np.dtype(dtype), "astype")
    have = array.type
    if have.dtype == target and not have.weak:
        return array
    if have.dtype.kind == "c" and target.kind not in "cb":
        msg = (
            f"astype: {have.dtype} to {target} would lose the imaginary part; "
            "use real(x), imag(x) or abs(x)"
        )
        raise DTypeError(msg)
    return apply(Cast(target), array)


def can_cast(from_: ArrayLike | npt.DTypeLike, to: npt.DTypeLike, /) -> bool:
    """Return whether every number of one dtype stands for itself in another.

    Args:
        from_: A dtype, or an array, whose dtype is meant.
        to: The dtype to convert to.

    Returns:
        Whether the conversion is safe, by the rules of NumPy.

    Example:
        >>> can_cast("float32", "float64"), can_cast("float64", "float32")
        (True, False)
    """
    return np.can_cast(_plain(from_), to)


def finfo(type: ArrayLike | npt.DTypeLike, /) -> np.finfo[np.floating]:
    """Return the limits of a floating dtype.

    Args:
        type: A real or complex floating dtype, or an array of one.

    Returns:
        An object with ``bits``, ``eps``, ``max``, ``min``, ``smallest_normal`` and ``dtype``.

    Raises:
        ValueError: The dtype is not floating.

    Example:
        >>> finfo("float32").bits
        32
    """
    return np.finfo(_plain(type))


def iinfo(type: ArrayLike | npt.DTypeLike, /) -> np.iinfo[np.integer]:
    """Return the limits of an integer dtype.

    Args:
        type: An integer dtype, or an array of one.

    Returns:
        An object with ``bits``, ``max``, ``min`` and ``dtype``.

    Raises:
        ValueError: The dtype is not an integer dtype.

    Example:
        >>> iinfo("int8").max
        127
    """
    return np.iinfo(_plain(type))


def isdtype(dtype: np.dtype[np.generic], kind: Kind | npt.DTypeLike, /) -> bool:
    """Return whether a dtype is of a kind.

    Args:
        dtype: A dtype.
        kind: A dtype; a kind as the standard names it, such as ``"real floating"`` or
            ``"integral"``; or a tuple of those.

    Returns:
        Whether the dtype is the one given, or is of (one of) the kinds.

    Example:
        >>> isdtype(np.dtype("int8"), "integral"), isdtype(np.dtype("int8"), ("bool", "numeric"))
        (True, True)
    """
    return np.isdtype(dtype, kind)


def result_type(*arrays_and_dtypes: ArrayLike | npt.DTypeLike) -> np.dtype[np.generic]:
    """Return the dtype that results when operands of the given dtypes meet.

    Args:
        arrays_and_dtypes: Arrays, numbers and dtypes. A Python number is weak: it decides only
            where it is of a higher kind.

    Returns:
        The common dtype, by the rules of NumPy.

    Raises:
        ValueError: There are no arguments.

    Example:
        >>> result_type("float32", 1.0), result_type("int8", "uint8")
        (dtype('float32'), dtype('int16'))
    """
    return np.result_type(*map(_plain, arrays_and_dtypes))


def _plain(argument: object) -> Value:
    """Return what stands for the dtype of the argument to NumPy; a weak number as a number."""
    if isinstance(argument, Array):
        type_ = argument.type
        return python_zero(type_.dtype) if type_.weak else type_.dtype
    return argument
