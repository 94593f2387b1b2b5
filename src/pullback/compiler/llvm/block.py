"""Straight-line code while it is being written: values by their names, steps as lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, final

import numpy as np

from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.lanes import lanes
from pullback.compiler.llvm.picks import Picks, aligned
from pullback.compiler.llvm.picks import places as places_of
from pullback.compiler.llvm.places import Place
from pullback.compiler.llvm.scalars import BYTE
from pullback.compiler.llvm.templates import Templates
from pullback.compiler.tokens import token
from pullback.primitives.arithmetic import Add, Multiply
from pullback.primitives.bitwise import LogicalAnd, LogicalOr
from pullback.primitives.cast import Cast
from pullback.primitives.contraction import Contract
from pullback.primitives.extremum import Maximum, Minimum
from pullback.primitives.primitive import Primitive
from pullback.primitives.reduction import All, Any, Max, Min, Prod
from pullback.primitives.selection import MultiplyNoNan
from pullback.primitives.shape import Sum
from pullback.primitives.slicing import PadSlice
from pullback.types import ArrayType
from pullback.types.promotion import DType

_BLOCK: Final = 32  # places that are read and written between two branches
_COMBINE: Final[dict[type[Primitive], Primitive]] = {
    Sum: Add(),
    Prod: Multiply(),
    Max: Maximum(),
    Min: Minimum(),
    Any: LogicalOr(),
    All: LogicalAnd(),
}


@final
class Block:
    """One block of code; values by their names in it."""

    def __init__(
        self, plan: Plan, templates: Templates, places: Mapping[int, int] = MappingProxyType({})
    ) -> None:
        self.plan, self.templates, self.types = plan, templates, templates.types
        #: Where in scratch memory values lie that other functions need or have made.
        self.places = places
        self.lines: list[str] = []
        self.names: dict[int, str] = {}
        self.pointers: dict[int, str] = {}
        self.count = 0
        self.cells: dict[int, str] = {}
        #: Pointers that are read from a table where they are first needed, as `Places` tells them.
        self.located: dict[str, Place] = {}

    def run(self, steps: Iterable[int], pointers: dict[int, str]) -> None:
        """Append steps; operands are loaded where they are first needed."""
        plan, names = self.plan, self.names
        self.pointers = pointers
        program_steps, types, kinds = plan.program.steps, plan.program.types, plan.kinds
        for number in steps:
            primitive, operands = program_steps[number - plan.first]
            out = types[number - plan.first]
            match kinds[number]:
                case Kind.MAP:
                    names[number] = self._map(primitive, operands, self.types[number])
                case Kind.FOLD:
                    names[number] = self._fold(primitive, operands[0], out)
                case Kind.PRODUCT:
                    assert isinstance(primitive, Contract), "the only product"
                    names[number] = self._contract(primitive, operands, out)
                case _:
                    names[number] = self._moved(primitive, operands, out)

    def load(self, number: int, pointer: str) -> str:
        """Append a load, and return its name."""
        type_ = self.types[number]
        dtype, count = type_.dtype, math.prod(type_.shape)
        kind = self.templates.text(dtype, count)
        memory = str(lanes(BYTE, count)) if dtype.kind == "b" else kind
        name = self.name()
        self._find(pointer)
        self.lines.append(f"{name} = load {memory}, ptr {pointer}, align {dtype.itemsize}")
        if dtype.kind == "b":
            loaded, name = name, self.name()
            self.lines.append(f"{name} = trunc {memory} {loaded} to {kind}")
        self.names[number] = name
        return name

    def save(self, pointers: dict[int, str]) -> None:
        """Append stores."""
        for number, pointer in pointers.items():
            type_ = self.types[number]
            dtype, count = type_.dtype, math.prod(type_.shape)
            value, kind = self._operand(number), self.templates.text(dtype, count)
            if dtype.kind == "b":
                memory, wide = str(lanes(BYTE, count)), self.name()
                self.lines.append(f"{wide} = zext {kind} {value} to {memory}")
                value, kind = wide, memory
            self._find(pointer)
            self.lines.append(f"store {kind} {value}, ptr {pointer}, align {dtype.itemsize}")

    def _find(self, pointer: str) -> None:
        """Append the look for a pointer in a table, if it has one and is not known."""
        place = self.located.pop(pointer, None)
        if place is not None:
            whose, entry, shift = place
            table = "%root" if whose else "%table"
            if len(self.located) % _BLOCK == 0:
                block = f"b{len(self.located)}"
                self.lines += f"br i1 %none, label %end, label %{block}", f"{block}:"
            self.lines += (
                f"{pointer}.e = getelementptr ptr, ptr {table}, i64 {entry}",
                f"{pointer}.p = load ptr, ptr {pointer}.e",
                f"{pointer} = getelementptr i8, ptr {pointer}.p, i64 {shift}",
            )

    def cell(self, place: int) -> str:
        """Return a place in scratch memory, as LLVM writes a constant distance."""
        known = self.cells.get(place)
        if known is None:
            known = self.cells[place] = f"%c{place}"
            self.lines.append(f"{known} = getelementptr i8, ptr %scratch, i64 {place}")
        return known

    def name(self) -> str:
        """Return a name that nothing has."""
        self.count += 1
        return f"%v{self.count}"

    def _operand(self, number: int) -> str:
        """Return the name of an operand in its own shape; a literal is a scalar."""
        found = self.names.get(number)
        if found is not None:
            return found
        if number in self.plan.literals:
            type_ = self.types[number]
            constant = scalars.literal(self.plan.literals[number], type_.dtype)
            found = self.names[number] = str(constant.get_reference())
            return found
        return self.load(number, self.pointers[number])

    def _apply(
        self, primitive: Primitive, names: Sequence[str], types: Sequence[ArrayType], out: ArrayType
    ) -> str:
        """Append the instructions of a primitive on elements in lanes."""
        template = self.templates.find(primitive, types, out.dtype, math.prod(out.shape))
        self.count += 1
        return template.write(self.lines, self.count, names)

    def _map(self, primitive: Primitive, operands: Sequence[int], out: ArrayType) -> str:
        types = [self.types[operand] for operand in operands]
        names = [self.names.get(operand) or self._operand(operand) for operand in operands]
        self.count += 1
        key = token(primitive), id(out), *map(id, types)
        template = self.templates.quick.get(key)
        if template is not None:  # nearly always, where there are very many
            return template.write(self.lines, self.count, names)
        template = self.templates.find(primitive, types, out.dtype, math.prod(out.shape))
        if all(type_.shape == out.shape for type_ in types):
            self.templates.quick[key] = template
        names = [
            name if type_.shape == out.shape else self._spread(operand, name, type_, out.shape)
            for operand, name, type_ in zip(operands, names, types, strict=True)
        ]
        self.count += 1
        return template.write(self.lines, self.count, names)

    def _spread(self, operand: int, name: str, type_: ArrayType, shape: tuple[int, ...]) -> str:
        """Append what broadcasting makes of an operand."""
        if operand in self.plan.literals:
            kind = self.templates.text(type_.dtype, 1)
            return name if math.prod(shape) == 1 else f"splat ({kind} {name})"
        places = np.broadcast_to(places_of(type_.shape), shape)
        return self._pick(name, type_, places)

    def _pick(self, name: str, type_: ArrayType, places: Picks) -> str:
        """Append a shuffle: the elements at these places, in their order."""
        have, flat = math.prod(type_.shape), [int(place) for place in places.ravel()]
        return self._shuffle(name, type_.dtype, have, flat)

    def _shuffle(self, name: str, dtype: DType, have: int, places: list[int]) -> str:
        """Append a shuffle; a place below zero may be anything."""
        if have == len(places) and all(p in {k, -1} for k, p in enumerate(places)):
            return name
        kind, one = self.templates.text(dtype, have), self.templates.text(dtype, 1)
        result = self.name()
        if len(places) == 1:
            self.lines.append(f"{result} = extractelement {kind} {name}, i32 {places[0]}")
            return result
        if have == 1:
            whole = self.templates.text(dtype, len(places))
            lane, mask = self.name(), [min(p, 0) for p in places]
            self.lines.append(f"{lane} = insertelement {whole} poison, {one} {name}, i32 0")
            kind, name = whole, lane
        else:
            mask = places
        self.lines.append(f"{result} = shufflevector {kind} {name}, {kind} poison, {_mask(mask)}")
        return result

    def _moved(self, primitive: Primitive, operands: Sequence[int], out: ArrayType) -> str:
        """Append a view or a join: the primitive itself tells, of places, what lies where."""
        types = [self.types[operand] for operand in operands]
        total, count = 1, math.prod(out.shape)  # place 0 is that of the zeros around a part
        starts: list[int] = []
        for type_ in types:
            starts.append(total)
            total += math.prod(type_.shape)
        at = [places_of(t.shape) + start for t, start in zip(types, starts, strict=True)]
        found = [int(p) for p in np.ravel(primitive.evaluate(*[a[()] for a in at]))]
        result: str | None = None
        if isinstance(primitive, PadSlice) and 0 in found:
            zero = scalars.literal(0, out.dtype)
            result = "zeroinitializer" if count > 1 else zero.get_reference()
        for operand, type_, start in zip(operands, types, starts, strict=True):
            have = math.prod(type_.shape)
            picks = [p - start if start <= p < start + have else -1 for p in found]
            if all(p < 0 for p in picks):
                continue
            if operand in self.plan.literals:
                name = self._spread(operand, self._operand(operand), type_, (count,))
            else:
                name = self._shuffle(self._operand(operand), out.dtype, have, picks)
            result = name if result is None else self._blend(result, name, picks, out)
        assert result is not None, "some operand has elements"
        return result

    def _blend(self, old: str, new: str, picks: list[int], out: ArrayType) -> str:
        """Append the choice of the new elements where there are some."""
        if all(p >= 0 for p in picks):
            return new
        kind, count, result = self.templates.text(out.dtype, len(picks)), len(picks), self.name()
        mask = _mask([count + k if p >= 0 else k for k, p in enumerate(picks)])
        self.lines.append(f"{result} = shufflevector {kind} {old}, {kind} {new}, {mask}")
        return result

    def _fold(self, primitive: Primitive, operand: int, out: ArrayType) -> str:
        """Append a reduction: halves are added to each other until one is left."""
        assert isinstance(primitive, (Sum, Prod, Max, Min, Any, All)), "these are the folds"
        type_ = self.types[operand]
        cast = ArrayType(type_.shape, out.dtype)
        name = self._cast(self._operand(operand), type_, cast)
        kept = [axis for axis in range(len(type_.shape)) if axis not in primitive.axes]
        order = places_of(type_.shape).transpose([*primitive.axes, *kept])
        rows = order.reshape(-1, math.prod(out.shape))
        return self._folded(_COMBINE[type(primitive)], name, cast, rows)

    def _folded(self, combine: Primitive, name: str, type_: ArrayType, rows: Picks) -> str:
        """Append the combination of the rows of places."""
        count = rows.shape[1]
        strong = ArrayType(type_.shape, type_.dtype)
        while len(rows) > 1:
            half = (len(rows) + 1) // 2
            under, over = rows[:half], rows[half:]
            left, right = (self._pick(name, strong, r) for r in (under[: len(over)], over))
            part = ArrayType((len(over) * count,), type_.dtype)
            total = self._apply(combine, [left, right], [part, part], part)
            if len(over) < half:  # the odd row stays as it is
                rest = self._pick(name, strong, under[-1:])
                total = self._beside(total, rest, part, count)
            name = total
            strong = ArrayType((half * count,), type_.dtype)
            rows = np.arange(half * count).reshape(half, count)
        name = self._pick(name, strong, rows)
        if isinstance(combine, Add) and type_.dtype.kind == "f":  # the sum of negative zeros is 0.0
            sums = ArrayType((count,), type_.dtype)
            zero = scalars.literal(0, type_.dtype).get_reference()
            if count > 1:
                zero = f"splat ({self.templates.text(type_.dtype, 1)} {zero})"
            name = self._apply(combine, [name, zero], [sums, sums], sums)
        return name

    def _beside(self, name: str, rest: str, type_: ArrayType, count: int) -> str:
        """Append a vector with a row more."""
        size = math.prod(type_.shape)
        wide = self._shuffle(name, type_.dtype, size, [*range(size), *[-1] * count])
        places = [-1] * size + list(range(count))
        other = self._shuffle(rest, type_.dtype, count, places)
        return self._blend(wide, other, places, ArrayType((size + count,), type_.dtype))

    def _cast(self, name: str, have: ArrayType, want: ArrayType) -> str:
        if have.dtype == want.dtype:
            return name
        return self._apply(Cast(want.dtype), [name], [have], want)

    def _contract(self, contract: Contract, operands: Sequence[int], out: ArrayType) -> str:
        """Append a contraction, term by term over what is summed; a single sum as a reduction."""
        x, y = (self.types[operand] for operand in operands)
        sizes = dict(zip(contract.x, x.shape, strict=True)) | dict(
            zip(contract.y, y.shape, strict=True)
        )
        summed = [label for label in contract.x if label not in contract.out]
        labels = [*summed, *contract.out]
        shape = tuple([sizes[label] for label in labels])
        rows = [
            aligned(labels_, t.shape, labels, shape).reshape(-1, math.prod(out.shape))
            for labels_, t in ((contract.x, x), (contract.y, y))
        ]
        names = [self._operand(operand) for operand in operands]
        element = ArrayType(out.shape, out.dtype)
        times = MultiplyNoNan(contract.symmetric) if contract.no_nan else None
        if math.prod(out.shape) == 1 and len(rows[0]) > 1:
            whole = ArrayType((len(rows[0]),), out.dtype)
            left, right = (
                self._pick(name, t, r) for name, t, r in zip(names, (x, y), rows, strict=True)
            )
            product = self._apply(times or Multiply(), [left, right], [whole, whole], whole)
            return self._folded(Add(), product, whole, np.arange(len(rows[0])).reshape(-1, 1))
        total = ""
        for at_x, at_y in zip(*rows, strict=True):
            left, right = self._pick(names[0], x, at_x), self._pick(names[1], y, at_y)
            total = self._term(total, left, right, element, times)
        return total

    def _term(
        self, total: str, left: str, right: str, type_: ArrayType, times: Primitive | None
    ) -> str:
        """Append ``total + left·right``, in one instruction where the machine has it."""
        kind, product = self.templates.text(type_.dtype, math.prod(type_.shape)), ""
        if times is None:
            product = self.name()
            self.lines.append(f"{product} = fmul contract {kind} {left}, {right}")
        else:
            product = self._apply(times, [left, right], [type_, type_], type_)
        if not total:
            return product
        result = self.name()
        self.lines.append(f"{result} = fadd contract {kind} {total}, {product}")
        return result


def _mask(places: Sequence[int]) -> str:
    entries = ", ".join(["i32 poison" if place < 0 else f"i32 {place}" for place in places])
    return f"<{len(places)} x i32> <{entries}>"
