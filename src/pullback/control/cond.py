"""The choice between programs by a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, final

import numpy as np
from attrs import evolve, frozen

from pullback.control.parts import (
    Flags,
    active,
    both,
    filled,
    keep_inputs,
    opened,
    pick,
    place,
    present,
    reads,
    select_rows,
)
from pullback.core import Array, Program, trace_program
from pullback.primitives.bundle import pack, unpack
from pullback.primitives.comparison import Equal
from pullback.primitives.primitive import PLAIN_PRODUCT, Product
from pullback.primitives.quantity import Quantity, Value
from pullback.transforms.batching import Batched, batch_program
from pullback.transforms.programs import (
    Composite,
    Rewriting,
    compute,
    dependence,
    moved,
    pull_through,
    push_through,
    reached,
    value_of,
)
from pullback.types import ArrayType, Bundle, bundle_type


@final
@frozen(eq=False, repr=False)
class Cond(Composite):
    """What one of several programs makes of the operands.

    Operand: a bundle of the number of the program, an integer scalar from 0 on, and the programs'
    inputs. Result: a bundle of its outputs, whose types are the same for all.

    With a batch of numbers all programs compute all rows, and each row is selected.
    """

    branches: tuple[Program, ...]
    #: Which operands may have a derivative that someone asks for.
    active: Flags

    #: What another program would have used has a cotangent of zeros: an absent one.
    selects: ClassVar[bool] = True

    def evaluate(self, *values: Value) -> Value:
        number, *operands = values[0].parts
        return Bundle(tuple(self.branches[int(number)].evaluate(operands)))

    def infer(self, *types: ArrayType) -> ArrayType:
        return bundle_type(self.branches[0].output_types)

    def pushforward(
        self, index: int, tangent: Value, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Value:
        number, *given = opened(operands[0])
        moving = present(tangent.parts[1:])
        inputs, outputs = self.branches[0].inputs, self.branches[0].output_types
        some = [moved(dependence(branch), moving) for branch in self.branches]
        flags = [any(column) for column in zip(*some, strict=True)]

        def push(branch: Program) -> Program:
            def tangents(nodes: list[Array]) -> list[Quantity]:
                dots = place(nodes[len(given) :], moving)
                return filled(push_through(branch, nodes[: len(given)], dots)[1], outputs, flags)

            return trace_program(tangents, [*inputs, *pick(inputs, moving)])[0]

        dots = pick(tangent.parts[1:], moving)
        return Bundle(tuple(place(self._changed(push, [number, *given, *dots]), flags)))

    def pullback(
        self,
        index: int,
        cotangent: Value,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Value:
        number, *given = opened(operands[0])
        flags = present(cotangent.parts)
        inputs, outputs = self.branches[0].inputs, self.branches[0].output_types
        some = [reached(dependence(branch), flags, len(inputs)) for branch in self.branches]
        wanted = both(self.active[1:], [any(column) for column in zip(*some, strict=True)])
        masked = product is not PLAIN_PRODUCT

        def pull(branch: Program) -> Program:
            def cotangents(nodes: list[Array]) -> list[Quantity]:
                bars = place(nodes[len(given) :], flags)
                found = pull_through(branch, nodes[: len(given)], bars, wanted, selected=masked)
                return filled(found, inputs, wanted)

            return trace_program(cotangents, [*inputs, *pick(outputs, flags)])[0]

        bars = pick(cotangent.parts, flags)
        return Bundle((None, *place(self._changed(pull, [number, *given, *bars]), wanted)))

    def _changed(
        self, change: Callable[[Program], Program], parts: list[Quantity]
    ) -> list[Quantity]:
        """Return what the changed programs make of a number and their operands."""
        changed = [change(branch) for branch in self.branches]
        used = [any(column) for column in zip(*map(reads, changed), strict=True)]
        branches = tuple([keep_inputs(branch, used) for branch in changed])
        needed = pick(parts, [True, *used])
        return unpack(Cond(branches, active(needed))(pack(needed)))

    @np.errstate(all="ignore")  # rows that are not selected may divide by zero
    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[Batched, ...], size: int
    ) -> Quantity:
        (flags,) = batched
        assert isinstance(flags, tuple), "a bundle knows which of its parts are batched"
        number, *given = opened(operands[0])
        needed = [True] * len(self.branches[0].outputs)
        branches = tuple(
            [batch_program(branch, flags[1:], size, needed)[0] for branch in self.branches]
        )
        if not flags[0]:
            return evolve(self, branches=branches)(operands[0])
        return pack(select(number, branches, given))

    def expand(self, parts: Sequence[Quantity]) -> list[Quantity]:
        """Take the program of the number, or select where it is not known."""
        number, *given = parts
        value = value_of(number)
        if value is None:
            return select(number, self.branches, given)
        return compute(self.branches[int(value)], given)

    def rewritten(self, moving: Sequence[bool], change: Rewriting) -> Cond:
        return Cond(tuple([change(branch, moving[1:]) for branch in self.branches]), self.active)


def select(
    number: Quantity, branches: Sequence[Program], given: Sequence[Quantity]
) -> list[Quantity]:
    """Return what each program makes of the operands where it has the number."""
    chosen, *others = [compute(branch, given) for branch in branches]
    for other, result in enumerate(others, 1):
        takes = Equal()(number, other)
        chosen = [select_rows(takes, y, x) for x, y in zip(chosen, result, strict=True)]
    return chosen
