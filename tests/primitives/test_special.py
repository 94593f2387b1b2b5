"""Special functions: values and derivatives against mpmath, types, points of interest."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Final

import mpmath
import numpy as np
import pytest

from pullback.core import apply, constant
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.special import (
    Erf,
    Erfc,
    Erfcx,
    Erfinv,
    Expit,
    Gammaln,
    Logit,
    LogNdtr,
    Ndtr,
    Polygamma,
    Softplus,
    Xlogy,
)
from tests.checks import check_primitive, check_type
from tests.primitives.pointwise import (
    AWKWARD,
    EXTREME,
    applying,
    check_awkward,
    check_single,
    check_unknown,
    complexes,
    held,
    second_at,
    slope,
    slope_at,
)

INF: Final = float("inf")
NAN: Final = float("nan")
Exact = Callable[[mpmath.mpf], mpmath.mpf]

#: Primitive, the same by mpmath, points, and the relative error of the second derivative.
CASES: Final[list[tuple[Primitive, Exact, list[float], float]]] = [
    (Erf(), mpmath.erf, [-3.0, -0.5, 1e-8, 0.3, 2.0, 5.0], 1e-13),
    (Erfc(), mpmath.erfc, [-3.0, -0.5, 0.3, 2.0, 10.0, 20.0], 1e-12),
    (Erfcx(), lambda x: mpmath.exp(x * x) * mpmath.erfc(x), [-3.0, -0.5, 0.3, 2.0, 10.0], 1e-11),
    (Erfinv(), mpmath.erfinv, [-0.999, -0.5, 1e-8, 0.3, 0.9], 1e-12),
    (Ndtr(), mpmath.ncdf, [-20.0, -3.0, -0.5, 0.3, 5.0], 1e-12),
    (LogNdtr(), lambda x: mpmath.log(mpmath.ncdf(x)), [-50.0, -9.0, -0.5, 0.3, 5.0], 1e-11),
    (Gammaln(), lambda x: mpmath.log(abs(mpmath.gamma(x))), [-2.5, 0.01, 0.7, 3.3, 50.0], 1e-12),
    (Polygamma(0), mpmath.digamma, [-2.5, 0.01, 0.7, 3.3, 50.0], 1e-12),
    (Polygamma(1), lambda x: mpmath.psi(1, x), [-2.5, 0.01, 0.7, 3.3, 50.0], 1e-12),
    (Polygamma(2), lambda x: mpmath.psi(2, x), [-1.3, 0.1, 0.7, 3.3, 50.0], 1e-12),
    (Polygamma(3), lambda x: mpmath.psi(3, x), [-1.3, 0.1, 0.7, 3.3, 50.0], 1e-12),
    (Expit(), lambda x: 1 / (1 + mpmath.exp(-x)), [-700.0, -30.0, -1.0, 0.5, 4.0, 40.0], 1e-13),
    (Logit(), lambda x: mpmath.log(x / (1 - x)), [1e-9, 0.1, 0.49, 0.7, 0.999], 1e-12),
    (Softplus(), lambda x: mpmath.log1p(mpmath.exp(x)), [-700.0, -30.0, 0.0, 4.0, 40.0], 1e-13),
]
IDS: Final = [primitive.name for primitive, *_ in CASES]


@pytest.mark.parametrize(("primitive", "exact", "points", "error"), CASES, ids=IDS)
def test_value_and_two_derivatives_agree_with_mpmath(
    primitive: Primitive, exact: Exact, points: list[float], error: float
) -> None:
    x = np.array(points)
    f = applying(primitive)
    with mpmath.workdps(60):
        orders = [[float(mpmath.diff(exact, mpmath.mpf(p), n)) for p in points] for n in range(3)]
    np.testing.assert_allclose(f(held(x))._value, orders[0], rtol=3e-15 + error / 20)
    np.testing.assert_allclose(slope_at(f, x), orders[1], rtol=error)
    np.testing.assert_allclose(second_at(f, x), orders[2], rtol=error, atol=1e-300)


@pytest.mark.parametrize(("primitive", "points"), [(p, x) for p, _, x, _ in CASES], ids=IDS)
def test_rules_are_adjoint_typed_and_need_no_values(
    primitive: Primitive, points: list[float]
) -> None:
    moderate = [p for p in points if 0.05 < abs(p) < 6]
    x = np.array(moderate)
    for value in (x, x.reshape(-1, 1), x[0], float(x[0]), np.zeros((0, 2))):
        check_primitive(primitive, value, rtol=1e-5, atol=1e-6)
    check_single(primitive, x)
    check_unknown(primitive, x)
    check_unknown(primitive, x[0].astype(np.float32))


@pytest.mark.parametrize("primitive", [p for p, *_ in CASES], ids=IDS)
def test_every_real_dtype_has_the_inferred_type_and_awkward_numbers_none_raises(
    primitive: Primitive,
) -> None:
    for dtype in ["i1", "i2", "i4", "i8", "u1", "u8", "f4", "f8"]:
        check_type(primitive, np.ones(2, dtype))
        check_type(primitive, np.dtype(dtype).type(1))
    for number in (True, 1, 1.0):
        check_type(primitive, number)
    check_awkward(primitive, 1, (*AWKWARD, *EXTREME))


@pytest.mark.parametrize("primitive", [Erfinv(), Gammaln(), Logit(), Softplus(), Polygamma(1)])
def test_functions_of_real_numbers_refuse_complex_ones(primitive: Primitive) -> None:
    with pytest.raises(DTypeError, match=f"^{primitive.name}: not defined for dtype complex128; "):
        apply(primitive, constant(np.ones(2, complex)))


@pytest.mark.parametrize("primitive", [Erf(), Erfc(), Erfcx(), Ndtr(), LogNdtr(), Expit()])
def test_entire_functions_differentiate_in_the_complex_plane(primitive: Primitive) -> None:
    check_primitive(primitive, complexes((3,), 0.1, 1), rtol=1e-5)
    check_primitive(primitive, 0.3 + 0.2j, rtol=1e-5)


def test_complex_digamma_has_a_value_and_refuses_a_derivative() -> None:
    z = complexes((2,), 0.5, 1)
    check_type(Polygamma(0), z)
    with pytest.raises(DTypeError, match="polygamma: order 1 is not defined for dtype complex128"):
        slope_at(applying(Polygamma(0)), z)


@pytest.mark.parametrize(
    ("primitive", "x", "value", "derivative"),
    [
        (Erf(), INF, 1, 0),
        (Erf(), -INF, -1, 0),
        (Erf(), 1e200, 1, 0),
        (Erfc(), INF, 0, 0),
        (Erfinv(), 1.0, INF, INF),
        (Erfinv(), -1.0, -INF, INF),
        (Erfinv(), 1.5, NAN, NAN),
        (Ndtr(), -INF, 0, 0),
        (Ndtr(), INF, 1, 0),
        (LogNdtr(), -INF, -INF, INF),
        (LogNdtr(), INF, 0, 0),
        (Gammaln(), INF, INF, INF),
        (Gammaln(), 0.0, INF, -INF),
        (Polygamma(0), INF, INF, 0),
        (Polygamma(1), 0.0, INF, -INF),
        (Expit(), INF, 1, 0),
        (Expit(), -INF, 0, 0),
        (Logit(), 0.0, -INF, INF),
        (Logit(), 1.0, INF, INF),
        (Logit(), 2.0, NAN, -0.5),
        (Softplus(), INF, INF, 1),
        (Softplus(), -INF, 0, 0),
        (Erf(), NAN, NAN, NAN),
        (Expit(), NAN, NAN, NAN),
        (Softplus(), NAN, NAN, NAN),
    ],
)
def test_limits(primitive: Primitive, x: float, value: float, derivative: float) -> None:
    with np.errstate(invalid="ignore"):  # logaddexp of nan
        for point in (x, np.float64(x), np.array([x])):
            np.testing.assert_equal(np.ravel(primitive.evaluate(point)), [value])
            np.testing.assert_equal(np.ravel(slope_at(applying(primitive), point)), [derivative])


def ulps(actual: Value, exact: list[mpmath.mpf]) -> Value:
    """Return errors in units of the last place of the exact result."""
    units = np.spacing(np.array([float(e) for e in exact]))
    errors = [mpmath.mpf(float(a)) - e for a, e in zip(actual, exact, strict=True)]
    return np.array([abs(float(e / float(u))) for e, u in zip(errors, units, strict=True)])


def test_the_logistic_function_and_its_slope_are_accurate_in_both_tails() -> None:
    x = np.concatenate([np.linspace(-745, 745, 299), np.linspace(-2, 2, 99), [1e-300, -1e-17]])
    f = applying(Expit())
    with mpmath.workdps(400):
        exact = [1 / (1 + mpmath.exp(-mpmath.mpf(float(p)))) for p in x]
        slopes = [s * (1 - s) for s in exact]
        assert ulps(Expit().evaluate(x), exact).max() < 2.5
        assert ulps(slope_at(f, x), slopes).max() < 4


def test_the_derivatives_of_the_logistic_function_at_zero_are_exact() -> None:
    f, found = applying(Expit()), []
    for _ in range(6):
        found.append(float(f(held(np.float64(0)))._value))
        f = slope(f)
    assert found == [0.5, 0.25, 0, -0.125, 0, 0.25]


def test_the_slope_of_softplus_is_the_logistic_function_at_every_order() -> None:
    x = np.linspace(-40, 40, 41)
    softplus, expit = applying(Softplus()), applying(Expit())
    assert np.array_equal(slope_at(softplus, x), expit(held(x))._value)
    assert np.array_equal(second_at(softplus, x), slope_at(expit, x))


@pytest.mark.parametrize(("dtype", "atol"), [("float32", 1e-15), ("float64", 0)])
def test_log_ndtr_has_derivatives_of_every_order_on_the_right(dtype: str, atol: float) -> None:
    x = np.array([8.9, 9.1, 12.0, 38.0, 40.0, 1e3], dtype)
    density = np.exp(x * x / -2) / np.sqrt(2 * np.pi).astype(dtype)
    f = applying(LogNdtr())
    for exact in (density, -x * density, (x * x - 1) * density):
        f = slope(f)
        derivative = f(held(x))._value
        assert derivative.dtype == dtype
        np.testing.assert_allclose(derivative, exact, rtol=2e-5, atol=atol)


def test_log_ndtr_has_an_accurate_slope_far_on_the_left() -> None:
    x = np.array([-1e3, -1e6, -1e100])
    # φ/Φ = |x| + 1/|x| - 2/|x|³ + ...
    asymptotic = -x - 1 / x + 2 / x**3
    np.testing.assert_allclose(slope_at(applying(LogNdtr()), x), asymptotic, rtol=1e-14)


@pytest.mark.parametrize(
    "operands",
    [
        (np.array([0.5, 2.0, 0.0]), np.array([0.3, 3.0, 2.0])),
        (np.array([[0.5], [2.0]]), np.array([0.3, 3.0])),
        (0.5, np.array([0.3, 3.0])),
        (0.5, 0.3),
        (complexes((2,), 0.5, 1), np.array([0.3, 3.0])),
    ],
)
def test_xlogy_has_exact_derivatives_where_x_is_zero_too(operands: tuple[Value, Value]) -> None:
    check_primitive(Xlogy(), *operands)
    check_unknown(Xlogy(), *operands)
    check_single(Xlogy(), np.array([0.5]), np.atleast_1d(operands[1]))


@pytest.mark.parametrize("dtype", ["i4", "f4", "f8", "c8", "c16"])
def test_a_python_number_leaves_xlogy_its_precision(dtype: str) -> None:
    x = np.ones(2, dtype)
    check_type(Xlogy(), x, 2.0)
    check_type(Xlogy(), 0.5, x)
    assert Xlogy().evaluate(0.5, x).dtype == np.result_type(x, 0.5)


def test_xlogy_at_zero() -> None:
    f, zero, y = applying(Xlogy()), np.zeros(3), np.array([0.0, 2.0, INF])
    assert Xlogy().evaluate(zero, y).tolist() == [0, 0, 0]
    assert slope_at(f, zero, y).tolist() == [-INF, math.log(2), INF]
    assert slope_at(f, zero, y, index=1).tolist() == [0, 0, 0]
    assert second_at(f, zero, y, first=1, then=0).tolist() == [0, 0.5, 0]
    assert slope_at(f, 0.0, 0.0, index=1) == 0


def test_xlogy_names_the_shapes_that_do_not_broadcast() -> None:
    with pytest.raises(ShapeError, match=r"xlogy: shapes \(2,\) and \(3,\) do not broadcast"):
        apply(Xlogy(), constant(np.ones(2)), constant(np.ones(3)))


def test_scipy_loads_when_a_value_is_first_computed() -> None:
    program = (
        "import sys; from pullback.primitives.special import Erf; "
        "assert 'scipy.special' not in sys.modules; Erf().evaluate(1.0); "
        "assert 'scipy.special' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
