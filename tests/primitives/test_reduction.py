"""Product, extremes and their positions, any and all, logsumexp and softmax, the magnitude."""

from __future__ import annotations

import math
import pickle

import mpmath
import numpy as np
import pytest
from attrs.exceptions import FrozenInstanceError

from pullback.core import Array, apply
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.reduction import (
    All,
    Any,
    Argmax,
    Argmin,
    Logsumexp,
    Magnitude,
    Max,
    Min,
    Prod,
    Softmax,
)
from pullback.primitives.selection import Where
from pullback.types import type_of
from tests.checks import check_adjoint, check_primitive, check_type, pullback_of
from tests.primitives.pointwise import DTYPES, applying, check_unknown, held, second_at, slope_at

RNG = np.random.default_rng(0)
INF, NAN = math.inf, math.nan
X: Value = RNG.standard_normal((3, 4, 2))
Z: Value = X + 1j * RNG.standard_normal(X.shape)
AXES = [(0,), (1,), (0, 2), (2, 0), (0, 1, 2), ()]

Reduction = type[Prod] | type[Max] | type[Min] | type[Logsumexp] | type[Softmax]
SMOOTH: list[Reduction] = [Prod, Max, Min, Logsumexp, Softmax]
REFERENCES = [(Prod, np.prod), (Max, np.max), (Min, np.min), (Any, np.any), (All, np.all)]


def few(shape: tuple[int, ...], dtype: str) -> Value:
    """Return small whole numbers, some of them zero."""
    return RNG.integers(0, 3, shape).astype(dtype)[()]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize(("make", "reference"), REFERENCES, ids=lambda f: f.__name__)
def test_value_and_dtype_are_numpys(
    make: Reduction, reference: object, axes: tuple[int, ...], dtype: str
) -> None:
    assert callable(reference)
    x = few((3, 4, 2), dtype)
    np.testing.assert_array_equal(make(axes).evaluate(x), reference(x, axes), strict=True)
    check_type(make(axes), x)


@pytest.mark.parametrize("number", [np.float32(2.5), np.int8(3), np.True_, 2.5, 3, True, 1j])
@pytest.mark.parametrize(("make", "reference"), REFERENCES, ids=lambda f: f.__name__)
def test_rank_0_value_and_dtype_are_numpys(
    make: Reduction, reference: object, number: Value
) -> None:
    assert callable(reference)
    np.testing.assert_array_equal(make(()).evaluate(number), reference(number), strict=True)
    check_type(make(()), number)


@pytest.mark.parametrize("x", [X, Z], ids=["real", "complex"])
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("make", SMOOTH)
def test_derivatives(make: Reduction, axes: tuple[int, ...], x: Value) -> None:
    check_primitive(make(axes), x)


@pytest.mark.parametrize("x", [np.float64(1.5), 1.5, np.complex128(1 + 2j)])
@pytest.mark.parametrize("make", SMOOTH)
def test_rank_0_derivatives(make: Reduction, x: Value) -> None:
    check_primitive(make(()), x)


@pytest.mark.parametrize("dtype", ["f4", "c8"])
@pytest.mark.parametrize("make", SMOOTH)
def test_derivatives_keep_single_precision(make: Reduction, dtype: str) -> None:
    x = Z.astype(dtype) if dtype == "c8" else X.astype(dtype)
    check_type(make((0, 2)), x)
    check_adjoint(make((0, 2)), x)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("make", SMOOTH)
def test_rules_need_no_values(make: Reduction, axes: tuple[int, ...]) -> None:
    check_unknown(make(axes), X)


def test_magnitude_has_the_derivatives_of_the_root() -> None:
    check_primitive(Magnitude(), np.abs(X))
    check_unknown(Magnitude(), X)


# ---------------------------------------------------------------------------------------- product


def zeros_at(*places: int) -> Value:
    x = np.array([2.0, 3.0, -1.5, 0.5])
    x[list(places)] = 0
    return x


@pytest.mark.parametrize("places", [(), (0,), (2,), (0, 3), (1, 2), (0, 1, 2), (0, 1, 2, 3)])
def test_derivatives_of_product_are_right_with_zeros(places: tuple[int, ...]) -> None:
    x = zeros_at(*places)
    others = [np.prod(np.delete(x, i)) for i in range(4)]
    np.testing.assert_allclose(slope_at(applying(Prod((0,))), x), others, rtol=1e-14)
    # Σ_i ∂²/∂x_i∂x_j Π x, the product of all but two
    second = [sum(np.prod(np.delete(x, [i, j])) for i in range(4) if i != j) for j in range(4)]
    np.testing.assert_allclose(second_at(applying(Prod((0,))), x), second, rtol=1e-14)
    check_primitive(Prod((0,)), x)
    check_primitive(Prod((0,)), x * (1 + 1j))
    check_primitive(Prod((0, 1)), x.reshape(2, 2))


