"""The way from Python into native code: lists of objects become a table of pointers.

The layout of Python's and NumPy's objects is part of their binary interfaces: after the header of
every object, a list has its length and a pointer to its items; an ndarray the pointer to its data,
the number of axes, the pointers to shape and strides, the base, the dtype and the flags; a dtype
the class of its scalars, three letters, a byte of flags and a number; a float and a NumPy scalar
have their value.
"""

from __future__ import annotations

from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.interface import DESCRIPTIONS, INPUTS, RUN, TABLE, UNFIT
from pullback.compiler.llvm.library import borrow
from pullback.compiler.llvm.places import STATUS
from pullback.compiler.llvm.scalars import BYTE, INDEX, POINTER
from pullback.compiler.llvm.vectors import loop

_HEADER: Final = object.__basicsize__
_TYPE: Final = _HEADER - 8
_ITEMS: Final = _HEADER + 8
_DATA: Final = _HEADER
_AXES: Final = _HEADER + 8
_SHAPE: Final = _HEADER + 16
_DTYPE: Final = _HEADER + 40
_FLAGS: Final = _HEADER + 48
_SIGNATURE: Final = ir.FunctionType(STATUS, [POINTER] * 4 + [INDEX] * 2)
_READABLE: Final = 0x0001 | 0x0100  # in row-major order, and aligned
_KIND: Final = _HEADER + 8  # in a dtype: its letters, byte order and number, in one word


def emit_entry(module: ir.Module, program: ir.Function, inputs: int, outputs: int) -> None:
    """Append ``run(root, inputs, outputs)``, which calls the program.

    Before -> after:
        run(root, a, b)  ->  enter(root, a, b, program, inputs, outputs), which is of the library
    """
    enter = borrow(module, "enter", _SIGNATURE, _write)
    function = ir.Function(module, ir.FunctionType(STATUS, [POINTER] * 3), RUN)
    b = ir.IRBuilder(function.append_basic_block("entry"))
    b.ret(b.call(enter, [*function.args, program, _index(inputs), _index(outputs)]))


def _write(function: ir.Function) -> None:
    """Append the code of `enter`.

    Each argument is compared with a description of four words: its class, and for an ndarray the
    dtype, the number of axes, and the shape; a scalar has zero in place of the dtype.
    """
    b = ir.IRBuilder(function.append_basic_block("entry"))
    entry = _Entry(b, function.append_basic_block("unfit"))
    root, arguments, results, program, inputs, outputs = function.args
    program.type = ir.FunctionType(STATUS, [POINTER] * 2).as_pointer()  # what llvmlite calls
    table = _load(b, root, 8 * TABLE)
    descriptions = _load(b, root, 8 * DESCRIPTIONS)

    def argument(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        words = b.gep(descriptions, [b.mul(k, _index(32))], source_etype=BYTE)
        place = entry.place(_item(b, arguments, k), words)
        _store(b, place, table, b.add(k, _index(INPUTS)))
        return carried

    def result(k: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        data = _load(b, _item(b, results, k), _DATA)
        _store(b, data, table, b.add(b.add(k, inputs), _index(INPUTS)))
        return carried

    for count, body in ((inputs, argument), (outputs, result)):
        with b.if_then(b.icmp_unsigned("!=", count, _index(0))):
            loop(b, 2, [], body, (_index(0), count))
    b.ret(b.call(program, [root, table]))
    b.position_at_end(entry.unfit)
    b.ret(ir.Constant(STATUS, UNFIT))


@final
@frozen
class _Entry:
    """The function while it is being written."""

    b: ir.IRBuilder
    #: Where it goes if an argument is not as described.
    unfit: ir.Block

    def check(self, x: ir.Value, y: ir.Value) -> None:
        """Append the comparison of two words, which have to be equal.

        before -> (following | unfit)
        """
        following = self.b.function.append_basic_block()
        self.b.cbranch(self.b.icmp_unsigned("==", x, y), following, self.unfit)
        self.b.position_at_end(following)

    def place(self, item: ir.Value, words: ir.Value) -> ir.Value:
        """Append the comparison of an object with its description; return where its numbers are.

        before -> (array -> found | found)
        """
        b = self.b
        self.check(_load(b, item, _TYPE), _load(b, words, 0))
        dtype = _load(b, words, 8)
        value = b.gep(item, [_index(_DATA)], source_etype=BYTE)
        before = b.block
        array, found = (b.function.append_basic_block(name) for name in ("array", "found"))
        b.cbranch(b.icmp_unsigned("==", dtype, ir.Constant(POINTER, None)), found, array)
        b.position_at_end(array)
        self.dtype(_load(b, item, _DTYPE), dtype)
        readable = ir.Constant(STATUS, _READABLE)
        self.check(b.and_(_load(b, item, _FLAGS, STATUS), readable), readable)
        axes = _load(b, words, 16, INDEX)
        self.check(b.zext(_load(b, item, _AXES, STATUS), INDEX), axes)
        self.shape(axes, _load(b, item, _SHAPE), _load(b, words, 24))
        data, last = _load(b, item, _DATA), b.block
        b.branch(found)
        b.position_at_end(found)
        place = b.phi(POINTER)
        place.add_incoming(value, before)
        place.add_incoming(data, last)
        return place

    def dtype(self, have: ir.Value, want: ir.Value) -> None:
        """Append the comparison of dtypes, of which arrays that were pickled have copies.

        before -> (copy -> (same | unfit) | same)
        """
        b = self.b
        copy, same = (b.function.append_basic_block(name) for name in ("copy", "same"))
        b.cbranch(b.icmp_unsigned("==", have, want), same, copy)
        b.position_at_end(copy)
        self.check(_load(b, have, _KIND), _load(b, want, _KIND))
        b.branch(same)
        b.position_at_end(same)

    def shape(self, axes: ir.Value, have: ir.Value, want: ir.Value) -> None:
        """Append the comparison of two rows of sizes.

        start -> head -> (body -> head | end)
        """
        b, start = self.b, self.b.block
        head, body, end = (b.function.append_basic_block() for _ in range(3))
        b.branch(head)
        b.position_at_end(head)
        axis = b.phi(INDEX)
        axis.add_incoming(_index(0), start)
        b.cbranch(b.icmp_unsigned("<", axis, axes), body, end)
        b.position_at_end(body)
        x, y = (b.load(b.gep(p, [axis], source_etype=INDEX), typ=INDEX) for p in (have, want))
        self.check(x, y)
        axis.add_incoming(b.add(axis, _index(1)), b.block)
        b.branch(head)
        b.position_at_end(end)


def _index(number: int) -> ir.Constant:
    return ir.Constant(INDEX, number)


def _load(b: ir.IRBuilder, place: ir.Value, offset: int, kind: ir.Type = POINTER) -> ir.Value:
    return b.load(b.gep(place, [_index(offset)], source_etype=BYTE), typ=kind)


def _item(b: ir.IRBuilder, objects: ir.Value, number: ir.Value) -> ir.Value:
    """Append the load of an item of a list."""
    items = _load(b, objects, _ITEMS)
    return b.load(b.gep(items, [number], source_etype=POINTER), typ=POINTER)


def _store(b: ir.IRBuilder, value: ir.Value, table: ir.Value, entry: ir.Value) -> None:
    b.store(value, b.gep(table, [entry], source_etype=POINTER))
