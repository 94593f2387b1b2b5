"""Random programs of which pieces are put into control flow and calls that change no value.

A dressing takes a piece of a program, a function from the values that it reads to those that it
makes, and returns the same results from a loop, a branch, a batch or a call around the piece.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias, final

import numpy as np
from attrs import field, frozen

import pullback as pb
from pullback import Array
from pullback.errors import DifferentiationError
from pullback.primitives.quantity import Value
from tests.fuzz.programs import Program

#: From the values that a piece reads to those that it makes.
Piece: TypeAlias = Callable[..., tuple[Value, ...]]
#: Of random decisions, the piece, what it reads, and NumPy's values of what it makes.
Dressing: TypeAlias = Callable[
    [random.Random, Piece, tuple[Value, ...], Sequence[Value]], Sequence[Value]
]


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - no secrets


def is_inexact(value: Value) -> bool:
    return pb.asarray(value).dtype.kind in "fc"


def varied(value: Value, step: int) -> Array:
    """Return another value of the same type, itself at step 0."""
    array = pb.asarray(value)
    return array * (1 - 0.13 * step) if step and is_inexact(value) else array


def alike(made: Sequence[Value], results: Sequence[Value]) -> list[Array]:
    """Return results as arrays of the types that NumPy gives them."""
    pairs = zip(made, results, strict=True)
    return [pb.astype(pb.asarray(y), np.asarray(like).dtype) for like, y in pairs]


def zeros(made: Sequence[Value]) -> list[Array]:
    return [pb.zeros(np.shape(y), dtype=np.asarray(y).dtype) for y in made]


def filled(args: Sequence[Value], flags: Sequence[bool], some: Sequence[Value]) -> list[Value]:
    """Return the arguments with other values at the flagged places."""
    rest = iter(some)
    return [next(rest) if flag else arg for arg, flag in zip(args, flags, strict=True)]


def chosen(args: Sequence[Value], flags: Sequence[bool]) -> tuple[Value, ...]:
    return tuple(arg for arg, flag in zip(args, flags, strict=True) if flag)


def draw(r: random.Random, args: Sequence[Value]) -> list[bool]:
    return [r.random() < 0.5 for _ in args]


def checkpointed(
    r: random.Random, piece: Piece, args: tuple[Value, ...], _: Sequence[Value]
) -> Sequence[Value]:
    if r.random() < 0.5:
        return pb.checkpoint(piece)(*args)
    budget = r.choice([200, 1000, 5000, 50000])
    try:
        return pb.checkpoint(piece, budget=budget)(*args)
    except DifferentiationError as error:
        if "budget" not in str(error):
            raise
        return piece(*args)  # what it needs is not known before


def named(
    r: random.Random, piece: Piece, args: tuple[Value, ...], _: Sequence[Value]
) -> Sequence[Value]:
    flags = draw(r, args)

    def f(*xs: Value) -> tuple[Value, ...]:
        kept = [
            pb.checkpoint_name(x, "kept") if flag else x for x, flag in zip(xs, flags, strict=True)
        ]
        return pb.checkpoint_name(piece(*kept), "kept")

    return pb.checkpoint(f, save=("kept",))(*args)


def slices(
    r: random.Random, piece: Piece, args: tuple[Value, ...], _: Sequence[Value]
) -> Sequence[Value]:
    """Of a scan: arguments are carried, slices or captured, and one step's results are taken."""
    length, reverse, halves = r.choice([1, 2, 5]), r.random() < 0.5, r.random() < 0.3
    here, vary, is_slice = r.randrange(length), r.random() < 0.5, draw(r, args)
    is_carried = [not flag and r.random() < 0.5 for flag in is_slice]
    xs = tuple(
        pb.stack([varied(arg, i - here if vary else 0) for i in range(length)])
        for arg in chosen(args, is_slice)
    )

    def step(carry: Value, x: Value) -> tuple[Value, Value]:
        return carry, piece(*filled(filled(args, is_slice, x), is_carried, carry))

    carry = chosen(args, is_carried)
    _, ys = pb.scan(step, carry, xs, length=length, reverse=reverse, checkpoint=halves)
    return [y[here] for y in ys]


