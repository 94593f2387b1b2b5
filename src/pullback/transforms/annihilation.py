"""Linear functions in a form in which zeros of their input are absences, not numbers.

A unit vector that is pushed forward is 0 but for one element, and an infinite derivative of the
others is not to make ``nan`` of these zeros (docs/design/003-safe-where.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pullback.core import Array, Program, Trace, apply, build_program, topological, unknown
from pullback.primitives.arithmetic import Multiply
from pullback.primitives.bundle import Pack
from pullback.primitives.contraction import Contract, contraction
from pullback.primitives.convolution import Convolve
from pullback.primitives.selection import MultiplyNoNan
from pullback.transforms.programs import Composite

_SILENT: Final = MultiplyNoNan()


def annihilate(linear: Trace, outputs: Sequence[Array]) -> list[Array]:
    """Return linear functions of an input in a form in which zeros of the input annihilate.

    A product has one factor that depends on the input; where that is 0, the result is 0, even if
    the other factor is infinite or nan.

        y = a * x_dot           becomes         y = MultiplyNoNan(x_dot, a)

    So do the products in programs that are called.
    """
    made: dict[Array, Array] = {}
    for node in topological(outputs, linear):
        operands = [made.get(operand, operand) for operand in node.operands]
        match node.primitive:
            case Multiply():
                moving_last = linear not in operands[0].sources
                made[node] = apply(_SILENT, *(reversed(operands) if moving_last else operands))
            case Contract(x, y, out, operation, False):
                moving_last = linear not in operands[0].sources
                if moving_last:
                    x, y = y, x
                    operands.reverse()
                made[node] = apply(contraction(x, y, out, operation, no_nan=True), *operands)
            case Convolve(x, y, out, relations, operation, False):
                moving_last = linear not in operands[0].sources
                if moving_last:
                    x, y, relations = y, x, tuple([r.exchanged for r in relations])
                    operands.reverse()
                convolve = Convolve(x, y, out, relations, operation, no_nan=True)
                made[node] = apply(convolve, *operands)
            case Composite() as call if isinstance(node.operands[0].primitive, Pack):
                moving = tuple([linear in part.sources for part in node.operands[0].operands])
                made[node] = apply(call.rewritten(moving, annihilating), *operands)
            case primitive if primitive is not None and any(x in made for x in node.operands):
                made[node] = apply(primitive, *operands)
    return [made.get(node, node) for node in outputs]


def annihilating(program: Program, moving: Sequence[bool]) -> Program:
    """Return a program that is linear in the flagged inputs, in that form."""
    trace, linear = Trace(), Trace()
    plain = frozenset((trace,))
    inputs = [
        unknown(type_, plain | {linear} if flag else plain)
        for type_, flag in zip(program.inputs, moving, strict=True)
    ]
    outputs = annihilate(linear, program.apply(inputs))
    return build_program(trace, inputs, outputs)[0]
