"""Kernels that convolve. `compiler.convolutions` says what is packed, and in which order.

Zeros between packed rows must not meet an infinity, nor zeros that annihilate. Where that may have
happened, and for tiny sizes, each product is computed where it stands.

    before -> (each -> after | packed), packed -> (each | after)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, final

from llvmlite import ir

from pullback.compiler import convolutions as plans
from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm import scalars, vectors
from pullback.compiler.llvm.convolved_products import Products
from pullback.compiler.llvm.convolved_rows import Rows
from pullback.compiler.llvm.convolved_windows import Windows
from pullback.compiler.llvm.loops import Code
from pullback.compiler.llvm.offsets import at, clipped, index
from pullback.compiler.llvm.packed import Packed
from pullback.compiler.llvm.scalars import BYTE, INDEX, POINTER
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
    each, after = (b.function.append_basic_block() for _ in range(2))
    if form.padded and not form.dots:
        window = form.roles[2]
        quick = b.function.append_basic_block()
        wrong = _not_finite(b, pointers[window], kind, math.prod(shapes[window]), dtype.itemsize)
        b.cbranch(wrong, each, quick)
        b.position_at_end(quick)
    memory = _Memory(b, plans.scratch_bytes(program, out))
    packed = Packed(b, kind, form, tuple([pointers[role] for role in form.roles]), memory.start)
    packed.start()
    (Windows if form.dots else Rows)(packed).emit(None)
    memory.free()
    if form.dots or primitive.no_nan:
        b.cbranch(_not_finite(b, pointers[2], kind, math.prod(shapes[2]), dtype.itemsize), each, after)
    else:
        b.branch(after)
    b.position_at_end(each)
    if form.padded or form.dots or primitive.no_nan:
        products.emit()
    b.branch(after)
    b.position_at_end(after)


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
