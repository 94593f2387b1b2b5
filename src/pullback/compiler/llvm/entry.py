"""The way from Python into native code: lists of objects become a table of pointers.

The layout of Python's and NumPy's objects is part of their binary interfaces: after the header of
every object, a list has its length and a pointer to its items; an ndarray the pointer to its data,
the number of axes, the pointers to shape and strides, the base, the dtype and the flags; a float
and a NumPy scalar have their value.
"""

from __future__ import annotations

from typing import Final

from llvmlite import ir

from pullback.compiler.llvm.link import UNFIT
from pullback.compiler.llvm.nests import nest
from pullback.compiler.llvm.places import STATUS
from pullback.compiler.llvm.scalars import BYTE, INDEX, POINTER
from pullback.compiler.memory import DESCRIPTIONS, INPUTS, TABLE

_HEADER: Final = object.__basicsize__
_TYPE: Final = _HEADER - 8
_ITEMS: Final = _HEADER + 8
_DATA: Final = _HEADER
_AXES: Final = _HEADER + 8
_SHAPE: Final = _HEADER + 16
_DTYPE: Final = _HEADER + 40
_FLAGS: Final = _HEADER + 48
_READABLE: Final = 0x0001 | 0x0100  # in row-major order, and aligned


def emit_entry(module: ir.Module, program: ir.Function, inputs: int, outputs: int) -> None:
    """Append ``run(root, inputs, outputs)``, which calls the program.

    Each argument is compared with a description of four words: its class, and for an ndarray the
    dtype, the number of axes, and the shape; a scalar has zero in place of the dtype.
    """
    function = ir.Function(module, ir.FunctionType(STATUS, [POINTER] * 3), "run")
    b = ir.IRBuilder(function.append_basic_block("entry"))
    root, arguments, results = function.args
    table = _load(b, root, 8 * TABLE)
    descriptions = _load(b, root, 8 * DESCRIPTIONS)
    unfit = function.append_basic_block("unfit")

    def check(equal: ir.Value) -> None:
        following = function.append_basic_block()
        b.cbranch(equal, following, unfit)
        b.position_at_end(following)

    def argument(variables: dict[int, ir.Value]) -> None:
        item = _item(b, items, variables[0])
        words = b.gep(descriptions, [b.mul(variables[0], _index(32))], source_etype=BYTE)
        check(b.icmp_unsigned("==", _load(b, item, _TYPE), _load(b, words, 0)))
        dtype = _load(b, words, 8)
        value = b.gep(item, [_index(_DATA)], source_etype=BYTE)
        before = b.block
        array, after = function.append_basic_block("array"), function.append_basic_block("found")
        b.cbranch(b.icmp_unsigned("==", dtype, ir.Constant(POINTER, None)), after, array)
        b.position_at_end(array)
        check(b.icmp_unsigned("==", _load(b, item, _DTYPE), dtype))
        axes = _load(b, words, 16, INDEX)
        check(b.icmp_unsigned("==", b.zext(_load(b, item, _AXES, STATUS), INDEX), axes))
        readable = ir.Constant(STATUS, _READABLE)
        flags = b.and_(_load(b, item, _FLAGS, STATUS), readable)
        check(b.icmp_unsigned("==", flags, readable))
        have, want = _load(b, item, _SHAPE), _load(b, words, 24)
        start = b.block
        head, body, end = (function.append_basic_block() for _ in range(3))
        b.branch(head)
        b.position_at_end(head)
        axis = b.phi(INDEX)
        axis.add_incoming(_index(0), start)
        b.cbranch(b.icmp_unsigned("<", axis, axes), body, end)
        b.position_at_end(body)
        sizes = [b.load(b.gep(p, [axis], source_etype=INDEX), typ=INDEX) for p in (have, want)]
        check(b.icmp_unsigned("==", *sizes))
        axis.add_incoming(b.add(axis, _index(1)), b.block)
        b.branch(head)
        b.position_at_end(end)
        data = _load(b, item, _DATA)
        b.branch(after)
        b.position_at_end(after)
        place = b.phi(POINTER)
        place.add_incoming(value, before)
        place.add_incoming(data, end)
        _store(b, place, table, b.add(variables[0], _index(INPUTS)))

    def result(variables: dict[int, ir.Value]) -> None:
        data = _load(b, _item(b, items, variables[0]), _DATA)
        _store(b, data, table, b.add(variables[0], _index(INPUTS + inputs)))

    items = _load(b, arguments, _ITEMS)
    nest(b, [(0, inputs)], argument)
    items = _load(b, results, _ITEMS)
    nest(b, [(0, outputs)], result)
    b.ret(b.call(program, [root, table]))
    b.position_at_end(unfit)
    b.ret(ir.Constant(STATUS, UNFIT))


def _index(number: int) -> ir.Constant:
    return ir.Constant(INDEX, number)


def _load(b: ir.IRBuilder, place: ir.Value, offset: int, kind: ir.Type = POINTER) -> ir.Value:
    return b.load(b.gep(place, [_index(offset)], source_etype=BYTE), typ=kind)


def _item(b: ir.IRBuilder, items: ir.Value, number: ir.Value) -> ir.Value:
    return b.load(b.gep(items, [number], source_etype=POINTER), typ=POINTER)


def _store(b: ir.IRBuilder, value: ir.Value, table: ir.Value, entry: ir.Value) -> None:
    b.store(value, b.gep(table, [entry], source_etype=POINTER))
