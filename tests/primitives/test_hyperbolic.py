"""Hyperbolic functions: exact derivatives, also near ±1 and on branch cuts."""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from pullback.primitives.elementwise import Unary
from pullback.primitives.exponential import Log, Sqrt
from pullback.primitives.hyperbolic import Acosh, Asinh, Atanh, Cosh, Sinh, Tanh
from pullback.primitives.quantity import Value
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
    reals,
    slope_at,
)

ALL: list[Unary] = [Sinh(), Cosh(), Tanh(), Asinh(), Acosh(), Atanh()]
X, Z = reals((2, 3), -0.8, 0.8), complexes((2, 3), -2.0, 2.0)
INF, NAN = math.inf, math.nan


def name(primitive: Unary) -> str:
    return primitive.name


def inside(primitive: Unary, x: Value) -> Value:
    """Return real numbers of the domain for numbers between -1 and 1."""
    return x + 2.0 if isinstance(primitive, Acosh) and np.isrealobj(x) else x


@pytest.mark.parametrize("value", [X, X[0, 0], 0.5, X[:1, :1], X[:, :0], Z, Z[0, 0], 0.5 - 1j])
@pytest.mark.parametrize("primitive", ALL, ids=name)
def test_derivatives_are_exact(primitive: Unary, value: Value) -> None:
    check_primitive(primitive, inside(primitive, value), rtol=1e-5)


@pytest.mark.parametrize("primitive", ALL, ids=name)
def test_values_and_types_are_numpys_for_every_dtype(primitive: Unary) -> None:
    check_every_dtype(primitive)


@pytest.mark.parametrize("primitive", ALL, ids=name)
def test_single_precision_stays_single(primitive: Unary) -> None:
    check_single(primitive, inside(primitive, X))
    check_single(primitive, Z)


@pytest.mark.parametrize("primitive", ALL, ids=name)
def test_rules_need_no_values(primitive: Unary) -> None:
    for value in (X, 0.5, Z):
        check_unknown(primitive, value)


@pytest.mark.parametrize("primitive", ALL, ids=name)
def test_no_python_number_makes_a_rule_raise(primitive: Unary) -> None:
    check_awkward(primitive, 1, [*AWKWARD, *EXTREME, *AWKWARD_COMPLEX])


@pytest.mark.parametrize(
    ("primitive", "slope", "points"),
    [
        (Sinh(), mpmath.cosh, [-700.0, 1e-10, 3.0]),
        (Cosh(), mpmath.sinh, [-700.0, 1e-10, 3.0]),
        (Tanh(), lambda x: 1 - mpmath.tanh(x) ** 2, [1e-10, 0.3, -1.0]),
        (Asinh(), lambda x: 1 / mpmath.sqrt(1 + x * x), [1e-10, -1.0, 1e100]),
        (Acosh(), lambda x: 1 / mpmath.sqrt(x * x - 1), [1 + 1e-15, 1 + 1e-4, 3.0, 1e300]),
        (Atanh(), lambda x: 1 / (1 - x * x), [1e-10, 1 - 1e-15, -1 + 1e-12]),
    ],
)
def test_slopes_are_within_four_units_in_the_last_place(
    primitive: Unary, slope: Callable[[mpmath.mpf], mpmath.mpf], points: list[float]
) -> None:
    with mpmath.workdps(400):
        exact = np.array([float(slope(mpmath.mpf(x))) for x in points])
    slopes = slope_at(applying(primitive), np.array(points))
    np.testing.assert_array_max_ulp(slopes, exact, maxulp=4)


@pytest.mark.parametrize(
    ("primitive", "x", "slope"),
    [
        (Sinh(), 0.0, 1.0),
        (Cosh(), 0.0, 0.0),
        (Tanh(), 0.0, 1.0),
        (Tanh(), INF, 0.0),
        (Asinh(), 0.0, 1.0),
        (Asinh(), INF, 0.0),
        (Acosh(), 1.0, INF),
        (Acosh(), 0.5, NAN),
        (Atanh(), 0.0, 1.0),
        (Atanh(), 1.0, INF),
        (Atanh(), -1.0, INF),
    ],
)
def test_slopes_at_special_points(primitive: Unary, x: float, slope: float) -> None:
    for value in (x, np.float64(x), np.array([x])):
        with np.errstate(all="ignore"):
            result = slope_at(applying(primitive), value)
        np.testing.assert_array_equal(result, np.full(np.shape(value), slope))


@pytest.mark.parametrize("side", [0.0, -0.0])
def test_slopes_on_the_branch_cuts_are_those_of_their_side(side: float) -> None:
    for x in (0.5, -0.5, -2.0, 2.0):
        check_branch_cut(Acosh(), complex(x, side), 1)
    for x in (2.0, -2.0, 0.5):
        check_branch_cut(Atanh(), complex(x, side), 1)
        check_branch_cut(Asinh(), complex(side, x), 1j)


@pytest.mark.parametrize("primitive", [Sqrt(), Log()], ids=name)
@pytest.mark.parametrize("side", [0.0, -0.0])
def test_slopes_of_root_and_logarithm_below_zero(primitive: Unary, side: float) -> None:
    check_branch_cut(primitive, complex(-2.0, side), 1)
