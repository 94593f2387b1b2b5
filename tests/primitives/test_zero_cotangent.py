"""A zero cotangent pulls back to zero through every primitive, whatever its operands are.

This is what keeps a branch that is not taken silent: docs/design/003-safe-where.md.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import pytest

from pullback.errors import DTypeError
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.contraction import Contract
from pullback.primitives.convolution import Convolve
from pullback.primitives.cumulative import Cumprod, Recurrence
from pullback.primitives.elementwise import Elementwise
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.joining import Concat
from pullback.primitives.linear import Linear
from pullback.primitives.pooling import MaxPool, MaxPoolShare
from pullback.primitives.power import IntegerPower
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import NUMBERS, Value
from pullback.primitives.reduction import Logsumexp, Max, Min, Prod, Softmax
from pullback.primitives.scatter import ScatterExtreme, ScatterSet
from pullback.primitives.selection import MultiplyNoNan, Where
from pullback.primitives.slicing import SliceSet
from pullback.primitives.solve import Solve
from pullback.primitives.sorting import Sort
from pullback.primitives.special import Polygamma
from pullback.primitives.windows import Relation
from pullback.types import type_of
from tests.primitives.classes import concrete_primitives, operand_count, pointwise_primitives

INF, NAN = float("inf"), float("nan")
WILD: Final = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, INF, -INF, NAN)
REAL: Final = np.array(WILD)
COMPLEX: Final = np.array([complex(x, y) for x in WILD for y in (0.0, 1.0, INF, NAN)])
PAIRS: Final = (Relation(1, -1, 1, 1, 4),)
MATRIX: Final = np.array(list(itertools.product((0.0, -1.0, 2.0, INF, NAN), repeat=3)))

#: Primitives with parameters, or with operands of several kinds, whose rules multiply.
ROWS: Final[list[tuple[Primitive, tuple[Value, ...]]]] = [
    *((IntegerPower(n), (x,)) for n in (-2, -1, 0, 1, 2, 3) for x in (REAL, COMPLEX, 0.0, INF)),
    *((Polygamma(n), (x,)) for n in (0, 1, 2) for x in (REAL, 0.0, -1.0, INF)),
    *((p, (MATRIX,)) for p in (Prod((1,)), Prod((0,)), Prod((0, 1)), Logsumexp((1,)))),
    *((p, (MATRIX,)) for p in (Max((1,)), Min((0,)), Softmax((1,)), Cumprod(1), Cumprod(0))),
    (Recurrence(1), (MATRIX, MATRIX[::-1])),
    (Contract((0, 1), (1, 2), (0, 2)), (MATRIX, MATRIX.T)),
    (Contract((0, 1), (0, 1), ()), (MATRIX, MATRIX[::-1])),
    (Contract((0,), (1,), (0, 1)), (REAL, COMPLEX)),
    (Contract((0, 1), (1, 2), (0, 2), no_nan=True), (MATRIX, MATRIX.T)),
    (Solve(nan=True), (np.diag([1.0, 2.0, NAN]), MATRIX[:3])),
    (Solve(nan=True), (np.zeros((3, 3)), MATRIX[:3])),
    (Convolve((0,), (1,), (0, 1), PAIRS), (MATRIX, MATRIX[:, 1:])),
    (Convolve((0,), (0,), (), PAIRS, no_nan=True), (MATRIX, MATRIX[::-1])),
    (MaxPool(PAIRS, (2,)), (MATRIX,)),
    (Where(), (REAL > 0, REAL, REAL[::-1])),
    (MultiplyNoNan(symmetric=True), (REAL[:, None], REAL)),
]
#: Primitives that only move elements, or fill with zeros.
MOVES: Final = (
    Concat,
    Gather,
    Linear,
    MaxPoolShare,
    Pack,
    ScatterAdd,
    ScatterExtreme,
    ScatterSet,
    SliceSet,
    Sort,
    Unpack,
)


DIFFERENTIABLE: Final = [p for p in concrete_primitives() if p.differentiable]
POINTWISE: Final = [p for p in pointwise_primitives() if p.differentiable]


def test_every_primitive_has_a_row_or_only_moves_elements() -> None:
    rows = {type(primitive) for primitive, _ in ROWS} | {type(p) for p in POINTWISE}
    missing = [p for p in DIFFERENTIABLE if p not in rows and not issubclass(p, MOVES)]
    assert missing == []


@pytest.mark.parametrize(("primitive", "operands"), ROWS)
def test_a_rule_with_parameters_sends_zero_to_zero(
    primitive: Primitive, operands: tuple[Value, ...]
) -> None:
    assert check_zero(primitive, operands)


@pytest.mark.parametrize("primitive", POINTWISE)
def test_a_pointwise_rule_sends_zero_to_zero(primitive: Elementwise) -> None:
    arity = operand_count(primitive)
    checked = check_zero(primitive, (REAL, REAL[:, None])[:arity])
    check_zero(primitive, (COMPLEX, COMPLEX[:, None])[:arity])
    for numbers in itertools.product(WILD, repeat=arity):
        check_zero(primitive, numbers)
    assert checked


def check_zero(primitive: Primitive, operands: tuple[Value, ...]) -> bool:
    """Check each pullback of a zero cotangent; return whether there was one to check."""
    try:
        primitive.infer(*map(type_of, operands))
    except DTypeError:
        return False
    with np.errstate(all="ignore"):
        out: Value = primitive.evaluate(*operands)
        zero: Value = type(out)() if out.__class__ in NUMBERS else np.zeros_like(out)[()]
        for index, operand in enumerate(operands):
            if not type_of(operand).inexact or not type_of(out).inexact:
                continue
            bar: Value = primitive.pullback(index, zero, out, operands, MultiplyNoNan())
            if bar is not None:
                wrong = np.broadcast_to(operand, np.shape(bar))[np.asarray(bar) != 0]
                assert wrong.size == 0, f"operand {index} at {wrong[:5]}"
    return True
