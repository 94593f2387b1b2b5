"""Algebra that changes no bit of any result, nan, infinities and the sign of zero included.

The whole list:
    x of the same type: reshape, broadcast_to, transpose by the identity, cast, input,
    stop_gradient, named                                          ->  x
    reshape(reshape(x)), transpose(transpose(x))                  ->  one of each
    -(-x)                                                         ->  x
    x + (-y),  x - (-y)                                           ->  x - y,  x + y
    contract(transpose(x), y), contract(x, transpose(y))          ->  contract, other labels
    x ** 0.5, x ** 2, x ** -1 with a constant, x a float array    ->  sqrt, square, reciprocal,
                                                                      which NumPy computes there
"""

from __future__ import annotations

from typing import Final

from attrs import evolve

from pullback.compiler.passes.rebuild import Typed, all_used, rebuild
from pullback.control.checkpointing import Named
from pullback.core.program import Program, Step
from pullback.primitives.arithmetic import Add, Negative, Subtract
from pullback.primitives.cast import Cast
from pullback.primitives.contraction import Contract
from pullback.primitives.exponential import Sqrt
from pullback.primitives.identity import Input, StopGradient
from pullback.primitives.power import Power, Reciprocal, Square
from pullback.primitives.primitive import Primitive
from pullback.primitives.shape import BroadcastTo, Reshape, Transpose
from pullback.types import ArrayType

#: What some rule is about.
_CONCERNED: Final = frozenset({
    Add, BroadcastTo, Cast, Contract, Input, Named, Negative, Power, Reshape, StopGradient,
    Subtract, Transpose,
})  # fmt: skip
_SPECIAL: Final[dict[float, Primitive]] = {0.5: Sqrt(), 2: Square(), -1: Reciprocal()}


def simplify(program: Program) -> Program:
    """Apply the rules of this module to each step, in order.

    Before -> after:
        [c = transpose(a), d = contract(c, b)]  ->  [c = contract(a, b) with the labels of c moved]
    """
    first = len(program.inputs) + len(program.constants)
    numbers = list(range(first))
    steps: list[Typed] = []

    def made_by(number: int) -> Step | None:
        return steps[number - first][0] if number >= first else None

    def type_at(number: int) -> ArrayType:
        return steps[number - first][1] if number >= first else program.type_at(number)

    moved = changed = False
    for same, type_ in zip(program.steps, program.types, strict=True):
        primitive, operands = step = same
        if moved:
            operands = tuple([numbers[operand] for operand in operands])
            step = primitive, operands
        kind: type[Primitive] = primitive.__class__
        if (
            kind not in _CONCERNED
            or (kind is Add and not _negated(made_by(operands[1])))
            or (kind is Cast and type_at(operands[0]) != type_)
        ):
            numbers.append(first + len(steps))
            steps.append((step, type_))
            continue
        makers = [made_by(number) for number in step[1]]
        if isinstance(primitive, Power):
            step = _power(program, step, type_at(step[1][0]))
        elif type_.parts is None:
            step = _rewritten(step, makers, [type_at(number) for number in step[1]])
        if _hands_on(step, type_, type_at(step[1][0]) if step[1] else None):
            numbers.append(step[1][0])
            moved = True
            continue
        double = isinstance(step[0], Negative) and made_by(step[1][0])
        if double and isinstance(double[0], Negative) and type_at(double[1][0]) == type_:
            numbers.append(double[1][0])
            moved = True
            continue
        changed = changed or step is not same
        numbers.append(first + len(steps))
        steps.append((step, type_))
    if not moved and not changed and all_used(first, program.steps, program.outputs):
        return program
    return rebuild(program, steps, [numbers[number] for number in program.outputs])


def _negated(maker: Step | None) -> bool:
    return maker is not None and maker[0].__class__ is Negative


def _hands_on(step: Step, out: ArrayType, operand: ArrayType | None) -> bool:
    """Return whether the result is the operand."""
    primitive, _ = step
    if operand != out or out.parts is not None:
        return False
    if isinstance(primitive, Transpose):
        return primitive.axes == tuple(range(out.ndim))
    return isinstance(primitive, (Reshape, BroadcastTo, Cast, Input, StopGradient, Named))


def _rewritten(step: Step, makers: list[Step | None], types: list[ArrayType]) -> Step:
    """Return the step, or an equal one that looks past what made its operands."""
    match step, makers:
        case (Reshape(), _), [(Reshape(), inner)]:
            return step[0], inner
        case (Transpose(axes), _), [(Transpose(before), inner)]:
            return Transpose(tuple([before[axis] for axis in axes])), inner
        case (Add(), (x, _)), [_, (Negative(), (y,))] if _real(types):
            return Subtract(), (x, y)
        case (Subtract(), (x, _)), [_, (Negative(), (y,))] if _real(types):
            return Add(), (x, y)
        case (Contract() as product, (x, y)), [left, right]:
            if left is not None and isinstance(left[0], Transpose):
                product, x = evolve(product, x=_moved(product.x, left[0].axes)), left[1][0]
            if right is not None and isinstance(right[0], Transpose):
                product, y = evolve(product, y=_moved(product.y, right[0].axes)), right[1][0]
            return product, (x, y)
        case _:
            pass
    return step


def _power(program: Program, step: Step, base: ArrayType) -> Step:
    """Return a power, or what NumPy computes in its place: of arrays, not of scalars."""
    x, y = step[1]
    place = y - len(program.inputs)
    if base.dtype.kind == "f" and base.shape and 0 <= place < len(program.constants):
        exponent = program.constants[place]
        if exponent.__class__ in {int, float} and exponent in _SPECIAL:
            return _SPECIAL[exponent], (x,)
    return step


def _real(types: list[ArrayType]) -> bool:
    """Return whether the operands are strong floats of one dtype (a negated int8 may wrap)."""
    return all(t.dtype.kind == "f" and not t.weak and t.dtype == types[0].dtype for t in types)


def _moved(labels: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the labels of ``x`` from those of ``transpose(x)``."""
    found = dict(zip(axes, labels, strict=True))
    return tuple([found[axis] for axis in range(len(labels))])
