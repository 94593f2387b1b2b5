"""A convolution product by product: for tiny sizes, and for values that are not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

from attrs import frozen
from llvmlite import ir

from pullback.compiler import convolutions as plans
from pullback.compiler.llvm.offsets import affine, around, at, index
from pullback.compiler.llvm.scalars import FLAG
from pullback.compiler.llvm.vectors import loop
from pullback.primitives.convolution import Convolve


@final
@frozen
class Products:
    """Each product where it stands: for tiny sizes, and for values that are not finite."""

    b: ir.IRBuilder
    kind: ir.Type
    primitive: Convolve
    shapes: tuple[tuple[int, ...], ...]
    pointers: tuple[ir.Value, ...]

    def emit(self) -> None:
        """Append a loop for each axis of the result, and within for each that is summed over."""
        p, b, rank = self.primitive, self.b, len(self.primitive.relations)
        labels = p.x, p.y, p.out
        strides = [plans.steps(shape) for shape in self.shapes]
        sizes = {
            label: extent
            for own, shape in zip(labels, self.shapes, strict=True)
            for label, extent in zip(own, shape, strict=False)
        }
        places = [shape[len(shape) - rank :] for shape in self.shapes]
        small = int(math.prod(places[1]) <= math.prod(places[0]))
        summed = [label for label in p.x if label not in p.out]
        inner = [*(sizes[label] for label in summed), *places[small]]
        zero = ir.Constant(self.kind, 0.0)

        def body(found: list[ir.Value]) -> None:
            def over(rest: list[ir.Value], totals: list[ir.Value]) -> list[ir.Value]:
                if len(rest) < len(inner):
                    return loop(b, inner[len(rest)], totals, lambda k, t: over([*rest, k], t))
                known = dict(zip([*p.out, *summed], [*found[: len(p.out)], *rest], strict=False))
                result, taken = found[len(p.out) :], rest[len(summed) :]
                inside, met = self._met(result, taken, small, places[1 - small])
                positions = (met, taken) if small else (taken, met)
                factors = []
                for role in (0, 1):
                    values = [*(known[label] for label in labels[role]), *positions[role]]
                    place = affine(b, 0, list(zip(values, strides[role], strict=True)))
                    if role != small:
                        place = b.select(inside, place, index(0))
                    pointer = at(b, self.pointers[role], self.kind, place)
                    factors.append(b.load(pointer, typ=self.kind))
                product = b.select(inside, self._product(*factors), zero)
                return [b.fadd(totals[0], product)]

            total = over([], [zero])[0] if 0 not in inner else zero
            place = affine(b, 0, list(zip(found, strides[2], strict=True)))
            b.store(total, at(b, self.pointers[2], self.kind, place))

        around(b, self.shapes[2], body)

    def _met(
        self,
        result: Sequence[ir.Value],
        taken: Sequence[ir.Value],
        small: int,
        sizes: Sequence[int],
    ) -> tuple[ir.Value, list[ir.Value]]:
        """Append whether positions of the result and of one operand meet one of the other."""
        b, inside = self.b, ir.Constant(FLAG, 1)
        met: list[ir.Value] = []
        every: ir.Value = inside
        for k, t, r, extent in zip(result, taken, self.primitive.relations, sizes, strict=True):
            step, own = (r.x, r.y) if small else (r.y, r.x)
            number = affine(b, -r.offset, [(k, r.out), (t, -own)])
            place = number
            if step != 1:
                place = b.sdiv(number, index(step))
                exact = b.icmp_signed("==", b.mul(place, index(step)), number)
                every = b.and_(every, exact)
            every = b.and_(every, b.icmp_unsigned("<", place, index(extent)))
            met.append(place)
        return every, met

    def _product(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """Append a product, in which zeros may annihilate."""
        b, primitive = self.b, self.primitive
        product = b.fmul(x, y)
        if not primitive.no_nan:
            return product
        zero = ir.Constant(self.kind, 0.0)
        silent = b.fcmp_ordered("==", x, zero)
        if primitive.symmetric:
            silent = b.or_(silent, b.fcmp_ordered("==", y, zero))
        return b.select(silent, zero, product)
