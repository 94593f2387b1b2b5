"""Which values lie in memory, and which are computed again inside the loops that read them."""

from __future__ import annotations

import math
from typing import Final, TypeAlias

from pullback.compiler.indexing import indices_in_memory
from pullback.compiler.kinds import IDENTITIES, Kind
from pullback.compiler.operations import value_types
from pullback.core.program import Program
from pullback.primitives.bundle import Pack
from pullback.primitives.cast import Cast
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.shape import Reshape
from pullback.primitives.slicing import PadSlice

#: What each step reads; native control flow reads what is packed for it.
Rows: TypeAlias = dict[int, tuple[int, ...]]

_FACTORS: Final = frozenset({Kind.PRODUCT, Kind.CONVOLUTION, Kind.POOLING, Kind.CONTROL})
_READERS: Final = _FACTORS | {Kind.HOST}
_DEPTH: Final = 40  # of what is folded into one loop


def stored_values(
    program: Program,
    kinds: dict[int, Kind],
    literals: dict[int, Value],
    rows: Rows,
    straight: frozenset[int] = frozenset(),
) -> frozenset[int]:
    """Return which values lie in memory; those that straight-line code alone needs do not.

    ``demand`` counts how often an element of a value would be computed if it were not stored.
    """
    first = len(program.inputs) + len(program.constants)
    if len(straight) == len(kinds):
        return frozenset({*program.outputs, *range(first)} - literals.keys())
    size = [math.prod(type_.shape) for type_ in value_types(program)]
    stored = {o for o in program.outputs if o >= first}
    demand: dict[int, int] = dict.fromkeys(kinds, 0)
    for number in range(first + len(program.steps) - 1, first - 1, -1):
        primitive, operands, kind = program.steps[number - first][0], rows[number], kinds[number]
        if kind is Kind.PART and isinstance(primitive, Pack):
            continue
        if number in straight:
            stored.update([o for o in operands if o >= first and o not in straight])
            continue
        repeated = kind is Kind.MAP and demand[number] > 1 and not _cheap(primitive)
        if repeated or kind not in {Kind.MAP, Kind.VIEW}:
            stored.add(number)
        stored.update([o for o in indices_in_memory(program, number) if o >= first])
        weight = 1 if number in stored else max(demand[number], 1)
        for operand in dict.fromkeys(operands):
            if operand < first:
                continue
            if kind in _READERS or operand in straight or isinstance(primitive, PadSlice):
                stored.add(operand)
            spread = kind in {Kind.MAP, Kind.VIEW} and size[number] > size[operand]
            demand[operand] += 2 * weight if spread else weight
    depth: dict[int, int] = {}
    bound: set[int] = set()  # values that need an index for each axis
    for number, kind in kinds.items():
        if number in straight:
            continue
        primitive, operands = program.steps[number - first][0], rows[number]
        if isinstance(primitive, Reshape) and operands[0] in bound:
            stored.add(operands[0])
        inner = [o for o in operands if o >= first and o not in stored]
        depth[number] = 1 + max([depth[o] for o in inner], default=0)
        if (kind is Kind.VIEW and not isinstance(primitive, Reshape)) or (
            kind is Kind.MAP and (bound.intersection(inner) or _broadcasts(program, number))
        ):
            bound.add(number)
        if depth[number] > _DEPTH and kind in {Kind.MAP, Kind.VIEW}:
            stored.add(number)
    return frozenset(stored | (set(range(first)) - literals.keys()) | _factors(kinds, rows))


def _broadcasts(program: Program, number: int) -> bool:
    """Return whether an operand of a step has another shape, and more than one element."""
    _, operands = program.steps[number - len(program.inputs) - len(program.constants)]
    shapes = {program.type_at(operand).shape for operand in operands}
    shapes.discard(program.type_at(number).shape)
    return any(math.prod(shape) != 1 for shape in shapes)


def _factors(kinds: dict[int, Kind], rows: Rows) -> set[int]:
    """Return the operands of products and calls: these read memory, literals too."""
    readers = (n for n, kind in kinds.items() if kind in _FACTORS)
    return {operand for n in readers for operand in rows[n]}


def _cheap(primitive: Primitive) -> bool:
    """Return whether computing costs no more than loading."""
    return isinstance(primitive, (Cast, *IDENTITIES))
