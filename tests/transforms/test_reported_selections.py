"""Cases in which other libraries were reported to answer nan for the gradient of a selection."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.api.reductions import sum
from pullback.api.selection import minimum, where
from pullback.core import Array
from pullback.primitives.exponential import Exp, Log, Sqrt
from pullback.primitives.quantity import Value
from pullback.primitives.trigonometric import Atan2, Cos
from tests.primitives.pointwise import Function, applying, held, slope, slope_at

arctan2, cos, exp, log, sqrt = (applying(p()) for p in (Atan2, Cos, Exp, Log, Sqrt))

NAN, INF = float("nan"), float("inf")

REPORTS: list[tuple[str, Function, Value, Value]] = [
    (
        "jax#1052",
        lambda a: where(np.array([False, True, False]), 0.0, arctan2(a, a)),
        np.array([3.0, 0.0, -5.0]),
        np.zeros(3),
    ),
    ("jax#2630", lambda x: where(x > 0, 0.0, x * INF), 1.0, 0.0),
    ("jax#5798", lambda x: where(x < 1.0, x, sqrt(x)), 0.0, 1.0),
    ("jax#20601", lambda beta: where(False, beta * NAN, 1.0), 2.3, 0.0),
    (
        "jax#347",
        lambda x: where((x * x)[:, 0] > 0.5, sqrt(sum(x * x, axis=1)), 1.0),
        np.array([[3.0, 4.0], [0.0, 0.0]]),
        np.array([[0.6, 0.8], [0.0, 0.0]]),
    ),
    ("autograd#802", lambda x: where(x >= 0, x, sqrt(-x)), 1.0, 1.0),
    ("tinygrad#12409", lambda x: where(x == 0, 0.0, x * sqrt(x)), np.zeros(1), np.zeros(1)),
    (
        "pytorch#156212",
        lambda x: where(x <= 10, exp(x), 1.0),
        np.array([1.0, NAN, 1e10]),
        np.array([np.e, 0, 0]),
    ),
    ("pytorch#18287", lambda x: where(x < 1, cos(x), 0.0), np.array([0.0, INF]), np.zeros(2)),
    ("pytorch#52248", lambda a: where(False, a / 0, 1.0), 0.3, 0.0),
    ("tensorflow#38349", lambda a: where(a < 15, a, 10.0 ** exp(a)), 10.0, 1.0),
]


@pytest.mark.parametrize(
    ("f", "x", "expected"), [r[1:] for r in REPORTS], ids=[r[0] for r in REPORTS]
)
def test_a_reported_gradient_is_the_expected_one(f: Function, x: Value, expected: Value) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(slope_at(f, x), expected, rtol=1e-15)


def test_each_row_of_a_jacobian_with_an_infinite_entry_is_exact() -> None:
    # Enzyme.jl#2453: (ln x₀ - x₁², min(1, 1/x₀)) at (0, 1).
    def f(x: Array) -> Array:
        return where(np.array([True, False]), log(x[0]) - x[1] ** 2, minimum(1.0, 1 / x[0]))

    x = held(np.array([0.0, 1.0]))
    with np.errstate(all="ignore"):
        rows = [slope(lambda x, i=i: f(x)[i])(x)._value.tolist() for i in (0, 1)]
    assert rows == [[INF, -2], [0, 0]]
