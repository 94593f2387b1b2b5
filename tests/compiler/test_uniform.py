"""Constant arrays with the same number everywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.passes.uniform import uniform
from pullback.core import Program
from pullback.primitives.quantity import Value
from tests.compiler.steps import agree, native

x = np.arange(1.0, 7.0).reshape(2, 3)


def constants(program: Program) -> list[tuple[int, ...]]:
    return [np.shape(value) for value in uniform(program).constants]


@pytest.mark.parametrize(
    "constant",
    [
        np.full((2, 3), 2.5),
        np.broadcast_to(2.5, (2, 3)),
        np.broadcast_to(np.full((3,), 2.5), (2, 3)),
        np.full((3, 2), -0.0).T,
        np.full((2, 3), np.nan),
        np.full((2, 1), 2.5),
        np.full((2, 3), 7),
        np.full((2, 3), 7, np.float32),
        np.full((2, 3), fill_value=True),
    ],
)
def test_elementwise_steps_take_the_number(constant: Value) -> None:
    program = pb.trace(lambda x: x * constant, x)
    assert constants(program) == [()]
    uniform(program).type_check()
    native(lambda x: x * constant, x)
    native(lambda x: constant - x, x)


@pytest.mark.parametrize(
    "constant",
    [
        x,
        np.array([[0.0, 0.0, -0.0]]),
        np.concatenate([np.zeros(200), [1.0]])[:, None, None],
        np.array([[1.0]]),
        np.zeros((0, 1, 1)),
        np.full((2, 3), 1j),
    ],
)
def test_other_arrays_stay(constant: Value) -> None:
    program = pb.trace(lambda x: x * constant, x)
    assert constants(program) == [constant.shape]
    agree(program, x)


ones = np.ones((3, 3))


@pytest.mark.parametrize(
    "function",
    [
        lambda y: ones @ y,
        lambda y: (y * ones, ones @ y),
        lambda y: (y * ones, ones),
        lambda y: y[0] * ones,
        lambda y: pb.sum(y[:, :1] * ones),
        lambda y: pb.where(y > 2, ones, y),
    ],
)
def test_an_array_stays_where_its_shape_counts(function: Callable[[Value], object]) -> None:
    y = np.arange(9.0).reshape(3, 3)
    program = pb.trace(function, y)
    assert ones.shape in constants(program)
    agree(program, y)


def test_the_derivative_of_a_sum_reads_no_constants() -> None:
    def total(y: Value) -> Value:
        return pb.sum(-pb.exp(y) * y)

    compiled = native(pb.grad(total), np.linspace(1.0, 2.0, 5000), tolerance=1e-15)
    assert [kernel.reads for kernel in compiled.plan.kernels] == [(0,)]
