"""The tutorial, compiled by JAX."""

from __future__ import annotations

from typing import Any  # noqa: TID251 - see AnyArray

import jax
import jax.numpy as jnp
import numpy as np

#: Arrays, or layers of them: no one type fits them all.
AnyArray = Any

X = np.array([[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]])
Y = np.array([1.0, -1.0, -1.0, 1.0])


def loss(layers: AnyArray) -> AnyArray:
    """Return the sum of squared errors."""
    h: AnyArray = X
    for weight, bias in layers:
        h = jnp.tanh(h @ weight + bias)
    return jnp.sum((h[:, 0] - Y) ** 2)


def descend(layers: AnyArray) -> AnyArray:
    """Return the loss, and the layers after a step."""
    value, grads = jax.value_and_grad(loss)(layers)
    return value, jax.tree.map(lambda p, g: p - 0.1 * g, layers, grads)


step = jax.jit(descend)
r = np.random.default_rng(0)
model = tuple((r.uniform(-1, 1, (n, m)), np.zeros(m)) for n, m in ((3, 4), (4, 4), (4, 1)))
for epoch in range(100):
    value, model = step(model)
    if epoch % 10 == 9:
        print(f"{epoch}: {float(value):.6f}")
