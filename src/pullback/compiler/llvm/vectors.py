"""Vectors of the machine's width: how wide, how many, and what is done besides arithmetic.

Also loops that carry values: between two runs of the body these stay in registers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import binding, ir

from pullback.compiler.llvm.lanes import Lanes
from pullback.compiler.llvm.lanes import lanes as lanes_type
from pullback.compiler.llvm.scalars import FLAG, INDEX, POINTER

_INT: Final = ir.IntType(32)


@final
@frozen
class Registers:
    """The vector registers of a machine."""

    #: Of one register.
    bytes: int
    #: How many sums a tile may hold, so that the factors find room beside them.
    sums: int


@functools.cache
def registers() -> Registers:
    """Return the registers of this machine."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return Registers(64, 16)
    if features.get("avx"):
        return Registers(32, 12)
    return Registers(16, 16 if features.get("neon") else 12)


def at_most(size: int) -> int:
    """Return the largest power of 2 up to a size."""
    return 1 << (size.bit_length() - 1)


def at_least(size: int) -> int:
    """Return the smallest power of 2 from a size on."""
    return 1 << (size - 1).bit_length()


def spans(width: int, lanes: int) -> Sequence[tuple[int, int]]:
    """Return where vectors begin that make up a row, and their lanes; the last may overlap."""
    lanes = min(lanes, at_most(width))
    pieces = [(start, lanes) for start in range(0, width - lanes + 1, lanes)]
    rest = width % lanes
    if rest:
        last = at_least(rest)
        pieces.append((width - last, last))
    return pieces


def vector(kind: ir.Type, lanes: int) -> ir.Type:
    """Return the type of so many numbers; one is no vector."""
    return lanes_type(kind, lanes)


@functools.cache  # constants and their texts are made once
def zeros(kind: ir.Type) -> ir.Constant:
    """Return zero, in each lane."""
    return ir.Constant(kind, 0.0)


def splat(b: ir.IRBuilder, x: ir.Value, lanes: int) -> ir.Value:
    """Return a number in each lane."""
    if lanes == 1:
        return x
    nothing = ir.Constant(Lanes(x.type, lanes), ir.Undefined)
    one = b.insert_element(nothing, x, ir.Constant(_INT, 0))
    return _shuffled(b, one, nothing, [0] * lanes)


def load(
    b: ir.IRBuilder, pointer: ir.Value, kind: ir.Type, lanes: int, step: int, *, aligned: int
) -> ir.Value:
    """Return so many numbers from memory, each ``step`` elements behind the last."""
    if lanes == 1 or step == 0:
        return splat(b, b.load(pointer, align=aligned, typ=kind), lanes)
    if step == 1:
        return b.load(pointer, align=aligned, typ=vector(kind, lanes))
    found: ir.Value = ir.Constant(vector(kind, lanes), ir.Undefined)
    for lane in range(lanes):
        element = b.load(moved(b, pointer, kind, lane * step), align=aligned, typ=kind)
        found = b.insert_element(found, element, ir.Constant(_INT, lane))
    return found


def room(b: ir.IRBuilder, kind: ir.Type, size: int) -> ir.Value:
    """Return memory on the stack for so many numbers."""
    with b.goto_entry_block():
        found = b.alloca(ir.ArrayType(kind, size))
    found.type = POINTER  # llvmlite gives it the type of what it points to
    return found


def moved(b: ir.IRBuilder, pointer: ir.Value, kind: ir.Type, step: int) -> ir.Value:
    """Return a pointer so many elements further."""
    if step == 0:
        return pointer
    return b.gep(pointer, [ir.Constant(INDEX, step)], source_etype=kind)


def stepped(
    b: ir.IRBuilder, pointer: ir.Value, kind: ir.Type, index: ir.Value, step: int
) -> ir.Value:
    """Return a pointer ``index·step`` elements further."""
    if isinstance(index, ir.Constant):
        return moved(b, pointer, kind, int(index.get_reference()) * step)
    if step == 0:
        return pointer
    place = b.mul(index, ir.Constant(INDEX, step), flags=("nsw",)) if step != 1 else index
    return b.gep(pointer, [place], source_etype=kind)


def lanes_of(x: ir.Value) -> int:
    """Return the number of lanes."""
    return x.type.count if isinstance(x.type, ir.VectorType) else 1


def split(b: ir.IRBuilder, x: ir.Value) -> list[ir.Value]:
    """Return the numbers of the lanes."""
    if lanes_of(x) == 1:
        return [x]
    return [b.extract_element(x, ir.Constant(_INT, lane)) for lane in range(lanes_of(x))]


def joined(b: ir.IRBuilder, numbers: Sequence[ir.Value]) -> ir.Value:
    """Return numbers as the lanes of one vector."""
    if len(numbers) == 1:
        return numbers[0]
    found: ir.Value = ir.Constant(Lanes(numbers[0].type, len(numbers)), ir.Undefined)
    for lane, number in enumerate(numbers):
        found = b.insert_element(found, number, ir.Constant(_INT, lane))
    return found


def transpose(b: ir.IRBuilder, rows: Sequence[ir.Value]) -> list[ir.Value]:
    """Return the columns of as many vectors as each has lanes.

    Before -> after:
        [a0 a1], [b0 b1]  ->  [a0 b0], [a1 b1]
    """
    size = len(rows)
    current, half = list(rows), 1
    while half < size:
        low = [i if not i & half else i - half + size for i in range(size)]
        high = [i + half if not i & half else i + size for i in range(size)]
        following = list(current)
        for i in range(size):
            if not i & half:
                x, y = current[i], current[i + half]
                following[i] = _shuffled(b, x, y, low)
                following[i + half] = _shuffled(b, x, y, high)
        current, half = following, 2 * half
    return current


