"""Graphs of any depth, in linear time and memory; and nothing kept from step to step."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback import Array, tree
from pullback.primitives.quantity import Value
from tests.lambdas import of

N = 100_000


def chain(x: Value) -> Value:
    for _ in range(N):
        x = x + 1.0
    return x


def balanced(leaves: list[Value]) -> Value:
    while len(leaves) > 1:
        pairs = zip(leaves[::2], leaves[1::2], strict=False)
        rest = leaves[-1:] if len(leaves) % 2 else []
        leaves = [a * 1.0 + b for a, b in pairs] + rest
    return leaves[0]


def test_deep_chain_differentiates_without_recursion() -> None:
    assert 10 * sys.getrecursionlimit() < N
    assert pb.grad(chain)(2.0) == 1.0
    assert pb.grad(of(lambda x: chain(x) * x))(2.0) == N + 4.0


def test_deep_chain_differentiates_twice() -> None:
    def f(x: Value) -> Value:
        y = x
        for _ in range(N // 10):
            y = y + x * 1.0
        return y * y

    n = N // 10 + 1
    assert pb.grad(pb.grad(f))(3.0) == 2.0 * n * n


def test_wide_tree_differentiates() -> None:
    found = pb.grad(of(balanced))([float(i) for i in range(N)])
    assert found == [1.0] * N


def test_deep_chain_has_explicit_gradients() -> None:
    x = pb.variable(2.0)
    half = chain(x)
    end = chain(half)
    found = pb.gradients(end * half, [half, x])
    assert float(pb.stop_gradient(found[half])) == 2 * N + N + 4.0
    assert float(pb.stop_gradient(found[x])) == 2 * N + N + 4.0


def test_pullback_of_a_deep_chain_is_called_and_freed() -> None:
    y, pullback = pb.vjp(of(chain), 1.0)
    assert (y, pullback(3.0)) == (N + 1.0, 3.0)


def test_forty_levels_of_sharing_are_forty_nodes() -> None:
    def f(x: Value) -> Value:
        for _ in range(40):
            x = x + x
        return x

    assert pb.grad(f)(1.0) == 2.0**40
    assert pb.grad(of(lambda x: f(x) * x))(1.0) == 2.0**41


def test_inner_gradients_do_not_walk_the_history_of_the_outer_one() -> None:
    # Inner gradients, each on top of all before: four times as many take four times as long, and
    # would take sixteen times as long if each walked back over all before.
    def nested(x: Value, steps: int) -> Value:
        for _ in range(steps):
            x = x - 0.001 * pb.grad(of(lambda y: y * y))(x)
        return x

    def duration(steps: int) -> float:
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            assert pb.grad(nested)(1.0, steps) == pytest.approx(0.998**steps, rel=1e-12)
            best = min(best, time.process_time() - start)
        return best

    assert duration(1600) < 8 * duration(400)


def live_arrays() -> int:
    gc.collect()
    return sum(type(thing) is Array for thing in gc.get_objects())


@pytest.mark.parametrize("make", [lambda x: x, pb.asarray], ids=["plain", "arrays"])
def test_training_loop_keeps_no_history(make: Callable[[Value], Value]) -> None:
    def loss(model: Value, x: Value) -> Value:
        hidden = np.tanh(pb.matmul(model["w"], x) + model["b"])
        return pb.sum(hidden * hidden)

    model: Value = {"w": make(np.ones((3, 3))), "b": make(np.zeros(3))}
    x = make(np.arange(3.0))
    counts = []
    for step in range(30):
        result = pb.value_and_grad(loss)(model, x)
        model = tree.map(lambda p, g: p - 0.1 * g, model, result[1])
        if step % 10 == 9:
            counts.append(live_arrays())
        for leaf in tree.leaves((model, result)):
            if isinstance(leaf, Array):
                assert not leaf.sources
                assert leaf.operands == ()
    assert counts[0] == counts[1] == counts[2]


def test_graph_is_freed_at_once_when_a_gradient_has_been_taken() -> None:
    gc.collect()
    gc.disable()
    try:
        before = sum(type(thing) is Array for thing in gc.get_objects())
        pb.grad(chain)(2.0)
        pb.grad(pb.grad(of(lambda x: np.sin(x) * x)))(2.0)
        after = sum(type(thing) is Array for thing in gc.get_objects())
    finally:
        gc.enable()
    assert after == before
