"""Native control flow: calls of programs from loops and branches.

What a program is called with, its table says: the caller writes pointers to operands and results
there. A loop carries values in two places each, of which a round reads one and writes the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.control import Layout, carried, held
from pullback.compiler.interface import ARENA, INPUTS
from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm.places import Places, copy
from pullback.compiler.llvm.scalars import BYTE, INDEX, POINTER
from pullback.compiler.memory import results
from pullback.control.checkpointing import Remat
from pullback.control.cond import Cond
from pullback.control.scan import Scan
from pullback.control.while_loop import While
from pullback.primitives.primitive import Primitive
from pullback.types import ArrayType


def emit_control(
    places: Places, kernel: Kernel, functions: Sequence[ir.Function], layout: Layout
) -> None:
    """Append a step of control flow.

    Args:
        places: The function of the program that has the step.
        kernel: The step, what it reads, and what it writes.
        functions: The programs that it calls.
        layout: Its scratch memory.
    """
    number = kernel.values[0]
    primitive, (bundle,) = places.plan.program.steps[number - places.plan.first]
    _, packed = places.plan.program.steps[bundle - places.plan.first]
    read = results(places.plan, kernel)
    writer = _Control(places, primitive, packed, read, functions=functions, layout=layout)
    writer.prepare(places.memory.scratch[number])
    match primitive:
        case Scan():
            writer.scan(primitive)
        case While():
            writer.loop(primitive)
        case Cond():
            writer.choose()
        case Remat():
            writer.arguments(0, writer.operands)
            writer.results(0, [first for first, _ in writer.buffers])
            writer.call(0)
        case _:
            raise AssertionError(primitive)


@final
class _Control:
    """A step while it is being written."""

    def __init__(
        self,
        places: Places,
        primitive: Primitive,
        packed: Sequence[int],
        read: dict[int, int],
        *,
        functions: Sequence[ir.Function],
        layout: Layout,
    ) -> None:
        self.places, self.b = places, places.builder
        self.packed, self.read, self.functions, self.layout = packed, read, functions, layout
        self.operands = [places.pointer(number) for number in packed]
        self.carried = carried(primitive)
        self.types = held(primitive)[-1].output_types
        self.inputs = [len(program.inputs) for program in held(primitive)]
        self.tables: list[ir.Value] = []
        self.buffers: list[tuple[ir.Value, ir.Value]] = []

    def prepare(self, scratch: int) -> None:
        """Give each program its table and arena, and each result its places."""
        at = self.places.in_arena
        self.scratch = scratch
        self.tables = [at(scratch + table) for table in self.layout.tables]
        for table, arena in zip(self.tables, self.layout.arenas, strict=True):
            self.write(table, ARENA, at(scratch + arena))
        for index, (first, second) in enumerate(self.layout.buffers):
            if index in self.carried or index not in self.read:
                self.buffers.append((at(scratch + first), at(scratch + second)))
            else:
                place = self.places.pointer(self.read[index])
                self.buffers.append((place, place))

    def write(self, table: ir.Value, entry: int, pointer: ir.Value) -> None:
        """Append the writing of an entry of a table."""
        place = self.b.gep(table, [ir.Constant(INDEX, entry)], source_etype=POINTER)
        self.b.store(pointer, place)

    def arguments(self, program: int, pointers: Sequence[ir.Value], start: int = 0) -> None:
        """Append the writing of pointers to arguments of a program."""
        for entry, pointer in enumerate(pointers, INPUTS + start):
            self.write(self.tables[program], entry, pointer)

    def results(self, program: int, pointers: Sequence[ir.Value], start: int = 0) -> None:
        """Append the writing of pointers to places for a program's results."""
        self.arguments(program, pointers, self.inputs[program] + start)

    def call(self, program: int) -> None:
        """Append the call of a program."""
        arguments = [self.places.root, self.tables[program]]
        self.places.check(self.b.call(self.functions[program], arguments))

    def begin(self, carry: Sequence[ir.Value]) -> None:
        """Append copies of what a loop carries first."""
        for index, pointer in enumerate(carry):
            copy(self.b, self.buffers[index][0], pointer, self.types[index])

    def end(self, current: Sequence[ir.Value]) -> None:
        """Append copies of what a loop carried last, and somebody reads."""
        for index, pointer in enumerate(current):
            if index in self.read:
                target = self.places.pointer(self.read[index])
                copy(self.b, target, pointer, self.types[index])

    def rounds(self) -> _Rounds:
        """Begin a loop: the places of what it carries change with each round.

        before -> head -> ...
        """
        before, head = self.b.block, self.b.function.append_basic_block("round")
        self.b.branch(head)
        self.b.position_at_end(head)
        counter = self.b.phi(INDEX)
        counter.add_incoming(ir.Constant(INDEX, 0), before)
        pairs: list[tuple[ir.PhiInstr, ir.PhiInstr]] = []
        for index in self.carried:
            now, then = self.b.phi(POINTER), self.b.phi(POINTER)
            now.add_incoming(self.buffers[index][0], before)
            then.add_incoming(self.buffers[index][1], before)
            pairs.append((now, then))
        return _Rounds(head, counter, pairs)

    def again(self, rounds: _Rounds) -> None:
        """Append the way back to the head of a loop, with the places exchanged."""
        following = self.b.add(rounds.counter, ir.Constant(INDEX, 1))
        rounds.counter.add_incoming(following, self.b.block)
        for now, then in rounds.carries:
            now.add_incoming(then, self.b.block)
            then.add_incoming(now, self.b.block)
        self.b.branch(rounds.head)

    def scan(self, scan: Scan) -> None:
        """Append a loop of a known number of rounds.

        head -> (body -> head | after)
        """
        b, constants, carries = self.b, scan.constants, scan.carries
        moving = constants + carries
        self.arguments(0, self.operands[:constants])
        self.begin(self.operands[constants:moving])
        rounds = self.rounds()
        body, after = (b.function.append_basic_block(name) for name in ("body", "after"))
        length = ir.Constant(INDEX, scan.length)
        b.cbranch(b.icmp_unsigned("<", rounds.counter, length), body, after)
        b.position_at_end(body)
        last = ir.Constant(INDEX, scan.length - 1)
        row = b.sub(last, rounds.counter) if scan.reverse else rounds.counter
        self.arguments(0, [now for now, _ in rounds.carries], constants)
        self.results(0, [then for _, then in rounds.carries])
        slices = scan.body.inputs[moving:]
        pairs = zip(self.operands[moving:], slices, strict=True)
        self.arguments(0, [self.slice(pointer, row, type_) for pointer, type_ in pairs], moving)
        ys = [
            self.slice(self.buffers[index][0], row, self.types[index])
            if index in self.read
            else self.buffers[index][0]
            for index in range(carries, len(self.types))
        ]
        self.results(0, ys, carries)
        self.call(0)
        self.again(rounds)
        b.position_at_end(after)
        self.end([now for now, _ in rounds.carries])

    def slice(self, pointer: ir.Value, row: ir.Value, type_: ArrayType) -> ir.Value:
        """Return where a row of an array begins."""
        size = math.prod(type_.shape) * type_.dtype.itemsize
        return self.b.gep(pointer, [self.b.mul(row, ir.Constant(INDEX, size))], source_etype=BYTE)

    def loop(self, loop: While) -> None:
        """Append a loop that ends when its test fails, or after a number of rounds.

        head -> (test -> (body -> head | after) | after)
        """
        b, constants = self.b, loop.constants
        flag = self.places.in_arena(self.scratch + self.layout.flag)
        for program in (0, 1):
            self.arguments(program, self.operands[:constants])
        self.results(0, [flag])
        self.begin(self.operands[constants:])
        rounds = self.rounds()
        body, after = (b.function.append_basic_block(name) for name in ("body", "after"))
        if loop.limit is not None:
            test = b.function.append_basic_block("test")
            limit = ir.Constant(INDEX, loop.limit)
            b.cbranch(b.icmp_unsigned("<", rounds.counter, limit), test, after)
            b.position_at_end(test)
        current = [now for now, _ in rounds.carries]
        self.arguments(0, current, constants)
        self.call(0)
        holds = b.icmp_unsigned("!=", b.load(flag, typ=BYTE), ir.Constant(BYTE, 0))
        b.cbranch(holds, body, after)
        b.position_at_end(body)
        self.arguments(1, current, constants)
        self.results(1, [then for _, then in rounds.carries])
        self.call(1)
        self.again(rounds)
        b.position_at_end(after)
        self.end(current)

    def choose(self) -> None:
        """Append a branch by number.

        before -> (case0 | case1 | ...) -> after
        """
        b = self.b
        dtype = self.places.plan.program.type_at(self.packed[0]).dtype
        kind = ir.IntType(8 * dtype.itemsize)
        number = b.load(self.operands[0], typ=kind)
        after = b.function.append_basic_block("after")
        cases = [b.function.append_basic_block("case") for _ in self.functions]
        switch = b.switch(number, cases[-1])
        for index, case in enumerate(cases):
            if index < len(cases) - 1:
                switch.add_case(ir.Constant(kind, index), case)
            b.position_at_end(case)
            self.arguments(index, self.operands[1:])
            self.results(index, [first for first, _ in self.buffers])
            self.call(index)
            b.branch(after)
        b.position_at_end(after)


@final
@frozen
class _Rounds:
    """A loop that has begun."""

    head: ir.Block
    counter: ir.PhiInstr
    #: Where what is carried lies in this round, and in the next one.
    carries: list[tuple[ir.PhiInstr, ir.PhiInstr]]
