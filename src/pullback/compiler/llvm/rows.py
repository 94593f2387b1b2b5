"""Kernels that pass over rows: reductions of them, and maps of each row's elements or results.

for each row:  results of the row -> pass 0 -> results that need it -> pass 1 -> ...

A pass is one loop over the row, for all that needs no more than what earlier passes gave.
"""

from __future__ import annotations

from typing import final

from llvmlite import ir

from pullback.compiler.indices import Index, axes_index, flatten
from pullback.compiler.kernel import Kernel
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.elements import Elements
from pullback.compiler.llvm.loops import Code, Stepping
from pullback.compiler.llvm.nests import nest
from pullback.compiler.llvm.totals import Run, Total
from pullback.compiler.rows import plan_passes, shared_rows


def emit_rows(code: Code, kernel: Kernel) -> None:
    """Append the loop over rows.

    Before -> after:
        [m = max(x), s = sum(exp(x - m))], writes [s]
        ->  for i: m = -inf; for j: m = max(m, x[i, j])
                   t = 0; for j: t += exp(x[i, j] - m); s[i] = t
    """
    body = _Rows(code, kernel)
    long = [(axis, size) for axis, size in enumerate(body.rows.shape) if size != 1]
    outer = code.loops.extents(item for item in long if item[0] < body.rows.outer)
    nest(code.builder, outer, body.row, part=code.part)


@final
class _Rows:
    """The body of the loop over rows."""

    def __init__(self, code: Code, kernel: Kernel) -> None:
        self.code, self.kernel, self.builder = code, kernel, code.builder
        plan = code.plan
        self.rows = shared_rows(plan.program, kernel.values)
        self.totals: dict[int, Total] = {}
        for number in kernel.values:
            if plan.kinds[number] is Kind.FOLD:
                primitive, _ = plan.program.steps[number - plan.first]
                dtype = plan.program.type_at(number).dtype
                self.totals[number] = Total(self.builder, primitive, dtype)
        self.passes, later = plan_passes(plan.program, plan.kinds, plan.stored, kernel.values)
        self.buffers = {n: self._buffer(n) for n in later if n not in kernel.writes}
        self.buffers |= {n: code.pointers[n] for n in later if n in kernel.writes}

    def row(self, variables: dict[int, ir.Value]) -> None:
        """Append what is done for one row."""
        fixed: dict[int, ir.Value] = {}
        for position in range(max(self.passes.values()) + 1):
            members = [n for n in self.kernel.values if self.passes[n] == position]
            inner = [n for n in members if self._is_inner(n)]
            for number in members:
                if number not in inner:
                    self._result(number, variables, fixed)
            if inner:
                self._pass(inner, variables, fixed, self.code.loops.lanes[position])

    def _is_inner(self, number: int) -> bool:
        return number in self.totals or self.code.shape(number) == self.rows.shape

    def _result(
        self, number: int, variables: dict[int, ir.Value], fixed: dict[int, ir.Value]
    ) -> None:
        """Append what is computed once for a row."""
        elements = self._elements(variables, fixed)
        index = axes_index(self.code.shape(number))
        fixed[number] = elements.compute(number, index)
        self._store(elements, number, index, fixed[number])

    def _pass(
        self,
        inner: list[int],
        variables: dict[int, ir.Value],
        fixed: dict[int, ir.Value],
        lanes: int,
    ) -> None:
        """Append a loop over the row."""
        index = axes_index(self.rows.shape)
        reduced = [number for number in inner if number in self.totals]

        def body(variables: dict[int, ir.Value], stepping: Stepping) -> list[ir.Value]:
            elements = self._elements(variables, fixed)
            elements.lanes = stepping
            taken: list[ir.Value] = []
            for number in inner:
                if number in self.totals:
                    taken.append(self._operand(elements, number, index))
                    continue
                value = elements.compute(number, index)
                elements.known[number, flatten(index, self.rows.shape)] = value
                self._store(elements, number, index, value)
            return taken

        axes = [item for item in enumerate(self.rows.shape) if item[1] != 1]
        axes = self.code.loops.extents(item for item in axes if item[0] >= self.rows.outer)
        run = Run(self.builder, [self.totals[number] for number in reduced], axes, body, lanes)
        for number, result in zip(reduced, run.results(variables), strict=True):
            fixed[number] = result
            elements = self._elements(variables, fixed)
            self._store(elements, number, axes_index(self.code.shape(number)), result)

    def _operand(self, elements: Elements, number: int, index: Index) -> ir.Value:
        """Append what a reduction takes."""
        plan = self.code.plan
        _, (operand,) = plan.program.steps[number - plan.first]
        have, want = (plan.program.type_at(n).dtype for n in (operand, number))
        return scalars.cast(self.builder, elements.value(operand, index), have, want)

    def _elements(self, variables: dict[int, ir.Value], fixed: dict[int, ir.Value]) -> Elements:
        elements = self.code.elements(variables)
        elements.fixed = fixed
        for number, pointer in self.buffers.items():
            elements.pointers[number] = pointer
            if number not in self.kernel.writes:
                elements.hidden[number] = self.rows.outer
        return elements

    def _store(self, elements: Elements, number: int, index: Index, value: ir.Value) -> None:
        pointer = self.buffers.get(number)
        if number in self.kernel.writes:
            pointer = self.code.pointers[number]
        if pointer is not None:
            form = flatten(index, self.code.shape(number))
            elements.store(number, pointer, elements.place(elements.seen(number, form)), value)

    def _buffer(self, number: int) -> ir.Value:
        """Append memory for one row of a value."""
        dtype = self.code.plan.program.type_at(number).dtype
        with self.builder.goto_entry_block():
            pointer = self.builder.alloca(scalars.stored(dtype), self.rows.length)
        pointer.align = 64
        pointer.type = scalars.POINTER  # llvmlite gives it the type of what it points to
        return pointer
