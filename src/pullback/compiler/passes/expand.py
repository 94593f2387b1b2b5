"""Primitives written out by simpler ones, as their `evaluate` computes them.

What is written out fuses with its neighbours, and shares what they compute too: the largest element
of a row and the sum of its exponentials serve a logsumexp and its derivative.
"""

from __future__ import annotations

import functools
import math
from typing import Final

import numpy as np

from pullback.compiler.passes.rebuild import Typed
from pullback.core import Array, Program, trace_program
from pullback.primitives.bitwise import BitwiseOr
from pullback.primitives.cast import Cast
from pullback.primitives.comparison import Equal, NotEqual
from pullback.primitives.exponential import Exp, Log1p
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Quantity, Value, quantity_type, shape_of
from pullback.primitives.reduction import Argmax, Argmin, Logsumexp, Max, Min, Softmax
from pullback.primitives.selection import Where
from pullback.primitives.shape import Reshape, Sum, restore_axes
from pullback.types import ArrayType

_REAL: Final = "fd?bBhHiIlLqQ"  # the dtypes of native code
_EXPANDED: Final = frozenset({Softmax, Logsumexp, Argmax, Argmin})


def expand(program: Program) -> Program:
    """Write out the softmax and the logsumexp of real numbers, and the positions of extremes.

    Before -> after:
        [b = softmax(a)]  ->  [m = max(a), e = exp(a - m), s = sum(e), b = e / s], and what is due
                              where a row is infinite
    """
    if program.operations.isdisjoint(_EXPANDED):
        return program
    first = len(program.inputs) + len(program.constants)
    bodies: dict[int, Program] = {}
    for number, (primitive, operands) in enumerate(program.steps, first):
        if isinstance(primitive, (Softmax, Logsumexp, Argmax, Argmin)):
            x = program.type_at(operands[0])
            native = "fd" if isinstance(primitive, (Softmax, Logsumexp)) else _REAL
            if x.dtype.char in native and 0 not in x.shape and not x.weak:
                bodies[number] = _body(primitive, x)
    if not bodies:
        return program
    constants = list(program.constants)
    places: dict[tuple[object, ...], int] = {}  # of the constants that are new
    given: dict[int, list[int]] = {}  # the constants of each body
    for number, body in bodies.items():
        given[number] = []
        for value in body.constants:
            array = np.asarray(value)
            key = value.__class__, array.dtype, array.shape, array.tobytes()
            if key not in places:
                places[key] = len(program.inputs) + len(constants)
                constants.append(value)
            given[number].append(places[key])
    shift = len(constants) - len(program.constants)
    numbers = list(range(first))
    steps: list[Typed] = []

    def keep(primitive: Primitive, operands: tuple[int, ...], type_: ArrayType) -> int:
        steps.append(((primitive, operands), type_))
        return first + shift + len(steps) - 1

    for number, ((primitive, operands), type_) in enumerate(
        zip(program.steps, program.types, strict=True), first
    ):
        moved = tuple([numbers[operand] for operand in operands])
        if number not in bodies:
            numbers.append(keep(primitive, moved, type_))
            continue
        body, inside = bodies[number], [*moved, *given[number]]
        for (part, parts), part_type in zip(body.steps, body.types, strict=True):
            inside.append(keep(part, tuple([inside[operand] for operand in parts]), part_type))
        numbers.append(inside[body.outputs[0]])
    return Program(
        program.inputs,
        tuple(constants),
        tuple([step for step, _ in steps]),
        tuple([type_ for _, type_ in steps]),
        tuple([numbers[number] for number in program.outputs]),
        program.names,
    )


@functools.lru_cache(maxsize=256)
def _body(primitive: Softmax | Logsumexp | Argmax | Argmin, x: ArrayType) -> Program:
    """Return the program of a primitive."""

    def body(nodes: list[Array]) -> list[Array]:
        x: Value = nodes[0]
        result: Value = _formula(primitive, x)
        return [result]

    return trace_program(body, [x])[0]


def _formula(primitive: Softmax | Logsumexp | Argmax | Argmin, x: Quantity) -> Quantity:
    match primitive:
        case Softmax(axes):
            return _softmax(x, axes)
        case Logsumexp(axes):
            return _logsumexp(x, axes)
        case Argmax(axis):
            return _position(x, axis, Max((axis,)))
        case Argmin(axis):
            return _position(x, axis, Min((axis,)))


def _softmax(x: Quantity, axes: tuple[int, ...]) -> Quantity:
    """Return exp(x - m) / Σ exp(x - m), with the largest element m; 0 where all are -inf."""
    _, terms = _terms(x, axes)
    total = restore_axes(Sum(axes)(terms), axes, shape_of(x))
    return terms / Where()(Equal()(total, 0.0), 1.0, total)


def _logsumexp(x: Quantity, axes: tuple[int, ...]) -> Quantity:
    """Return m + ln(1 + (k - 1) + Σ' exp(x - m)), the sum without the k elements equal to m."""
    shift, terms = _terms(x, axes)
    at_shift = Equal()(x, shift)
    ties = Sum(axes)(Cast(quantity_type(x).dtype)(at_shift))
    rest = Sum(axes)(Where()(at_shift, 0.0, terms))
    return Log1p()(rest + (ties - 1.0)) + Reshape(shape_of(rest))(shift)


def _terms(x: Quantity, axes: tuple[int, ...]) -> tuple[Quantity, Quantity]:
    """Return m, or 0 for -inf, and exp(x - m), with inf - inf = 0."""
    largest = restore_axes(Max(axes)(x), axes, shape_of(x))
    shift = Where()(Equal()(largest, -math.inf), 0.0, largest)
    return shift, Where()(Equal()(x, math.inf), 1.0, Exp()(x - shift))


def _position(x: Quantity, axis: int, extreme: Max | Min) -> Quantity:
    """Return the first index at which the extreme is attained; where it is nan, that of a nan."""
    shape = shape_of(x)
    found = Equal()(x, restore_axes(extreme(x), (axis,), shape))
    if quantity_type(x).dtype.kind == "f":
        found = BitwiseOr()(found, NotEqual()(x, x))
    behind = (1,) * (len(shape) - axis - 1)
    dtype = np.dtype(np.int32 if shape[axis] < 1 << 31 else np.int64)
    numbers: Value = np.arange(shape[axis] + 1, dtype=dtype)
    counting = numbers[:-1].reshape((-1, *behind))
    least = Min((axis,))(Where()(found, counting, numbers[-1]))
    return Cast(np.dtype(np.intp))(least)
