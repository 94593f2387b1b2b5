"""Primitives between real and complex numbers; all are linear over the reals.

Adjoints are with respect to the real inner product ``Re Σ conj(w)·v``.
"""

from __future__ import annotations

from typing import final

import numpy as np
from attrs import evolve

from pullback.primitives.cast import conform
from pullback.primitives.linear import Linear
from pullback.primitives.quantity import Quantity, Value, is_complex
from pullback.types import ArrayType
from pullback.types.promotion import DType


def real_dtype(dtype: DType) -> DType:
    """Return the dtype of the real part: ``float32`` for ``complex64``, a real dtype as it is."""
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


@final
class Conjugate(Linear):
    """The complex conjugate. Its own adjoint: ``Re conj(w)·conj(v) = Re conj(conj(w))·v``."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return values[0].conjugate()

    def infer(self, *types: ArrayType) -> ArrayType:
        return types[0]

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        return Conjugate()(cotangent)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return self(operands[0])


@final
class Real(Linear):
    """The real part. Adjoint: the embedding of the reals."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return values[0].real

    def infer(self, *types: ArrayType) -> ArrayType:
        (x,) = types
        return evolve(x, dtype=real_dtype(x.dtype))

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        return conform(cotangent, operand)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return self(operands[0])


@final
class Imag(Linear):
    """The imaginary part. Adjoint: multiplication by i, as ``Im v = Re conj(i)·v``."""

    __slots__ = ()

    def evaluate(self, *values: Value) -> Value:
        return values[0].imag

    def infer(self, *types: ArrayType) -> ArrayType:
        (x,) = types
        return evolve(x, dtype=real_dtype(x.dtype))

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        return conform(cotangent * 1j, operand)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return self(operands[0])


def conjugate(quantity: Quantity) -> Quantity:
    """Return the complex conjugate; a real quantity as it is."""
    return Conjugate()(quantity) if is_complex(quantity) else quantity
