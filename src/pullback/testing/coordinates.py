"""The numbers in a list of arrays as one vector of real coordinates, and back.

A complex number has two. So derivatives are real matrices, and the real inner product of the
library is the ordinary one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeAlias, final

import numpy as np
from attrs import evolve, frozen

from pullback.core import Array, lift
from pullback.errors import DTypeError, ShapeError
from pullback.types import ArrayType

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

_DOUBLE: Final = {"f": np.dtype(np.float64), "c": np.dtype(np.complex128)}


@final
@frozen(eq=False, repr=False)
class Coordinates:
    """The types of some arrays, and what a user calls each."""

    labels: tuple[str, ...]
    types: tuple[ArrayType, ...]

    @property
    def sizes(self) -> list[int]:
        """How many coordinates each array has."""
        return [math.prod(t.shape) * (2 if t.dtype.kind == "c" else 1) for t in self.types]

    @property
    def eps(self) -> float:
        """The largest relative spacing of numbers."""
        single = any(t.dtype.itemsize < _DOUBLE[t.dtype.kind].itemsize for t in self.types)
        return float(np.finfo(np.float32 if single else np.float64).eps)

    def widened(self) -> Coordinates:
        """Return the same in double precision."""
        wide = tuple([evolve(t, dtype=_DOUBLE[t.dtype.kind]) for t in self.types])
        return Coordinates(self.labels, wide)

    def pack(self, arrays: Sequence[Array]) -> Vector:
        """Return the coordinates of arrays of these shapes.

        Raises:
            ShapeError: An array has another shape.
        """
        parts: list[Vector] = [np.zeros(0)]
        for label, want, array in zip(self.labels, self.types, arrays, strict=True):
            if array.shape != want.shape:
                msg = f"{label} has shape {array.shape} in place of {want.shape}"
                raise ShapeError(msg)
            wide = np.asarray(array).astype(_DOUBLE[want.dtype.kind])
            parts.append(wide.ravel().view(np.float64))
        return np.concatenate(parts)

    def pack_exact(self, arrays: Sequence[Array]) -> Vector:
        """Return the coordinates of arrays of exactly these types.

        Raises:
            ShapeError: An array has another shape.
            DTypeError: An array has another dtype.
        """
        for label, want, array in zip(self.labels, self.types, arrays, strict=True):
            if array.dtype != want.dtype:
                msg = f"{label} has dtype {array.dtype} in place of {want.dtype}"
                raise DTypeError(msg)
        return self.pack(arrays)

    def unpack(self, vector: Vector) -> list[Array]:
        """Return arrays of these types from their coordinates."""
        arrays = []
        ends = np.cumsum(self.sizes)[:-1]
        for type_, part in zip(self.types, np.split(vector, ends), strict=True):
            numbers = part.view(_DOUBLE[type_.dtype.kind]).astype(type_.dtype).reshape(type_.shape)
            arrays.append(lift(numbers.item() if type_.weak else numbers[()]))
        return arrays

    def rounded(self, vector: Vector) -> Vector:
        """Return the nearest coordinates that arrays of these types can have."""
        return self.pack(self.unpack(vector))

    def largest(self, vector: Vector) -> Vector:
        """Return at each coordinate the largest magnitude in its array."""
        parts = np.split(np.abs(vector), np.cumsum(self.sizes)[:-1])
        return np.concatenate([np.full(len(part), part.max(initial=0.0)) for part in parts])

    def name(self, number: int) -> str:
        """Return what a user calls a coordinate: ``x['w'][2, 0]``."""
        leaf = 0
        while number >= self.sizes[leaf]:
            number -= self.sizes[leaf]
            leaf += 1
        label, type_, part = self.labels[leaf], self.types[leaf], ""
        if type_.dtype.kind == "c":
            part = " (imaginary part)" if number % 2 else " (real part)"
            number //= 2
        index = ", ".join(str(int(i)) for i in np.unravel_index(number, type_.shape))
        return f"{label}[{index}]{part}" if index else f"{label}{part}"
