"""Sorting along an axis, and searching in what is sorted."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.core import apply
from pullback.errors import ShapeError
from pullback.primitives.quantity import Value
from pullback.primitives.sorting import ArgSort, SearchSorted, Sort
from pullback.types import type_of
from tests.checks import check_adjoint, check_primitive, check_type, pullback_of

RNG = np.random.default_rng(0)
SHAPES = [((5,), 0), ((0,), 0), ((1,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 3, 4), 1), ((2, 0, 3), 0)]


def with_ties(shape: tuple[int, ...], dtype: str) -> Value:
    """Return numbers of which some are equal."""
    numbers = RNG.integers(0, 3, shape)
    return (numbers * (1 + 1j) if dtype[0] == "c" else numbers).astype(dtype)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", ["?", "i8", "u1", "f4", "f8", "c16"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_sorted_elements_and_their_indices_are_numpys(
    shape: tuple[int, ...], axis: int, dtype: str, *, descending: bool
) -> None:
    x = with_ties(shape, dtype)
    check_type(Sort(axis, descending), x)
    check_type(ArgSort(axis, descending), x)
    check_adjoint(Sort(axis, descending), x)
    expected = np.sort(x, axis)
    if descending:
        expected = np.flip(expected, axis)
    np.testing.assert_array_equal(Sort(axis, descending).evaluate(x), expected)
    order = ArgSort(axis, descending).evaluate(x)
    np.testing.assert_array_equal(np.take_along_axis(x, order, axis), expected)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_derivative_of_sorting_permutes(
    shape: tuple[int, ...], axis: int, *, descending: bool
) -> None:
    x = RNG.permutation(int(np.prod(shape))).reshape(shape) * 1.5
    check_primitive(Sort(axis, descending), x)
    check_primitive(Sort(axis, descending), x * (1 - 2j))


@pytest.mark.parametrize(
    ("descending", "expected"), [(False, [1, 2, 4, 0, 3]), (True, [0, 3, 1, 2, 4])]
)
def test_equal_elements_keep_their_order(expected: list[int], *, descending: bool) -> None:
    x = np.array([2.0, 1.0, 1.0, 2.0, 1.0])
    np.testing.assert_array_equal(ArgSort(0, descending).evaluate(x), expected)
    cotangent = np.arange(5.0)
    (bar,) = pullback_of(lambda x: apply(Sort(0, descending), x), [x], cotangent)
    np.testing.assert_array_equal(bar[expected], cotangent)


def test_nan_is_greater_than_any_number() -> None:
    x = np.array([1.0, np.nan, np.inf])
    np.testing.assert_array_equal(Sort(0, descending=False).evaluate(x), [1.0, np.inf, np.nan])
    np.testing.assert_array_equal(ArgSort(0, descending=True).evaluate(x), [1, 2, 0])


@pytest.mark.parametrize("values", [np.float64(1.0), np.array([[0.0, 1.0], [2.5, 9.0]])])
def test_searching_is_numpys(values: Value) -> None:
    x = np.array([0.5, 1.0, 1.0, 2.0])
    out = SearchSorted("left").evaluate(x, values)
    assert SearchSorted("left").infer(type_of(x), type_of(values)) == type_of(out)
    np.testing.assert_array_equal(out, np.searchsorted(x, values))
    np.testing.assert_array_equal(
        SearchSorted("right").evaluate(x, values), np.searchsorted(x, values, "right")
    )


def test_searching_needs_rank_one() -> None:
    with pytest.raises(ShapeError, match=r"rank 1, unlike shape \(2, 2\)"):
        SearchSorted("left").infer(type_of(np.zeros((2, 2))), type_of(np.zeros(1)))
