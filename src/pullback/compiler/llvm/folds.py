"""Kernels that reduce, in an order that is fixed.

Where the last axis stays, the loop over it is innermost, and adds to the result in memory: one row
after the other, as NumPy does. Where the last axis vanishes, blocks of at most 128 elements are
added in vector lanes, and the blocks' sums with their rounding errors kept (Neumaier), so that the
error does not grow with the number of blocks.

References:
    A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54
    (1974), algorithm IV.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.indices import ZERO, Affine, Index, strides, variable
from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.elements import Elements
from pullback.compiler.llvm.loops import Code, is_flat
from pullback.compiler.llvm.nests import nest
from pullback.compiler.reductions import Order, order
from pullback.primitives.primitive import Primitive
from pullback.primitives.reduction import All, Any, Max, Min, Prod
from pullback.primitives.shape import Sum
from pullback.types.promotion import DType

_BLOCK: Final = 128
_BLOCKS: Final = 100  # the variable of the blocks, beyond those of the axes


def emit_fold(code: Code, kernel: Kernel) -> None:
    """Append the loops of a reduction."""
    (out,) = kernel.values
    primitive, (operand,) = code.plan.program.steps[out - code.plan.first]
    assert isinstance(primitive, (Sum, Prod, Max, Min, Any, All)), "these are the folds"
    fold = _Fold(code, primitive, out, operand, code.plan.program.type_at(out).dtype)
    shape = code.shape(operand)
    kept = [axis for axis in range(len(shape)) if axis not in primitive.axes]
    way = order(shape, primitive.axes)
    if way is Order.ROWS:
        fold.rows(shape, kept, primitive.axes)
    elif way is Order.WHOLE and is_flat(code.plan, [operand], code.reads):
        fold.runs([], [(0, math.prod(shape))], variable(0), ZERO)
    else:
        index = tuple(variable(a) if size != 1 else ZERO for a, size in enumerate(shape))
        place = _place(code.shape(out), kept)
        inner = [(axis, shape[axis]) for axis in sorted(primitive.axes)]
        fold.runs([(axis, shape[axis]) for axis in kept], inner, index, place)


def _place(shape: Sequence[int], kept: Sequence[int]) -> Affine:
    """Return where in the result an element is added."""
    total = ZERO
    for axis, size, step in zip(kept, shape, strides(shape), strict=True):
        if size != 1:
            total += variable(axis).scaled(step)
    return total


@final
@frozen
class _Fold:
    code: Code
    primitive: Primitive
    out: int
    operand: int
    dtype: DType

    def rows(self, shape: Sequence[int], kept: Sequence[int], axes: Sequence[int]) -> None:
        """Append loops over what vanishes around the loop over the last axis."""
        code, b = self.code, self.code.builder
        size = math.prod(code.shape(self.out))
        pointer = code.pointers[self.out]
        neutral = neutral_element(self.primitive, self.dtype)

        def start(variables: dict[int, ir.Value]) -> None:
            code.elements(variables).store(self.out, pointer, variables[0], neutral)

        nest(b, [(0, size)], start)
        index = tuple(variable(axis) if size != 1 else ZERO for axis, size in enumerate(shape))
        place = _place(code.shape(self.out), kept)

        def body(variables: dict[int, ir.Value]) -> None:
            elements = code.elements(variables)
            value = self._element(elements, index)
            where = elements.place(place)
            kind = scalars.stored(self.dtype)
            old = b.load(b.gep(pointer, [where], source_etype=kind), typ=kind)
            if self.dtype.kind == "b":
                old = b.trunc(old, scalars.FLAG)
            new = combine(b, self.primitive, old, value, self.dtype)
            elements.store(self.out, pointer, where, new)

        order = [*kept[:-1], *sorted(axes), kept[-1]]
        nest(b, [(axis, shape[axis]) for axis in order], body)

    def runs(
        self,
        outer: Sequence[tuple[int, int]],
        inner: Sequence[tuple[int, int]],
        index: Index,
        place: Affine,
    ) -> None:
        """Append, for each element of the result, a loop that keeps it in a register."""
        code, b = self.code, self.code.builder
        total = accumulator(b, self.primitive, self.dtype)

        def body(variables: dict[int, ir.Value]) -> None:
            total.begin()
            chunks(
                b,
                inner or [(0, 1)],
                lambda v, form: total.take(self._element(code.elements(v), form(index))),
                [total],
                variables,
            )
            elements = code.elements(variables)
            elements.store(self.out, code.pointers[self.out], elements.place(place), total.result())

        nest(b, outer, body, part=code.part)

    def _element(self, elements: Elements, index: Index) -> ir.Value:
        have = self.code.plan.program.type_at(self.operand).dtype
        value = elements.value(self.operand, index)
        return scalars.cast(self.code.builder, value, have, self.dtype)


@final
@frozen
class Accumulator:
    """A reduction in registers: blocks, and what they add up to."""

    builder: ir.IRBuilder
    primitive: Primitive
    dtype: DType
    total: ir.Value
    error: ir.Value
    part: ir.Value

    @property
    def exact(self) -> bool:
        """Whether rounding errors of the blocks' sums are kept."""
        return isinstance(self.primitive, Sum) and self.dtype.kind == "f"

    def begin(self) -> None:
        """Append the start."""
        neutral = neutral_element(self.primitive, self.dtype)
        self.builder.store(neutral, self.total)
        if self.exact:
            self.builder.store(neutral, self.error)

    def begin_block(self) -> None:
        """Append the start of a block."""
        self.builder.store(neutral_element(self.primitive, self.dtype), self.part)

    def take(self, x: ir.Value) -> None:
        """Append the addition of an element to the block."""
        b = self.builder
        old = b.load(self.part, typ=self._kind)
        b.store(combine(b, self.primitive, old, x, self.dtype, lanes=True), self.part)

    def end_block(self) -> None:
        """Append the addition of a block: s' = s + x, and its rounding error exactly."""
        b = self.builder
        x, s = (b.load(cell, typ=self._kind) for cell in (self.part, self.total))
        if not self.exact:
            b.store(combine(b, self.primitive, s, x, self.dtype), self.total)
            return
        new = b.fadd(s, x)
        back = b.fsub(new, s)
        lost = b.fadd(b.fsub(s, b.fsub(new, back)), b.fsub(x, back))
        b.store(new, self.total)
        b.store(b.fadd(b.load(self.error, typ=self._kind), lost), self.error)

    def result(self) -> ir.Value:
        """Append the end; where a sum is infinite, and its error nan, the sum alone counts."""
        b = self.builder
        total = b.load(self.total, typ=self._kind)
        if not self.exact:
            return total
        error = b.load(self.error, typ=self._kind)
        size = scalars.intrinsic(b, "fabs", error)
        usable = b.fcmp_ordered("<", size, ir.Constant(self._kind, math.inf))
        return b.select(usable, b.fadd(total, error), total)

    @property
    def _kind(self) -> ir.Type:
        return scalars.computed(self.dtype)