def steps(
    r: random.Random, piece: Piece, args: tuple[Value, ...], made: Sequence[Value]
) -> Sequence[Value]:
    """Of a loop, which carries the results and some of the arguments."""
    flags, number, more = draw(r, args), r.choice([1, 2, 3]), r.choice([0, 1, 3])

    def step(state: Value) -> Value:
        i, _, some = state
        return i + 1, alike(made, piece(*filled(args, flags, some))), some

    start = 0, zeros(made), chosen(args, flags)
    if r.random() < 0.5:
        result = pb.while_loop(lambda s: s[0] < number, step, start, max_steps=number + more)
    else:
        halves = r.random() < 0.3
        result = pb.fori_loop(0, number, lambda _, s: step(s), start, checkpoint=halves)
    return result[1]


def branch(
    r: random.Random, piece: Piece, args: tuple[Value, ...], made: Sequence[Value]
) -> Sequence[Value]:
    """Of a cond or a switch that does not know which function it takes."""
    number, batched, through = r.choice([1, 2, 3]), r.random() < 0.5, r.random() < 0.5
    here, captures = r.randrange(number), r.random() < 0.5

    def taken(*xs: Value) -> Value:
        return alike(made, piece(*(args if captures else xs)))

    def other(*xs: Value) -> Value:
        return [y + y if is_inexact(y) else y for y in taken(*xs)] if through else zeros(made)

    def select(index: Value) -> Value:
        if index.dtype.kind == "b":
            return pb.cond(index, taken, other, *args)
        return pb.switch(index, [other, taken, other], *args)

    flags = r.random() < 0.5
    numbers = np.array([r.choice([True, False] if flags else [-1, 0, 1, 2]) for _ in range(number)])
    numbers[here] = 1  # True, of flags
    if batched:
        ys = pb.vmap(select)(numbers)
    else:
        _, ys = pb.scan(lambda c, x: (c, select(x)), None, numbers)
    return [y[here] for y in ys]


def forward_rule(
    _r: random.Random, piece: Piece, args: tuple[Value, ...], _: Sequence[Value]
) -> Sequence[Value]:
    def push(primals: Value, tangents: Value, _: Value) -> Value:
        return pb.jvp(lambda xs: piece(*xs), primals, tangents)[1]

    return pb.custom_jvp(piece, push)(*args)


def backward_rule(
    _r: random.Random, piece: Piece, args: tuple[Value, ...], _: Sequence[Value]
) -> Sequence[Value]:
    def backward(xs: Value, bars: Value) -> Value:
        return pb.vjp(lambda xs: piece(*xs), xs)[1](bars)

    return pb.custom_vjp(piece, lambda *xs: (piece(*xs), xs), backward)(*args)


def row(
    r: random.Random, piece: Piece, args: tuple[Value, ...], made: Sequence[Value]
) -> Sequence[Value]:
    """Of a batch, of which one row is taken."""
    size, vary = r.choice([1, 2, 3]), r.random() < 0.5
    here, chunk = r.randrange(size), r.choice([None, 1, 2])
    in_axes: list[int | None] = [0]
    wholes: list[Value] = [np.zeros(size)]
    for arg in args:
        axis = r.randrange(-np.ndim(arg) - 1, np.ndim(arg) + 1)
        mapped = isinstance(arg, (Array, np.ndarray)) and r.random() < 0.5
        in_axes.append(axis if mapped else None)
        rows = [varied(arg, i - here if vary else 0) for i in range(size)]
        wholes.append(pb.stack(rows, axis=axis) if mapped else arg)
    out_axes = tuple(r.randrange(-np.ndim(y) - 1, np.ndim(y) + 1) for y in made)

    def f(_: Value, *xs: Value) -> tuple[Value, ...]:
        return piece(*xs)

    axes = tuple(in_axes), out_axes
    g = pb.map_chunked(f, chunk, *axes) if chunk else pb.vmap(f, *axes)
    pairs = zip(g(*wholes), out_axes, strict=True)
    return [pb.moveaxis(y, axis, 0)[here] for y, axis in pairs]


