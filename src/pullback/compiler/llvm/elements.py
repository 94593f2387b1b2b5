"""One element of a value, pulled through everything that is folded into the loop around it."""

from __future__ import annotations

import math
from typing import Final, final

from llvmlite import ir

from pullback.compiler.indexing import one_hot, selection
from pullback.compiler.indices import (
    ZERO,
    Affine,
    Index,
    broadcast,
    flatten,
    spread,
    through,
)
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.gathers import one_hot_element, source
from pullback.compiler.llvm.guards import note
from pullback.compiler.llvm.lanes import lanes, like
from pullback.compiler.llvm.nests import fixed
from pullback.compiler.llvm.padding import padded
from pullback.compiler.llvm.scalars import BYTE, FLAG, INDEX
from pullback.compiler.llvm.vectors import splat
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.slicing import PadSlice
from pullback.types import ArrayType

_COMPUTED: Final = 1000  # the first variable that is no loop's


@final
class Elements:
    """The code of one loop's body; what was computed once is remembered."""

    def __init__(
        self,
        plan: Plan,
        builder: ir.IRBuilder,
        variables: dict[int, ir.Value],
        pointers: dict[int, ir.Value],
        met: ir.Value | None = None,
    ) -> None:
        self.plan = plan
        self.builder = builder
        self.variables = dict(variables)
        self.pointers = pointers
        self.met = met
        self.known: dict[tuple[int, Index], ir.Value] = {}
        self.places: dict[Affine, ir.Value] = {}
        #: Values of which the loop sees one element.
        self.fixed: dict[int, ir.Value] = {}
        #: Values kept for one row alone, and how many variables number the rows.
        self.hidden: dict[int, int] = {}
        #: The variable that steps over several elements, and how many: a vector each.
        self.lanes: tuple[int, int] | None = None

    def place(self, form: Affine) -> ir.Value:
        """Append the evaluation of an affine form."""
        found = self.places.get(form)
        if found is not None:
            return found
        b, constant = self.builder, form.constant
        value: ir.Value | None = None
        for variable, coefficient in form.terms:
            term = self.variables[variable]
            number = fixed(term)
            if number is not None:
                constant += number * coefficient
                continue
            if coefficient != 1:
                term = b.mul(term, ir.Constant(INDEX, coefficient), flags=("nsw",))
            value = term if value is None else b.add(value, term, flags=("nsw",))
        if value is None:
            value = ir.Constant(INDEX, constant)
        elif constant:
            value = b.add(value, ir.Constant(INDEX, constant), flags=("nsw",))
        self.places[form] = value
        return value

    def value(self, number: int, index: Index) -> ir.Value:
        """Return an element of a value, wherever it comes from."""
        plan = self.plan
        type_ = plan.program.type_at(number)
        if number in self.fixed:
            return self._everywhere(number)
        if number in plan.literals:
            return self.repeated(scalars.literal(plan.literals[number], type_.dtype))
        if math.prod(type_.shape) == 1:
            index = ZERO
        key = number, index
        found = self.known.get(key)
        if found is not None:
            return found
        if number in self.pointers:
            form = self.seen(number, flatten(index, type_.shape))
            single = self.lanes is None
            found = self.load(number, self.place(form)) if single else self._row(number, form)
        else:
            found = self.step(number, index)
        self.known[key] = found
        return found

    def repeated(self, number: ir.Constant) -> ir.Constant:
        """Return a constant, in all lanes."""
        if self.lanes is None:
            return number
        return ir.Constant(lanes(number.type, self.lanes[1]), number.constant)

    def _everywhere(self, number: int) -> ir.Value:
        """Return a fixed value, in all lanes."""
        if self.lanes is None:
            return self.fixed[number]
        found = self.known.get((number, ZERO))
        if found is None:
            found = splat(self.builder, self.fixed[number], self.lanes[1])
            self.known[number, ZERO] = found
        return found

    def compute(self, number: int, index: Index) -> ir.Value:
        """Return an element of a value that this loop computes, and remember it."""
        type_ = self.plan.program.type_at(number)
        index = ZERO if math.prod(type_.shape) == 1 else index
        found = self.known.get((number, index))
        if found is None:
            found = self.known[number, index] = self.step(number, index)
        return found

    def variable(self, value: ir.Value) -> Affine:
        """Return a computed number as a form."""
        number = _COMPUTED + len(self.variables)
        self.variables[number] = value
        return Affine(((number, 1),))

    def seen(self, number: int, form: Affine) -> Affine:
        """Return the place of an element in what is kept of a value."""
        hidden = self.hidden.get(number)
        if hidden is None:
            return form
        return Affine(tuple([item for item in form.terms if item[0] >= hidden]), form.constant)

    def load(self, number: int, place: ir.Value) -> ir.Value:
        """Append a load from memory."""
        dtype = self.plan.program.type_at(number).dtype
        kind = scalars.stored(dtype)
        pointer = self.builder.gep(self.pointers[number], [place], source_etype=kind)
        value = self.builder.load(pointer, typ=kind)
        return self.builder.trunc(value, FLAG) if dtype.kind == "b" else value

    def _row(self, number: int, form: Affine) -> ir.Value:
        """Append a load of elements side by side, or of one for all lanes."""
        assert self.lanes is not None, "a loop over vectors"
        variable, count = self.lanes
        place = self.place(form)
        if variable not in dict(form.terms):
            return splat(self.builder, self.load(number, place), count)
        dtype = self.plan.program.type_at(number).dtype
        kind = scalars.stored(dtype)
        pointer = self.builder.gep(self.pointers[number], [place], source_etype=kind)
        value = self.builder.load(pointer, align=dtype.itemsize, typ=lanes(kind, count))
        return self.builder.trunc(value, lanes(FLAG, count)) if dtype.kind == "b" else value

    def store(self, number: int, pointer: ir.Value, place: ir.Value, value: ir.Value) -> None:
        """Append a store to memory, for a value of the dtype of ``number``."""
        dtype = self.plan.program.type_at(number).dtype
        kind = scalars.stored(dtype)
        if dtype.kind == "b":
            value = self.builder.zext(value, like(BYTE, value))
        place = self.builder.gep(pointer, [place], source_etype=kind)
        self.builder.store(value, place, align=dtype.itemsize)

    def step(self, number: int, index: Index) -> ir.Value:
        """Append what computes one element of a step's result."""
        plan = self.plan
        program, type_ = plan.program, plan.program.type_at(number)
        primitive, operands = program.steps[number - plan.first]
        types = [program.type_at(operand) for operand in operands]
        if plan.kinds[number] is Kind.MAP:
            elements = [
                self.value(operand, broadcast(index, t.shape, type_.shape))
                for operand, t in zip(operands, types, strict=True)
            ]
            guards: list[ir.Value] | None = None if self.met is None else []
            strong = _strong(types, type_)
            value = scalars.apply(
                self.builder, primitive, elements, strong, type_.dtype, guards=guards
            )
            if self.met is not None and guards:
                note(self.builder, self.met, guards)
            return value
        if isinstance(primitive, PadSlice):
            return self._padded(primitive, number, operands[0], spread(index, type_.shape))
        if isinstance(primitive, Gather):
            place = source(self, selection(program, number), spread(index, type_.shape))
            return self.value(operands[0], place)
        if isinstance(primitive, ScatterAdd):
            found = one_hot(program, number)
            assert found is not None, "only such a sum is computed by element"
            return one_hot_element(self, found, operands[0], spread(index, type_.shape))
        return self.value(operands[0], through(primitive, index, types[0].shape, type_.shape))

    def _padded(
        self, primitive: PadSlice, number: int, operand: int, index: tuple[Affine, ...]
    ) -> ir.Value:
        """Append the load of an element where there is one, and zero elsewhere.

        Outside the place of the operand the load is of an element all the same, so that the code
        has no branch.
        """
        b, program = self.builder, self.plan.program
        have, want = (program.type_at(n) for n in (operand, number))
        zero = self.repeated(ir.Constant(scalars.computed(want.dtype), 0))
        if math.prod(have.shape) == 0:
            return zero
        form, checks = padded(primitive, index, have.shape, want.shape)
        single = math.prod(have.shape) == 1
        if not checks:
            return self.value(operand, ZERO if single else form)
        inside: ir.Value = ir.Constant(FLAG, 1)
        place: ir.Value = ir.Constant(INDEX, 0)
        for check in checks:
            relative = self.place(check.place)
            if check.step != 1:
                step = ir.Constant(INDEX, check.step)
                quotient = b.sdiv(relative, step)
                exact = b.icmp_signed("==", b.mul(quotient, step), relative)
                inside, relative = b.and_(inside, exact), quotient
            within = b.icmp_unsigned("<", relative, ir.Constant(INDEX, check.size))
            inside = b.and_(inside, within)
            if check.stride:
                place = b.add(place, b.mul(relative, ir.Constant(INDEX, check.stride)))
        safe = b.select(inside, place, ir.Constant(INDEX, 0))
        element = self.value(operand, ZERO if single else form + self.variable(safe))
        return b.select(inside, element, zero)


def _strong(types: list[ArrayType], out: ArrayType) -> list[ArrayType]:
    """Return the operands' types; the plan has seen to it that Python's integers fit."""
    if out.dtype.kind not in "iu":
        return types
    return [ArrayType((), t.dtype) for t in types]
