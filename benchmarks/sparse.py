"""What do a sparse Hessian and a sparse Jacobian cost, and what do dense ones beside them?

The Hessian of Rosenbrock's function, and the Jacobian of a five-point stencil (Δu - exp u on a
square), with the time split into what is done once (pattern, colouring) and what each further
point costs. The rivals have dense derivatives only; they run where these fit. Memory is what the
process grows by at its peak, from the operating system; each row runs in a process of its own.

    python -m benchmarks.sparse
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final  # noqa: TID251 - see AnyArray

import autograd
import autograd.numpy as anp
import jax
import jax.numpy as jnp
import numpy as np

import pullback as pb

#: An array of whichever library computes with it, or the library: no one type fits them all.
AnyArray = Any
Clocked = tuple[AnyArray, float]

ROWS: Final = [
    ("rosenbrock", "pullback", 2_000),
    ("rosenbrock", "jax", 2_000),
    ("rosenbrock", "autograd", 2_000),
    ("rosenbrock", "pullback", 10_000),
    ("rosenbrock", "pullback", 100_000),
    ("stencil", "pullback", 2_025),
    ("stencil", "jax", 2_025),
    ("stencil", "autograd", 2_025),
    ("stencil", "pullback", 99_856),
    ("stencil", "pullback", 1_000_000),
]


def rosenbrock(x: AnyArray, xp: AnyArray) -> AnyArray:
    """Return the sum of the squares 10·(x[i+1] - x[i]²) and 1 - x[i]."""
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def stencil(u: AnyArray, xp: AnyArray) -> AnyArray:
    """Return Δu - exp u at the points of a square, with zero around it."""
    size = round(u.shape[0] ** 0.5)
    u = xp.reshape(u, (size, size))
    p = xp.pad(u, 1) if xp is not anp else anp.pad(u, 1, "constant")
    around = p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2]
    return xp.ravel((around - 4 * u) * (size + 1) ** 2 - xp.exp(u))


def clock(job: Callable[[], AnyArray], rounds: int = 5) -> Clocked:
    """Return what a job returns, and the median of its times after a first, which warms up."""
    result, times = job(), []
    for _ in range(rounds):
        start = time.perf_counter()
        result = job()
        times.append(time.perf_counter() - start)
    return result, statistics.median(times)


def peak() -> int:
    """Return the largest size of the process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def ours(problem: str, x: AnyArray) -> tuple[AnyArray, list[float], int]:
    """Return the matrix, the times of its three stages, and the number of colours."""
    f, sparsity, color, transform = {
        "rosenbrock": (rosenbrock, pb.hessian_sparsity, pb.color_hessian, pb.sparse_hessian),
        "stencil": (stencil, pb.jacobian_sparsity, pb.color_jacobian, pb.sparse_jacobian),
    }[problem]
    pattern, finding = clock(lambda: sparsity(f)(x, pb))
    coloring, painting = clock(lambda: color(pattern))
    matrix, evaluating = clock(lambda: transform(f, coloring=coloring)(x, pb))
    return matrix, [finding, painting, evaluating], coloring.number


def theirs(library: str, problem: str, x: AnyArray) -> Clocked:
    """Return the dense matrix, and the time that it takes."""
    f = rosenbrock if problem == "rosenbrock" else stencil
    if library == "autograd":
        derivative = autograd.hessian if problem == "rosenbrock" else autograd.jacobian
        return clock(lambda: derivative(lambda x: f(x, anp))(x), rounds=1)
    derivative = jax.hessian if problem == "rosenbrock" else jax.jacfwd
    compiled = jax.jit(derivative(lambda x: f(x, jnp)))
    return clock(lambda: compiled(x).block_until_ready())


def by_hand(problem: str, x: AnyArray) -> AnyArray:
    """Return the diagonal of the matrix, from its formula."""
    if problem == "stencil":
        return -4 * (round(len(x) ** 0.5) + 1) ** 2 - np.exp(x)
    diagonal = np.zeros_like(x)
    diagonal[:-1] = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    diagonal[1:] += 200
    return diagonal


def measure(problem: str, library: str, size: int) -> None:
    """Measure one row and print it."""
    x = np.random.default_rng(0).standard_normal(size)
    before = peak()
    if library == "pullback":
        matrix, stages, number = ours(problem, x)
        shown = "".join(f"{stage * 1e3:>10.1f} ms" for stage in stages) + f"{number:>8}"
        total = sum(stages)
    else:
        matrix, total = theirs(library, problem, x)
        shown = f"{'dense':>47}"
    grown = (peak() - before) / 1e6
    np.testing.assert_allclose(matrix.diagonal(), by_hand(problem, x), rtol=1e-10, atol=1e-10)
    print(f"  {problem:<11}{size:>8}  {library:<9}{shown}{total * 1e3:>11.1f} ms{grown:>8.0f} MB")


def main() -> None:
    """Measure each row in a fresh process."""
    jax.config.update("jax_enable_x64", True)
    if len(sys.argv) == 4:
        measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))
        return
    stages = "".join(f"{name:>13}" for name in ("pattern", "coloring", "evaluation"))
    print(f"{'':<32}{stages}{'colors':>8}{'together':>14}{'peak':>11}")
    for row in ROWS:
        command = [sys.executable, "-m", "benchmarks.sparse", *map(str, row)]
        subprocess.run(command, check=True)  # noqa: S603


if __name__ == "__main__":
    main()
