"""How long steps take from the cache on disk, in a process that finds them there.

python -m benchmarks.compiled.cached; it prints JSON, for `costs`.
"""

from __future__ import annotations

import json
import time

import pullback as pb
from benchmarks.compiled.costs import COMPILED
from benchmarks.compiled.libraries import PULLBACK, Function, descent


def seconds(what: str) -> tuple[float, float]:
    """Return the seconds of tracing, and those of the first call beyond the second's."""
    loss, params, data = COMPILED[what]

    def new() -> Function:
        return descent(PULLBACK, loss(PULLBACK), 0.1)

    held = PULLBACK.arrays(params), *PULLBACK.arrays(data)
    pb.trace(new(), *held)
    step = PULLBACK.jit(new())
    times = [time.perf_counter()]
    pb.trace(new(), *held)
    times.append(time.perf_counter())
    for _ in range(2):
        step(*held)
        times.append(time.perf_counter())
    tracing, first, second = (times[k + 1] - times[k] for k in range(3))
    return tracing, first - second


def main() -> None:
    """Measure and print; what the first compiled function of a process needs is not counted."""
    PULLBACK.jit(lambda x: x + 1)(1.0)
    print(json.dumps({what: seconds(what) for what in COMPILED}))


if __name__ == "__main__":
    main()
