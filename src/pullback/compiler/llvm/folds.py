"""Kernels that reduce, in an order that is fixed.

Where the last axis stays, rows are added one after the other, as NumPy does, several of them before
their sum is stored. Where the last axis vanishes, each result is a `Run`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.indices import ZERO, Affine, Index, axes_index, strides, variable
from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.elements import Elements
from pullback.compiler.llvm.loops import Code, Stepping, in_lanes, is_flat
from pullback.compiler.llvm.nests import further, nest, smaller, stepped
from pullback.compiler.llvm.scalars import INDEX
from pullback.compiler.llvm.totals import Run, Total, combine, neutral_element
from pullback.compiler.llvm.vectors import loop, vector
from pullback.compiler.reductions import Order, order
from pullback.primitives.primitive import Primitive
from pullback.primitives.reduction import All, Any, Max, Min, Prod
from pullback.primitives.shape import Sum
from pullback.types.promotion import DType

_ROWS: Final = 16  # rows that are added before their sum is stored
_NONE: Final = -1  # the variable of a loop that runs once


def emit_fold(code: Code, kernel: Kernel) -> None:
    """Append the loops of a reduction."""
    (out,) = kernel.values
    primitive, (operand,) = code.plan.program.steps[out - code.plan.first]
    assert isinstance(primitive, (Sum, Prod, Max, Min, Any, All)), "these are the folds"
    dtype = code.plan.program.type_at(out).dtype
    fold = _Fold(code, primitive, out, operand, dtype, code.loops.lanes[0])
    shape = code.shape(operand)
    kept = [axis for axis in range(len(shape)) if axis not in primitive.axes]
    place = _place(code.shape(out), kept)
    long = [(axis, size) for axis, size in enumerate(shape) if size != 1]
    outer = code.loops.extents(item for item in long if item[0] in kept)
    inner = code.loops.extents(item for item in long if item[0] not in kept)
    way = order(shape, primitive.axes)
    if way is Order.ROWS:
        fold.rows(outer[:-1], inner, outer[-1], axes_index(shape), place)
    elif way is Order.WHOLE and is_flat(code.plan, [operand], code.reads):
        fold.runs([], [(0, math.prod(shape))], variable(0), ZERO)
    else:
        fold.runs(outer, inner, axes_index(shape), place)


def _place(shape: Sequence[int], kept: Sequence[int]) -> Affine:
    """Return where in the result an element is added."""
    total = ZERO
    for axis, size, step in zip(kept, shape, strides(shape), strict=True):
        if size != 1:
            total += variable(axis).scaled(step)
    return total


@final
@frozen
class _Fold:
    code: Code
    primitive: Primitive
    out: int
    operand: int
    dtype: DType
    lanes: int

    def rows(
        self,
        outer: Sequence[tuple[int, int]],
        inner: Sequence[tuple[int, int]],
        last: tuple[int, int],
        index: Index,
        place: Affine,
    ) -> None:
        """Append loops over what vanishes around the loop over the last axis.

        Before -> after:
            c = sum(a, axis=0)  ->  c = 0; for blocks of rows: for k: t = c[8k:8k + 8];
                                    for i in the block: t += a[i, 8k:8k + 8]; c[8k:8k + 8] = t
        """
        code, b = self.code, self.code.builder
        pointer, kind = code.pointers[self.out], scalars.stored(self.dtype)
        neutral = neutral_element(self.primitive, self.dtype)

        def start(variables: dict[int, ir.Value], lanes: Stepping) -> None:
            elements = code.elements(variables, lanes)
            elements.store(self.out, pointer, variables[0], elements.repeated(neutral))

        in_lanes(code, [(0, math.prod(code.shape(self.out)))], start, self.lanes)
        *around, (axis, rows) = inner or [(_NONE, 1)]
        depth = max(1, min(_ROWS, rows)) if self.lanes > 1 else 1

        def body(variables: dict[int, ir.Value], lanes: Stepping) -> None:
            elements = code.elements(variables, lanes)
            where = elements.place(place)
            spot = b.gep(pointer, [where], source_etype=kind)
            count = lanes[1] if lanes else 1
            old = b.load(spot, align=self.dtype.itemsize, typ=vector(kind, count))
            if self.dtype.kind == "b":
                old = b.trunc(old, vector(scalars.FLAG, count))
            first = stepped(b, variables[axis], depth)

            def row(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
                elements = code.elements(variables | {axis: further(b, first, k)}, lanes)
                value = self._element(elements, index)
                return [combine(b, self.primitive, carried[0], value, self.dtype)]

            bounds = None
            if rows % depth:
                bounds = ir.Constant(INDEX, 0), smaller(b, rows, first, depth)
            (new,) = loop(b, depth, [old], row, bounds)
            elements.store(self.out, pointer, where, new)

        blocks = axis, -(-rows // depth)
        in_lanes(code, [*outer, *around, blocks, last], body, self.lanes)

    def runs(
        self,
        outer: Sequence[tuple[int, int]],
        inner: Sequence[tuple[int, int]],
        index: Index,
        place: Affine,
    ) -> None:
        """Append, for each element of the result, a loop that keeps it in a register."""
        code, b = self.code, self.code.builder
        total = Total(b, self.primitive, self.dtype)

        def body(variables: dict[int, ir.Value]) -> None:
            run = Run(
                b,
                [total],
                inner,
                lambda v, lanes: [self._element(code.elements(v, lanes), index)],
                max(self.lanes, 1),
            )
            (result,) = run.results(variables)
            elements = code.elements(variables)
            elements.store(self.out, code.pointers[self.out], elements.place(place), result)

        nest(b, outer, body, part=code.part)

    def _element(self, elements: Elements, index: Index) -> ir.Value:
        have = self.code.plan.program.type_at(self.operand).dtype
        value = elements.value(self.operand, index)
        return scalars.cast(self.code.builder, value, have, self.dtype)
