"""Arrays made from data, or from nothing but their shape."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pullback.api.dtypes import astype, check_device
from pullback.api.joining import stack
from pullback.api.manipulation import broadcast_to
from pullback.core import Array, ArrayLike, constant, freeze_value, lift, operands
from pullback.primitives.quantity import NUMBERS
from pullback.types import check_dtype

if TYPE_CHECKING:
    import numpy.typing as npt

    Shape: TypeAlias = int | Sequence[int]
    Nested: TypeAlias = ArrayLike | Sequence["Nested"]


def asarray(
    obj: Nested,
    /,
    *,
    dtype: npt.DTypeLike | None = None,
    device: str | None = None,
    copy: bool | None = None,
) -> Array:
    """Return the data as an array.

    Args:
        obj: An array, which is returned as it is; a number; an ndarray, or anything else that
            NumPy converts to one, whose elements are copied; or nested sequences of these, which
            are stacked, so that a list of arrays under differentiation keeps its gradient.
        dtype: The dtype to convert to; None keeps what the data have.
        device: ``"cpu"`` or None.
        copy: False forbids copying, which only an array of the right dtype can do without.

    Returns:
        An array of the shape of the data.

    Raises:
        DTypeError: The data are not numbers, or are complex and the dtype is not.
        ShapeError: The lengths of nested sequences differ.
        ValueError: ``copy`` is False and the data need to be copied.
        UnsupportedError: The device is another one.

    Example:
        >>> x = asarray([1, 2], dtype="float32")
        >>> asarray([x, [3, 4]])
        Array([[1., 2.],
               [3., 4.]], float64[2, 2])
    """
    check_device("asarray", device)
    if isinstance(obj, (list, tuple)) and _holds_array(obj):
        array = stack([asarray(element) for element in obj])
    elif isinstance(obj, Array):
        (array,) = operands(obj)
    elif copy is False:
        msg = "asarray: data other than an array of pullback are always copied, and copy is False"
        raise ValueError(msg)
    else:
        array = constant(freeze_value(np.asarray(obj) if obj.__class__ in NUMBERS else obj))
    return array if dtype is None else astype(array, dtype)


def _holds_array(sequence: Sequence[object]) -> bool:
    """Return whether an array stands in a nested sequence."""
    return any(
        isinstance(element, Array) or (isinstance(element, (list, tuple)) and _holds_array(element))
        for element in sequence
    )


def from_dlpack(x: object, /, *, device: str | None = None, copy: bool | None = None) -> Array:
    """Return an array with the elements of an object of another library.

    Args:
        x: An object with the methods ``__dlpack__`` and ``__dlpack_device__``, in main memory.
        device: ``"cpu"`` or None.
        copy: False forbids copying, which only an array of pullback can do without.

    Returns:
        An array with a copy of the elements; an array of pullback itself.

    Raises:
        ValueError: ``copy`` is False and the elements need to be copied.
        UnsupportedError: The device is another one.

    Example:
        >>> from_dlpack(np.arange(3))
        Array([0, 1, 2], int64[3])
    """
    data = x if isinstance(x, Array) else np.from_dlpack(x)  # type: ignore[arg-type]  # NumPy checks it
    return asarray(data, device=device, copy=copy)


def _sizes(shape: Shape | Array) -> Shape:
    """Return a shape without arrays: NumPy would not say of those what is wrong with them."""
    if isinstance(shape, Array):
        return index(shape) if shape.ndim == 0 else tuple(map(index, shape))
    return tuple(map(index, shape)) if isinstance(shape, (tuple, list)) else shape


def _filled(value: npt.NDArray[np.generic], operation: str, device: str | None) -> Array:
    """Return a new ndarray as a constant."""
    check_device(operation, device)
    check_dtype(value.dtype, operation)
    return constant(value[()])


def zeros(shape: Shape, *, dtype: npt.DTypeLike | None = None, device: str | None = None) -> Array:
    """Return an array of zeros.

    Args:
        shape: The size along each axis; an integer for one axis.
        dtype: The dtype; float64 if None.
        device: ``"cpu"`` or None.

    Returns:
        An array of that shape.

    Example:
        >>> zeros((2, 2))
        Array([[0., 0.],
               [0., 0.]], float64[2, 2])
    """
    return _filled(np.zeros(_sizes(shape), dtype), "zeros", device)


def ones(shape: Shape, *, dtype: npt.DTypeLike | None = None, device: str | None = None) -> Array:
    """Return an array of ones.

    Args:
        shape: The size along each axis; an integer for one axis.
        dtype: The dtype; float64 if None.
        device: ``"cpu"`` or None.

    Returns:
        An array of that shape.

    Example:
        >>> ones(3, dtype="int8")
        Array([1, 1, 1], int8[3])
    """
    return _filled(np.ones(_sizes(shape), dtype), "ones", device)


def empty(shape: Shape, *, dtype: npt.DTypeLike | None = None, device: str | None = None) -> Array:
    """Return an array whose elements are of no importance: zeros, the same in every run.

    Args:
        shape: The size along each axis; an integer for one axis.
        dtype: The dtype; float64 if None.
        device: ``"cpu"`` or None.

    Returns:
        An array of that shape.

    Example:
        >>> empty((2, 0)).shape
        (2, 0)
    """
    return zeros(shape, dtype=dtype, device=device)


def full(
    shape: Shape,
    fill_value: ArrayLike,
    *,
    dtype: npt.DTypeLike | None = None,
    device: str | None = None,
) -> Array:
    """Return an array of one number; differentiable in the number.

    Args:
        shape: The size along each axis; an integer for one axis.
        fill_value: The number, or an array that broadcasts to the shape.
        dtype: The dtype; that of the number if None.
        device: ``"cpu"`` or None.

    Returns:
        An array of that shape.

    Raises:
        ShapeError: ``fill_value`` does not broadcast to the shape.

    Example:
        >>> full((3,), 0.5)
        Array([0.5, 0.5, 0.5], float64[3])
    """
    return broadcast_to(asarray(fill_value, dtype=dtype, device=device), _sizes(shape))


def zeros_like(
    x: ArrayLike, /, *, dtype: npt.DTypeLike | None = None, device: str | None = None
) -> Array:
    """Return an array of zeros, of the shape of another.

    Args:
        x: An array.
        dtype: The dtype; that of ``x`` if None.
        device: ``"cpu"`` or None.

    Returns:
        A constant of the shape of ``x``.

    Example:
        >>> zeros_like([1, 2])
        Array([0, 0], int64[2])
    """
    like = lift(x)
    return zeros(like.shape, dtype=like.dtype if dtype is None else dtype, device=device)


def ones_like(
    x: ArrayLike, /, *, dtype: npt.DTypeLike | None = None, device: str | None = None
) -> Array:
    """Return an array of ones, of the shape of another.

    Args:
        x: An array.
        dtype: The dtype; that of ``x`` if None.
        device: ``"cpu"`` or None.

    Returns:
        A constant of the shape of ``x``.

    Example:
        >>> ones_like([1, 2], dtype="float32")
        Array([1., 1.], float32[2])
    """
    like = lift(x)
    return ones(like.shape, dtype=like.dtype if dtype is None else dtype, device=device)


def empty_like(
    x: ArrayLike, /, *, dtype: npt.DTypeLike | None = None, device: str | None = None
) -> Array:
    """Return an array whose elements are of no importance, of the shape of another: zeros.

    Args:
        x: An array.
        dtype: The dtype; that of ``x`` if None.
        device: ``"cpu"`` or None.

    Returns:
        A constant of the shape of ``x``.

    Example:
        >>> empty_like([[1, 2]]).shape
        (1, 2)
    """
    return zeros_like(x, dtype=dtype, device=device)


def full_like(
    x: ArrayLike,
    /,
    fill_value: ArrayLike,
    *,
    dtype: npt.DTypeLike | None = None,
    device: str | None = None,
) -> Array:
    """Return an array of one number, of the shape of another; differentiable in the number.

    Args:
        x: An array.
        fill_value: The number, or an array that broadcasts to the shape.
        dtype: The dtype; that of ``x`` if None.
        device: ``"cpu"`` or None.

    Returns:
        An array of the shape of ``x``.

    Raises:
        ShapeError: ``fill_value`` does not broadcast to the shape.

    Example:
        >>> full_like([1.0, 2.0], 7)
        Array([7., 7.], float64[2])
    """
    like = lift(x)
    return full(like.shape, fill_value, dtype=like.dtype if dtype is None else dtype, device=device)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: npt.DTypeLike | None = None,
    device: str | None = None,
) -> Array:
    """Return a matrix with ones on a diagonal and zeros elsewhere.

    Args:
        n_rows: The number of rows.
        n_cols: The number of columns; that of rows if None.
        k: Which diagonal: 0 is the main one, a positive one lies above, a negative one below.
        dtype: The dtype; float64 if None.
        device: ``"cpu"`` or None.

    Returns:
        An array of shape ``(n_rows, n_cols)``.

    Example:
        >>> eye(2, 3, k=1)
        Array([[0., 1., 0.],
               [0., 0., 1.]], float64[2, 3])
    """
    return _filled(np.eye(n_rows, n_cols, k, dtype or float), "eye", device)
