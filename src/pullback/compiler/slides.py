"""How an axis with positions is gone along: what of dense is packed, and who reads what of it.

Dense, other and window are the arrays of a convolution in their roles; see `convolutions`.
"""

from __future__ import annotations

import math
from typing import TypeAlias, final

from attrs import frozen

from pullback.primitives.convolution import Convolve

Sizes: TypeAlias = tuple[int, ...]


@final
@frozen
class Tap:
    """A position of the window: what it reads of dense, in which residue class, how far on."""

    position: int
    residue: int
    shift: int


@final
@frozen
class Phase:
    """Positions ``start + step·m`` of other, with the taps that they meet."""

    start: int
    count: int
    taps: tuple[Tap, ...]


@final
@frozen
class Slide:
    """An axis with positions: how dense is packed along it, and who reads what."""

    #: Between positions of other in a phase, and of dense in a residue class.
    step: int
    scale: int
    reversed: bool
    #: The positions of dense, other and window.
    sizes: tuple[int, int, int]
    #: The first that is packed of a residue class, and how many are, of each.
    low: int
    lengths: Sizes
    #: From one row to the next, and how far before a row is read.
    pitch: int
    before: int
    #: Whether more is read than there is.
    padded: bool
    phases: tuple[Phase, ...]

    @property
    def residues(self) -> list[int]:
        """The residue classes that are read."""
        return sorted({tap.residue for phase in self.phases for tap in phase.taps}) or [0]

    @property
    def reach(self) -> int:
        """How far on a tap may read."""
        return max((tap.shift for phase in self.phases for tap in phase.taps), default=0)


def slides_of(
    primitive: Convolve, shapes: tuple[Sizes, Sizes, Sizes], roles: tuple[int, int, int]
) -> tuple[Slide, ...]:
    """Return the axes with positions; neighbours along which nothing slides become one."""
    rank = len(primitive.relations)
    found: list[tuple[Sizes, int, Sizes]] = []
    for axis, relation in enumerate(primitive.relations):
        every = relation.x, relation.y, -relation.out
        terms = tuple([every[role] for role in roles])
        sizes = tuple([shapes[role][len(shapes[role]) - rank + axis] for role in roles])
        item = terms, relation.offset, sizes
        if found and _still(found[-1]) and _still(item):
            sizes = tuple([a * b for a, b in zip(found[-1][2], sizes, strict=True)])
            found[-1] = (1, -1, 1), 0, sizes
        else:
            found.append(item)
    return tuple([_slide(*item) for item in found])


def _still(axis: tuple[Sizes, int, Sizes]) -> bool:
    """Return whether dense and other meet at equal positions, and nowhere else."""
    (dense, other, _), offset, (extent, others, window) = axis
    return dense == -other and offset == 0 and extent == others and window == 1


def _slide(terms: Sizes, offset: int, sizes: Sizes) -> Slide:
    """Return how dense is packed along an axis.

    With d, o and t positions of dense, other and window, ``c_d·d + c_o·o + c_t·t + offset = 0``.
    Let ``o = start + step·m`` with ``step = |c_d| / gcd(c_d, c_o)``: then ``d = scale·m + place``,
    where place depends on t, and is an integer for all m or for none. The element ``scale·u +
    residue`` of dense is the one with number u in its class; m meets number ``m + shift``. If the
    scale is negative, dense is read from its end.
    """
    c_d, c_o, c_t = terms
    extent, others, window = sizes
    step = abs(c_d) // math.gcd(c_d, c_o)
    scale = -c_o * step // c_d
    width = abs(scale)
    lengths = [max(0, -(-(extent - residue) // width)) for residue in range(width)]
    phases: list[tuple[int, int, list[Tap]]] = []
    for start in range(min(step, others)):
        count = -(-(others - start) // step)
        taps = []
        for t in range(window):
            place, rest = divmod(-offset - c_o * start - c_t * t, c_d)
            place = extent - 1 - place if scale < 0 else place
            shift, residue = divmod(place, width)
            if not rest and -count < shift < lengths[residue]:
                taps.append(Tap(t, residue, shift))
        phases.append((start, count, taps))
    met = [(count, tap) for _, count, taps in phases for tap in taps]
    low = max(0, min((tap.shift for _, tap in met), default=0))
    high = max((count + tap.shift for count, tap in met), default=0)
    kept = [max(0, min(length, high) - low) for length in lengths]
    before = max((low - tap.shift for _, tap in met), default=0)
    behind = max((count + tap.shift - low - kept[tap.residue] for count, tap in met), default=0)
    longest = max((kept[tap.residue] for _, tap in met), default=0)
    gap = max(before, behind, 0)
    return Slide(
        step,
        width,
        scale < 0,
        (extent, others, window),
        low,
        tuple(kept),
        max(longest + gap, *(count for _, count, _ in phases), 1),
        max(before, 0),
        gap > 0,
        tuple([
            Phase(start, count, tuple([Tap(t.position, t.residue, t.shift - low) for t in taps]))
            for start, count, taps in phases
        ]),
    )  # fmt: skip
