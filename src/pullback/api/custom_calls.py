"""The call of a Python function with derivatives that its author gives.

A call takes the trees of arguments apart, runs the function on constants of the same values (or on
unknown ones, where values are not known), and records one node. The rules are called with trees
again, whenever that node is differentiated; the rule that is missing is the transpose of the other.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FunctionType, MethodType
from typing import TypeVar, final

from attrs import frozen

from pullback.api.functions import name_of, parameter_name
from pullback.api.inputs import is_inexact
from pullback.api.outputs import describe
from pullback.api.plain import arrays_in
from pullback.api.templates import Template, take_apart
from pullback.control.custom import Custom, Function, Parts, nonzero
from pullback.core import Array, Trace, apply, constant, lift, make_node, topological, unknown
from pullback.errors import DifferentiationError, DTypeError, StructureError
from pullback.primitives.bundle import Pack, Unpack
from pullback.transforms.programs import zero_at_zero
from pullback.transforms.sweep import carry_nodes
from pullback.transforms.vjp import as_node, seeds_of
from pullback.tree import flatten
from pullback.types import ArrayType, Bundle, bundle_type

T = TypeVar("T")


@final
@frozen
class Definition:
    """A function, and the rules that its author gives: at least one of the two derivatives."""

    #: The public function that made it, for errors.
    operation: str
    f: Callable[..., object]
    forward: Callable[..., object] | None = None
    backward: Callable[..., object] | None = None
    pushforward: Callable[..., object] | None = None

    @property
    def name(self) -> str:
        """What errors call the function."""
        return name_of(self.f)

    def run(self, args: Sequence[object], keywords: Mapping[str, object]) -> tuple[object, object]:
        """Return the result of a call and the residuals.

        Raises:
            StructureError: The forward function returned no pair.
        """
        if self.forward is None:
            return self.f(*args, **keywords), None
        result = self.forward(*args, **keywords)
        if not isinstance(result, tuple) or len(result) != 2:
            msg = (
                f"{self.operation}: {name_of(self.forward)} returned {describe(result)}; it must "
                f"return a pair: the value of {self.name}, and the residuals, a pytree of what "
                f"{name_of(self.backward or self.f)} needs (None, if nothing)"
            )
            raise StructureError(msg)
        return result


def check_closed(
    operation: str, name: str, results: Iterable[Array], given: Iterable[Array]
) -> None:
    """Raise if what a function returned depends on something that it was not given.

    Args:
        operation: The public function, for the error.
        name: The name of the function, for the error.
        results: The arrays that it returned.
        given: The arrays that it was given.

    Raises:
        DifferentiationError: Some result depends on something else.
    """
    allowed: frozenset[Trace] = frozenset().union(*(node.sources for node in given))
    if not all(result.sources <= allowed for result in results):
        msg = (
            f"{operation}: {name} depends on a value of an outer transform that is not among its "
            "arguments, so that its derivative with respect to it would be lost; pass it as an "
            "argument"
        )
        raise DifferentiationError(msg)


@final
@frozen(repr=False)
class CustomFunction(Function):
    """A call taken apart: the function of arrays that is in it, and its derivatives."""

    definition: Definition
    arguments: tuple[Template[object], ...]
    keywords: Template[dict[str, object]]
    result: Template[object]
    kept: Template[object]
    #: For each array that is kept its number, counted through arguments, results and residuals.
    links: tuple[int, ...]
    types: tuple[ArrayType, ...]

    def __repr__(self) -> str:
        return self.definition.name

    @property
    def results(self) -> int:
        """How many results it makes."""
        return len(self.result.numbers)

    def _trees(self, xs: Sequence[Array]) -> list[object]:
        """Return the arguments."""
        return [template.build(own) for template, own in self._by_argument(xs)]

    def _by_argument(self, xs: Sequence[T]) -> Iterator[tuple[Template[object], Sequence[T]]]:
        """Yield for each argument what is left of it, and its share of what there is."""
        start = 0
        for template in self.arguments:
            stop = start + len(template.numbers)
            yield template, xs[start:stop]
            start = stop

    def call(self, xs: Sequence[Array]) -> list[Array]:
        """Call the function once more.

        Raises:
            StructureError: It returns another structure than when it was recorded.
            DTypeError: It returns other types.
        """
        definition = self.definition
        y, kept = definition.run(self._trees(xs), self.keywords.build(()))
        result, outs = take_apart(y, integers=True)
        _, numbers = take_apart(kept)
        recorded = (self.result.structure, self.result.numbers)
        if recorded != (result.structure, result.numbers) or len(numbers) != len(self.links):
            msg = (
                f"{definition.operation}: {definition.name} returned {result.structure!r}, and "
                f"{self.result.structure!r} when it was traced; its structure cannot depend on "
                "values"
            )
            raise StructureError(msg)
        for leaf, link in zip(numbers, self.links, strict=True):
            if link == len(xs) + len(outs):
                outs.append(leaf)
        nodes = [lift(out) for out in outs]
        check_closed(definition.operation, definition.name, nodes, xs)
        for node, want in zip(nodes, self.types, strict=True):
            if node.shape != want.shape or node.dtype != want.dtype:
                msg = (
                    f"{definition.operation}: {definition.name} returned {node.type}, and {want} "
                    "when it was traced; its types cannot depend on values"
                )
                raise DTypeError(msg)
        return nodes

    def pushforward(
        self, xs: Sequence[Array], outs: Sequence[Array], dots: Sequence[Array | None]
    ) -> Parts:
        """Apply the pushforward rule, or the transpose of the pullback rule."""
        if self.definition.pushforward is not None:
            return self._push(xs, outs, dots)
        results = outs[: self.results]
        return self._transposed(
            lambda bars: self._pull(xs, outs, bars), results, dots, selected=False
        )

    def pullback(
        self,
        xs: Sequence[Array],
        outs: Sequence[Array],
        bars: Sequence[Array | None],
        *,
        selected: bool,
    ) -> Parts:
        """Apply the pullback rule, or the transpose of the pushforward rule."""
        if self.definition.backward is not None:
            return self._pull(xs, outs, bars)
        return self._transposed(
            lambda dots: self._push(xs, outs, dots), xs, bars, selected=selected
        )

    def _push(
        self, xs: Sequence[Array], outs: Sequence[Array], dots: Sequence[Array | None]
    ) -> Parts:
        """Apply the pushforward rule."""
        definition, rule = self.definition, self.definition.pushforward
        assert rule is not None, "there is one"
        shares = zip(self._by_argument(xs), self._by_argument(dots), strict=True)
        tangents = tuple([template.change(own, some) for (template, own), (_, some) in shares])
        results = outs[: self.results]
        y_dot = rule(
            tuple(self._trees(xs)), tangents, self.result.build(results), **self.keywords.build(())
        )
        what = f"{definition.operation}: the tangent that {name_of(rule)} returned"
        found = self.result.read(what, f"the value of {definition.name}", results, y_dot)
        given = [*xs, *results, *nonzero(dots)]
        check_closed(definition.operation, name_of(rule), nonzero(found), given)
        return found

    def _pull(
        self, xs: Sequence[Array], outs: Sequence[Array], bars: Sequence[Array | None]
    ) -> Parts:
        """Apply the pullback rule."""
        definition, rule = self.definition, self.definition.backward
        assert rule is not None, "there is one"
        results = outs[: self.results]
        every = [*xs, *outs]
        residuals = self.kept.build([every[link] for link in self.links])
        y_bar = self.result.change(results, bars)
        found = rule(residuals, y_bar, **self.keywords.build(()))
        names = [parameter_name(definition.f, i) for i in range(len(self.arguments))]
        if not isinstance(found, (tuple, list)) or len(found) != len(names):
            msg = (
                f"{definition.operation}: {name_of(rule)} returned {describe(found)}; it must "
                f"return a tuple of {len(names)}, a cotangent for each argument of "
                f"{definition.name} ({', '.join(names)}), or None where it is zero"
            )
            raise StructureError(msg)
        cotangents: Parts = []
        shares = zip(self._by_argument(xs), names, found, strict=True)
        for (template, own), name, bar in shares:
            what = f"{definition.operation}: the cotangent that {name_of(rule)} returned for {name}"
            zero: Parts = [None] * len(own)
            cotangents += zero if bar is None else template.read(what, name, own, bar)
        check_closed(
            definition.operation, name_of(rule), nonzero(cotangents), [*every, *nonzero(bars)]
        )
        return cotangents

    def _transposed(
        self,
        linear: Callable[[Parts], Parts],
        domain: Sequence[Array],
        cotangents: Sequence[Array | None],
        *,
        selected: bool,
    ) -> Parts:
        """Return the transpose of a rule, applied to cotangents of what it gives.

        Args:
            linear: The rule, a linear function.
            domain: Arrays of the types of what it takes.
            cotangents: The cotangent of each part of what it gives.
            selected: Whether zeros among them are absences.

        Raises:
            DifferentiationError: The rule is not linear.
        """
        trace = Trace()
        own = frozenset((trace,))
        given = [unknown(x.type, own) if is_inexact(x) else None for x in domain]
        outs = linear(given)
        reached = seeds_of(trace, outs, cotangents)
        views = {node: node for node in topological(reached, trace)}
        bars = carry_nodes(trace, reached, views, selected=selected)
        found = [as_node(bars[x]) if x is not None and x in bars else None for x in given]
        curved = any(trace in bar.sources for bar in nonzero(found))
        if curved or not zero_at_zero(trace, nonzero(given), nonzero(outs)):
            definition = self.definition
            rule = definition.backward or definition.pushforward
            change = "cotangent" if definition.backward else "tangents"
            msg = (
                f"{definition.operation}: {name_of(rule or definition.f)} is not linear in the "
                f"{change}, so the other rule of {definition.name} cannot be derived from it"
            )
            raise DifferentiationError(msg)
        return found


def call_custom(
    definition: Definition,
    signature: inspect.Signature | None,
    args: tuple[object, ...],
    keywords: Mapping[str, object],
) -> object:
    """Call a function with rules of its own.

    Where nothing among its arguments is traced, that is a call of the function. Else one node is
    recorded.

    Args:
        definition: The function and its rules.
        signature: How keyword arguments become positional ones, if that is known.
        args: The arguments.
        keywords: The keyword arguments.

    Raises:
        DifferentiationError: The function depends on what it was not given, or a keyword argument
            that cannot be passed by position is traced.
    """
    if not any(map(_traced, flatten((args, dict(keywords)))[0])):
        result = definition.f(*args, **keywords)
        check_closed(definition.operation, definition.name, arrays_in(result), ())
        return result
    if signature is not None:
        args, keywords = _positional(signature, args, keywords)
    _check_keywords(definition, keywords)
    return _record(definition, args, keywords)


def _record(
    definition: Definition, args: Sequence[object], keywords: Mapping[str, object]
) -> object:
    """Run the function on arrays that nobody differentiates, and return a node of its results."""
    taken = [take_apart(argument) for argument in args]
    xs = [lift(leaf) for _, leaves in taken for leaf in leaves]
    known = all(x.known for x in xs)
    own = frozenset((Trace(),))
    given = [constant(x._value) if known else unknown(x.type, own) for x in xs]
    rest = iter(given)
    arguments = tuple([template for template, _ in taken])
    trees = [template.build([next(rest) for _ in template.numbers]) for template in arguments]
    y, kept = definition.run(trees, keywords)
    result, outs = take_apart(y, integers=True)
    residuals, leaves = take_apart(kept)
    # What is kept may be an argument or a result: then it has the derivatives of that.
    numbers: dict[int, int] = {}
    for number, leaf in enumerate((*given, *outs)):
        numbers.setdefault(id(leaf), number)
    links = []
    for leaf in leaves:
        links.append(numbers.setdefault(id(leaf), len(given) + len(outs)))
        if links[-1] == len(given) + len(outs):
            outs.append(leaf)
    nodes = [lift(out) for out in outs]
    check_closed(definition.operation, definition.name, nodes, given)
    types = tuple([node.type for node in nodes])
    options = Template.static(dict(keywords))
    call = CustomFunction(definition, arguments, options, result, residuals, tuple(links), types)
    packed = apply(Pack(), *xs)
    value = Bundle(tuple([node._value for node in nodes])) if known else bundle_type(types)
    made = make_node(value, Custom(call), (packed,), packed.sources)
    return result.build([apply(Unpack(number), made) for number in range(call.results)])


def _traced(leaf: object) -> bool:
    """Return whether a leaf depends on the input of a transform."""
    return isinstance(leaf, Array) and bool(leaf.sources)


def _check_keywords(definition: Definition, keywords: Mapping[str, object]) -> None:
    """Raise if a keyword argument, for which rules have no place, is traced."""
    for name, value in keywords.items():
        if any(map(_traced, flatten(value)[0])):
            msg = (
                f"{definition.operation}: the keyword argument {name} of {definition.name} is "
                "being differentiated or mapped, and the rules know positional arguments alone; "
                "make it one"
            )
            raise DifferentiationError(msg)


def signature_of(f: Callable[..., object]) -> inspect.Signature | None:
    """Return the signature of a Python function; None for any other."""
    own = inspect.unwrap(f)
    return inspect.signature(own) if isinstance(own, (FunctionType, MethodType)) else None


def _positional(
    signature: inspect.Signature, args: tuple[object, ...], keywords: Mapping[str, object]
) -> tuple[tuple[object, ...], Mapping[str, object]]:
    """Return arguments by position where there is one, also those that are left to defaults."""
    bound = signature.bind(*args, **keywords)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            bound.arguments.setdefault(name, parameter.default)
    return bound.args, bound.kwargs
