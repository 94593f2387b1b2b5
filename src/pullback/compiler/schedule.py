"""Which loops there are: stored values of one shape share one, where order allows it."""

from __future__ import annotations

import math
from typing import Final, final

from pullback.compiler.kernel import Kernel
from pullback.compiler.kinds import Kind
from pullback.compiler.operations import Operations
from pullback.compiler.storage import Rows
from pullback.compiler.straight import ELEMENTS, LONGEST, Pieces, cut
from pullback.compiler.tape import Tape, tape
from pullback.core.program import Program

_LARGEST: Final = 400  # steps in one loop: LLVM takes more than linear time


@final
class Scheduler:
    """Puts each stored value into a kernel: maps of one shape share one, where order allows it."""

    def __init__(  # noqa: PLR0917 - what is known of a program
        self,
        program: Program,
        kinds: dict[int, Kind],
        stored: frozenset[int],
        rows: Rows,
        straight: frozenset[int],
        like: Operations,
    ) -> None:
        self.program, self.kinds, self.stored, self.rows = program, kinds, stored, rows
        self.straight, self.like = straight, like
        self.waiting: dict[int, None] = {}  # straight-line code that nothing has needed so far
        self.first = len(program.inputs) + len(program.constants)
        self.groups: list[list[int]] = []
        self.at: dict[int, int] = {}  # in which group a stored value is computed
        self.open: dict[tuple[int, ...], int] = {}  # the last group of maps of a shape
        self.weight: dict[int, int] = {}  # the steps that a value takes with it

    def kernels(self) -> tuple[Kernel, ...]:
        """Return the kernels in the order in which they run."""
        early = self._early()
        self.waiting = dict.fromkeys(early)
        self._let_go()
        for number, kind in self.kinds.items():
            if number in self.straight:
                if number not in early:
                    self.waiting[number] = None
            elif number in self.stored:
                self._place(number, kind)
        self._let_go()
        reads = [self._leaves(group) for group in self.groups]
        needed = set(self.program.outputs).union(*reads)
        return tuple([
            self._kernel(group, read, [v for v in group if v in needed])
            for group, read in zip(self.groups, reads, strict=True)
        ])  # fmt: skip

    def _early(self) -> dict[int, None]:
        """Return the straight-line code that depends on no loop, if some loop depends on it.

        Before all loops it parts none of them.
        """
        early: dict[int, None] = {}
        if len(self.straight) == len(self.kinds):
            return early
        needed = False
        for number, row in self.rows.items():
            if number not in self.straight:
                needed = needed or any(operand in early for operand in row)
            elif all(operand < self.first or operand in early for operand in row):
                early[number] = None
        return early if needed else {}

    def _kernel(self, group: list[int], reads: list[int], writes: list[int]) -> Kernel:
        kind = self._kind(group)
        pieces: Pieces | Tape | None = None
        if kind is Kind.STRAIGHT:
            pieces = self._divided(group, reads, writes)
        return Kernel(kind, tuple(group), tuple(reads), tuple(writes), pieces)

    def _divided(
        self, group: list[int], reads: list[int], writes: list[int]
    ) -> Pieces | Tape | None:
        """Return what becomes of straight-line code that is long."""
        if len(group) <= LONGEST and not self._wide([*group, *reads]):
            return None
        sorted_ = tape(self.program, self.like, self.kinds, group, reads, writes)
        return sorted_ or cut(self.program, group)

    def _wide(self, numbers: list[int]) -> bool:
        """Return whether some value of straight-line code is too large for a register."""
        types = {id(type_): type_ for type_ in map(self.program.type_at, numbers)}
        return any(math.prod(type_.shape) > ELEMENTS for type_ in types.values())

    def _let_go(self) -> None:
        """Make a kernel of the straight-line code so far."""
        if self.waiting:
            self.at.update(dict.fromkeys(self.waiting, len(self.groups)))
            self.groups.append(list(self.waiting))
            self.waiting = {}

    def _kind(self, group: list[int]) -> Kind:
        if group[0] in self.straight:
            return Kind.STRAIGHT
        kind = self.kinds[group[0]]
        return Kind.MAP if kind is Kind.VIEW else kind

    def _place(self, number: int, kind: Kind) -> None:
        if kind is Kind.PART:  # of the results of what it is unpacked from
            (whole,) = self.program.steps[number - self.first][1]
            self.at[number] = self.at[whole]
            self.groups[self.at[whole]].append(number)
            return
        shape = self.program.type_at(number).shape
        shape = () if math.prod(shape) == 1 else shape
        inside, aligned = self._walk(number, shape)
        if any(leaf in self.waiting for leaf in aligned):
            self._let_go()
        self.weight[number] = len(inside)
        if kind in {Kind.MAP, Kind.VIEW}:
            group = self.open.get(shape)
            if group is not None and self._joins(number, group, aligned):
                self.groups[group].append(number)
                self.at[number] = group
                return
            self.open[shape] = len(self.groups)
        self.at[number] = len(self.groups)
        self.groups.append([number])

    def _joins(self, number: int, group: int, aligned: dict[int, bool]) -> bool:
        """Return whether a value may be computed in a group that exists."""
        total = sum(self.weight[member] for member in self.groups[group])
        if total + self.weight[number] > _LARGEST:
            return False
        return all(
            self.at[leaf] < group or (self.at[leaf] == group and same)
            for leaf, same in aligned.items()
            if leaf >= self.first
        )

    def _walk(self, number: int, shape: tuple[int, ...]) -> tuple[set[int], dict[int, bool]]:
        """Return the steps folded into a value, and what it reads: whether at its own index."""
        inside: set[int] = set()
        aligned: dict[int, bool] = {}
        stack = [(number, True)]
        seen: set[tuple[int, bool]] = set()
        while stack:
            current, same = stack.pop()
            if (current, same) in seen:
                continue
            seen.add((current, same))
            inside.add(current)
            kind = self.kinds[current]
            for operand in self.rows[current]:
                has = self.program.type_at(operand).shape
                kept = same and (shape == () or (kind is Kind.MAP and has == shape))
                if operand in self.stored:
                    aligned[operand] = aligned.get(operand, True) and kept
                elif operand >= self.first:
                    stack.append((operand, kept))
        return inside, aligned

    def _leaves(self, group: list[int]) -> list[int]:
        """Return the stored values that a group reads from outside."""
        own = set(group)
        found: dict[int, None] = {}
        if group[0] in self.straight:
            rows, stored, straight = map(self.rows.__getitem__, group), self.stored, self.straight
            read = [
                o for row in rows for o in row if o not in own and (o in stored or o in straight)
            ]
            return list(dict.fromkeys(read))
        for number in group:
            for leaf in self._walk(number, ())[1]:
                if leaf not in own:
                    found[leaf] = None
        return list(found)
