"""Loops that are quick for ordinary angles are right for rare ones, too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.executable import compile_program
from pullback.primitives.quantity import Value
from tests.compiler.steps import native

FUNCTIONS: list[Callable[[Value], object]] = [
    lambda x: (pb.sin(x), pb.cos(x), pb.tan(x)),
    lambda x: pb.remainder(x, 2.5),
    lambda x: pb.floor_divide(x, 2.5),
    lambda x: pb.sum(pb.sin(x), axis=1),
    lambda x: (pb.sum(pb.sin(x), axis=1), pb.max(pb.cos(x), axis=1)),
    lambda x: pb.sum(pb.sin(x), axis=0),
    pb.grad(lambda x: pb.sum(pb.sin(x * 3) * x)),
]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("rare", [0.5, 2.0**21, -1e15, 1e22, 1e300, np.inf, np.nan])
@pytest.mark.parametrize("size", [50, 3000])
def test_one_rare_argument_is_enough(
    function: Callable[[Value], object], rare: float, size: int
) -> None:
    x = np.random.default_rng(0).normal(size=(3, size), scale=5)
    x[1, size - 7] = rare
    native(function, x, tolerance=1e-11)


@pytest.mark.parametrize("size", [300_000, 300_007])
def test_threads_meet_rare_arguments_apart(size: int) -> None:
    x = np.random.default_rng(0).normal(size=size)
    x[size - 1] = 1e9
    native(pb.sin, x, tolerance=1e-15)


def test_ordinary_arguments_beside_a_rare_one_are_within_the_same_bound() -> None:
    x = np.linspace(-100.0, 100.0, 5000)
    (quick,) = compile_program(pb.trace(pb.sin, x)).run([x])
    y = np.concatenate([x, [1e30]])
    (complete,) = compile_program(pb.trace(pb.sin, y)).run([y])
    np.testing.assert_array_max_ulp(quick, complete[:-1], maxulp=2)
