"""Kernels that compute element by element: maps, and joins of several operands."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.indices import (
    ZERO,
    Affine,
    Index,
    NeedsAxesError,
    Shape,
    axes_index,
    broadcast,
    spread,
    strides,
    through,
    variable,
)
from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm.elements import Elements
from pullback.compiler.llvm.lanewise import lane_count
from pullback.compiler.llvm.nests import nest
from pullback.compiler.llvm.scalars import INDEX
from pullback.compiler.llvm.threads import Part
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.joining import Concat
from pullback.primitives.slicing import PadSlice, SliceSet


@final
@frozen
class Code:
    """A kernel's function while it is being written."""

    plan: Plan
    builder: ir.IRBuilder
    #: Where each value lies that the kernel reads or writes.
    pointers: dict[int, ir.Value]
    #: What it reads: the only values it may load.
    reads: frozenset[int]
    #: The part of the outermost loop that is done, where threads share the work.
    part: Part | None = None
    #: Where quick code notes that it may be wrong, if it is to be quick.
    met: ir.Value | None = None

    def elements(self, variables: dict[int, ir.Value]) -> Elements:
        """Return the body of a loop, at the builder's place."""
        sources = {number: self.pointers[number] for number in self.reads}
        return Elements(self.plan, self.builder, variables, sources, self.met)

    def shape(self, number: int) -> Shape:
        """Return the shape of a value."""
        return self.plan.program.type_at(number).shape


def is_flat(plan: Plan, numbers: Iterable[int], reads: frozenset[int]) -> bool:
    """Return whether elements of values of one shape need no more than a flat index."""
    stack: list[tuple[int, Index]] = [(number, variable(0)) for number in numbers]
    seen: set[tuple[int, Index]] = set()
    try:
        while stack:
            number, index = item = stack.pop()
            if item in seen or number in plan.literals or number in reads:
                continue
            seen.add(item)
            primitive, operands = plan.program.steps[number - plan.first]
            want = plan.program.type_at(number).shape
            if isinstance(primitive, (PadSlice, Gather, ScatterAdd)):
                spread(index, want)
                continue
            for operand in operands:
                have = plan.program.type_at(operand).shape
                if plan.kinds[number] is Kind.MAP:
                    stack.append((operand, broadcast(index, have, want)))
                else:
                    stack.append((operand, through(primitive, index, have, want)))
    except NeedsAxesError:
        return False
    return True


def emit_map(code: Code, kernel: Kernel) -> None:
    """Append the loop of a map.

    Before -> after:
        [b = sin(a), c = b + 1], writes [c]  ->  for i: c[i] = sin(a[i]) + 1
    """
    shape = code.shape(kernel.values[0])
    if math.prod(shape) == 1:
        shape = ()
    flat = is_flat(code.plan, kernel.values, code.reads)
    index: Index = variable(0) if flat and shape else axes_index(shape)
    extents = [(0, math.prod(shape))] if flat else list(enumerate(shape))

    def body(variables: dict[int, ir.Value], lanes: tuple[int, int] | None = None) -> None:
        elements = code.elements(variables)
        elements.lanes = lanes
        for number in kernel.values:
            value = elements.compute(number, index)
            if number in kernel.writes:
                place = elements.place(_flat(index, shape))
                elements.store(number, code.pointers[number], place, value)

    extents = [item for item in extents if item[1] != 1]
    lanes = 1
    if extents:
        lanes = lane_count(code.plan, kernel, index, extents[-1][0])
    uneven = code.part is not None and len(extents) == 1 and extents[0][1] % lanes != 0
    if lanes == 1 or uneven:
        nest(code.builder, extents, body, part=code.part)
    else:
        _in_lanes(code, extents, body, lanes)


def _in_lanes(
    code: Code,
    extents: Sequence[tuple[int, int]],
    body: Callable[[dict[int, ir.Value], tuple[int, int] | None], None],
    lanes: int,
) -> None:
    """Append loops of which the innermost takes several elements at a time, and those left over.

    Before -> after:
        for i in 0..19: c[i] = -a[i]  ->  for k in 0..2: c[8k:8k + 8] = -a[8k:8k + 8]
                                          c[16:19] = -a[16:19]
    """
    b = code.builder
    *outer, (variable, extent) = extents
    whole, rest = divmod(extent, lanes)

    def vectors(variables: dict[int, ir.Value], count: int, start: int) -> None:
        place = b.mul(variables[variable], ir.Constant(INDEX, count), flags=("nuw", "nsw"))
        place = b.add(place, ir.Constant(INDEX, start), flags=("nuw", "nsw")) if start else place
        body(variables | {variable: place}, (variable, count) if count > 1 else None)

    def row(around: dict[int, ir.Value], part: Part | None = None) -> None:
        if whole:
            nest(b, [(variable, whole)], lambda v: vectors(v, lanes, 0), around, part=part)
        if rest:
            nest(b, [(variable, 1)], lambda v: vectors(v, rest, whole * lanes), around)

    if outer:
        nest(b, outer, row, part=code.part)
    else:
        row({}, code.part)


def _flat(index: Index, shape: Shape) -> Affine:
    if isinstance(index, Affine):
        return index
    total = ZERO
    for entry, step in zip(index, strides(shape), strict=True):
        total += entry.scaled(step)
    return total


def emit_join(code: Code, kernel: Kernel) -> None:
    """Append a loop for each operand that a concatenation or an update writes.

    Before -> after:
        c = concat(a, b) along axis 0  ->  for i: c[i] = a[i]; for i: c[n + i] = b[i]
    """
    (out,) = kernel.values
    primitive, operands = code.plan.program.steps[out - code.plan.first]
    shape = code.shape(out)
    if isinstance(primitive, Concat):
        for operand, start in zip(operands, primitive.bounds, strict=False):
            have = code.shape(operand)
            index = axes_index(have)
            moved = [
                e.scaled(1, start) if axis == primitive.axis else e for axis, e in enumerate(index)
            ]
            _copy(code, operand, have, out, _flat(tuple(moved), shape))
        return
    assert isinstance(primitive, SliceSet), "these are the joins"
    whole, part = operands
    _copy(code, whole, shape, out, _flat(axes_index(shape), shape))
    have = code.shape(part)
    rest = iter(axes_index(have))
    places = tuple(
        next(rest).scaled(slot.step, slot.start) if isinstance(slot, slice) else Affine((), slot)
        for slot in primitive.slots
    )
    _copy(code, part, have, out, _flat(places, shape))


def _copy(code: Code, operand: int, shape: Shape, out: int, place: Affine) -> None:
    def body(variables: dict[int, ir.Value]) -> None:
        elements = code.elements(variables)
        value = elements.value(operand, axes_index(shape))
        elements.store(out, code.pointers[out], elements.place(place), value)

    nest(code.builder, list(enumerate(shape)), body)
