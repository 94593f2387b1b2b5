"""Special functions in native code, against mpmath and, where it is exact, NumPy."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any, Final  # noqa: TID251  # mpmath has no types

import mpmath
import numpy as np
import pytest
import scipy.special

import pullback as pb
from pullback.compiler.executable import compile_program
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.rounding import Nextafter
from pullback.primitives.special import Logit, Ndtr, Xlogy
from tests.compiler.steps import assert_native, native_step, step

Exact = Callable[..., Any]
EDGES: Final = [0.0, -0.0, 1.0, -1.0, 0.5, np.inf, -np.inf, np.nan, 5e-324, 1e308, 1 - 2**-53]
r = np.random.default_rng(0)
LOGITS: Final = np.concatenate([r.random(300), 10.0 ** r.uniform(-300, 0, 100), EDGES])
NORMALS: Final = np.concatenate([
    r.normal(size=300, scale=8), r.uniform(-37, 8, 300), r.uniform(-3, 0.5, 2000), EDGES,
    [-37.5, -37.7, -38.4, -38.5, -39.0, -40.0, 8.29, 8.3, 1e20, -1e20],
])  # fmt: skip


def _ulps(found: Value, exact: Value) -> float:
    """Return the greatest error in units in the last place; nan and infinities must agree."""
    expected = np.array([float(y) for y in exact]).astype(found.dtype)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    unit = np.spacing(np.maximum(np.abs(expected), np.finfo(found.dtype).tiny))
    pairs = zip(found[finite], itertools.compress(exact, finite), unit[finite], strict=True)
    return max(float(abs(mpmath.mpf(float(x)) - y) / float(u)) for x, y, u in pairs)


def logit(x: float) -> object:
    if not 0 <= x <= 1:
        return mpmath.nan
    return mpmath.log(x) - mpmath.log1p(-mpmath.mpf(x)) if 0 < x < 1 else mpmath.inf * (2 * x - 1)


def ndtr(x: float) -> object:
    return mpmath.nan if np.isnan(x) else mpmath.ncdf(mpmath.mpf(x))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(
    ("primitive", "exact", "points"), [(Logit(), logit, LOGITS), (Ndtr(), ndtr, NORMALS)]
)
def test_functions_are_within_three_units(
    primitive: Primitive, exact: Exact, points: Value, dtype: str
) -> None:
    with np.errstate(all="ignore"):
        x = points.astype(dtype)
    compiled = compile_program(step(primitive, x))
    assert_native(compiled)
    with mpmath.workdps(60):
        assert _ulps(compiled.run([x])[0], [exact(float(v)) for v in x]) <= 3


def test_the_normal_distribution_and_its_density_share_an_exponential() -> None:
    def count(function: Callable[[Value], object]) -> int:
        """Return the number of multiplications."""
        compiled = compile_program(pb.trace(function, np.linspace(-3.0, 3.0, 4096)))
        pattern = r"^\s+v?(?:mul|f\w*m(?:add|sub)\w*)[ps]d"
        return len(re.findall(pattern, compiled.assembly, re.MULTILINE))

    def total(x: Value) -> Value:
        return pb.sum(pb.special.ndtr(x))

    density = count(pb.grad(total))
    both = count(lambda x: (pb.special.ndtr(x), pb.grad(total)(x)))
    assert both < count(pb.special.ndtr) + density - 10


def test_xlogy_is_zero_where_its_first_factor_is() -> None:
    pairs = np.array(list(itertools.product([*EDGES, 3.0], [*EDGES, 2.0, 7.0])))
    x, y = pairs[:, 0].copy(), pairs[:, 1].copy()
    compiled = compile_program(step(Xlogy(), x, y))
    assert_native(compiled)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(compiled.run([x, y])[0], scipy.special.xlogy(x, y), rtol=1e-15)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_next_numbers_agree(dtype: str) -> None:
    with np.errstate(all="ignore"):
        numbers = np.array([*EDGES, -1e30, np.finfo(dtype).tiny, np.finfo(dtype).max], dtype)
    pairs = np.array(list(itertools.product(numbers, numbers)), dtype)
    native_step(Nextafter(), pairs[:, 0].copy(), pairs[:, 1].copy())
