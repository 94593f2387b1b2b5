"""Kernels that write where index arrays say, in the order of the values: of repeats too."""

from __future__ import annotations

import math

from llvmlite import ir

from pullback.compiler.indexing import selection
from pullback.compiler.indices import Index, axes_index, flatten, variable
from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.elements import Elements
from pullback.compiler.llvm.gathers import source
from pullback.compiler.llvm.loops import Code, is_flat
from pullback.compiler.llvm.nests import nest
from pullback.compiler.llvm.totals import combine
from pullback.primitives.gather import ScatterAdd
from pullback.primitives.primitive import Primitive
from pullback.primitives.reduction import Max, Min
from pullback.primitives.scatter import ScatterExtreme, ScatterSet
from pullback.primitives.shape import Sum


def emit_scatter(code: Code, kernel: Kernel) -> None:
    """Append a loop that fills the result, and one over the values at the indices.

    Before -> after:
        c = zeros with a added at i  ->  for j: c[j] = 0; for k: c[i[k]] += a[k]
    """
    (out,) = kernel.values
    plan, b = code.plan, code.builder
    primitive, operands = plan.program.steps[out - plan.first]
    shape, dtype = code.shape(out), plan.program.type_at(out).dtype
    pointer = code.pointers[out]
    updates = operands[0] if isinstance(primitive, ScatterAdd) else operands[1]
    flat = isinstance(primitive, ScatterAdd) or is_flat(plan, [operands[0]], code.reads)
    index: Index = variable(0) if flat else axes_index(shape)

    def fill(variables: dict[int, ir.Value]) -> None:
        elements = code.elements(variables)
        if isinstance(primitive, ScatterAdd):
            value: ir.Value = ir.Constant(scalars.computed(dtype), 0)
        else:
            value = elements.value(operands[0], index)
        elements.store(out, pointer, elements.place(flatten(index, shape)), value)

    nest(b, [(0, math.prod(shape))] if flat else list(enumerate(shape)), fill)
    found = selection(plan.program, out)
    given = code.shape(updates)

    def write(variables: dict[int, ir.Value]) -> None:
        elements = code.elements(variables)
        where = elements.place(flatten(source(elements, found, axes_index(given)), shape))
        value = elements.value(updates, axes_index(given))
        step = _step(primitive)
        if step is not None:
            old = _load(elements, out, pointer, where)
            value = combine(b, step, old, value, dtype)
        elements.store(out, pointer, where, value)

    nest(b, list(enumerate(given)), write)


def _step(primitive: Primitive) -> Primitive | None:
    """Return the reduction that the values of one place undergo; none if the last one stays."""
    match primitive:
        case ScatterExtreme(least=least):
            return Min(()) if least else Max(())
        case ScatterAdd(at=at) if not at.unique:
            return Sum(())
        case ScatterAdd() | ScatterSet():
            return None
        case _:
            raise NotImplementedError(primitive)


def _load(elements: Elements, out: int, pointer: ir.Value, where: ir.Value) -> ir.Value:
    """Append the load of what the kernel has written."""
    dtype = elements.plan.program.type_at(out).dtype
    kind = scalars.stored(dtype)
    b = elements.builder
    value = b.load(b.gep(pointer, [where], source_etype=kind), typ=kind)
    return b.trunc(value, scalars.FLAG) if dtype.kind == "b" else value
