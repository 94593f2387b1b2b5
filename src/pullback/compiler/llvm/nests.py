"""Loops around code.

A nest of two, where `head` is entered at least once and `phi` counts:

    before -> head0 -> head1 -> body -> (head1 | tail0) -> (head0 | after)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from pullback.compiler.llvm.scalars import INDEX
from pullback.compiler.llvm.threads import Part

#: Makes the body, given the loop variables by number.
Body = Callable[[dict[int, ir.Value]], None]


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
