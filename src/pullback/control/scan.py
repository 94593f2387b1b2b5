"""The loop of a known number of steps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TypeVar, final

import numpy as np
from attrs import evolve, frozen

from pullback.control.parts import (
    Flags,
    active,
    behind,
    both,
    either,
    filled,
    opened,
    pick,
    place,
    present,
    split,
    stacked,
    swap_leading,
    trace_used,
)
from pullback.core import Array, Program, trace_program
from pullback.primitives.bundle import pack, unpack
from pullback.primitives.joining import stretch
from pullback.primitives.primitive import PLAIN_PRODUCT, Product
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.shape import Reshape
from pullback.transforms.batching import Batched, batch_program, with_batch_axis
from pullback.transforms.programs import (
    Composite,
    Rewriting,
    compute,
    dependence,
    has_selection,
    moved,
    pull_through,
    push_through,
    reached,
    zeros,
)
from pullback.types import ArrayType, Bundle, bundle_type

T = TypeVar("T")


@final
@frozen(eq=False, repr=False)
class Scan(Composite):
    """``carry, y[i] = body(*constants, *carry, *x[i])`` for each i, from the first or the last.

    Operand: a bundle of constants, the same in all steps; the carry before the first step; and
    arrays whose slices along axis 0 the steps take. Result: a bundle of the carry after the last
    step, and arrays whose slices the steps gave.

    The pullback is a scan in the other direction, whose steps compute the body again. Those carries
    that its derivative needs it computes by a scan before, so memory is that of one step, and of
    these carries for each step.

    What has no tangent or cotangent in any step takes no part. What has one in some steps has
    zeros in the others; in reverse mode they are absences, as below a selection.
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

    @property
    def selects(self) -> bool:  # type: ignore[override]  # here it depends on the body
        """Whether a step selects."""
        return has_selection(self.body)

    @np.errstate(all="ignore")  # rows of a batch that are not selected may divide by zero
    def evaluate(self, *values: Value) -> Value:
        constants, carry, xs = self._split(values[0].parts)
        ys = [np.empty(type_.shape, type_.dtype) for type_ in self._stacked_types()]
        for i in self._order():
            results = self.body.evaluate([*constants, *carry, *[x[i] for x in xs]])
            carry = results[: self.carries]
            for y, result in zip(ys, results[self.carries :], strict=True):
                y[i] = result
        return Bundle((*carry, *ys))

    def _order(self) -> range:
        """Return the indices of the slices in the order of the steps."""
        order = range(self.length)
        return order[::-1] if self.reverse else order

    def infer(self, *types: ArrayType) -> ArrayType:
        return bundle_type((*self.body.output_types[: self.carries], *self._stacked_types()))

    def _stacked_types(self) -> list[ArrayType]:
        """Return the types of the arrays whose slices the steps gave."""
        types = self.body.output_types[self.carries :]
        return [ArrayType((self.length, *type_.shape), type_.dtype) for type_ in types]

    def pushforward(
        self, index: int, tangent: Value, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Value:
        """Scan with the tangents of what moves in some step beside what they belong to."""
        moving, y_moving = self._moving(present(tangent.parts))
        groups, flags = self._split(opened(operands[0])), self._split(moving)
        types = self._split(self.body.inputs)
        dots = split(filled(tangent.parts, self.body.inputs, moving), sum(flags[0]), sum(flags[1]))
        dot_types = map(pick, types, flags)
        both_types = [group for pair in zip(types, dot_types, strict=True) for group in pair]
        sizes = [len(group) for group in both_types]
        outputs = [*flags[1], *y_moving]

        def step(nodes: list[Array]) -> list[Quantity]:
            k, k_dots, c, c_dots, x, x_dots = split(nodes, *sizes[:-1])
            outs, out_dots = push_through(
                self.body, [*k, *c, *x], place([*k_dots, *c_dots, *x_dots], moving)
            )
            return [*outs[: self.carries], *filled(out_dots, self.body.output_types, outputs)]

        body, _ = trace_program(step, list(chain(*both_types)))
        parts = list(chain(*chain(*zip(groups, dots, strict=True))))
        results = self._scan(body, sum(sizes[:2]), sum(sizes[2:4]), parts)
        return Bundle(tuple(place(results[self.carries :], outputs)))

    def active_in_some_step(self) -> Flags:
        """Return which operands may have a derivative, if any step were the first."""
        return tuple(self._moving(self.active)[0])

    def _moving(self, given: Sequence[bool]) -> tuple[list[bool], list[bool]]:
        """Return which inputs of the body move in some step, and which of the slices it gives."""
        depends = dependence(self.body)
        flags = [flag and t.inexact for flag, t in zip(given, self.body.inputs, strict=True)]
        k, c, x = self._split(flags)
        for _ in range(self.length):
            after = either(c, moved(depends[: self.carries], [*k, *c, *x]))
            if after == c:
                break
            c = after
        return [*k, *c, *x], moved(depends[self.carries :], [*k, *c, *x])

    def pullback(
        self,
        index: int,
        cotangent: Value,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Value:
        """Scan the other way, with the cotangents of the carry and the sums of the constants'."""
        wanted, given, steady = self._wanted(present(cotangent.parts))
        if not any(wanted):
            return Bundle((None,) * len(wanted))
        groups, flags = self._split(opened(operands[0])), self._split(wanted)
        types = self._split(self.body.inputs)
        masked = not steady or product is not PLAIN_PRODUCT or has_selection(self.body)
        k_types, c_types = pick(types[0], flags[0]), pick(types[1], flags[1])
        sizes = [len(types[0]), len(c_types), len(k_types), len(types[1]), len(types[2])]

        def step(nodes: list[Array]) -> list[Quantity]:
            k, c_bars, sums, c, x, y_bars = split(nodes, *sizes)
            bars = place([*c_bars, *y_bars], given)
            found = pull_through(self.body, [*k, *c, *x], bars, wanted, selected=masked)
            k_found, c_found, x_found = self._split(found)
            terms = zip(sums, pick(k_found, flags[0]), strict=True)
            return [
                *filled(c_found, types[1], flags[1]),
                *[total if term is None else total + term for total, term in terms],
                *filled(x_found, types[2], flags[2]),
            ]

        y_given = [False] * self.carries + given[self.carries :]
        y_types = pick(self.body.output_types, y_given)
        carried = len(c_types) + len(k_types)
        body, used = trace_used(
            step,
            [*types[0], *c_types, *k_types, *types[1], *types[2], *y_types],
            kept=range(len(types[0]), len(types[0]) + carried),
        )
        k_used, _, c_used, others_used = split(used, len(types[0]), carried, len(types[1]))
        parts = [
            *pick(groups[0], k_used),
            *filled(cotangent.parts[: self.carries], types[1], flags[1]),
            *map(zeros, k_types),
            *self._carries(groups, c_used),
            *pick([*groups[2], *pick(cotangent.parts, y_given)], others_used),
        ]
        results = self._scan(body, sum(k_used), carried, parts, reverse=not self.reverse)
        c_found, k_found, x_found = split(results, len(c_types), len(k_types))
        return Bundle(
            (*place(k_found, flags[0]), *place(c_found, flags[1]), *place(x_found, flags[2]))
        )

    def _wanted(self, given: Sequence[bool]) -> tuple[list[bool], list[bool], bool]:
        """Return which inputs of the body have cotangents in some step, and which outputs.

        And whether all of these are there in each step: none is zero for want of a cotangent.
        """
        number = len(self.body.inputs)
        depends = dependence(self.body)
        moving, y_moving = self._moving(self.active)
        c_moving = self._split(moving)[1]
        start, y = split(both(given, [*c_moving, *y_moving]), self.carries)
        c = back = start
        for _ in range(self.length):
            back = both(self._split(reached(depends, [*c, *y], number))[1], c_moving)
            after = either(c, back)
            if after == c:
                break
            c = after
        wanted = both(reached(depends, [*c, *y], number), moving)
        k, _, x = self._split(wanted)
        if not self.length:
            k, x = [False] * len(k), [False] * len(x)
        return [*k, *c, *x], [*c, *y], c == start == back

    def _carries(
        self, groups: Sequence[Sequence[Quantity]], used: Sequence[bool]
    ) -> list[Quantity]:
        """Return those of the carries before each step that are used, by what they depend on."""
        if not any(used):
            return []
        k, c, x = groups
        wanted = [*[False] * len(k), *used, *[False] * len(x)]
        needed = behind(self.body, self.constants, self.carries, wanted)
        k_flags, c_flags, _ = self._split(needed)

        def step(nodes: list[Array]) -> list[Value]:
            after, before = self.body.apply(nodes), self._split(nodes)[1]
            return [*pick(after[: self.carries], c_flags), *pick(before, used)]

        kept = [number for number, flag in enumerate(needed) if flag]
        body, _ = trace_used(step, self.body.inputs, kept)
        parts = pick([*k, *c, *x], needed)
        return self._scan(body, sum(k_flags), sum(c_flags), parts)[sum(c_flags) :]

    def _scan(
        self,
        body: Program,
        constants: int,
        carries: int,
        parts: Sequence[Quantity],
        *,
        reverse: bool | None = None,
    ) -> list[Quantity]:
        """Return the results of a scan of as many steps."""
        direction = self.reverse if reverse is None else reverse
        scan = Scan(body, self.length, constants, carries, direction, active(parts), self.unroll)
        return unpack(scan(pack(parts)))

    def _split(self, row: Sequence[T]) -> list[list[T]]:
        """Return what there is for each input as that for the constants, the carry and the xs."""
        return split(row, self.constants, self.carries)

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[Batched, ...], size: int
    ) -> Quantity:
        """Scan with a batched body; a carry is batched that a step makes so."""
        (flags,) = batched
        assert isinstance(flags, tuple), "a bundle knows which of its parts are batched"
        constants, carry, xs = self._split(opened(operands[0]))
        k_flags, c_flags, x_flags = self._split(flags)
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

    def expand(self, parts: Sequence[Quantity]) -> list[Quantity]:
        """Take the steps one by one."""
        constants, carry, xs = self._split(parts)
        rows: list[list[Quantity]] = []
        for i in self._order():
            slices = [Reshape(shape_of(x)[1:])(stretch(x, 0, i, i + 1)) for x in xs]
            results = compute(self.body, [*constants, *carry, *slices])
            carry, row = split(results, self.carries)
            rows.append(row)
        if self.reverse:
            rows.reverse()
        if rows:
            return [*carry, *[stacked(column) for column in zip(*rows, strict=True)]]
        return [*carry, *map(zeros, self._stacked_types())]

    def rewritten(self, moving: Sequence[bool], change: Rewriting) -> Scan:
        return evolve(self, body=change(self.body, self._moving(moving)[0]))
