"""Places that are computed while the code runs, the loops that count them, and tables of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from llvmlite import ir

from pullback.compiler.llvm.scalars import BYTE, FLAG, INDEX, POINTER
from pullback.compiler.llvm.vectors import Carrying, loop

#: Where a part of a loop starts and stops.
Bounds: TypeAlias = tuple[ir.Value, ir.Value]

_ENTRY: Final = ir.IntType(32)


def index(value: int) -> ir.Constant:
    """Return a number as an index."""
    return ir.Constant(INDEX, value)


def clipped(b: ir.IRBuilder, x: ir.Value, most: int) -> ir.Value:
    """Append the lesser of an index and a number."""
    return b.select(b.icmp_unsigned("<", x, index(most)), x, index(most))


def at(b: ir.IRBuilder, pointer: ir.Value, kind: ir.Type, place: ir.Value) -> ir.Value:
    """Append the place of an element of an array."""
    return b.gep(pointer, [place], source_etype=kind)


def affine(b: ir.IRBuilder, constant: int, terms: Sequence[tuple[ir.Value, int]]) -> ir.Value:
    """Append ``constant + Σ value·factor``."""
    found: ir.Value = index(constant)
    for value, factor in terms:
        if factor:
            term = value if factor == 1 else b.mul(value, index(factor), flags=("nsw",))
            found = b.add(found, term, flags=("nsw",))
    return found


def digits(b: ir.IRBuilder, value: ir.Value, sizes: Sequence[int]) -> list[ir.Value]:
    """Append the digits of a number, of these sizes in row-major order."""
    found: list[ir.Value] = []
    for k in range(len(sizes) - 1, -1, -1):
        if sizes[k] == 1:
            found.append(index(0))
        elif math.prod(sizes[:k]) == 1:
            found.append(value)
        else:
            quotient = b.udiv(value, index(sizes[k]))
            found.append(b.sub(value, b.mul(quotient, index(sizes[k]))))
            value = quotient
    return found[::-1]


def around(b: ir.IRBuilder, sizes: Sequence[int], body: Callable[[list[ir.Value]], None]) -> None:
    """Append loops around a body, which is given their counters."""

    def inner(found: list[ir.Value]) -> None:
        if len(found) == len(sizes):
            body(found)
            return

        def step(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            inner([*found, k])
            return carried

        loop(b, sizes[len(found)], [], step)

    if 0 not in sizes:
        inner([])


def between(
    b: ir.IRBuilder, first: ir.Value, end: ir.Value, carried: Sequence[ir.Value], body: Carrying
) -> list[ir.Value]:
    """Append a loop from an index that is below the end; return what it carries in the end.

    before -> head <-> head -> after, where `phi`s count and carry
    """
    before, head = b.block, b.function.append_basic_block()
    b.branch(head)
    b.position_at_end(head)
    counter = b.phi(INDEX)
    counter.add_incoming(first, before)
    phis = [b.phi(value.type) for value in carried]
    results = body(counter, list(phis))
    following = b.add(counter, index(1), flags=("nuw", "nsw"))
    counter.add_incoming(following, b.block)
    for phi, value, result in zip(phis, carried, results, strict=True):
        phi.add_incoming(value, before)
        phi.add_incoming(result, b.block)
    after = b.function.append_basic_block()
    b.cbranch(b.icmp_unsigned("<", following, end), head, after)
    b.position_at_end(after)
    return results


def shared(
    b: ir.IRBuilder, bounds: Bounds | None, extent: int, body: Callable[[ir.Value], None]
) -> None:
    """Append a loop, or that part of it which this thread does."""

    def step(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        body(k)
        return carried

    if bounds is None:
        loop(b, extent, [], step)
    else:
        between(b, *bounds, [], step)


def table(b: ir.IRBuilder, numbers: Sequence[int]) -> ir.GlobalVariable:
    """Return an array of constants."""
    kind = ir.ArrayType(_ENTRY, max(len(numbers), 1))
    found = ir.GlobalVariable(b.module, kind, f"{b.function.name}.{len(b.module.globals)}")
    found.initializer = ir.Constant(kind, list(numbers) or [0])
    found.linkage, found.global_constant = "internal", True
    return found


def entry(b: ir.IRBuilder, numbers: ir.Value, place: ir.Value) -> ir.Value:
    """Append the reading of a table."""
    return b.sext(b.load(b.gep(numbers, [place], source_etype=_ENTRY), typ=_ENTRY), INDEX)


def clear(b: ir.IRBuilder, pointer: ir.Value, size: ir.Value) -> None:
    """Append zeros in so many bytes."""
    function = b.module.declare_intrinsic("llvm.memset", [POINTER, INDEX])
    b.call(function, [pointer, ir.Constant(BYTE, 0), size, ir.Constant(FLAG, 0)])