def accumulator(b: ir.IRBuilder, primitive: Primitive, dtype: DType) -> Accumulator:
    """Return a reduction that has not begun."""
    with b.goto_entry_block():
        cells = [b.alloca(scalars.computed(dtype)) for _ in range(3)]
    return Accumulator(b, primitive, dtype, *cells)


#: Replaces in an index the variable of the innermost loop by its place in the whole.
Form = Callable[[Index], Index]


def chunks(
    b: ir.IRBuilder,
    extents: Sequence[tuple[int, int]],
    body: Callable[[dict[int, ir.Value], Form], None],
    totals: Sequence[Accumulator],
    outer: dict[int, ir.Value],
) -> None:
    """Append loops, the innermost in blocks where sums are to be exact, and end with the rest."""
    *around, (axis, extent) = extents
    exact = any(total.exact for total in totals)
    blocks, rest = divmod(extent, _BLOCK) if exact and extent > 2 * _BLOCK else (0, extent)

    def chunk(variables: dict[int, ir.Value], count: int, form: Affine) -> None:
        for total in totals:
            total.begin_block()
        nest(b, [(axis, count)], lambda v: body(v, lambda i: _replaced(i, axis, form)), variables)
        for total in totals:
            total.end_block()

    def run(variables: dict[int, ir.Value]) -> None:
        if blocks:
            form = Affine(((axis, 1), (_BLOCKS, _BLOCK)))
            nest(b, [(_BLOCKS, blocks)], lambda v: chunk(v, _BLOCK, form), variables)
        if rest:
            chunk(variables, rest, variable(axis).scaled(1, blocks * _BLOCK))

    nest(b, around, run, outer)


def neutral_element(primitive: Primitive, dtype: DType) -> ir.Constant:
    """Return the reduction of nothing, or what every element replaces."""
    kind = scalars.computed(dtype)
    limit = {"f": math.inf, "b": 1}.get(dtype.kind)
    if limit is None:
        bits = 8 * dtype.itemsize
        limit = 2 ** (bits - (dtype.kind == "i")) - 1
    lowest = -limit if dtype.kind == "f" else -limit - 1 if dtype.kind == "i" else 0
    match primitive:
        case Prod() | All():
            return ir.Constant(kind, 1)
        case Max():
            return ir.Constant(kind, lowest)
        case Min():
            return ir.Constant(kind, limit)
        case _:  # the sum of no floats is 0.0, of negative zeros as well, in NumPy too
            return ir.Constant(kind, 0)


def combine(
    b: ir.IRBuilder,
    primitive: Primitive,
    total: ir.Value,
    x: ir.Value,
    dtype: DType,
    *,
    lanes: bool = False,
) -> ir.Value:
    """Append one step; in ``lanes``, the order within a loop is the vectoriser's."""
    flags = ("reassoc",) if lanes else ()
    floating = dtype.kind == "f"
    match primitive:
        case Sum():
            if dtype.kind == "b":
                return b.or_(total, x)
            return b.fadd(total, x, flags=flags) if floating else b.add(total, x)
        case Prod():
            return b.fmul(total, x, flags=flags) if floating else b.mul(total, x)
        case Any():
            return b.or_(total, x)
        case All():
            return b.and_(total, x)
        case _:
            largest = isinstance(primitive, Max)
            if floating:
                return scalars.intrinsic(b, "maximum" if largest else "minimum", total, x)
            better = scalars.compare(b, ">" if largest else "<", x, total, dtype)
            return b.select(better, x, total)


def _replaced(index: Index, axis: int, form: Affine) -> Index:
    """Return an index with another form in place of one variable."""
    if isinstance(index, tuple):
        return tuple(_replaced_entry(entry, axis, form) for entry in index)
    return _replaced_entry(index, axis, form)


def _replaced_entry(entry: Affine, axis: int, form: Affine) -> Affine:
    factor = dict(entry.terms).get(axis, 0)
    rest = Affine(tuple(item for item in entry.terms if item[0] != axis), entry.constant)
    return rest + form.scaled(factor)
