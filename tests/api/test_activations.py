"""Activation functions against mpmath, in the tails, at corners and at infinity."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import mpmath
import numpy as np
import pytest

from pullback.api.activations import (
    gelu,
    glu,
    log_sigmoid,
    log_softmax,
    mish,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
)
from pullback.api.rectifiers import (
    celu,
    elu,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    leaky_relu,
    relu,
    relu6,
    selu,
)
from pullback.core import Array, Trace, make_node
from pullback.errors import ShapeError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.types import ArrayType
from tests.checks import check_function, pullback_of
from tests.primitives.pointwise import held, second_at, slope, slope_at

Activation = Callable[[Array], Array]
Exact = Callable[[mpmath.mpf], mpmath.mpf]
INF: Final = float("inf")
NAN: Final = float("nan")


def logistic(x: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + mpmath.exp(-x))


def rectified(below: Exact) -> Exact:
    return lambda x: x if x > 0 else below(x)


def gelu_of_tanh(x: mpmath.mpf) -> mpmath.mpf:
    inner = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)
    return x * (1 + mpmath.tanh(inner)) / 2


def hard(x: mpmath.mpf) -> mpmath.mpf:
    return min(max(x + 3, 0), 6) / 6


SCALE: Final = mpmath.mpf("1.0507009873554804934193349852946")
ALPHA: Final = mpmath.mpf("1.6732632423543772848170429916717")

#: Each function, its definition, and its limits at -inf and inf with their slopes.
TABLE: Final[list[tuple[Activation, Exact, tuple[float, float], tuple[float, float]]]] = [
    (sigmoid, logistic, (0, 1), (0, 0)),
    (log_sigmoid, lambda x: mpmath.log(logistic(x)), (-INF, 0), (1, 0)),
    (softplus, lambda x: mpmath.log1p(mpmath.exp(x)), (0, INF), (0, 1)),
    (gelu, lambda x: x * mpmath.ncdf(x), (0, INF), (0, 1)),
    (lambda x: gelu(x, approximate=True), gelu_of_tanh, (0, INF), (0, 1)),
    (silu, lambda x: x * logistic(x), (0, INF), (0, 1)),
    (mish, lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))), (0, INF), (0, 1)),
    (softsign, lambda x: x / (1 + abs(x)), (-1, 1), (0, 0)),
    (relu, lambda x: max(x, 0), (0, INF), (0, 1)),
    (relu6, lambda x: min(max(x, 0), 6), (0, 6), (0, 0)),
    (leaky_relu, rectified(lambda x: x * 0.01), (-INF, INF), (0.01, 1)),
    (elu, rectified(mpmath.expm1), (-1, INF), (0, 1)),
    (lambda x: celu(x, 2.0), rectified(lambda x: 2 * mpmath.expm1(x / 2)), (-2, INF), (0, 1)),
    (
        selu,
        lambda x: SCALE * rectified(lambda y: ALPHA * mpmath.expm1(y))(x),
        (-float(SCALE * ALPHA), INF),
        (0, float(SCALE)),
    ),
    (hard_tanh, lambda x: min(max(x, -1), 1), (-1, 1), (0, 0)),
    (hard_sigmoid, hard, (0, 1), (0, 0)),
    (hard_swish, lambda x: x * hard(x), (0, INF), (0, 1)),
]
IDS: Final = [getattr(f, "__name__", "").replace("<lambda>", "variant") for f, *_ in TABLE]
SMOOTH: Final = [-7.5, -2.2, -0.9, -0.3, 0.2, 0.8, 1.7, 4.4, 8.1]


@pytest.mark.parametrize(("f", "exact"), [row[:2] for row in TABLE], ids=IDS)
def test_value_and_two_derivatives_agree_with_mpmath(f: Activation, exact: Exact) -> None:
    x = np.array(SMOOTH)
    with mpmath.workdps(50):
        orders = [[float(mpmath.diff(exact, mpmath.mpf(p), n)) for p in SMOOTH] for n in range(3)]
    np.testing.assert_allclose(f(held(x))._value, orders[0], rtol=5e-15, atol=1e-300)
    np.testing.assert_allclose(slope_at(f, x), orders[1], rtol=1e-12, atol=2e-16)
    np.testing.assert_allclose(second_at(f, x), orders[2], rtol=1e-11, atol=2e-15)
    check_function(f, x.reshape(3, 3), rtol=1e-5, atol=1e-6)


TAIL: Final = [-700.0, -300.0, -40.0, -20.0, 20.0, 40.0, 300.0, 700.0]


@pytest.mark.parametrize(("f", "exact"), [row[:2] for row in TABLE], ids=IDS)
def test_values_keep_their_relative_accuracy_in_the_tails(f: Activation, exact: Exact) -> None:
    with mpmath.workdps(700):
        expected = [float(exact(mpmath.mpf(p))) for p in TAIL]
    np.testing.assert_allclose(f(held(np.array(TAIL)))._value, expected, rtol=5e-14, atol=1e-300)


@pytest.mark.parametrize(("f", "limits", "slopes"), [(f, a, b) for f, _, a, b in TABLE], ids=IDS)
def test_infinite_inputs_have_the_limits(
    f: Activation, limits: tuple[float, float], slopes: tuple[float, float]
) -> None:
    x = np.array([-INF, INF])
    np.testing.assert_allclose(f(held(x))._value, limits, rtol=1e-15)
    np.testing.assert_allclose(slope_at(f, x), slopes, rtol=1e-15)
    for point, limit in zip((-INF, INF), limits, strict=True):
        np.testing.assert_allclose(f(held(point))._value, limit, rtol=1e-15)


@pytest.mark.parametrize("f", [row[0] for row in TABLE], ids=IDS)
def test_nan_stays_nan(f: Activation) -> None:
    with np.errstate(invalid="ignore"):  # logaddexp of nan
        assert np.isnan(f(held(np.array([NAN, 1.0])))._value).tolist() == [True, False]


@pytest.mark.parametrize("f", [row[0] for row in TABLE], ids=IDS)
def test_precision_and_shape_stay(f: Activation) -> None:
    for x in (np.ones((2, 3), np.float32), np.float32(-1), np.zeros((0, 2), np.float32)):
        assert f(held(x)).type == held(x).type
        assert slope_at(f, x).dtype == np.float32
    assert str(f(held(-1.5)).type) == "float64[]"
    value: Value = f(held(np.arange(-8, 9)))._value
    np.testing.assert_allclose(value, f(held(np.arange(-8.0, 9)))._value)


@pytest.mark.parametrize(
    ("f", "orders"),
    [
        (sigmoid, [0.5, 0.25, 0, -0.125, 0, 0.25]),
        (softplus, [math.log(2), 0.5, 0.25, 0, -0.125]),
        (log_sigmoid, [-math.log(2), 0.5, -0.25, 0, 0.125]),
        (silu, [0, 0.5, 0.5, 0, -0.5]),
        (gelu, [0, 0.5, math.sqrt(2 / math.pi), 0]),
        (mish, [0, 0.6, 0.64]),
        (softsign, [0, 1]),
        (celu, [0, 1, 1, 1]),
        (relu, [0, 0, 0]),
        (leaky_relu, [0, 0.01, 0]),
        (elu, [0, 1, 1]),
        (lambda x: elu(x, 0.5), [0, 0.5, 0.5]),
        (hard_tanh, [0, 1, 0]),
    ],
)
def test_derivatives_at_zero(f: Activation, orders: list[float]) -> None:
    for exact in orders:
        np.testing.assert_allclose(f(held(0.0))._value, exact, rtol=4e-16, atol=1e-16)
        f = slope(f)


@pytest.mark.parametrize(
    ("f", "corners", "slopes"),
    [
        (relu, [0.0, -0.0], [0, 0]),
        (relu6, [0.0, 6.0], [0, 0]),
        (hard_tanh, [-1.0, 1.0], [0, 0]),
        (hard_sigmoid, [-3.0, 3.0], [0, 0]),
        (hard_swish, [-3.0, 3.0], [0, 1]),
    ],
)
def test_slopes_at_corners(f: Activation, corners: list[float], slopes: list[float]) -> None:
    assert slope_at(f, np.array(corners)).tolist() == slopes


def test_the_seams_of_the_gated_functions_do_not_show() -> None:
    for f, limit in ((gelu, 40.0), (silu, 750.0), (mish, 750.0)):
        x = np.array([-limit, limit, np.nextafter(limit, INF), -np.nextafter(limit, INF), 1e308])
        assert np.array_equal(f(x)._value, np.maximum(x, 0))
        assert slope_at(f, x).tolist() == [0, 1, 1, 0, 1]


def test_parameters_of_rectifiers_differentiate() -> None:
    x = np.array([-1.0, 2.0, -0.5])
    for f in (leaky_relu, elu, celu):
        check_function(f, x, np.array([0.5, 1.0, 2.0]))
        check_function(f, x, np.float64(0.7))


@pytest.mark.parametrize("f", [*(row[0] for row in TABLE), softmax, log_softmax])
def test_nodes_without_values_have_values_and_slopes_of_their_type(f: Activation) -> None:
    type_ = ArrayType((2, 3), np.dtype(np.float32))
    node = make_node(type_, Input(), (), frozenset({Trace()}))
    assert f(node).type == type_
    assert slope(f)(node).type == type_
    assert not f(node).known


LOGITS: Final = np.array([[0.5, -1.0, 2.0], [3.0, 3.0, 3.0]])


@pytest.mark.parametrize("axis", [-1, 0, (0, 1), None])
def test_softmax_and_its_logarithm_are_their_definitions(
    axis: int | tuple[int, ...] | None,
) -> None:
    exponentials = np.exp(LOGITS)
    expected = exponentials / exponentials.sum(axis, keepdims=True)
    np.testing.assert_allclose(softmax(LOGITS, axis)._value, expected, rtol=1e-15)
    np.testing.assert_allclose(log_softmax(LOGITS, axis)._value, np.log(expected), rtol=1e-14)
    check_function(lambda x: softmax(x, axis), LOGITS, atol=1e-6)
    check_function(lambda x: log_softmax(x, axis), LOGITS, atol=1e-6)


def test_softmax_holds_at_extremes() -> None:
    x = np.array([[1e4, 0.0, -1e4], [-INF, 0.0, 0.0], [50.0, 0.0, -INF]])
    assert softmax(x)._value[:2].tolist() == [[1, 0, 0], [0, 0.5, 0.5]]
    logs = log_softmax(x)._value
    assert logs[0].tolist() == [0, -1e4, -2e4]
    # The leader's logarithm is -log1p(exp(-50)), which 0 - 50 - log(...) would lose.
    expected: Value = [-math.exp(-50), -50, -INF]
    np.testing.assert_allclose(logs[2], expected, rtol=1e-15)
    (bar,) = pullback_of(log_softmax, [x], np.array([[0, 1, 0], [0, 1, 0], [0, 1, 0.0]]))
    slopes = np.array([[-1, 1, 0], [0, 0.5, -0.5], [-1, 1, 0]])
    np.testing.assert_allclose(bar, slopes, rtol=1e-15)


def test_softmax_takes_integers() -> None:
    assert softmax(np.zeros(2, int))._value.tolist() == [0.5, 0.5]
    assert log_softmax(np.zeros(2, int)).dtype == np.float64


@pytest.mark.parametrize("axis", [-1, 0])
def test_glu_gates_one_half_with_the_other(axis: int) -> None:
    x = np.linspace(-1, 1, 8).reshape(2, 4)
    first, second = np.split(x, 2, axis)
    np.testing.assert_allclose(glu(x, axis)._value, first / (1 + np.exp(-second)), rtol=1e-15)
    check_function(lambda x: glu(x, axis), x)


def test_glu_names_the_axis_that_has_no_halves() -> None:
    with pytest.raises(ShapeError, match=r"glu: axis 1 of shape \(2, 3\) has an odd size; it is"):
        glu(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="glu: axis 2 is out of range for an array with 2 axes"):
        glu(np.ones((2, 2)), 2)
