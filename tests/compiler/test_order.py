"""The order of kernels."""

from __future__ import annotations

import random

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.executable import compile_program
from pullback.compiler.kernel import Kernel
from pullback.compiler.kinds import Kind
from pullback.compiler.order import ordered


def kernel(reads: list[int], writes: list[int], kind: Kind = Kind.MAP) -> Kernel:
    return Kernel(kind, tuple(writes), tuple(reads), tuple(writes))


def test_what_frees_memory_comes_early() -> None:
    kernels = [kernel([0], [2]), kernel([1], [3]), kernel([0, 2], [4]), kernel([1, 3], [5])]
    assert [k.writes[0] for k in ordered(kernels, lambda _: 8, {4, 5})] == [2, 4, 3, 5]


def test_what_takes_more_than_it_frees_stays() -> None:
    kernels = [kernel([0], [2]), kernel([1], [3]), kernel([2], [4]), kernel([3, 4], [5])]
    sizes = {2: 8, 3: 8, 4: 80, 5: 8}
    assert ordered(kernels, sizes.__getitem__, {5}) == tuple(kernels)


def test_calls_of_numpy_keep_their_order() -> None:
    host = Kind.HOST
    kernels = [kernel([0], [1], host), kernel([0], [2], host), kernel([1], [3], host)]
    assert ordered(kernels, lambda _: 8, {2, 3}) == tuple(kernels)


@pytest.mark.parametrize("seed", range(30))
def test_every_order_is_one_that_dependencies_allow(seed: int) -> None:
    r = random.Random(seed)  # noqa: S311 - a test
    kernels = [
        kernel(
            r.sample(range(k + 2), r.randint(0, min(3, k + 2))),
            [k + 2],
            Kind.HOST if r.random() < 0.1 else Kind.MAP,
        )
        for k in range(40)
    ]
    found = ordered(kernels, lambda n: n % 7, {41, 17})
    assert sorted(k.writes[0] for k in found) == [k.writes[0] for k in kernels]
    known = {0, 1}
    for each in found:
        assert known.issuperset(each.reads)
        known.update(each.writes)


def test_an_update_follows_its_gradient() -> None:
    weights = [np.ones((300, 300)) for _ in range(6)]

    def loss(ws: list[np.ndarray]) -> pb.Array:
        x = pb.ones((1, 300))
        for w in ws:
            x = pb.tanh(x @ w)
        return pb.sum(x)

    def step(ws: list[np.ndarray]) -> list[np.ndarray]:
        return [w - g for w, g in zip(ws, pb.grad(loss)(ws), strict=True)]

    compiled = compile_program(pb.trace(step, weights))
    assert compiled.memory.size < 2 * weights[0].nbytes
