"""Sorting, searching in what is sorted, and distinct values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array, Trace, lift, make_node
from pullback.errors import ConversionError, PullbackError, ShapeError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.types import ArrayType
from tests.checks import check_function, pullback_of

X = np.array([[3.0, 1.0, 2.0, 1.0], [0.0, -1.0, 5.0, 5.0]])


def unknown(shape: tuple[int, ...]) -> Array:
    """Return a node of unknown value."""
    return make_node(ArrayType(shape, np.dtype("f8")), Input(), (), frozenset({Trace()}))


@pytest.mark.parametrize("axis", [-2, -1, 0, 1])
def test_sorting_is_numpys(axis: int) -> None:
    np.testing.assert_array_equal(pb.sort(X, axis)._value, np.sort(X, axis))
    np.testing.assert_array_equal(pb.argsort(X, axis)._value, np.argsort(X, axis, stable=True))
    down = pb.sort(X, axis, descending=True)
    np.testing.assert_array_equal(down._value, -np.sort(-X, axis))
    order = pb.argsort(X, axis, descending=True)
    np.testing.assert_array_equal(order._value, np.argsort(-X, axis, stable=True))


def test_sorting_is_differentiable_to_second_order() -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))
    check_function(lambda x: pb.sort(x * x, 0), x)
    check_function(lambda x: pb.sort(x * x, descending=True), x)


def test_indices_that_sort_are_constants() -> None:
    node = make_node(X, Input(), (), frozenset({Trace()}))
    assert not pb.argsort(node).sources
    assert not pb.searchsorted(node[0], 1.0).sources


def test_sorting_needs_no_values() -> None:
    x = unknown((2, 3))
    assert pb.sort(x).type == x.type
    assert pb.argsort(x).type == ArrayType((2, 3), np.dtype(np.intp))
    assert pb.searchsorted(unknown((3,)), x).type == ArrayType((2, 3), np.dtype(np.intp))


@pytest.mark.parametrize("side", ["left", "right"])
def test_searching_is_numpys(side: Value) -> None:
    x, values = np.array([1.0, 2.0, 2.0, 4.0]), np.array([[0.0, 2.0], [3.0, 9.0]])
    np.testing.assert_array_equal(
        pb.searchsorted(x, values, side=side)._value, np.searchsorted(x, values, side)
    )
    order = np.array([3, 1, 2, 0])
    np.testing.assert_array_equal(
        pb.searchsorted(x[::-1], values, side=side, sorter=order)._value,
        np.searchsorted(x[::-1], values, side, sorter=order),
    )
    assert pb.searchsorted(x, 2).shape == ()


@pytest.mark.parametrize(
    "x",
    [
        X,
        np.array([1, 2, 1], "i4"),
        np.array([2.0, np.nan, np.nan]),
        np.array([1 + 1j, 1 - 1j, 1 + 1j]),
        np.empty((0, 2)),
        np.float64(3.0),
    ],
)
def test_distinct_values_are_numpys(x: Value) -> None:
    expected = np.unique_all(x)
    found = pb.unique_all(x)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours._value, theirs)
        assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(pb.unique_values(x)._value, expected.values)
    np.testing.assert_array_equal(pb.unique_counts(x).counts._value, expected.counts)
    inverse = pb.unique_inverse(x)
    np.testing.assert_array_equal(inverse.values[inverse.inverse_indices]._value, x)


def test_distinct_values_have_the_derivative_of_their_first_occurrence() -> None:
    (bar,) = pullback_of(pb.unique_values, [np.array([3.0, 1.0, 3.0])], np.array([5.0, 7.0]))
    np.testing.assert_array_equal(bar, [7.0, 5.0, 0.0])


@pytest.mark.parametrize("x", [X, X > 0, np.empty((0, 2)), np.array([0.0, np.nan, -0.0])])
def test_places_that_are_not_zero_are_numpys(x: Value) -> None:
    for ours, theirs in zip(pb.nonzero(x), np.nonzero(x), strict=True):
        np.testing.assert_array_equal(ours._value, theirs)
    np.testing.assert_array_equal(pb.argwhere(x)._value, np.argwhere(x))
    np.testing.assert_array_equal(pb.flatnonzero(x)._value, np.flatnonzero(x))


def test_places_of_a_traced_array_are_constants() -> None:
    node = make_node(X, Input(), (), frozenset({Trace()}))
    assert not any(index.sources for index in pb.nonzero(node))
    np.testing.assert_array_equal(node[pb.nonzero(node)]._value, X[np.nonzero(X)])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: pb.sort(X, 2), ShapeError, "sort: axis 2 is out of range"),
        (lambda: pb.sort(1.0), ShapeError, "sort: axis -1 is out of range"),
        (lambda: pb.argsort(X, -3), ShapeError, "argsort: axis -3 is out of range"),
        (lambda: pb.searchsorted(X, 1.0), ShapeError, r"rank 1, unlike shape \(2, 4\)"),
        (lambda: pb.nonzero(1.0), ShapeError, r"nonzero\(x\): an array of rank 0 has no indices"),
        (lambda: pb.argwhere(1.0), ShapeError, r"argwhere\(x\): an array of rank 0"),
        *(
            (
                lambda f=f: f(unknown((3,))),
                ConversionError,
                "is not known while vmap, jit or a loop traces",
            )
            for f in (pb.nonzero, pb.argwhere, pb.flatnonzero, pb.unique_values, pb.unique_all)
        ),
    ],
)
def test_call_that_does_not_fit_is_an_error(
    call: Callable[[], object], error: type[PullbackError], text: str
) -> None:
    with pytest.raises(error, match=text):
        call()


def test_numpys_functions_and_the_methods_reach_these() -> None:
    x = lift(X)
    np.testing.assert_array_equal(np.sort(x, axis=0)._value, np.sort(X, axis=0))  # type: ignore[attr-defined]  # an Array
    np.testing.assert_array_equal(x.argsort()._value, np.argsort(X))
    np.testing.assert_array_equal(x.take(np.array([1, 0]), axis=1)._value, X.take([1, 0], axis=1))
    assert len(x.nonzero()) == 2
