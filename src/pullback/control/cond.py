"""The choice between programs by a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np
from attrs import evolve, frozen

from pullback.control.parts import (
    Flags,
    call,
    filled_nodes,
    inexact,
    pick,
    place,
    present,
    select_rows,
)
from pullback.core import Array, Program, trace_program
from pullback.primitives.bundle import pack, unpack
from pullback.primitives.comparison import Equal
from pullback.primitives.primitive import PLAIN_PRODUCT, Primitive, Product
from pullback.primitives.quantity import Quantity, Value
from pullback.transforms.batching import Batched, batch_program
from pullback.transforms.programs import pull_through, push_through
from pullback.types import ArrayType, Bundle, bundle_type


@final
@frozen(eq=False, repr=False)
class Cond(Primitive):
    """What one of several programs makes of the operands.

    Operand: a bundle of the number of the program, an integer scalar from 0 on, and the programs'
    inputs. Result: a bundle of its outputs, whose types are the same for all.

    With a batch of numbers all programs compute all rows, and each row is selected.
    """

    branches: tuple[Program, ...]
    #: Which operands may have a derivative that someone asks for.
    active: Flags

    def evaluate(self, *values: Value) -> Value:
        number, *operands = values[0].parts
        return Bundle(tuple(self.branches[int(number)].evaluate(operands)))

    def infer(self, *types: ArrayType) -> ArrayType:
        return bundle_type(self.branches[0].output_types)

    def pushforward(
        self, index: int, tangent: Value, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Value:
        number, *given = unpack(operands[0])
        moving = [dot is not None for dot in tangent.parts[1:]]
        outputs = self.branches[0].output_types

        def push(branch: Program) -> Program:
            def tangents(nodes: list[Array]) -> list[Array]:
                dots = place(nodes[len(given) :], moving)
                return filled_nodes(push_through(branch, nodes[: len(given)], dots)[1], outputs)

            return trace_program(tangents, [*branch.inputs, *pick(branch.inputs, moving)])[0]

        dots = present(tangent.parts[1:])
        return Bundle(tuple(place(self._with(push, [number, *given, *dots]), inexact(outputs))))

    def pullback(
        self,
        index: int,
        cotangent: Value,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Value:
        number, *given = unpack(operands[0])
        inputs = self.branches[0].inputs
        wanted = [flag and t.inexact for flag, t in zip(self.active[1:], inputs, strict=True)]
        flags = [bar is not None for bar in cotangent.parts]
        masked = product is not PLAIN_PRODUCT

        def pull(branch: Program) -> Program:
            def cotangents(nodes: list[Array]) -> list[Array]:
                bars = place(nodes[len(given) :], flags)
                found = pull_through(branch, nodes[: len(given)], bars, wanted, selected=masked)
                return filled_nodes(pick(found, wanted), pick(inputs, wanted))

            return trace_program(cotangents, [*branch.inputs, *pick(branch.output_types, flags)])[0]

        found = self._with(pull, [number, *given, *present(cotangent.parts)])
        return Bundle((None, *place(found, wanted)))

    def _with(self, change: Callable[[Program], Program], parts: list[Quantity]) -> list[Quantity]:
        """Return what the changed programs make of a number and their operands."""
        branches = tuple([change(branch) for branch in self.branches])
        return unpack(Cond(branches, (True,) * len(parts))(pack(parts)))

    @np.errstate(all="ignore")  # rows that are not selected may divide by zero
    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[Batched, ...], size: int
    ) -> Quantity:
        (flags,) = batched
        assert isinstance(flags, tuple), "a bundle knows which of its parts are batched"
        number, *given = unpack(operands[0])
        needed = [True] * len(self.branches[0].outputs)
        branches = tuple(
            [batch_program(branch, flags[1:], size, needed)[0] for branch in self.branches]
        )
        if not flags[0]:
            return evolve(self, branches=branches)(operands[0])
        chosen, *others = [call(branch, given) for branch in branches]
        for other, result in enumerate(others, 1):
            takes = Equal()(number, other)
            chosen = [select_rows(takes, y, x) for x, y in zip(chosen, result, strict=True)]
        return pack(chosen)
