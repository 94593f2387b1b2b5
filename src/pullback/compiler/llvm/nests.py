"""Loops around code.

A nest of two, where `head` is entered at least once and `phi` counts:

    before -> head0 -> head1 -> body -> (head1 | tail0) -> (head0 | after)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.llvm.scalars import INDEX
from pullback.compiler.llvm.threads import Part

#: Makes the body, given the loop variables by number.
Body = Callable[[dict[int, ir.Value]], None]


@final
@frozen
class Loops:
    """How the loops of a kernel are written."""

    #: How many elements each takes at a time: 1 for single ones, 0 where there is no loop.
    lanes: tuple[int, ...] = ()
    #: Axes that make one loop with the one behind them, whose variable counts for both.
    joined: frozenset[int] = frozenset()

    def extents(self, extents: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return loops by variable and length, with those made one that are.

        Before -> after:
            for i in 0..3: for j in 0..5  ->  for j in 0..15
        """
        found: list[tuple[int, int]] = []
        factor = 1
        for axis, size in extents:
            factor *= size
            if axis not in self.joined:
                found.append((axis, factor))
                factor = 1
        return found


#: Loops over single elements.
SINGLE: Final = Loops()


def nest(
    builder: ir.IRBuilder,
    extents: Sequence[tuple[int, int]],
    body: Body,
    outer: dict[int, ir.Value] | None = None,
    part: Part | None = None,
) -> None:
    """Append loops, the first outermost.

    Args:
        builder: Where they go; afterwards it stands behind them.
        extents: For each loop the number of its variable, and how often it runs.
        body: Makes what is inside.
        outer: Variables of loops around these.
        part: The part of the outermost loop that is done, if not all of it.
    """
    variables = dict(outer or {})
    if any(extent == 0 for _, extent in extents):
        return
    opened: list[tuple[ir.PhiInstr, ir.Block, ir.Value]] = []
    for variable, extent in extents:
        if extent == 1:
            variables[variable] = ir.Constant(INDEX, 0)
            continue
        start: ir.Value = ir.Constant(INDEX, 0)
        stop: ir.Value = ir.Constant(INDEX, extent)
        if part is not None and not opened:
            start, stop = part.bounds(builder, extent)
        before = builder.block
        head = builder.function.append_basic_block()
        builder.branch(head)
        builder.position_at_end(head)
        counter = builder.phi(INDEX)
        counter.add_incoming(start, before)
        variables[variable] = counter
        opened.append((counter, head, stop))
    body(variables)
    for counter, head, stop in reversed(opened):
        following = builder.add(counter, ir.Constant(INDEX, 1), flags=("nuw", "nsw"))
        counter.add_incoming(following, builder.block)
        after = builder.function.append_basic_block()
        more = builder.icmp_unsigned("<", following, stop)
        builder.cbranch(more, head, after)
        builder.position_at_end(after)


def stepped(
    b: ir.IRBuilder, counter: ir.Value, step: int, start: ir.Value | None = None
) -> ir.Value:
    """Return ``start + counter·step``."""
    number = fixed(counter)
    if number is not None:
        place: ir.Value = ir.Constant(INDEX, number * step)
    else:
        place = b.mul(counter, ir.Constant(INDEX, step), flags=("nuw", "nsw"))
    return place if start is None else further(b, start, place)


def further(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """Return the sum of two places."""
    first, second = fixed(x), fixed(y)
    if first is not None and second is not None:
        return ir.Constant(INDEX, first + second)
    if first == 0 or second == 0:
        return y if first == 0 else x
    return b.add(x, y, flags=("nuw", "nsw"))


def smaller(b: ir.IRBuilder, total: int, before: ir.Value, most: int) -> ir.Value:
    """Return ``min(total - before, most)``: the size of a block, of which the last may be short."""
    left, size = b.sub(ir.Constant(INDEX, total), before), ir.Constant(INDEX, most)
    return b.select(b.icmp_unsigned("<", left, size), left, size)


def fixed(place: ir.Value) -> int | None:
    """Return a place that the code knows: the counter of a loop that runs once."""
    return int(place.get_reference()) if isinstance(place, ir.Constant) else None
