"""Very many single numbers: instances in vectors, chains, arrays that are taken apart and made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.compiler.cells import Access
from pullback.compiler.executable import Executable
from pullback.compiler.tape import Tape
from pullback.primitives.quantity import Value
from tests.compiler.steps import native

POINTS: Final = np.random.default_rng(1).standard_normal((120, 2)).tolist()
HIDDEN: Final = 7
WEIGHTS: Final = np.random.default_rng(2).standard_normal(4 * HIDDEN + 1)


def loss(weights: Sequence[Value]) -> Value:
    """Return what a small network makes of many points; each goes through the same steps."""
    total: Value = 0.0
    for x, y in POINTS:
        numbers = iter(weights)
        hidden = [
            nn.relu(next(numbers) * x + next(numbers) * y + next(numbers)) for _ in range(HIDDEN)
        ]
        score = sum((next(numbers) * each for each in hidden), next(numbers))
        total = total + pb.maximum(1 - float(np.sign(x)) * score, 0.0)
    return total * 0.025 + 0.1 * sum(w * w for w in weights)


def one_by_one(w: Value) -> list[Value]:
    return [w[k] for k in range(len(WEIGHTS))]


def tape_of(compiled: Executable) -> Tape:
    (kernel,) = compiled.plan.kernels
    assert isinstance(kernel.pieces, Tape)
    return kernel.pieces


def test_instances_are_vectors_and_sums_over_them_chains() -> None:
    compiled = native(lambda *w: pb.value_and_grad(loss)(w), *WEIGHTS.tolist())
    tape = tape_of(compiled)
    access = [tape.operations[number].access for number in tape.runs[:, 0]]
    steps = tape.runs[:, 1] * tape.runs[:, 2]
    vectors = sum(n for n, a in zip(steps, access, strict=True) if Access.TABLE not in a)
    assert vectors > steps.sum() / 2
    assert any(each.chained is not None for each in tape.operations)
    assert tape.scratch < 8 * steps.sum()  # cells are used again


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize(
    "apart",
    [pb.unstack, one_by_one, lambda w: pb.unstack(pb.flip(w))],
)
def test_an_array_taken_apart_is_one_tape(apart: Callable[[Value], Value], dtype: str) -> None:
    def f(w: Value) -> Value:
        return loss(apart(w))

    compiled = native(pb.value_and_grad(f), WEIGHTS.astype(dtype))
    assert len(compiled.plan.kernels) <= 3
    assert any(isinstance(kernel.pieces, Tape) for kernel in compiled.plan.kernels)


def test_elements_that_nobody_takes_have_no_slope() -> None:
    def f(w: Value) -> Value:
        return loss([w[k] for k in range(3, 3 + len(WEIGHTS))])

    compiled = native(pb.grad(f), np.concatenate([[np.nan] * 3, WEIGHTS, [1.0, -0.0]]))
    tape_of(compiled)


def test_an_array_made_of_very_many_numbers_is_written_by_the_tape() -> None:
    def f(w: Value) -> tuple[Value, Value]:
        value, slope = pb.value_and_grad(lambda w: loss(pb.unstack(w)))(w)
        return value, w - 0.1 * slope

    compiled = native(f, WEIGHTS)
    assert isinstance(compiled.plan.kernels[0].pieces, Tape)


def test_an_array_that_is_made_and_taken_apart_again_is_none() -> None:
    def f(*numbers: Value) -> Value:
        for k in range(30):
            numbers = (*pb.unstack(pb.stack([pb.sin(x) + 0.1 * k for x in numbers])),)
        return pb.stack(numbers[::-1]), numbers[3]

    compiled = native(f, *[np.float64(0.1 * k) for k in range(50)], tolerance=1e-13)
    tape_of(compiled)


def test_negative_zeros_and_nan_are_as_in_sums_of_arrays() -> None:
    point = np.where(np.arange(60) % 3 == 0, -0.0, np.arange(60.0))
    point[7] = np.nan

    def f(w: Value) -> Value:
        numbers: Sequence[Value] = pb.unstack(w)
        for k in range(40):
            numbers = [x * (1.0 + k) for x in numbers]
        return sum(-x if k % 2 else x for k, x in enumerate(numbers))

    native(lambda w: pb.grad(f)(w) * w, point)
    native(lambda w: pb.vjp(f, w)[1](-0.0), point)


def test_truth_values_and_integers_lie_in_cells_too() -> None:
    def f(k: Value, *given: Value) -> object:
        numbers = list(given)
        flags = [x > 0.5 for x in numbers]
        for _ in range(20):
            flags = [a ^ (b & c) for a, b, c in zip(flags, flags[1:], flags[2:], strict=False)]
            flags += flags[:2]
            numbers = [
                pb.where(flag, x * 0.5, x + 1.0) for flag, x in zip(flags, numbers, strict=True)
            ]
            k = k * 3 + 1
        whole = [pb.astype(x, np.dtype("i4")) + k for x in numbers]
        return sum(numbers), sum(whole), flags[0], pb.astype(numbers[0], np.dtype("f4"))

    tape_of(native(f, np.int32(5), *[np.float64(0.02 * n) for n in range(64)]))


def test_operands_in_another_order_are_found() -> None:
    def f(*numbers: Value) -> Value:
        row = [x * (0.5 + k) for k, x in enumerate(numbers)]
        for _ in range(30):
            row = [a + 0.5 * b for a, b in zip(row, row[::-1], strict=True)]
            row = [a - b for a, b in zip(row, row[3:] + row[:3], strict=True)]
        return tuple(row)

    native(f, *[np.float64(0.01 * n) for n in range(41)])


def test_chains_keep_their_order() -> None:
    def f(*numbers: Value) -> Value:
        squares = [[x * x * (1.0 + 0.1 * k) for x in numbers] for k in range(5)]
        left = [sum(row) for row in squares]
        right: list[Value] = []
        for row in squares:
            total = row[0]
            for x in row[1:]:
                total = x - total
            right.append(total)
        return tuple(left + right)

    compiled = native(f, *[np.float64(0.37 * n) for n in range(200)])
    chained = {each.chained for each in tape_of(compiled).operations}
    assert chained == {None, 0, 1}


def test_an_irregular_graph_of_the_elements_of_an_array_agrees() -> None:
    r = np.random.default_rng(3)
    picks, kinds = r.integers(0, 50, (2500, 2)), r.integers(0, 4, 2500)

    def f(w: Value) -> Value:
        row = [*pb.unstack(w)]
        for (i, j), kind in zip(picks.tolist(), kinds.tolist(), strict=True):
            x, y = row[-1 - i], row[-1 - j]
            row.append([x + y, x * y, pb.maximum(x, y), x - 0.5 * y][kind] * 0.7)
        return row[-1], pb.stack(row[-60:])

    tape_of(native(f, np.linspace(-1, 1, 50)))


@pytest.mark.parametrize("count", [65, 700, 2500])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_thousands_of_small_results_agree(shape: tuple[int, ...], count: int) -> None:
    values = [np.full(shape, 0.25 * n)[()] for n in range(count)]
    native(lambda *xs: [x + y for x, y in pairwise(xs)], *values)


def test_results_of_pieces_are_read_by_later_pieces() -> None:
    def f(x: Value) -> list[Value]:
        row = [x]
        for k in range(4500):
            row.append(row[-1] * 0.999 + row[k // 2])
        return [row[2], row[1999], row[2000], row[2001], row[4000], row[4500]]

    native(f, np.array([0.5, -0.25, 1.0]))


def test_rows_of_python_and_numpy_numbers_keep_their_classes() -> None:
    def f(x: Value, y: Value, z: Value) -> list[Value]:
        weak, strong = ([number + 0.5 * k for k in range(40)] for number in (x, y))
        return [y, *weak, z * 2, *strong, weak[3], strong[3]]

    compiled = native(f, 0.25, np.float64(0.75), np.arange(3.0))
    first = compiled.run([0.25, np.float64(0.75), np.arange(3.0)])
    kept = list(first)
    compiled.run([1.25, np.float64(1.75), np.arange(3.0)])
    assert first[:41] == kept[:41]
