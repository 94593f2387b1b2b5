"""Kernels that convolve. `compiler.convolutions` says what is packed, and in which order.

Zeros between packed rows must not meet an infinity, nor zeros that annihilate. Where that may have
happened, and for tiny sizes, each product is computed where it stands.

    before -> (suspect | quick), suspect -> (each | after), quick -> (each | after), each -> after
"""

from __future__ import annotations

import math
from typing import Final, final

from llvmlite import ir

from pullback.compiler import convolutions as plans
from pullback.compiler.convolutions import Form
from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm import scalars, vectors
from pullback.compiler.llvm.convolved_products import Products
from pullback.compiler.llvm.convolved_rows import Rows
from pullback.compiler.llvm.convolved_windows import Windows
from pullback.compiler.llvm.loops import Code
from pullback.compiler.llvm.offsets import Bounds, at, clipped, index
from pullback.compiler.llvm.packed import Packed
from pullback.compiler.llvm.scalars import BYTE, FLAG, INDEX, POINTER
from pullback.compiler.llvm.symbols import declare
from pullback.compiler.llvm.vectors import loop
from pullback.primitives.convolution import Convolve

_ON_STACK: Final = 1 << 14  # bytes of scratch memory


def emit_convolution(code: Code, kernel: Kernel) -> None:
    """Append a convolution."""
    (out,) = kernel.values
    program, b = code.plan.program, code.builder
    primitive, operands = program.steps[out - code.plan.first]
    assert isinstance(primitive, Convolve), "the kernel is one"
    numbers = (*operands, out)
    dtype = program.type_at(out).dtype
    kind = scalars.computed(dtype)
    shapes = tuple([code.shape(number) for number in numbers])
    pointers = tuple([code.pointers[number] for number in numbers])
    products = Products(b, kind, primitive, shapes, pointers)
    form = plans.form_at(program, out)
    if form is None:
        products.emit()
        return
    bounds = None if code.part is None else code.part.bounds(b, form.rounds)
    each, after = (b.function.append_basic_block() for _ in range(2))
    if form.padded and not form.dots:
        window = form.roles[2]
        wrong = _not_finite(b, pointers[window], kind, math.prod(shapes[window]), dtype.itemsize)
        quick, suspect = (b.function.append_basic_block() for _ in range(2))
        b.cbranch(wrong, suspect, quick)
        b.position_at_end(suspect)
        alone = FLAG(1) if bounds is None else b.icmp_unsigned("==", bounds[1], index(form.rounds))
        b.cbranch(alone, each, after)  # of several parts, the last computes all
        b.position_at_end(quick)
    size = plans.scratch_bytes(program, out)
    ordered = tuple([pointers[role] for role in form.roles])
    _pack(b, kind, form, ordered, size=size, bounds=bounds)
    if form.dots or primitive.no_nan:
        b.cbranch(
            _not_finite(b, pointers[2], kind, math.prod(shapes[2]), dtype.itemsize), each, after
        )
    else:
        b.branch(after)
    b.position_at_end(each)
    if form.padded or form.dots or primitive.no_nan:
        products.emit()
    b.branch(after)
    b.position_at_end(after)


def _pack(
    b: ir.IRBuilder,
    kind: ir.Type,
    form: Form,
    pointers: tuple[ir.Value, ...],
    *,
    size: int,
    bounds: Bounds | None,
) -> None:
    """Append a convolution with packed memory. Pointers are those of dense, other and window."""
    memory = _Memory(b, size)
    packed = Packed(b, kind, form, pointers, memory.start)
    packed.start()
    if form.dots:
        Windows(packed).emit()
    else:
        Rows(packed).emit(bounds)
    memory.free()


@final
class _Memory:
    """Scratch memory of one kernel: on the stack, or from the C library."""

    def __init__(self, b: ir.IRBuilder, size: int) -> None:
        self.b, self.large = b, size > _ON_STACK
        size = size + plans.LINE
        if self.large:
            make = declare(b.module, "malloc", ir.FunctionType(POINTER, [INDEX]))
            self.block: ir.Value = b.call(make, [index(size)])
        else:
            with b.goto_entry_block():
                self.block = b.alloca(ir.ArrayType(BYTE, size))
        up = b.add(b.ptrtoint(self.block, INDEX), index(plans.LINE - 1))
        self.start = b.inttoptr(b.and_(up, index(-plans.LINE)), POINTER)

    def free(self) -> None:
        """Append its end."""
        if self.large:
            signature = ir.FunctionType(ir.VoidType(), [POINTER])
            self.b.call(declare(self.b.module, "free", signature), [self.block])


def _not_finite(
    b: ir.IRBuilder, pointer: ir.Value, kind: ir.Type, size: int, itemsize: int
) -> ir.Value:
    """Append whether an array holds what times 0 is not 0."""
    lanes = min(vectors.registers().bytes // itemsize, vectors.at_most(size))
    whole = vectors.vector(kind, lanes)

    def body(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        start = clipped(b, b.mul(k, index(lanes)), size - lanes)
        x = b.load(at(b, pointer, kind, start), align=itemsize, typ=whole)
        return [b.fadd(carried[0], b.fmul(x, vectors.zeros(whole)))]

    (found,) = loop(b, -(-size // lanes), [vectors.zeros(whole)], body)
    (found,) = vectors.sums(b, [found])
    return b.fcmp_unordered("uno", found, found)
