"""Kernels that compute element by element: maps, and joins of several operands."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.indices import (
    ZERO,
    Affine,
    Index,
    NeedsAxesError,
    Shape,
    axes_index,
    flatten,
    operand_indices,
    spread,
    strides,
    variable,
)
from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm.elements import Elements
from pullback.compiler.llvm.nests import SINGLE, Loops, nest, stepped
from pullback.compiler.llvm.scalars import INDEX
from pullback.compiler.llvm.threads import Part
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.joining import Concat
from pullback.primitives.slicing import PadSlice, SliceSet

#: The loop variable that steps over several elements, and how many; or that none does.
Stepping: TypeAlias = tuple[int, int] | None


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
    loops: Loops = SINGLE
    #: Where quick code notes that it may be wrong, if it is to be quick.
    met: ir.Value | None = None

    def elements(self, variables: dict[int, ir.Value], lanes: Stepping = None) -> Elements:
        """Return the body of a loop, at the builder's place."""
        sources = {number: self.pointers[number] for number in self.reads}
        known = dict.fromkeys(self.loops.joined, ir.Constant(INDEX, 0))
        found = Elements(self.plan, self.builder, known | variables, sources, self.met)
        found.lanes = lanes
        return found

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
            have = [plan.program.type_at(operand).shape for operand in operands]
            elementwise = plan.kinds[number] is Kind.MAP
            found = operand_indices(primitive, index, have, want, elementwise=elementwise)
            stack += zip(operands, found, strict=True)
    except NeedsAxesError:
        return False
    return True


def map_loop(plan: Plan, kernel: Kernel) -> tuple[Index, list[tuple[int, int]]]:
    """Return where a map computes its values, and its loops: variables and how often they run."""
    shape = plan.program.type_at(kernel.values[0]).shape
    size = math.prod(shape)
    if size == 1:
        return ZERO, []
    if is_flat(plan, kernel.values, frozenset(kernel.reads)):
        return variable(0), [(0, size)]
    return axes_index(shape), [(axis, extent) for axis, extent in enumerate(shape) if extent != 1]


def emit_map(code: Code, kernel: Kernel) -> None:
    """Append the loop of a map.

    Before -> after:
        [b = sin(a), c = b + 1], writes [c]  ->  for i: c[i] = sin(a[i]) + 1
    """
    shape = code.shape(kernel.values[0])
    index, extents = map_loop(code.plan, kernel)

    def body(variables: dict[int, ir.Value], lanes: Stepping) -> None:
        elements = code.elements(variables, lanes)
        for number in kernel.values:
            value = elements.compute(number, index)
            if number in kernel.writes:
                place = elements.place(flatten(index, shape))
                elements.store(number, code.pointers[number], place, value)

    in_lanes(code, code.loops.extents(extents), body, code.loops.lanes[0])


#: Makes the body, given the loop variables and the one that steps over several elements.
LaneBody = Callable[[dict[int, ir.Value], Stepping], None]


def in_lanes(code: Code, extents: Sequence[tuple[int, int]], body: LaneBody, lanes: int) -> None:
    """Append loops of which the innermost takes several elements at a time, and those left over.

    Before -> after:
        for i in 0..19: c[i] = -a[i]  ->  for k in 0..2: c[8k:8k + 8] = -a[8k:8k + 8]
                                          c[16:19] = -a[16:19]

    Args:
        code: Where they go; its part is that of the outermost loop.
        extents: The variable of each loop that is longer than 1, and how often it runs.
        body: Makes what is inside.
        lanes: How many elements at a time; 1 or 0 for single ones.
    """
    b = code.builder
    if lanes <= 1:
        nest(b, extents, lambda variables: body(variables, None), part=code.part)
        return
    *outer, (inner, extent) = extents
    whole, rest = divmod(extent, lanes)

    def vectors(variables: dict[int, ir.Value]) -> None:
        place = stepped(b, variables[inner], lanes)
        body(variables | {inner: place}, (inner, lanes))

    def left(variables: dict[int, ir.Value]) -> None:
        place = ir.Constant(INDEX, whole * lanes)
        body(variables | {inner: place}, (inner, rest) if rest > 1 else None)

    def row(variables: dict[int, ir.Value]) -> None:
        if whole:
            nest(b, [(inner, whole)], vectors, variables)
        if rest:
            left(variables)

    if outer or code.part is None:
        nest(b, outer, row, part=code.part)
    elif whole > 1:
        nest(b, [(inner, whole)], vectors, part=code.part)
        if rest:
            code.part.last(b, lambda: left({}))
    else:
        code.part.last(b, lambda: row({}))


def emit_join(code: Code, kernel: Kernel) -> None:
    """Append a loop for each operand that a concatenation or an update writes.

    Before -> after:
        c = concat(a, b) along axis 0  ->  for i: c[i] = a[i]; for i: c[n + i] = b[i]
    """
    (out,) = kernel.values
    for (operand, place), lanes in zip(copies(code.plan, kernel), code.loops.lanes, strict=True):
        _copy(code, operand, out, place, lanes)


def copies(plan: Plan, kernel: Kernel) -> list[tuple[int, Affine]]:
    """Return the operands of a join, and where in the result an element of each is written."""
    (out,) = kernel.values
    primitive, operands = plan.program.steps[out - plan.first]
    shapes = [plan.program.type_at(operand).shape for operand in operands]
    steps = strides(plan.program.type_at(out).shape)
    places: list[tuple[Affine, ...]] = []
    if isinstance(primitive, Concat):
        for have, start in zip(shapes, primitive.bounds, strict=False):
            index = list(axes_index(have))
            index[primitive.axis] = index[primitive.axis].scaled(1, start)
            places.append(tuple(index))
    else:
        assert isinstance(primitive, SliceSet), "these are the joins"
        rest = iter(axes_index(shapes[1]))
        places.append(axes_index(shapes[0]))
        places.append(
            tuple(
                [
                    next(rest).scaled(slot.step, slot.start)
                    if isinstance(slot, slice)
                    else Affine((), slot)
                    for slot in primitive.slots
                ]
            )
        )
    return [
        (operand, sum(map(Affine.scaled, place, steps), ZERO))
        for operand, place in zip(operands, places, strict=True)
    ]


def _copy(code: Code, operand: int, out: int, place: Affine, lanes: int) -> None:
    shape = code.shape(operand)

    def body(variables: dict[int, ir.Value], lanes: Stepping) -> None:
        elements = code.elements(variables, lanes)
        value = elements.value(operand, axes_index(shape))
        elements.store(out, code.pointers[out], elements.place(place), value)

    extents = [(axis, size) for axis, size in enumerate(shape) if size != 1]
    in_lanes(code, extents, body, lanes)
