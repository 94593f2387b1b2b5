"""Comparisons and tests: NumPy's values for every dtype, and no derivative."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pullback.core import Trace, apply, lift, make_node
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.comparison import (
    Equal,
    Greater,
    GreaterEqual,
    Isfinite,
    Isinf,
    Isnan,
    Less,
    LessEqual,
    NotEqual,
)
from pullback.primitives.elementwise import Stepwise
from pullback.primitives.identity import Input
from tests.checks import check_type
from tests.primitives.pointwise import PYTHON_ONES, check_every_dtype

COMPARISONS: list[Stepwise] = [
    Equal(),
    NotEqual(),
    Less(),
    LessEqual(),
    Greater(),
    GreaterEqual(),
]
TESTS: list[Stepwise] = [Isfinite(), Isinf(), Isnan()]
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan])


def name(primitive: Stepwise) -> str:
    return primitive.name


@pytest.mark.parametrize("primitive", [*COMPARISONS, *TESTS], ids=name)
def test_values_and_types_are_numpys_for_every_dtype(primitive: Stepwise) -> None:
    check_every_dtype(primitive)


@pytest.mark.parametrize("primitive", COMPARISONS, ids=name)
def test_special_values_compare_as_in_numpy(primitive: Stepwise) -> None:
    x, y = SPECIAL[:, np.newaxis], SPECIAL
    np.testing.assert_array_equal(primitive.evaluate(x, y), primitive.ufunc(x, y))
    for a in SPECIAL:
        for b in SPECIAL:
            assert primitive.evaluate(float(a), float(b)) is bool(primitive.ufunc(a, b))


@pytest.mark.parametrize("primitive", TESTS, ids=name)
def test_special_values_are_recognised_as_in_numpy(primitive: Stepwise) -> None:
    values = np.array([complex(a, b) for a in SPECIAL for b in SPECIAL])
    np.testing.assert_array_equal(primitive.evaluate(values), primitive.ufunc(values))
    for value in [*SPECIAL.tolist(), *values.tolist()]:
        check_type(primitive, value)
        assert primitive.evaluate(value) == primitive.ufunc(value)


@pytest.mark.parametrize("primitive", COMPARISONS, ids=name)
def test_python_numbers_compare_to_python_booleans(primitive: Stepwise) -> None:
    for x in PYTHON_ONES[:3]:
        for y in PYTHON_ONES[:3]:
            check_type(primitive, x, y)
            assert type(primitive.evaluate(x, y)) is bool


def test_an_integer_compares_exactly_beyond_its_range() -> None:
    assert not Equal().evaluate(np.int8(3), 300)
    assert Greater().evaluate(np.array([3], "uint8"), -1).all()
    assert Less().evaluate(np.int64(2**62), np.uint64(2**63))


@pytest.mark.parametrize("primitive", [*COMPARISONS, *TESTS], ids=name)
def test_the_answer_about_a_traced_value_is_a_constant(primitive: Stepwise) -> None:
    traced = make_node(np.ones(3), Input(), (), frozenset({Trace()}))
    answer = apply(primitive, *(traced, lift(2.0))[: primitive.ufunc.nin])
    assert not answer.sources
    assert answer.dtype == bool
    assert answer.shape == (3,)


@pytest.mark.parametrize("primitive", [*COMPARISONS, *TESTS], ids=name)
def test_empty_arrays_give_empty_answers(primitive: Stepwise) -> None:
    check_type(primitive, *(np.ones((2, 0)), 1.0)[: primitive.ufunc.nin])


def test_errors_name_the_operation() -> None:
    with pytest.raises(ShapeError, match=r"less_equal: shapes \(2,\) and \(3,\)"):
        _ = lift(np.ones(2)) <= lift(np.ones(3))
    with pytest.raises(ShapeError, match=r"equal: shapes \(2,\) and \(3,\)"):
        _ = lift(np.ones(2)) == lift(np.ones(3))
    with pytest.raises(DTypeError, match="less: '<' not supported between instances of 'complex'"):
        _ = lift(1j) < 2j
