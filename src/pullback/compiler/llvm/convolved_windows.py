"""A convolution whose window is the result: sums along packed planes, in lanes.

The sums of a block of planes are added to those before; the lanes are added in each block.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler import convolutions as plans
from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.offsets import affine, around, at, clear, digits, entry, index, table
from pullback.compiler.llvm.packed import Packed, tile_of
from pullback.compiler.llvm.vectors import loop

_FUSED: Final = ("contract",)


@final
@frozen
class Windows:
    """The result, a window, as sums along packed planes."""

    packed: Packed

    def emit(self) -> None:
        """Append the loops over blocks, with what is packed in each, and the sums' way home."""
        packed, form, b = self.packed, self.packed.form, self.packed.b
        rows, columns = plans.sum_rows(form)
        window = math.prod(label.size for label in (*form.shared, *form.outer, *form.inner))
        window *= math.prod(slide.sizes[2] for slide in form.slides)
        clear(b, packed.pointers[2], index(window * form.bytes))
        other = vectors.moved(b, packed.memory, packed.kind, form.dense_size)
        sums = vectors.moved(b, other, packed.kind, rows * form.run)
        clear(b, other, index(rows * form.run * form.bytes))
        terms = form.terms(form.phases[0])
        if not terms:
            return
        height, width = tile_of(plans.size(form.outer), len(terms), (12, 24))
        spare = [terms[-1]] * width
        tables = [table(b, [term[k] for term in [*terms, *spare]]) for k in (0, 1)]

        def body(shared: list[ir.Value]) -> None:
            clear(b, sums, index(rows * columns * form.bytes))

            def block(found: list[ir.Value]) -> None:
                first = packed.first(found[0])
                packed.pack(shared, first)
                self._pack(other, shared, first, b.mul(found[0], index(form.block)))
                self._tiles(other, sums, tables[0], (height, width), columns)

            around(b, [form.blocks], block)
            self._finish(sums, tables[1], shared, columns)

        around(b, [label.size for label in form.shared], body)

    def _pack(
        self, other: ir.Value, shared: Sequence[ir.Value], first: ir.Value, wanted: ir.Value
    ) -> None:
        """Append the copying of other in the same rows as dense; what was summed before is zero."""
        packed, form, b = self.packed, self.packed.form, self.packed.b
        sizes = [label.size for label in form.outer]
        steps = plans.steps([slide.sizes[1] for slide in form.slides])

        def copy(found: list[ir.Value]) -> None:
            plain = digits(b, b.add(first, found[-1]), [label.size for label in form.plain])
            labels = [*form.shared, *form.plain, *form.outer]
            chosen = zip(labels, [*shared, *plain, *found[:-1]], strict=True)
            source = affine(b, 0, [(value, label.other) for label, value in chosen])
            places = [form.run * step for step in plans.steps(sizes)]
            target = affine(b, 0, list(zip(found, [*places, form.plane], strict=True)))
            packed.copy_rows(
                (at(b, packed.pointers[1], packed.kind, source), steps),
                (at(b, other, packed.kind, target), form.pitches),
                [slide.sizes[1] for slide in form.slides],
            )

        around(b, [*sizes, form.block], copy)
        if plans.size(form.plain) % form.block:
            again = b.mul(b.sub(wanted, first), index(form.plane * form.bytes))
            around(b, [plans.size(form.outer)], lambda found: clear(
                b, at(b, other, packed.kind, b.mul(found[0], index(form.run))), again))  # fmt: skip

    def _tiles(
        self,
        other: ir.Value,
        sums: ir.Value,
        table: ir.Value,
        tile: tuple[int, int],
        columns: int,
    ) -> None:
        """Append the loops over tiles, and what each adds to its sums."""
        packed, form, b = self.packed, self.packed.form, self.packed.b
        (height, width), lanes = tile, packed.lanes
        whole = vectors.vector(packed.kind, lanes)
        count = -(-form.block * form.plane // lanes)

        def body(found: list[ir.Value]) -> None:
            row, column = (b.mul(k, index(n)) for k, n in zip(found, tile, strict=True))
            left = at(b, other, packed.kind, b.mul(row, index(form.run)))
            right = [
                at(b, packed.dense, packed.kind, entry(b, table, b.add(column, index(j))))
                for j in range(width)
            ]

            def step(k: ir.Value, totals: list[ir.Value]) -> list[ir.Value]:
                place = b.mul(k, index(lanes))
                others = [
                    packed.load(left, b.add(place, index(r * form.run)), lanes)
                    for r in range(height)
                ]
                seen = [packed.load(pointer, place, lanes) for pointer in right]
                pairs = [(x, y) for x in others for y in seen]
                return [
                    b.fadd(total, b.fmul(x, y, flags=_FUSED), flags=_FUSED)
                    for total, (x, y) in zip(totals, pairs, strict=True)
                ]

            totals = loop(b, count, [vectors.zeros(whole)] * (height * width), step)
            begin = affine(b, 0, [(row, columns), (column, 1)])
            for k, total in enumerate(vectors.sums(b, totals)):
                r, j = divmod(k, width)
                place = b.add(begin, index(r * columns + j))
                packed.store(b.fadd(packed.load(sums, place, 1), total), sums, place)

        outer, inner = plans.size(form.outer), len(form.terms(form.phases[0]))
        around(b, [-(-outer // height), -(-inner // width)], body)

    def _finish(
        self, sums: ir.Value, table: ir.Value, shared: Sequence[ir.Value], columns: int
    ) -> None:
        """Append the copying of the sums to the result."""
        packed, form, b = self.packed, self.packed.form, self.packed.b
        sizes = [label.size for label in form.outer]

        def copy(found: list[ir.Value]) -> None:
            *outer, column = found
            labels = zip([*form.shared, *form.outer], [*shared, *outer], strict=True)
            places = zip(outer, [columns * step for step in plans.steps(sizes)], strict=True)
            place = affine(b, 0, [*places, (column, 1)])
            target = [(value, label.window) for label, value in labels]
            goal = affine(b, 0, [*target, (entry(b, table, column), 1)])
            packed.store(packed.load(sums, place, 1), packed.pointers[2], goal)

        around(b, [*sizes, len(form.terms(form.phases[0]))], copy)
