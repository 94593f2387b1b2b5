"""The loop of a known number of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
from attrs import evolve, frozen

from pullback.control.parts import (
    Flags,
    filled,
    filled_nodes,
    inexact,
    pick,
    place,
    present,
    split,
    swap_leading,
)
from pullback.core import Array, Program, trace_program
from pullback.primitives.bundle import pack, unpack
from pullback.primitives.primitive import PLAIN_PRODUCT, Primitive, Product
from pullback.primitives.quantity import Quantity, Value
from pullback.transforms.batching import Batched, batch_program, with_batch_axis
from pullback.transforms.programs import has_selection, pull_through, push_through, zeros
from pullback.transforms.vjp import as_node
from pullback.types import ArrayType, Bundle, bundle_type


@final
@frozen(eq=False, repr=False)
class Scan(Primitive):
    """``carry, y[i] = body(*constants, *carry, *x[i])`` for each i, from the first or the last.

    Operand: a bundle of constants, the same in all steps; the carry before the first step; and
    arrays whose slices along axis 0 the steps take. Result: a bundle of the carry after the last
    step, and arrays whose slices the steps gave.

    The pullback needs the carry before each step. It computes them by a second scan, and pulls
    back in a third one, in the other direction; each step of that computes the body again, so
    memory is that of one step and of one carry for each step.
    """

    body: Program
    length: int
    #: How many operands are constants, and how many are carried.
    constants: int
    carries: int
    reverse: bool
    #: Which operands may have a derivative that someone asks for.
    active: Flags
    #: How many steps compiled code takes in one turn of the loop.
    unroll: int = 1

    @np.errstate(all="ignore")  # rows of a batch that are not selected may divide by zero
    def evaluate(self, *values: Value) -> Value:
        constants, carry, xs = split(values[0].parts, self.constants, self.carries)
        types = self.body.output_types[self.carries :]
        ys = [np.empty((self.length, *type_.shape), type_.dtype) for type_ in types]
        order = range(self.length)
        for i in reversed(order) if self.reverse else order:
            results = self.body.evaluate([*constants, *carry, *[x[i] for x in xs]])
            carry = results[: self.carries]
            for y, result in zip(ys, results[self.carries :], strict=True):
                y[i] = result
        return Bundle((*carry, *ys))

    def infer(self, *types: ArrayType) -> ArrayType:
        outputs = self.body.output_types
        stacked = [ArrayType((self.length, *t.shape), t.dtype) for t in outputs[self.carries :]]
        return bundle_type((*outputs[: self.carries], *stacked))

    def pushforward(
        self, index: int, tangent: Value, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Value:
        """Scan with the tangents beside what moves: each carry, and what has a tangent now."""
        constants, carry, xs = split(unpack(operands[0]), self.constants, self.carries)
        groups = split(self.body.inputs, self.constants, self.carries)
        given = split(tangent.parts, self.constants, self.carries)
        moving = [[dot is not None for dot in group] for group in given]
        moving[1] = inexact(groups[1])
        outputs = self.body.output_types
        sizes = [
            n for group, flags in zip(groups, moving, strict=True) for n in (len(group), sum(flags))
        ]

        def step(nodes: list[Array]) -> list[Array]:
            k, k_dots, c, c_dots, x, x_dots = split(nodes, *sizes[:-1])
            dots = [*place(k_dots, moving[0]), *place(c_dots, moving[1]), *place(x_dots, moving[2])]
            outs, out_dots = push_through(self.body, [*k, *c, *x], dots)
            n = self.carries
            return [
                *outs[:n], *filled_nodes(out_dots[:n], outputs[:n]),
                *outs[n:], *filled_nodes(out_dots[n:], outputs[n:]),
            ]  # fmt: skip

        types = [
            t
            for group, flags in zip(groups, moving, strict=True)
            for t in (*group, *pick(group, flags))
        ]
        c_dots = [filled(dot, t) for dot, t in zip(given[1], groups[1], strict=True) if t.inexact]
        parts = [*constants, *present(given[0]), *carry, *c_dots, *xs, *present(given[2])]
        scan = evolve(
            self,
            body=trace_program(step, types)[0],
            constants=sum(sizes[:2]),
            carries=sum(sizes[2:4]),
            active=(True,) * len(parts),
        )
        _, carried, _, ys = split(
            unpack(scan(pack(parts))), self.carries, len(c_dots), len(outputs) - self.carries
        )
        return Bundle(
            (
                *place(carried, inexact(outputs[: self.carries])),
                *place(ys, inexact(outputs[self.carries :])),
            )
        )

    def pullback(
        self,
        index: int,
        cotangent: Value,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Value:
        constants, carry, xs = split(unpack(operands[0]), self.constants, self.carries)
        groups = split(self.body.inputs, self.constants, self.carries)
        outputs = self.body.output_types
        wanted = [
            flag and type_.inexact
            for flag, type_ in zip(self.active, self.body.inputs, strict=True)
        ]
        wanted[self.constants : self.constants + self.carries] = inexact(groups[1])
        k_wanted, c_wanted, x_wanted = split(wanted, self.constants, self.carries)
        given = [bar is not None for bar in cotangent.parts[self.carries :]]
        masked = product is not PLAIN_PRODUCT or has_selection(self.body)
        saved = self._carries(constants, carry, xs)
        sizes = [self.constants, sum(c_wanted), sum(k_wanted), self.carries, len(xs)]

        def step(nodes: list[Array]) -> list[Array]:
            k, c_bars, sums, c, x, y_bars = split(nodes, *sizes)
            bars = [*place(c_bars, c_wanted), *place(y_bars, given)]
            found = pull_through(self.body, [*k, *c, *x], bars, wanted, selected=masked)
            k_found, c_found, x_found = split(found, self.constants, self.carries)
            added = [
                total if bar is None else total + bar
                for total, bar in zip(sums, pick(k_found, k_wanted), strict=True)
            ]
            return [
                *filled_nodes(c_found, groups[1]),
                *added,
                *(
                    as_node(filled(bar, t))
                    for bar, t, flag in zip(x_found, groups[2], x_wanted, strict=True)
                    if flag
                ),
            ]

        c_types, k_types = pick(groups[1], c_wanted), pick(groups[0], k_wanted)
        types = [
            *groups[0],
            *c_types,
            *k_types,
            *groups[1],
            *groups[2],
            *pick(outputs[self.carries :], given),
        ]
        c_bars = [
            filled(bar, t) for bar, t in zip(cotangent.parts, groups[1], strict=False) if t.inexact
        ]
        parts = [
            *constants, *c_bars, *map(zeros, k_types),
            *saved, *xs, *present(cotangent.parts[self.carries :]),
        ]  # fmt: skip
        scan = Scan(
            trace_program(step, types)[0], self.length, self.constants, len(c_types) + len(k_types),
            not self.reverse, (True,) * len(parts), self.unroll,
        )  # fmt: skip
        c_found, k_found, x_found = split(unpack(scan(pack(parts))), len(c_types), len(k_types))
        return Bundle((
            *place(k_found, k_wanted), *place(c_found, c_wanted), *place(x_found, x_wanted)
        ))  # fmt: skip

    def _carries(
        self, constants: Sequence[Quantity], carry: Sequence[Quantity], xs: Sequence[Quantity]
    ) -> list[Quantity]:
        """Return the carries before each step."""
        if not carry:
            return []

        def step(nodes: list[Array]) -> list[Array]:
            before = nodes[self.constants : self.constants + self.carries]
            return [*self.body.apply(nodes)[: self.carries], *before]

        scan = evolve(self, body=trace_program(step, self.body.inputs)[0])
        return unpack(scan(pack([*constants, *carry, *xs])))[self.carries :]

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[Batched, ...], size: int
    ) -> Quantity:
        """Scan with a batched body; a carry is batched that a step makes so."""
        (flags,) = batched
        assert isinstance(flags, tuple), "a bundle knows which of its parts are batched"
        constants, carry, xs = split(unpack(operands[0]), self.constants, self.carries)
        k_flags, c_flags, x_flags = split(flags, self.constants, self.carries)
        before = c_flags
        ys = [False] * (len(self.body.outputs) - self.carries)
        while True:
            needed = [*before, *ys]
            body, found = batch_program(self.body, [*k_flags, *before, *x_flags], size, needed)
            if found[: self.carries] == before:
                break
            before = found[: self.carries]
        carry = [
            with_batch_axis(c, size) if after and not flag else c
            for c, flag, after in zip(carry, c_flags, before, strict=True)
        ]
        xs = [swap_leading(x) if flag else x for x, flag in zip(xs, x_flags, strict=True)]
        results = unpack(evolve(self, body=body)(pack([*constants, *carry, *xs])))
        for number, flag in enumerate(found):
            if not flag:
                results[number] = with_batch_axis(results[number], size)
            elif number >= self.carries:
                results[number] = swap_leading(results[number])
        return pack(results)
