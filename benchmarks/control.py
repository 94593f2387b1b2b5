"""What loops cost as one node, beside Python's own loops and beside other libraries.

python -m benchmarks.control
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any  # noqa: TID251 - see AnyArray

import autograd
import autograd.numpy as anp
import jax
import jax.numpy as jnp
import numpy as np

import pullback as pb
from benchmarks.timing import interleave, table
from pullback.api.loops import scan

#: An array of whichever library computes with it, or the library: no one type fits them all.
AnyArray = Any
Loop = Callable[[AnyArray, AnyArray, AnyArray], AnyArray]

jax.config.update("jax_enable_x64", True)
jax_scan: AnyArray = jax.lax.scan
SIZE = 16
RNG = np.random.default_rng(0)
WEIGHTS = {
    "gate": RNG.standard_normal((SIZE, SIZE)) / 4,
    "state": RNG.standard_normal((SIZE, SIZE)) / 4,
    "input": RNG.standard_normal((SIZE, 4)) / 2,
    "bias": np.zeros(SIZE),
}


def python_scan(f: AnyArray, carry: AnyArray, xs: AnyArray) -> AnyArray:
    """Carry a value through Python's own loop."""
    ys = []
    for x in xs:
        carry, y = f(carry, x)
        ys.append(y)
    return carry, ys


def recurrent(xp: AnyArray, loop: Loop) -> AnyArray:
    """Return the loss of a gated network of twenty operations a step."""

    def loss(w: AnyArray, xs: AnyArray) -> AnyArray:
        def step(h: AnyArray, x: AnyArray) -> AnyArray:
            gate = 1 / (1 + xp.exp(-(w["gate"] @ h + xp.sum(x))))
            new = xp.tanh(w["state"] @ h * gate + w["input"] @ x + w["bias"])
            h = (1 - gate) * new + gate * h
            return h, xp.sum(h * h)

        h, ys = loop(step, xp.zeros(SIZE), xs)
        total = sum(ys) if isinstance(ys, list) else xp.sum(ys)
        return total + xp.sum(h)

    return loss


def orbit(loop: Loop) -> AnyArray:
    """Return an end of an orbit of Lotka and Volterra's equations, by Runge and Kutta's method."""

    def end(p: AnyArray, times: AnyArray) -> AnyArray:
        def slope(x: AnyArray, y: AnyArray) -> AnyArray:
            return p[0] * x - p[1] * x * y, p[2] * x * y - p[3] * y

        def step(state: AnyArray, _: AnyArray) -> AnyArray:
            x, y = state
            a, b = slope(x, y)
            c, d = slope(x + 0.005 * a, y + 0.005 * b)
            e, f = slope(x + 0.005 * c, y + 0.005 * d)
            g, h = slope(x + 0.01 * e, y + 0.01 * f)
            return (
                x + 0.01 / 6 * (a + 2 * c + 2 * e + g),
                y + 0.01 / 6 * (b + 2 * d + 2 * f + h),
            ), x

        (x, y), _ = loop(step, (1.0, 1.0), times)
        return x + y

    return end


def compare(question: str, ours: AnyArray, others: dict[str, AnyArray]) -> None:
    """Print the times of jobs that have the same gradient."""
    expected = jax.tree.leaves(jax.tree.map(np.asarray, ours()))
    for job in others.values():
        for a, b in zip(expected, jax.tree.leaves(job()), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
    timings = interleave({"scan": ours} | others, rounds=10)
    table(question, timings, ours="scan")


def ready(f: AnyArray, *args: AnyArray) -> AnyArray:
    """Call a function of JAX, and wait for what it gives."""
    return jax.block_until_ready(f(*args))


def recurrent_network() -> None:
    """Gradient of a gated network, eager and compiled."""
    for length in (10, 100, 1000):
        xs = RNG.standard_normal((length, 4))
        arrays = jax.tree.map(jnp.asarray, WEIGHTS), jnp.asarray(xs)
        theirs = jax.grad(recurrent(jnp, jax_scan))
        jobs = {
            "Python's loop": partial(pb.grad(recurrent(np, python_scan)), WEIGHTS, xs),
            "autograd": partial(autograd.grad(recurrent(anp, python_scan)), WEIGHTS, xs),
            "JAX scan": partial(ready, theirs, *arrays),
            "JAX scan, jit": partial(ready, jax.jit(theirs), *arrays),
        }
        question = f"gradient of a gated network, {length} steps of twenty operations"
        compare(question, partial(pb.grad(recurrent(np, scan)), WEIGHTS, xs), jobs)


def orbit_of_two_kinds() -> None:
    """Gradient of a simulation by its four parameters: scalars alone."""
    p, times = (1.5, 1.0, 1.0, 3.0), np.zeros(1000)
    jobs = {
        "Python's loop": partial(pb.grad(orbit(python_scan)), p, times),
        "autograd": partial(autograd.grad(orbit(python_scan)), p, times),
        "JAX scan, jit": partial(ready, jax.jit(jax.grad(orbit(jax_scan))), p, jnp.asarray(times)),
    }
    question = "gradient of 1000 Runge-Kutta steps of two scalars"
    compare(question, partial(pb.grad(orbit(scan)), p, times), jobs)


def parts_of_a_gradient() -> None:
    """Where the time of a gradient goes: the value, the derivative's programs, the loops."""
    xs, one = RNG.standard_normal((1000, 4)), RNG.standard_normal((1, 4))
    loss = recurrent(np, scan)
    gradient = pb.grad(loss)
    jobs = {
        "gradient, 1000 steps": partial(gradient, WEIGHTS, xs),
        "value, 1000 steps": partial(loss, WEIGHTS, xs),
        "gradient, 1 step": partial(gradient, WEIGHTS, one),
        "value, 1 step": partial(loss, WEIGHTS, one),
    }
    timings = interleave(jobs, rounds=10)
    title = "parts of a gradient: with 1 step, nearly all is tracing"
    table(title, timings, ours="gradient, 1000 steps")


def memory() -> None:
    """Peak memory of a gradient through 1024 steps of ten operations on 10⁴ numbers."""
    print("\npeak memory of a gradient through 1024 steps of ten operations on 10^4 numbers")

    def step(h: AnyArray, _: AnyArray) -> AnyArray:
        for _ in range(5):
            h = np.sin(h) * 1.01
        return h, None

    def keeping(h: AnyArray) -> AnyArray:
        return np.sum(scan(step, h, None, 1024)[0])

    def checkpointed(h: AnyArray) -> AnyArray:
        return np.sum(scan(step, h, None, 1024, checkpoint=True)[0])

    def python(h: AnyArray) -> AnyArray:
        for _ in range(1024):
            h, _ = step(h, None)
        return np.sum(h)

    start = np.linspace(0.0, 1.0, 10_000)
    for name, f in [("Python's loop", python), ("scan", keeping), ("checkpoint", checkpointed)]:
        tracemalloc.start()
        pb.grad(f)(start)
        print(f"  {name:16}{tracemalloc.get_traced_memory()[1] / 1e6:10.1f} MB")
        tracemalloc.stop()


if __name__ == "__main__":
    recurrent_network()
    orbit_of_two_kinds()
    parts_of_a_gradient()
    memory()