def sums(b: ir.IRBuilder, rows: Sequence[ir.Value]) -> list[ir.Value]:
    """Return the sum of the lanes of each vector; neighbours are added first, in each.

    Before -> after, where two vectors at a time become one with the sums of both:
        [a0 a1 a2 a3], [b0 b1 b2 b3]  ->  [a0+a1 a2+a3 b0+b1 b2+b3]
    """
    lanes = lanes_of(rows[0])
    if lanes == 1:
        return list(rows)
    found: list[ir.Value] = []
    for start in range(0, len(rows), lanes):
        group = list(rows[start : start + lanes])
        wanted = len(group)
        group += [group[-1]] * (at_least(wanted) - wanted)
        while len(group) > 1:
            group = [_paired(b, x, y) for x, y in zip(group[::2], group[1::2], strict=True)]
        total = group[0]
        while lanes_of(total) > at_least(wanted):
            total = _paired(b, total, None)
        found += split(b, total)[:wanted]
    return found


def _paired(b: ir.IRBuilder, x: ir.Value, y: ir.Value | None) -> ir.Value:
    """Return the sums of neighbours in one vector, or in two, side by side."""
    lanes = lanes_of(x) * (1 if y is None else 2)
    if y is None:
        y = ir.Constant(x.type, ir.Undefined)
    even = _shuffled(b, x, y, list(range(0, lanes, 2)))
    odd = _shuffled(b, x, y, list(range(1, lanes, 2)))
    return b.fadd(even, odd)


def is_nan(b: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """Return whether a number is nan, in each lane."""
    return b.fcmp_unordered("uno", x, x)


def any_nan(b: ir.IRBuilder, values: Sequence[ir.Value]) -> ir.Value:
    """Return whether a number is nan in any lane of any vector."""
    by_lanes: dict[int, list[ir.Value]] = {}
    for value in values:
        by_lanes.setdefault(lanes_of(value), []).append(value)
    found: ir.Value = ir.Constant(FLAG, 0)
    for lanes, group in by_lanes.items():
        pairs = zip(group[::2], [*group[1::2], *group[-1:]], strict=False)
        flags = functools.reduce(b.or_, [b.fcmp_unordered("uno", x, y) for x, y in pairs])
        if lanes > 1:
            bits = ir.IntType(lanes)
            flags = b.icmp_unsigned("!=", b.bitcast(flags, bits), ir.Constant(bits, 0))
        found = b.or_(found, flags)
    return found


def masked(b: ir.IRBuilder, x: ir.Value, first: int) -> ir.Value:
    """Return a vector with zeros in the lanes before ``first``."""
    lanes = lanes_of(x)
    mask = [lane if lane >= first else lane + lanes for lane in range(lanes)]
    return _shuffled(b, x, zeros(x.type), mask)


def _shuffled(b: ir.IRBuilder, x: ir.Value, y: ir.Value, lanes: Sequence[int]) -> ir.Value:
    if len(lanes) == 1:
        return b.extract_element(x, ir.Constant(_INT, lanes[0]))
    assert isinstance(x.type, ir.VectorType), "lanes of a vector"
    found = b.shuffle_vector(x, y, _mask(tuple(lanes)))
    found.type = Lanes(x.type.element, len(lanes))  # llvmlite has its own type of vectors there
    return found


@functools.cache
def _mask(lanes: tuple[int, ...]) -> ir.Constant:
    return ir.Constant(ir.VectorType(_INT, len(lanes)), list(lanes))


#: Makes the body, given the counter and what is carried; returns what is carried on.
Carrying = Callable[[ir.Value, list[ir.Value]], list[ir.Value]]


def loop(
    b: ir.IRBuilder,
    count: int,
    carried: Sequence[ir.Value],
    body: Carrying,
    bounds: tuple[ir.Value, ir.Value] | None = None,
) -> list[ir.Value]:
    """Append a loop that runs at least once, and return what it carries in the end.

    before -> head <-> head -> after, where `phi`s count and carry

    Args:
        b: Where it goes; afterwards it stands behind it.
        count: How often it runs.
        carried: What the first run is given.
        body: Makes what is inside.
        bounds: The part of the counter's values that it runs over, if not over all.
    """
    first, stop = bounds or (ir.Constant(INDEX, 0), ir.Constant(INDEX, count))
    if count == 1:
        return body(ir.Constant(INDEX, 0), list(carried))
    before, head = b.block, b.function.append_basic_block()
    b.branch(head)
    b.position_at_end(head)
    counter = b.phi(INDEX)
    counter.add_incoming(first, before)
    phis = [b.phi(value.type) for value in carried]
    results = body(counter, list(phis))
    following = b.add(counter, ir.Constant(INDEX, 1), flags=("nuw", "nsw"))
    counter.add_incoming(following, b.block)
    for phi, value, result in zip(phis, carried, results, strict=True):
        phi.add_incoming(value, before)
        phi.add_incoming(result, b.block)
    after = b.function.append_basic_block()
    b.cbranch(b.icmp_unsigned("<", following, stop), head, after)
    b.position_at_end(after)
    return results
