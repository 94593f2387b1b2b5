"""Which loops are written in vectors, and how many elements of each they take at a time.

The innermost loop's variable then steps by as many elements as a vector has: an operand is read
from memory side by side, or is the same in all lanes. What is read otherwise, in steps or from
where an array of indices says, is left to a loop over single elements, and to LLVM's vectoriser.

How many lanes a sum has decides its bits: it depends on the program alone. A map may have as many
as the machine likes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, final

from attrs import frozen

from pullback.compiler.indices import (
    Affine,
    Index,
    axes_index,
    flatten,
    operand_indices,
    spread,
    variable,
)
from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import FOLDS, Kind
from pullback.compiler.llvm.guards import has_rare_arguments
from pullback.compiler.llvm.loops import copies, is_flat, map_loop
from pullback.compiler.llvm.nests import Loops
from pullback.compiler.llvm.padding import padded
from pullback.compiler.llvm.scalars import FORMULAS
from pullback.compiler.llvm.vectors import registers
from pullback.compiler.reductions import Order, order
from pullback.compiler.rows import plan_passes, shared_rows
from pullback.primitives.exponential import Sqrt
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.power import IntegerPower, Power
from pullback.primitives.primitive import Primitive
from pullback.primitives.reduction import Magnitude
from pullback.primitives.rounding import Ceil, Copysign, Floor, Trunc
from pullback.primitives.slicing import PadSlice
from pullback.primitives.special import Erfc, Ndtr
from pullback.primitives.trigonometric import Cos, Sin, Tan

_NONE: Final = -1  # the variable of no loop
_LONG: Final = 4096  # elements from which two registers at a time pay
_LARGE: Final = 1 << 16  # elements from which they pay for long steps, too, which compile slowly
_STEPS: Final = 8  # steps up to which two registers at a time pay
_REDUCED: Final = (256, 128, 64)  # bytes that a reduction takes with no formula, one, more
_APART: Final = (Gather, ScatterAdd, Sin, Cos, Tan)  # these read memory by lanes
_SHORT: Final = (Sqrt, Magnitude, Floor, Ceil, Trunc, Copysign)  # formulas of an instruction
_DOUBLE: Final = (Power, IntegerPower, Erfc, Ndtr)  # formulas that compute in double precision
_LONGEST: Final = (Erfc, Ndtr)


def plan_loops(plan: Plan, kernel: Kernel) -> Loops:
    """Return how the loops of a kernel are written.

    A map and a reduction are one loop, a join is one for each operand, rows are one for each pass.
    For kernels of other kinds there is nothing.
    """
    match kernel.kind:
        case Kind.MAP:
            return _of_a_map(plan, kernel)
        case Kind.FOLD:
            return _of_a_fold(plan, kernel)
        case Kind.ROWS:
            return _of_rows(plan, kernel)
        case Kind.JOIN:
            return Loops(_of_a_join(plan, kernel))
        case _:
            return Loops()


def needs_passes(plan: Plan, kernel: Kernel, loops: Loops) -> bool:
    """Return whether LLVM's passes are to see a kernel."""
    if kernel.kind is Kind.PRODUCT:
        return False
    return not loops.lanes or 1 in loops.lanes or has_rare_arguments(plan, kernel)


Goals = list[tuple[int, Index]]


@final
@frozen
class _Work:
    """What is done for an element."""

    #: The bytes of the widest number.
    widest: int
    #: How many steps of a few instructions there are.
    steps: int
    #: And how many of many instructions; the longest count twice.
    formulas: int
    #: Where in memory something is read, or compared.
    places: frozenset[Affine]


def _joined(extents: Sequence[tuple[int, int]], work: Iterable[_Work | None]) -> set[int]:
    """Return the axes that make one loop with the one behind them, wherever an element is read."""
    found: set[int] = set()
    places: set[Affine] = set()
    for each in work:
        if each is None:
            return found
        places |= each.places
    steps = [dict(place.terms) for place in places]
    for (axis, _), (behind, size) in itertools.pairwise(extents):
        if all(step.get(axis, 0) == step.get(behind, 0) * size for step in steps):
            found.add(axis)
    return found


def _map_lanes(work: _Work | None, size: int) -> int:
    if work is None:
        return 1
    short = work.steps <= _STEPS and work.formulas <= 1
    twice = size >= (_LONG if short else _LARGE)
    return registers().bytes * (2 if twice else 1) // work.widest


def _reduction_lanes(work: _Work | None) -> int:
    if work is None:
        return 1
    size = _REDUCED[min(work.formulas, 2)] if work.steps <= _STEPS else _REDUCED[2]
    return size // work.widest


def _of_a_map(plan: Plan, kernel: Kernel) -> Loops:
    index, extents = map_loop(plan, kernel)
    if not extents:
        return Loops((0,))
    goals: Goals = [(number, index) for number in kernel.values]
    size = math.prod(plan.program.type_at(kernel.values[0]).shape)
    work = _work(plan, kernel.reads, goals, extents[-1][0])
    return Loops((_map_lanes(work, size),), frozenset(_joined(extents, [work])))


def _of_a_fold(plan: Plan, kernel: Kernel) -> Loops:
    (out,) = kernel.values
    primitive, (operand,) = plan.program.steps[out - plan.first]
    assert isinstance(primitive, FOLDS), "these are the folds"
    shape = plan.program.type_at(operand).shape
    way = order(shape, primitive.axes)
    if way is Order.WHOLE and is_flat(plan, [operand], frozenset(kernel.reads)):
        work = _work(plan, kernel.reads, [(operand, variable(0))], 0, at=(out,))
        return Loops((_reduction_lanes(work),))
    long = [(axis, size) for axis, size in enumerate(shape) if size != 1]
    kept = [item for item in long if item[0] not in primitive.axes]
    gone = [item for item in long if item[0] in primitive.axes]
    inner = kept if way is Order.ROWS else gone
    if not inner:
        return Loops((0,))
    goals: Goals = [(operand, axes_index(shape))]
    work = _work(plan, kernel.reads, goals, inner[-1][0], at=(out,))
    joined = _joined(kept, [work]) | _joined(gone, [work])
    return Loops((_reduction_lanes(work),), frozenset(joined))


