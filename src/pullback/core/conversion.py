"""Out of the graph: conversion to Python numbers and ndarrays, truth, length, iteration.

What would cut a gradient without a word is an error that names the remedy; what has no derivative
(truth, integers, printing) works on the value.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias  # noqa: TID251 - a dtype that is not known statically

import numpy as np

from pullback.core.protocols import Protocols
from pullback.core.values import thaw
from pullback.errors import ConversionError
from pullback.lazy import lazy
from pullback.primitives.quantity import Value
from pullback.types import ArrayType

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import CapsuleType

    from pullback.core import unknown_values
    from pullback.core.array import Array, ArrayLike

    Nested: TypeAlias = bool | int | float | complex | list["Nested"]
else:
    unknown_values = lazy("pullback.core.unknown_values")

_BRANCH: Final = (
    "use where, cond or while_loop in place of a branch on it, and logical_and, logical_or, "
    "minimum or maximum in place of and, or, min and max"
)
_INTEGER: Final = (
    "pass sizes and axes as plain integers; an array indexes another as x[i]; fori_loop and scan "
    "take the place of a loop over range(x)"
)
_SHAPE: Final = (
    "the shape of the result depends on it; use where(mask, x, other) to leave elements out, or "
    "compute it outside of the function"
)
_ARRAY: Final = (
    "NumPy's functions work on the array itself, np.stack or pullback.stack joins several, and "
    "an ndarray a is indexed as pullback.asarray(a)[x]"
)
_USE: Final = "use the array itself; Python code that wants numbers runs in pure_callback"


class Conversion(Protocols):
    """The conversions that Python and NumPy ask an array for."""

    __slots__ = ()

    _value: Value
    sources: frozenset[object]

    def _concrete(self, conversion: str, remedy: str = _BRANCH) -> Value:
        """Return the value, which need not be a constant's."""
        if self._value.__class__ is ArrayType:
            node: Array = self  # type: ignore[assignment]  # the one class that derives from this
            raise unknown_values.unknown_value(conversion, node, remedy)
        return self._value

    def _shaping(self, operation: str) -> Value:
        """Return the value where the shape of a result depends on it."""
        return self._concrete(operation, _SHAPE)

    def _constant(self, conversion: str, remedy: str) -> Value:
        """Return the value of a constant, and refuse to cut the gradient of anything else."""
        value = self._concrete(conversion, remedy)
        if self.sources:
            msg = (
                f"{conversion}: {self!r} is being differentiated, and {conversion} would cut its "
                f"gradient without a word; {remedy}, or cut it explicitly with stop_gradient(x)"
            )
            raise ConversionError(msg)
        return value

    def __bool__(self) -> bool:
        return bool(self._concrete("bool(x)"))

    def __int__(self) -> int:
        return int(self._concrete("int(x)", _INTEGER))

    def __index__(self) -> int:
        return operator.index(self._concrete("operator.index(x)", _INTEGER))

    def __floor__(self) -> int:
        number: int = math.floor(self._concrete("math.floor(x)", "use floor"))
        return number

    def __ceil__(self) -> int:
        number: int = math.ceil(self._concrete("math.ceil(x)", "use ceil"))
        return number

    def __trunc__(self) -> int:
        number: int = math.trunc(self._concrete("math.trunc(x)", "use trunc"))
        return number

    def __float__(self) -> float:
        remedy = (
            "use the functions of pullback or NumPy in place of those of math, "
            "y.at[i].set(x) in place of y[i] = x, and f'{x:.3f}' in place of '%.3f' % x"
        )
        return float(self._constant("float(x)", remedy))

    def __complex__(self) -> complex:
        remedy = "use the functions of pullback or NumPy in place of those of cmath"
        return complex(self._constant("complex(x)", remedy))

    def __array__(
        self,
        dtype: npt.DTypeLike | None = None,
        copy: bool | None = None,  # noqa: FBT001 - NumPy's protocol
    ) -> npt.NDArray[Any]:
        view = thaw(self._constant("np.asarray(x)", _ARRAY))
        return np.array(view, dtype=dtype, copy=copy)

    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> CapsuleType:
        # Always a copy: consumers may write to what they are given, whatever its flags say.
        if copy is False:
            msg = "x.__dlpack__(copy=False): an array never shares memory that can be written to"
            raise BufferError(msg)
        value: npt.NDArray[Any]
        value = np.array(self._constant("from_dlpack(x)", _USE))
        return value.__dlpack__(stream=stream, max_version=max_version)

    def __dlpack_device__(self) -> tuple[int, int]:
        return np.empty(0).__dlpack_device__()

    def item(self, *args: int) -> bool | int | float | complex:
        """Return the only element, or the one at an index, as a Python number."""
        number: bool | int | float | complex
        number = np.asarray(self._constant("x.item()", _USE)).item(*args)
        return number

    def tolist(self) -> Nested:
        """Return the elements as nested lists of Python numbers."""
        numbers: Nested = np.asarray(self._constant("x.tolist()", _USE)).tolist()
        return numbers

    def tobytes(self) -> bytes:
        """Return the elements' bytes, in row-major order."""
        return np.asarray(self._constant("x.tobytes()", _USE)).tobytes()

    def __len__(self) -> int:
        if not self.shape:
            msg = "len(x): an array of rank 0 has no length"
            raise TypeError(msg)
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        if not self.shape:
            msg = "iter(x): an array of rank 0 cannot be iterated over"
            raise TypeError(msg)
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, item: ArrayLike) -> bool:
        return bool(np.any((self == item)._concrete("item in x", "use any(x == item)")))

    def __str__(self) -> str:
        """Write the value as NumPy does."""
        return repr(self) if self._value.__class__ is ArrayType else str(self._value)

    def __format__(self, spec: str) -> str:
        """Format the value: formatting, like printing, cuts nothing."""
        return format(self._concrete("format(x)", _USE), spec) if spec else str(self)
