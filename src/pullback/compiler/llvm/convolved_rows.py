"""A convolution whose window is an operand: the result in vectors along its last axis.

A tile is some of these, anywhere in the result, by some outer indices. It is a sum over inner
indices and taps of the window; tables say what each term reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler import convolutions as plans
from pullback.compiler.convolutions import Label
from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.offsets import (
    Bounds,
    affine,
    around,
    at,
    clipped,
    digits,
    entry,
    index,
    shared,
    table,
)
from pullback.compiler.llvm.packed import Packed, tile_of
from pullback.compiler.llvm.scalars import INDEX, POINTER
from pullback.compiler.llvm.vectors import loop
from pullback.compiler.slides import Phase

_INT: Final = ir.IntType(32)
_FUSED: Final = ("contract",)
_NEAR: Final = 1 << 14  # bytes of a window that stays in the fastest cache


@final
@frozen
class _Tile:
    """Sums in registers: ``height`` rows of ``width`` vectors, each of ``group`` pieces."""

    height: int
    width: int
    #: A piece is a row of the result, or a vector of it; of its lanes, ``kept`` are meant.
    group: int
    lanes: int
    kept: int

    @property
    def pieces(self) -> int:
        """The pieces of a row of the tile."""
        return self.width * self.group


@final
@frozen
class Rows:
    """The result in vectors along its last axis."""

    packed: Packed

    def emit(self, bounds: Bounds | None) -> None:
        """Append the loop over blocks, with what is packed in each."""
        packed = self.packed
        b, form = packed.b, packed.form
        sizes = [*(label.size for label in form.shared), form.blocks]

        def body(k: ir.Value) -> None:
            *found, block = digits(b, k, sizes)
            first = packed.first(block)
            if not form.in_place:
                packed.pack(found, first)
            for phases in form.phases:
                _Phase(packed, phases, found, first).emit()

        shared(b, bounds, form.rounds, body)


@final
@frozen
class _Phase:
    """Those positions of other that are read alike, in one block."""

    packed: Packed
    phases: tuple[Phase, ...]
    #: The indices of shared labels, and the first plain index.
    shared: Sequence[ir.Value]
    first: ir.Value

    def emit(self) -> None:
        """Append the loops over tiles."""
        packed, form, b = self.packed, self.packed.form, self.packed.b
        *counts, count = [phase.count for phase in self.phases]
        lanes = min(packed.lanes, vectors.at_least(count))
        pieces = [form.block, *counts, -(-count // lanes)]
        many = math.prod(pieces)
        group = min(packed.lanes // lanes, vectors.at_most(many))
        rows = max(form.outer, key=lambda label: label.size, default=Label(1, 0, 0, 0))
        others = [label for label in form.outer if label is not rows]
        terms = form.terms(self.phases)
        tables = tuple([table(b, [term[k] for term in terms]) for k in (0, 1)])
        height, width = tile_of(rows.size, many // group, (12, 8))
        tile = _Tile(height, width, group, lanes, min(lanes, count))
        near = plans.size(form.outer) * len(terms) * form.bytes <= _NEAR
        order = [-(-many // tile.pieces), -(-rows.size // height)]

        def body(found: list[ir.Value]) -> None:
            *chosen, one, two = found
            strip, up = (one, two) if near else (two, one)
            row = clipped(b, b.mul(up, index(height)), rows.size - height)
            known = [*zip(form.shared, self.shared, strict=True), (rows, row)]
            known += zip(others, chosen, strict=True)
            window = affine(b, 0, [(value, label.window) for label, value in known])
            other = affine(b, 0, [(value, label.other) for label, value in known])
            begin = clipped(b, b.mul(strip, index(tile.pieces)), many - tile.pieces)
            places = [
                self._piece(b.add(begin, index(k)), pieces, lanes) for k in range(tile.pieces)
            ]
            sources = [at(b, packed.dense, packed.kind, source) for source, _ in places]
            origin = at(b, packed.pointers[2], packed.kind, window)
            sums = self._sums(tables, len(terms), sources, origin, (tile, rows))
            self._store(sums, [b.add(other, goal) for _, goal in places], (tile, rows))

        around(b, [*(label.size for label in others), *(order if near else order[::-1])], body)

    def _piece(
        self, number: ir.Value, pieces: Sequence[int], lanes: int
    ) -> tuple[ir.Value, ir.Value]:
        """Append where a piece of the result begins: in packed rows, and in other."""
        form, b = self.packed.form, self.packed.b
        sample, *axes, last = digits(b, number, pieces)
        last = clipped(b, b.mul(last, index(lanes)), max(self.phases[-1].count - lanes, 0))
        steps = plans.steps([slide.sizes[1] for slide in form.slides])
        plain = digits(b, b.add(self.first, sample), [label.size for label in form.plain])
        labels = list(zip(form.plain, plain, strict=True))
        positions = [*axes, last]
        start = sum(phase.start * step for phase, step in zip(self.phases, steps, strict=True))
        strides = [slide.step * step for slide, step in zip(form.slides, steps, strict=True)]
        terms = [(value, label.other) for label, value in labels]
        goal = affine(b, start, [*terms, *zip(positions, strides, strict=True)])
        base = [(sample, form.plane)]
        if form.in_place:
            chosen = [*labels, *zip(form.shared, self.shared, strict=True)]
            base = [(value, label.dense) for label, value in chosen]
        return affine(b, 0, [*base, *zip(positions, form.pitches, strict=True)]), goal

    def _sums(
        self,
        tables: Sequence[ir.Value],
        count: int,
        sources: Sequence[ir.Value],
        origin: ir.Value,
        shape: tuple[_Tile, Label],
    ) -> list[ir.Value]:
        """Append the loop over terms; return the sums, row after row."""
        packed, b, (tile, rows) = self.packed, self.packed.b, shape
        lanes, group = tile.lanes * tile.group, tile.group

        def body(k: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
            dense, factor = (entry(b, numbers, k) for numbers in tables)
            parts = [packed.load(source, dense, tile.lanes) for source in sources]
            right = [_joined(b, parts[k : k + group]) for k in range(0, len(parts), group)]
            here = at(b, origin, packed.kind, factor)
            result: list[ir.Value] = []
            for r in range(tile.height):
                left = vectors.splat(b, packed.load(here, index(r * rows.window), 1), lanes)
                for x in right:
                    product = b.fmul(left, x, flags=_FUSED)
                    result.append(b.fadd(sums[len(result)], product, flags=_FUSED))
            return result

        zero = vectors.zeros(vectors.vector(packed.kind, lanes))
        sums: list[ir.Value] = [zero] * (tile.height * tile.width)
        return loop(b, count, sums, body) if count else sums

    def _store(
        self, sums: Sequence[ir.Value], goals: Sequence[ir.Value], shape: tuple[_Tile, Label]
    ) -> None:
        """Append the stores of a tile."""
        packed, b, (tile, rows) = self.packed, self.packed.b, shape
        if packed.form.slides[-1].step > 1:
            self._scatter(sums, goals, shape)
            return
        for k, value in enumerate(sums):
            r, column = divmod(k, tile.width)
            for piece in range(tile.group):
                goal = affine(b, r * rows.other, [(goals[column * tile.group + piece], 1)])
                start = piece * tile.lanes
                for lane, part in _parts(b, value, start, start + tile.kept):
                    place = affine(b, lane - start, [(goal, 1)])
                    packed.store(part, packed.pointers[1], place)

    def _scatter(
        self, sums: Sequence[ir.Value], goals: Sequence[ir.Value], shape: tuple[_Tile, Label]
    ) -> None:
        """Append the stores of numbers that do not lie side by side, by loops over a copy."""
        packed, b, (tile, rows) = self.packed, self.packed.b, shape
        lanes, pieces = tile.lanes * tile.group, tile.pieces
        step = packed.form.slides[-1].step
        with b.goto_entry_block():
            copy = b.alloca(ir.ArrayType(packed.kind, len(sums) * lanes))
            places = b.alloca(ir.ArrayType(INDEX, pieces))
        copy.type = places.type = POINTER  # llvmlite gives them the types of what they point to
        for k, value in enumerate(sums):
            packed.store(value, copy, index(k * lanes))
        for k, goal in enumerate(goals):
            b.store(goal, at(b, places, INDEX, index(k)))

        def one(found: list[ir.Value]) -> None:
            piece, r, lane = found
            goal = b.load(at(b, places, INDEX, piece), typ=INDEX)
            goal = affine(b, 0, [(goal, 1), (r, rows.other), (lane, step)])
            source = affine(b, 0, [(r, pieces * tile.lanes), (piece, tile.lanes), (lane, 1)])
            packed.store(packed.load(copy, source, 1), packed.pointers[1], goal)

        around(b, [pieces, tile.height, tile.kept], one)


def _joined(b: ir.IRBuilder, parts: Sequence[ir.Value]) -> ir.Value:
    """Return vectors, or numbers, as one vector; there are a power of 2 of them."""
    found = list(parts)
    while len(found) > 1:
        found = [_pair(b, x, y) for x, y in zip(found[::2], found[1::2], strict=True)]
    return found[0]


def _pair(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    lanes = vectors.lanes_of(x)
    if lanes == 1:
        nothing = ir.Constant(ir.VectorType(x.type, 2), ir.Undefined)
        first = b.insert_element(nothing, x, ir.Constant(_INT, 0))
        return b.insert_element(first, y, ir.Constant(_INT, 1))
    mask = ir.Constant(ir.VectorType(_INT, 2 * lanes), list(range(2 * lanes)))
    return b.shuffle_vector(x, y, mask)


def _parts(b: ir.IRBuilder, x: ir.Value, start: int, stop: int) -> Iterator[tuple[int, ir.Value]]:
    """Return lanes of a vector in parts whose sizes are powers of 2, with their first lane."""
    if (start, stop) == (0, vectors.lanes_of(x)):
        yield 0, x
        return
    while start < stop:
        lanes = vectors.at_most(stop - start)
        if lanes == 1:
            yield start, b.extract_element(x, ir.Constant(_INT, start))
        else:
            mask = ir.Constant(ir.VectorType(_INT, lanes), list(range(start, start + lanes)))
            yield start, b.shuffle_vector(x, x, mask)
        start += lanes
