"""The tutorial in PyTorch, eager."""

from __future__ import annotations

from typing import Any  # noqa: TID251 - see AnyArray

import numpy as np
import torch

#: Arrays, or layers of them: no one type fits them all.
AnyArray = Any

X = torch.tensor(
    [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]], dtype=torch.float64
)
Y = torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)


def loss(layers: AnyArray) -> AnyArray:
    """Return the sum of squared errors."""
    h: AnyArray = X
    for weight, bias in layers:
        h = torch.tanh(h @ weight + bias)
    return torch.sum((h[:, 0] - Y) ** 2)


r = np.random.default_rng(0)
arrays = [(r.uniform(-1, 1, (n, m)), np.zeros(m)) for n, m in ((3, 4), (4, 4), (4, 1))]
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
