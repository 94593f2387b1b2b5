"""Bitwise and logical operations: NumPy's values for every dtype, and no derivative."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.core import Trace, apply, lift, make_node
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.bitwise import (
    BitwiseAnd,
    BitwiseInvert,
    BitwiseOr,
    BitwiseXor,
    LeftShift,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
    LogicalXor,
    RightShift,
)
from pullback.primitives.elementwise import Stepwise
from pullback.primitives.identity import Input
from tests.checks import check_type
from tests.primitives.pointwise import check_every_dtype

BITWISE: list[Stepwise] = [
    BitwiseAnd(),
    BitwiseOr(),
    BitwiseXor(),
    BitwiseInvert(),
    LeftShift(),
    RightShift(),
]
LOGICAL: list[Stepwise] = [LogicalAnd(), LogicalOr(), LogicalXor(), LogicalNot()]


def name(primitive: Stepwise) -> str:
    return primitive.name


@pytest.mark.parametrize("primitive", [*BITWISE, *LOGICAL], ids=name)
def test_values_and_types_are_numpys_for_every_dtype(primitive: Stepwise) -> None:
    check_every_dtype(primitive)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64"])
@pytest.mark.parametrize("primitive", BITWISE, ids=name)
def test_integers_combine_bit_by_bit(primitive: Stepwise, dtype: str) -> None:
    x, y = np.arange(0, 100, 7).astype(dtype)[:, np.newaxis], np.arange(5).astype(dtype)
    values = (x, y)[: primitive.ufunc.nin]
    np.testing.assert_array_equal(primitive.evaluate(*values), primitive.ufunc(*values))
    check_type(primitive, *values)


@pytest.mark.parametrize("primitive", LOGICAL, ids=name)
def test_everything_but_zero_is_true(primitive: Stepwise) -> None:
    x = np.array([0.0, -0.0, 2.5, -np.inf, np.nan])[:, np.newaxis]
    values = (x, np.array([0j, 1j]))[: primitive.ufunc.nin]
    np.testing.assert_array_equal(primitive.evaluate(*values), primitive.ufunc(*values))


@pytest.mark.parametrize("primitive", BITWISE, ids=name)
def test_python_integers_keep_pythons_types(primitive: Stepwise) -> None:
    for x in (True, 1):
        for y in (True, 1):
            check_type(primitive, *(x, y)[: primitive.ufunc.nin])
    assert repr(BitwiseAnd().evaluate(True, True)) == "True"
    assert repr(BitwiseInvert().evaluate(True)) == "-2"
    assert repr(LeftShift().evaluate(True, True)) == "2"
    assert repr(BitwiseInvert().evaluate(np.bool_(True))) == "np.False_"


@pytest.mark.parametrize("primitive", LOGICAL, ids=name)
def test_the_answer_about_a_traced_value_is_a_constant(primitive: Stepwise) -> None:
    traced = make_node(np.ones(3), Input(), (), frozenset({Trace()}))
    assert not apply(primitive, *(traced, lift(2.0))[: primitive.ufunc.nin]).sources


def test_errors_name_the_operation() -> None:
    with pytest.raises(DTypeError, match="bitwise_and: not defined for dtype float64, float64"):
        _ = lift(np.ones(2)) & lift(np.ones(2))
    with pytest.raises(DTypeError, match="left_shift: not defined for dtype float64"):
        _ = lift(1.5) << 1
    with pytest.raises(DTypeError, match="invert: not defined for dtype float64"):
        _ = ~lift(1.5)
    with pytest.raises(ShapeError, match=r"bitwise_or: shapes \(2,\) and \(3,\)"):
        _ = lift(np.ones(2, int)) | lift(np.ones(3, int))
