"""Results in the memory of arguments that were given up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.executable import compile_program

N = 50


def arrays(count: int) -> list[np.ndarray]:
    return [np.random.default_rng(k).normal(size=(N, N)) for k in range(count)]


def double(x: np.ndarray) -> np.ndarray:
    return x * 2


#: Functions of two arrays of which both are donated, and how many results lie in their memory.
CASES: list[tuple[Callable[..., object], int]] = [
    (lambda x, g: x - 0.1 * g, 1),
    (lambda x, g: (x - 0.1 * g, g * 2), 2),
    (lambda x, g: (x + x.T, g * 2), 1),  # x is read at other places than its own
    (lambda x, g: (g * 2, x @ g), 0),  # a product reads both to its end
    (lambda x, g: pb.sin(x @ g) * 3, 0),
    (lambda x, g: (x @ g, x * 2 + g[::-1]), 1),
    (lambda x, g: (x[0], g + 1), 1),  # another shape
    (lambda x, g: (x, g + 1), 1),  # x is a result itself
    (lambda x, g: (pb.sort(x), g + 1), 0),  # NumPy may fail
    (lambda x, g: (x[np.array([1, 0])], g + 1), 0),
    (lambda x, g: (pb.cumulative_sum(x, axis=0), pb.flip(g)), 0),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_results_are_the_same_and_some_lie_in_donated_memory(case: int) -> None:
    f, count = CASES[case]
    compiled = compile_program(pb.trace(f, *arrays(2)))
    expected = compiled.run(arrays(2))
    values = arrays(2)
    found = compiled.run(values, (0, 1))
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)
    assert sum(any(x is value for value in values) for x in found) >= count
    kept = [v for v in values if not any(v is x for x in found)]
    assert all(any(np.array_equal(v, old) for old in arrays(2)) for v in kept)


@pytest.mark.parametrize(
    "unfit",
    [
        np.asfortranarray,
        lambda x: np.concatenate([x, x])[:N],
        lambda x: x.astype(np.float32),
        lambda x: np.lib.stride_tricks.as_strided(x, writeable=False),
    ],
)
def test_memory_that_is_not_the_arguments_own_stays_as_it_is(
    unfit: Callable[[np.ndarray], np.ndarray],
) -> None:
    compiled = compile_program(pb.trace(double, arrays(1)[0]))
    x = unfit(arrays(1)[0])
    (found,) = compiled.run([x], (0,))
    np.testing.assert_array_equal(x, unfit(arrays(1)[0]))
    np.testing.assert_array_equal(found, np.asarray(x, float) * 2)


def test_an_argument_that_is_not_donated_is_never_written() -> None:
    compiled = compile_program(pb.trace(CASES[1][0], *arrays(2)))
    values = arrays(2)
    compiled.run(values, (0,))
    np.testing.assert_array_equal(values[1], arrays(2)[1])
