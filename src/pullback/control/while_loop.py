"""The loop that ends when a test fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar, final

import numpy as np
from attrs import evolve, frozen

from pullback.control.cond import Cond
from pullback.control.parts import (
    Flags,
    active,
    behind,
    call_bundled,
    either,
    filled,
    keep_inputs,
    opened,
    pick,
    place,
    present,
    reads,
    select_rows,
    split,
    trace_used,
)
from pullback.control.scan import Scan
from pullback.core import Array, Program, apply, trace_program
from pullback.errors import DifferentiationError
from pullback.primitives.bundle import pack, unpack
from pullback.primitives.cast import Cast
from pullback.primitives.primitive import Product
from pullback.primitives.quantity import Quantity, Value
from pullback.primitives.reduction import Any
from pullback.transforms.batching import Batched, batch_program, with_batch_axis
from pullback.transforms.programs import (
    Composite,
    Rewriting,
    compute,
    dependence,
    moved,
    push_through,
    value_of,
)
from pullback.transforms.vjp import as_node
from pullback.types import ArrayType, Bundle, bundle_type

T = TypeVar("T")


@final
@frozen(eq=False, repr=False)
class While(Composite):
    """``while test(*constants, *carry): carry = body(*constants, *carry)``.

    Operand: a bundle of constants and of the first carry. Result: a bundle of the last carry.

    With ``limit`` the loop ends after so many steps at the latest, and has a pullback: that of a
    scan of the steps that were taken; or, where their number is not known, of ``limit`` steps of
    which those after the end change nothing.

    With a batch of tests the loop runs until all rows are done, and rows that are done stay.
    """

    test: Program
    body: Program
    #: How many operands are constants.
    constants: int
    limit: int | None
    #: Which operands may have a derivative that someone asks for.
    active: Flags

    #: What a step that is not taken would have used has a cotangent of zeros: an absent one.
    selects: ClassVar[bool] = True

    @np.errstate(all="ignore")  # rows of a batch that are not selected may divide by zero
    def evaluate(self, *values: Value) -> Value:
        return Bundle(tuple(self._run(values[0].parts)[0]))

    def _run(self, parts: tuple[Value, ...]) -> tuple[list[Value], int]:
        """Return the last carry, and how many steps were taken."""
        constants, carry = split(parts, self.constants)
        steps = 0
        while steps != self.limit and self.test.evaluate([*constants, *carry])[0]:
            carry = self.body.evaluate([*constants, *carry])
            steps += 1
        return carry, steps

    def infer(self, *types: ArrayType) -> ArrayType:
        return bundle_type(self.body.output_types)

    def pushforward(
        self, index: int, tangent: Value, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Value:
        """Loop with the tangents beside what moves in some step."""
        n = self.constants
        moving = self._moving(present(tangent.parts))
        types = self.body.inputs
        sizes = [n, sum(moving[:n]), len(types) - n]
        flags = moving[n:]

        def step(nodes: list[Array]) -> list[Quantity]:
            k, k_dots, c, c_dots = split(nodes, *sizes)
            outs, dots = push_through(self.body, [*k, *c], place([*k_dots, *c_dots], moving))
            return [*outs, *filled(dots, self.body.output_types, flags)]

        def test(nodes: list[Array]) -> list[Array]:
            k, _, c, _ = split(nodes, *sizes)
            return self.test.apply([*k, *c])

        def beside(parts: Sequence[T], dots: Sequence[T]) -> list[T]:
            return [*parts[:n], *dots[: sizes[1]], *parts[n:], *dots[sizes[1] :]]

        all_types = beside(types, pick(types, moving))
        parts = beside(opened(operands[0]), filled(tangent.parts, types, moving))
        loop = While(
            trace_program(test, all_types)[0],
            trace_program(step, all_types)[0],
            sum(sizes[:2]),
            self.limit,
            active(parts),
        )
        return Bundle(tuple(place(unpack(loop(pack(parts)))[len(flags) :], flags)))

    def _moving(self, given: Sequence[bool]) -> list[bool]:
        """Return which inputs of the body move in some step."""
        depends = dependence(self.body)
        constants, after = split(given, self.constants)
        carry: list[bool] = []
        while after != carry:
            carry = after
            after = either(carry, moved(depends, [*constants, *carry]))
        return [*constants, *carry]

    def pullback(
        self,
        index: int,
        cotangent: Value,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Value:
        if self.limit is None:
            msg = (
                "while_loop: in reverse mode its steps are gone through backwards, so their number "
                "must be bounded; give max_steps=..., use scan or fori_loop, whose steps are "
                "counted, or forward mode (jvp)"
            )
            raise DifferentiationError(msg)
        taken = self._count(opened(operands[0]))
        if taken is None:
            body, length = self._step_or_stay(), self.limit
        else:
            body, length = self.body, taken
        carries = len(self.body.outputs)
        scan = Scan(body, length, self.constants, carries, reverse=False, active=self.active)
        return scan.pullback(0, cotangent, out, operands, product)

    def _count(self, parts: Sequence[Quantity]) -> int | None:
        """Return how many steps are taken; None where what the test depends on is not known."""
        n, types = self.constants, self.body.inputs
        needed = behind(self.body, n, len(types) - n, reads(self.test))
        values = [value_of(part) for part in pick(parts, needed)]
        if any(value is None for value in values):
            return None
        kept = [number for number, flag in enumerate(needed) if flag]

        def step(nodes: list[Array]) -> list[Value]:
            return [*pick(self.body.apply(nodes), needed[n:])]

        loop: While = evolve(
            self,
            test=keep_inputs(self.test, needed),
            body=trace_used(step, types, kept)[0],
            constants=sum(needed[:n]),
        )
        return loop._run(tuple(values))[1]

    def _step_or_stay(self) -> Program:
        """Return the body, which changes nothing where the test fails."""
        stay = trace_program(lambda nodes: nodes[self.constants :], self.body.inputs)[0]
        choose = Cond((stay, self.body), (True,) * (1 + len(self.body.inputs)))

        def step(nodes: list[Array]) -> list[Array]:
            (goes_on,) = self.test.apply(nodes)
            return call_bundled(choose, [apply(Cast(np.dtype(np.intp)), goes_on), *nodes])

        return trace_program(step, self.body.inputs)[0]

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[Batched, ...], size: int
    ) -> Quantity:
        (flags,) = batched
        assert isinstance(flags, tuple), "a bundle knows which of its parts are batched"
        constants, carry = split(opened(operands[0]), self.constants)
        k_flags, before = split(flags, self.constants)
        while True:
            body, found = batch_program(self.body, [*k_flags, *before], size, before)
            test, (differs,) = batch_program(self.test, [*k_flags, *before], size)
            after = [True] * len(found) if differs else found
            if after == before:
                break
            before = after
        carry = [
            with_batch_axis(c, size) if flag and not was else c
            for c, was, flag in zip(carry, flags[self.constants :], before, strict=True)
        ]
        loop = evolve(self, test=test, body=body)
        if differs:
            loop = _until_all_done(loop)
        results = unpack(loop(pack([*constants, *carry])))
        return pack([
            c if flag else with_batch_axis(c, size)
            for c, flag in zip(results, before, strict=True)
        ])  # fmt: skip

    def expand(self, parts: Sequence[Quantity]) -> list[Quantity]:
        """Take the steps one by one."""
        constants, carry = split(parts, self.constants)
        steps = 0
        while steps != self.limit:
            goes_on = value_of(compute(self.test, [*constants, *carry])[0])
            if goes_on is None:
                msg = (
                    "while_loop: its steps cannot be counted, as the test is not known while vmap "
                    "traces the function; use scan or fori_loop"
                )
                raise DifferentiationError(msg)
            if not goes_on:
                break
            carry = compute(self.body, [*constants, *carry])
            steps += 1
        return carry

    def rewritten(self, moving: Sequence[bool], change: Rewriting) -> While:
        return evolve(self, body=change(self.body, self._moving(moving)))


def _until_all_done(loop: While) -> While:
    """Return the loop over rows whose test is one for each row."""

    def test(nodes: list[Array]) -> list[Array]:
        (rows,) = loop.test.apply(nodes)
        return [apply(Any((0,)), rows)]

    def step(nodes: list[Array]) -> list[Array]:
        (rows,) = loop.test.apply(nodes)
        pairs = zip(loop.body.apply(nodes), nodes[loop.constants :], strict=True)
        return [as_node(select_rows(rows, new, old)) for new, old in pairs]

    types = loop.body.inputs
    return evolve(loop, test=trace_program(test, types)[0], body=trace_program(step, types)[0])
