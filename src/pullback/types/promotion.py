"""Type promotion, exactly NumPy 2's (NEP 50), which the Array API standard's rules are part of.

NumPy itself is asked for the answer, so the rules cannot drift from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from pullback.errors import DTypeError
from pullback.types.array_type import ArrayType

DType = np.dtype[np.generic]
_PYTHON_TYPES: Final[dict[str, type[bool | int | float | complex]]] = {
    "b": bool,
    "i": int,
    "f": float,
    "c": complex,
}


def check_dtype(dtype: DType, operation: str) -> DType:
    """Return ``dtype`` in the machine's byte order where arrays can have it.

    Args:
        dtype: Any NumPy dtype.
        operation: The name that an error gives the operation.

    Raises:
        DTypeError: The dtype is not boolean, integer, or real or complex floating.
    """
    if dtype.kind not in "biufc" or dtype.itemsize > 16:
        msg = (
            f"{operation}: arrays hold booleans, integers, real or complex floats, "
            f"not dtype {dtype}; convert the data first"
        )
        raise DTypeError(msg)
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def python_zero(dtype: DType) -> bool | complex:
    """Return the Python zero whose weak type has the given dtype."""
    return _PYTHON_TYPES[dtype.kind](0)


def promote(types: Sequence[ArrayType]) -> DType:
    """Return the common dtype of operands of the given types.

    Weak operands (Python numbers) only decide where they are of a higher kind.
    """
    return np.result_type(*(python_zero(t.dtype) if t.weak else t.dtype for t in types))


def ufunc_dtype(ufunc: np.ufunc, types: Sequence[ArrayType]) -> DType:
    """Return the dtype of a ufunc's first result on operands of the given types.

    Raises:
        DTypeError: The ufunc is not defined on these dtypes.
    """
    found = _resolve(ufunc, tuple([(t.dtype, t.weak) for t in types]))
    if found is None:
        shown = ", ".join(str(t.dtype) for t in types)
        msg = f"{ufunc.__name__}: not defined for dtype {shown}; convert the operand with astype"
        raise DTypeError(msg)
    return found


# Tracing asks this of each operation; NumPy takes six times as long to answer as the cache.
@lru_cache(maxsize=1024)
def _resolve(ufunc: np.ufunc, operands: tuple[tuple[DType, bool], ...]) -> DType | None:
    """Return the dtype of a ufunc's first result, if it is defined on operands of these dtypes.

    Args:
        ufunc: The ufunc.
        operands: For each operand its dtype, and whether that is weak.
    """
    dtypes = tuple([_PYTHON_TYPES[dtype.kind] if weak else dtype for dtype, weak in operands])
    if bool in dtypes:  # NumPy resolves int, float and complex; a Python bool is its own dtype
        dtypes = tuple(np.dtype(np.bool_) if d is bool else d for d in dtypes)
    try:
        return ufunc.resolve_dtypes((*dtypes, *([None] * ufunc.nout)))[len(dtypes)]
    except TypeError:
        return None
