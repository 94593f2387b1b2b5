"""Exponentials, logarithms and roots: exact derivatives, near and at their special points too."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from pullback.core import apply, lift
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.elementwise import Binary, Elementwise, Unary
from pullback.primitives.exponential import (
    Cbrt,
    Exp,
    Exp2,
    Expm1,
    Log,
    Log1p,
    Log2,
    Log10,
    Logaddexp,
    Logaddexp2,
    Sqrt,
)
from pullback.primitives.quantity import Value
from tests.checks import check_primitive
from tests.primitives.pointwise import (
    AWKWARD,
    AWKWARD_COMPLEX,
    EXTREME,
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

ENTIRE = [Exp(), Exp2(), Expm1()]
POSITIVE = [Log(), Log2(), Log10(), Log1p(), Sqrt()]
UNARY: list[Unary] = [*ENTIRE, *POSITIVE, Cbrt()]
BINARY: list[Binary] = [Logaddexp(), Logaddexp2()]
X, Z = reals((2, 3), 0.5, 2.0), complexes((2, 3), -2.0, 2.0)
INF, NAN = math.inf, math.nan


def name(primitive: Elementwise) -> str:
    return primitive.name


@pytest.mark.parametrize("value", [X, X[0, 0], 1.5, X[:1, :1], X[:, :0]])
@pytest.mark.parametrize("primitive", UNARY, ids=name)
def test_derivatives_are_exact(primitive: Unary, value: Value) -> None:
    check_primitive(primitive, value)


@pytest.mark.parametrize("value", [Z, Z[0, 0], -1.5 + 0.5j])
@pytest.mark.parametrize("primitive", [*ENTIRE, *POSITIVE], ids=name)
def test_complex_derivatives_are_exact(primitive: Unary, value: Value) -> None:
    check_primitive(primitive, value, rtol=1e-5)


def test_derivatives_are_exact_where_only_some_functions_are_real() -> None:
    for primitive in [*ENTIRE, Cbrt()]:
        check_primitive(primitive, -X)
    check_primitive(Log1p(), -0.4 * X)


@pytest.mark.parametrize("values", pairs(-2.0, 2.0))
@pytest.mark.parametrize("primitive", BINARY, ids=name)
def test_derivatives_of_sums_of_powers_are_exact(
    primitive: Binary, values: tuple[Value, Value]
) -> None:
    check_primitive(primitive, *values)


@pytest.mark.parametrize("primitive", [*UNARY, *BINARY], ids=name)
def test_values_and_types_are_numpys_for_every_dtype(primitive: Elementwise) -> None:
    check_every_dtype(primitive)


@pytest.mark.parametrize("primitive", [*UNARY, *BINARY], ids=name)
def test_single_precision_stays_single(primitive: Elementwise) -> None:
    check_single(primitive, *(X, X[0])[: primitive.ufunc.nin])
    if primitive in [*ENTIRE, *POSITIVE]:
        check_single(primitive, Z)


@pytest.mark.parametrize("primitive", [*UNARY, *BINARY], ids=name)
def test_rules_need_no_values(primitive: Elementwise) -> None:
    for values in [(X, X[0]), (1.5, X), (X, 1.5), (1.5, 2.5)]:
        check_unknown(primitive, *values[: primitive.ufunc.nin])


@pytest.mark.parametrize("primitive", [*UNARY, *BINARY], ids=name)
def test_no_python_number_makes_a_rule_raise(primitive: Elementwise) -> None:
    check_awkward(primitive, primitive.ufunc.nin, [*AWKWARD, *EXTREME, *AWKWARD_COMPLEX])


# -------------------------------------------------------------------------------- precision


def mp_slopes() -> list[tuple[Unary, Callable[[mpmath.mpf], mpmath.mpf], list[float]]]:
    return [
        (Exp(), mpmath.exp, [-700.0, 1e-10, 700.0]),
        (Exp2(), lambda x: mpmath.power(2, x) * mpmath.log(2), [-3.0, 0.0, 0.3, 1000.0]),
        (Log(), lambda x: 1 / x, [1e-300, 3.0, 1e300]),
        (Log2(), lambda x: 1 / (x * mpmath.log(2)), [1e-300, 1.0, 3.0]),
        (Log10(), lambda x: 1 / (x * mpmath.log(10)), [1e-300, 1.0, 3.0]),
        (Log1p(), lambda x: 1 / (1 + x), [-1 + 1e-10, -1e-20, 1e-20, 1e20]),
        (Sqrt(), lambda x: 1 / (2 * mpmath.sqrt(x)), [1e-300, 3.0, 1e300]),
        (Cbrt(), lambda x: 1 / (3 * mpmath.cbrt(x) ** 2), [1e-300, 3.0, 1e300]),
    ]


@pytest.mark.parametrize(("primitive", "slope", "points"), mp_slopes())
def test_slopes_are_within_four_units_in_the_last_place(
    primitive: Unary, slope: Callable[[mpmath.mpf], mpmath.mpf], points: list[float]
) -> None:
    with mpmath.workdps(40):
        exact = np.array([float(slope(mpmath.mpf(x))) for x in points])
    slopes = slope_at(applying(primitive), np.array(points))
    np.testing.assert_array_max_ulp(slopes, exact, maxulp=4)


def test_shares_of_large_terms_are_exact() -> None:
    x = np.array([10.0, 1000.0, 1e5])
    for primitive, ratio in [(Logaddexp(), math.e), (Logaddexp2(), 2.0)]:
        shares = slope_at(applying(primitive), x, x - 1)
        np.testing.assert_allclose(shares, ratio / (1 + ratio), rtol=1e-10)


# --------------------------------------------------------------------------- special points


@pytest.mark.parametrize(
    ("primitive", "x", "slope"),
    [
        (Exp(), -INF, 0.0),
        (Exp(), INF, INF),
        (Expm1(), 0.0, 1.0),
        (Expm1(), -INF, 0.0),
        (Log(), 0.0, INF),
        (Log(), -0.0, -INF),
        (Log(), INF, 0.0),
        (Log2(), 0.0, INF),
        (Log10(), 0.0, INF),
        (Log1p(), -1.0, INF),
        (Sqrt(), 0.0, INF),
        (Sqrt(), INF, 0.0),
        (Sqrt(), -1.0, NAN),
        (Cbrt(), 0.0, INF),
        (Cbrt(), -0.0, INF),
        (Cbrt(), -8.0, 1 / 12),
    ],
)
def test_slopes_at_special_points(primitive: Unary, x: float, slope: float) -> None:
    for value in (x, np.float64(x), np.array([x])):
        with np.errstate(all="ignore"):
            result = slope_at(applying(primitive), value)
        np.testing.assert_array_equal(result, np.full(np.shape(value), slope))


@pytest.mark.parametrize("primitive", BINARY, ids=name)
@pytest.mark.parametrize(
    ("x", "y", "share"),
    [
        (-INF, -INF, 0.5),
        (INF, INF, 0.5),
        (-INF, 1.0, 0.0),
        (1.0, -INF, 1.0),
        (INF, 1.0, 1.0),
        (1.0, INF, 0.0),
        (INF, -INF, 1.0),
        (-INF, INF, 0.0),
        (1000.0, -1000.0, 1.0),
        (-1000.0, 1000.0, 0.0),
        (0.0, 0.0, 0.5),
        (NAN, 0.0, NAN),
        (0.0, NAN, NAN),
    ],
)
def test_shares_of_infinite_terms_are_their_limits(
    primitive: Binary, x: float, y: float, share: float
) -> None:
    f = applying(primitive)
    for form in (float, np.float64, lambda value: np.array([value])):
        with np.errstate(invalid="ignore"):
            result = slope_at(f, form(x), form(y)), slope_at(f, form(y), form(x), index=1)
        np.testing.assert_allclose(result[0], form(share), rtol=1e-15)
        np.testing.assert_allclose(result[1], form(share), rtol=1e-15)


@pytest.mark.parametrize("primitive", BINARY, ids=name)
def test_second_derivatives_of_far_and_infinite_terms_are_zero(primitive: Binary) -> None:
    f = applying(primitive)
    for x, y in [(-1000.0, 0.0), (0.0, -1000.0), (-INF, 0.0), (0.0, -INF), (-INF, -INF)]:
        assert abs(second_at(f, x, y, first=0, then=0)) < 1e-300
        assert abs(second_at(f, x, y, first=0, then=1)) < 1e-300


def test_second_derivatives_of_equal_terms() -> None:
    f = applying(Logaddexp())
    np.testing.assert_allclose(second_at(f, 3.0, 3.0), 0.25, rtol=1e-14)
    np.testing.assert_allclose(second_at(f, 3.0, 3.0, first=0, then=1), -0.25, rtol=1e-14)


def test_errors_name_the_operation() -> None:
    with pytest.raises(DTypeError, match="cbrt: not defined for dtype complex128"):
        apply(Cbrt(), lift(1j))
    with pytest.raises(DTypeError, match="logaddexp: not defined for dtype complex128, float64"):
        apply(Logaddexp(), lift(np.array([1j])), lift(1.0))
    with pytest.raises(ShapeError, match=r"logaddexp: shapes \(2,\) and \(3,\)"):
        apply(Logaddexp(), lift(np.ones(2)), lift(np.ones(3)))
