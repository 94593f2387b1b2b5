"""Sum, difference, product, quotient and signs."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from attrs.exceptions import FrozenInstanceError

from pullback.core import Array, lift
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.arithmetic import Add, Divide, Multiply, Negative, Positive, Subtract
from pullback.primitives.elementwise import Elementwise
from pullback.primitives.quantity import Value
from tests.checks import check_adjoint, check_primitive, check_type, pullback_of
from tests.primitives.pointwise import (
    AWKWARD,
    AWKWARD_COMPLEX,
    EXTREME,
    PYTHON_ONES,
    applying,
    check_awkward,
    check_every_dtype,
    check_single,
    check_unknown,
    complexes,
    pairs,
    reals,
    second_at,
    slope_at,
)

BINARY = [Add(), Subtract(), Multiply(), Divide()]
UNARY = [Negative(), Positive()]
ALL = [*BINARY, *UNARY]
PAIRS = pairs(0.5, 2.0)
X, Z = reals((2, 3), 0.5, 2.0), complexes((2, 3), 0.5, 2.0)


def name(primitive: Elementwise) -> str:
    return primitive.name


@pytest.mark.parametrize("values", PAIRS)
@pytest.mark.parametrize("primitive", BINARY, ids=name)
def test_binary_derivatives_are_exact_under_every_broadcasting(
    primitive: Elementwise, values: tuple[Value, Value]
) -> None:
    check_primitive(primitive, *values)


@pytest.mark.parametrize("values", [(Z, Z[0] + 1), (Z, X), (X[0], Z), (2.5, Z), (Z, 2.5 + 1j)])
@pytest.mark.parametrize("primitive", BINARY, ids=name)
def test_complex_derivatives_are_exact_beside_complex_and_real_operands(
    primitive: Elementwise, values: tuple[Value, Value]
) -> None:
    check_primitive(primitive, *values)


@pytest.mark.parametrize("value", [X, X[0, 0], 1.5, X[:, :0], Z, 1.5 - 2j])
@pytest.mark.parametrize("primitive", UNARY, ids=name)
def test_derivatives_of_signs_are_exact(primitive: Elementwise, value: Value) -> None:
    check_primitive(primitive, value)


@pytest.mark.parametrize("primitive", ALL, ids=name)
def test_values_and_types_are_numpys_for_every_dtype(primitive: Elementwise) -> None:
    check_every_dtype(primitive)


@pytest.mark.parametrize("primitive", ALL, ids=name)
def test_python_numbers_keep_pythons_types(primitive: Elementwise) -> None:
    for x in PYTHON_ONES:
        for y in PYTHON_ONES:
            check_type(primitive, *(x, y)[: primitive.ufunc.nin])


def test_python_booleans_are_integers_as_in_python() -> None:
    assert repr(Add().evaluate(True, True)) == "2"
    assert repr(Multiply().evaluate(True, True)) == "1"
    assert repr(Negative().evaluate(True)) == "-1"
    assert repr(Positive().evaluate(True)) == "1"
    assert repr(Divide().evaluate(True, True)) == "1.0"


@pytest.mark.parametrize("primitive", ALL, ids=name)
def test_single_precision_stays_single(primitive: Elementwise) -> None:
    for values in [(X, X[0]), (Z, X), (X, Z)]:
        check_single(primitive, *values[: primitive.ufunc.nin])
    if primitive.ufunc.nin == 2:
        check_single(primitive, X, 2.5)
        check_single(primitive, 2.5, X)


def test_cotangents_of_mixed_precision_have_the_precision_of_their_operands() -> None:
    single, double = X.astype("float32"), X
    for primitive in BINARY:
        bars = pullback_of(applying(primitive), [single, double], np.ones_like(double))
        assert [bar.dtype for bar in bars] == ["float32", "float64"]
        check_adjoint(primitive, np.float32(2), np.float64(3))
        check_adjoint(primitive, np.float64(2), np.float32(3))


def test_the_double_cotangent_of_a_mixed_product_is_not_rounded() -> None:
    bars = pullback_of(applying(Multiply()), [np.float64(2), np.float32(3)], np.float64(0.1))
    assert bars[0] == 0.1 * 3.0


@pytest.mark.parametrize("primitive", ALL, ids=name)
def test_rules_need_no_values(primitive: Elementwise) -> None:
    for values in [(X, X[0]), (1.5, X), (X, 1.5), (1.5, 2.5), (Z, X), (X, Z)]:
        check_unknown(primitive, *values[: primitive.ufunc.nin])


@pytest.mark.parametrize("primitive", ALL, ids=name)
def test_no_python_number_makes_a_rule_raise(primitive: Elementwise) -> None:
    check_awkward(primitive, primitive.ufunc.nin, [*AWKWARD, *EXTREME, *AWKWARD_COMPLEX])


@pytest.mark.parametrize(
    ("x", "y", "quotient"),
    [(1.0, 0.0, math.inf), (-1.0, 0.0, -math.inf), (1.0, -0.0, -math.inf), (1, 0, math.inf)],
)
def test_python_numbers_divide_by_zero_as_ieee_says(x: float, y: float, quotient: float) -> None:
    result = Divide().evaluate(x, y)
    assert result == quotient
    assert type(result) is float


def test_zero_divided_by_zero_is_nan_without_a_warning() -> None:
    assert math.isnan(Divide().evaluate(0.0, 0.0))
    assert math.isnan(Divide().evaluate(0j, 0j).real)


@pytest.mark.parametrize("zero", [0.0, np.float64(0), np.zeros(1)])
def test_derivatives_of_division_by_zero_are_infinite(zero: Value) -> None:
    with np.errstate(divide="ignore"):
        assert slope_at(applying(Divide()), 1.0, zero) == math.inf
        assert slope_at(applying(Divide()), 1.0, zero, index=1) == -math.inf


def test_second_derivatives_of_a_quotient() -> None:
    for x, y in [(3.0, 2.0), (np.float64(3), np.float64(2))]:
        f = applying(Divide())
        assert second_at(f, x, y, first=0, then=0) == 0
        assert second_at(f, x, y, first=0, then=1) == -1 / 4
        assert second_at(f, x, y, first=1, then=0) == -1 / 4
        assert second_at(f, x, y, first=1, then=1) == 2 * 3 / 8


def test_an_operand_that_stands_twice_receives_both_cotangents() -> None:
    def square(x: Array) -> Array:
        return x * x

    assert slope_at(square, 3.0) == 6
    assert second_at(square, 3.0) == 2


def test_errors_name_the_operation_and_what_met() -> None:
    with pytest.raises(ShapeError, match=r"^add: shapes \(2,\) and \(3,\) do not broadcast"):
        _ = lift(np.ones(2)) + lift(np.ones(3))
    with pytest.raises(DTypeError, match=r"^subtract: not defined for dtype bool, bool"):
        _ = lift(np.ones(2, bool)) - lift(np.ones(2, bool))
    with pytest.raises(DTypeError, match=r"^negative: not defined for dtype bool"):
        _ = -lift(np.ones(2, bool))


def test_a_primitive_without_fields_is_a_value() -> None:
    other: Elementwise = Subtract()
    assert Add() == Add()
    assert other != Add()
    assert len({Add(), Add(), other}) == 2
    assert pickle.loads(pickle.dumps(Add())) == Add()  # noqa: S301 - our own bytes
    assert repr(Add()) == "Add()"
    with pytest.raises(FrozenInstanceError):
        Add().extra = 1  # type: ignore[attr-defined]
