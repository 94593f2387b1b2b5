"""The call whose insides are computed again, and the names of values that are to be kept.

Reverse mode holds every value between the operands and the results of what it differentiates. Of
such a call it holds the operands and the results alone, and makes the rest again when it comes to
it: memory against one more evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import numpy as np
from attrs import frozen

from pullback.control.parts import (
    Flags,
    active,
    call_bundled,
    opened,
    pick,
    place,
    present,
    trace_change,
)
from pullback.core import Array, Program, Trace, apply, constant, make_node
from pullback.primitives.identity import Input
from pullback.primitives.linear import Linear
from pullback.primitives.primitive import PLAIN_PRODUCT, Product
from pullback.primitives.quantity import Quantity, Value, quantity_type
from pullback.transforms.batching import Batched, batch_program
from pullback.transforms.programs import (
    Composite,
    Rewriting,
    bare,
    compute,
    has_selection,
    pull_through,
    push_through,
)
from pullback.transforms.sweep import carry_values
from pullback.transforms.vjp import as_node
from pullback.types import ArrayType, Bundle, bundle_type


@final
@frozen(eq=False, repr=False)
class Named(Linear):
    """The operand, under a name by which a checkpoint may keep it."""

    label: str

    def evaluate(self, *values: Value) -> Value:
        return values[0]

    def infer(self, *types: ArrayType) -> ArrayType:
        return types[0]

    def transpose(self, cotangent: Quantity, operand: Quantity) -> Quantity:
        return cotangent

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        return self(operands[0])


@final
@frozen(eq=False, repr=False)
class Remat(Composite):
    """What a program makes of its inputs, computed again ("rematerialised") by each derivative.

    Operand: a bundle of the program's inputs. Result: a bundle of its outputs.

    On values the pullback records the program once more and sweeps back over the record. On nodes
    the derivatives are such calls themselves, so that higher orders hold as little.
    """

    program: Program
    #: Which operands may have a derivative that someone asks for.
    active: Flags

    @property
    def selects(self) -> bool:  # type: ignore[override]  # a class attribute elsewhere; here it depends on the program
        """Whether something in the program selects."""
        return has_selection(self.program)

    def evaluate(self, *values: Value) -> Value:
        return Bundle(tuple(map(_compact, self.program.evaluate(values[0].parts))))

    def infer(self, *types: ArrayType) -> ArrayType:
        return bundle_type(self.program.output_types)

    def pushforward(
        self, index: int, tangent: Value, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Value:
        given = opened(operands[0])
        flags = present(tangent.parts)

        def push(nodes: list[Array]) -> list[Array | None]:
            dots = place(nodes[len(given) :], flags)
            return push_through(self.program, nodes[: len(given)], dots)[1]

        parts = [*given, *pick(tangent.parts, flags)]
        if any(active(parts)):
            return Bundle(tuple(_again(push, parts)))
        found = push([as_node(part) for part in parts])
        return Bundle(tuple([None if dot is None else bare(dot) for dot in found]))

    def pullback(
        self,
        index: int,
        cotangent: Value,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Value:
        given = opened(operands[0])
        flags = present(cotangent.parts)
        pairs = zip(self.active, self.program.inputs, strict=True)
        wanted = [flag and type_.inexact for flag, type_ in pairs]
        masked = product is not PLAIN_PRODUCT

        def pull(nodes: list[Array]) -> list[Array | None]:
            bars = place(nodes[len(given) :], flags)
            return pull_through(self.program, nodes[: len(given)], bars, wanted, selected=masked)

        parts = [*given, *pick(cotangent.parts, flags)]
        if any(active(parts)):
            return Bundle(tuple(_again(pull, parts)))
        values = [bare(as_node(part)) for part in parts]
        bars = place(values[len(given) :], flags)
        return Bundle(
            tuple(self._pull_values(values, bare(as_node(out)), bars, wanted, masked=masked))
        )

    def _pull_values(
        self,
        given: Sequence[Value],
        out: Value,
        bars: Sequence[Value],
        wanted: Sequence[bool],
        *,
        masked: bool,
    ) -> list[Value]:
        """Return the cotangents of the operands, at about the cost that they had without the call.

        As in `pull_through`, but on bare values, and the outputs need not be computed again.
        """
        own = frozenset((Trace(),))
        inputs = [
            make_node(value, Input(), (), own) if flag else constant(value)
            for value, flag in zip(given, wanted, strict=False)
        ]
        seeds = _seeds(_record(self.program, inputs, out.parts), bars)
        found = carry_values(seeds, selected=masked)  # frees the record as it passes
        return [found.get(node) for node in inputs]

    @np.errstate(all="ignore")  # rows that are not selected may divide by zero
    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[Batched, ...], size: int
    ) -> Quantity:
        (flags,) = batched
        assert isinstance(flags, tuple), "a bundle knows which of its parts are batched"
        needed = [True] * len(self.program.outputs)
        program, _ = batch_program(self.program, flags, size, needed)
        return Remat(program, self.active)(operands[0])

    def expand(self, parts: Sequence[Quantity]) -> list[Quantity]:
        return compute(self.program, parts)

    def rewritten(self, moving: Sequence[bool], change: Rewriting) -> Remat:
        return Remat(change(self.program, moving), self.active)


def _again(
    change: Callable[[list[Array]], Sequence[Array | None]], parts: Sequence[Quantity]
) -> list[Value]:
    """Return what a derivative of a call makes of parts, of which some are nodes: a call again."""
    program, used, flags = trace_change(change, [quantity_type(part) for part in parts])
    needed = pick(parts, used)
    found = call_bundled(Remat(program, active(needed)), list(map(as_node, needed)))
    return place(found, flags)


def _record(program: Program, inputs: Sequence[Array], results: Sequence[Value]) -> list[Array]:
    """Return the outputs of a program as nodes, their values being known."""
    known = dict(zip(program.outputs, results, strict=True))
    held = [*inputs, *map(constant, program.constants)]
    for primitive, numbers in program.steps:
        operands = tuple([held[number] for number in numbers])
        if len(held) not in known:
            held.append(apply(primitive, *operands))
            continue
        value = known[len(held)]
        sources = next((x.sources for x in operands if x.sources), None)  # of one trace
        if sources is None or not primitive.differentiable:
            held.append(constant(value))
        else:
            held.append(make_node(value, primitive, operands, sources))
    return [held[number] for number in program.outputs]


def _seeds(outputs: Sequence[Array], bars: Sequence[Value]) -> dict[Array, Value]:
    """Return the cotangents of the outputs, where there are any."""
    seeds: dict[Array, Value] = {}
    for node, bar in zip(outputs, bars, strict=True):
        if bar is not None and node.sources:
            seeds[node] = seeds[node] + bar if node in seeds else bar
    return seeds


def _compact(value: Value) -> Value:
    """Return a copy of a view that would keep a larger array alive, and any other value."""
    whole = value.base if isinstance(value, np.ndarray) else None
    return value.copy() if isinstance(whole, np.ndarray) and whole.nbytes > value.nbytes else value
