"""Trigonometric functions: exact derivatives, also near ±1, at the origin and on branch cuts."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from pullback.core import apply, lift
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.elementwise import Binary, Elementwise, Unary
from pullback.primitives.quantity import Value
from pullback.primitives.trigonometric import Acos, Asin, Atan, Atan2, Cos, Hypot, Sin, Tan
from tests.checks import check_primitive
from tests.primitives.pointwise import (
    AWKWARD,
    AWKWARD_COMPLEX,
    EXTREME,
    applying,
    check_awkward,
    check_branch_cut,
    check_every_dtype,
    check_single,
    check_unknown,
    complexes,
    pairs,
    reals,
    second_at,
    slope_at,
)

UNARY: list[Unary] = [Sin(), Cos(), Tan(), Asin(), Acos(), Atan()]
BINARY: list[Binary] = [Hypot(), Atan2()]
X, Z = reals((2, 3), -0.8, 0.8), complexes((2, 3), -2.0, 2.0)
INF, NAN = math.inf, math.nan


def name(primitive: Elementwise) -> str:
    return primitive.name


@pytest.mark.parametrize("value", [X, X[0, 0], 0.5, X[:1, :1], X[:, :0], Z, Z[0, 0], 0.5 - 1j])
@pytest.mark.parametrize("primitive", UNARY, ids=name)
def test_derivatives_are_exact(primitive: Unary, value: Value) -> None:
    check_primitive(primitive, value, rtol=1e-5)


@pytest.mark.parametrize("values", [*pairs(0.5, 2.0), *pairs(-2.0, -0.5)])
@pytest.mark.parametrize("primitive", BINARY, ids=name)
def test_derivatives_in_two_operands_are_exact(
    primitive: Binary, values: tuple[Value, Value]
) -> None:
    check_primitive(primitive, *values)


def test_the_angle_is_differentiated_in_every_quadrant() -> None:
    for signs in [(1, 1), (1, -1), (-1, 1), (-1, -1)]:
        check_primitive(Atan2(), 1.5 * signs[0], np.float64(0.5 * signs[1]))


@pytest.mark.parametrize("primitive", [*UNARY, *BINARY], ids=name)
def test_values_and_types_are_numpys_for_every_dtype(primitive: Elementwise) -> None:
    check_every_dtype(primitive)


@pytest.mark.parametrize("primitive", [*UNARY, *BINARY], ids=name)
def test_single_precision_stays_single(primitive: Elementwise) -> None:
    check_single(primitive, *(X, X[0])[: primitive.ufunc.nin])
    if primitive in UNARY:
        check_single(primitive, Z)


@pytest.mark.parametrize("primitive", [*UNARY, *BINARY], ids=name)
def test_rules_need_no_values(primitive: Elementwise) -> None:
    for values in [(X, X[0]), (0.5, X), (X, 0.5), (0.5, 0.2)]:
        check_unknown(primitive, *values[: primitive.ufunc.nin])


@pytest.mark.parametrize("primitive", [*UNARY, *BINARY], ids=name)
def test_no_python_number_makes_a_rule_raise(primitive: Elementwise) -> None:
    check_awkward(primitive, primitive.ufunc.nin, [*AWKWARD, *EXTREME, *AWKWARD_COMPLEX])


@pytest.mark.parametrize(
    ("primitive", "slope"),
    [
        (Asin(), lambda x: 1 / mpmath.sqrt(1 - x * x)),
        (Acos(), lambda x: -1 / mpmath.sqrt(1 - x * x)),
        (Atan(), lambda x: 1 / (1 + x * x)),
        (Tan(), lambda x: 1 / mpmath.cos(x) ** 2),
    ],
)
def test_slopes_near_one_are_within_four_units_in_the_last_place(
    primitive: Unary, slope: Callable[[mpmath.mpf], mpmath.mpf]
) -> None:
    points = [1e-9, -0.3, 1 - 1e-15, -1 + 1e-12, 1 - 1e-4]
    with mpmath.workdps(40):
        exact = np.array([float(slope(mpmath.mpf(x))) for x in points])
    slopes = slope_at(applying(primitive), np.array(points))
    np.testing.assert_array_max_ulp(slopes, exact, maxulp=4)


@pytest.mark.parametrize(
    ("primitive", "x", "slope"),
    [
        (Sin(), 0.0, 1.0),
        (Cos(), 0.0, 0.0),
        (Tan(), 0.0, 1.0),
        (Asin(), 1.0, INF),
        (Asin(), -1.0, INF),
        (Acos(), 1.0, -INF),
        (Acos(), -1.0, -INF),
        (Asin(), 2.0, NAN),
        (Atan(), INF, 0.0),
        (Atan(), -INF, 0.0),
    ],
)
def test_slopes_at_special_points(primitive: Unary, x: float, slope: float) -> None:
    for value in (x, np.float64(x), np.array([x])):
        with np.errstate(all="ignore"):
            result = slope_at(applying(primitive), value)
        np.testing.assert_array_equal(result, np.full(np.shape(value), slope))


@pytest.mark.parametrize("form", [float, np.float64, lambda x: np.array([x])])
@pytest.mark.parametrize("primitive", BINARY, ids=name)
def test_all_derivatives_at_the_origin_are_zero(
    primitive: Binary, form: Callable[[float], Value]
) -> None:
    f = applying(primitive)
    for x, y in [(0.0, 0.0), (-0.0, 0.0), (0.0, -0.0)]:
        for first in (0, 1):
            assert slope_at(f, form(x), form(y), index=first) == 0
            for then in (0, 1):
                assert second_at(f, form(x), form(y), first=first, then=then) == 0


def test_derivatives_on_the_axes() -> None:
    assert slope_at(applying(Hypot()), 0.0, 2.0) == 0
    assert slope_at(applying(Hypot()), 0.0, -2.0, index=1) == -1
    assert slope_at(applying(Atan2()), 0.0, 2.0) == 0.5
    assert slope_at(applying(Atan2()), 0.0, 2.0, index=1) == 0
    assert slope_at(applying(Atan2()), 2.0, 0.0, index=1) == -0.5


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_derivatives_do_not_overflow_before_their_results_do(scale: float) -> None:
    x, y = np.float64(3 * scale), np.float64(4 * scale)
    for index, share in [(0, 0.6), (1, 0.8)]:
        slope = slope_at(applying(Hypot()), x, y, index=index)
        np.testing.assert_allclose(slope, share, rtol=1e-15)
    np.testing.assert_allclose(slope_at(applying(Atan2()), x, y), 0.16 / scale, rtol=1e-15)
    np.testing.assert_allclose(
        slope_at(applying(Atan2()), x, y, index=1), -0.12 / scale, rtol=1e-15
    )


@pytest.mark.parametrize("primitive", [Asin(), Acos()], ids=name)
@pytest.mark.parametrize("side", [0.0, -0.0])
def test_slopes_on_the_branch_cuts_are_those_of_their_side(primitive: Unary, side: float) -> None:
    for x in (2.0, -2.0, 0.5):
        check_branch_cut(primitive, complex(x, side), 1)


@pytest.mark.parametrize("side", [0.0, -0.0])
def test_slopes_of_the_arc_tangent_on_its_branch_cut(side: float) -> None:
    for y in (2.0, -2.0):
        check_branch_cut(Atan(), complex(side, y), 1j)


def test_errors_name_the_operation() -> None:
    with pytest.raises(DTypeError, match="hypot: not defined for dtype complex128, float64"):
        apply(Hypot(), lift(np.array([1j])), lift(1.0))
    with pytest.raises(ShapeError, match=r"atan2: shapes \(2,\) and \(3,\)"):
        apply(Atan2(), lift(np.ones(2)), lift(np.ones(3)))
