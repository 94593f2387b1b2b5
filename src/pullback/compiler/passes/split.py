"""Reductions of whole arrays in two steps: what the first makes, threads can share."""

from __future__ import annotations

import math
from typing import Final, TypeAlias

from pullback.compiler.passes.rebuild import Typed, rebuild
from pullback.core.program import Program, Step
from pullback.primitives.reduction import All, Any, Max, Min
from pullback.primitives.shape import Sum
from pullback.types import ArrayType

Fold: TypeAlias = Sum | Max | Min | Any | All

_FOLDS: Final = (Sum, Max, Min, Any, All)
_LARGE: Final = 1 << 16  # elements
_ROWS: Final = 16


def split(program: Program) -> Program:
    """Reduce a large array over its other axes first, and then over the axis in front.

    Before -> after:
        [b = sum(a, axes (0, 1))]  ->  [c = sum(a, axes (1,)), b = sum(c, axes (0,))]
    """
    if program.operations.isdisjoint(_FOLDS):
        return program
    first = len(program.inputs) + len(program.constants)
    numbers = list(range(first))
    steps: list[Typed] = []
    for (primitive, operands), type_ in zip(program.steps, program.types, strict=True):
        step: Step = primitive, tuple([numbers[operand] for operand in operands])
        if isinstance(primitive, _FOLDS) and _is_large(primitive, program.type_at(operands[0])):
            inner = type(primitive)(primitive.axes[1:])
            steps.append(((inner, step[1]), inner.infer(program.type_at(operands[0]))))
            step = type(primitive)((0,)), (first + len(steps) - 1,)
        numbers.append(first + len(steps))
        steps.append((step, type_))
    return rebuild(program, steps, [numbers[number] for number in program.outputs])


def _is_large(fold: Fold, x: ArrayType) -> bool:
    """Return whether all axes of a large array with many rows are reduced."""
    large = len(x.shape) > 1 and math.prod(x.shape) >= _LARGE and x.shape[0] >= _ROWS
    return large and fold.axes == tuple(range(len(x.shape)))
