"""Joining arrays and taking them apart.

Each case is one call, made of NumPy's namespace and of ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.errors import ShapeError
from pullback.primitives.quantity import Value
from tests.api.agreement import (
    DTYPES,
    Call,
    check_agreement,
    check_call,
    check_derivatives,
    sample,
)
from tests.checks import pullback_of
from tests.primitives.pointwise import slope_at

Shape = tuple[int, ...]

JOININGS: list[tuple[Call, Shape]] = [
    (lambda m, x: m.concat([x, x[:1]]), (2, 3)),
    (lambda m, x: m.concat((x, x), axis=-1), (2, 3)),
    (lambda m, x: m.concat([x, x[:0], x], axis=0), (2, 3)),
    (lambda m, x: m.concat([x, x[0]], axis=None), (2, 3)),
    (lambda m, x: m.concat([x], 1), (2, 3)),
    (lambda m, x: m.stack([x, x]), (2, 3)),
    (lambda m, x: m.stack([x, x, x], axis=-1), (2, 3)),
    (lambda m, x: m.stack((x, x), axis=1), (0, 3)),
    (lambda m, x: m.stack([x, x]), ()),
    (lambda m, x: m.hstack([x, x]), (2, 3)),
    (lambda m, x: m.hstack([x, x[:1]]), (3,)),
    (lambda m, x: m.hstack([x, x]), ()),
    (lambda m, x: m.vstack([x, x[:1]]), (2, 3)),
    (lambda m, x: m.vstack([x, x]), (3,)),
    (lambda m, x: m.dstack([x, x]), (3,)),
    (lambda m, x: m.dstack([x, x]), (2, 3)),
    (lambda m, x: m.dstack([x, x]), (2, 3, 1)),
    (lambda m, x: m.column_stack([x, x]), (3,)),
    (lambda m, x: m.column_stack([x, x[:, 0]]), (3, 2)),
    (lambda m, x: m.split(x, 2), (4, 3)),
    (lambda m, x: m.split(x, [1, 3]), (4, 3)),
    (lambda m, x: m.split(x, [3, 1, -1, 9], axis=0), (5,)),
    (lambda m, x: m.split(x, [], axis=1), (2, 3)),
    (lambda m, x: m.split(x, 3, axis=-1), (2, 3)),
    (lambda m, x: m.array_split(x, 3), (5, 2)),
    (lambda m, x: m.array_split(x, 4, axis=1), (1, 2)),
    (lambda m, x: m.array_split(x, np.array([1, 2])), (4,)),
    (lambda m, x: m.unstack(x), (3, 2)),
    (lambda m, x: m.unstack(x, axis=-1), (2, 3)),
    (lambda m, x: m.unstack(x), (3,)),
    (lambda m, x: m.unstack(x), (0, 3)),
]


@pytest.mark.parametrize(("call", "shape"), JOININGS)
def test_agrees_with_numpy(call: Call, shape: Shape) -> None:
    check_call(call, shape)


@pytest.mark.parametrize(("call", "shape"), JOININGS)
def test_derivatives(call: Call, shape: Shape) -> None:
    check_derivatives(call, shape)


@pytest.mark.parametrize("one", DTYPES)
@pytest.mark.parametrize("other", ["?", "u1", "i8", "f4", "c8"])
def test_mixed_dtypes_promote_as_in_numpy(one: str, other: str) -> None:
    x, y = sample((2, 2), one), sample((2, 2), other)
    check_agreement(lambda x, y: pb.concat([x, y]), lambda x, y: np.concat([x, y]), x, y)
    check_agreement(lambda x, y: pb.stack([x, y]), lambda x, y: np.stack([x, y]), x, y)


def test_python_numbers_stack_and_have_gradients_that_are_python_numbers() -> None:
    check_agreement(lambda x, y: pb.stack([x, y]), lambda x, y: np.stack([x, y]), 1, 2.5)
    gradient = slope_at(lambda x: pb.stack([x, x * 2, 3.0]), 1.5)
    assert (gradient, type(gradient)) == (3.0, float)


def test_an_array_is_a_sequence_of_its_rows() -> None:
    x = pb.asarray(np.arange(6.0).reshape(3, 2))
    np.testing.assert_array_equal(pb.concat(x)._value, np.arange(6.0))
    np.testing.assert_array_equal(pb.stack(x, axis=1)._value, np.arange(6.0).reshape(3, 2).T)
    np.testing.assert_array_equal(pb.vstack(row for row in x)._value, x._value)


def test_gradient_of_many_stacked_scalars_takes_linear_time() -> None:
    def seconds(n: int) -> float:
        start = time.perf_counter()
        pullback_of(lambda *x: pb.stack(x), [np.float64(i) for i in range(n)], np.ones(n))
        return time.perf_counter() - start

    seconds(100)
    assert min(seconds(4000) for _ in range(3)) < 30 * min(seconds(400) for _ in range(3))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: pb.concat([]), r"concat: no arrays were given; at least one is needed"),
        (lambda x: pb.stack([]), r"stack: no arrays were given; at least one is needed"),
        (lambda x: pb.hstack([]), r"concat: no arrays were given; at least one is needed"),
        (
            lambda x: pb.concat([x, x[0]]),
            r"concat: array 0 has shape \(2, 3\) and array 1 has shape \(3,\): they need the same",
        ),
        (lambda x: pb.concat([1.0, 2.0]), r"concat: array 0 has shape \(\), .*stack joins scalars"),
        (
            lambda x: pb.concat([x, x[:, :2]]),
            r"concat: sizes differ on axis 1: 3 in array 0, shape \(2, 3\), and 2 in array 1",
        ),
        (lambda x: pb.concat([x, x], axis=2), r"concat: axis 2 is out of range"),
        (lambda x: pb.stack([x, x[:1]]), r"stack: shapes differ: \(2, 3\) of array 0 and \(1, 3\)"),
        (lambda x: pb.stack([x, x], axis=3), r"stack: axis 3 is out of range"),
        (lambda x: pb.column_stack([x, x[0]]), r"concat: sizes differ on axis 0: 2 in array 0"),
        (
            lambda x: pb.split(x, 2, axis=1),
            r"split: 2 parts of equal size from axis 1 of size 3, shape \(2, 3\); array_split",
        ),
        (lambda x: pb.split(x, 0), r"split: 0 parts of equal size from axis 0"),
        (lambda x: pb.array_split(x, 0), r"array_split: the number of parts is positive, not 0"),
        (lambda x: pb.split(x, 1, axis=5), r"split: axis 5 is out of range"),
        (lambda x: pb.unstack(x, axis=-3), r"unstack: axis -3 is out of range"),
        (lambda x: pb.unstack(1.0), r"unstack: axis 0 is out of range for an array with 0 axes"),
    ],
)
def test_errors_name_what_does_not_fit(call: Callable[[Value], object], text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        call(np.ones((2, 3)))
