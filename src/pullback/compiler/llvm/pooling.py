"""Kernels that pool: the largest element in each window, and the derivative of that.

A row of the result is computed in vectors, where all of the window lies inside, and one by one at
its ends. What a vector reads of x lies some step apart: a run of memory is loaded, and lanes are
taken from it. For the adjoint, windows hand shares back, and the lanes are spread again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Final, TypeAlias, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.indices import strides
from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm import scalars, vectors
from pullback.compiler.llvm.loops import Code
from pullback.compiler.llvm.offsets import (
    Bounds,
    affine,
    around,
    at,
    between,
    clear,
    index,
    shared,
)
from pullback.compiler.llvm.scalars import BYTE, INDEX
from pullback.compiler.llvm.vectors import loop
from pullback.primitives.pooling import MaxPool, MaxPoolShare

_INT: Final = ir.IntType(32)
_WIDEST: Final = 4  # the step up to which lanes are taken from a run
_STRAIGHT: Final = 3  # positions of a window that need no loop

#: Appends what is done with an element at a place of x, for the first lane, and the next values.
Visit: TypeAlias = Callable[[ir.Value, list[ir.Value]], list[ir.Value]]


def emit_pooling(code: Code, kernel: Kernel) -> None:
    """Append a pooling, or its derivative."""
    (out,) = kernel.values
    primitive, operands = code.plan.program.steps[out - code.plan.first]
    assert isinstance(primitive, (MaxPool, MaxPoolShare)), "these are the poolings"
    x, pooled = operands[1:] if isinstance(primitive, MaxPoolShare) else (operands[0], out)
    shape = code.shape(pooled)
    rank = len(primitive.relations)
    dtype = code.plan.program.type_at(out).dtype
    axes = tuple([
        _Axis(relation.out, -relation.y, -relation.offset, size, relation.size, window)
        for relation, size, window in zip(
            primitive.relations, code.shape(x)[len(shape) - rank :], primitive.window, strict=True
        )
    ])  # fmt: skip
    pool = _Pool(
        code.builder,
        scalars.computed(dtype),
        dtype.itemsize,
        axes,
        math.prod(shape[: len(shape) - rank]),
    )
    pointers = [code.pointers[number] for number in (*operands, out)]
    bounds: Bounds = (index(0), index(pool.count))
    if code.part is not None:
        bounds = code.part.bounds(pool.b, pool.count)
    if not isinstance(primitive, MaxPoolShare):
        pool.rows(bounds, lambda place: pool.largest(pointers[0], pointers[1], place))
    elif primitive.adjoint:
        if not pool.partition:
            pool.clear(pointers[3], bounds)
        pool.rows(bounds, lambda place: pool.handed(pointers, place))
    else:
        pool.rows(bounds, lambda place: pool.gathered(pointers, place))


@final
@frozen
class _Axis:
    """``i = step·k + spread·j + start`` of ``size``, for k of ``count`` and j of ``window``."""

    step: int
    spread: int
    start: int
    size: int
    count: int
    window: int

    @property
    def inside(self) -> tuple[int, int]:
        """The first k whose window lies inside as a whole, and the end of these."""
        low = min(self.count, max(0, -(self.start // self.step)))
        last = self.size - 1 - self.start - self.spread * (self.window - 1)
        return low, max(low, min(self.count, last // self.step + 1))

    @property
    def padded(self) -> bool:
        """Whether a window reaches beyond."""
        return self.inside != (0, self.count)


@final
@frozen
class _Place:
    """Where a vector of the result lies."""

    #: The index of the result for the axes before the last, and the last.
    outer: Sequence[ir.Value]
    last: ir.Value
    #: The flat index in the result, and that in x of the first element in front of the axes.
    out: ir.Value
    x: ir.Value
    lanes: int
    #: How many lanes were computed before.
    done: ir.Value | None


@final
@frozen
class _Pool:
    b: ir.IRBuilder
    kind: ir.Type
    bytes: int
    axes: tuple[_Axis, ...]
    count: int

    @property
    def partition(self) -> bool:
        """Whether each element of x stands in exactly one window."""
        return all(
            a.step == a.window and a.spread == 1 and not a.start and a.step * a.count == a.size
            for a in self.axes
        )

    @property
    def plane(self) -> int:
        """The elements of x in front of the axes."""
        return math.prod(axis.size for axis in self.axes)

    def clear(self, x: ir.Value, bounds: Bounds) -> None:
        """Append zeros in so many planes of x."""
        start, stop = (self.b.mul(k, index(self.plane * self.bytes)) for k in bounds)
        clear(self.b, at(self.b, x, BYTE, start), self.b.sub(stop, start))

    def rows(self, bounds: Bounds, body: Callable[[_Place], None]) -> None:
        """Append loops over the result, with a body for vectors and one for single elements."""
        b, axis = self.b, self.axes[-1]
        sizes = [a.count for a in self.axes[:-1]]
        steps = strides([self.count, *sizes, axis.count])
        low, high = axis.inside
        # A run behind the last element of a window must not end behind the row.
        behind = (axis.window - 1) * axis.spread // axis.step * axis.step + axis.step - 1
        while high > low and axis.step * (high - 1) + behind + axis.start >= axis.size:
            high -= 1
        lanes = vectors.registers().bytes // self.bytes
        lanes = min(lanes, vectors.at_most(high - low)) if high > low else 1
        cuts = [(0, axis.count, 1)]
        if lanes > 1:
            cuts = [(0, low, 1), (low, high, lanes), (high, axis.count, 1)]

        def row(found: list[ir.Value]) -> None:
            for start, end, width in cuts:

                def piece(
                    k: ir.Value,
                    _: list[ir.Value],
                    start: int = start,
                    end: int = end,
                    width: int = width,
                ) -> list[ir.Value]:
                    last = wanted = affine(self.b, start, [(k, width)])
                    done = None
                    if (end - start) % width:
                        limit = index(end - width)
                        last = b.select(b.icmp_unsigned("<", wanted, limit), wanted, limit)
                        done = b.sub(wanted, last)
                    out = affine(self.b, 0, list(zip([*found, last], steps, strict=True)))
                    x = affine(self.b, 0, [(found[0], self.plane)])
                    body(_Place(found[1:], last, out, x, width, done))
                    return []

                if end > start:
                    loop(b, -(-(end - start) // width), [], piece)

        shared(b, bounds, self.count, lambda k: around(b, sizes, lambda found: row([k, *found])))

    def largest(self, x: ir.Value, out: ir.Value, place: _Place) -> None:
        """Append the largest elements; nan where one is nan."""
        b = self.b
        start = vectors.splat(b, ir.Constant(self.kind, -math.inf), place.lanes)

        def visit(element: ir.Value, values: list[ir.Value]) -> list[ir.Value]:
            more = b.fcmp_ordered(">", element, values[0])
            more = b.or_(more, b.fcmp_unordered("uno", element, element))
            return [b.select(more, element, values[0])]

        (found,) = self.elements([x], place, [start], lambda e, v: visit(e[0], v))
        self.store(found, out, place.out)

    def gathered(self, pointers: Sequence[ir.Value], place: _Place) -> None:
        """Append the mean of the changes of those elements that attain the largest."""
        b, (change, x, out, result) = self.b, pointers
        top = self.load(out, place.out, place.lanes)
        zero = vectors.zeros(top.type)

        def visit(elements: Sequence[ir.Value], values: list[ir.Value]) -> list[ir.Value]:
            attains = self.attains(elements[0], top)
            count, total = values
            one = b.select(attains, self.ones(top.type), zero)
            return [b.fadd(count, one), b.fadd(total, b.select(attains, elements[1], zero))]

        count, total = self.elements([x, change], place, [zero, zero], visit)
        self.store(b.fdiv(total, self.least_one(count)), result, place.out)

    def handed(self, pointers: Sequence[ir.Value], place: _Place) -> None:
        """Append the handing of shares to the elements that attain the largest."""
        b, (change, x, out, result) = self.b, pointers
        top = self.load(out, place.out, place.lanes)
        zero = vectors.zeros(top.type)

        def visit(elements: Sequence[ir.Value], values: list[ir.Value]) -> list[ir.Value]:
            one = b.select(self.attains(elements[0], top), self.ones(top.type), zero)
            return [b.fadd(values[0], one)]

        (count,) = self.elements([x], place, [zero], visit)
        share = b.fdiv(self.load(change, place.out, place.lanes), self.least_one(count))
        if place.done is not None and not self.partition:
            share = self.masked(share, place.done)
        runs = self.runs(place.lanes)

        def hand(start: ir.Value, values: list[ir.Value]) -> list[ir.Value]:
            for begin, residues in runs:
                origin = affine(self.b, begin, [(start, 1)])
                pairs = []
                for residue, element in zip(
                    residues, self.run([x], origin, residues, place.lanes), strict=True
                ):
                    pairs.append((residue, b.select(self.attains(element[0], top), share, zero)))
                self.add(result, origin, pairs, place.lanes)
            return values

        def single(origin: ir.Value, values: list[ir.Value]) -> list[ir.Value]:
            element = self.load(x, origin, 1)
            found = b.select(self.attains(element, top), share, zero)
            self.add(result, origin, [(0, found)], 1)
            return values

        self.windows(place, [], hand if place.lanes > 1 else single)

    def elements(
        self,
        pointers: Sequence[ir.Value],
        place: _Place,
        values: list[ir.Value],
        visit: Callable[[Sequence[ir.Value], list[ir.Value]], list[ir.Value]],
    ) -> list[ir.Value]:
        """Append a visit to each element in the windows, of each array; return what it carries."""
        if place.lanes == 1:
            return self.windows(
                place,
                values,
                lambda origin, v: visit([self.load(p, origin, 1) for p in pointers], v),
            )

        def row(start: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            for begin, residues in self.runs(place.lanes):
                origin = affine(self.b, begin, [(start, 1)])
                for found in self.run(pointers, origin, residues, place.lanes):
                    carried = visit(found, carried)
            return carried

        return self.windows(place, values, row)

    def runs(self, lanes: int) -> list[tuple[int, list[int]]]:
        """Return where runs begin that hold the last axis of windows, and from where lanes go."""
        axis = self.axes[-1]
        found: dict[int, list[int]] = {}
        for j in range(axis.window):
            place, residue = divmod(j * axis.spread, axis.step)
            if axis.step > _WIDEST:
                found[j * axis.spread] = [0]
            else:
                found.setdefault(place * axis.step, []).append(residue)
        return list(found.items())

    def run(
        self, pointers: Sequence[ir.Value], origin: ir.Value, residues: Sequence[int], lanes: int
    ) -> list[list[ir.Value]]:
        """Append the loads of a run of each array; return the elements, a list for each residue."""
        b, step = self.b, self.axes[-1].step
        if step > _WIDEST:
            here = [at(b, p, self.kind, origin) for p in pointers]
            return [[vectors.load(b, p, self.kind, lanes, step, aligned=self.bytes) for p in here]]
        whole = [self.load(pointer, origin, lanes * step) for pointer in pointers]
        return [[self.taken(x, residue, step) for x in whole] for residue in residues]

    def taken(self, x: ir.Value, residue: int, step: int) -> ir.Value:
        """Append every so many lanes of a vector."""
        if step == 1:
            return x
        lanes = list(range(residue, vectors.lanes_of(x), step))
        return self.b.shuffle_vector(x, x, ir.Constant(ir.VectorType(_INT, len(lanes)), lanes))

    def add(
        self, result: ir.Value, origin: ir.Value, found: Sequence[tuple[int, ir.Value]], lanes: int
    ) -> None:
        """Append the adding of vectors to a run, each to the lanes that it was taken from."""
        b, step = self.b, self.axes[-1].step
        if lanes > 1 and step > _WIDEST:
            for lane, number in enumerate(vectors.split(b, found[0][1])):
                goal = affine(b, lane * step, [(origin, 1)])
                self.add(result, goal, [(0, number)], 1)
            return
        wides = []
        for residue, wide in found:
            if lanes > 1 and step > 1:
                places = range(lanes * step)
                mask = [k // step if k % step == residue else lanes for k in places]
                constant = ir.Constant(ir.VectorType(_INT, len(mask)), mask)
                wides.append(b.shuffle_vector(wide, vectors.zeros(wide.type), constant))
            else:
                wides.append(wide)
        total = reduce(b.fadd, wides)
        if not self.partition:  # else no other window adds to it
            total = b.fadd(self.load(result, origin, vectors.lanes_of(total)), total)
        self.store(total, result, origin)

    def windows(self, place: _Place, values: list[ir.Value], visit: Visit) -> list[ir.Value]:
        """Append loops over a window: of single elements over all axes, else but the last."""
        steps = strides([axis.size for axis in self.axes])

        def over(axis: int, start: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            if axis == len(self.axes):
                return visit(start, carried)
            own, step = self.axes[axis], steps[axis]
            last = axis == len(self.axes) - 1
            k = place.last if last else place.outer[axis]
            start = affine(self.b, own.start * step, [(start, 1), (k, own.step * step)])
            if last and place.lanes > 1:
                return visit(start, carried)

            def body(j: ir.Value, inner: list[ir.Value]) -> list[ir.Value]:
                return over(
                    axis + 1, affine(self.b, 0, [(start, 1), (j, own.spread * step)]), inner
                )

            if own.padded:
                return between(self.b, *self.bounds(own, k), carried, body)
            if own.window > _STRAIGHT:
                return loop(self.b, own.window, carried, body)
            for j in range(own.window):
                carried = body(index(j), carried)
            return carried

        return over(0, place.x, values)

    def bounds(self, axis: _Axis, k: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Append the first position in the window of k that is inside, and the end of these."""
        b, zero = self.b, index(0)
        before = affine(self.b, axis.spread - 1 - axis.start, [(k, -axis.step)])
        first = b.sdiv(before, index(axis.spread))
        first = b.select(b.icmp_signed("<", before, zero), zero, first)
        room = affine(self.b, axis.size - 1 - axis.start, [(k, -axis.step)])
        end = affine(self.b, 1, [(b.sdiv(room, index(axis.spread)), 1)])
        most = index(axis.window)
        return first, b.select(b.icmp_signed("<", end, most), end, most)

    def attains(self, x: ir.Value, top: ir.Value) -> ir.Value:
        """Append whether elements are the largest, or nan, which makes the largest nan."""
        equal = self.b.fcmp_ordered("==", x, top)
        return self.b.or_(equal, self.b.fcmp_unordered("uno", x, x))

    def ones(self, kind: ir.Type) -> ir.Constant:
        """Return 1 in each lane."""
        return ir.Constant(kind, [1.0] * kind.count if isinstance(kind, ir.VectorType) else 1.0)

    def least_one(self, count: ir.Value) -> ir.Value:
        """Append a count, or 1 for 0: where ``out`` is not the result, and nothing attains it."""
        one = self.ones(count.type)
        return self.b.select(self.b.fcmp_ordered("<", count, one), one, count)

    def masked(self, x: ir.Value, done: ir.Value) -> ir.Value:
        """Append zeros in the first lanes."""
        b, lanes = self.b, vectors.lanes_of(x)
        kind = ir.VectorType(INDEX, lanes)
        first = vectors.splat(b, done, lanes)
        new = b.icmp_unsigned(">=", ir.Constant(kind, list(range(lanes))), first)
        return b.select(new, x, vectors.zeros(x.type))

    def load(self, pointer: ir.Value, place: ir.Value, lanes: int) -> ir.Value:
        """Append a load."""
        kind = vectors.vector(self.kind, lanes)
        return self.b.load(at(self.b, pointer, self.kind, place), align=self.bytes, typ=kind)

    def store(self, value: ir.Value, pointer: ir.Value, place: ir.Value) -> None:
        """Append a store."""
        self.b.store(value, at(self.b, pointer, self.kind, place), align=self.bytes)
