"""How native code computes a convolution: what is packed, in which order it lies, which tiles.

Three arrays meet. The *window* has the fewest positions; of the others one is *dense*, and packed:
its positions are parted by their residue, so that whatever the strides, a tap of the window reads
a row that is shifted, but not spread; and there are zeros between the rows, for what lies beyond an
axis. Labels stand in all three arrays (*shared*), or in dense and other (*plain*), dense and window
(*inner*), other and window (*outer*).

    other[shared, plain, outer, m]  = Σ window[shared, outer, inner, t]·dense[.., inner, m + t]
    window[shared, outer, inner, t] = Σ other[shared, plain, outer, m]·dense[.., inner, m + t]
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product
from typing import Final, final

from attrs import frozen

from pullback.compiler.slides import Phase, Sizes, Slide, slides_of
from pullback.core.program import Program
from pullback.primitives.convolution import Convolve

LINE: Final = 64  # bytes to which parts of scratch memory are aligned
MARGIN: Final = 64  # elements behind packed arrays that a vector may read
MOST_ROWS: Final = 12  # of a tile of sums
MOST_COLUMNS: Final = 24
_BLOCK: Final = 1 << 16  # bytes of packed arrays that are computed with at once
_TINY: Final = 512  # products up to which each is computed where it stands
_FEW: Final = 1 << 14  # products for which a call of NumPy takes longer in any case
_PHASES: Final = 9  # up to which each has its code


@final
@frozen
class Label:
    """An axis without positions: its size, and its step in dense, other and window."""

    size: int
    dense: int
    other: int
    window: int


@final
@frozen
class Form:
    """A convolution of arrays with packed memory in mind."""

    #: Which of x, y and the result are dense, other and window.
    roles: tuple[int, int, int]
    shared: tuple[Label, ...]
    plain: tuple[Label, ...]
    inner: tuple[Label, ...]
    outer: tuple[Label, ...]
    slides: tuple[Slide, ...]
    bytes: int

    @property
    def dots(self) -> bool:
        """Whether the window is the result, and sums run along positions."""
        return self.roles[2] == 2

    @property
    def in_place(self) -> bool:
        """Whether dense lies as it would be packed, and no vector reads beyond its end."""
        least = min(phase.count for phase in self.slides[-1].phases)
        return (
            not self.dots
            and least * self.bytes >= LINE
            and all(
                s.scale == 1
                and not s.reversed
                and s.pitch == s.sizes[0]
                and not s.padded
                and not s.low
                for s in self.slides
            )
        )

    @property
    def padded(self) -> bool:
        """Whether zeros are read that are no elements."""
        return any(slide.padded for slide in self.slides)

    @property
    def pitches(self) -> Sizes:
        """The step of each axis in a packed plane."""
        return steps([slide.pitch for slide in self.slides])

    @property
    def plane(self) -> int:
        """The elements of one packed plane."""
        return math.prod(slide.pitch for slide in self.slides)

    @property
    def residues(self) -> list[Sizes]:
        """The classes that are packed, one for each axis."""
        return list(product(*(slide.residues for slide in self.slides)))

    @property
    def phases(self) -> list[tuple[Phase, ...]]:
        """The phases of all axes together."""
        return list(product(*(slide.phases for slide in self.slides)))

    @property
    def block(self) -> int:
        """How many of the plain indices are packed at once: about equally many each time."""
        count = size(self.plain)
        rows = len(self.residues) * size(self.inner) + self.dots * size(self.outer)
        limit = 4 * _BLOCK if self.dots else _BLOCK  # each block adds to all sums
        most = max(1, min(count, limit // max(1, rows * self.plane * self.bytes)))
        return -(-count // -(-count // most))

    @property
    def blocks(self) -> int:
        """How many blocks of plain indices there are."""
        return -(-size(self.plain) // self.block)

    @property
    def rounds(self) -> int:
        """How often dense is packed: what threads can share."""
        return size(self.shared) * self.blocks

    @property
    def front(self) -> int:
        """The zeros before the first packed row."""
        reach = sum(s.before * p for s, p in zip(self.slides, self.pitches, strict=True))
        return _aligned(reach * self.bytes) // self.bytes

    @property
    def dense_size(self) -> int:
        """The elements of what is packed of dense, zeros before and behind included."""
        reach = sum(s.reach * p for s, p in zip(self.slides, self.pitches, strict=True))
        rows = len(self.residues) * size(self.inner) * self.block * self.plane
        return self.front + _aligned((rows + reach + MARGIN) * self.bytes) // self.bytes

    @property
    def run(self) -> int:
        """The elements of other that are packed for one outer index."""
        return _aligned(self.block * self.plane * self.bytes) // self.bytes

    def terms(self, phases: Sequence[Phase]) -> list[tuple[int, int]]:
        """Return what each inner index and tap reads: its places in dense and in window."""
        block = 1 if self.in_place else self.block
        rank = size(self.inner)
        classes = {residue: k for k, residue in enumerate(self.residues)}
        windows = steps([slide.sizes[2] for slide in self.slides])
        found = []
        for k, index in enumerate(indices(self.inner)):
            for taps in product(*(phase.taps for phase in phases)):
                row = classes[tuple([tap.residue for tap in taps])] * rank + k
                start = row * block * self.plane
                if self.in_place:
                    start = sum(i * a.dense for i, a in zip(index, self.inner, strict=True))
                shift = sum(t.shift * p for t, p in zip(taps, self.pitches, strict=True))
                place = sum(i * a.window for i, a in zip(index, self.inner, strict=True))
                place += sum(t.position * p for t, p in zip(taps, windows, strict=True))
                found.append((start + shift, place))
        return found


def size(labels: Iterable[Label]) -> int:
    """Return how many indices labels have together."""
    return math.prod(label.size for label in labels)


def indices(labels: Sequence[Label]) -> Iterable[Sizes]:
    """Return the indices of labels in row-major order."""
    return product(*(range(label.size) for label in labels))


def steps(sizes: Sequence[int]) -> Sizes:
    """Return by how many elements each axis steps, in row-major order."""
    return tuple([math.prod(sizes[axis + 1 :]) for axis in range(len(sizes))])


def _aligned(count: int) -> int:
    return -(-count // LINE) * LINE


@lru_cache(maxsize=256)
def form_of(primitive: Convolve, x: Sizes, y: Sizes, out: Sizes, itemsize: int) -> Form | None:
    """Return how a convolution is packed; None where each product is computed where it stands.

    Args:
        primitive: The convolution.
        x: The shape of its first operand.
        y: The shape of the second.
        out: The shape of the result.
        itemsize: The bytes of an element.
    """
    rank, shapes = len(primitive.relations), (x, y, out)
    if count_products(primitive, x, y, out) <= _TINY or rank == 0:
        return None
    count = [math.prod(shape[len(shape) - rank :]) for shape in shapes]
    window = min((1, 0, 2), key=count.__getitem__)
    choices = [(0, 1, 2), (1, 0, 2)] if window == 2 else [(1 - window, 2, window)]
    for roles in choices:
        slides = slides_of(primitive, shapes, roles)
        phases = math.prod(len(slide.phases) for slide in slides)
        if phases <= (1 if window == 2 else _PHASES):
            return _form(primitive, shapes, roles, slides, itemsize)
    return None


def count_products(primitive: Convolve, x: Sizes, y: Sizes, out: Sizes) -> int:
    """Return how many products are looked at, one by one: those that do not exist too."""
    shared = dict(zip(primitive.x, x, strict=False)) | dict(zip(primitive.y, y, strict=False))
    rank = len(primitive.relations)
    positions = (math.prod(shape[len(shape) - rank :]) for shape in (x, y))
    return math.prod(shared.values()) * math.prod(out[len(out) - rank :]) * min(positions)


def _form(
    primitive: Convolve,
    shapes: tuple[Sizes, Sizes, Sizes],
    roles: tuple[int, int, int],
    slides: tuple[Slide, ...],
    itemsize: int,
) -> Form:
    """Return a form: labels by where they stand."""
    labels = [(primitive.x, primitive.y, primitive.out)[role] for role in roles]
    strides = [
        dict(zip(own, steps(shapes[role]), strict=False))
        for own, role in zip(labels, roles, strict=True)
    ]
    sizes = {
        label: extent
        for own, role in zip(labels, roles, strict=True)
        for label, extent in zip(own, shapes[role], strict=False)
    }
    groups: dict[Sizes, list[Label]] = {}
    for label in dict.fromkeys(primitive.out + primitive.x + primitive.y):
        place = tuple([int(label in own) for own in labels])
        groups.setdefault(place, []).append(
            Label(sizes[label], *(stride.get(label, 0) for stride in strides))
        )
    shared, plain, inner, outer = (
        tuple(groups.get(place, [])) for place in ((1, 1, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1))
    )
    return Form(roles, shared, plain, inner, outer, slides, itemsize)


def form_at(program: Program, number: int) -> Form | None:
    """Return the form of the convolution that computes a value."""
    first = len(program.inputs) + len(program.constants)
    primitive, operands = program.steps[number - first]
    assert isinstance(primitive, Convolve), "the value is one"
    x, y, out = (program.type_at(n) for n in (*operands, number))
    return form_of(primitive, x.shape, y.shape, out.shape, out.dtype.itemsize)


def is_native(primitive: Convolve, x: Sizes, y: Sizes, out: Sizes) -> bool:
    """Return whether native code computes a convolution of floats at least as well as NumPy."""
    few = count_products(primitive, x, y, out) <= _FEW
    return few or form_of(primitive, x, y, out, 8) is not None


def shared_products(program: Program, number: int) -> int:
    """Return how many products threads can share; 0 where a convolution is in one piece."""
    form = form_at(program, number)
    first = len(program.inputs) + len(program.constants)
    primitive, (x, y) = program.steps[number - first]
    assert isinstance(primitive, Convolve), "the value is one"
    if form is None or form.dots or form.rounds == 1 or primitive.no_nan:
        return 0
    return count_products(primitive, *(program.type_at(n).shape for n in (x, y, number)))


def sum_rows(form: Form) -> tuple[int, int]:
    """Return the rows and columns of sums where the window is the result: tiles may overlap."""
    return size(form.outer) + MOST_ROWS, len(form.terms(form.phases[0])) + MOST_COLUMNS


def scratch_bytes(program: Program, number: int) -> int:
    """Return how much memory the convolution of a value works with, from a line of the cache."""
    form = form_at(program, number)
    if form is None:
        return 0
    total = 0 if form.in_place else form.dense_size
    if form.dots:
        rows, columns = sum_rows(form)
        total += rows * (form.run + columns)
    return total * form.bytes
