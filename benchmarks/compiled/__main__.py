"""Is compiled code the fastest way to run such functions on a CPU?

python -m benchmarks.compiled [--quick] [work ...]

Each work is written once for pullback and JAX, in the same words, and by hand for PyTorch, NumPy,
Numba or CasADi, where that is natural. All rivals run in one process; their results are compared
before any time is taken; then they take turns, round after round, each as often as fits in 10 ms.
Before its turn comes a rest, in which the threads of the last rival fall asleep, and one call that
is not timed. A line shows median, minimum, and the ratio of our median to the median.
A bar compares our median with that of its best rival; the same ratio of minima stands in
parentheses, and on a shared machine it is the better witness.

JAX is jitted with 64 bits on and waits for its results; functions are called with arrays of the
library's own class. PyTorch is measured with one and with two threads, and compiled by
`torch.compile` (functions of `torch.func` in one graph; not with --quick). Others have all cores;
the environment may say otherwise (OPENBLAS_NUM_THREADS). Left out as hopeless are: PyTorch for
10,000 steps of a scan and for graphs of scalars, JAX for such graphs, torch.compile for second
derivatives.

Compile times are those of the first call less those of the second, of functions that were not
compiled before, without the cache on disk. Processes have caches on disk in a new folder, filled by
a first run. Memory is the most that a process of its own held, as Linux counts it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from typing import Final

from benchmarks.compiled import costs, models, networks, scalars, training
from benchmarks.compiled.rows import Effort, Row, show, summarise

WORKS: Final = {
    "tutorial": training.tutorial,
    "moons": training.moons,
    "mlp": training.mlp,
    "cnn": networks.cnn,
    "transformer": networks.transformer,
    "options": models.options,
    "cross_entropy": models.cross_entropy,
    "lotka_volterra": models.lotka_volterra,
    "gmm": models.gmm,
    "scalars": scalars.scalars,
    "compiling": costs.compiling,
    "cached": costs.cached,
    "calls": costs.calls,
    "cold": costs.cold,
    "memory": costs.memory,
}


def main() -> int:
    """Measure and print; return 1 if a work failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiled")
    parser.add_argument(
        "works", nargs="*", metavar="work", choices=[*WORKS, []], help=f"some of {', '.join(WORKS)}"
    )
    parser.add_argument("--quick", action="store_true", help="short runs, no torch.compile")
    options = parser.parse_args()
    os.environ["PULLBACK_CACHE"] = "0"  # here everything is compiled anew
    effort = Effort(1.0, 10, compiled=False) if options.quick else Effort()
    rows: list[Row] = []
    failed: list[str] = []
    for name in options.works or WORKS:
        start = time.perf_counter()
        try:
            for row in WORKS[name](effort):
                show(row)
                rows.append(row)
        except Exception:  # noqa: BLE001 - the other works are worth their figures
            traceback.print_exc(file=sys.stdout)
            failed.append(name)
        print(f"  ({name}: {time.perf_counter() - start:.0f} s)", flush=True)
    summarise(rows)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
