"""Out of the graph: conversion to Python numbers and ndarrays, truth, length, iteration.

What would cut a gradient without a word is an error that names the remedy; what has no derivative
(truth, integers, printing) works on the value.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, Never

import numpy as np

from pullback.core.methods import Methods
from pullback.core.values import thaw
from pullback.errors import ConversionError, ImmutabilityError
from pullback.primitives.quantity import Value
from pullback.types import ArrayType

if TYPE_CHECKING:
    from typing import Self


class Conversion(Methods):
    """The conversions that Python and NumPy ask an array for."""

    __slots__ = ()

    _value: Value
    sources: frozenset[object]

    def _concrete(self, conversion: str) -> Value:
        """Return the value, which need not be a constant's."""
        if self._value.__class__ is ArrayType:
            msg = (
                f"{conversion}: the value of {self!r} is not known while vmap or jit traces the "
                "function; use where, cond or while_loop in place of a branch on it"
            )
            raise ConversionError(msg)
        return self._value

    def _constant(self, conversion: str, remedy: str) -> Value:
        """Return the value of a constant, and refuse to cut the gradient of anything else."""
        value = self._concrete(conversion)
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
        return int(self._concrete("int(x)"))

    def __index__(self) -> int:
        return operator.index(self._concrete("operator.index(x)"))

    def __float__(self) -> float:
        remedy = "use pullback or NumPy functions in place of those of math"
        return float(self._constant("float(x)", remedy))

    def __complex__(self) -> complex:
        remedy = "use pullback or NumPy functions in place of those of cmath"
        return complex(self._constant("complex(x)", remedy))

    def __array__(self, dtype: object = None, copy: bool | None = None) -> Value:  # noqa: FBT001 - NumPy's protocol
        remedy = "use the array itself: NumPy's functions work on it"
        value = np.asarray(thaw(self._constant("np.asarray(x)", remedy)))
        if dtype is not None and dtype != value.dtype:
            if copy is False:
                msg = f"np.asarray(x, copy=False): dtype {value.dtype} to {dtype} needs a copy"
                raise ValueError(msg)
            return value.astype(dtype)  # type: ignore[call-overload]  # NumPy checks it
        if copy:
            return value.copy()
        value.setflags(write=False)
        return value

    def item(self, *args: int) -> Value:
        """Return the only element, or the one at an index, as a Python number."""
        return np.asarray(self._constant("x.item()", "use x itself")).item(*args)

    def tolist(self) -> Value:
        """Return the elements as nested lists of Python numbers."""
        return np.asarray(self._constant("x.tolist()", "use x itself")).tolist()

    def __len__(self) -> int:
        if not self.shape:
            msg = "len(x): an array of rank 0 has no length"
            raise TypeError(msg)
        return self.shape[0]

    def __iter__(self) -> Iterator[Self]:
        if not self.shape:
            msg = "iter(x): an array of rank 0 cannot be iterated over"
            raise TypeError(msg)
        return (self[i] for i in range(self.shape[0]))

    def __str__(self) -> str:
        """Write the value as NumPy does."""
        return repr(self) if self._value.__class__ is ArrayType else str(self._value)

    def __format__(self, spec: str) -> str:
        """Format the value: formatting, like printing, cuts nothing."""
        if not spec:
            return str(self)
        return format(self._concrete("format(x)"), spec)

    def __setitem__(self, key: object, value: object) -> Never:
        """Refuse: arrays do not change."""
        msg = (
            "x[...] = value: arrays do not change in place; "
            "x.at[0].set(1) returns a new array with the element replaced"
        )
        raise ImmutabilityError(msg)
