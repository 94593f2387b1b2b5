"""Reductions of the same rows in one kernel, and what is computed of them while the row is near.

Rows are what lies along the last axes. Each is passed over several times: for the largest element,
then for the sum of exponentials, then for what these divide. Between passes it stays in the cache,
and what only later passes need is kept for one row alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, final

from attrs import frozen

from pullback.compiler.indices import (
    Affine,
    Index,
    NeedsAxesError,
    axes_index,
    broadcast,
    flatten,
    through,
)
from pullback.compiler.kernel import Kernel
from pullback.compiler.kinds import Kind
from pullback.core.program import Program
from pullback.primitives.reduction import All, Any, Max, Min, Prod
from pullback.primitives.shape import BroadcastTo, Flip, Reshape, Sum, Transpose
from pullback.primitives.slicing import Slice
from pullback.types import ArrayType

_SHORTEST: Final = 16  # the shortest row that maps are computed of, rather than of all rows at once
_LARGEST: Final = 24  # values in one kernel
_BACK: Final = 50  # kernels that one may come forward
_LONGEST: Final = 1 << 14  # bytes on the stack that keep a value for one row

Shape = tuple[int, ...]


@final
@frozen
class Rows:
    """What is passed over: an array whose first axes number the rows."""

    shape: Shape
    outer: int

    @property
    def length(self) -> int:
        """The elements of a row."""
        return math.prod(self.shape[self.outer :])

    def has(self, shape: Shape) -> bool:
        """Return whether a value of this shape has an element for each row, or all of a row."""
        rest = self.shape[: self.outer]
        return shape in {self.shape, rest, rest + (1,) * (len(self.shape) - self.outer)}


def rows_of(program: Program, number: int) -> Rows | None:
    """Return the rows that a step reduces, if it reduces rows."""
    primitive, operands = program.steps[number - len(program.inputs) - len(program.constants)]
    if not isinstance(primitive, (Sum, Prod, Max, Min, Any, All)):
        return None
    shape = program.type_at(operands[0]).shape
    outer = len(shape) - len(primitive.axes)
    if sorted(primitive.axes) != list(range(outer, len(shape))):
        return None
    rows = Rows(shape, outer)
    return rows if rows.length > 1 and 0 not in shape else None


def shared_rows(program: Program, values: Iterable[int]) -> Rows:
    """Return the rows that a kernel passes over."""
    return next(rows for rows in (rows_of(program, number) for number in values) if rows)


@final
class Reach:
    """Which values a value is made of, and at which elements."""

    def __init__(self, program: Program, kinds: dict[int, Kind], stored: frozenset[int]) -> None:
        self.program, self.kinds, self.stored = program, kinds, stored
        self.first = len(program.inputs) + len(program.constants)

    def aligned(self, number: int, rows: Rows, own: Iterable[int]) -> set[int] | None:
        """Return those of ``own`` that a value is made of, if it takes their own elements alone.

        Args:
            number: A map or a reduction of rows.
            rows: The rows.
            own: Values with an element for each row, or for each element of a row.

        Returns:
            The values; or None, if other elements of one are needed.
        """
        own = set(own)
        found: set[int] = set()
        _, operands = self.program.steps[number - self.first]
        shape = self.program.type_at(number).shape
        if self.kinds[number] is Kind.FOLD:
            stack: list[tuple[int, Index | None]] = [(operands[0], axes_index(rows.shape))]
        else:
            stack = self._operands(number, axes_index(shape))
        seen: set[tuple[int, Index | None]] = set()
        while stack:
            current, index = item = stack.pop()
            if item in seen:
                continue
            seen.add(item)
            if current in own:
                has = self.program.type_at(current).shape
                if index is None or flatten(index, has) != flatten(axes_index(has), has):
                    return None
                found.add(current)
            elif current >= self.first and current not in self.stored:
                stack += self._operands(current, index)
        return found

    def _operands(self, number: int, index: Index | None) -> list[tuple[int, Index | None]]:
        """Return the operands of a map or view, with the index where that is simple."""
        primitive, operands = self.program.steps[number - self.first]
        want = self.program.type_at(number).shape
        pairs: list[tuple[int, Index | None]] = []
        for operand in operands:
            have, place = self.program.type_at(operand).shape, None
            try:
                if index is None:
                    pass
                elif self.kinds[number] is Kind.MAP:
                    place = broadcast(index, have, want)
                elif isinstance(primitive, (Transpose, BroadcastTo, Reshape, Flip, Slice)):
                    place = through(primitive, index, have, want)
            except NeedsAxesError:
                pass
            pairs.append((operand, Affine() if math.prod(have) == 1 else place))
        return pairs


@final
class _Group:
    """Kernels that pass over the same rows, or one kernel of any kind."""

    def __init__(self, kernel: Kernel, rows: Rows | None) -> None:
        self.kernel, self.rows = kernel, rows
        self.values: list[int] = [*kernel.values]
        self.reads: list[int] = [*kernel.reads]
        self.merged = False


def merge_rows(
    program: Program, kinds: dict[int, Kind], stored: frozenset[int], kernels: Sequence[Kernel]
) -> tuple[Kernel, ...]:
    """Put reductions of the same rows into one kernel, with the maps that they need or feed.

    Before -> after:
        [m = max(x)], [s = sum(exp(x - m))], [y = exp(x - m) / s]  ->  one kernel of three passes

    A kernel joins an earlier one, not too far off, if all that it reads is there by then.
    """
    reach = Reach(program, kinds, stored)
    groups: list[_Group] = []
    at: dict[int, int] = {}  # the group that computes a value
    for kernel in kernels:
        place = _place(program, kernel, groups, at, reach)
        if place is None:
            place = len(groups)
            rows = rows_of(program, kernel.values[0]) if kernel.kind is Kind.FOLD else None
            groups.append(_Group(kernel, rows))
        else:
            group = groups[place]
            group.values += kernel.values
            group.reads += kernel.reads
            group.merged = True
            if group.rows is None:
                group.rows = rows_of(program, kernel.values[0])
        for number in kernel.values:
            at[number] = place
    if not any(group.merged for group in groups):
        return tuple(kernels)
    return _kernels(program, kinds, stored, groups)


def _place(
    program: Program, kernel: Kernel, groups: Sequence[_Group], at: dict[int, int], reach: Reach
) -> int | None:
    """Return the group that a kernel joins: of the latest, the one of which it reads most."""
    if kernel.kind not in {Kind.FOLD, Kind.MAP}:
        return None
    rows = rows_of(program, kernel.values[0]) if kernel.kind is Kind.FOLD else None
    if kernel.kind is Kind.FOLD and rows is None:
        return None
    earliest = max([at[number] for number in kernel.reads if number in at], default=0)
    earliest = max(earliest, len(groups) - _BACK)
    best, place = -1, None
    for position in range(len(groups) - 1, earliest - 1, -1):
        group = groups[position]
        own = len(set(kernel.reads).intersection(group.values))
        if own > best and _joins(program, kernel, group, rows, reach):
            best, place = own, position
    return place


def _joins(
    program: Program, kernel: Kernel, group: _Group, rows: Rows | None, reach: Reach
) -> bool:
    """Return whether a kernel fits a group that stands behind all that the kernel reads."""
    shared = rows or group.rows
    if shared is None or len(group.values) + len(kernel.values) > _LARGEST:
        return False
    shape = program.type_at(kernel.values[0]).shape
    near = set(kernel.reads)
    if group.rows is None:  # maps of the elements of which this kernel reduces rows
        maps = group.kernel.kind is Kind.MAP and near.intersection(group.values)
        if not maps or program.type_at(group.values[0]).shape != shared.shape:
            return False
    elif rows is None:
        if not shared.has(shape) or (shape == shared.shape and shared.length < _SHORTEST):
            return False
        if not near.intersection([*group.values, *group.reads]):
            return False
    elif rows != group.rows:
        return False
    own = list(group.values)
    for number in kernel.values:
        if reach.aligned(number, shared, own) is None:
            return False
        own.append(number)
    return True


def _kernels(
    program: Program, kinds: dict[int, Kind], stored: frozenset[int], groups: Sequence[_Group]
) -> tuple[Kernel, ...]:
    """Return the groups as kernels, with what each reads from outside and what others need."""
    needed = set(program.outputs)
    for group in groups:
        own = set(group.values)
        group.reads = [number for number in dict.fromkeys(group.reads) if number not in own]
        needed.update(group.reads)
        if group.merged:
            _, later = plan_passes(program, kinds, stored, group.values)
            needed.update(n for n in later if _bytes(program.type_at(n), group.rows) > _LONGEST)
    return tuple([
        Kernel(
            Kind.ROWS,
            tuple(group.values),
            tuple(group.reads),
            tuple([number for number in group.values if number in needed]),
        )
        if group.merged
        else group.kernel
        for group in groups
    ])  # fmt: skip


def _bytes(type_: ArrayType, rows: Rows | None) -> int:
    return 0 if rows is None else type_.dtype.itemsize * rows.length


def plan_passes(
    program: Program, kinds: dict[int, Kind], stored: frozenset[int], values: Sequence[int]
) -> tuple[dict[int, int], list[int]]:
    """Return in which pass each value is computed, and the elements that later passes need."""
    rows = shared_rows(program, values)
    reach = Reach(program, kinds, stored)
    passes: dict[int, int] = {}
    later: dict[int, None] = {}
    for position, number in enumerate(values):
        found = reach.aligned(number, rows, values[:position])
        assert found is not None, "only such values are put into one kernel"
        passes[number] = max([passes[n] + (kinds[n] is Kind.FOLD) for n in found], default=0)
        for n in found:
            if program.type_at(n).shape == rows.shape and passes[n] < passes[number]:
                later[n] = None
    return passes, list(later)
