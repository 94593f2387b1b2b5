"""Reductions of whole arrays in two steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.executable import compile_program
from pullback.compiler.passes.split import split
from pullback.primitives.quantity import Value

REDUCTIONS = [pb.sum, pb.max, pb.min, pb.any, pb.all]


def large(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return (np.random.default_rng(0).normal(size=shape) * 9).astype(dtype)


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i1", "?"])
@pytest.mark.parametrize("shape", [(300, 400), (17, 5, 1000)])
def test_results_agree(
    reduce: Callable[[Value], Value], dtype: str, shape: tuple[int, ...]
) -> None:
    x = large(shape, dtype)
    program = pb.trace(lambda x: reduce(x), x)  # noqa: PLW0108 - a jitted function is no wrapper
    after = split(program)
    after.type_check()
    assert len(after.steps) == len(program.steps) + 1
    (expected,) = program.evaluate([x])
    (found,) = compile_program(program).run([x])
    assert type(found) is type(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == "f4" else 1e-12)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: pb.sum(x, axis=0),
        pb.prod,
        lambda x: pb.sum(x[0]),
        lambda x: pb.sum(x[:10, :20]),
    ],
)
def test_other_reductions_stay_as_they_are(function: Callable[[Value], Value]) -> None:
    program = pb.trace(function, large((300, 400), "f8"))
    assert split(program).steps == program.steps


def test_nan_is_found_wherever_it_is() -> None:
    x = large((300, 400), "f8")
    x[299, 399] = np.nan
    assert np.isnan(pb.jit(pb.max)(x))
    assert np.isnan(pb.jit(pb.sum)(x))
