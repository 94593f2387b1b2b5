"""Kernels that run along an axis, each element made of the one before it: in NumPy's order.

Where the axis is the last one, what came before is in a register; elsewhere the loop over the last
axis is innermost, and reads what came before from the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.indices import Affine, axes_index, flatten
from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.elements import Elements
from pullback.compiler.llvm.loops import Code
from pullback.compiler.llvm.nests import nest
from pullback.primitives.cumulative import Cumprod, Cumsum, Recurrence
from pullback.types.promotion import DType

_LANES: Final = 4  # elements of the axes behind from which on a loop over these pays


def emit_cumulative(code: Code, kernel: Kernel) -> None:
    """Append the loops.

    Before -> after:
        c = cumsum(a, axis=1)  ->  for i: t = a[i, 0]; c[i, 0] = t; for j > 0: t += a[i, j]; ...
    """
    (out,) = kernel.values
    primitive, operands = code.plan.program.steps[out - code.plan.first]
    assert isinstance(primitive, (Cumsum, Cumprod, Recurrence)), "these are the cumulative ones"
    run = _Run(code, primitive, out, operands, code.plan.program.type_at(out).dtype)
    shape = code.shape(out)
    extents = list(enumerate(shape))
    before, behind = extents[: primitive.axis], extents[primitive.axis + 1 :]
    if behind and shape[-1] >= _LANES:
        run.beside(before, behind, shape[primitive.axis])
    else:
        run.along([*before, *behind], shape[primitive.axis])


@final
@frozen
class _Run:
    code: Code
    primitive: Cumsum | Cumprod | Recurrence
    out: int
    operands: Sequence[int]
    dtype: DType

    def along(self, around: Sequence[tuple[int, int]], extent: int) -> None:
        """Append loops of which the innermost runs along the axis."""
        b, axis = self.code.builder, self.primitive.axis
        with b.goto_entry_block():
            cell = b.alloca(scalars.computed(self.dtype))

        def start(variables: dict[int, ir.Value]) -> None:
            b.store(self._next(None, variables, 0), cell)
            nest(b, [(axis, extent - 1)], following, variables)

        def following(variables: dict[int, ir.Value]) -> None:
            b.store(self._next(b.load(cell, typ=scalars.computed(self.dtype)), variables, 1), cell)

        nest(b, around, start)

    def beside(
        self, before: Sequence[tuple[int, int]], behind: Sequence[tuple[int, int]], extent: int
    ) -> None:
        """Append loops of which one outside runs along the axis."""
        b, axis = self.code.builder, self.primitive.axis

        def start(variables: dict[int, ir.Value]) -> None:
            nest(b, behind, first, variables)
            nest(b, [(axis, extent - 1), *behind], following, variables)

        def first(variables: dict[int, ir.Value]) -> None:
            self._next(None, variables, 0)

        def following(variables: dict[int, ir.Value]) -> None:
            elements = self.code.elements(variables)
            elements.pointers[self.out] = self.code.pointers[self.out]
            place = elements.place(flatten(self._index(0), self.code.shape(self.out)))
            self._next(elements.load(self.out, place), variables, 1)

        nest(b, before, start)

    def _index(self, step: int) -> tuple[Affine, ...]:
        """Return the index of the element this step, or the next one, is about."""
        shape, axis = self.code.shape(self.out), self.primitive.axis
        index = list(axes_index(shape))
        index[axis] = Affine(((axis, 1),), step) if shape[axis] > 2 else Affine((), step)
        if self.primitive.reverse:
            index[axis] = index[axis].scaled(-1, shape[axis] - 1)
        return tuple(index)

    def _next(self, before: ir.Value | None, variables: dict[int, ir.Value], step: int) -> ir.Value:
        """Append the computation of an element from the one before it; store and return it."""
        shape, axis = self.code.shape(self.out), self.primitive.axis
        if before is None:
            variables = variables | {axis: ir.Constant(scalars.INDEX, 0)}
        elements = self.code.elements(variables)
        index = self._index(step)
        value = self._combined(before, self._operands(elements, index))
        place = elements.place(flatten(index, shape))
        elements.store(self.out, self.code.pointers[self.out], place, value)
        return value

    def _operands(self, elements: Elements, index: tuple[Affine, ...]) -> list[ir.Value]:
        b, program = self.code.builder, self.code.plan.program
        return [
            scalars.cast(
                b, elements.value(operand, index), program.type_at(operand).dtype, self.dtype
            )
            for operand in self.operands
        ]

    def _combined(self, before: ir.Value | None, operands: list[ir.Value]) -> ir.Value:
        b, x = self.code.builder, operands[0]
        floating = self.dtype.kind == "f"
        if isinstance(self.primitive, Recurrence):
            before = ir.Constant(x.type, 0.0) if before is None else before
            return b.fadd(scalars.multiply_no_nan(b, before, x, symmetric=False), operands[1])
        if before is None:
            return x
        if isinstance(self.primitive, Cumsum):
            return b.fadd(before, x) if floating else b.add(before, x)
        return b.fmul(before, x) if floating else b.mul(before, x)
