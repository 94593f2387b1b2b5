"""Absolute value, sign, rounding, and division with a whole quotient."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from pullback.core import Trace, apply, lift, make_node
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.elementwise import Binary, Elementwise, Stepwise
from pullback.primitives.identity import Input
from pullback.primitives.primitive import PLAIN_PRODUCT, Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.rounding import (
    Abs,
    Ceil,
    Copysign,
    Floor,
    FloorDivide,
    Fmod,
    Nextafter,
    Remainder,
    Round,
    Sign,
    Signbit,
    Trunc,
)
from pullback.types import type_of
from tests.checks import check_primitive, check_type
from tests.primitives.pointwise import (
    AWKWARD,
    AWKWARD_COMPLEX,
    DTYPES,
    EXTREME,
    PYTHON_ONES,
    applying,
    check_awkward,
    check_every_dtype,
    check_single,
    check_unknown,
    complexes,
    ones,
    pairs,
    reals,
    second_at,
    slope_at,
)

STEPS: list[Stepwise] = [FloorDivide(), Floor(), Ceil(), Trunc(), Round(), Sign(), Signbit()]
SMOOTH: list[Elementwise] = [Abs(), Remainder(), Fmod(), Copysign(), Nextafter()]
X, Y, Z = reals((2, 3), 0.6, 0.9), reals((3,), 0.6, 0.9, seed=5), complexes((2, 3), -2.0, 2.0)
INF, NAN = math.inf, math.nan


def name(primitive: Elementwise) -> str:
    return primitive.name


@pytest.mark.parametrize("value", [X, -X, X[0, 0], -1.5, X[:1, :1], X[:, :0], Z, 3.0 - 4j])
def test_derivatives_of_the_absolute_value_are_exact(value: Value) -> None:
    check_primitive(Abs(), value)


@pytest.mark.parametrize("values", [*pairs(0.6, 0.9), (-X, Y), (5 * X, -Y), (-5 * X, 0.7)])
@pytest.mark.parametrize("primitive", [Remainder(), Fmod(), Copysign()], ids=name)
def test_derivatives_in_two_operands_are_exact(
    primitive: Binary, values: tuple[Value, Value]
) -> None:
    check_primitive(primitive, *values)


def test_the_next_float_moves_as_the_float_itself() -> None:
    for values in pairs(0.6, 0.9):
        check_primitive(Nextafter(), *values)


@pytest.mark.parametrize("primitive", [*STEPS, *SMOOTH], ids=name)
def test_values_and_types_are_numpys_for_every_dtype(primitive: Elementwise) -> None:
    if not isinstance(primitive, Round):  # it is no ufunc
        check_every_dtype(primitive)


@pytest.mark.parametrize("decimals", [0, 2, -1])
def test_rounding_is_numpys_for_every_dtype(decimals: int) -> None:
    for value in [*(v for dtype in DTYPES for v in ones(dtype)), *PYTHON_ONES]:
        if decimals and type_of(value).dtype == bool:
            with pytest.raises(DTypeError, match="round: not defined for dtype bool"):
                apply(Round(decimals), lift(value))
            continue
        check_type(Round(decimals), value)
        expected = np.round(value, decimals)
        assert np.array_equal(Round(decimals).evaluate(value), expected)
        assert type_of(Round(decimals).evaluate(value)).dtype == expected.dtype


def test_halves_round_to_even() -> None:
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 0.5 + 0j])
    np.testing.assert_array_equal(Round().evaluate(halves), [0, 2, 2, 0, -2, 0])
    np.testing.assert_array_equal(Round(1).evaluate(np.array([0.25, 0.75])), [0.2, 0.8])
    assert Round(-1).evaluate(15) == 20


@pytest.mark.parametrize("primitive", STEPS, ids=name)
def test_a_step_function_of_a_traced_value_is_a_constant(primitive: Stepwise) -> None:
    for value in (1.5, np.float64(1.5), X):
        traced = make_node(value, Input(), (), frozenset({Trace()}))
        assert not apply(primitive, *(traced, lift(2.0))[: primitive.ufunc.nin]).sources


@pytest.mark.parametrize("primitive", STEPS, ids=name)
def test_a_step_function_has_no_derivative(primitive: Primitive) -> None:
    values = (X, Y)
    assert primitive.pushforward(0, X, X, values) is None
    assert primitive.pullback(0, X, X, values, PLAIN_PRODUCT) is None


@pytest.mark.parametrize("primitive", SMOOTH, ids=name)
def test_single_precision_stays_single(primitive: Elementwise) -> None:
    check_single(primitive, *(X, X[0])[: primitive.ufunc.nin])
    if primitive.ufunc.nin == 2:
        check_single(primitive, X, 0.5)
        check_single(primitive, 0.5, X)
    else:
        check_single(primitive, Z)


@pytest.mark.parametrize("primitive", SMOOTH, ids=name)
def test_rules_need_no_values(primitive: Elementwise) -> None:
    for values in [(X, X[0]), (0.5, X), (X, 0.5), (0.5, 0.2)]:
        check_unknown(primitive, *values[: primitive.ufunc.nin])
    check_unknown(Abs(), Z)
    check_unknown(Abs(), 1j)


@pytest.mark.parametrize("primitive", [*STEPS, *SMOOTH], ids=name)
def test_no_python_number_makes_a_rule_raise(primitive: Elementwise) -> None:
    check_awkward(primitive, primitive.ufunc.nin, [*AWKWARD, *EXTREME, *AWKWARD_COMPLEX])


@pytest.mark.parametrize("primitive", [FloorDivide(), Remainder(), Abs()], ids=name)
def test_operators_keep_pythons_types(primitive: Elementwise) -> None:
    for x in PYTHON_ONES[:3]:
        for y in PYTHON_ONES[:3]:
            check_type(primitive, *(x, y)[: primitive.ufunc.nin])
    assert repr(Abs().evaluate(True)) == "1"
    assert repr(FloorDivide().evaluate(True, True)) == "1"
    assert repr(Remainder().evaluate(True, True)) == "0"


def test_python_numbers_divide_by_zero_as_numpy_does() -> None:
    assert FloorDivide().evaluate(1.0, 0.0) == INF
    assert FloorDivide().evaluate(-1.0, 0.0) == -INF
    assert math.isnan(FloorDivide().evaluate(0.0, 0.0))
    assert math.isnan(Remainder().evaluate(1.0, 0.0))
    assert repr(FloorDivide().evaluate(1, 0)) == "0"
    assert repr(Remainder().evaluate(1, 0)) == "0"


def test_the_magnitude_of_a_huge_python_complex_is_infinite() -> None:
    assert Abs().evaluate(1.5e308 + 1.5e308j) == INF
    assert type(Abs().evaluate(1.5e308 + 1.5e308j)) is float


@pytest.mark.parametrize("form", [float, np.float64, np.float32, lambda x: np.array([x])])
def test_the_absolute_value_is_flat_at_zero(form: Callable[[float], Value]) -> None:
    f = applying(Abs())
    for x, slope in [(0.0, 0), (-0.0, 0), (2.0, 1), (-2.0, -1), (INF, 1), (-INF, -1)]:
        assert slope_at(f, form(x)) == slope
        assert second_at(f, form(x)) == 0


@pytest.mark.parametrize("form", [complex, np.complex128, np.complex64, lambda z: np.array([z])])
def test_the_magnitude_is_flat_at_complex_zero(form: Callable[[complex], Value]) -> None:
    f = applying(Abs())
    assert slope_at(f, form(0j)) == 0
    assert second_at(f, form(0j)) == 0
    np.testing.assert_allclose(slope_at(f, form(3 - 4j)), form(0.6 - 0.8j), rtol=1e-7)


@pytest.mark.parametrize(
    ("primitive", "x", "y", "slope"),
    [
        (Remainder(), 7.0, 3.0, -2.0),
        (Remainder(), -7.0, 3.0, 3.0),
        (Remainder(), 7.0, -3.0, 3.0),
        (Remainder(), 6.0, 3.0, -2.0),
        (Remainder(), 1.0, 0.1, -9.0),
        (Fmod(), 7.0, 3.0, -2.0),
        (Fmod(), -7.0, 3.0, 2.0),
        (Fmod(), 7.0, -3.0, 2.0),
        (Fmod(), 6.0, 3.0, -2.0),
        (Fmod(), 1.0, 0.1, -9.0),  # 1 / 0.1 rounds up to 10, but 10 steps of 0.1 exceed 1
    ],
)
def test_the_remainder_loses_the_whole_quotient_with_the_divisor(
    primitive: Binary, x: float, y: float, slope: float
) -> None:
    for form in (float, np.float64):
        assert slope_at(applying(primitive), form(x), form(y)) == 1
        assert slope_at(applying(primitive), form(x), form(y), index=1) == slope
        for first, then in [(0, 1), (1, 0), (1, 1)]:
            second = second_at(applying(primitive), form(x), form(y), first=first, then=then)
            assert second == 0


@pytest.mark.parametrize(
    ("x", "y", "slope"),
    [(2.0, -3.0, -1), (-2.0, -3.0, 1), (2.0, -0.0, -1), (-2.0, 0.0, -1), (0.0, -1.0, 0)],
)
def test_the_copied_sign_decides_the_direction(x: float, y: float, slope: float) -> None:
    for form in (float, np.float64):
        assert slope_at(applying(Copysign()), form(x), form(y)) == slope
        assert slope_at(applying(Copysign()), form(x), form(y), index=1) == 0


def test_errors_name_the_operation() -> None:
    for primitive in [Floor(), Signbit()]:
        with pytest.raises(DTypeError, match=f"{primitive.name}: not defined for dtype complex128"):
            apply(primitive, lift(np.array([1j])))
    with pytest.raises(DTypeError, match="remainder: not defined for dtype complex128, float64"):
        _ = lift(np.array([1j])) % 1.0
    with pytest.raises(DTypeError, match="floor_divide: not defined for dtype complex128"):
        _ = lift(1j) // 1.0
    with pytest.raises(ShapeError, match=r"remainder: shapes \(2,\) and \(3,\)"):
        _ = lift(np.ones(2)) % lift(np.ones(3))
