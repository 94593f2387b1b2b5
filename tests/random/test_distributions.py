"""Draws: reproducible, of the right type and law, differentiable in their parameters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from pullback import asarray, random
from pullback.errors import DTypeError, ShapeError
from tests.checks import check_function


def test_the_same_key_gives_the_same_numbers() -> None:
    for draw in (random.bits, random.uniform, random.normal):
        assert draw(random.key(1), 5).tolist() == draw(random.key(1), 5).tolist()
        assert draw(random.key(1), 5).tolist() != draw(random.key(2), 5).tolist()


def test_a_longer_draw_begins_with_the_shorter() -> None:
    for draw in (random.bits, random.uniform, random.normal):
        assert draw(random.key(1), 100)[:7].tolist() == draw(random.key(1), 7).tolist()


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3,), (2, 0, 3), (2, 3, 4), 5])
def test_draws_have_the_shape_asked_for(shape: int | tuple[int, ...]) -> None:
    expected = (shape,) if isinstance(shape, int) else shape
    for draw in (random.bits, random.uniform, random.normal):
        assert draw(random.key(0), shape).shape == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_draws_have_the_dtype_asked_for(dtype: type) -> None:
    assert random.uniform(random.key(0), 3, dtype=dtype).dtype == dtype
    assert random.normal(random.key(0), 3, dtype=dtype).dtype == dtype
    assert random.uniform(random.key(0), 3, minval=-1.0, maxval=2.0, dtype=dtype).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_draws_follow_their_laws(dtype: type) -> None:
    n = 20_000  # Kolmogorov-Smirnov: a p-value below 1e-4 would be one bad key in ten thousand
    u = np.asarray(random.uniform(random.key(10), n, dtype=dtype)).astype(float)
    z = np.asarray(random.normal(random.key(11), n, dtype=dtype)).astype(float)
    assert stats.kstest(u, "uniform").pvalue > 1e-4
    assert stats.kstest(z, "norm").pvalue > 1e-4
    assert abs(np.corrcoef(z[:-1], z[1:])[0, 1]) < 4 / math.sqrt(n)


def test_uniform_stays_below_its_upper_bound_where_rounding_would_reach_it() -> None:
    low, high = np.float32(1.0), np.nextafter(np.float32(1.0), np.float32(2.0))
    u = np.asarray(random.uniform(random.key(0), 100, minval=low, maxval=high, dtype=np.float32))
    assert (u == low).all()


def test_uniform_broadcasts_its_bounds() -> None:
    low, high = np.array([0.0, 10.0]), np.array([1.0, 20.0])
    u = np.asarray(random.uniform(random.key(0), (50, 2), minval=low, maxval=high))
    assert ((u >= [0, 10]) & (u < [1, 20])).all()


def test_uniform_is_differentiable_in_its_bounds() -> None:
    key = random.key(5)
    check_function(
        lambda low, high: random.uniform(key, (4, 3), minval=low, maxval=high),
        np.array([-1.0, 0.0, 2.0]),
        np.array([1.0, 3.0, 4.0]),
    )


def test_bad_shapes_and_dtypes_are_refused() -> None:
    with pytest.raises(ShapeError, match="normal: sizes must not be negative"):
        random.normal(random.key(0), (2, -1))
    with pytest.raises(DTypeError, match="uniform: draws are float32 or float64, got int64"):
        random.uniform(random.key(0), 3, dtype=np.int64)


def test_float64_draws_use_all_53_bits() -> None:
    u = np.asarray(random.uniform(random.key(0), 1000))
    scaled = u * 2.0**53
    assert (scaled == np.floor(scaled)).all()
    assert (scaled % 2 == 1).any()
    assert asarray(u).dtype == np.float64
