"""What the rules of control flow share: the parts of a bundle in groups, those that move, rows."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from itertools import accumulate
from typing import TypeAlias, TypeVar

from pullback.core import Array, Program, Trace, apply, build_program, topological, unknown
from pullback.primitives.bundle import Pack, Unpack, unpack
from pullback.primitives.joining import concat_along
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.selection import Where
from pullback.primitives.shape import Reshape, Transpose
from pullback.transforms.programs import bare, dependence, reached, zeros
from pullback.transforms.vjp import as_node
from pullback.types import ArrayType

T = TypeVar("T")
Flags: TypeAlias = tuple[bool, ...]


def split(parts: Sequence[T], *sizes: int) -> list[list[T]]:
    """Return groups of parts of the given sizes, and the rest."""
    groups: list[list[T]] = []
    start = 0
    for size in sizes:
        groups.append(list(parts[start : start + size]))
        start += size
    return [*groups, list(parts[start:])]


def pick(parts: Iterable[T], flags: Iterable[bool]) -> list[T]:
    """Return the parts whose flag is set."""
    return [part for part, flag in zip(parts, flags, strict=True) if flag]


def place(found: Iterable[T], flags: Iterable[bool]) -> list[T | None]:
    """Return the found parts where a flag is set, in their order, and None elsewhere."""
    rest = iter(found)
    return [next(rest) if flag else None for flag in flags]


def present(parts: Iterable[object]) -> list[bool]:
    """Return which parts are there: tangents or cotangents that are not zero everywhere."""
    return [part is not None for part in parts]


def both(flags: Iterable[bool], others: Iterable[bool]) -> list[bool]:
    """Return where two flags are set."""
    return [flag and other for flag, other in zip(flags, others, strict=True)]


def either(flags: Iterable[bool], others: Iterable[bool]) -> list[bool]:
    """Return where one of two flags is set."""
    return [flag or other for flag, other in zip(flags, others, strict=True)]


def filled(
    parts: Iterable[Value], types: Iterable[ArrayType], flags: Iterable[bool]
) -> list[Value]:
    """Return the flagged tangents or cotangents, zeros where they are absent."""
    return [
        zeros(type_) if part is None else part
        for part, type_, flag in zip(parts, types, flags, strict=True)
        if flag
    ]


def opened(bundle: Value) -> list[Quantity]:
    """Return the parts of a bundle as they were before they became one: constants are values."""
    if isinstance(bundle, Array) and isinstance(bundle.primitive, Pack):
        return [bare(part) for part in bundle.operands]
    return unpack(bundle)


def call_bundled(primitive: Primitive, operands: Sequence[Array]) -> list[Array]:
    """Apply a primitive of one bundle, and return the parts of the result."""
    result = apply(primitive, apply(Pack(), *operands))
    parts = result.type.parts
    assert parts is not None, "the primitive gives a bundle"
    return [apply(Unpack(number), result) for number in range(len(parts))]


def active(parts: Iterable[Value]) -> Flags:
    """Return which parts may have a derivative that someone asks for."""
    return tuple([isinstance(part, Array) and bool(part.sources) for part in parts])


def trace_used(
    f: Callable[[list[Array]], Sequence[Value]],
    types: Sequence[ArrayType],
    kept: Container[int],
) -> tuple[Program, list[bool]]:
    """Return what a function does as a program of those inputs alone that it uses.

    Args:
        f: A function of a list of arrays.
        types: Their types.
        kept: Which of them are inputs in any case.

    Returns:
        The program, and for each array whether it is an input.
    """
    trace = Trace()
    own = frozenset((trace,))
    inputs = [unknown(type_, own) for type_ in types]
    outputs = [as_node(out) for out in f(inputs)]
    used = set(topological(outputs, trace))
    flags = [number in kept or node in used for number, node in enumerate(inputs)]
    return build_program(trace, pick(inputs, flags), outputs)[0], flags


def trace_change(
    change: Callable[[list[Array]], Sequence[Array | None]], types: Sequence[ArrayType]
) -> tuple[Program, list[bool], list[bool]]:
    """Return what a derivative does to arrays of given types, as a program of those that it uses.

    Args:
        change: The derivative: a function of a list of arrays; None stands for zero.
        types: Their types.

    Returns:
        The program, for each array whether it is an input, and for each result whether it is there.
    """
    given: list[bool] = []

    def traced(nodes: list[Array]) -> list[Value]:
        found = change(nodes)
        given.extend(present(found))
        return [x for x in found if x is not None]

    program, used = trace_used(traced, types, ())
    return program, used, given


def reads(program: Program) -> list[bool]:
    """Return which inputs of a program something in it uses."""
    used = set(program.outputs).union(*[numbers for _, numbers in program.steps])
    return [number in used for number in range(len(program.inputs))]


def keep_inputs(program: Program, flags: Sequence[bool]) -> Program:
    """Return a program without those of its inputs that it does not use and that have no flag."""
    row = [*flags, *[True] * (len(program.constants) + len(program.steps))]
    place_of = list(accumulate(row, initial=0))
    return Program(
        tuple(pick(program.inputs, flags)),
        program.constants,
        tuple([(step, tuple([place_of[i] for i in numbers])) for step, numbers in program.steps]),
        program.types,
        tuple([place_of[i] for i in program.outputs]),
    )


def behind(body: Program, constants: int, carries: int, wanted: Sequence[bool]) -> list[bool]:
    """Return which inputs of a loop's step the wanted ones are made of, in any number of steps.

    Args:
        body: The step; its first results are the next carry.
        constants: How many of its inputs are constants.
        carries: How many are carried.
        wanted: For each input whether it is wanted.
    """
    made_of = dependence(body, smooth=False)[:carries]
    flags = list(wanted)
    while True:
        _, carry, _ = split(flags, constants, carries)
        after = either(flags, reached(made_of, carry, len(flags)))
        if after == flags:
            return flags
        flags = after


def swap_leading(quantity: Quantity) -> Quantity:
    """Return a quantity with its first two axes exchanged."""
    return Transpose((1, 0, *range(2, len(shape_of(quantity)))))(quantity)


def select_rows(flags: Value, x: Value, y: Value) -> Quantity:
    """Return ``x`` in the rows where a flag is set, else ``y``."""
    rows = Reshape((*shape_of(flags), *(1,) * (len(shape_of(x)) - 1)))(flags)
    return Where()(rows, x, y)


def stacked(slices: Sequence[Quantity]) -> Quantity:
    """Return quantities of one shape, one or more, along a new axis in front."""
    shape = (1, *shape_of(slices[0]))
    return concat_along(0, [shape] * len(slices))(*[Reshape(shape)(x) for x in slices])
