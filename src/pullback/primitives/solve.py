"""Systems of linear equations with square matrices."""

from __future__ import annotations

from typing import Final, final

import numpy as np
from attrs import frozen

from pullback.errors import DTypeError, ShapeError, SingularMatrixError
from pullback.primitives.cast import conform, spread
from pullback.primitives.comparison import NotEqual
from pullback.primitives.complex import Conjugate
from pullback.primitives.contraction import contraction
from pullback.primitives.primitive import PLAIN_PRODUCT, Primitive, Product
from pullback.primitives.quantity import Quantity, Value, is_complex, quantity_type, shape_of
from pullback.primitives.reduction import Any
from pullback.primitives.selection import Where
from pullback.primitives.shape import BroadcastTo, Reshape, Transpose
from pullback.types import ArrayType, promote, type_of

_LAPACK: Final = "fdFD"  # the dtypes that it knows


@final
@frozen(eq=False, repr=False)
class Solve(Primitive):
    """``x = a⁻¹ b`` for square matrices ``a`` and the columns of ``b``, in equal stacks.

    From a x = b follows da x + a dx = db, so, with w the cotangent of x,

        dx = a⁻¹ (db - da x)        b_bar = a⁻ᴴ w        a_bar = -b_bar xᴴ

    A singular matrix is an error; with ``nan`` its solution is nan. So it is in a batch, and in
    derivatives: there may be rows, or branches, that nothing selects.
    """

    nan: bool = False

    def evaluate(self, *values: Value) -> Value:
        a, b = values
        try:
            return np.linalg.solve(a, b)
        except np.linalg.LinAlgError:
            type_ = self.infer(type_of(a), type_of(b))
        x = np.full(type_.shape, np.nan, type_.dtype)
        for index in np.ndindex(a.shape[:-2]):
            try:
                x[index] = np.linalg.solve(a[index], b[index])
            except np.linalg.LinAlgError:
                if not self.nan:
                    raise _singular(a.shape, index) from None
        return x

    def infer(self, *types: ArrayType) -> ArrayType:
        a, b = types
        if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
            msg = f"solve: expected square matrices, not an array of shape {a.shape}"
            raise ShapeError(msg)
        if a.shape[:-1] != b.shape[:-1] or a.ndim != b.ndim:
            msg = (
                f"solve: matrices of shape {a.shape} and right-hand sides of shape {b.shape} do "
                f"not fit; expected {a.shape[:-1]}, and an axis of columns behind"
            )
            raise ShapeError(msg)
        dtype = promote(types)
        if dtype.char not in _LAPACK:
            msg = (
                f"solve: no systems of equations of dtype {dtype}; convert both sides to float32, "
                "float64, complex64 or complex128 with astype"
            )
            raise DTypeError(msg)
        return ArrayType(b.shape, dtype)

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        a, _ = operands
        change = tangent if index else -_product(tangent, out)
        return spread(Solve(nan=True)(a, change), out)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity | None:
        if not quantity_type(operands[index]).inexact:
            return None
        below = product is not PLAIN_PRODUCT
        bar = Solve(nan=True)(_adjoint(operands[0]), cotangent)
        if below:  # a column that nothing selected stays silent, whatever the matrix is
            shape = shape_of(cotangent)
            loud = Any((len(shape) - 2,))(NotEqual()(cotangent, 0))
            bar = Where()(Reshape((*shape[:-2], 1, shape[-1]))(loud), bar, 0)
        if index == 0:
            bar = -_product(bar, _adjoint(out), no_nan=below)
        return conform(bar, operands[index])

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        """Solve in a larger stack; for one matrix, all right-hand sides are its columns."""
        a, b = operands
        solve = Solve(nan=True)
        if not batched[0] and len(shape_of(a)) == 2:
            _, n, k = shape_of(b)
            columns = Reshape((n, size * k))(Transpose((1, 0, 2))(b))
            return Transpose((1, 0, 2))(Reshape((n, size, k))(solve(a, columns)))
        a, b = (
            x if flag else BroadcastTo((size, *shape_of(x)))(x)
            for x, flag in zip(operands, batched, strict=True)
        )
        return solve(a, b)


def _product(x: Quantity, y: Quantity, *, no_nan: bool = False) -> Quantity:
    """Return the product of stacks of matrices."""
    *stack, i, j = range(len(shape_of(x)))
    k = j + 1
    return contraction((*stack, i, j), (*stack, j, k), (*stack, i, k), "matmul", no_nan)(x, y)


def _adjoint(x: Quantity) -> Quantity:
    """Return the conjugate transpose of stacked matrices."""
    *stack, i, j = range(len(shape_of(x)))
    flipped = Transpose((*stack, j, i))(x)
    return Conjugate()(flipped) if is_complex(x) else flipped


def _singular(shape: tuple[int, ...], index: tuple[int, ...]) -> SingularMatrixError:
    """Return the error about a matrix of a stack."""
    which = f"matrix {index} of the stack" if index else "the matrix"
    return SingularMatrixError(
        f"solve: {which} is singular (shape {shape}): its equations have no solution, or many; "
        "see whether unknowns are redundant, or add a small multiple of eye(n) to it"
    )
