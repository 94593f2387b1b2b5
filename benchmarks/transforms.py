"""What derivatives cost, in evaluations of the function and beside other libraries.

OPENBLAS_NUM_THREADS=1 python -m benchmarks.transforms

With MALLOC_TOP_PAD_=100000000 as well, glibc keeps the memory that a call frees for the next one.
Without it, much of the time of a derivative is page faults: it holds values that the function
alone does not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any  # noqa: TID251 - see AnyArray

import autograd
import autograd.numpy as anp
import jax
import jax.numpy as jnp
import numpy as np

import pullback as pb
from benchmarks.timing import Job, interleave, table
from pullback.api.hessians import hessian, hvp

#: An array of whichever library computes with it, or the library: no one type fits them all.
AnyArray = Any
RNG = np.random.default_rng(0)


# ---------------------------------------------------------- multiples of the function's own cost


def elementwise(x: AnyArray) -> AnyArray:
    """Twenty elementwise operations, and a sum to have one number."""
    for _ in range(4):
        x = np.tanh(np.exp(np.sin(x) * x - 1.0))
    return np.sum(x)


def network(weights: AnyArray) -> AnyArray:
    """A tanh network of 10⁴ parameters on a batch of 64."""
    w1, w2, w3 = weights
    h = np.tanh(np.tanh(NETWORK_INPUT @ w1) @ w2)
    return np.mean((h @ w3) ** 2)


def reductions(x: AnyArray) -> AnyArray:
    """Means, variances, extrema and a softmax over the rows of a matrix."""
    centred = x - np.mean(x, axis=1, keepdims=True)
    scaled = centred / np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-6)
    e = np.exp(scaled - np.max(scaled, axis=1, keepdims=True))
    return np.sum(np.log(np.sum(e, axis=1)) * np.max(x, axis=1))


NETWORK_INPUT = RNG.standard_normal((64, 50))
MULTIPLES: dict[str, tuple[Callable[..., AnyArray], AnyArray]] = {
    "20 elementwise operations": (elementwise, RNG.uniform(0.5, 1.5, 10_000)),
    "network": (network, [RNG.standard_normal(s) / 10 for s in ((50, 80), (80, 70), (70, 6))]),
    "reductions": (reductions, RNG.standard_normal((100, 100))),
}


def multiples() -> None:
    """Print jvp and grad in evaluations of the function, eager on the same arrays."""
    print("\njvp and grad in evaluations of the function, 10^4 elements (bars: 3 and 4)")
    print(f"  {'':<28}{'function':>12}{'jvp':>8}{'grad':>8}")
    for name, (f, x) in MULTIPLES.items():
        point = [pb.asarray(w) for w in x] if isinstance(x, list) else pb.asarray(x)
        grad = pb.grad(f)
        jobs: dict[str, Job] = {
            "f": partial(f, point),
            "jvp": partial(pb.jvp, f, point, point),
            "grad": partial(grad, point),
        }
        times = interleave(jobs, rounds=60)
        own = times["f"].median
        jvp, back = times["jvp"].median / own, times["grad"].median / own
        print(f"  {name:<28}{own * 1e6:>9.1f} us{jvp:>8.2f}{back:>8.2f}")


# ---------------------------------------------------------------------------- second derivatives


def rosenbrock(x: AnyArray, xp: AnyArray) -> AnyArray:
    """The function of Rosenbrock in n dimensions."""
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def hessian_vector_product() -> None:
    """Product of the Hessian of Rosenbrock with a vector."""
    n = 100_000
    x, v = RNG.standard_normal((2, n))
    px, pv = pb.asarray(x), pb.asarray(v)
    jx, jv = jnp.asarray(x), jnp.asarray(v)
    slope = jax.grad(lambda x: rosenbrock(x, jnp))

    def jax_hvp(x: AnyArray, v: AnyArray) -> AnyArray:
        return jax.jvp(slope, (x,), (v,))[1]

    compiled = jax.jit(jax_hvp)
    theirs = autograd.hessian_vector_product(lambda x: rosenbrock(x, anp))
    jobs: dict[str, Job] = {
        "pullback": lambda: hvp(lambda x: rosenbrock(x, pb), px, pv),
        "pullback, plain ndarrays": lambda: hvp(lambda x: rosenbrock(x, np), x, v),
        "autograd": lambda: theirs(x, v),
        "JAX": lambda: jax_hvp(jx, jv).block_until_ready(),
        "JAX, jit": lambda: compiled(jx, jv).block_until_ready(),
    }
    check(jobs)
    table(f"Hessian-vector product of Rosenbrock, n = {n}", interleave(jobs))


def dense_hessian() -> None:
    """The Hessian of Rosenbrock, as a matrix."""
    n = 200
    x = RNG.standard_normal(n)
    px, jx = pb.asarray(x), jnp.asarray(x)
    ours: Callable[..., AnyArray] = hessian(partial(rosenbrock, xp=pb))
    numpy_way: Callable[..., AnyArray] = hessian(partial(rosenbrock, xp=np))
    theirs = jax.hessian(lambda x: rosenbrock(x, jnp))
    compiled = jax.jit(theirs)
    jobs: dict[str, Job] = {
        "pullback": lambda: ours(px),
        "pullback, plain ndarray": lambda: numpy_way(x),
        "JAX": lambda: theirs(jx).block_until_ready(),
        "JAX, jit": lambda: compiled(jx).block_until_ready(),
    }
    check(jobs)
    table(f"dense Hessian of Rosenbrock, n = {n}", interleave(jobs))


# ------------------------------------------------------------------------------------- batches


def quadratic(n: int) -> tuple[Callable[..., AnyArray], Callable[..., AnyArray], AnyArray]:
    """A quadratic form of tanh, for one vector and for rows."""
    a = RNG.standard_normal((n, n))

    def one(x: AnyArray) -> AnyArray:
        h = np.tanh(x)
        return h @ a @ h + np.sum(x)

    def rows(x: AnyArray) -> AnyArray:
        h = np.tanh(x)
        return np.sum((h @ a) * h, axis=1) + np.sum(x, axis=1)

    return one, rows, RNG.standard_normal((1000, n))


def pairwise() -> tuple[Callable[..., AnyArray], Callable[..., AnyArray], AnyArray]:
    """The energy of ten points in space, from all of their distances."""

    def one(x: AnyArray) -> AnyArray:
        d = x[:, None, :] - x[None, :, :]
        return np.sum(np.exp(-np.sum(d * d, axis=-1)))

    def rows(x: AnyArray) -> AnyArray:
        d = x[:, :, None, :] - x[:, None, :, :]
        return np.sum(np.exp(-np.sum(d * d, axis=-1)), axis=(1, 2))

    return one, rows, RNG.standard_normal((1000, 10, 3))


def perceptron() -> tuple[Callable[..., AnyArray], Callable[..., AnyArray], AnyArray]:
    """A network 8-32-32-1."""
    shapes = (8, 32), (32, 32), (32, 1)
    w1, w2, w3 = (RNG.standard_normal(shape) / 5 for shape in shapes)
    b1, b2 = RNG.standard_normal((2, 32))

    def apply(x: AnyArray) -> AnyArray:
        return np.tanh(np.tanh(x @ w1 + b1) @ w2 + b2) @ w3

    return apply, apply, RNG.standard_normal((1000, 8))


def products() -> tuple[Callable[..., AnyArray], Callable[..., AnyArray], AnyArray]:
    """A product of small matrices, normalised."""

    def one(x: AnyArray) -> AnyArray:
        y = x @ x.T @ x
        return y / np.sqrt(np.sum(y * y))

    def rows(x: AnyArray) -> AnyArray:
        y = x @ x.transpose(0, 2, 1) @ x
        return y / np.sqrt(np.sum(y * y, axis=(1, 2), keepdims=True))

    return one, rows, RNG.standard_normal((1000, 6, 6))


def batches() -> None:
    """Print vmapped functions of one example beside NumPy written for the batch by hand."""
    print("\nvmap of 1000 small problems, to NumPy batched by hand (bar: 1.3)")
    print(f"  {'':<28}{'by hand':>12}{'vmap':>12}{'ratio':>8}{'of plain':>10}")
    problems = {
        "quadratic of tanh, n = 10": quadratic(10),
        "quadratic of tanh, n = 50": quadratic(50),
        "pairwise energy of 10 points": pairwise(),
        "network 8-32-32-1": perceptron(),
        "product of 6 x 6 matrices": products(),
    }
    for name, (one, rows, xs) in problems.items():
        mapped, arrays = pb.vmap(one), pb.asarray(xs)
        np.testing.assert_allclose(mapped(xs), rows(xs), rtol=1e-10)
        jobs: dict[str, Job] = {
            "hand": partial(rows, xs),
            "vmap": partial(mapped, arrays),
            "plain": partial(mapped, xs),
        }
        times = interleave(jobs, rounds=60)
        hand, ours = times["hand"].median, times["vmap"].median
        row = f"{hand * 1e6:>9.1f} us{ours * 1e6:>9.1f} us{ours / hand:>8.2f}"
        print(f"  {name:<28}{row}{times['plain'].median / hand:>10.2f}")


def check(jobs: dict[str, Job]) -> None:
    """Assert that all jobs give the same array."""
    found = [np.asarray(job()) for job in jobs.values()]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-8, atol=1e-8)


def main() -> None:
    """Measure and print."""
    jax.config.update("jax_enable_x64", True)
    for benchmark in (multiples, hessian_vector_product, dense_hessian, batches):
        benchmark()


if __name__ == "__main__":
    main()
