"""A long scan as a scan of short ones, so that reverse mode holds fewer carries."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrs import evolve

from pullback.control.parts import call_bundled, split
from pullback.control.scan import Scan
from pullback.core import Array, apply, lift, trace_program
from pullback.primitives.joining import concat_along, stretch
from pullback.primitives.quantity import Value
from pullback.primitives.shape import Reshape

Arrays = list[Array]


def call_scan(
    scan: Scan, constants: Sequence[Array], carry: Sequence[Array], xs: Sequence[Array]
) -> tuple[Arrays, Arrays]:
    """Apply a scan; return the last carry and what the steps gave."""
    parts = call_bundled(scan, [*constants, *carry, *xs])
    carried, ys = split(parts, scan.carries)
    return carried, ys


def checkpointed(
    scan: Scan, constants: Sequence[Array], carry: Sequence[Array], xs: Sequence[Array]
) -> tuple[Arrays, Arrays]:
    """Do the same in blocks of about √length steps.

    The outer scan's pullback holds the carry before each block; it computes the carries inside a
    block again when it comes to it. Steps that fill no block are done in a scan of their own.
    """
    block = math.isqrt(scan.length)
    if block < 2:
        return call_scan(scan, constants, carry, xs)
    blocks, rest = divmod(scan.length, block)
    k, c = scan.constants, scan.carries
    # What a carry is made of outside is not known inside.
    inside = evolve(scan, active=scan.active_in_some_step())
    inner = evolve(inside, length=block)

    def step(nodes: Arrays) -> Arrays:
        carried, ys = call_scan(inner, *split(nodes, k, c))
        return [*carried, *ys]

    slices = [evolve(t, shape=(block, *t.shape)) for t in scan.body.inputs[k + c :]]
    body = trace_program(step, [*scan.body.inputs[: k + c], *slices])[0]
    outer = evolve(scan, body=body, length=blocks)
    # In reverse, the steps that fill no block come last, and are the first ones by index.
    given: Value = xs
    bounds = (rest, scan.length) if scan.reverse else (0, scan.length - rest)
    others = (0, rest) if scan.reverse else (scan.length - rest, scan.length)
    shaped = [_reshaped(stretch(x, 0, *bounds), (blocks, block, *x.shape[1:])) for x in given]
    carried, stacked = call_scan(outer, constants, carry, shaped)
    ys = [_reshaped(y, (blocks * block, *y.shape[2:])) for y in stacked]
    if rest:
        single = evolve(inside, length=rest)
        last = [lift(stretch(x, 0, *others)) for x in given]
        carried, remaining = call_scan(single, constants, carried, last)
        pairs = zip(remaining, ys, strict=True) if scan.reverse else zip(ys, remaining, strict=True)
        ys = [apply(concat_along(0, [x.shape, y.shape]), x, y) for x, y in pairs]
    return carried, ys


def _reshaped(x: Value, shape: tuple[int, ...]) -> Array:
    return apply(Reshape(shape), lift(x))
