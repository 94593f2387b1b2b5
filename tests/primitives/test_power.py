"""Powers: exact derivatives where the textbook formulas read 0 * inf, and everywhere else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pullback.core import apply, lift
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.power import IntegerPower, Power, Reciprocal, Square
from pullback.primitives.quantity import Value
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

POWER = applying(Power())
X, Y, Z = reals((2, 3), 0.5, 2.0), reals((3,), -1.0, 2.0, seed=3), complexes((2, 3), 0.5, 2.0)
INF, NAN = math.inf, math.nan


@pytest.mark.parametrize("values", [*pairs(0.5, 2.0), (X, Y), (X, -1.5), (X, 2), (3, X)])
def test_derivatives_are_exact_under_every_broadcasting(values: tuple[Value, Value]) -> None:
    check_primitive(Power(), *values)


@pytest.mark.parametrize(
    "values", [(Z, Z[0] - 1), (Z, X), (X, Z), (-X, Z), (-1.5, Z), (Z, 2.5 + 1j), (2, Z)]
)
def test_complex_derivatives_are_exact(values: tuple[Value, Value]) -> None:
    check_primitive(Power(), *values)


@pytest.mark.parametrize("exponent", [np.int8(-3), np.array([2, -1, 0]), np.uint8(3)])
def test_integer_arrays_are_exponents_of_any_base(exponent: Value) -> None:
    check_primitive(Power(), X, exponent)
    check_primitive(Power(), -X, exponent)


def test_small_integer_exponents_do_not_wrap_around() -> None:
    slope = slope_at(POWER, np.float64(1.5), np.int8(-128))
    np.testing.assert_allclose(slope, -128 * 1.5**-129)
    assert slope_at(POWER, np.float64(1e300), np.uint8(0)) == 0


def test_the_logarithm_of_a_small_integer_base_is_not_rounded_to_half_precision() -> None:
    assert slope_at(POWER, np.int8(3), np.float64(2), index=1) == 9 * math.log(3)


@pytest.mark.parametrize("exponent", [-3, -1, 0, 1, 2, 3, 7])
@pytest.mark.parametrize("value", [X, -X, X[0, 0], -1.5, X[:, :0], Z, 1.5 - 2j])
def test_derivatives_of_integer_powers_are_exact(exponent: int, value: Value) -> None:
    check_primitive(IntegerPower(exponent), value, rtol=1e-5)


@pytest.mark.parametrize("value", [X, -X, X[0, 0], 1.5, X[:, :0], Z])
def test_derivatives_of_square_and_reciprocal_are_exact(value: Value) -> None:
    check_primitive(Square(), value)
    check_primitive(Reciprocal(), value)


def test_single_precision_stays_single() -> None:
    for values in [(X, Y), (Z, X), (X, Z), (X, 2.5), (2.5, X), (X, 0.0)]:
        check_single(Power(), *values)
    for exponent in (-1, 0, 1, 2, 3):
        check_single(IntegerPower(exponent), X)
    check_single(Square(), X)
    check_single(Reciprocal(), Z)


def test_rules_need_no_values() -> None:
    for values in [(X, Y), (1.5, X), (X, 1.5), (1.5, 2.5), (Z, X), (X, Z)]:
        check_unknown(Power(), *values)
    for exponent in (-1, 0, 1, 2, 3):
        check_unknown(IntegerPower(exponent), X)


@pytest.mark.parametrize("primitive", [Power(), Square(), Reciprocal()])
def test_values_and_types_are_numpys_for_every_dtype(
    primitive: Power | Square | Reciprocal,
) -> None:
    check_every_dtype(primitive)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3])
def test_integer_powers_have_the_types_of_the_operator(exponent: int) -> None:
    for value in [*(v for dtype in DTYPES for v in ones(dtype)), *PYTHON_ONES]:
        check_type(IntegerPower(exponent), value)


@pytest.mark.parametrize("exponent", [-1, -2])
def test_negative_integer_powers_are_inexact_or_refused(exponent: int) -> None:
    for value in [*(v for dtype in DTYPES for v in ones(dtype)), *PYTHON_ONES]:
        if type(value) in (bool, int, float, complex) or type_of(value).inexact:
            check_type(IntegerPower(exponent), value)
        else:
            with pytest.raises(DTypeError, match=r"power: .*; convert the base to a floating"):
                apply(IntegerPower(exponent), lift(value))
            with pytest.raises(DTypeError, match=r"power: .*; convert the base to a floating"):
                IntegerPower(exponent).infer(type_of(value))


# --------------------------------------------------------------------------- special points
# Each point as Python numbers, NumPy scalars and arrays: they take different ways.

FORMS = [float, np.float64, lambda x: np.array([x]), np.float32]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("x", "y", "slope"),
    [
        (0.0, 0.0, 0.0),
        (INF, 0.0, 0.0),
        (-2.0, 0.0, 0.0),
        (2.0, 0.0, 0.0),
        (0.0, 1.0, 1.0),
        (0.0, 2.0, 0.0),
        (0.0, 3.0, 0.0),
        (0.0, 0.5, INF),
        (0.0, 1.5, 0.0),
        (0.0, -1.0, -INF),
        (-2.0, 3.0, 12.0),
        (-2.0, -1.0, -0.25),
        (-2.0, 2.0, -4.0),
        (-2.0, 0.5, NAN),
        (INF, 2.0, INF),
    ],
)
def test_derivative_in_the_base(form: type[float], x: float, y: float, slope: float) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(slope_at(POWER, form(x), form(y)), form(slope))
        np.testing.assert_array_equal(slope_at(POWER, form(x), y), form(slope))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("x", "y", "slope"),
    [
        (0.0, 2.0, 0.0),
        (0.0, 0.5, 0.0),
        (0.0, 1e-9, 0.0),
        (0.0, 0.0, 0.0),  # the limit from y > 0
        (1.0, 5.0, 0.0),
        (-2.0, 2.0, NAN),  # real at isolated exponents only
        (2.0, 0.0, math.log(2)),
        (INF, -1.0, NAN),
    ],
)
def test_derivative_in_the_exponent(form: type[float], x: float, y: float, slope: float) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(slope_at(POWER, form(x), form(y), index=1), form(slope))
        np.testing.assert_array_equal(slope_at(POWER, x, form(y), index=1), form(slope))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("x", "y", "second"),
    [
        (0.0, 2.0, 2.0),
        (0.0, 1.0, 0.0),
        (0.0, 0.0, 0.0),
        (0.0, 3.0, 0.0),
        (0.0, 1.5, INF),
        (0.0, 0.5, -INF),
        (4.0, 0.5, -1 / 32),
        (-2.0, 3.0, -12.0),
        (-3.0, 2.0, 2.0),
    ],
)
def test_second_derivative_in_the_base(
    form: type[float], x: float, y: float, second: float
) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(second_at(POWER, form(x), form(y)), form(second))
        np.testing.assert_array_equal(second_at(POWER, form(x), y), form(second))


@pytest.mark.parametrize("form", FORMS)
def test_mixed_derivative_at_exponent_zero_is_the_reciprocal_of_the_base(
    form: type[float],
) -> None:
    # y·x^(y-1) is 0 at y = 0, but changes with y: ∂²/∂x∂y x^y = x^(y-1)·(1 + y·ln x).
    assert second_at(POWER, form(4.0), form(0.0), first=0, then=1) == 0.25
    assert second_at(POWER, form(4.0), form(0.0), first=1, then=0) == 0.25


@pytest.mark.parametrize("form", FORMS)
def test_all_second_derivatives_at_base_zero_and_a_large_exponent_vanish(
    form: type[float],
) -> None:
    for first, then in [(0, 1), (1, 0), (1, 1)]:
        assert second_at(POWER, form(0.0), form(3.0), first=first, then=then) == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("exponent", "slope", "second"),
    [(0, 0.0, 0.0), (1, 1.0, 0.0), (2, 0.0, 2.0), (3, 0.0, 0.0), (-1, -INF, INF)],
)
def test_integer_powers_at_zero(
    form: type[float], exponent: int, slope: float, second: float
) -> None:
    f = applying(IntegerPower(exponent))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(slope_at(f, form(0.0)), form(slope))
        np.testing.assert_array_equal(second_at(f, form(0.0)), form(second))


def test_complex_powers_of_zero_have_the_derivatives_of_the_limit() -> None:
    for x, y in [(0j, 2.0), (np.complex128(0), 2.0), (np.complex128(0), np.complex128(2))]:
        with np.errstate(all="ignore"):
            assert slope_at(POWER, x, y) == 0
            assert second_at(POWER, x, y) == 2
    assert slope_at(POWER, np.complex128(0), np.complex128(2 + 1j), index=1) == 0
    assert slope_at(POWER, 0j, 2 + 1j, index=1) == 0


# --------------------------------------------------------------------------- Python numbers


@pytest.mark.parametrize(
    ("x", "y", "power"),
    [
        (0.0, -1.0, INF),
        (-0.0, -1, -INF),
        (0, -2, INF),
        (1e200, 2, INF),
        (-1e200, 3.0, -INF),
        (-8.0, 1 / 3, NAN),
        (-8, 0.5, NAN),
        (2, -1, 0.5),
        (True, True, 1),
        (2, 10, 1024),
    ],
)
def test_powers_of_python_numbers_are_ieees(x: float, y: float, power: float) -> None:
    result = Power().evaluate(x, y)
    np.testing.assert_equal(result, power)
    assert type(result) is type(power)
    if type(y) is int:
        np.testing.assert_equal(IntegerPower(y).evaluate(x), power)


def test_a_complex_operand_makes_roots_of_negative_numbers_complex() -> None:
    assert abs(Power().evaluate(-8.0 + 0j, 1 / 3) - (1 + math.sqrt(3) * 1j)) < 1e-14
    assert math.isnan(Power().evaluate(0j, -1).real)
    assert math.isnan(Power().evaluate(0j, -1.0).imag)


def test_no_python_number_makes_a_rule_raise() -> None:
    numbers = [*AWKWARD, *EXTREME, *AWKWARD_COMPLEX]
    check_awkward(Power(), 2, numbers)
    for primitive in [*map(IntegerPower, range(-3, 4)), Square(), Reciprocal()]:
        check_awkward(primitive, 1, numbers)


# ------------------------------------------------------------------------------------ errors


def test_errors_name_the_operation_and_the_remedy() -> None:
    with pytest.raises(DTypeError, match="power: Integers to negative integer powers are not"):
        _ = lift(np.array([2])) ** lift(np.array([-1]))
    with pytest.raises(DTypeError, match="power: Python integer 300 out of bounds for int8"):
        _ = lift(np.int8(2)) ** 300
    with pytest.raises(ShapeError, match=r"power: shapes \(2,\) and \(3,\) do not broadcast"):
        _ = lift(np.ones(2)) ** lift(np.ones(3))
