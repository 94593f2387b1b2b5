"""Comparison up to rounding, and replacement of what is not finite."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.errors import ConversionError
from pullback.primitives.quantity import Value
from tests.checks import check_function, pullback_of
from tests.core.nodes import traced, unknown

SPECIAL = np.array([0.0, -0.0, 1.0, 1.0 + 1e-9, 1e-9, np.inf, -np.inf, np.nan, 1e30])
COMPLEX = np.stack([SPECIAL, SPECIAL[::-1]], -1).view(complex)[:, 0]
PAIRS: list[tuple[Value, Value]] = [
    (SPECIAL[:, None], SPECIAL),
    (SPECIAL.astype(np.float32), np.float32(1.0)),
    (COMPLEX, COMPLEX[::-1]),
    (np.array([True, False]), np.array([True, True])),
    (np.array([1, 2, 3]), 2),
    (1.0, 1.0),
    (np.zeros((0, 3)), np.zeros(3)),
]


@pytest.mark.parametrize("equal_nan", [False, True])
@pytest.mark.parametrize(("x", "y"), PAIRS)
@pytest.mark.parametrize(("rtol", "atol"), [(1e-5, 1e-8), (0.0, 0.0), (0.5, 0.1)])
def test_isclose_and_allclose_are_numpys(
    x: Value, y: Value, *, equal_nan: bool, rtol: float, atol: float
) -> None:
    expected = np.isclose(x, y, rtol, atol, equal_nan=equal_nan)
    ours = pb.isclose(x, y, rtol, atol, equal_nan=equal_nan)
    np.testing.assert_array_equal(ours, expected)
    assert ours.shape == expected.shape
    close = pb.allclose(x, y, rtol, atol, equal_nan=equal_nan)
    assert close is np.allclose(x, y, rtol, atol, equal_nan=equal_nan)


@pytest.mark.parametrize("equal_nan", [False, True])
@pytest.mark.parametrize(("x", "y"), [*PAIRS, (SPECIAL, SPECIAL), ([1], [1, 1]), (2, 2.0)])
def test_array_equal_is_numpys(x: Value, y: Value, *, equal_nan: bool) -> None:
    assert pb.array_equal(x, y, equal_nan=equal_nan) is np.array_equal(x, y, equal_nan=equal_nan)


def test_questions_work_on_the_values_of_traced_nodes() -> None:
    x = traced([1.0, 2.0])
    assert pb.allclose(x, [1.0, 2.0])
    assert pb.array_equal(x, x)
    assert not pb.isclose(x, 1.0).sources


def test_questions_about_unknown_values_name_the_remedy() -> None:
    x = unknown(2)
    assert pb.isclose(x, 1.0).shape == (2,)
    with pytest.raises(ConversionError, match=r"allclose\(x, y\): .*use all\(isclose\(x, y\)\)"):
        pb.allclose(x, 1.0)
    with pytest.raises(ConversionError, match=r"array_equal\(x, y\): .*use all\(x == y\)"):
        pb.array_equal(x, x)
    assert not pb.array_equal(x, 1.0)


@pytest.mark.parametrize(
    "x",
    [
        SPECIAL,
        SPECIAL.astype(np.float32),
        COMPLEX,
        COMPLEX.astype(np.complex64),
        np.array([1, 2]),
        np.array([True]),
        np.nan,
    ],
)
@pytest.mark.parametrize("options", [{}, {"nan": 7.0}, {"posinf": 1.0, "neginf": -2.0}])
def test_nan_to_num_is_numpys(x: Value, options: dict[str, float]) -> None:
    ours = pb.nan_to_num(x, **options)
    theirs = np.nan_to_num(x, **options)  # type: ignore[call-overload]  # options by name
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype
    assert pb.nan_to_num(unknown(3, dtype=str(ours.dtype)), **options).dtype == theirs.dtype


def test_nan_to_num_has_derivative_0_where_it_replaces() -> None:
    x = np.array([1.0, np.nan, np.inf, -np.inf, 2.0])
    (bar,) = pullback_of(pb.nan_to_num, [x], np.full(5, 3.0))
    np.testing.assert_array_equal(bar, [3.0, 0.0, 0.0, 0.0, 3.0])


def test_nan_to_num_hides_an_undefined_derivative_below_it() -> None:
    def f(x: Value) -> Value:
        return pb.nan_to_num(pb.log(x))

    with np.errstate(all="ignore"):
        (bar,) = pullback_of(f, [np.array([-1.0, 0.0, 2.0])], np.ones(3))
    np.testing.assert_array_equal(bar, [0.0, 0.0, 0.5])


def test_nan_to_num_differentiates_twice() -> None:
    check_function(lambda x: pb.nan_to_num(x * x), np.array([1.0, 2.0]))
    check_function(pb.nan_to_num, np.array([1.0 + 2.0j]))
