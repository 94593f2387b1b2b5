"""A trace of a jitted function: a program, what the function took from outside, and its result."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from sys import getrefcount
from typing import TYPE_CHECKING, Final, Generic, TypeVar, final

import numpy as np
from attrs import field, frozen

from pullback.api.captures import Captures, capture
from pullback.api.closures import active
from pullback.api.jit_arguments import Arguments
from pullback.api.jit_results import check_leaves
from pullback.api.plain import plain
from pullback.compiler.call import Compiled
from pullback.control.parts import Flags, call_bundled
from pullback.core import Array, Program, Trace, build_program, constant, unknown
from pullback.core.collector import paused
from pullback.primitives.quantity import Value
from pullback.transforms.programs import dependence, moved
from pullback.tree import Structure, flatten, unflatten
from pullback.tree.building import builder

if TYPE_CHECKING:
    from pullback.compiler.executable import Executable

R_co = TypeVar("R_co", covariant=True)

_CHANGING: Final = (np.ndarray, set, bytearray)


@final
@frozen(eq=False, repr=False)
class Result(Generic[R_co]):
    """The result of a function as a tree with places for the outputs of its program."""

    structure: Structure[R_co]
    #: The leaves that are no arrays of ours, which are handed back as they are.
    leaves: Sequence[object]
    #: The places of those that are, and of what can change, which is handed back as a copy.
    numbers: Sequence[int]
    copied: Sequence[int]

    def builder(self) -> Callable[[list[Value]], Value]:
        """Return the function that makes the tree of a list of outputs, which becomes its own."""
        if len(self.numbers) == len(self.leaves):
            return builder(self.structure)
        leaves, numbers, copied = self.leaves, self.numbers, self.copied
        build = builder(self.structure)

        def fill(outputs: Sequence[Value]) -> Value:
            row = list(leaves)
            for number, output in zip(numbers, outputs, strict=True):
                row[number] = output
            for number in copied:
                row[number] = copy(row[number])
            return build(row)

        return fill


@final
@frozen(eq=False, repr=False)
class Traced(Generic[R_co]):
    """What one trace gave. It stays right as long as nothing that it captured has changed."""

    #: Its inputs are the nodes from outside, and then the numbers and arrays of the arguments.
    program: Program
    outer: Sequence[Array]
    result: Result[R_co]
    captures: Captures
    #: Which of the numbers and arrays belong to arguments that callers give up.
    donated: tuple[int, ...]
    #: How long the trace took.
    seconds: float
    #: The call as a node, by which of its operands may have a derivative, and which outputs then.
    _calls: dict[Flags, tuple[Compiled, list[bool]]] = field(factory=dict, init=False)
    _native: Compiled = field(init=False)
    _build: Callable[[list[Value]], Value] = field(init=False)

    @_native.default
    def _make_native(self) -> Compiled:
        return Compiled(self.program, (False,) * len(self.program.inputs))

    @_build.default
    def _make_build(self) -> Callable[[list[Value]], Value]:
        return self.result.builder()

    def executable(self) -> Executable:
        """Return the native code."""
        return self._native.executable()

    def run(self, values: Sequence[Value], *, arrays: bool) -> R_co:
        """Compute the result from values.

        Args:
            values: The numbers and arrays of the arguments.
            arrays: Whether arrays in the result are ours.
        """
        donated = unshared(values, self.donated, arrays=arrays) if self.donated else ()
        outputs = self.executable().run(values, donated)
        result: R_co = self._build([*map(constant, outputs)] if arrays else outputs)
        return result

    def apply(self, nodes: Sequence[Array], *, arrays: bool) -> R_co:
        """Compute the result from nodes, or record it."""
        operands = [*self.outer, *nodes]
        flags = active(operands)
        found = self._calls.get(flags)
        if found is None:
            call = Compiled(self.program, flags)
            call._held.extend(self._native._held)
            found = self._calls.setdefault(flags, (call, moved(dependence(self.program), flags)))
        call, moving = found
        outputs = [
            out if flag or not out.known else constant(out._value)
            for out, flag in zip(call_bundled(call, operands), moving, strict=True)
        ]
        result: R_co = self._build(outputs if arrays else [*map(plain, outputs)])
        return result


@paused()
def trace_call(
    f: Callable[..., R_co],
    given: Arguments,
    labels: Sequence[str],
    names: Sequence[str],
    donated: tuple[int, ...],
) -> Traced[R_co]:
    """Call a function with arrays of unknown values, and return what it does.

    Meanwhile Python does not look for garbage: it would take as long as the rest.

    Args:
        f: The function.
        given: Its arguments.
        labels: What a user calls each leaf of those that are not static.
        names: What he calls those that are.
        donated: Which numbers and arrays belong to arguments that callers give up.

    Raises:
        ProgramError: What it returns cannot be handed back by later calls.
    """
    others = [i for i, type_ in enumerate(given.key.types) if type_ is None]
    captures = capture(
        f,
        *given.statics.values(),
        *[given.leaves[i] for i in others],
        names=[*names, *[labels[i] for i in others]],
    )
    start = time.perf_counter()
    trace = Trace()
    own = frozenset((trace,))
    leaves: list[Value] = list(given.leaves)
    inputs: list[Array] = []
    for number in given.numbers:
        type_ = given.key.types[number]
        assert type_ is not None, "a number or an array has a type"
        leaves[number] = unknown(type_, own, labels[number])
        inputs.append(leaves[number])
    dynamic: Value = unflatten(given.key.structure, leaves)
    positional, named = dynamic
    args, keywords = with_statics(positional, named, given.statics)
    found, structure = flatten(f(*args, **keywords))
    captures.settle()
    outputs = {i: leaf for i, leaf in enumerate(found) if isinstance(leaf, Array)}
    program, outer = build_program(trace, inputs, [*outputs.values()])
    for number in outputs:
        found[number] = None  # it would hold the graph
    check_leaves(f, found, trace)
    copied = [i for i, leaf in enumerate(found) if isinstance(leaf, _CHANGING)]
    for number in copied:
        found[number] = copy(found[number])
    result = Result(structure, tuple(found), tuple(outputs), tuple(copied))
    seconds = time.perf_counter() - start
    return Traced(program, tuple(outer), result, captures, donated, seconds)


def _references() -> int:
    """Return how many references there are to what is in a list and an array of ours alone."""
    node = constant(np.empty(1))
    values = [node._value]
    return getrefcount(values[0])


#: It differs between versions of Python.
_ALONE: Final = _references()


def unshared(values: Sequence[Value], donated: Iterable[int], *, arrays: bool) -> tuple[int, ...]:
    """Return which of the arrays that a caller gives up nobody else holds.

    An ndarray may be passed twice, or with a view of it. An array of ours may share its memory with
    others, which must not change: then there are more references to it than there need be.
    """
    times = Counter(map(id, values))
    times.update([id(value.base) for value in values if value.__class__ is np.ndarray])
    return tuple([
        number
        for number in donated
        if times[id(values[number])] == 1 and (not arrays or getrefcount(values[number]) <= _ALONE)
    ])  # fmt: skip


def with_statics(
    dynamic: tuple[object, ...], named: dict[str, object], statics: Mapping[int | str, object]
) -> tuple[list[object], dict[str, object]]:
    """Return arguments with the static ones in their places."""
    args, keywords = list(dynamic), dict(named)
    for place, value in statics.items():  # positions in ascending order
        if isinstance(place, int):
            args.insert(place, value)
        else:
            keywords[place] = value
    return args, keywords
