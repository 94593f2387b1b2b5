"""Norms: NumPy's values, exact derivatives, gradient 0 where the norm is 0."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array
from pullback.errors import ShapeError, UnsupportedError
from tests.api.agreement import check_agreement, distinct, sample
from tests.checks import check_function
from tests.primitives.pointwise import second_at, slope_at

INF = math.inf
ORDERS = [None, 1, 2, 3, 2.5, 0.5, 0, -1, -2, INF, -INF]


@pytest.mark.parametrize("ord", ORDERS)
@pytest.mark.parametrize("axis", [0, -1, (1,)])
@pytest.mark.parametrize("dtype", ["i4", "f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.filterwarnings("ignore:divide by zero")  # NumPy's, of 0 ** -1
def test_norm_of_vectors_agrees_with_numpy(
    ord: float | None, axis: object, dtype: str, *, keepdims: bool
) -> None:
    x = sample((3, 4), dtype)
    check_agreement(pb.norm, np.linalg.norm, x, ord=ord, axis=axis, keepdims=keepdims, rtol=2e-6)


@pytest.mark.parametrize("ord", ORDERS)
def test_norm_of_one_vector_agrees_with_numpy(ord: float | None) -> None:
    check_agreement(pb.norm, np.linalg.norm, distinct((5,)), ord=ord, rtol=1e-14)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (0,), (2, 0)])
def test_norm_of_all_elements_agrees_with_numpy(shape: tuple[int, ...]) -> None:
    check_agreement(pb.norm, np.linalg.norm, distinct(shape), rtol=1e-15)


@pytest.mark.parametrize("axis", [(0, 1), (2, 0)])
@pytest.mark.parametrize("ord", [None, "fro"])
@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_norm_of_matrices_agrees_with_numpy(
    ord: str | None, axis: tuple[int, int], dtype: str
) -> None:
    x = distinct((2, 3, 4), dtype)
    check_agreement(pb.norm, np.linalg.norm, x, ord=ord, axis=axis, rtol=1e-15)
    check_agreement(pb.norm, np.linalg.norm, x[0], ord=ord, rtol=1e-15)


@pytest.mark.parametrize("ord", [order for order in ORDERS if order != 0])
@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_derivatives(ord: float | None, dtype: str) -> None:
    check_function(lambda x: pb.norm(x, ord, 1), distinct((2, 3), dtype), rtol=1e-5)
    check_function(lambda x: pb.norm(x, ord, 0, keepdims=True), distinct((2, 3), dtype), rtol=1e-5)


@pytest.mark.parametrize("ord", ORDERS)
def test_gradient_is_0_where_the_norm_is_0_to_second_order(ord: float | None) -> None:
    zero = np.zeros(3)
    np.testing.assert_array_equal(slope_at(lambda x: pb.norm(x, ord), zero), zero)
    np.testing.assert_array_equal(second_at(lambda x: pb.norm(x, ord), zero), zero)
    complex_zero = zero.astype(complex)
    np.testing.assert_array_equal(slope_at(lambda x: pb.norm(x, ord), complex_zero), zero)


def test_zero_vectors_leave_the_gradients_of_others_alone() -> None:
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    gradient = slope_at(lambda x: pb.norm(x, axis=1), x)
    np.testing.assert_allclose(gradient, np.array([[0, 0], [0.6, 0.8]]), rtol=1e-15)


@pytest.mark.parametrize("ord", [0.5, 1, 1.5, 3, -1])
def test_elements_that_are_0_have_gradient_0_in_a_norm_that_is_not(ord: float) -> None:
    gradient = slope_at(lambda x: pb.norm(x, ord), np.array([0.0, 2.0, -1.0]))
    assert gradient[0] == 0
    assert np.isfinite(gradient).all()


def test_distance_of_a_point_to_itself_has_gradient_0() -> None:
    point = np.array([1.0, 2.0])

    def distance(x: Array) -> Array:
        return pb.norm(x - point)

    np.testing.assert_array_equal(slope_at(distance, point), [0, 0])


@pytest.mark.parametrize(
    ("ord", "axis", "shape"),
    [
        ("nuc", (0, 1), (2, 3)),
        (2, None, (2, 3)),
        (1, (0, 1), (2, 3)),
        ("fro", 0, (2, 3)),
        (1, None, ()),
    ],
)
def test_other_norms_are_refused(ord: float | str, axis: object, shape: tuple[int, ...]) -> None:
    with pytest.raises(UnsupportedError, match=rf"norm: ord={ord!r} over \d axes: a vector's norm"):
        pb.norm(np.ones(shape), ord, axis)  # type: ignore[arg-type]  # the error is the subject


def test_errors_name_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match="norm: axis 1 is out of range"):
        pb.norm(np.ones(1), axis=1)
    with pytest.raises(ShapeError, match="max: an empty reduction has no identity"):
        pb.norm(np.zeros(0), INF)