def test_second_derivative_of_a_product_of_squares_is_right_with_a_zero() -> None:
    def product(x: Array) -> Array:
        return apply(Prod((0,)), x * x)

    np.testing.assert_array_equal(second_at(product, zeros_at(0)), [2 * 2.25**2, 0, 0, 0])


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_empty_product_is_one_and_has_an_empty_gradient(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape)
    np.testing.assert_array_equal(Prod((0,)).evaluate(x), np.prod(x, 0), strict=True)
    check_primitive(Prod((0,)), x)


def test_unselected_product_contributes_nothing_even_with_infinite_factors() -> None:
    def masked(x: Array) -> Array:
        return apply(Where(), held(np.False_), apply(Prod((0,)), x), held(0.0))

    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(slope_at(masked, np.array([INF, 0.0, 2.0])), [0, 0, 0])


# --------------------------------------------------------------------------------------- extremes


@pytest.mark.parametrize(
    ("x", "share"),
    [
        ([1.0, 3.0, 2.0], [0, 1, 0]),
        ([3.0, 3.0, 2.0], [1 / 2, 1 / 2, 0]),
        ([3.0, 3.0, 3.0], [1 / 3, 1 / 3, 1 / 3]),
        ([0.0, -0.0, -1.0], [1 / 2, 1 / 2, 0]),
        ([INF, 1.0, INF], [1 / 2, 0, 1 / 2]),
        ([-INF, -INF, -INF], [1 / 3, 1 / 3, 1 / 3]),
        ([1.0, NAN, 2.0], [0, 1, 0]),
        ([NAN, 5.0, NAN], [1 / 2, 0, 1 / 2]),
    ],
)
def test_elements_that_attain_the_extreme_share_the_gradient(
    x: list[float], share: list[float]
) -> None:
    numbers = np.array(x)
    np.testing.assert_array_equal(slope_at(applying(Max((0,))), numbers), share)
    np.testing.assert_array_equal(slope_at(applying(Min((0,))), -numbers), share)
    np.testing.assert_array_equal(second_at(applying(Max((0,))), numbers), [0, 0, 0])


def test_extreme_shares_within_each_slice() -> None:
    x = np.array([[[1.0, 3.0], [0.0, 2.0]], [[1.0, 3.0], [2.0, 1.0]]])
    (bar,) = pullback_of(applying(Max((0, 2))), [x], np.array([1.0, 10.0]))
    np.testing.assert_array_equal(bar, [[[0, 0.5], [0, 5]], [[0, 0.5], [5, 0]]])


@pytest.mark.parametrize(("make", "expected"), [(Max, [0, INF]), (Min, [INF, 0])])
def test_extreme_passes_an_infinite_cotangent_to_the_selected_only(
    make: type[Max | Min], expected: list[float]
) -> None:
    (bar,) = pullback_of(applying(make((0,))), [np.array([1.0, 2.0])], np.float64(INF))
    np.testing.assert_array_equal(bar, expected)


@pytest.mark.parametrize("make", [Max, Min])
def test_extreme_of_nothing_is_an_error_and_of_no_slices_is_empty(make: type[Max | Min]) -> None:
    name = make.__name__.lower()
    text = rf"{name}: an empty reduction has no identity: axis 0 of shape \(0, 3\) has size 0"
    with pytest.raises(ShapeError, match=text):
        apply(make((0,)), held(np.zeros((0, 3))))
    with pytest.raises(ShapeError, match=text):
        make((0,)).infer(type_of(np.zeros((0, 3))))
    check_primitive(make((1,)), np.zeros((0, 3)))


# -------------------------------------------------------------------------- positions, any and all


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_positions_are_numpys(axis: int, dtype: str) -> None:
    x = few((3, 4, 2), dtype)
    for make, reference in ((Argmax, np.argmax), (Argmin, np.argmin)):
        np.testing.assert_array_equal(make(axis).evaluate(x), reference(x, axis), strict=True)
        check_type(make(axis), x)


def test_position_of_nothing_is_an_error() -> None:
    with pytest.raises(ShapeError, match=r"argmax: axis 1 of shape \(2, 0\) has size 0"):
        apply(Argmax(1), held(np.zeros((2, 0))))


@pytest.mark.parametrize("primitive", [Argmax(0), Argmin(0), Any((0,)), All((0,))], ids=str)
def test_discrete_reductions_have_no_derivative(primitive: Primitive) -> None:
    assert not primitive.differentiable
    check_adjoint(primitive, X)
    assert primitive.pushforward(0, X, primitive.evaluate(X), (X,)) is None


# ---------------------------------------------------------------------------- logsumexp, softmax


def exact_logsumexp(x: list[float]) -> float:
    with mpmath.workdps(60):
        return float(mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(v)) for v in x)))


@pytest.mark.parametrize(
    "x",
    [
        [0.0],
        [1.0, 2.0, 3.0],
        [1000.0, 1000.0],
        [-1000.0, -1001.0],
        [0.0, -40.0],
        [0.0, -40.0, -41.0, -300.0],
        [0.0, 0.0, -40.0],
        [-1e-20, -50.0],
        [700.0, -700.0],
        [1e308, 1e308],
        [-2.0, -2.0, -2.0, -2.0],
    ],
)
def test_logsumexp_and_its_gradient_are_accurate_at_every_scale(x: list[float]) -> None:
    numbers = np.array(x)
    np.testing.assert_allclose(Logsumexp((0,)).evaluate(numbers), exact_logsumexp(x), rtol=3e-16)
    with mpmath.workdps(60):
        terms = [mpmath.exp(mpmath.mpf(v) - mpmath.mpf(max(x))) for v in x]
        weights = [float(t / mpmath.fsum(terms)) for t in terms]
    np.testing.assert_allclose(slope_at(applying(Logsumexp((0,))), numbers), weights, rtol=4e-16)


