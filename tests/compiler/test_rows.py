"""Kernels that pass over rows, against NumPy; and which reductions and maps share one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.kinds import Kind
from pullback.primitives.quantity import Value
from tests.compiler.steps import native

Function = Callable[[Value], object]


def softmax(x: Value) -> Value:
    e = pb.exp(x - pb.max(x, axis=-1, keepdims=True))
    return e / pb.sum(e, axis=-1, keepdims=True)


def normalised(x: Value) -> Value:
    centred = x - pb.mean(x, axis=-1, keepdims=True)
    return centred / pb.sqrt(pb.mean(centred**2, axis=-1, keepdims=True) + 1e-5)


def moments(x: Value) -> object:
    return pb.mean(x), pb.var(x), pb.max(x), pb.min(x * 2)


def over_two_axes(x: Value) -> object:
    axes = tuple(range(1, x.ndim))
    deviation = x - pb.mean(x, axis=axes, keepdims=True)
    return deviation, pb.sum(deviation**2, axis=axes)


def with_a_bias(x: Value) -> object:
    y = x + pb.sum(x, axis=tuple(range(x.ndim - 1)))
    return softmax(y), pb.any(y > 0, axis=-1), pb.sum(x > 0, axis=-1)


def reversed_rows(x: Value) -> object:
    p = softmax(x)
    return pb.flip(p, axis=-1) * p, pb.sum(pb.flip(p, axis=0), axis=-1)


FUNCTIONS: Final[list[Function]] = [
    softmax,
    normalised,
    moments,
    over_two_axes,
    with_a_bias,
    reversed_rows,
    lambda x: softmax(softmax(x)),
    lambda x: pb.reshape(softmax(x), (-1,)) + pb.max(x),
    pb.grad(lambda x: pb.sum(normalised(x) ** 3 * pb.sin(x))),
    pb.grad(lambda x: pb.sum(softmax(x) ** 2 + pb.logsumexp(x, axis=-1, keepdims=True))),
    pb.grad(lambda x: pb.mean(pb.max(normalised(x), axis=-1) - pb.min(x, axis=-1))),
]
SHAPES: Final = [(5, 3), (4, 17), (3, 300), (2, 3, 40), (1, 700), (6, 1), (2, 1, 5), (2, 3000)]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_rows_agree(function: Function, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    native(function, x, tolerance=1e-11)


@pytest.mark.parametrize("function", FUNCTIONS[:4])
def test_rows_of_single_precision_agree(function: Function) -> None:
    x = np.random.default_rng(0).normal(size=(3, 1000)).astype("f4")
    native(function, x, tolerance=1e-5)


@pytest.mark.parametrize("function", FUNCTIONS[:2])
def test_rows_that_threads_share_agree(function: Function) -> None:
    native(function, np.random.default_rng(0).normal(size=(1001, 701)), tolerance=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS[:2])
def test_rows_without_elements_agree(function: Function) -> None:
    native(function, np.zeros((0, 5)))


@pytest.mark.parametrize("function", [softmax, normalised, lambda x: pb.sum(x, axis=-1) / 3])
def test_reductions_of_the_same_rows_share_a_kernel(function: Function) -> None:
    compiled = native(function, np.random.default_rng(0).normal(size=(40, 30)), tolerance=1e-13)
    assert [kernel.kind for kernel in compiled.plan.kernels] == [Kind.ROWS]


def test_what_a_row_keeps_to_itself_takes_no_memory() -> None:
    x = np.random.default_rng(0).normal(size=(100, 200))
    compiled = native(softmax, x, tolerance=1e-13)
    assert compiled.memory.size < x[0].nbytes


def test_other_elements_of_a_row_wait_for_the_whole() -> None:
    def f(x: Value) -> object:
        y = x * pb.sum(x, axis=1, keepdims=True)
        return y, pb.sum(pb.flip(y, axis=1) * y, axis=1)

    native(f, np.random.default_rng(0).normal(size=(20, 30)), tolerance=1e-13)
