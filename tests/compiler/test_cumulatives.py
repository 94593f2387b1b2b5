"""Sums, products and recurrences along an axis as native code, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.primitives.cumulative import Cumprod, Cumsum, Recurrence
from pullback.primitives.quantity import Value
from tests.compiler.steps import native, native_step

SHAPES = [(1,), (2,), (7,), (3, 5), (3, 1), (1, 3), (2, 3, 4), (2, 3, 1), (2, 1, 5), (3, 0), (0, 3)]


def numbers(dtype: str, shape: tuple[int, ...]) -> Value:
    r = np.random.default_rng(len(shape))
    x = r.standard_normal(shape) if dtype[0] == "f" else r.integers(-4, 5, shape)
    return x.astype(dtype)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "u1", "?"])
@pytest.mark.parametrize("kind", [Cumsum, Cumprod])
def test_accumulations_agree_bit_for_bit(
    kind: type[Cumsum | Cumprod], dtype: str, shape: tuple[int, ...], *, reverse: bool
) -> None:
    for axis in range(len(shape)):
        native_step(kind(axis, reverse), numbers(dtype, shape))


@pytest.mark.parametrize("special", [np.nan, np.inf, -0.0])
def test_accumulations_keep_what_is_special(special: float) -> None:
    x = np.array([special, -0.0, 1.0, -np.inf, 2.0])
    for reverse in (False, True):
        native_step(Cumsum(0, reverse), x)
        native_step(Cumprod(0, reverse), x)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_recurrences_agree(dtype: str, shape: tuple[int, ...], *, reverse: bool) -> None:
    a, b = numbers(dtype, shape), numbers(dtype, shape[::-1]).reshape(shape)
    for axis in range(len(shape)):
        native_step(Recurrence(axis, reverse), a, b, tolerance=1e-5 if dtype == "f4" else 1e-14)


def test_a_zero_of_a_recurrence_annihilates_an_infinite_factor() -> None:
    a, b = np.array([np.inf, np.inf, 2.0, np.nan]), np.array([0.0, 3.0, 1.0, 1.0])
    native_step(Recurrence(0), a, b)
    native_step(Recurrence(0), np.stack([a, a[::-1]], 1), np.stack([b, b], 1))


def test_the_gradient_of_a_cumulative_product_agrees() -> None:
    def f(x: Value) -> Value:
        return pb.sum(pb.cumulative_prod(x * 2, axis=1) ** 2)

    x = np.array([[1.0, 0.0, 2.0, 0.0, 3.0], [1.0, 2.0, 3.0, 4.0, 5.0]])
    native(pb.grad(f), x, tolerance=1e-14)
