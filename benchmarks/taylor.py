"""How does the cost of a Taylor expansion grow with its order?

The coefficients of a small network along a straight line, beside those of nested forward mode,
which grow exponentially, and of JAX's `jet`, not compiled and compiled.

    python -m benchmarks.taylor
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import factorial
from typing import Final

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.jet import jet

import pullback as pb
from benchmarks.timing import Job, interleave, table
from pullback.primitives.quantity import Value

SIZE: Final = 100
RNG: Final = np.random.default_rng(0)
WEIGHTS: Final = RNG.standard_normal((SIZE, SIZE)) / SIZE**0.5
X: Final = RNG.standard_normal(SIZE)
V: Final = RNG.standard_normal(SIZE)


def network(x: Value, np: Value, weights: Value) -> Value:
    """Return a number that a network of two layers makes of x."""
    return np.sum(np.exp(np.sin(weights @ np.tanh(weights @ x))))


def ours(order: int) -> Value:
    """Return the last coefficient, by `taylor`."""
    return pb.taylor(partial(network, np=pb, weights=WEIGHTS), X, (V,), order=order)[1][-1]


def nested(order: int) -> Value:
    """Return the last coefficient, by nested `jvp`."""

    def derivative(f: Callable[[Value], Value]) -> Callable[[Value], Value]:
        return lambda t: pb.jvp(f, t, 1.0)[1]

    def along_line(t: Value) -> Value:
        return network(X + t * V, pb, WEIGHTS)

    along: Callable[[Value], Value] = along_line
    for _ in range(order):
        along = derivative(along)
    return along(0.0) / factorial(order)


def theirs(x: Value, order: int) -> Value:
    """Return the last derivative, by `jet`."""
    f = partial(network, np=jnp, weights=jnp.asarray(WEIGHTS))
    series = [jnp.asarray(V), *[jnp.zeros(SIZE)] * (order - 1)]
    return jet(f, (x,), (series,))[1][-1]


def waited(f: Callable[[Value], Value], x: Value) -> Value:
    """Return the result of a compiled function when it is there."""
    return f(x).block_until_ready()


def main() -> None:
    """Measure and print."""
    jax.config.update("jax_enable_x64", val=True)
    for order in (1, 2, 4, 8, 16):
        jobs: dict[str, Job] = {"pullback": partial(ours, order)}
        if order <= 6:
            assert np.isclose(ours(order), nested(order))
            jobs["nested jvp"] = partial(nested, order)
        if order <= 8:
            x = jnp.asarray(X)
            compiled = jax.jit(partial(theirs, order=order))
            assert np.isclose(ours(order) * factorial(order), theirs(x, order))
            jobs["jet"] = partial(theirs, x, order)
            jobs["jet, compiled"] = partial(waited, compiled, x)
        table(f"order {order}", interleave(jobs, rounds=5))


if __name__ == "__main__":
    main()
