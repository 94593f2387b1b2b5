"""Values made as their readers need them: products with other axes, parts side by side.

The whole list; it changes no bit of any result:
    transpose(contract(x, y)), if nothing else reads the product    ->  contract, other labels
    pad_slice(a) + pad_slice(b) + ..., side by side along an axis   ->  concat(a + 0, b + 0, ...)
    the same of single numbers, of which some are missing           ->  zeros in their places

The zeros make 0.0 of -0.0, as those beside the parts did.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, chain
from operator import itemgetter
from typing import Final, final

from attrs import evolve, frozen

from pullback.compiler.passes.rebuild import Typed, rebuild
from pullback.core.program import Program
from pullback.primitives.arithmetic import Add
from pullback.primitives.cast import Cast
from pullback.primitives.contraction import Contract
from pullback.primitives.joining import Concat
from pullback.primitives.primitive import Primitive
from pullback.primitives.shape import Reshape, Transpose
from pullback.primitives.slicing import PadSlice
from pullback.types import ArrayType

_FEW: Final = 32  # elements of what is no loop in any case
_LONG: Final = 2000  # steps: single numbers among them may be a tape, which makes arrays at once
_MOST: Final = 64  # parts of one sum, if they are no single numbers


def layout(program: Program) -> Program:
    """Apply the rules of this module.

    Before -> after:
        [c = contract(a, b), d = transpose(c)]  ->  [d = contract(a, b) with other labels]
    """
    if Contract in program.operations and Transpose in program.operations:
        program = _transposed(program)
    return _joined(program) if PadSlice in program.operations else program


def _transposed(program: Program) -> Program:
    """Let products write what transposes of them would."""
    first = len(program.inputs) + len(program.constants)
    readers = _readers(program)
    steps: list[Typed] = []
    changed = False
    for step, type_ in zip(program.steps, program.types, strict=True):
        made = step
        if isinstance(step[0], Transpose) and step[1][0] >= first and readers[step[1][0]] == 1:
            contract, factors = program.steps[step[1][0] - first]
            if isinstance(contract, Contract):
                out = tuple([contract.out[axis] for axis in step[0].axes])
                made = evolve(contract, out=out), factors
                changed = True
        steps.append((made, type_))
    return rebuild(program, steps, program.outputs) if changed else program


def _readers(program: Program) -> Counter[int]:
    """Return how often each value is read."""
    return Counter(chain(program.outputs, *[row for _, row in program.steps]))


@final
@frozen
class _Sum:
    """Parts that fill an array: their numbers, or None for a zero, and the sizes along an axis."""

    axis: int
    parts: tuple[int | None, ...]
    sizes: tuple[int, ...]


def _joined(program: Program) -> Program:
    """Write sums of parts among zeros as concatenations."""
    found = _sums(program)
    if not found:
        return program
    first = len(program.inputs) + len(program.constants)
    wider, zero, shift = _with_zero(program)
    steps: list[Typed] = list(zip(program.steps, program.types, strict=True))
    start = 0 if shift else min(found) - first  # what is before stays as it is
    numbers = list(range(first + start))
    rest, steps = steps[start:], steps[:start]

    def keep(primitive: Primitive, operands: Sequence[int], type_: ArrayType) -> int:
        steps.append(((primitive, tuple(operands)), type_))
        return first + shift + len(steps) - 1

    for number, ((primitive, operands), type_) in enumerate(rest, first + start):
        sum_ = found.get(number)
        if sum_ is None:
            numbers.append(keep(primitive, [numbers[operand] for operand in operands], type_))
            continue
        row: list[int] = []
        for part, size in zip(sum_.parts, sum_.sizes, strict=True):
            shape = (*type_.shape[: sum_.axis], size, *type_.shape[sum_.axis + 1 :])
            whole = ArrayType(shape, type_.dtype)
            if part is None:
                nothing = keep(Cast(type_.dtype), [zero], ArrayType((), type_.dtype))
                row.append(keep(Reshape(shape), [nothing], whole))
                continue
            row.append(keep(Add(), [keep(Reshape(shape), [numbers[part]], whole), zero], whole))
        bounds = tuple(accumulate(sum_.sizes, initial=0))
        numbers.append(keep(Concat(sum_.axis, bounds), row, type_))
    return rebuild(wider, steps, [numbers[number] for number in program.outputs])


def _with_zero(program: Program) -> tuple[Program, int, int]:
    """Return a program with zero among its constants, its number, and how many were added."""
    for number, value in enumerate(program.constants, len(program.inputs)):
        if value.__class__ in {int, float} and value == 0 and math.copysign(1, value) == 1:
            return program, number, 0
    number = len(program.inputs) + len(program.constants)
    return evolve(program, constants=(*program.constants, 0.0)), number, 1


def _sums(program: Program) -> dict[int, _Sum]:
    """Return the sums that fill an array, each with its parts."""
    first = len(program.inputs) + len(program.constants)
    few = _FEW if len(program.steps) <= _LONG else 1
    different = {id(type_): type_ for type_ in program.types}
    large = {
        key
        for key, type_ in different.items()
        if math.prod(type_.shape) > few and type_.dtype.char in "fd"
    }
    readers = _readers(program)
    # Of values that are such sums, the parts among zeros; the largest sum so far has the list.
    terms: dict[int, list[int]] = {}
    wide: set[int] = set()  # sums with parts that are no single numbers
    inner: set[int] = set()
    for number in [k for k, type_ in enumerate(program.types, first) if id(type_) in large]:
        primitive, operands = program.steps[number - first]
        if isinstance(primitive, PadSlice):
            terms[number] = [number]
            if math.prod(program.type_at(operands[0]).shape) != 1:
                wide.add(number)
        elif isinstance(primitive, Add) and all(
            operand in terms and (readers[operand] == 1 or len(terms[operand]) == 1)
            for operand in operands
        ):
            less, more = sorted([terms[operand] for operand in operands], key=len)
            if len(less) + len(more) <= _MOST or wide.isdisjoint(operands):
                more = more if len(more) > 1 else more.copy()
                more += less
                terms[number] = more
                inner.update(operands)
                if not wide.isdisjoint(operands):
                    wide.add(number)
    found = {n: _side_by_side(program, n, parts) for n, parts in terms.items() if n not in inner}
    return {number: sum_ for number, sum_ in found.items() if sum_ is not None}


def _side_by_side(program: Program, number: int, parts: Sequence[int]) -> _Sum | None:
    """Return the sum of parts that lie one after another along one axis and fill it."""
    first = len(program.inputs) + len(program.constants)
    shape = program.type_at(number).shape
    along: set[int] = set()
    places: list[tuple[tuple[int, int], int | None]] = []
    for part in parts:
        pad, (operand,) = program.steps[part - first]
        assert isinstance(pad, PadSlice), "these are the terms"
        if pad.shape != shape:
            return None
        place = (0, shape[0])
        for axis, (slot, size) in enumerate(zip(pad.slots, shape, strict=True)):
            taken = range(slot, slot + 1) if isinstance(slot, int) else range(size)[slot]
            if taken != range(size):
                along.add(axis)
                place = taken.start, taken.stop
            if taken.step != 1 or len(along) > 1:
                return None
        places.append((place, operand))
    if len(along) != 1 or len(parts) < 2:
        return None
    (axis,) = along
    places.sort(key=itemgetter(0))
    return _filled(axis, shape, places)


def _filled(
    axis: int, shape: tuple[int, ...], places: Sequence[tuple[tuple[int, int], int | None]]
) -> _Sum | None:
    """Return parts, given where each begins and ends, with zeros between single numbers."""
    size = shape[axis]
    numbers = shape == (size,) and size <= 2 * len(places)
    parts: list[int | None] = []
    sizes: list[int] = []
    end = 0
    for (start, stop), part in [*places, ((size, size), None)]:
        numbers = numbers and stop - start <= 1
        if start < end or (start > end and not numbers):
            return None
        parts += [None] * (start - end)
        sizes += [1] * (start - end)
        if part is not None:
            parts.append(part)
            sizes.append(stop - start)
        end = stop
    return _Sum(axis, tuple(parts), tuple(sizes)) if numbers or None not in parts else None
