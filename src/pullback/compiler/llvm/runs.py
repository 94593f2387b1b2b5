"""What a run of a tape does: loops over vectors side by side, over a table of places, over chains.

A run of instances is vectors of so many results as lie side by side in any case; what is computed
behind the last of them nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.cells import CELL, WIDTH, Access
from pullback.compiler.kernels import Plan
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.lanes import lanes
from pullback.compiler.llvm.scalars import INDEX, POINTER
from pullback.compiler.llvm.vectors import splat
from pullback.compiler.tape import Operation
from pullback.primitives.primitive import Primitive
from pullback.types import ArrayType
from pullback.types.promotion import DType

PLACE: Final = ir.IntType(32)


def run_signature() -> ir.FunctionType:
    """Return what a run takes: first result, cells, places, how many steps, how long chains."""
    return ir.FunctionType(ir.VoidType(), [POINTER, POINTER, POINTER, INDEX, INDEX])


def emit_run(plan: Plan, operation: Operation, function: ir.Function) -> ir.Function:
    """Fill in the function of a run."""
    primitive, row = plan.program.steps[operation.step - plan.first]
    out = plan.program.type_at(operation.step).dtype
    types = [plan.program.type_at(operand) for operand in row]
    # The types of Python's integers are strong: the plan has seen to it that they fit.
    strong = [ArrayType((), t.dtype, t.weak and out.kind not in "iu") for t in types]
    result = function.args[0]
    result.add_attribute("noalias")  # no step of a run reads a result of it
    b = ir.IRBuilder(function.append_basic_block("entry"))
    code = _Run(b, primitive, strong, out)
    if operation.chained is not None:
        code.chains(operation.chained)
    elif Access.TABLE in operation.access or any(t.dtype.kind in "iu" for t in types):
        code.steps(operation.access)
    else:
        code.vectors(operation.access)
    b.ret_void()
    return function


@final
@frozen
class _Run:
    """The function of a run while it is being written."""

    b: ir.IRBuilder
    primitive: Primitive
    types: Sequence[ArrayType]
    out: DType

    def vectors(self, access: Sequence[Access]) -> None:
        """Append the loop over vectors of operands that lie side by side."""
        b, (result, cells, places, count, _) = self.b, self.b.function.args
        starts = [self.cell(cells, places, _index(k)) for k in range(len(access))]
        spread = {
            k: splat(b, self.load(start, type_.dtype), WIDTH)
            for k, (start, type_) in enumerate(zip(starts, self.types, strict=True))
            if access[k] is Access.ONE
        }

        def body(step: ir.Value) -> None:
            operands = [
                spread[k] if k in spread else self.load(_at(b, start, step), type_.dtype, WIDTH)
                for k, (start, type_) in enumerate(zip(starts, self.types, strict=True))
            ]
            value = scalars.apply(b, self.primitive, operands, self.types, self.out)
            self.store(value, _at(b, result, step), WIDTH)

        self.loop(count, WIDTH, body)

    def steps(self, access: Sequence[Access]) -> None:
        """Append the loop over single steps."""
        b, (result, cells, places, count, _) = self.b, self.b.function.args

        def body(step: ir.Value) -> None:
            operands = []
            for k, (each, type_) in enumerate(zip(access, self.types, strict=True)):
                if each is Access.TABLE:
                    cell = self.cell(cells, places, b.add(step, b.mul(count, _index(k))))
                else:
                    cell = self.cell(cells, places, _index(k))
                    cell = cell if each is Access.ONE else _at(b, cell, step)
                operands.append(self.load(cell, type_.dtype))
            value = scalars.apply(b, self.primitive, operands, self.types, self.out)
            self.store(value, _at(b, result, step))

        self.loop(count, 1, body)

    def chains(self, position: int) -> None:
        """Append the loop over groups of chains, and in it the one over their steps.

        before -> group -> step -> (step | done) -> (group | after)
        """
        b, (result, cells, places, count, length) = self.b, self.b.function.args
        wide = b.mul(b.add(length, _index(1)), _index(WIDTH))

        def group(first: ir.Value) -> None:
            table = b.gep(places, [b.mul(b.udiv(first, _index(WIDTH)), wide)], source_etype=PLACE)
            dtype = self.types[position].dtype
            begins = [self.load(self.cell(cells, table, _index(k)), dtype) for k in range(WIDTH)]
            before, head, done = b.block, *(b.function.append_basic_block() for _ in range(2))
            b.branch(head)
            b.position_at_end(head)
            step = b.phi(INDEX)
            step.add_incoming(_index(WIDTH), before)
            sums = [b.phi(begin.type) for begin in begins]
            values = []
            for k, total in enumerate(sums):
                cell = self.cell(cells, table, b.add(step, _index(k)))
                operands = [total, self.load(cell, self.types[1 - position].dtype)]
                operands = operands[::-1] if position else operands
                values.append(scalars.apply(b, self.primitive, operands, self.types, self.out))
            following = b.add(step, _index(WIDTH), flags=("nuw", "nsw"))
            step.add_incoming(following, b.block)
            for total, begin, value in zip(sums, begins, values, strict=True):
                total.add_incoming(begin, before)
                total.add_incoming(value, b.block)
            b.cbranch(b.icmp_unsigned("<", following, wide), head, done)
            b.position_at_end(done)
            for k, value in enumerate(values):
                self.store(value, _at(b, result, b.add(first, _index(k))))

        self.loop(count, WIDTH, group)

    def loop(self, count: ir.Value, stride: int, body: Callable[[ir.Value], None]) -> None:
        """Append a loop that is entered at least once, given what it does from a step on.

        before -> head -> (head | after)
        """
        b, before = self.b, self.b.block
        head, after = (b.function.append_basic_block(name) for name in ("head", "after"))
        b.branch(head)
        b.position_at_end(head)
        step = b.phi(INDEX)
        step.add_incoming(_index(0), before)
        body(step)
        following = b.add(step, _index(stride), flags=("nuw", "nsw"))
        step.add_incoming(following, b.block)
        b.cbranch(b.icmp_unsigned("<", following, count), head, after)
        b.position_at_end(after)

    def cell(self, cells: ir.Value, places: ir.Value, at: ir.Value) -> ir.Value:
        """Append the look for the cell that an entry of a table names."""
        place = self.b.load(self.b.gep(places, [at], source_etype=PLACE), typ=PLACE)
        return _at(self.b, cells, self.b.zext(place, INDEX))

    def load(self, cell: ir.Value, dtype: DType, count: int = 1) -> ir.Value:
        """Append a load of numbers that lie side by side, each in its cell."""
        b, kind = self.b, scalars.computed(dtype)
        if dtype.itemsize == CELL:
            return b.load(cell, align=CELL, typ=lanes(kind, count))
        bits = 1 if dtype.kind == "b" else 8 * dtype.itemsize
        value = b.load(cell, align=CELL, typ=lanes(INDEX, count))
        value = b.trunc(value, lanes(ir.IntType(bits), count))
        return b.bitcast(value, lanes(kind, count)) if dtype.kind == "f" else value

    def store(self, value: ir.Value, cell: ir.Value, count: int = 1) -> None:
        """Append a store of numbers, each to its cell."""
        b, dtype = self.b, self.out
        if dtype.itemsize < CELL:
            bits = 1 if dtype.kind == "b" else 8 * dtype.itemsize
            if dtype.kind == "f":
                value = b.bitcast(value, lanes(ir.IntType(bits), count))
            value = b.zext(value, lanes(INDEX, count))
        b.store(value, cell, align=CELL)


def _index(number: int) -> ir.Constant:
    return ir.Constant(INDEX, number)


def _at(b: ir.IRBuilder, cells: ir.Value, number: ir.Value) -> ir.Value:
    return b.gep(cells, [number], source_etype=INDEX)
