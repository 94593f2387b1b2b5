"""What is written out: as accurate as NumPy's evaluation, and the same at the edges."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.passes.expand import expand
from pullback.primitives.quantity import Value
from pullback.primitives.reduction import Argmax, Argmin, Logsumexp, Softmax
from tests.compiler.steps import agree, native_step, step

EDGES = [
    [-np.inf, -np.inf, -np.inf],
    [np.inf, 1.0, np.inf],
    [np.inf, -np.inf, 0.0],
    [np.nan, np.inf, 1.0],
    [np.nan, -np.inf, -np.inf],
    [-np.inf, 3.0, -np.inf],
    [1e30, -1e30, 0.0],
    [-0.0, 0.0, -0.0],
    [1000.0, 1000.0, 999.0],
    [-1000.0, -1000.0, -1001.0],
]


def sample(dtype: str, shape: tuple[int, ...]) -> Value:
    x = np.random.default_rng(len(shape)).normal(size=shape, scale=3)
    return np.round(x).astype(dtype)[()]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("primitive", [Softmax, Logsumexp])
def test_exponentials_agree(primitive: type[Softmax | Logsumexp], dtype: str) -> None:
    tolerance = 1e-6 if dtype == "f4" else 1e-15
    x = np.array(EDGES, dtype)
    for axes in ((0,), (1,), (0, 1)):
        native_step(primitive(axes), x, tolerance=tolerance)
    for row in x:
        native_step(primitive((0,)), row, tolerance=tolerance)
    for shape in ((), (1,), (5, 1), (3, 1000), (2, 3, 4), (2, 20, 30)):
        y = sample(dtype, shape)
        native_step(primitive(tuple(range(len(shape)))), y, tolerance=tolerance)
        if shape:
            native_step(primitive((len(shape) - 1,)), y, tolerance=tolerance)
            native_step(primitive((0,)), y, tolerance=tolerance)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u1", "?"])
@pytest.mark.parametrize("primitive", [Argmax, Argmin])
def test_positions_agree(primitive: type[Argmax | Argmin], dtype: str) -> None:
    shapes: list[tuple[int, ...]] = [(1,), (7,), (300,), (3, 5), (5, 1), (4, 100), (2, 3, 4)]
    arrays = [sample("f8", shape).astype(dtype) for shape in shapes]
    if dtype[0] == "f":
        arrays += [np.array(EDGES, dtype), *np.array(EDGES, dtype)]
    for x in arrays:
        for axis in range(x.ndim):
            native_step(primitive(axis), x)


def test_what_is_empty_or_complex_is_left_as_it_is() -> None:
    for program, x in (
        (step(Logsumexp((0,)), np.zeros((0, 3))), np.zeros((0, 3))),
        (step(Softmax((0,)), np.ones(3) * 1j), np.ones(3) * 1j),
    ):
        assert expand(program) is program
        agree(program, x, tolerance=1e-15)


def test_a_logsumexp_and_its_derivative_share_the_exponentials() -> None:
    x = np.random.default_rng(0).normal(size=(50, 40))
    program = pb.trace(pb.value_and_grad(lambda x: pb.sum(pb.logsumexp(x, axis=1))), x)
    compiled = agree(program, x, tolerance=1e-13)
    names = [primitive.name for primitive, _ in compiled.plan.program.steps]
    assert names.count("exp") == names.count("max") == 1
