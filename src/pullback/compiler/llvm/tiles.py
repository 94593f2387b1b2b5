"""Sums of a tile as functions that all products share, whatever their sizes and steps.

Products differ in sizes, layouts and in what is computed of their elements, but the loop that takes
the time is the same: for each term, some rows by one or two vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from llvmlite import ir

from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.library import borrow
from pullback.compiler.llvm.scalars import DOUBLE, FLAG, INDEX, POINTER
from pullback.compiler.llvm.sums import Term
from pullback.compiler.llvm.vectors import moved, spans

#: Where the factors and the sums begin; the left factor's steps from row to row and from term to
#: term, the right one's from term to term, that of the sums from row to row; how many terms there
#: are; and whether sums start from zero, and not from what is there. Returns whether a sum is nan,
#: where the products are such that it matters.
SIGNATURE: Final = ir.FunctionType(FLAG, [POINTER] * 3 + [INDEX] * 5 + [FLAG])


def tile(module: ir.Module, term: Term, rows: int, columns: int) -> ir.Function:
    """Return the function that adds up and stores the sums of a tile of a size.

    Before -> after, for 2 rows by one vector:
        for k in 0..depth: s0 += x[0, k] * y[k, :]; s1 += x[1, k] * y[k, :]
        out[0, :] = s0; out[1, :] = s1
    """
    kind = "double" if term.kind == DOUBLE else "single"
    name = f"tile_{kind}_{term.lanes}_{rows}_{columns}{'_nan' if term.silent else ''}"
    write = partial(_write, term=term, rows=rows, pieces=spans(columns, term.lanes))
    return borrow(module, name, SIGNATURE, write)


def _write(
    function: ir.Function, *, term: Term, rows: int, pieces: Sequence[tuple[int, int]]
) -> None:
    """Append the code of such a function; pieces are the vectors of a row."""
    b = ir.IRBuilder(function.append_basic_block("entry"))
    left, right, out, down, left_step, right_step, out_step, depth, first = function.args
    lines = _lines(b, left, term.kind, down, rows)
    cells = [
        (moved(b, line, term.kind, start), vectors.vector(term.kind, lanes))
        for line in _lines(b, out, term.kind, out_step, rows)
        for start, lanes in pieces
    ]
    begun = _begun(b, cells, term, first)

    ready, head, after = b.block, *(function.append_basic_block() for _ in range(2))
    b.branch(head)
    b.position_at_end(head)
    k, at, place = b.phi(INDEX), b.phi(INDEX), b.phi(POINTER)
    totals = [b.phi(value.type) for value in begun]
    factors = [
        b.load(moved(b, place, term.kind, start), align=term.bytes, typ=type_)
        for (start, _), (_, type_) in zip(pieces, cells, strict=False)
    ]
    sums: list[ir.Value] = []
    for line in lines:
        number = b.load(b.gep(line, [at], source_etype=term.kind), align=term.bytes, typ=term.kind)
        wide = {lanes: vectors.splat(b, number, lanes) for _, lanes in pieces}
        for (_, lanes), factor in zip(pieces, factors, strict=True):
            sums.append(term.added(b, totals[len(sums)], wide[lanes], factor))
    zero = ir.Constant(INDEX, 0)
    following = b.add(k, ir.Constant(INDEX, 1), flags=("nuw", "nsw"))
    nexts = [following, b.add(at, left_step), b.gep(place, [right_step], source_etype=term.kind)]
    starts = [zero, zero, right, *begun]
    for phi, start, value in zip([k, at, place, *totals], starts, [*nexts, *sums], strict=True):
        phi.add_incoming(start, ready)
        phi.add_incoming(value, head)
    b.cbranch(b.icmp_unsigned("<", following, depth), head, after)
    b.position_at_end(after)
    for (pointer, _), total in zip(cells, sums, strict=True):
        b.store(total, pointer, align=term.bytes)
    b.ret(vectors.any_nan(b, sums) if term.silent else ir.Constant(FLAG, 0))


def _begun(
    b: ir.IRBuilder, cells: Sequence[tuple[ir.Value, ir.Type]], term: Term, first: ir.Value
) -> list[ir.Value]:
    """Return what sums start from: zeros, or what is there.

    before -> (again | ready), again -> ready
    """
    before, again, ready = b.block, *(b.function.append_basic_block() for _ in range(2))
    b.cbranch(first, ready, again)
    b.position_at_end(again)
    there = [b.load(place, align=term.bytes, typ=type_) for place, type_ in cells]
    b.branch(ready)
    b.position_at_end(ready)
    found: list[ir.Value] = []
    for value in there:
        start = b.phi(value.type)
        start.add_incoming(vectors.zeros(value.type), before)
        start.add_incoming(value, again)
        found.append(start)
    return found


def _lines(
    b: ir.IRBuilder, pointer: ir.Value, kind: ir.Type, step: ir.Value, count: int
) -> list[ir.Value]:
    """Return so many pointers, ``step`` elements apart."""
    found = [pointer]
    for _ in range(count - 1):
        found.append(b.gep(found[-1], [step], source_etype=kind))
    return found
