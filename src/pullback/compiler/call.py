"""The call of a compiled program: what a jitted function is in a graph.

Values go through native code. So do derivatives and batches: they are such calls themselves, of
programs that are made when they are first asked for and kept with the call.
"""

# ruff: noqa: D102 - `Primitive` documents the rules

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, final

import numpy as np
from attrs import field, frozen

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
from pullback.core import Array, Program
from pullback.lazy import lazy
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
from pullback.transforms.vjp import as_node
from pullback.types import ArrayType, Bundle, bundle_type

if TYPE_CHECKING:
    from pullback.compiler import cache
    from pullback.compiler.executable import Executable
else:
    cache = lazy("pullback.compiler.cache")

#: A call, which of the parts at hand it takes, and which of the parts wanted it gives.
Derived: TypeAlias = tuple["Compiled", list[bool], list[bool]]
#: What a derivative makes of parts of known types; None stands for zero.
Change: TypeAlias = Callable[[list[Array]], Sequence[Array | None]]

_KEPT: Final = 64  # derived calls of one call


@final
@frozen(eq=False, repr=False)
class Compiled(Composite):
    """What a program makes of its inputs, by native code.

    Operand: a bundle of the program's inputs. Result: a bundle of its outputs.

    A derivative computes again what it needs of the values inside, natively too; in an outer
    compiled program the call is written out, and nothing is computed twice.
    """

    program: Program
    #: Which operands may have a derivative that someone asks for.
    active: Flags
    #: The native code, once there is any. What is kept here follows from the other fields.
    _held: list[Executable] = field(factory=list, init=False)
    _derived: dict[tuple[object, ...], Derived] = field(factory=dict, init=False)

    @property
    def selects(self) -> bool:  # type: ignore[override]  # here it depends on the program
        """Whether something in the program selects."""
        return has_selection(self.program)

    def executable(self) -> Executable:
        """Return the native code, made when it is first needed."""
        if not self._held:
            self._held.append(cache.compiled(self.program))
        return self._held[0]

    def evaluate(self, *values: Value) -> Value:
        return Bundle(tuple(self.executable().run(values[0].parts)))

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

        return self._changed(push, ("push", *flags), [*given, *pick(tangent.parts, flags)])

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

        return self._changed(
            pull, ("pull", masked, *flags), [*given, *pick(cotangent.parts, flags)]
        )

    def _changed(self, change: Change, key: tuple[object, ...], parts: Sequence[Quantity]) -> Value:
        """Return what a derivative makes of parts: by a call again, of values or of nodes."""
        nodes = active(parts)
        types = tuple([quantity_type(part) for part in parts])
        key = (*key, nodes, types)  # a cotangent may be weak or not
        found = self._derived.get(key)
        if found is None:
            found = self._keep(key, _derive(change, types, nodes))
        call, used, given = found
        needed = map(as_node, pick(parts, used))
        if any(nodes):
            return Bundle(tuple(place(call_bundled(call, list(needed)), given)))
        results = call.executable().run(list(map(bare, needed)))
        return Bundle(tuple(place(results, given)))

    def _keep(self, key: tuple[object, ...], found: Derived) -> Derived:
        while len(self._derived) >= _KEPT:
            self._derived.pop(next(iter(self._derived)), None)
        return self._derived.setdefault(key, found)

    @np.errstate(all="ignore")  # rows that are not selected may divide by zero
    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[Batched, ...], size: int
    ) -> Quantity:
        (flags,) = batched
        assert isinstance(flags, tuple), "a bundle knows which of its parts are batched"
        key = ("batch", size, *flags)
        found = self._derived.get(key)
        if found is None:
            needed = [True] * len(self.program.outputs)
            program, _ = batch_program(self.program, flags, size, needed)
            found = self._keep(key, (Compiled(program, self.active), needed, needed))
        return found[0](operands[0])

    def expand(self, parts: Sequence[Quantity]) -> list[Quantity]:
        return compute(self.program, parts)

    def rewritten(self, moving: Sequence[bool], change: Rewriting) -> Compiled:
        key = ("rewritten", change, *moving)
        found = self._derived.get(key)
        if found is None:
            everything = [True] * len(moving), [True] * len(self.program.outputs)
            call = Compiled(change(self.program, moving), self.active)
            found = self._keep(key, (call, *everything))
        return found[0]

    def __reduce__(self) -> tuple[object, ...]:
        return Compiled, (self.program, self.active)


def _derive(change: Change, types: Sequence[ArrayType], nodes: Flags) -> Derived:
    """Return the call that does what a derivative does to parts of some types."""
    program, used, given = trace_change(change, types)
    return Compiled(program, tuple(pick(nodes, used))), used, given
