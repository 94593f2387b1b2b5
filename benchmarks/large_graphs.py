"""Do time and memory grow in proportion to the number of nodes, to a million and beyond?

A chain of additions and a balanced tree of additions, forward and backward. Memory is what the
process grows by at its peak, from the operating system; each size runs in a process of its own.

    python -m benchmarks.large_graphs
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import pullback as pb


def chain(n: int) -> float:
    """Return the gradient of n additions one after the other: n."""

    def f(x: float) -> float:
        total = x
        for _ in range(n):
            total = total + x
        return total

    return pb.grad(f)(1.5)


def tree(n: int) -> float:
    """Return the gradient of the sum of n products, added pairwise: the sum of 0 .. n-1."""

    def f(x: float) -> float:
        level = [x * float(i) for i in range(n)]
        while len(level) > 1:
            level = [a + b for a, b in zip(level[::2], level[1::2], strict=True)]
        return level[0]

    return pb.grad(f)(1.5)


def peak() -> int:
    """Return the largest size of the process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(shape: str, n: int) -> None:
    """Run one size and print time and memory a node."""
    job, nodes, expected = {
        "chain": (chain, n, n + 1.0),
        "tree": (tree, 2 * n - 1, n * (n - 1) / 2),
    }[shape]
    job(8)
    before = peak()
    start = time.perf_counter()
    answer = job(n)
    seconds = time.perf_counter() - start
    assert answer == expected, (answer, expected)
    print(
        f"  {shape:<8}{nodes:>10} nodes{seconds / nodes * 1e6:>8.2f} us a node"
        f"{(peak() - before) / nodes:>8.0f} bytes a node"
    )


def main() -> None:
    """Measure each size in a fresh process."""
    if len(sys.argv) == 3:
        measure(sys.argv[1], int(sys.argv[2]))
        return
    print("forward and backward")
    for shape in ("chain", "tree"):
        for size in (2**13, 2**17, 2**20) if shape == "tree" else (10**4, 10**5, 10**6):
            subprocess.run([sys.executable, __file__, shape, str(size)], check=True)  # noqa: S603


if __name__ == "__main__":
    main()
