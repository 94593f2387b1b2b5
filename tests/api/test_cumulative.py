"""Cumulative sums and products, differences, the trapezoidal rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array
from pullback.errors import ShapeError
from pullback.primitives.quantity import Value
from tests.api.agreement import Call, check_agreement, check_call, check_derivatives, distinct
from tests.checks import check_function
from tests.primitives.pointwise import slope_at

Shape = tuple[int, ...]

CASES: list[tuple[Call, Shape]] = [
    (lambda m, x: m.cumsum(x), (2, 3)),
    (lambda m, x: m.cumsum(x), ()),
    (lambda m, x: m.cumsum(x), (0,)),
    (lambda m, x: m.cumsum(x, 0), (2, 3)),
    (lambda m, x: m.cumsum(x, axis=-1), (2, 3)),
    (lambda m, x: m.cumsum(x, 1), (2, 0)),
    (lambda m, x: m.cumprod(x), (2, 3)),
    (lambda m, x: m.cumprod(x), ()),
    (lambda m, x: m.cumprod(x, 0), (2, 3)),
    (lambda m, x: m.cumprod(x, axis=-1), (2, 3)),
    (lambda m, x: m.cumprod(x, 0), (0, 3)),
    (lambda m, x: m.cumulative_sum(x), (3,)),
    (lambda m, x: m.cumulative_sum(x, axis=1), (2, 3)),
    (lambda m, x: m.cumulative_sum(x, axis=0, include_initial=True), (2, 3)),
    (lambda m, x: m.cumulative_sum(x, include_initial=True), (0,)),
    (lambda m, x: m.cumulative_prod(x), (3,)),
    (lambda m, x: m.cumulative_prod(x, axis=-1), (2, 3)),
    (lambda m, x: m.cumulative_prod(x, axis=1, include_initial=True), (2, 3)),
    (lambda m, x: m.trapezoid(x), (4,)),
    (lambda m, x: m.trapezoid(x, dx=0.5, axis=0), (4, 2)),
    (lambda m, x: m.trapezoid(x, np.array([1, 2, 4], "f4")), (2, 3)),
    (lambda m, x: m.trapezoid(x, np.array([1, 3, 4], "f4"), axis=0), (3, 2)),
    (lambda m, x: m.trapezoid(x, np.array([[0, 1], [4, 9], [16, 25]], "f4"), axis=0), (3, 2)),
    (lambda m, x: m.trapezoid(x), (2, 1)),
    (lambda m, x: m.trapezoid(x), (0,)),
    (lambda m, x: m.diff(x), (4,)),
    (lambda m, x: m.diff(x, axis=0), (3, 2)),
    (lambda m, x: m.diff(x, 2), (2, 4)),
    (lambda m, x: m.diff(x, n=3, axis=1), (2, 4)),
    (lambda m, x: m.diff(x, 9), (2, 4)),
    (lambda m, x: m.diff(x, 0), (2, 4)),
    (lambda m, x: m.diff(x), (2, 0)),
    (lambda m, x: m.diff(x, prepend=x[:1]), (3,)),
    (lambda m, x: m.diff(x, 2, append=x[:, :2]), (2, 3)),
    (lambda m, x: m.diff(x, axis=0, prepend=x[0, 0], append=x[1, 1]), (2, 3)),
]


@pytest.mark.parametrize(("call", "shape"), CASES)
def test_agrees_with_numpy(call: Call, shape: Shape) -> None:
    check_call(call, shape)


@pytest.mark.parametrize(("call", "shape"), CASES)
def test_derivatives(call: Call, shape: Shape) -> None:
    check_derivatives(call, shape)


def test_derivatives_by_the_points_of_the_trapezoidal_rule() -> None:
    y, x = distinct((2, 3)), np.array([0.1, 0.5, 2.0])
    check_function(pb.trapezoid, y, x)
    check_function(lambda y, dx: pb.trapezoid(y, dx=dx, axis=0), y, np.float64(0.3))


@pytest.mark.parametrize("given", ["?", "i1", "u1", "f4"])
@pytest.mark.parametrize("dtype", ["i1", "i4", "f4", "f8", "c16"])
def test_dtype_is_summed_in_and_returned(dtype: str, given: str) -> None:
    x = np.array([1, 0, 2, 1], given)
    for ours, theirs in ((pb.cumsum, np.cumsum), (pb.cumprod, np.cumprod)):
        check_agreement(ours, theirs, x, dtype=dtype)
    check_agreement(pb.cumulative_sum, np.cumulative_sum, x, dtype=dtype, include_initial=True)
    check_agreement(pb.cumulative_prod, np.cumulative_prod, x, dtype=dtype, include_initial=True)


def test_gradient_of_cumprod_is_right_with_zeros() -> None:
    x = np.array([2.0, 0.0, 3.0, 0.0])
    # y = 2, 0, 0, 0 and ∂/∂x_1 (y_1 + y_2 + y_3) = 2 + 2·3 + 2·3·0
    np.testing.assert_array_equal(slope_at(lambda x: pb.cumprod(x, 0), x), [1, 8, 0, 0])


def test_gradient_of_a_long_cumprod_is_exact() -> None:
    x = np.tile([0.5, 2.0], 50_000)  # y = ½, 1, ½, 1, ...; a sum of 1.5 for each pair of factors
    gradient = slope_at(pb.cumprod, x)
    np.testing.assert_array_equal(gradient[::2], 2 * 1.5 * np.arange(50_000, 0, -1))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: pb.cumsum(x, 2), r"cumsum: axis 2 is out of range"),
        (lambda x: pb.cumprod(x, -3), r"cumprod: axis -3 is out of range"),
        (
            pb.cumulative_sum,
            r"cumulative_sum: an axis is needed for shape \(2, 3\); only of rank 1 there is no",
        ),
        (pb.cumulative_prod, r"cumulative_prod: an axis is needed for shape \(2, 3\)"),
        (lambda x: pb.cumulative_sum(1.0), r"cumulative_sum: an axis is needed for shape \(\)"),
        (lambda x: pb.diff(x, -1), r"diff: n counts how many times differences are taken"),
        (lambda x: pb.diff(x, axis=2), r"diff: axis 2 is out of range"),
        (lambda x: pb.diff(1.0), r"diff: axis -1 is out of range for an array with 0 axes"),
        (lambda x: pb.diff(x, prepend=x[:, 0]), r"concat: array 0 has shape \(2,\) and array 1"),
        (
            lambda x: pb.trapezoid(x, np.ones(2)),
            r"trapezoid: 2 points for the 3 values along axis 1 of shape \(2, 3\)",
        ),
    ],
)
def test_errors_name_what_does_not_fit(call: Callable[[Value], Array], text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        call(np.ones((2, 3)))
