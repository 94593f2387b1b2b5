"""The demo of the moons, compiled by pullback."""

from __future__ import annotations

from typing import Any  # noqa: TID251 - see AnyArray

import numpy as np

import pullback as pb
from pullback import nn, tree

#: Arrays, or layers of them: no one type fits them all.
AnyArray = Any

ANGLE = np.linspace(0, np.pi, 50)
UPPER = np.stack([np.cos(ANGLE), np.sin(ANGLE)], axis=1)
LOWER = np.stack([1 - np.cos(ANGLE), 0.5 - np.sin(ANGLE)], axis=1)
NOISE = np.random.default_rng(1).normal(0, 0.1, (100, 2))
X = np.concatenate([UPPER, LOWER]) + NOISE
Y = np.repeat([-1.0, 1.0], 50)


def loss(layers: AnyArray) -> AnyArray:
    """Return the mean hinge loss, and the squares of the weights."""
    *hidden, (last, offset) = layers
    h: AnyArray = X
    for weight, bias in hidden:
        h = nn.relu(h @ weight + bias)
    margin = nn.relu(1 - Y * (h @ last + offset)[:, 0])
    return np.mean(margin) + 1e-4 * sum(np.sum(p * p) for layer in layers for p in layer)


def descend(layers: AnyArray) -> AnyArray:
    """Return the loss, and the layers after a step."""
    value, grads = pb.value_and_grad(loss)(layers)
    return value, tree.map(lambda p, g: p - 0.1 * g, layers, grads)


step = pb.jit(descend)
r = np.random.default_rng(0)
model = tuple((r.uniform(-1, 1, (n, m)), np.zeros(m)) for n, m in ((2, 16), (16, 16), (16, 1)))
for epoch in range(100):
    value, model = step(model)
    if epoch % 10 == 9:
        print(f"{epoch}: {float(value):.6f}")
