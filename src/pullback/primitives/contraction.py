"""The contraction: the one primitive behind matrix products, tensor products and ``einsum``.

It is bilinear, and closed under everything that is done to it: its pushforward, its pullbacks and
its batched form are contractions again, with other labels.
"""

from __future__ import annotations

from functools import lru_cache
from typing import final

import numpy as np
from attrs import field, frozen

from pullback.errors import ShapeError
from pullback.primitives.cast import conform
from pullback.primitives.complex import Conjugate
from pullback.primitives.contraction_plan import Kernel, Labels, kernel
from pullback.primitives.primitive import PLAIN_PRODUCT, Primitive, Product
from pullback.primitives.quantity import Quantity, Value
from pullback.primitives.selection import has_nan
from pullback.types import ArrayType, promote


@final
@frozen
class Contract(Primitive):
    """``out[...] = Σ x[...]·y[...]``, summed over the labels of axes that ``out`` does not have.

    Each of the three has one label for each axis. A label stands at most once in each, and in at
    least two of them: in x and y (summed over), in all three (a batch axis), or in the result and
    one operand. The matrix product is ``Contract(x=(0, 1), y=(1, 2), out=(0, 2))``. Sizes with
    one label are equal: nothing is broadcast.

    The three labels exchange roles under differentiation. With w the cotangent of the result,

        x_bar[...] = Σ w[...]·conj(y[...])         y_bar[...] = Σ w[...]·conj(x[...])

    summed over what x_bar, or y_bar, does not have.

    ``no_nan`` makes it the contraction below a selection, in the terms of `MultiplyNoNan`: a term
    is 0 where ``x``, a cotangent or tangent, is 0, even if ``y`` is infinite or nan there; and if
    ``symmetric``, also where ``y`` is 0.
    """

    x: Labels
    y: Labels
    out: Labels
    #: The public function it belongs to, for errors and printed graphs.
    operation: str = field(default="contract", eq=False)
    no_nan: bool = False
    symmetric: bool = False

    @property
    def name(self) -> str:
        """The name that errors and printed graphs use."""
        return self.operation

    @property
    def selects(self) -> bool:  # type: ignore[override]  # a class attribute elsewhere; here it depends on the field
        """Whether zeros of one factor silence the other."""
        return self.no_nan

    def evaluate(self, *values: Value) -> Value:
        x, y = values
        compute = kernel(self.x, self.y, self.out)
        result = compute(x, y)
        if self.no_nan and has_nan(result):
            return without_silent_terms(compute, x, y, symmetric=self.symmetric)
        return result

    def infer(self, *types: ArrayType) -> ArrayType:
        x, y = types
        sizes = dict(zip(self.x, x.shape, strict=True))
        for axis, label in enumerate(self.y):
            if sizes.setdefault(label, y.shape[axis]) != y.shape[axis]:
                role = "batch" if label in self.out else "contracted"
                where = (self.x.index(label), x.shape), (axis, y.shape)
                raise size_mismatch(self.operation, role, *where)
        return ArrayType(tuple(sizes[label] for label in self.out), promote(types))

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Quantity:
        x, y = operands
        return self(x, tangent) if index else self(tangent, y)

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Quantity | None:
        own: Value = operands[index]
        other: Value = operands[1 - index]
        if own.dtype.kind in "biu":
            return None
        if other.dtype.kind == "c":
            other = Conjugate()(other)
        labels, others = (self.y, self.x) if index else (self.x, self.y)
        no_nan = self.no_nan or product is not PLAIN_PRODUCT
        symmetric = self.symmetric or (self.no_nan and index == 1)  # x and w are both cotangents
        adjoint = contraction(self.out, others, labels, "contract", no_nan, symmetric)
        bar: Value = adjoint(cotangent, other)
        return bar if bar.dtype is own.dtype else conform(bar, own)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        own = 1 + max(self.x + self.y, default=-1)
        x = (own, *self.x) if batched[0] else self.x
        y = (own, *self.y) if batched[1] else self.y
        rule = contraction(x, y, (own, *self.out), self.operation, self.no_nan, self.symmetric)
        return rule(*operands)


@lru_cache(maxsize=1024)
def contraction(  # noqa: PLR0917 - the fields
    x: Labels,
    y: Labels,
    out: Labels,
    operation: str = "contract",
    no_nan: bool = False,  # noqa: FBT001, FBT002 - keywords would cost 0.1 us at each call
    symmetric: bool = False,  # noqa: FBT001, FBT002
) -> Contract:
    """Return the contraction with these fields, made once: a pullback needs one at each call."""
    return Contract(x, y, out, operation, no_nan, symmetric)


def without_silent_terms(compute: Kernel, x: Value, y: Value, *, symmetric: bool) -> Value:
    """Return the contraction without the terms in which a zero meets an infinity or a nan.

    The finite elements are contracted as ever. Of the terms with an infinite or nan factor,
    ``met`` counts those that are not silent, and ``net`` adds their signs, an undefined one as 0.
    They add up to infinity where all have one sign, else to nan.
    """
    x_finite, y_finite = np.isfinite(x), np.isfinite(y)
    with np.errstate(all="ignore"):
        # Times 1, as NumPy knows no sign of a bool.
        x_sign, y_sign = (np.where(np.isnan(v), 0, np.sign(v * 1)) for v in (x, y))
        loud = y_finite & (y != 0) if symmetric else y_finite
        finite = compute(np.where(x_finite, x, 0), np.where(y_finite, y, 0))
        met = compute(np.where(x != 0, 1.0, 0.0), np.where(y_finite, 0.0, 1.0))
        met += compute(np.where(x_finite, 0.0, 1.0), np.where(loud, 1.0, 0.0))
        net = compute(x_sign, np.where(y_finite, 0, y_sign))
        net += compute(np.where(x_finite, 0, x_sign), np.where(y_finite, y_sign, 0))
        infinite = np.where(np.abs(net) == met, finite + net * np.inf, np.nan)
    return np.where(met == 0, finite, infinite).astype(finite.dtype)[()]


def size_mismatch(
    operation: str, role: str, x: tuple[int, tuple[int, ...]], y: tuple[int, tuple[int, ...]]
) -> ShapeError:
    """Return the error of an axis of x and one of y, each with its shape, whose sizes differ."""
    (i, x_shape), (j, y_shape) = x, y
    return ShapeError(
        f"{operation}: {role} sizes differ: {x_shape[i]} (axis {i} of x, shape {x_shape}) "
        f"and {y_shape[j]} (axis {j} of y, shape {y_shape})"
    )
