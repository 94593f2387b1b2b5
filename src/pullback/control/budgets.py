"""Where to cut a program so that its gradient fits into a number of bytes.

The steps before the last cut are computed again, in pieces; those after it are recorded as ever.
Held at once are then

    what passes the cuts + the results of the steps after the last cut + those of one piece

of which the first two are held until the reverse sweep, and the third is that of the piece with the
most. As few steps as possible are computed again.

For each of a number of limits to the third term, the cheapest cuts before each position follow by
dynamic programming over the position of the cut before.

References:
    T. Chen, B. Xu, C. Zhang and C. Guestrin, "Training deep nets with sublinear memory cost", 2016:
    pieces under a limit, which is searched for; there cut greedily, and all computed again.
    R. Kumar, M. Purohit, Z. Svitkina, E. Vee and J. Wang, "Efficient rematerialization for deep
    networks", NeurIPS 2019, and P. Jain et al., "Checkmate: breaking the memory wall with optimal
    tensor rematerialization", MLSys 2020, choose single values in place of positions; these
    optimisation problems cost more than most functions they would serve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.control.cutting import allowed_cuts, last_steps
from pullback.core import Program
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.identity import Input, StopGradient
from pullback.primitives.shape import Transpose
from pullback.primitives.slicing import Slice
from pullback.types import ArrayType

Floats: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Indices: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.intp]]

_POSITIONS: Final = 128  # that are looked at
_LIMITS: Final = 64  # to the bytes of a piece
#: Primitives whose results take no memory of their own.
_VIEWS: Final = (Pack, Unpack, Transpose, Slice, Input, StopGradient)


@final
@frozen(eq=False, repr=False)
class Plan:
    """Where to cut, and what is then held at once at the most."""

    cuts: tuple[int, ...]
    held: int


def choose(program: Program, budget: int) -> Plan:
    """Return the cuts that compute least again within a budget, or hold least if none fits.

    Args:
        program: The program, as `cutting.prepare` gives it.
        budget: How many bytes may be held at once.
    """
    steps = zip(program.steps, program.types, strict=True)
    own = np.array([0 if isinstance(p, _VIEWS) else _bytes(t) for (p, _), t in steps], float)
    after = np.append(own[::-1].cumsum()[::-1], 0.0)  # bytes of the steps from a position on
    if after[0] <= budget:
        return Plan((), int(after[0]))
    last = np.array(last_steps(program))
    sizes = np.array([_bytes(type_) for type_ in program.types], float)
    positions = _positions(allowed_cuts(program), last, sizes, own)
    kept = _passing(positions, last, sizes)
    inside = after[positions][:, None] - after[positions] - _passing(positions, last, own)
    limits = _limits(inside)
    best, before = _cheapest(kept, inside, limits)
    held = best + after[positions] + limits[:, None]
    held[:, 0] = after[0]  # nothing is computed again
    least = held.min(0)
    end = int(np.argmax(least <= budget)) if least.min() <= budget else int(least.argmin())
    row = int(held[:, end].argmin())
    cuts: list[int] = []
    found = int(held[row, end])
    while end:
        cuts.append(int(positions[end]))
        end = int(before[row, end])
    return Plan(tuple(cuts), found)


def _bytes(type_: ArrayType) -> int:
    """Return the size of a value."""
    if type_.parts is not None:
        return sum(map(_bytes, type_.parts))
    return math.prod(type_.shape) * type_.dtype.itemsize


def _positions(allowed: Sequence[bool], last: Indices, sizes: Floats, own: Floats) -> Indices:
    """Return where cuts are considered: everywhere, or where they are cheap, evenly spread."""
    places = np.flatnonzero(allowed)
    if len(places) <= _POSITIONS:
        return places
    n = len(last)
    change = np.zeros(n + 2)
    np.add.at(change, np.arange(n) + 1, sizes)
    np.add.at(change, last + 1, -sizes)
    alive = change.cumsum()[places]
    weight = np.append(0.0, (own + own.sum() / n).cumsum())[places]
    window = np.minimum(weight / weight[-1] * _POSITIONS, _POSITIONS - 1).astype(int)
    order = np.lexsort((alive, window))  # the cheapest of each window comes first
    chosen = places[order[np.unique(window[order], return_index=True)[1]]]
    return np.union1d(chosen, [0, n])


def _passing(positions: Indices, last: Indices, sizes: Floats) -> Floats:
    """Return for two positions the bytes made between them and used after the second."""
    m = len(positions)
    made = np.searchsorted(positions, np.arange(len(last)), "right") - 1
    used = np.searchsorted(positions, last, "right") - 1
    table = np.zeros((m, m))
    np.add.at(table, (made, used), sizes)
    # Of the steps from a on: the bytes used after b. Those from b on are none of the piece.
    total: Floats = table[::-1, ::-1].cumsum(0).cumsum(1)[::-1, ::-1]
    total -= total.diagonal().copy()
    return total


def _limits(inside: Floats) -> Floats:
    """Return limits to the bytes of a piece, from the least possible to the whole program's."""
    least = inside.diagonal(1).max()
    values: Floats = np.unique(inside[np.triu_indices(len(inside), 1)])
    values = values[values >= least]
    if len(values) <= _LIMITS:
        return values
    wanted = np.geomspace(max(least, 1.0), values[-1], _LIMITS)
    chosen: Floats = values[np.unique(np.searchsorted(values, wanted, "right") - 1)]
    return chosen


def _cheapest(kept: Floats, inside: Floats, limits: Floats) -> tuple[Floats, Indices]:
    """Return, for each limit and position, the least bytes kept up to there, and the cut before."""
    best = np.full((len(limits), len(kept)), np.inf)
    before = np.zeros(best.shape, np.intp)
    best[:, 0] = 0
    for end in range(1, len(kept)):
        fits = inside[:end, end] <= limits[:, None]
        totals = np.where(fits, best[:, :end] + kept[:end, end], np.inf)
        before[:, end] = totals.argmin(1)
        best[:, end] = totals.min(1)
    return best, before
