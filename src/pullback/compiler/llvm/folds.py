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
from collections.abc import Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.indices import ZERO, Affine, Index, strides, variable
from pullback.compiler.llvm.loops import Code, is_flat
from pullback.compiler.llvm.nests import nest
from pullback.primitives.primitive import Primitive
from pullback.primitives.reduction import All, Any, Max, Min, Prod
from pullback.primitives.shape import Sum
from pullback.types.promotion import DType

_BLOCK: Final = 128
_SHORTEST: Final = 4  # a last axis over which vectors pay
_VARIABLES: Final = 100  # of blocks, beyond those of the axes


def emit_fold(code: Code, kernel: Kernel) -> None:
    """Append the loops of a reduction."""
    (out,) = kernel.values
    primitive, (operand,) = code.plan.program.steps[out - code.plan.first]
    assert isinstance(primitive, (Sum, Prod, Max, Min, Any, All)), "these are the folds"
    fold = _Fold(code, primitive, out, operand, code.plan.program.type_at(out).dtype)
    shape = code.shape(operand)
    kept = [axis for axis in range(len(shape)) if axis not in primitive.axes]
    long = [axis for axis in kept if shape[axis] != 1]
    last = max((axis for axis in range(len(shape)) if shape[axis] != 1), default=-1)
    if long and last in long and shape[last] >= _SHORTEST:
        fold.rows(shape, kept, primitive.axes)
    elif not long and is_flat(code.plan, [operand], code.reads):
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

        def start(variables: dict[int, ir.Value]) -> None:
            code.elements(variables).store(self.out, pointer, variables[0], self._neutral())

        nest(b, [(0, size)], start)
        index = tuple(variable(axis) if size != 1 else ZERO for axis, size in enumerate(shape))
        place = _place(code.shape(self.out), kept)

        def body(variables: dict[int, ir.Value]) -> None:
            elements = code.elements(variables)
            value = self._element(variables, index)
            where = elements.place(place)
            kind = scalars.stored(self.dtype)
            old = b.load(b.gep(pointer, [where], source_etype=kind), typ=kind)
            if self.dtype.kind == "b":
                old = b.trunc(old, scalars.FLAG)
            elements.store(self.out, pointer, where, self._combine(old, value))

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
        b = self.code.builder
        with b.goto_entry_block():
            total, error, part = (b.alloca(self._kind) for _ in range(3))

        def body(variables: dict[int, ir.Value]) -> None:
            b.store(self._neutral(), total)
            if self._exact:
                b.store(self._neutral(), error)
            *around, (axis, extent) = inner or [(0, 1)]
            nest(
                b,
                around,
                lambda v: self._run(v, axis, extent, index, (total, error, part)),
                variables,
            )
            result = b.load(total, typ=self._kind)
            if self._exact:
                result = self._corrected(result, b.load(error, typ=self._kind))
            elements = self.code.elements(variables)
            elements.store(self.out, self.code.pointers[self.out], elements.place(place), result)

        nest(b, outer, body)

    def _run(
        self,
        variables: dict[int, ir.Value],
        axis: int,
        extent: int,
        index: Index,
        cells: tuple[ir.Value, ir.Value, ir.Value],
    ) -> None:
        """Append the loop over the last axis that vanishes: blocks, and what is left."""
        b = self.code.builder
        blocks, rest = (
            divmod(extent, _BLOCK) if self._exact and extent > 2 * _BLOCK else (0, extent)
        )
        block = _VARIABLES

        def chunk(outer: dict[int, ir.Value], count: int, form: Affine) -> None:
            total, error, part = cells
            b.store(self._neutral(), part)

            def body(inside: dict[int, ir.Value]) -> None:
                value = self._element(inside, _replaced(index, axis, form))
                b.store(self._combine(b.load(part, typ=self._kind), value, lanes=True), part)

            nest(b, [(axis, count)], body, outer)
            self._add(total, error, b.load(part, typ=self._kind))

        if blocks:
            form = Affine(((axis, 1), (block, _BLOCK)))
            nest(b, [(block, blocks)], lambda v: chunk(v, _BLOCK, form), variables)
        if rest:
            chunk(variables, rest, variable(axis).scaled(1, blocks * _BLOCK))

    @property
    def _kind(self) -> ir.Type:
        return scalars.computed(self.dtype)

    @property
    def _exact(self) -> bool:
        """Whether rounding errors of sums are kept."""
        return isinstance(self.primitive, Sum) and self.dtype.kind == "f"

    def _element(self, variables: dict[int, ir.Value], index: Index) -> ir.Value:
        have = self.code.plan.program.type_at(self.operand).dtype
        value = self.code.elements(variables).value(self.operand, index)
        return scalars.cast(self.code.builder, value, have, self.dtype)

    def _neutral(self) -> ir.Constant:
        limit = {"f": math.inf, "b": 1}.get(self.dtype.kind)
        if limit is None:
            bits = 8 * self.dtype.itemsize
            limit = 2 ** (bits - (self.dtype.kind == "i")) - 1
        lowest = -limit if self.dtype.kind == "f" else -limit - 1 if self.dtype.kind == "i" else 0
        match self.primitive:
            case Prod() | All():
                return ir.Constant(self._kind, 1)
            case Max():
                return ir.Constant(self._kind, lowest)
            case Min():
                return ir.Constant(self._kind, limit)
            case _:  # the sum of no floats is 0.0, of negative zeros as well, in NumPy too
                return ir.Constant(self._kind, 0)

    def _combine(self, total: ir.Value, x: ir.Value, *, lanes: bool = False) -> ir.Value:
        """Append one step; in ``lanes``, the order within a loop is the vectoriser's."""
        b, flags = self.code.builder, ("reassoc",) if lanes else ()
        floating = self.dtype.kind == "f"
        match self.primitive:
            case Sum():
                return b.fadd(total, x, flags=flags) if floating else b.add(total, x)
            case Prod():
                return b.fmul(total, x, flags=flags) if floating else b.mul(total, x)
            case Any():
                return b.or_(total, x)
            case All():
                return b.and_(total, x)
            case _:
                largest = isinstance(self.primitive, Max)
                if floating:
                    return scalars.intrinsic(b, "maximum" if largest else "minimum", total, x)
                better = scalars.compare(b, ">" if largest else "<", x, total, self.dtype)
                return b.select(better, x, total)

    def _add(self, total: ir.Value, error: ir.Value, x: ir.Value) -> None:
        """Append the addition of a block: s' = s + x, and its rounding error exactly."""
        b = self.code.builder
        s = b.load(total, typ=self._kind)
        if not self._exact:
            b.store(self._combine(s, x), total)
            return
        new = b.fadd(s, x)
        back = b.fsub(new, s)
        lost = b.fadd(b.fsub(s, b.fsub(new, back)), b.fsub(x, back))
        b.store(new, total)
        b.store(b.fadd(b.load(error, typ=self._kind), lost), error)

    def _corrected(self, total: ir.Value, error: ir.Value) -> ir.Value:
        """Return the sum with its error; alone where it is infinite, and the error is nan."""
        b = self.code.builder
        size = scalars.intrinsic(b, "fabs", error)
        usable = b.fcmp_ordered("<", size, ir.Constant(self._kind, math.inf))
        return b.select(usable, b.fadd(total, error), total)


def _replaced(index: Index, axis: int, form: Affine) -> Index:
    """Return an index with another form in place of one variable."""
    if isinstance(index, tuple):
        return tuple(_replaced_entry(entry, axis, form) for entry in index)
    return _replaced_entry(index, axis, form)


def _replaced_entry(entry: Affine, axis: int, form: Affine) -> Affine:
    factor = dict(entry.terms).get(axis, 0)
    rest = Affine(tuple(item for item in entry.terms if item[0] != axis), entry.constant)
    return rest + form.scaled(factor)
