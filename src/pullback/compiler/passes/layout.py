"""Values made as their readers need them: products with other axes, parts side by side.

The whole list; it changes no bit of any result:
    transpose(contract(x, y)), if nothing else reads the product    ->  contract, other labels
    pad_slice(a) + pad_slice(b) + ..., side by side along an axis   ->  concat(a + 0, b + 0, ...)

The zeros make 0.0 of -0.0, as those beside the parts did.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import Final, final

from attrs import evolve, frozen

from pullback.compiler.passes.rebuild import Typed, rebuild
from pullback.core.program import Program
from pullback.primitives.arithmetic import Add
from pullback.primitives.contraction import Contract
from pullback.primitives.joining import Concat
from pullback.primitives.primitive import Primitive
from pullback.primitives.shape import Reshape, Transpose
from pullback.primitives.slicing import PadSlice
from pullback.types import ArrayType

_FEW: Final = 32  # elements of what is no loop in any case
_MOST: Final = 64  # parts of one sum


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
    """Parts that fill an array: their numbers, and the sizes along an axis."""

    axis: int
    parts: tuple[int, ...]
    sizes: tuple[int, ...]


def _joined(program: Program) -> Program:
    """Write sums of parts among zeros as concatenations."""
    found = _sums(program)
    if not found:
        return program
    zero = len(program.inputs) + len(program.constants)
    wider = evolve(program, constants=(*program.constants, 0.0), steps=(), types=(), outputs=())
    numbers = list(range(zero))
    steps: list[Typed] = []

    def keep(primitive: Primitive, operands: Sequence[int], type_: ArrayType) -> int:
        steps.append(((primitive, tuple(operands)), type_))
        return zero + len(steps)

    for number, ((primitive, operands), type_) in enumerate(
        zip(program.steps, program.types, strict=True), zero
    ):
        sum_ = found.get(number)
        if sum_ is None:
            numbers.append(keep(primitive, [numbers[operand] for operand in operands], type_))
            continue
        row: list[int] = []
        for part, size in zip(sum_.parts, sum_.sizes, strict=True):
            shape = (*type_.shape[: sum_.axis], size, *type_.shape[sum_.axis + 1 :])
            whole = ArrayType(shape, type_.dtype)
            row.append(keep(Add(), [keep(Reshape(shape), [numbers[part]], whole), zero], whole))
        bounds = tuple(accumulate(sum_.sizes, initial=0))
        numbers.append(keep(Concat(sum_.axis, bounds), row, type_))
    return rebuild(wider, steps, [numbers[number] for number in program.outputs])


def _sums(program: Program) -> dict[int, _Sum]:
    """Return the sums that fill an array, each with its parts."""
    first = len(program.inputs) + len(program.constants)
    readers = _readers(program)
    terms: dict[int, tuple[int, ...]] = {}  # of values that are such sums, the parts among zeros
    inner: set[int] = set()
    for number, ((primitive, operands), type_) in enumerate(
        zip(program.steps, program.types, strict=True), first
    ):
        if math.prod(type_.shape) <= _FEW or type_.dtype.char not in "fd":
            continue
        if isinstance(primitive, PadSlice):
            terms[number] = (number,)
        elif isinstance(primitive, Add) and all(
            operand in terms and (readers[operand] == 1 or len(terms[operand]) == 1)
            for operand in operands
        ):
            parts = *terms[operands[0]], *terms[operands[1]]
            if len(parts) <= _MOST:
                terms[number] = parts
                inner.update(operands)
    found = {n: _side_by_side(program, n, parts) for n, parts in terms.items() if n not in inner}
    return {number: sum_ for number, sum_ in found.items() if sum_ is not None}


def _side_by_side(program: Program, number: int, parts: Sequence[int]) -> _Sum | None:
    """Return the sum of parts that lie one after another along one axis and fill it."""
    first = len(program.inputs) + len(program.constants)
    shape = program.type_at(number).shape
    along: set[int] = set()
    places: list[tuple[tuple[int, int], int]] = []
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
    places.sort()
    starts = [start for (start, _), _ in places]
    stops = [stop for (_, stop), _ in places]
    if starts != [0, *stops[:-1]] or stops[-1] != shape[axis]:
        return None
    sizes = tuple([stop - start for (start, stop), _ in places])
    return _Sum(axis, tuple([operand for _, operand in places]), sizes)
