"""The call of a function that has derivatives of its own.

Custom:     a bundle of arrays  ->  a bundle of results, then of residuals
Residuals:  the residuals of a call, where they are differentiated themselves

What the function is, and where its derivatives come from, a `Function` says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import final

from attrs import frozen

from pullback.control.parts import Flags, opened, pick, place, present, split
from pullback.core import Array, Trace, constant, unknown
from pullback.primitives.bundle import Unpack, unpack
from pullback.primitives.cast import conform
from pullback.primitives.primitive import PLAIN_PRODUCT, Primitive, Product
from pullback.primitives.quantity import Node, Quantity, Value
from pullback.transforms.batching import Batched, batch, with_batch_axis
from pullback.transforms.programs import bare, pull_through, push_through
from pullback.transforms.vjp import as_node, exactly
from pullback.types import ArrayType, Bundle, bundle_type

Parts = list[Array | None]


class Function(ABC):
    """A function of arrays, with its derivatives.

    It makes results and residuals: what its pullback needs to know beside what it was given.
    """

    @property
    @abstractmethod
    def results(self) -> int:
        """How many results it makes."""

    @property
    @abstractmethod
    def types(self) -> tuple[ArrayType, ...]:
        """The types of the results, and then of the residuals."""

    @abstractmethod
    def call(self, xs: Sequence[Array]) -> list[Array]:
        """Return the results, and then the residuals."""

    @abstractmethod
    def pushforward(
        self, xs: Sequence[Array], outs: Sequence[Array], dots: Sequence[Array | None]
    ) -> Parts:
        """Return the tangent of each result from those of what it was given; None is zero."""

    @abstractmethod
    def pullback(
        self,
        xs: Sequence[Array],
        outs: Sequence[Array],
        bars: Sequence[Array | None],
        *,
        selected: bool,
    ) -> Parts:
        """Return the cotangent of each array from those of the results; None is zero.

        Args:
            xs: What it was given.
            outs: The results, and the residuals.
            bars: The cotangents of the results.
            selected: Whether zeros among them are absences, as below a selection.
        """


@final
@frozen(eq=False, repr=False)
class Custom(Primitive):
    """What a function makes of the operands.

    Operand: a bundle of what it is given. Result: a bundle of its results, then its residuals,
    for which `Residuals` alone asks.
    """

    function: Function

    def evaluate(self, *values: Value) -> Value:
        found = self.function.call([constant(part) for part in values[0].parts])
        return Bundle(tuple([bare(out) for out in found]))

    def infer(self, *types: ArrayType) -> ArrayType:
        return bundle_type(self.function.types)

    def _outs(self, out: Quantity, given: Quantity) -> list[Array]:
        """Return the results and the residuals of a call."""
        if not isinstance(out, Node):
            return _nodes(out)
        number = self.function.results
        found: list[Quantity] = [Unpack(index)(out) for index in range(number)]
        if number < len(self.function.types):
            found += unpack(Residuals(self.function)(out, given))
        return [as_node(quantity) for quantity in found]

    def pushforward(
        self, index: int, tangent: Value, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Value:
        xs = _nodes(operands[0])
        given = _changes(tangent, xs)
        if not any(present(given)):
            return None
        dots = self.function.pushforward(xs, self._outs(out, operands[0]), given)
        return _bundle(dots, len(self.function.types))

    def pullback(
        self,
        index: int,
        cotangent: Value,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Value:
        xs, outs = _nodes(operands[0]), self._outs(out, operands[0])
        bars = _changes(cotangent, outs)[: self.function.results]
        if not any(present(bars)) or not any(x.type.inexact for x in xs):
            return None
        selected = product is not PLAIN_PRODUCT
        return _bundle(self.function.pullback(xs, outs, bars, selected=selected), len(xs))

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[Batched, ...], size: int
    ) -> Quantity:
        (flags,) = batched
        assert isinstance(flags, tuple), "a bundle knows which of its parts are batched"
        return Custom(BatchedFunction(self.function, flags, size))(operands[0])


@final
@frozen(eq=False, repr=False)
class Residuals(Primitive):
    """The residuals of a call, as a function of what it was given.

    Operands: the result of `Custom`, and its operand. The derivative is that of the function
    itself; its rules say nothing about residuals. So it is not asked for unless the derivative of
    a pullback is: a first derivative may have residuals from where no derivatives come.
    """

    function: Function

    def evaluate(self, *values: Value) -> Value:
        return Bundle(values[0].parts[self.function.results :])

    def infer(self, *types: ArrayType) -> ArrayType:
        return bundle_type(self.function.types[self.function.results :])

    def apply(self, nodes: Sequence[Array]) -> list[Array]:
        """Compute the residuals once more, by operations that are recorded."""
        return self.function.call(nodes)[self.function.results :]

    def pushforward(
        self, index: int, tangent: Value, out: Quantity, operands: tuple[Quantity, ...]
    ) -> Value:
        if index == 0:
            return None
        xs = _nodes(operands[1])
        _, dots = push_through(self, xs, _changes(tangent, xs))
        return _bundle(dots, len(dots))

    def pullback(
        self,
        index: int,
        cotangent: Value,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> Value:
        if index == 0:
            return None
        xs = _nodes(operands[1])
        bars = _changes(cotangent, _nodes(out))
        wanted = [x.type.inexact for x in xs]
        selected = product is not PLAIN_PRODUCT
        return _bundle(pull_through(self, xs, bars, wanted, selected=selected), len(xs))

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[Batched, ...], size: int
    ) -> Quantity:
        _, flags = batched
        assert isinstance(flags, tuple), "a bundle knows which of its parts are batched"
        return Residuals(BatchedFunction(self.function, flags, size))(*operands)


@final
@frozen(repr=False)
class BatchedFunction(Function):
    """A function, and its derivatives, applied to each element of a batch at once.

    All results and residuals are batched. The cotangent of an array that all elements share is the
    sum of what they send it.
    """

    function: Function
    #: Which arrays it is given have a batch axis in front.
    flags: Flags
    size: int

    @property
    def results(self) -> int:
        """How many results it makes."""
        return self.function.results

    @property
    def types(self) -> tuple[ArrayType, ...]:
        """The types of the results and the residuals."""
        return tuple([ArrayType((self.size, *t.shape), t.dtype) for t in self.function.types])

    def __repr__(self) -> str:
        return f"vmap({self.function!r})"

    def call(self, xs: Sequence[Array]) -> list[Array]:
        """Call it for the batch."""
        return nonzero(self._map(self.function.call, xs, self.flags))

    def pushforward(
        self, xs: Sequence[Array], outs: Sequence[Array], dots: Sequence[Array | None]
    ) -> Parts:
        """Push tangents forward; that of what is shared is shared."""
        moving = present(dots)

        def push(nodes: list[Array]) -> Parts:
            own, made, rest = split(nodes, len(xs), len(outs))
            return self.function.pushforward(own, made, place(rest, moving))

        flags = (*self.flags, *(True,) * len(outs), *pick(self.flags, moving))
        return self._map(push, [*xs, *outs, *nonzero(dots)], flags)

    def pullback(
        self,
        xs: Sequence[Array],
        outs: Sequence[Array],
        bars: Sequence[Array | None],
        *,
        selected: bool,
    ) -> Parts:
        """Pull cotangents back."""
        given = present(bars)

        def pull(nodes: list[Array]) -> Parts:
            own, made, rest = split(nodes, len(xs), len(outs))
            return self.function.pullback(own, made, place(rest, given), selected=selected)

        operands = [*xs, *outs, *nonzero(bars)]
        flags = (*self.flags, *(True,) * (len(operands) - len(xs)))
        found: list[Value] = list(self._map(pull, operands, flags))
        for number, (x, flag) in enumerate(zip(xs, self.flags, strict=True)):
            if found[number] is not None and not flag:
                own: Value = x
                found[number] = as_node(conform(found[number], own))
        return found

    def _map(
        self,
        f: Callable[[list[Array]], Sequence[Array | None]],
        operands: Sequence[Array],
        flags: Flags,
    ) -> Parts:
        """Return what a function of one element makes of all; its parts are batched or absent."""
        trace = Trace()
        own = frozenset((trace,))
        types = [operand.type for operand in operands]
        elements = [
            unknown(ArrayType(t.shape[1:], t.dtype) if flag else t, own)
            for t, flag in zip(types, flags, strict=True)
        ]
        given = zip(map(bare, operands), flags, strict=True)
        parts = f(elements)
        inputs: dict[Array, tuple[Quantity, Batched]]
        inputs = dict(zip(elements, given, strict=True))
        found = [
            as_node(whole if batched else with_batch_axis(whole, self.size))
            for whole, batched in batch(trace, inputs, nonzero(parts), self.size)
        ]
        return place(found, present(parts))


def _nodes(bundle: Quantity) -> list[Array]:
    """Return the parts of a bundle as nodes."""
    return [as_node(part) for part in opened(bundle)]


def nonzero(parts: Iterable[Array | None]) -> list[Array]:
    """Return the tangents or cotangents that are there: an absent one is zero."""
    return [part for part in parts if part is not None]


def _changes(change: Value, nodes: Iterable[Array]) -> Parts:
    """Return the parts of a tangent or cotangent of nodes, in their own types.

    Integers have none, even where a rule sends them something.
    """
    return [
        None if part is None or not node.type.inexact else as_node(exactly(part, node))
        for part, node in zip(change.parts, nodes, strict=True)
    ]


def _bundle(parts: Sequence[Array | None], number: int) -> Bundle:
    """Return a bundle of tangents or cotangents, with zeros up to the number of its parts."""
    found = [None if part is None else bare(part) for part in parts]
    return Bundle((*found, *(None,) * (number - len(found))))
