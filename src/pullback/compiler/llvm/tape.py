"""A tape: a function for each operation, and a loop over the runs that calls them.

before -> head -> (operation 0 | operation 1 | ...) -> tail -> (head | after)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.scalars import BYTE, INDEX, POINTER
from pullback.compiler.llvm.symbols import declare
from pullback.compiler.tape import CELL, Tape
from pullback.types import ArrayType
from pullback.types.promotion import DType

_PLACE = ir.IntType(32)
_NOTHING = ir.VoidType()


def emit_tape(
    plan: Plan, kernel: Kernel, module: ir.Module, loops: ir.Module, name: str
) -> ir.Function:
    """Return the function of a long kernel of single numbers.

    Its parameters are the places of what it writes and reads, and scratch memory.

    Args:
        plan: The plan.
        kernel: The kernel.
        module: Where the function goes.
        loops: Where the functions of the operations go.
        name: Its name.
    """
    tape = kernel.pieces
    assert isinstance(tape, Tape), "the scheduler sorted it"
    numbers = [*kernel.writes, *kernel.reads]
    signature = ir.FunctionType(_NOTHING, [POINTER] * (len(numbers) + 1))
    function = ir.Function(module, signature, name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    function.attributes.add("optnone")  # it may read and write thousands of values, once
    b = ir.IRBuilder(function.append_basic_block("entry"))
    *pointers, scratch = function.args
    cells = _Cells(b, scratch)
    if tape.literals:
        cells.fill(_table(module, f"{name}_literals", tape.literals), len(tape.literals))
    of = dict(zip(numbers, pointers, strict=True))
    for number in kernel.reads:
        kind = scalars.stored(plan.program.type_at(number).dtype)
        b.store(b.load(of[number], typ=kind), cells.at(tape.cells[number]))
    operations = [
        _operation(plan, number, loops, module, f"{name}_{k}")
        for k, number in enumerate(tape.operations)
    ]
    runs = _table(module, f"{name}_runs", tape.runs.tobytes())
    places = _table(module, f"{name}_places", tape.places.tobytes())
    _loop(b, tape, operations, (scratch, runs, places))
    for number in kernel.writes:
        kind = scalars.stored(plan.program.type_at(number).dtype)
        b.store(b.load(cells.at(tape.cells[number]), typ=kind), of[number])
    b.ret_void()
    return function


@final
@frozen
class _Cells:
    """Scratch memory."""

    builder: ir.IRBuilder
    scratch: ir.Value

    def at(self, cell: int) -> ir.Value:
        """Return the place of a cell."""
        return self.builder.gep(self.scratch, [ir.Constant(INDEX, cell)], source_etype=INDEX)

    def fill(self, table: ir.Value, size: int) -> None:
        """Append a copy of bytes to the first cells."""
        b, flag = self.builder, ir.IntType(1)
        signature = ir.FunctionType(_NOTHING, [POINTER, POINTER, INDEX, flag])
        function = declare(b.module, "llvm.memcpy.p0.p0.i64", signature)
        b.call(function, [self.scratch, table, ir.Constant(INDEX, size), ir.Constant(flag, 0)])


def _table(module: ir.Module, name: str, data: bytes) -> ir.GlobalVariable:
    """Return bytes as a constant of the module."""
    kind = ir.ArrayType(BYTE, len(data))
    table = ir.GlobalVariable(module, kind, name)
    table.linkage, table.global_constant, table.align = "internal", True, CELL
    # As text: llvmlite takes a microsecond for each byte.
    table.initializer = ir.FormattedConstant(kind, 'c"\\' + data.hex("\\") + '"')
    return table


def _loop(
    b: ir.IRBuilder,
    tape: Tape,
    operations: Sequence[tuple[ir.Function, int]],
    tables: tuple[ir.Value, ir.Value, ir.Value],
) -> None:
    """Append the loop over the runs, given the functions of operations and how many operands."""
    scratch, runs, places = tables
    before, function = b.block, b.function
    result = b.gep(scratch, [ir.Constant(INDEX, tape.first)], source_etype=INDEX)
    head, tail, after = (function.append_basic_block(name) for name in ("head", "tail", "after"))
    b.branch(head)
    b.position_at_end(head)
    run, out, place = b.phi(INDEX), b.phi(POINTER), b.phi(POINTER)
    entry = b.gep(runs, [b.shl(run, ir.Constant(INDEX, 1))], source_etype=_PLACE)
    count_at = b.gep(entry, [ir.Constant(INDEX, 1)], source_etype=_PLACE)
    count = b.zext(b.load(count_at, typ=_PLACE), INDEX)
    choice = b.switch(b.load(entry, typ=_PLACE), tail)
    b.position_at_end(tail)
    taken = b.phi(INDEX)
    taken.add_incoming(ir.Constant(INDEX, 0), head)  # no operation has another number
    for k, (operation, operands) in enumerate(operations):
        block = function.append_basic_block("operation")
        choice.add_case(ir.Constant(_PLACE, k), block)
        with b.goto_block(block):
            b.call(operation, [out, scratch, place, count])
            taken.add_incoming(b.mul(count, ir.Constant(INDEX, operands)), block)
            b.branch(tail)
    following = b.add(run, ir.Constant(INDEX, 1))
    steps = [ir.Constant(INDEX, 0), result, places]
    moved = [
        following,
        b.gep(out, [count], source_etype=INDEX),
        b.gep(place, [taken], source_etype=_PLACE),
    ]
    for phi, start, end in zip((run, out, place), steps, moved, strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(end, tail)
    b.cbranch(b.icmp_unsigned("<", following, ir.Constant(INDEX, len(tape.runs))), head, after)
    b.position_at_end(after)


def _operation(
    plan: Plan, number: int, loops: ir.Module, module: ir.Module, name: str
) -> tuple[ir.Function, int]:
    """Return the function that does an operation for each step of a run, and how many operands.

    It takes the cell of the first result, all cells, the places of operands, and their number.
    """
    primitive, row = plan.program.steps[number - plan.first]
    out = plan.program.type_at(number).dtype
    types = [plan.program.type_at(operand) for operand in row]
    # The types of Python's integers are strong: the plan has seen to it that they fit.
    strong = [ArrayType((), t.dtype, t.weak and out.kind not in "iu") for t in types]
    signature = ir.FunctionType(_NOTHING, [POINTER, POINTER, POINTER, INDEX])
    function = ir.Function(loops, signature, name)
    result, cells, places, count = function.args
    result.add_attribute("noalias")  # no step of a run reads a result of it
    b = ir.IRBuilder(function.append_basic_block("entry"))
    before = b.block
    head, after = (function.append_basic_block(name) for name in ("head", "after"))
    b.branch(head)
    b.position_at_end(head)
    step = b.phi(INDEX)
    step.add_incoming(ir.Constant(INDEX, 0), before)
    operands = []
    for k, type_ in enumerate(types):
        at = b.add(step, b.mul(count, ir.Constant(INDEX, k)))
        place = b.load(b.gep(places, [at], source_etype=_PLACE), typ=_PLACE)
        cell = b.gep(cells, [b.zext(place, INDEX)], source_etype=INDEX)
        operands.append(_load(b, cell, type_.dtype))
    value = scalars.apply(b, primitive, operands, strong, out)
    if out.kind == "b":
        value = b.zext(value, BYTE)
    b.store(value, b.gep(result, [step], source_etype=INDEX))
    following = b.add(step, ir.Constant(INDEX, 1), flags=("nuw", "nsw"))
    step.add_incoming(following, b.block)
    b.cbranch(b.icmp_unsigned("<", following, count), head, after)
    b.position_at_end(after)
    b.ret_void()
    return ir.Function(module, signature, name), len(row)


def _load(b: ir.IRBuilder, cell: ir.Value, dtype: DType) -> ir.Value:
    """Append a load of a number."""
    value = b.load(cell, typ=scalars.stored(dtype))
    return b.trunc(value, scalars.computed(dtype)) if dtype.kind == "b" else value
