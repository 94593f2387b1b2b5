"""where, select, maximum, minimum, clip: values as NumPy, derivatives at ties and bounds."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import pytest

from pullback.api.selection import clip, maximum, minimum, select, where
from pullback.core import Array
from pullback.errors import ShapeError
from pullback.primitives.quantity import Value
from tests.checks import check_function, pullback_of
from tests.primitives.pointwise import held, second_at, slope_at

NAN: Final = float("nan")
INF: Final = float("inf")
OPERANDS: Final[list[Value]] = [
    *(2, 0.5, -1.0, NAN, np.float32(1.5), np.int8(3)),
    *(np.array([0.0, 1.0, -2.0]), np.array([[1], [5]]), np.array([1.0, NAN, INF], np.float32)),
]


def assert_same(ours: Array, numpys: Value) -> None:
    """Check value, shape and dtype."""
    assert np.array_equal(ours._value, numpys, equal_nan=True)
    assert (ours.shape, ours.dtype) == (numpys.shape, numpys.dtype)


@pytest.mark.parametrize(("x", "y"), list(itertools.product(OPERANDS, repeat=2)))
def test_binary_selections_are_numpys(x: Value, y: Value) -> None:
    assert_same(maximum(x, y), np.maximum(x, y))
    assert_same(minimum(x, y), np.minimum(x, y))
    for condition in (True, np.array([True, False, True]), np.array([[0], [2]])):
        assert_same(where(condition, x, y), np.where(condition, x, y))


def test_lists_are_operands() -> None:
    condition: Value = [True, False]
    row: Value = [1, 5]
    column: Value = [[3], [4]]
    assert_same(where(condition, row, column), np.array([[1, 3], [1, 4]]))
    assert_same(maximum(row, column), np.array([[3, 5], [4, 5]]))


@pytest.mark.parametrize("x", [*OPERANDS, np.zeros((0, 2))])
@pytest.mark.parametrize("bounds", [(0, 1), (-0.5, None), (None, 1.5), (None, None), (1, 0)])
def test_clip_is_numpys(x: Value, bounds: tuple[float | None, float | None]) -> None:
    lower, upper = bounds
    assert_same(clip(x, lower, upper), np.asarray(np.clip(x, lower, upper)))
    assert_same(clip(x, min=lower, max=upper), np.asarray(np.clip(x, lower, upper)))


def test_clip_broadcasts_its_bounds() -> None:
    x, low, high = np.array([[0.1], [0.9]]), np.array([0.0, 0.5, 2.0]), np.array([1.0, 0.6, 3.0])
    assert_same(clip(x, low, high), np.clip(x, low, high))
    check_function(clip, x, low, high)


def test_the_slope_of_clip_is_one_inside_a_half_at_a_bound_and_zero_outside() -> None:
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    assert slope_at(lambda x: clip(x, 0.0, 1.0), x).tolist() == [0, 0.5, 1, 0.5, 0]
    assert slope_at(lambda x: clip(x, 0.0), x).tolist() == [0, 0.5, 1, 1, 1]
    assert slope_at(lambda x: clip(x, max=1.0), x).tolist() == [1, 1, 1, 0.5, 0]
    assert slope_at(clip, x).tolist() == [1, 1, 1, 1, 1]
    assert second_at(lambda x: clip(x, 0.0, 1.0) ** 2, x).tolist() == [0, 0.5, 2, 0.5, 0]


def test_bounds_have_what_the_clipped_number_has_not() -> None:
    x, low, high = np.array([-1.0, 0.0, 0.5, 1.0, 2.0]), np.zeros(5), np.ones(5)
    bars = pullback_of(clip, [x, low, high], np.ones(5))
    assert bars[0].tolist() == [0, 0.5, 1, 0.5, 0]
    assert bars[1].tolist() == [1, 0.5, 0, 0, 0]
    assert bars[2].tolist() == [0, 0, 0, 0.5, 1]


def test_nan_is_not_clipped() -> None:
    assert np.isnan(clip(NAN, 0.0, 1.0)._value)
    assert np.isnan(clip(0.5, NAN, 1.0)._value)
    assert slope_at(lambda x: clip(x, 0.0, 1.0), NAN) == 1


CONDITIONS: Final = [np.array([True, False, False, False]), np.array([True, True, False, False])]


def test_select_takes_the_first_choice_whose_condition_holds() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])
    choices: list[Value] = [x, -x]
    assert_same(select(CONDITIONS, choices), np.select(CONDITIONS, choices))
    assert_same(select(CONDITIONS, choices, 7.5), np.select(CONDITIONS, choices, 7.5))
    assert_same(select(CONDITIONS, [1, 2], -1), np.select(CONDITIONS, [1, 2], -1))
    column = [condition[:, None] for condition in CONDITIONS]
    assert_same(select(column, choices, x), np.select(column, choices, x))
    bars = pullback_of(lambda x, y: select(CONDITIONS, [x, y * y]), choices, np.ones(4))
    assert bars[0].tolist() == [1, 0, 0, 0]
    assert bars[1].tolist() == [0, -4, 0, 0]


@pytest.mark.parametrize(("conditions", "choices"), [(0, 0), (2, 1), (0, 1)])
def test_select_needs_a_choice_for_each_condition(conditions: int, choices: int) -> None:
    message = f"select: {conditions} conditions and {choices} choices; expected one choice for each"
    with pytest.raises(ShapeError, match=message):
        select(CONDITIONS[:conditions], [1.0, 2.0][:choices])


@pytest.mark.parametrize("f", [maximum, minimum, clip])
def test_shapes_that_do_not_broadcast_are_named(f: type) -> None:
    message = r"imum: shapes \(2,\) and \(3,\) do not broadcast: sizes 2 and 3 on axis -1"
    with pytest.raises(ShapeError, match=message):
        f(np.ones(2), np.ones(3))


def test_an_absolute_value_made_of_where_has_the_chosen_slope_at_zero() -> None:
    x = np.array([-2.0, 0.0, 3.0])
    assert slope_at(lambda x: where(x < 0, -x, x), x).tolist() == [-1, 1, 1]
    assert slope_at(lambda x: maximum(x, -x), x).tolist() == [-1, 0, 1]
    assert slope_at(lambda x: maximum(held(0.0), x), 0.0) == 0.5
