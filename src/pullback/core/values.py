"""Values that cannot be written to: what comes in is copied, what goes out is a read-only view."""

from __future__ import annotations

from typing import final

import numpy as np

from pullback.errors import DTypeError
from pullback.primitives.quantity import NUMBERS, Value
from pullback.types import Bundle, check_dtype

# An allocation that is freed at once. The GNU C library takes its size as a sign of what is to
# come, and from then on keeps so much freed memory rather than give it back to the system: else
# half the time of a derivative of large arrays is page faults (docs/design/006-eager-speed.md).
np.empty(1 << 24, np.uint8)


def freeze_value(data: object) -> Value:
    """Return a private copy of ``data`` as a value.

    Args:
        data: A Python number, which stays one (a weak type); a NumPy scalar; an ndarray; nested
            sequences of numbers; or any object that NumPy converts to an array of numbers.

    Returns:
        A Python number, a NumPy scalar for rank 0, or an ndarray that only the caller holds.

    Raises:
        DTypeError: The data are not numbers, or are a kind of array whose meaning would be lost.
    """
    if data.__class__ in NUMBERS:
        return data
    if isinstance(data, np.generic):
        check_dtype(data.dtype, "asarray")
        return data
    if data.__class__ is Bundle:
        return Bundle(tuple([freeze_value(part) for part in data.parts]))
    # To name masked arrays imports them, so only subclasses are asked.
    is_special = isinstance(data, np.ndarray) and data.__class__ is not np.ndarray
    if is_special and isinstance(data, np.ma.MaskedArray):
        msg = "asarray: a masked array would lose its mask; use data.filled(...) or where"
        raise DTypeError(msg)
    if is_special and isinstance(data, np.matrix):
        msg = "asarray: a matrix would multiply by elements; pass np.asarray(data), and use @"
        raise DTypeError(msg)
    try:
        array = np.array(data)  # a copy: the caller may go on writing to his
    except ValueError as error:
        msg = f"asarray: {error}"
        raise DTypeError(msg) from None
    dtype = array.dtype
    if dtype.kind == "O":
        msg = (
            f"asarray: cannot make an array from {type(data).__name__}: "
            "expected numbers, an ndarray, or nested sequences of numbers"
        )
        raise DTypeError(msg)
    native = check_dtype(dtype, "asarray")
    return array[()] if native == dtype else array.astype(native)[()]


@final
class _Owner:
    """Keeps the memory of a value alive, and shows it to NumPy as memory that is not writable.

    The base of a view that is handed out. With an ndarray in this place, a caller could make the
    base writable again: it owns its memory.
    """

    __slots__ = ("__array_interface__", "_value")

    def __init__(self, value: Value) -> None:
        interface = value.__array_interface__
        address, _ = interface["data"]
        self.__array_interface__ = interface | {"data": (address, True)}  # True: read-only
        self._value = value


def thaw(value: Value) -> Value:
    """Return ``value`` for handing out: a view that neither it nor its base can make writable."""
    if value.__class__ is Bundle:
        return Bundle(tuple([thaw(part) for part in value.parts]))
    return np.asarray(_Owner(value)) if isinstance(value, np.ndarray) else value
