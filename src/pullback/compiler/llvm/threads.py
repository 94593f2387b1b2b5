"""Kernels in parts: how a part finds its share of the outermost loop, and how all are called.

A kernel that is cut takes the number of its part besides the places of its values. It asks for the
`bounds` of its outermost loop once, at its beginning, before it makes any other block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.interface import PARALLEL
from pullback.compiler.llvm.library import borrow
from pullback.compiler.llvm.scalars import INDEX, POINTER
from pullback.compiler.llvm.symbols import declare
from pullback.compiler.llvm.vectors import room


@final
@frozen
class Part:
    """Which part of a kernel a call does."""

    index: ir.Value
    count: int

    def bounds(self, b: ir.IRBuilder, extent: int) -> tuple[ir.Value, ir.Value]:
        """Return where this part of a loop starts and stops; a part without any of it returns.

        before -> (some | none), some -> ...
        """
        count = ir.Constant(INDEX, self.count)
        whole = ir.Constant(INDEX, extent)
        after = b.add(self.index, ir.Constant(INDEX, 1))
        start, stop = (b.udiv(b.mul(k, whole), count) for k in (self.index, after))
        if self.count > extent:
            some, none = (b.function.append_basic_block() for _ in range(2))
            b.cbranch(b.icmp_unsigned("<", start, stop), some, none)
            b.position_at_end(none)
            b.ret_void()
            b.position_at_end(some)
        return start, stop

    def last(self, b: ir.IRBuilder, body: Callable[[], None]) -> None:
        """Append what the last part does alone.

        before -> (own | after), own -> after
        """
        own, after = (b.function.append_basic_block() for _ in range(2))
        b.cbranch(b.icmp_unsigned("==", self.index, ir.Constant(INDEX, self.count - 1)), own, after)
        b.position_at_end(own)
        body()
        b.branch(after)
        b.position_at_end(after)


def call_parts(
    b: ir.IRBuilder, kernel: ir.Function, pointers: Sequence[ir.Value], count: int
) -> None:
    """Append the call of all parts of a kernel: pointers go through memory.

    Before -> after:
        kernel(p, q, part)  ->  share2(a, part) = a[0](a[1], a[2], part)
                                a = [kernel, p, q]; pullback_parallel(share2, a, count)
    """
    signature = ir.FunctionType(ir.VoidType(), [POINTER, INDEX])
    share = borrow(
        b.module, f"share{len(pointers)}", signature, partial(_share, number=len(pointers))
    )
    arguments = room(b, POINTER, 1 + len(pointers))
    for k, pointer in enumerate((kernel, *pointers)):
        b.store(pointer, _entry(b, arguments, k))
    parallel = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, INDEX])
    function = declare(b.module, PARALLEL, parallel)
    b.call(function, [share, arguments, ir.Constant(INDEX, count)])


def _share(function: ir.Function, number: int) -> None:
    """Append what takes a kernel and the places of so many values from memory, and calls it."""
    b = ir.IRBuilder(function.append_basic_block("entry"))
    table, index = function.args
    kernel, *places = (b.load(_entry(b, table, k), typ=POINTER) for k in range(1 + number))
    signature = ir.FunctionType(ir.VoidType(), [POINTER] * number + [INDEX])
    kernel.type = signature.as_pointer()  # what llvmlite wants to call
    b.call(kernel, [*places, index])
    b.ret_void()


def _entry(b: ir.IRBuilder, table: ir.Value, k: int) -> ir.Value:
    return b.gep(table, [ir.Constant(INDEX, k)], source_etype=POINTER)
