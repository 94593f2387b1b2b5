"""Diagonals and triangles.

Each case is one call, made of NumPy's namespace and of ours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.api.diagonals import trace
from pullback.core import Array
from pullback.errors import ShapeError
from pullback.primitives.quantity import Value
from tests.api.agreement import Call, check_call, check_derivatives
from tests.primitives.pointwise import slope_at

Shape = tuple[int, ...]

DIAGONALS: list[tuple[Call, Shape]] = [
    (lambda m, x: m.tril(x), (3, 4)),
    (lambda m, x: m.tril(x, 1), (4, 3)),
    (lambda m, x: m.tril(x, k=-1), (2, 3, 3)),
    (lambda m, x: m.triu(x), (3, 4)),
    (lambda m, x: m.triu(x, 1), (4, 3)),
    (lambda m, x: m.triu(x, k=-5), (2, 3, 3)),
    (lambda m, x: m.triu(x), (0, 3)),
    (lambda m, x: m.diagonal(x), (3, 4)),
    (lambda m, x: m.diagonal(x, 1), (3, 3)),
    (lambda m, x: m.diagonal(x, -2), (4, 3)),
    (lambda m, x: m.diagonal(x, 9), (3, 3)),
    (lambda m, x: m.diagonal(x, -9), (3, 3)),
    (lambda m, x: m.diagonal(x, 1, 0, 2), (2, 3, 4)),
    (lambda m, x: m.diagonal(x, 1, 2, 0), (2, 3, 4)),
    (lambda m, x: m.diagonal(x, offset=-1, axis1=-1, axis2=-2), (2, 3, 4)),
    (lambda m, x: m.diag(x), (3,)),
    (lambda m, x: m.diag(x, 1), (3,)),
    (lambda m, x: m.diag(x, k=-2), (2,)),
    (lambda m, x: m.diag(x), (0,)),
    (lambda m, x: m.diag(x, 1), (3, 4)),
    (lambda m, x: m.asarray(x).trace(), (3, 4)),
    (lambda m, x: m.asarray(x).trace(-1, 1, 2), (2, 3, 4)),
    (lambda m, x: m.asarray(x).trace(), (0, 3)),
]


@pytest.mark.parametrize(("call", "shape"), DIAGONALS)
def test_agrees_with_numpy(call: Call, shape: Shape) -> None:
    check_call(call, shape)


@pytest.mark.parametrize(("call", "shape"), DIAGONALS)
def test_derivatives(call: Call, shape: Shape) -> None:
    check_derivatives(call, shape)


def test_trace_sums_in_the_dtype_asked_for() -> None:
    x = np.full((2, 2), 100, "i1")
    assert trace(x).dtype == np.int64
    assert trace(x, dtype="f4").dtype == np.float32


def test_unselected_triangle_contributes_nothing() -> None:
    x = np.array([[1.0, 0.5], [0.0, 2.0]])
    with np.errstate(divide="ignore"):
        upper = slope_at(lambda x: pb.triu(1 / x), x)
        lower = slope_at(lambda x: pb.tril(1 / x), x.T)
    np.testing.assert_array_equal(upper, [[-1, -4], [0, -0.25]])
    np.testing.assert_array_equal(lower, upper.T)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: pb.tril(x[0]), r"tril: shape \(3,\) is no matrix; it needs two axes at least"),
        (lambda x: pb.triu(x[0]), r"triu: shape \(3,\) is no matrix; it needs two axes at least"),
        (lambda x: pb.diagonal(x[0]), r"diagonal: shape \(3,\) is no matrix"),
        (lambda x: trace(x, 0, 0, 0), r"diagonal: an axis stands twice in \(0, 0\)"),
        (lambda x: pb.diagonal(x, 0, 0, 2), r"diagonal: axis 2 is out of range"),
        (lambda x: pb.diag(x[None]), r"diag: shape \(1, 2, 3\) is neither that of a matrix nor"),
    ],
)
def test_errors_name_what_does_not_fit(call: Callable[[Value], Array], text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        call(np.ones((2, 3)))
