"""The convolution: the one primitive behind convolutions, transposed ones and average pooling.

It is a contraction whose last axes slide along each other, bilinear, and closed under everything
that is done to it: its pushforward, its pullbacks and its batched form are convolutions again,
with other labels and steps.
"""

from __future__ import annotations

from typing import final

from attrs import field, frozen

from pullback.errors import ShapeError
from pullback.primitives.cast import conform
from pullback.primitives.complex import Conjugate
from pullback.primitives.contraction import size_mismatch, without_silent_terms
from pullback.primitives.contraction_plan import Labels
from pullback.primitives.convolution_plan import convolution_kernel
from pullback.primitives.primitive import PLAIN_PRODUCT, Primitive, Product
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.selection import has_nan
from pullback.primitives.windows import Relation
from pullback.types import ArrayType, promote


@final
@frozen
class Convolve(Primitive):
    """``out[..., k] = Σ x[..., i]·y[..., j]`` over all positions i and j that meet at k.

    The first axes are labelled as those of `Contract`: a label stands at most once in each of x, y
    and out, and in at least two of them; what out does not have is summed over. On each of the
    last axes a `Relation` says which positions meet: ``x·i + y·j + offset = out·k``. Positions
    that do not exist contribute nothing, so padding is where windows reach beyond x.

    A convolution in the sense of neural networks, of x with axes (sample, group, channel, ...) and
    a kernel with axes (group, filter, channel, ...), has labels (0, 1, 2), (1, 3, 2), (0, 1, 3).

    The three arrays exchange roles under differentiation. With w the cotangent of the result,

        x_bar[..., i] = Σ w[..., k]·conj(y[..., j])
        y_bar[..., j] = Σ w[..., k]·conj(x[..., i])

    over the positions that meet at i, or at j, by the same relation.

    ``no_nan`` and ``symmetric`` are those of `Contract`: the form below a selection, in which
    zeros annihilate.
    """

    x: Labels
    y: Labels
    out: Labels
    relations: tuple[Relation, ...]
    #: The public function it belongs to, for errors and printed graphs.
    operation: str = field(default="convolve", eq=False)
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
        labels = self.x, self.y, self.out
        compute = convolution_kernel(labels, self.relations, (x.shape, y.shape))
        result = compute(x, y)
        if self.no_nan and has_nan(result):
            return without_silent_terms(compute, x, y, symmetric=self.symmetric)
        return result

    def infer(self, *types: ArrayType) -> ArrayType:
        """Return the type: sizes by labels, then those of the relations."""
        x, y = types
        for type_, labels in ((x, self.x), (y, self.y)):
            if type_.ndim != len(labels) + len(self.relations):
                msg = (
                    f"{self.operation}: expected {len(labels)} axes and {len(self.relations)} to "
                    f"slide along, got shape {type_.shape}"
                )
                raise ShapeError(msg)
        sizes = dict(zip(self.x, x.shape, strict=False))
        for axis, label in enumerate(self.y):
            if sizes.setdefault(label, y.shape[axis]) != y.shape[axis]:
                role = "batch" if label in self.out else "contracted"
                where = (self.x.index(label), x.shape), (axis, y.shape)
                raise size_mismatch(self.operation, role, *where)
        positions = [relation.size for relation in self.relations]
        return ArrayType((*(sizes[label] for label in self.out), *positions), promote(types))

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
        sizes = shape_of(own)[len(labels) :]
        pairs = zip(self.relations, sizes, strict=True)
        adjoint = Convolve(
            self.out,
            others,
            labels,
            tuple(relation.solved_for(index, size) for relation, size in pairs),
            no_nan=self.no_nan or product is not PLAIN_PRODUCT,
            # x and the cotangent are both cotangents, and zeros of both annihilate.
            symmetric=self.symmetric or (self.no_nan and index == 1),
        )
        return conform(adjoint(cotangent, other), own)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        own = 1 + max((*self.x, *self.y), default=-1)
        x = (own, *self.x) if batched[0] else self.x
        y = (own, *self.y) if batched[1] else self.y
        out = (own, *self.out)
        rule = Convolve(x, y, out, self.relations, self.operation, self.no_nan, self.symmetric)
        return rule(*operands)
