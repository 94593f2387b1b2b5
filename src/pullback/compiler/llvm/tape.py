"""A tape: a function for each operation, and a loop over the runs that calls them.

before -> head -> (operation 0 | operation 1 | ...) -> tail -> (head | after)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from llvmlite import ir

from pullback.compiler.cells import CELL
from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm.nests import nest
from pullback.compiler.llvm.places import Places
from pullback.compiler.llvm.runs import PLACE, emit_run, run_signature
from pullback.compiler.llvm.scalars import BYTE, INDEX, POINTER
from pullback.compiler.llvm.symbols import declare
from pullback.compiler.tape import Tape, Transfer

_NOTHING: Final = ir.VoidType()


def emit_tape(
    places: Places, kernel: Kernel, loops: ir.Module, name: str
) -> tuple[ir.Function, list[ir.Value]]:
    """Return the function of a long kernel of single numbers, and its arguments.

    These are the root, the table, and scratch memory.

    Args:
        places: Where values lie.
        kernel: The kernel.
        loops: Where the functions of the operations go.
        name: Its name.
    """
    tape, module = kernel.pieces, places.builder.module
    assert isinstance(tape, Tape), "the scheduler sorted it"
    function = ir.Function(module, ir.FunctionType(_NOTHING, [POINTER] * 3), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    b = ir.IRBuilder(function.append_basic_block("entry"))
    if tape.literals:
        literals = _table(module, f"{name}_literals", tape.literals)
        _fill(b, function.args[2], literals, len(tape.literals))
    _copy(places, b, tape.reads, f"{name}_reads")
    signature = run_signature()
    operations = [
        emit_run(places.plan, each, ir.Function(loops, signature, f"{name}_{k}"))
        for k, each in enumerate(tape.operations)
    ]
    declared = [ir.Function(module, signature, each.name) for each in operations]
    if declared:
        _loop(b, tape, declared, name)
    _copy(places, b, tape.writes, f"{name}_writes", back=True)
    b.ret_void()
    scratch = places.in_arena(places.memory.scratch[kernel.values[0]])
    return function, [places.root, places.table, scratch]


def _fill(b: ir.IRBuilder, cells: ir.Value, table: ir.Value, size: int) -> None:
    """Append a copy of bytes to the first cells."""
    flag = ir.IntType(1)
    signature = ir.FunctionType(_NOTHING, [POINTER, POINTER, INDEX, flag])
    function = declare(b.module, "llvm.memcpy.p0.p0.i64", signature)
    b.call(function, [cells, table, ir.Constant(INDEX, size), ir.Constant(flag, 0)])


def _table(module: ir.Module, name: str, data: bytes) -> ir.GlobalVariable:
    """Return bytes as a constant of the module."""
    kind = ir.ArrayType(BYTE, len(data))
    table = ir.GlobalVariable(module, kind, name)
    table.linkage, table.global_constant, table.align = "internal", True, CELL
    # As text: llvmlite takes a microsecond for each byte.
    table.initializer = ir.FormattedConstant(kind, 'c"\\' + data.hex("\\") + '"')
    return table


def _copy(
    places: Places,
    b: ir.IRBuilder,
    transfers: Sequence[Transfer],
    name: str,
    *,
    back: bool = False,
) -> None:
    """Append loops that copy numbers into their cells, or back; one for each size of a number.

    A row of the table: whether the root has the pointer, its entry there, the bytes to the first
    number, the first cell, and how many there are.
    """
    root, table, cells = b.function.args
    rows: dict[int, list[tuple[int, ...]]] = {}
    for each in transfers:
        size = places.plan.program.type_at(each.number).dtype.itemsize
        whose, entry, shift = places.located(each.number)
        row = whose, entry, shift + each.element * size, each.cell, each.count
        rows.setdefault(size, []).append(row)
    for size, found in rows.items():
        data = np.array(found, np.int64).tobytes()
        of = _table(b.module, f"{name}{size}", data)

        def transfer(variables: dict[int, ir.Value], size: int = size, of: ir.Value = of) -> None:
            start = b.mul(variables[0], ir.Constant(INDEX, 5))
            whose, entry, shift, cell, count = (
                b.load(
                    b.gep(of, [b.add(start, ir.Constant(INDEX, k))], source_etype=INDEX), typ=INDEX
                )
                for k in range(5)
            )
            pointers = b.select(b.trunc(whose, ir.IntType(1)), root, table)
            value = b.load(b.gep(pointers, [entry], source_etype=POINTER), typ=POINTER)
            value = b.gep(value, [shift], source_etype=BYTE)
            _move(b, value, b.gep(cells, [cell], source_etype=INDEX), (count, size), back=back)

        nest(b, [(0, len(found))], transfer)


def _move(
    b: ir.IRBuilder, value: ir.Value, cell: ir.Value, extent: tuple[ir.Value, int], *, back: bool
) -> None:
    """Append the copy of some numbers of a size, at least one.

    before -> head -> (head | after)
    """
    count, size = extent
    kind, before = ir.IntType(8 * size), b.block
    head, after = (b.function.append_basic_block(each) for each in ("head", "after"))
    b.branch(head)
    b.position_at_end(head)
    k = b.phi(INDEX)
    k.add_incoming(ir.Constant(INDEX, 0), before)
    outside, inside = b.gep(value, [k], source_etype=kind), b.gep(cell, [k], source_etype=INDEX)
    if back:
        b.store(b.load(inside, typ=kind), outside)
    else:
        number = b.load(outside, typ=kind)
        b.store(b.zext(number, INDEX) if size < CELL else number, inside)
    following = b.add(k, ir.Constant(INDEX, 1), flags=("nuw", "nsw"))
    k.add_incoming(following, head)
    b.cbranch(b.icmp_unsigned("<", following, count), head, after)
    b.position_at_end(after)


def _loop(b: ir.IRBuilder, tape: Tape, operations: Sequence[ir.Function], name: str) -> None:
    """Append the loop over the runs, given the functions of operations."""
    function = b.function
    cells = function.args[2]
    runs = _table(b.module, f"{name}_runs", tape.runs.tobytes())
    places = _table(b.module, f"{name}_places", tape.places.tobytes())

    def run(variables: dict[int, ir.Value]) -> None:
        start = b.mul(variables[0], ir.Constant(INDEX, tape.runs.shape[1]))
        number, *numbers = (
            b.load(
                b.gep(runs, [b.add(start, ir.Constant(INDEX, k))], source_etype=PLACE), typ=PLACE
            )
            for k in range(tape.runs.shape[1])
        )
        count, length, cell, place = (b.zext(each, INDEX) for each in numbers)
        out = b.gep(cells, [cell], source_etype=INDEX)
        row = b.gep(places, [place], source_etype=PLACE)
        tail = function.append_basic_block("tail")
        choice = b.switch(number, tail)
        for k, operation in enumerate(operations):
            block = function.append_basic_block("operation")
            choice.add_case(ir.Constant(PLACE, k), block)
            with b.goto_block(block):
                b.call(operation, [out, cells, row, count, length])
                b.branch(tail)
        b.position_at_end(tail)

    nest(b, [(0, len(tape.runs))], run)
