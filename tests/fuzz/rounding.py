"""What rounding may do to the results of a program: how far another computation of it may be.

Steps with one right answer have to have it, bit for bit: arithmetic, square roots, comparisons,
selections, integers, all that moves elements. Each other step is off by 2 units in the last place
(4 where SciPy computes it), up or down at random; of those that add up or multiply (in any order)
each element that they read is so too, and partial sums are rounded; the result is anything where a
partial result may leave the range of the dtype.
Where a zero may have either sign, it has a random one. A program that is run like this
a few times (Monte Carlo arithmetic) shows for each element of its results what rounding does there,
whatever is between: native code may be off by four times the largest change seen. Nothing is said
of an element that is sometimes nan or infinite, or that jumps from one integer to another.

References:
    Parker, "Monte Carlo arithmetic: exploiting randomness in floating-point arithmetic", 1997.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final, final

import numpy as np
from attrs import evolve, frozen

from pullback.compiler.call import Compiled
from pullback.control.callback import Callback
from pullback.control.checkpointing import Named
from pullback.control.custom import Custom, Residuals
from pullback.core import trace_program
from pullback.core.program import Program, Step, held_programs
from pullback.primitives.arithmetic import Add, Divide, Multiply, Negative, Positive, Subtract
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.cast import Cast
from pullback.primitives.complex import Conjugate, Imag, Real
from pullback.primitives.contraction import Contract
from pullback.primitives.convolution import Convolve
from pullback.primitives.cumulative import Cumprod, Cumsum, Recurrence
from pullback.primitives.elementwise import Elementwise, Stepwise
from pullback.primitives.exponential import Sqrt
from pullback.primitives.extremum import Extremum
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.identity import Input, StopGradient
from pullback.primitives.joining import Concat
from pullback.primitives.pooling import MaxPool, MaxPoolShare
from pullback.primitives.power import Reciprocal, Square
from pullback.primitives.primitive import Primitive, Product
from pullback.primitives.quantity import NUMBERS, Quantity, Value
from pullback.primitives.reduction import Discrete, Extreme, Prod
from pullback.primitives.rounding import Abs, Copysign, Fmod, Nextafter, Remainder
from pullback.primitives.scatter import ScatterExtreme, ScatterSet
from pullback.primitives.selection import MultiplyNoNan, Where
from pullback.primitives.shape import BroadcastTo, Flip, Reshape, Sum, Transpose
from pullback.primitives.slicing import PadSlice, Slice, SliceSet
from pullback.primitives.sorting import Sort
from pullback.primitives.special import Special
from pullback.types import ArrayType, Bundle

_UNITS: Final = 2
_SPECIAL_UNITS: Final = 4  # SciPy's erfc is off by 9 at 1.5
_SAMPLES: Final = 8
_ANYTHING: Final = (np.nan, 0.0, np.inf, -np.inf)  # in turn
_FACTOR: Final = 4

#: What rounds to the nearest number, if numbers are real.
_ARITHMETIC: Final = (
    Add, Subtract, Multiply, MultiplyNoNan, Divide, Reciprocal, Square, Sqrt, Abs, Fmod, Remainder,
    Cast,
)  # fmt: skip
_EXACT: Final = (
    Negative, Positive, Copysign, Nextafter, Stepwise, Discrete, Where, Real, Imag, Conjugate,
    Gather, ScatterSet, Concat, Reshape, Transpose, BroadcastTo, Flip, Slice, PadSlice, SliceSet,
    Input, StopGradient, Named, Pack, Unpack, Callback, Residuals,
)  # fmt: skip
#: What chooses one of several elements, and may choose 0 or -0 where it finds both.
_CHOOSING: Final = (Extremum, Extreme, MaxPool, ScatterExtreme, Sort)
#: What adds or multiplies in any order.
_SUMMING: Final = (
    Sum, Prod, Cumsum, Cumprod, Recurrence, Contract, Convolve, ScatterAdd, MaxPoolShare,
)  # fmt: skip


@final
class Coin:
    """Random signs, and then the opposite ones: what has two answers shows both."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.start(0)

    def start(self, turn: int) -> None:
        """Begin again; turns 0 and 1 are opposite, and so on."""
        self.turn = turn
        self.random, self.sign = np.random.default_rng((self.seed, turn // 2)), 1 - 2 * (turn % 2)

    def signs(self, shape: tuple[int, ...]) -> Value:
        """Draw signs."""
        return self.sign * (2 * self.random.integers(0, 2, shape) - 1)


class _Disturbance(Primitive):
    """What only evaluates."""

    __slots__ = ()

    def infer(self, *types: ArrayType) -> ArrayType:
        raise NotImplementedError

    def pushforward(
        self, index: int, tangent: Quantity, out: Quantity, operands: tuple[Quantity, ...]
    ) -> None:
        raise NotImplementedError

    def pullback(
        self,
        index: int,
        cotangent: Quantity,
        out: Quantity,
        operands: tuple[Quantity, ...],
        product: Product,
    ) -> None:
        raise NotImplementedError

    def batch(
        self, operands: tuple[Quantity, ...], batched: tuple[bool, ...], size: int
    ) -> Quantity:
        raise NotImplementedError


@final
@frozen(eq=False, repr=False)
class Unordered(_Disturbance):
    """A sum or product in any order: it is anything where a partial result may leave the range."""

    coin: Coin
    primitive: Primitive

    def evaluate(self, *values: Value) -> Value:
        result = self.primitive.evaluate(*values)
        products = isinstance(self.primitive, (Prod, Cumprod, Recurrence))
        over = self.primitive.evaluate(*[_magnitude(x, products) for x in values])
        free = ~np.isfinite(over)
        if products:
            under = self.primitive.evaluate(*[1 / _magnitude(1 / x, products) for x in values])
            free |= under == 0
        if isinstance(self.primitive, (Contract, Convolve)) and not self.primitive.no_nan:
            # BLAS leaves out rows of zeros, or not: then 0 · inf is 0, and not nan.
            x, y = (np.asarray(value) for value in values)
            for a, b in ((~np.isfinite(x), y == 0), (x == 0, ~np.isfinite(y))):
                free |= self.primitive.evaluate(a.astype(x.dtype), b.astype(y.dtype)) != 0
        if not products:  # partial sums are rounded, as large as they may be
            ones = [np.ones_like(x) if np.asarray(x).dtype.kind in "fc" else x for x in values]
            terms = np.abs(self.primitive.evaluate(*ones))
            size = np.where(free, 0, np.abs(over)) * np.finfo(result.dtype).eps * (1 + terms / 32)
            result = result + self.coin.signs(np.shape(result)) * size
        if np.any(free):
            result = np.where(free, _ANYTHING[self.coin.turn % len(_ANYTHING)], result)
        return result.astype(np.asarray(over).dtype)[()]


def _magnitude(x: Value, products: bool) -> Value:  # noqa: FBT001 - of two kinds
    if np.asarray(x).dtype.kind not in "fc":
        return x
    size = np.where(np.isfinite(x), np.abs(x), 0)
    return (np.maximum(size, 1) if products else size).astype(np.asarray(x).dtype)[()]


@final
@frozen(eq=False, repr=False)
class Called(_Disturbance):
    """A call of a program, on bundles."""

    program: Program

    def evaluate(self, *values: Value) -> Value:
        return Bundle(tuple(self.program.evaluate(values[0].parts)))


def without_functions(primitive: Primitive, types: Sequence[ArrayType]) -> Primitive:
    """Return the call of a program in place of that of a function, or of compiled code."""
    match primitive:
        case Custom(function=function):
            assert types[0].parts is not None, "it takes a bundle"
            return Called(trace_program(function.call, types[0].parts)[0])
        case Compiled(program=program):
            return Called(program)
        case _:
            return primitive


@final
@frozen(eq=False, repr=False)
class Rounded(_Disturbance):
    """The operand with each element off by some units, and zeros of random signs."""

    coin: Coin
    units: int
    signs: bool

    def evaluate(self, *values: Value) -> Value:
        (x,) = values
        moved = self._moved(np.asarray(x))
        return moved.item() if x.__class__ in NUMBERS else moved

    def _moved(self, x: Value) -> Value:
        if np.iscomplexobj(x):
            size = np.spacing(np.abs(x))
            parts = [self._shifted(part, size) for part in (np.real(x), np.imag(x))]
            moved = np.empty_like(x)
            moved.real, moved.imag = parts
            return moved[()]
        return self._shifted(x, np.spacing(x))

    def _shifted(self, x: Value, size: Value) -> Value:
        shape, dtype = np.shape(x), np.asarray(x).dtype
        signs = self.coin.signs(shape).astype(dtype)
        there = np.isfinite(size) & (x != 0)
        moved = np.where(there, x + self.units * signs * np.where(there, size, 0), x)
        moved = np.where(np.isfinite(moved), moved, x)
        if self.signs:
            moved = np.where(x == 0, np.copysign(np.zeros((), dtype), signs), moved)
        return moved.astype(dtype)[()]


def with_programs(primitive: Primitive, change: Callable[[Program], Program]) -> Primitive:
    """Return a primitive with the programs changed that it holds."""
    names = {name.partition("[")[0] for name, _ in held_programs(primitive)}
    changed: dict[str, Value] = {}
    for name in names:
        value: Value = getattr(primitive, name)
        changed[name] = tuple(map(change, value)) if isinstance(value, tuple) else change(value)
    return evolve(primitive, **changed) if changed else primitive


def _is_exact(primitive: Primitive, kinds: str) -> bool:
    """Return whether a step has one right answer, for operands and a result of these kinds."""
    if "c" in kinds and isinstance(primitive, _ARITHMETIC):
        return False
    return isinstance(primitive, (*_ARITHMETIC, *_EXACT, *_CHOOSING))


def _rounds(program: Program) -> bool:
    """Return whether some step of a program has no one right answer."""
    for (primitive, row), type_ in zip(program.steps, program.types, strict=True):
        called = without_functions(primitive, [*map(program.type_at, row)])
        held = [held for _, held in held_programs(called)]
        kinds = "".join([t.dtype.kind for t in (type_, *map(program.type_at, row))])
        if any(map(_rounds, held)) or not (held or _is_exact(called, kinds)):
            return True
    return False


def rounded(program: Program, coin: Coin, *, free: bool = False) -> Program:
    """Return a program that rounds at random where it may.

    That is where a step has no one right answer, and from there on.

    Args:
        program: A program.
        coin: Where random signs come from.
        free: Whether its inputs are results of such steps.
    """
    first = len(program.inputs) + len(program.constants)
    numbers, frees = list(range(first)), [free] * first
    steps: list[Step] = []
    types: list[ArrayType] = []

    def keep(primitive: Primitive, operands: Sequence[int], type_: ArrayType) -> int:
        steps.append((primitive, tuple(operands)))
        types.append(type_)
        return first + len(steps) - 1

    def off(number: int, type_: ArrayType, units: int, *, signs: bool = False) -> int:
        if not type_.inexact or not (units or signs):
            return number
        return keep(Rounded(coin, units, signs), [number], type_)

    for (primitive, row), type_ in zip(program.steps, program.types, strict=True):
        kinds = "".join([t.dtype.kind for t in (type_, *map(program.type_at, row))])
        primitive = without_functions(primitive, [*map(program.type_at, row)])  # noqa: PLW2901
        given, held = [numbers[n] for n in row], [held for _, held in held_programs(primitive)]
        follows = any(frees[n] for n in row)
        choosing = isinstance(primitive, _CHOOSING)
        if held:
            follows = follows or any(map(_rounds, held))
            inner = functools.partial(rounded, coin=coin, free=follows)
            number = keep(with_programs(primitive, inner), given, type_)
        elif _is_exact(primitive, kinds):
            units = int(follows and isinstance(primitive, _ARITHMETIC))
            number = off(keep(primitive, given, type_), type_, units, signs=choosing)
        else:
            follows, adds = True, not isinstance(primitive, Elementwise)
            if adds:
                given = [
                    off(x, program.type_at(n), _UNITS) for x, n in zip(given, row, strict=True)
                ]
            if isinstance(primitive, _SUMMING) and type_.inexact:
                primitive = Unordered(coin, primitive)  # noqa: PLW2901
            units = _SPECIAL_UNITS if isinstance(primitive, Special) else _UNITS
            number = off(keep(primitive, given, type_), type_, units, signs=adds)
        numbers.append(number)
        frees.append(follows)
    outputs = tuple([numbers[number] for number in program.outputs])
    return Program(program.inputs, program.constants, tuple(steps), tuple(types), outputs)


@final
@frozen
class Expected:
    """The results of a program, and what random rounding makes of them."""

    values: list[Value]
    samples: list[list[Value]]

    def complaint(self, found: Sequence[Value]) -> str | None:
        """Return what is wrong with other results, if something is."""
        for k, (have, want) in enumerate(zip(found, self.values, strict=True)):
            wrong = complaint(have, want, [sample[k] for sample in self.samples])
            if wrong is not None:
                return f"output {k}: {wrong}"
        return None


@np.errstate(all="ignore")
def expected(program: Program, values: Sequence[Value], seed: int) -> Expected:
    """Evaluate a program as it is, and with random rounding."""
    coin, samples = Coin(seed), []
    other = rounded(program, coin)
    if other != program:
        for turn in range(_SAMPLES):
            coin.start(turn)
            samples.append(other.evaluate(values))
    return Expected(program.evaluate(values), samples)


@np.errstate(all="ignore")
def complaint(found: Value, want: Value, samples: Sequence[Value]) -> str | None:
    """Return what is wrong with a result, if something is."""
    if type(found) is not type(want):
        return f"{type(found).__name__} in place of {type(want).__name__}"
    have, like = np.asarray(found), np.asarray(want)
    if (have.dtype, have.shape) != (like.dtype, like.shape):
        return f"{have.dtype}{have.shape} in place of {like.dtype}{like.shape}"
    if like.dtype.kind not in "fc":
        free = np.zeros(like.shape, np.bool_)
        for sample in samples:
            free |= np.asarray(sample) != like
        return _first(have, like, (have == like) | free, 0)
    if like.dtype.kind == "c":
        pairs = [(have.real, like.real, np.real), (have.imag, like.imag, np.imag)]
        for x, y, part in pairs:
            wrong = _compare(x, y, [part(sample) for sample in samples])
            if wrong is not None:
                return wrong
        return None
    return _compare(have, like, samples)


def _compare(have: np.ndarray, like: np.ndarray, samples: Sequence[Value]) -> str | None:
    spread = np.zeros(like.shape, np.longdouble)
    free = np.zeros(like.shape, np.bool_)
    signs = bool(samples)  # the sign of a zero may come from several free signs
    long = like.astype(np.longdouble)
    for sample in samples:
        other = np.asarray(sample).astype(np.longdouble)
        regular = np.isfinite(other) & np.isfinite(long)
        same = (np.isnan(other) & np.isnan(long)) | (other == long)
        free |= ~regular & ~same
        spread = np.maximum(spread, np.where(regular, np.abs(other - long), 0))
    if spread.any():  # by chance the changes of one element may cancel in all samples
        spread = np.maximum(
            spread, np.where(np.isfinite(like) & (like != 0), np.spacing(np.abs(like)), 0)
        )
    close = np.abs(have.astype(np.longdouble) - long) <= _FACTOR * spread
    equal = (have == like) & ((np.signbit(have) == np.signbit(like)) | signs | (spread > 0))
    return _first(
        have, like, close & (spread > 0) | equal | np.isnan(have) & np.isnan(like) | free, spread
    )


def _first(have: Value, like: Value, fine: Value, spread: Value) -> str | None:
    """Return the first element that is not fine."""
    wrong = np.argwhere(~np.atleast_1d(fine))
    if not len(wrong):
        return None
    where = tuple(wrong[0])
    x, y, s = (
        np.atleast_1d(np.broadcast_to(v, np.shape(like)))[where] for v in (have, like, spread)
    )
    number, whole = len(wrong), np.size(like)
    return (
        f"{x!r} in place of {y!r} at {list(map(int, where))}, where rounding changes {float(s):.3g}"
        f" ({number} of {whole} elements are wrong)"
    )
