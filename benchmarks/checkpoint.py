"""How much memory does recomputation save in reverse mode, and how much time does it cost?

The gradient of a residual network of 64 layers, as a Python loop and as a scan: the peak of what is
allocated in one call, and the time of one call, as ratios to the first row. Memory is measured in a
call of its own, which is slower for it.

    python -m benchmarks.checkpoint
"""

from __future__ import annotations

import gc
import tracemalloc
from functools import partial
from typing import Final

import numpy as np

import pullback as pb
from benchmarks.timing import Job, interleave
from pullback.api.checkpointing import checkpoint, checkpoint_name
from pullback.primitives.quantity import Value

LAYERS: Final = 64
BATCH: Final = 256
WIDTH: Final = 128
RNG: Final = np.random.default_rng(0)
WEIGHTS: Final = RNG.standard_normal((LAYERS, WIDTH, WIDTH)) / WIDTH
X: Final = RNG.standard_normal((BATCH, WIDTH))


def layer(x: Value, w: Value) -> Value:
    """Return x after one layer: six arrays of the size of x."""
    h = x @ w
    return checkpoint_name(x + pb.tanh(h) * h * 0.5 + h, "x")


def network(weights: Value, step: Value = layer) -> Value:
    """Return a number that the network makes of its weights."""
    x = pb.asarray(X)
    for number in range(LAYERS):
        x = step(x, weights[number])
    return pb.mean(x * x)


def scanned(weights: Value, *, thrifty: bool) -> Value:
    """Return the same by a scan."""
    x, _ = pb.scan(lambda x, w: (layer(x, w), None), X, weights, checkpoint=thrifty)
    return pb.mean(x * x)


def peak(job: Job) -> int:
    """Return the bytes that a call takes at its peak, on top of what there is."""
    gc.collect()
    tracemalloc.start()
    job()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def compare(title: str, jobs: dict[str, Job]) -> None:
    """Print the peak and the time of each job, and their ratios to those of the first."""
    first = next(iter(jobs))
    expected = jobs[first]()
    for job in jobs.values():
        np.testing.assert_allclose(np.asarray(job()), np.asarray(expected), rtol=1e-9, atol=1e-15)
    peaks = {name: peak(job) for name, job in jobs.items()}
    times = interleave(jobs, rounds=10)
    print(f"\n{title}")
    print(f"  {'':<28}{'peak':>12}{'ratio':>8}{'time':>12}{'ratio':>8}")
    for name in jobs:
        ratios = peaks[name] / peaks[first], times[name].median / times[first].median
        print(
            f"  {name:<28}{peaks[name] / 2**20:>9.1f} MB{ratios[0]:>8.2f}"
            f"{times[name].median * 1e3:>9.1f} ms{ratios[1]:>8.2f}"
        )


def main() -> None:
    """Compare the policies, and the two scans."""
    weights = pb.asarray(WEIGHTS)
    everything = peak(lambda: pb.vjp(network, weights))
    policies: dict[str, Job] = {
        "everything": lambda: pb.grad(network)(weights),
        "nothing, for each layer": lambda: pb.grad(network)(weights, checkpoint(layer)),
        "nothing, for the whole": lambda: pb.grad(checkpoint(network))(weights),
        "names": lambda: pb.grad(checkpoint(network, save=("x",)))(weights),
    }
    for part in (2, 4, 8):
        thrifty = pb.grad(checkpoint(network, budget=everything // part))
        policies[f"budget of 1/{part}"] = partial(thrifty, weights)
    compare("a loop in Python", policies)
    compare(
        "a scan",
        {
            "scan": lambda: pb.grad(lambda w: scanned(w, thrifty=False))(weights),
            "scan(checkpoint=True)": lambda: pb.grad(lambda w: scanned(w, thrifty=True))(weights),
        },
    )


if __name__ == "__main__":
    main()
