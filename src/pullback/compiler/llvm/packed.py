"""Packed memory of a convolution: its dense array in rows of one pitch, with zeros between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from attrs import frozen
from llvmlite import binding, ir

from pullback.compiler import convolutions as plans
from pullback.compiler.convolutions import Form
from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.offsets import affine, around, at, clear, clipped, digits, index


@final
@frozen
class Packed:
    """A convolution with packed memory. Pointers are those of dense, other and window."""

    b: ir.IRBuilder
    kind: ir.Type
    form: Form
    pointers: tuple[ir.Value, ...]
    memory: ir.Value

    def start(self) -> None:
        """Append the zeros between rows."""
        if not self.form.in_place:
            clear(self.b, self.memory, index(self.form.dense_size * self.form.bytes))

    @property
    def lanes(self) -> int:
        """The numbers in a vector."""
        return vector_bytes() // self.form.bytes

    @property
    def dense(self) -> ir.Value:
        """Where packed rows begin, behind the zeros in front."""
        if self.form.in_place:
            return self.pointers[0]
        return vectors.moved(self.b, self.memory, self.kind, self.form.front)

    def load(self, pointer: ir.Value, place: ir.Value, lanes: int) -> ir.Value:
        """Append the load of a vector, or of a number."""
        kind = vectors.vector(self.kind, lanes)
        return self.b.load(at(self.b, pointer, self.kind, place), align=self.form.bytes, typ=kind)

    def store(self, value: ir.Value, pointer: ir.Value, place: ir.Value) -> None:
        """Append the store of a vector, or of a number."""
        self.b.store(value, at(self.b, pointer, self.kind, place), align=self.form.bytes)

    def first(self, block: ir.Value) -> ir.Value:
        """Append the first plain index of a block; the last block begins early enough."""
        start = self.b.mul(block, index(self.form.block))
        return clipped(self.b, start, plans.size(self.form.plain) - self.form.block)

    def pack(self, shared: Sequence[ir.Value], first: ir.Value) -> None:
        """Append the copying of dense, for a block of plain indices."""
        b, form = self.b, self.form
        sources = plans.steps([slide.sizes[0] for slide in form.slides])
        rank = plans.size(form.inner)
        sizes = [form.block, *(label.size for label in form.inner)]
        for k, residues in enumerate(form.residues):

            def copy(found: list[ir.Value], k: int = k, residues: Sequence[int] = residues) -> None:
                plain = digits(b, b.add(first, found[0]), [p.size for p in form.plain])
                labels = [*form.shared, *form.plain, *form.inner]
                chosen = zip(labels, [*shared, *plain, *found[1:]], strict=True)
                source = affine(b, 0, [(value, label.dense) for label, value in chosen])
                run = form.block * form.plane
                places = [run * step for step in plans.steps(sizes[1:])]
                terms = [(found[0], form.plane), *zip(found[1:], places, strict=True)]
                target = affine(b, k * rank * run, terms)
                lengths, firsts, ways = [], [], []
                for slide, residue, step in zip(form.slides, residues, sources, strict=True):
                    start = slide.scale * slide.low + residue
                    sign = -1 if slide.reversed else 1
                    begin = slide.sizes[0] - 1 - start if slide.reversed else start
                    lengths.append(slide.lengths[residue])
                    firsts.append(begin * step)
                    ways.append(sign * slide.scale * step)
                source = affine(b, sum(firsts), [(source, 1)])
                self.copy_rows(
                    (at(b, self.pointers[0], self.kind, source), ways),
                    (at(b, self.dense, self.kind, target), form.pitches),
                    lengths,
                )

            around(b, sizes, copy)

    def copy_rows(
        self,
        source: tuple[ir.Value, Sequence[int]],
        target: tuple[ir.Value, Sequence[int]],
        sizes: Sequence[int],
    ) -> None:
        """Append the copying of an array; of the target, the last step is 1."""
        b, lanes = self.b, self.lanes
        (origin, ways), (goal, steps) = source, target
        *outer, length = sizes
        if length == 0:
            return

        def row(found: list[ir.Value]) -> None:
            here = at(b, origin, self.kind, affine(b, 0, list(zip(found, ways, strict=False))))
            there = at(b, goal, self.kind, affine(b, 0, list(zip(found, steps, strict=False))))
            if ways[-1] != 1 or length < 4:
                around(b, [length], lambda k: self.store(
                    self.load(here, affine(b, 0, [(k[0], ways[-1])]), 1), there, k[0]))  # fmt: skip
                return
            width = min(lanes, vectors.at_most(length))

            def piece(k: list[ir.Value]) -> None:
                start = clipped(b, b.mul(k[0], index(width)), length - width)
                self.store(self.load(here, start, width), there, start)

            around(b, [-(-length // width)], piece)

        around(b, outer, row)


def vector_bytes() -> int:
    """Return the bytes of a vector; some processors compute with halves of their registers."""
    halves = binding.get_host_cpu_name() == "znver4"
    return vectors.registers().bytes // (2 if halves else 1)


def tile_of(rows: int, columns: int, most: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width of tiles: numbers along rows times vectors along columns."""
    limit = vectors.registers().sums

    def cost(tile: tuple[int, int]) -> tuple[float, int]:
        height, width = tile
        each = max(height * width, (height + 2 * width) * 1.0, 8)
        return -(-rows // height) * -(-columns // width) * each, -height * width

    tiles = [
        (height, width)
        for height in range(1, min(rows, most[0]) + 1)
        for width in range(1, min(columns, most[1]) + 1)
        if height * width <= limit
    ]
    return min(tiles, key=cost)
