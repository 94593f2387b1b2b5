"""Which steps of a tape run together: instances of one function, steps of one depth, chains.

Two steps are *instances* of one function if they do the same to operands that are instances of one
function, or literals, or the same value. What each of many points goes through is so, point by
point, and it is found by giving numbers to what steps are made of, as common subexpressions are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final, final

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

Numbers = NDArray[np.intp]

#: So many instances are worth vectors of them.
_INSTANCES: Final = 8
#: So many steps are worth a chain.
_CHAIN: Final = 8


@final
@frozen(eq=False)
class Steps:
    """The steps of a tape, in an order in which they can be done."""

    #: The value that each makes.
    numbers: Sequence[int]
    #: The values that each reads.
    rows: Sequence[tuple[int, ...]]
    #: What each does.
    operations: Sequence[int]
    #: What is there before.
    sources: Sequence[int]
    #: The values that are needed afterwards.
    kept: Sequence[int]
    #: How many values there are, with those of which nobody here knows.
    count: int
    #: The values that the steps make.
    made: Numbers = field(init=False)
    #: The operands of all steps in a row; how many each step has, and where they begin.
    operands: Numbers = field(init=False)
    arity: Numbers = field(init=False)
    starts: Numbers = field(init=False)
    #: For each value how often it is read.
    uses: Numbers = field(init=False)

    @made.default
    def _made(self) -> Numbers:
        return np.array(self.numbers, np.intp)

    @operands.default
    def _operands(self) -> Numbers:
        return np.fromiter(chain.from_iterable(self.rows), np.intp)

    @arity.default
    def _arity(self) -> Numbers:
        return np.fromiter(map(len, self.rows), np.intp)

    @starts.default
    def _starts(self) -> Numbers:
        return np.cumsum(self.arity) - self.arity

    @uses.default
    def _uses(self) -> Numbers:
        uses = np.bincount(self.operands, minlength=self.count)
        np.add.at(uses, np.array(self.kept, np.intp), 1)
        return uses


@final
@frozen(eq=False)
class Chain:
    """Steps of one operation of which each reads the one before, and nobody else does.

    Before -> after:
        [c = a + b, d = c + e, f = d + g]  ->  from c, with operand 0, the steps d and f
    """

    #: Which operand is the step before; the first reads what begins the chain.
    position: int
    steps: list[int]


@final
@frozen(eq=False)
class Runs:
    """Steps in the order of runs, which do not depend on what is in the same run."""

    #: The steps; of a chain the last.
    order: Numbers
    #: Where each run begins in this order, and how many steps or chains it has.
    begins: Numbers
    counts: Numbers
    #: The chains by their last steps.
    chains: dict[int, Chain]


def sorted_runs(steps: Steps) -> Runs:
    """Sort steps into runs.

    Before -> after:
        [b = a * 2, c = a * 3, d = b + c, e = sin(b), f = sin(c)]  ->  [b, c], [e, f], [d]
    """
    alike = _alike(steps)
    operations = np.array(steps.operations, np.intp)
    many = np.bincount(alike)[alike] >= _INSTANCES
    chains = _chains(steps, operations, many)
    depths = _depths(steps, chains)
    span = int(alike.max()) + 1
    # In one run are steps of the same depth that are alike, or do at least the same.
    kind = np.where(many, alike, span + operations)
    span += int(operations.max()) + 1
    sorts: dict[tuple[int, int, int], int] = {}
    inner = np.zeros(len(steps.rows), bool)
    for end, links in chains.items():
        key = int(operations[end]), links.position, len(links.steps)
        kind[end] = span + sorts.setdefault(key, len(sorts))
        inner[links.steps[:-1]] = True
    together = depths * (span + len(sorts)) + kind
    order = np.argsort(together, kind="stable")
    order = order[~inner[order]]
    _, begins, counts = np.unique(together[order], return_index=True, return_counts=True)
    return Runs(order, begins, counts, chains)


def _alike(steps: Steps) -> Numbers:
    """Return for each step the number of the function that it is an instance of."""
    of = [0] * steps.count  # literals
    for k, number in enumerate(steps.sources, 1):
        of[number] = k
    first = len(steps.sources) + 1
    found: dict[tuple[int, ...], int] = {}
    known = found.setdefault
    for number, row, operation in zip(steps.numbers, steps.rows, steps.operations, strict=True):
        if len(row) == 2:  # nearly always
            key: tuple[int, ...] = (operation, of[row[0]], of[row[1]])
        else:
            key = (operation, *[of[operand] for operand in row])
        of[number] = known(key, len(found) + first)
    return np.array(of, np.intp)[steps.made] - first


def _chains(steps: Steps, operations: Numbers, many: NDArray[np.bool_]) -> dict[int, Chain]:
    """Return the chains among steps that are no instances, by their last steps."""
    made = np.full(steps.count, -1, np.intp)
    made[steps.made] = np.arange(len(steps.rows))
    single = np.flatnonzero(~many & (steps.arity == 2))
    before = np.full(len(steps.rows), -1, np.intp)
    position = np.zeros(len(steps.rows), np.intp)
    for k in (1, 0):
        operand = steps.operands[steps.starts[single] + k]
        maker = made[operand]
        linked = (maker >= 0) & (steps.uses[operand] == 1) & ~many[maker]
        linked &= operations[maker] == operations[single]
        before[single[linked]] = maker[linked]
        position[single[linked]] = k
    found: dict[int, Chain] = {}
    steps_linked = np.flatnonzero(before >= 0)
    rows = steps_linked.tolist(), before[steps_linked].tolist(), position[steps_linked].tolist()
    for step, maker, k in zip(*rows, strict=True):
        links = found.pop(maker, None)
        if links is None or links.position != k:
            if links is not None:
                found[maker] = links
            links = Chain(k, [])
        links.steps.append(step)
        found[step] = links
    return {end: links for end, links in found.items() if len(links.steps) >= _CHAIN}


def _depths(steps: Steps, chains: dict[int, Chain]) -> Numbers:
    """Return how many runs have to be before each step; a chain is one step."""
    at = [0] * steps.count
    before: dict[int, int] = {}  # by a step of a chain, the value of the one before
    for links in chains.values():
        for last, step in zip(links.steps, links.steps[1:], strict=False):
            before[steps.numbers[step]] = steps.numbers[last]
    for number, row in zip(steps.numbers, steps.rows, strict=True):
        if number in before:
            last = before[number]
            deepest = max([at[operand] + (operand != last) for operand in row])
        elif len(row) == 2:  # nearly always
            x, y = at[row[0]], at[row[1]]
            deepest = (x if x > y else y) + 1  # noqa: FURB136 - max takes twice the time
        else:
            deepest = 1 + max([at[operand] for operand in row])
        at[number] = deepest
    return np.array(at, np.intp)[steps.made]