@pytest.mark.parametrize(
    ("x", "value", "weights"),
    [
        ([0.0, -INF], 0.0, [1, 0]),
        ([-INF, 1.0, 1.0], 1 + math.log(2), [0, 1 / 2, 1 / 2]),
        ([-INF, -INF], -INF, [0, 0]),
        ([-INF], -INF, [0]),
        ([INF, 0.0, 800.0], INF, [1, 0, 0]),
        ([INF, -INF, INF], INF, [1 / 2, 0, 1 / 2]),
    ],
)
def test_logsumexp_of_infinities_has_the_limits(
    x: list[float], value: float, weights: list[float]
) -> None:
    numbers = np.array(x)
    np.testing.assert_allclose(Logsumexp((0,)).evaluate(numbers), value, rtol=1e-15)
    np.testing.assert_array_equal(slope_at(applying(Logsumexp((0,))), numbers), weights)
    assert not np.isnan(second_at(applying(Logsumexp((0,))), numbers)).any()


def test_logsumexp_of_nan_is_nan() -> None:
    x = np.array([[1.0, NAN], [1.0, 2.0]])
    np.testing.assert_array_equal(np.isnan(Logsumexp((1,)).evaluate(x)), [True, False])
    np.testing.assert_array_equal(np.isnan(Softmax((1,)).evaluate(x)), [[True] * 2, [False] * 2])


def test_logsumexp_of_nothing_is_minus_infinity_with_an_empty_gradient() -> None:
    x = np.zeros((0, 3))
    np.testing.assert_array_equal(Logsumexp((0,)).evaluate(x), [-INF] * 3, strict=True)
    assert slope_at(applying(Logsumexp((0,))), x).shape == (0, 3)
    check_type(Logsumexp((0,)), x)
    check_primitive(Logsumexp((1,)), x)
    check_primitive(Softmax((0,)), x)


def test_complex_logsumexp_is_the_logarithm_of_the_sum() -> None:
    expected = np.log(np.sum(np.exp(Z), (0, 2)))
    np.testing.assert_allclose(Logsumexp((0, 2)).evaluate(Z), expected, rtol=1e-14)
    shifted = Logsumexp((0, 2)).evaluate(Z + 1000)
    np.testing.assert_allclose(shifted - 1000, expected, rtol=1e-12)


@pytest.mark.parametrize("axes", AXES)
def test_softmax_is_a_distribution(axes: tuple[int, ...]) -> None:
    weights = Softmax(axes).evaluate(X * 300)
    assert (weights >= 0).all()
    np.testing.assert_allclose(np.sum(weights, axes), np.ones(np.sum(X, axes).shape), rtol=1e-15)


@pytest.mark.parametrize("make", [Logsumexp, Softmax])
@pytest.mark.parametrize("dtype", ["?", "i8"])
def test_logsumexp_needs_an_inexact_dtype(make: type[Softmax | Logsumexp], dtype: str) -> None:
    with pytest.raises(DTypeError, match=f"{make.__name__.lower()}: not defined for dtype"):
        make((0,)).infer(type_of(np.ones(2, dtype)))


# ------------------------------------------------------------------------------------- magnitude


def test_magnitude_is_the_root_with_derivative_0_at_0() -> None:
    squares = np.array([0.0, 4.0])
    np.testing.assert_array_equal(Magnitude().evaluate(squares), [0, 2])
    np.testing.assert_array_equal(slope_at(applying(Magnitude()), squares), [0, 1 / 4])
    np.testing.assert_array_equal(second_at(applying(Magnitude()), squares), [0, -1 / 32])


# -------------------------------------------------------------------------------------- as values


@pytest.mark.parametrize(
    "primitive", [make((0, 1)) for make in (Prod, Max, Min, Any, All, Logsumexp, Softmax)], ids=str
)
def test_primitives_are_frozen_values(primitive: Max) -> None:
    same = type(primitive)((0, 1))
    assert (primitive, hash(primitive)) == (same, hash(same))
    assert primitive != type(primitive)((1,))
    assert pickle.loads(pickle.dumps(primitive)) == primitive  # noqa: S301 - its own bytes
    assert repr(primitive) == f"{type(primitive).__name__}(axes=(0, 1))"
    assert not hasattr(primitive, "__dict__")
    with pytest.raises(FrozenInstanceError):
        primitive.axes = ()  # type: ignore[misc]  # the error is the subject


def test_primitives_of_different_kinds_differ() -> None:
    primitives: set[Primitive] = {make((0,)) for make in (Prod, Max, Min, Any, All)}
    assert len(primitives | {Argmax(0), Argmin(0)}) == 7