def _of_a_join(plan: Plan, kernel: Kernel) -> tuple[int, ...]:
    found: list[int] = []
    for operand, place in copies(plan, kernel):
        shape = plan.program.type_at(operand).shape
        inner = [axis for axis, size in enumerate(shape) if size != 1][-1:]
        goals: Goals = [(operand, axes_index(shape))]
        if not inner:
            found.append(0)
        elif dict(place.terms).get(inner[0], 0) != 1:
            found.append(1)
        else:
            found.append(_map_lanes(_work(plan, kernel.reads, goals, inner[0]), math.prod(shape)))
    return tuple(found)


def _of_rows(plan: Plan, kernel: Kernel) -> Loops:
    rows = shared_rows(plan.program, kernel.values)
    passes, _ = plan_passes(plan.program, plan.kinds, plan.stored, kernel.values)
    whole = axes_index(rows.shape)
    long = [(axis, size) for axis, size in enumerate(rows.shape) if size != 1]
    inner = [item for item in long if item[0] >= rows.outer]
    own = dict.fromkeys(kernel.values, False)  # whether there is one for each element of a row
    results: Goals = []
    for number in kernel.values:
        shape = plan.program.type_at(number).shape
        own[number] = plan.kinds[number] is not Kind.FOLD and shape == rows.shape
        if plan.kinds[number] is not Kind.FOLD and not own[number]:
            results.append((number, axes_index(shape)))
    work, lanes = [_work(plan, kernel.reads, results, _NONE, own=own)], list[int]()
    for position in range(max(passes.values()) + 1):
        members = [number for number in kernel.values if passes[number] == position]
        goals: Goals = []
        for number in members:
            _, operands = plan.program.steps[number - plan.first]
            if plan.kinds[number] is Kind.FOLD:
                goals.append((operands[0], whole))
            elif own[number]:
                goals.append((number, whole))
        work.append(_work(plan, kernel.reads, goals, inner[-1][0], own=own, at=members))
        lanes.append(_reduction_lanes(work[-1]) if goals else 0)
    outer = [item for item in long if item[0] < rows.outer]
    return Loops(tuple(lanes), frozenset(_joined(outer, work) | _joined(inner, work)))


def _work(
    plan: Plan,
    reads: Iterable[int],
    goals: Goals,
    inner: int,
    *,
    own: Mapping[int, bool] | None = None,
    at: Iterable[int] = (),
) -> _Work | None:
    """Return what is done for an element, or None if it takes no vectors.

    Args:
        plan: What is compiled.
        reads: Values in memory.
        goals: What is computed, and at which index.
        inner: The variable of the innermost loop.
        own: Values that the kernel computes, and whether they have an element for each of this
            loop; the others are there when it begins.
        at: Values of whose type numbers are kept.
    """
    own = own or {}
    stored = {*reads}
    stack = [*goals]
    first = {number for number, _ in goals}
    seen: set[tuple[int, Index]] = set()
    widest = max([plan.program.type_at(number).dtype.itemsize for number in at], default=1)
    steps = formulas = 0
    places: set[Affine] = set()
    while stack:
        number, place = item = stack.pop()
        if item in seen or number in plan.literals:
            continue
        seen.add(item)
        type_ = plan.program.type_at(number)
        widest = max(widest, type_.dtype.itemsize)
        if own.get(number) is False and number not in first:
            continue
        if number in stored or (number in own and number not in first):
            form = flatten(place, type_.shape)
            if dict(form.terms).get(inner, 0) not in {0, 1}:
                return None
            places.add(form)
            continue
        primitive, operands = plan.program.steps[number - plan.first]
        if isinstance(primitive, _APART):
            return None
        if isinstance(primitive, PadSlice):
            have = plan.program.type_at(operands[0]).shape
            rest, checks = padded(primitive, spread(place, type_.shape), have, type_.shape)
            if any(inner in dict(check.place.terms) for check in checks):
                return None
            places.update(check.place for check in checks)
            stack.append((operands[0], rest))
            continue
        if plan.kinds[number] is Kind.MAP:
            steps += 1
            if _is_formula(primitive):
                formulas += 1 + isinstance(primitive, _LONGEST)
                widest = 8 if isinstance(primitive, _DOUBLE) else widest
        stack += _operands(plan, number, place)
    return _Work(widest, steps, formulas, frozenset(places))


def _operands(plan: Plan, number: int, place: Index) -> Goals:
    """Return the operands of a map or view, and at which index each is needed."""
    primitive, operands = plan.program.steps[number - plan.first]
    want = plan.program.type_at(number).shape
    have = [plan.program.type_at(operand).shape for operand in operands]
    elementwise = plan.kinds[number] is Kind.MAP
    found = operand_indices(primitive, place, have, want, elementwise=elementwise)
    return list(zip(operands, found, strict=True))


def _is_formula(primitive: Primitive) -> bool:
    """Return whether a primitive is many instructions."""
    if isinstance(primitive, IntegerPower):
        return not 0 <= primitive.exponent <= 4
    return primitive.__class__ in FORMULAS and not isinstance(primitive, _SHORT)