def program(
    _r: random.Random, piece: Piece, args: tuple[Value, ...], _: Sequence[Value]
) -> Sequence[Value]:
    examples = [arg.type if isinstance(arg, Array) else arg for arg in args]
    return pb.trace(piece, *examples)(*args)


def value_of_derivative(
    r: random.Random, piece: Piece, args: tuple[Value, ...], _: Sequence[Value]
) -> Sequence[Value]:
    """The value that an inner transform returns beside the derivative."""

    def f(xs: tuple[Value, ...]) -> tuple[Value, ...]:
        return piece(*xs)

    if not any(map(is_inexact, args)):
        return piece(*args)
    return pb.jvp(f, args, args)[0] if r.random() < 0.5 else pb.vjp(f, args)[0]


DRESSINGS: Final[list[Dressing]] = [
    checkpointed, named, slices, steps, branch, forward_rule, backward_rule, row, program,
    value_of_derivative,
]  # fmt: skip


@final
@frozen
class Dressed:
    """A program of which pieces are dressed, some of them several times."""

    program: Program
    #: Of each piece its first step, the step after its last, and its dressings with their seeds.
    pieces: tuple[tuple[int, int, tuple[tuple[Dressing, int], ...]], ...]
    _made: list[Value] = field(init=False)

    @_made.default
    def _run_numpy(self) -> list[Value]:
        return self.program.values(np, self.program.inputs)

    def outputs(self, inputs: Sequence[Value]) -> list[Value]:
        """Run it for the results that the program returns."""
        pairs = zip(self._values(inputs), self.program.weights, strict=True)
        return [value for value, weight in pairs if weight is not None]

    def loss(self, inputs: Sequence[Value]) -> Value:
        """Run it and add up its results, each element with its weight."""
        weights = [w for w in self.program.weights if w is not None]
        pairs = zip(self.outputs(inputs), weights, strict=True)
        return sum(pb.sum(pb.real(y * np.conj(w))) for y, w in pairs)

    def _values(self, inputs: Sequence[Value]) -> list[Value]:
        values = [*inputs, *self.program.constants]
        first, at = len(values), 0
        for start, stop, dressings in self.pieces:
            self._run(values, at, start)
            read = sorted({
                i for _, numbers in self.program.steps[start:stop] for i in numbers
                if i < first + start
            })  # fmt: skip
            made = self._made[first + start : first + stop]
            args = tuple(values[i] for i in read)
            values += self._dressed(start, stop, read, dressings, made)(*args)
            at = stop
        self._run(values, at, len(self.program.steps))
        return values

    def _run(self, values: list[Value], start: int, stop: int) -> None:
        for operation, operands in self.program.steps[start:stop]:
            values.append(operation(pb, *[values[i] for i in operands]))

    def _dressed(
        self,
        start: int,
        stop: int,
        read: Sequence[int],
        dressings: Sequence[tuple[Dressing, int]],
        made: Sequence[Value],
    ) -> Piece:
        """Return a piece in its dressings."""
        if not dressings:
            first = len(self._made) - len(self.program.steps) + start

            def bare(*args: Value) -> tuple[Value, ...]:
                values: list[Value] = [None] * first
                for i, arg in zip(read, args, strict=True):
                    values[i] = arg
                self._run(values, start, stop)
                return tuple(values[first:])

            return bare
        *others, (dressing, seed) = dressings
        piece = self._dressed(start, stop, read, others, made)
        return lambda *args: tuple(dressing(seeded(seed), piece, args, made))


def dress(r: random.Random, program: Program) -> Dressed:
    """Draw pieces of a program, and dressings of them."""
    number = len(program.steps)
    cuts = iter(sorted(r.sample(range(number + 1), 2 * r.randint(1, (number + 1) // 2))))
    return Dressed(program, tuple((start, next(cuts), tuple(_drawn(r))) for start in cuts))


def _drawn(r: random.Random) -> Iterator[tuple[Dressing, int]]:
    for _ in range(r.choice([1, 1, 2, 3])):
        yield r.choice(DRESSINGS), r.randrange(2**32)
