"""Conversion between dtypes, and the fitting of a derivative to the type of what it belongs to."""

from __future__ import annotations

from functools import lru_cache
from typing import final

import numpy as np
from attrs import frozen

from pullback.primitives.linear import Linear
from pullback.primitives.quantity import DOUBLES, Node, Quantity, Value, quantity_type
from pullback.primitives.shape import BroadcastTo, sum_to_shape
from pullback.types import ArrayType
from pullback.types.promotion import DType, python_zero


@final
@frozen(eq=False, repr=False)
class Cast(Linear):
    """Conversion to another dtype; to the real one from a complex one takes the real part.

    ``weak`` converts to a Python number (rank 0 only). Real-linear between inexact dtypes: the
    adjoint of embedding the reals in the complex numbers is the real part, and the other way
    round. To an integer or boolean dtype it is a step function, without derivative.
    """

    dtype: DType
    weak: bool = False

    @property
    def differentiable(self) -> bool:  # type: ignore[override]  # a class attribute elsewhere; here it depends on the field
        """Whether the target dtype is inexact."""
        return self.dtype.kind in "fc"

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        array = np.asarray(x)
        if array.dtype.kind == "c" and self.dtype.kind != "c":
            array = array.real
        if self.weak:
            return type(python_zero(self.dtype))(array[()])
        return array.astype(self.dtype)[()]

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type with the target dtype."""
        return _type(types[0].shape, self.dtype, self.weak)

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        """Convert back."""
        have = quantity_type(operand)
        return Cast(have.dtype, have.weak)(cotangent)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return Cast(self.dtype)(operands[0])  # only a number of rank 0 is weak


def conform(cotangent: Quantity, like: Quantity) -> Quantity:
    """Return the cotangent of ``like`` from that of its broadcast and promoted form.

    The adjoint of broadcasting sums; the adjoint of promotion converts back.
    """
    kind: object = cotangent.__class__
    wanted: object = like.__class__
    if kind in DOUBLES and wanted in DOUBLES:
        return cotangent
    if kind is np.ndarray and wanted is np.ndarray and _same_type(cotangent, like):
        return cotangent  # nothing was broadcast or promoted: by far the commonest case
    have, want = quantity_type(cotangent), quantity_type(like)
    if have is want:
        return cotangent
    if have.shape != want.shape:
        cotangent = sum_to_shape(cotangent, want.shape)
    if have.dtype != want.dtype or have.weak != want.weak:
        cotangent = _cast(want.dtype, want.weak)(cotangent)
    return cotangent


def conform_soon(cotangent: Quantity, like: Quantity) -> Quantity:
    """Return what `conform` does; a double for an input that is a Python number stays strong.

    A sweep adds up all that arrives at an input, and then converts the sum (`conform`): a graph of
    numbers is a seventh shorter so.
    """
    if isinstance(like, Node) and like.is_input and isinstance(cotangent, Node):
        have, want = cotangent.type, like.type
        if not have.shape and want.weak and have.dtype == want.dtype == np.float64:
            return cotangent
    return conform(cotangent, like)


# Tracing asks this of each cast; types that are one object compare at once.
@lru_cache(maxsize=1024)
def _type(shape: tuple[int, ...], dtype: DType, weak: bool) -> ArrayType:  # noqa: FBT001
    return ArrayType(shape, dtype, weak)


@lru_cache(maxsize=64)
def _cast(dtype: DType, weak: bool) -> Cast:  # noqa: FBT001
    return Cast(dtype, weak)


def _same_type(x: Value, y: Value) -> bool:
    return x.shape == y.shape and x.dtype is y.dtype


def spread(tangent: Quantity, out: Quantity) -> Quantity:
    """Return the tangent promoted and broadcast to the type of ``out``."""
    kind: object = tangent.__class__
    wanted: object = out.__class__
    if kind is np.ndarray and wanted is np.ndarray and _same_type(tangent, out):
        return tangent  # by far the commonest case
    have, want = quantity_type(tangent), quantity_type(out)
    if have.dtype != want.dtype or have.weak != want.weak:
        tangent = _cast(want.dtype, want.weak)(tangent)
    if have.shape != want.shape:
        tangent = BroadcastTo(want.shape)(tangent)
    return tangent
