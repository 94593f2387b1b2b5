"""Which steps are straight-line code: each of their values stays in registers as one vector.

Values of a few elements are not worth a loop. All such steps that order allows to stand together
are one kernel, and a view in it is a shuffle. A kernel of very many steps is cut into pieces, for
LLVM takes more than linear time for a block; what several pieces need lies in scratch memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, final

from attrs import frozen

from pullback.compiler.contractions import terms
from pullback.compiler.indexing import INDEXING
from pullback.compiler.kinds import IDENTITIES, Kind
from pullback.compiler.operations import Operations
from pullback.compiler.storage import Rows
from pullback.compiler.tape import is_single, is_wide
from pullback.core.program import Program
from pullback.primitives.cast import Cast
from pullback.primitives.contraction import Contract
from pullback.types import ArrayType

ELEMENTS: Final = 32  # of one value
_OTHERS: Final = 32  # steps that become loops for the sake of very many others
_TERMS: Final = 512  # of one contraction
LONGEST: Final = 2000  # steps in one function
_CELL: Final = 8  # bytes
_KINDS: Final = frozenset({Kind.MAP, Kind.VIEW, Kind.FOLD, Kind.PRODUCT, Kind.JOIN})


@final
@frozen
class Pieces:
    """A long straight-line kernel, cut."""

    #: The steps of each function.
    steps: tuple[tuple[int, ...], ...]
    #: Where in scratch memory those values lie that come from one and are needed in another.
    places: dict[int, int]
    #: The bytes of scratch memory.
    scratch: int


def straight_steps(
    program: Program,
    types: Sequence[ArrayType],
    like: Operations,
    kinds: dict[int, Kind],
    rows: Rows,
) -> frozenset[int]:
    """Return the steps of which all values have few elements."""
    first = len(program.inputs) + len(program.constants)
    few = {
        key: type_.parts is None and 1 <= math.prod(type_.shape) <= ELEMENTS
        for key, type_ in {id(type_): type_ for type_ in types}.items()
    }

    def fits(example: int) -> bool:
        primitive, operands = program.steps[example]
        return (
            primitive.__class__ not in INDEXING
            and all(few[id(types[number])] for number in (first + example, *operands))
            and (not isinstance(primitive, Contract) or _few_terms(program, primitive, operands))
        )

    fitting = list(map(fits, like.examples))
    found = {
        number
        for (number, kind), operation in zip(kinds.items(), like.numbers, strict=True)
        if fitting[operation] and (kind is Kind.MAP or kind in _KINDS)
    }
    if len(found) > LONGEST:
        found = _on_tape(program, like, kinds, found)
    if len(found) == len(kinds):
        return frozenset(found)
    return frozenset(found) - _folded(program, kinds, found, rows)


def _on_tape(
    program: Program, like: Operations, kinds: dict[int, Kind], found: set[int]
) -> set[int]:
    """Return the steps that a tape can do, if these are all of very many but a few.

    They are single numbers, and what takes them out of arrays or makes arrays of them.
    """

    def is_between(example: int) -> bool:
        primitive, operands = program.steps[example]
        types = [program.type_at(operand) for operand in operands]
        return is_wide(primitive, program.types[example], types)

    between = list(map(is_between, like.examples))
    single = [is_single(program.types[example]) for example in like.examples]
    taken: set[int] = set()
    for (number, kind), operation in zip(kinds.items(), like.numbers, strict=True):
        if kind is Kind.MAP:
            fits = single[operation] and number in found
        else:
            shown = single[operation] and number in found and kind is Kind.VIEW
            fits = shown or (between[operation] and (kind is Kind.VIEW or kind is Kind.JOIN))
        if fits:
            taken.add(number)
    return taken if len(found - taken) <= _OTHERS < LONGEST < len(taken) else found


def _few_terms(program: Program, contract: Contract, operands: Sequence[int]) -> bool:
    x, y = (program.type_at(operand).shape for operand in operands)
    return terms(contract, x, y) <= _TERMS


def _folded(
    program: Program, kinds: dict[int, Kind], found: set[int], rows: Rows
) -> frozenset[int]:
    """Return those that cost a loop nothing, and that loops alone need."""
    first = len(program.inputs) + len(program.constants)
    needed = set(program.outputs)
    folded: set[int] = set()
    for number in reversed(kinds):
        primitive, _ = program.steps[number - first]
        if number in found:
            if number not in needed and (
                kinds[number] is Kind.VIEW or isinstance(primitive, (Cast, *IDENTITIES))
            ):
                folded.add(number)
                continue
            needed.update(rows[number])
    return frozenset(folded)


def cut(program: Program, steps: Sequence[int]) -> Pieces:
    """Cut a long kernel.

    Before -> after:
        4,500 steps  ->  functions of 2,000, 2,000 and 500
    """
    first = len(program.inputs) + len(program.constants)
    pieces = [tuple(steps[k : k + LONGEST]) for k in range(0, len(steps), LONGEST)]
    made = dict[int, int]()
    last = dict[int, int]()
    for position, piece in enumerate(pieces):
        for number in piece:
            made[number] = position
            for operand in program.steps[number - first][1]:
                if operand in made and made[operand] != position:
                    last[operand] = position
    order = [number for number in made if number in last]  # that in which they are made
    places, scratch = _placed(program, order, made, last, len(pieces))
    return Pieces(tuple(pieces), places, scratch)


def _placed(
    program: Program,
    order: Iterable[int],
    made: dict[int, int],
    last: dict[int, int],
    count: int,
) -> tuple[dict[int, int], int]:
    """Return places in scratch memory, used again by values of the same size."""
    places: dict[int, int] = {}
    free: dict[int, list[int]] = {}
    ending: list[list[tuple[int, int]]] = [[] for _ in range(count + 1)]
    ended, scratch = 0, 0
    for number in order:
        while ended < made[number]:
            for size, place in ending[ended]:
                free.setdefault(size, []).append(place)
            ended += 1
        type_ = program.type_at(number)
        size = -(-math.prod(type_.shape) * type_.dtype.itemsize // _CELL) * _CELL
        if held := free.get(size):
            place = held.pop()
        else:
            place, scratch = scratch, scratch + size
        places[number] = place
        ending[last[number]].append((size, place))
    return places, scratch
