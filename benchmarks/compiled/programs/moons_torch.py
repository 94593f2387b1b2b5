"""The demo of the moons in PyTorch, eager."""

from __future__ import annotations

from typing import Any  # noqa: TID251 - see AnyArray

import numpy as np
import torch

#: Arrays, or layers of them: no one type fits them all.
AnyArray = Any

ANGLE = np.linspace(0, np.pi, 50)
UPPER = np.stack([np.cos(ANGLE), np.sin(ANGLE)], axis=1)
LOWER = np.stack([1 - np.cos(ANGLE), 0.5 - np.sin(ANGLE)], axis=1)
NOISE = np.random.default_rng(1).normal(0, 0.1, (100, 2))
X = torch.from_numpy(np.concatenate([UPPER, LOWER]) + NOISE)
Y = torch.from_numpy(np.repeat([-1.0, 1.0], 50))


def loss(layers: AnyArray) -> AnyArray:
    """Return the mean hinge loss, and the squares of the weights."""
    *hidden, (last, offset) = layers
    h: AnyArray = X
    for weight, bias in hidden:
        h = torch.relu(h @ weight + bias)
    margin = torch.relu(1 - Y * (h @ last + offset)[:, 0])
    return torch.mean(margin) + 1e-4 * sum(torch.sum(p * p) for layer in layers for p in layer)


r = np.random.default_rng(0)
arrays = [(r.uniform(-1, 1, (n, m)), np.zeros(m)) for n, m in ((2, 16), (16, 16), (16, 1))]
model = [tuple(torch.tensor(p, requires_grad=True) for p in layer) for layer in arrays]
parameters = [p for layer in model for p in layer]
for epoch in range(100):
    value = loss(model)
    grads = torch.autograd.grad(value, parameters)
    with torch.no_grad():
        for p, g in zip(parameters, grads, strict=True):
            p.sub_(g, alpha=0.1)
    if epoch % 10 == 9:
        print(f"{epoch}: {value.item():.6f}")
