"""The type of an array: its shape, its dtype, and whether the dtype is weak.

And of a `Bundle`: several values as one, the operand or the result of control flow.

Python numbers are *weak*, as in NumPy 2 (NEP 50) and the Array API: ``float32 + 1.0`` stays
``float32``. A weak type is always of rank 0 and its dtype is the one NumPy gives the bare number.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, final

import numpy as np
from attrs import frozen

from pullback.types.bundle import Bundle

_VOID: Final[np.dtype[np.generic]] = np.dtype("V")


@final
@frozen(cache_hash=True)
class ArrayType:
    """The shape and dtype of an array.

    Example:
        >>> print(ArrayType((2, 3), np.dtype("float32")))
        float32[2, 3]
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    weak: bool = False
    #: The types of a bundle's parts; None for an array.
    parts: tuple[ArrayType, ...] | None = None

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def inexact(self) -> bool:
        """Whether the dtype is real or complex floating: the dtypes that have derivatives."""
        return self.dtype.kind in "fc"

    def __str__(self) -> str:
        """Write the type as ``float64[2, 3]``; a weak one as ``weak float64``."""
        if self.parts is not None:
            return f"({', '.join(map(str, self.parts))})"
        if self.weak:
            return f"weak {self.dtype}"
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


_WEAK_TYPES: Final = {
    bool: ArrayType((), np.dtype(np.bool_), weak=True),
    int: ArrayType((), np.dtype(np.int64), weak=True),
    float: ArrayType((), np.dtype(np.float64), weak=True),
    complex: ArrayType((), np.dtype(np.complex128), weak=True),
}


def bundle_type(parts: tuple[ArrayType, ...]) -> ArrayType:
    """Return the type of a bundle from those of its parts."""
    return ArrayType((), _VOID, weak=False, parts=parts)


def type_of(value: object) -> ArrayType:
    """Return the type of a value: a Python number, a NumPy scalar, an ndarray or a bundle."""
    weak = _WEAK_TYPES.get(type(value))
    if weak is not None:
        return weak
    if value.__class__ is Bundle:
        return bundle_type(tuple([type_of(part) for part in value.parts]))
    assert isinstance(value, (np.ndarray, np.generic)), type(value)
    return ArrayType(value.shape, value.dtype) if value.shape else _scalar_type(value.dtype)


@lru_cache(maxsize=64)
def _scalar_type(dtype: np.dtype[np.generic]) -> ArrayType:
    """Return the type of a NumPy scalar: the same object for the same dtype."""
    return ArrayType((), dtype)
