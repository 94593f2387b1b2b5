"""How large the overhead of eager array code is, and what remains where arithmetic rules.

python -m benchmarks.eager
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any  # noqa: TID251 - see AnyArray

import autograd
import autograd.numpy as anp
import numpy as np
import torch

import pullback as pb
from benchmarks.timing import interleave, table

#: An array of whichever library computes with it, or the library: no one type fits them all.
AnyArray = Any
Parameters = list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]


def parameters(*sizes: int) -> Parameters:
    """Return random weights and zero biases."""
    rng = np.random.default_rng(0)
    made: Parameters = []
    for n, m in pairwise(sizes):
        made += [rng.standard_normal((n, m)) / np.sqrt(n), np.zeros(m)]
    return made


def small_mlp() -> None:
    """Gradient of a 2-16-16-1 tanh network at batch 32."""
    weights = parameters(2, 16, 16, 1)
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((32, 2)), rng.standard_normal((32, 1))

    def loss(weights: Parameters, xp: AnyArray, x: AnyArray, y: AnyArray) -> AnyArray:
        w1, b1, w2, b2, w3, b3 = weights
        h = xp.tanh(x @ w1 + b1)
        h = xp.tanh(h @ w2 + b2)
        return xp.mean((h @ w3 + b3 - y) ** 2)

    px, py = pb.asarray(x), pb.asarray(y)
    ours = pb.grad(lambda w: loss(w, pb, px, py))
    pw = [pb.asarray(w) for w in weights]
    numpy_way = pb.grad(lambda w: loss(w, np, px, py))
    theirs = autograd.grad(lambda w: loss(w, anp, x, y))
    tw = [torch.tensor(w, requires_grad=True) for w in weights]
    tx, ty = torch.tensor(x), torch.tensor(y)

    def torch_grad() -> AnyArray:
        return torch.autograd.grad(loss(tw, torch, tx, ty), tw)

    check(ours(pw), theirs(weights))
    check(ours(pw), torch_grad())
    jobs = {
        "pullback": lambda: ours(pw),
        "pullback, np functions": lambda: numpy_way(pw),
        "autograd": lambda: theirs(weights),
        "torch eager": torch_grad,
    }
    table("gradient of a 2-16-16-1 tanh MLP, batch 32", interleave(jobs))


def chain() -> None:
    """Gradient of twenty elementwise operations on 100 elements."""
    x = np.random.default_rng(0).uniform(0.5, 1.5, 100)

    def f(x: AnyArray, xp: AnyArray) -> AnyArray:
        for _ in range(4):
            x = xp.tanh(xp.exp(xp.sin(x) * x - 1.0))
        return xp.sum(x)

    ours = pb.grad(lambda x: f(x, pb))
    theirs = autograd.grad(lambda x: f(x, anp))
    px, tx = pb.asarray(x), torch.tensor(x, requires_grad=True)

    def torch_grad() -> AnyArray:
        return torch.autograd.grad(f(tx, torch), tx)

    check([ours(px)], [theirs(x)])
    check([ours(px)], torch_grad())
    jobs = {
        "pullback": lambda: ours(px),
        "pullback, plain ndarray": lambda: ours(x),
        "autograd": lambda: theirs(x),
        "torch eager": torch_grad,
    }
    table("gradient of 20 elementwise operations on 100 elements", interleave(jobs))


def large_mlp() -> None:
    """Train 784-256-10 at batch 128, a step at a time, against the same written by hand."""
    weights = parameters(784, 256, 10)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((128, 784))
    labels = np.eye(10)[rng.integers(0, 10, 128)]
    rate = 0.01

    def loss(weights: list[pb.Array]) -> pb.Array:
        w1, b1, w2, b2 = weights
        z = pb.tanh(px @ w1 + b1) @ w2 + b2
        return pb.mean(pb.logsumexp(z, axis=1) - pb.sum(z * plabels, axis=1))

    px, plabels = pb.asarray(x), pb.asarray(labels)
    pw = [pb.asarray(w) for w in weights]
    step = pb.grad(loss)

    def ours() -> list[pb.Array]:
        nonlocal pw
        pw = [w - rate * g for w, g in zip(pw, step(pw), strict=True)]
        return pw

    def by_hand() -> Parameters:
        nonlocal weights
        w1, b1, w2, b2 = weights
        h = np.tanh(x @ w1 + b1)
        z = h @ w2 + b2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        z_bar = (e / e.sum(axis=1, keepdims=True) - labels) / len(x)
        h_bar = (z_bar @ w2.T) * (1 - h * h)
        grads = [x.T @ h_bar, h_bar.sum(axis=0), h.T @ z_bar, z_bar.sum(axis=0)]
        weights = [w - rate * g for w, g in zip(weights, grads, strict=True)]
        return weights

    check(ours(), by_hand())
    jobs = {"pullback": ours, "NumPy by hand": by_hand}
    table("step of 784-256-10, batch 128, softmax cross-entropy", interleave(jobs, rounds=60))


def check(ours: AnyArray, theirs: AnyArray) -> None:
    """Assert that two lists of arrays agree."""
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(mine), np.asarray(other), rtol=1e-8, atol=1e-12)


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    benchmarks: tuple[Callable[[], None], ...] = (small_mlp, chain, large_mlp)
    for benchmark in benchmarks:
        benchmark()


if __name__ == "__main__":
    main()
