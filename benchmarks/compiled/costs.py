"""What compiled code costs beside running: compiling, calls, the start of a process, memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.compiled.libraries import LIBRARIES, Function, Library, descent
from benchmarks.compiled.networks import block_input, block_loss, block_parameters
from benchmarks.compiled.rows import AnyArray, Bar, Effort, Row, agree, measure
from benchmarks.compiled.training import MOONS, TUTORIAL, moons_data, moons_loss, tutorial_loss
from benchmarks.timing import Job, Timing

PROGRAMS: Final = Path(__file__).parent / "programs"
#: The loss, the parameters and the other arguments of what is compiled.
COMPILED: Final[dict[str, tuple[Callable[[Library], Function], AnyArray, AnyArray]]] = {
    "tutorial": (tutorial_loss, TUTORIAL, ()),
    "moons": (moons_loss, MOONS, moons_data()),
    "transformer block": (block_loss, block_parameters(), (block_input(),)),
}
#: Each function that is compiled has another step size, so that none was seen before.
NUMBERS: Final = count(1)


def timings(samples: Mapping[str, list[float]]) -> dict[str, Timing]:
    """Return medians and minima."""
    return {name: Timing(statistics.median(s), min(s)) for name, s in samples.items()}


# ------------------------------------------------------------------------------------ compiling


def compile_seconds(library: Library, what: str) -> float:
    """Return how much longer the first call of a new step takes than the second."""
    loss, params, data = COMPILED[what]
    rate = 0.1 + 1e-6 * next(NUMBERS)
    step = library.jit(descent(library, loss(library), rate))
    held = library.arrays(params), *library.arrays(data)
    times = [time.perf_counter()]
    for _ in range(2):
        library.wait(step(*held))
        times.append(time.perf_counter())
    return (times[1] - times[0]) - (times[2] - times[1])


def compiling(effort: Effort) -> Iterator[Row]:
    """Measure how long steps take to trace and compile."""
    for what in COMPILED:
        samples: dict[str, list[float]] = {name: [] for name in LIBRARIES}
        for _ in range(2 + min(5, round(effort.seconds))):
            for name, library in LIBRARIES.items():
                samples[name].append(compile_seconds(library, what))
        title = f"trace and compile: {what} step"
        yield Row(title, timings(samples), "ms", (Bar(0.35, ("JAX",)),))


# ---------------------------------------------------------------------------------------- calls


def increments(library: Library, leaves: int) -> Job:
    """Return a call that adds 1 to each of some small arrays."""
    mapped = library.map  # what is captured is looked at in each call: no more than that
    function = library.jit(lambda tree: mapped(lambda x: x + 1, tree))
    arrays = library.arrays([np.arange(4.0) + k for k in range(leaves)])
    return lambda: library.wait(function(arrays))


def calls(effort: Effort) -> Iterator[Row]:
    """Measure what a call costs."""
    for leaves in (1, 20, 200):
        jobs = {name: increments(library, leaves) for name, library in LIBRARIES.items()}
        agree(jobs, 0.0)
        title = f"call: add 1 to {leaves} small arrays"
        yield Row(title, measure(jobs, effort), "us", (Bar(0.7, ("JAX",)),))


# ------------------------------------------------------------------------------------ processes


def environment(folder: str) -> dict[str, str]:
    """Return an environment in which caches lie in a folder, and everything is cached."""
    wanted = {
        "JAX_ENABLE_X64": "1",
        "JAX_COMPILATION_CACHE_DIR": f"{folder}/jax",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "PULLBACK_CACHE": "1",
        "PULLBACK_CACHE_DIR": f"{folder}/pullback",
    }
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | wanted


def output(command: list[str], folder: str) -> str:
    """Run a process of Python, and return what it prints."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, *command],
        cwd=PROGRAMS.parents[2],
        check=True,
        env=environment(folder),
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def runs(what: str, folder: str) -> dict[str, Callable[[], str]]:
    """Return a job for each library that runs a program in a process of its own."""
    names = {"pullback": "pullback", "JAX": "jax", "PyTorch": "torch"}
    return {
        name: partial(output, [str(PROGRAMS / f"{what}_{library}.py")], folder)
        for name, library in names.items()
    }


def cold(effort: Effort) -> Iterator[Row]:
    """Measure a process that trains the tutorial's network and prints losses, caches warm."""
    with tempfile.TemporaryDirectory() as folder:
        jobs = runs("tutorial", folder)
        assert len({job() for job in jobs.values()}) == 1, "they print the same"
        samples: dict[str, list[float]] = {name: [] for name in jobs}
        for _ in range(3 + min(8, round(effort.seconds))):
            for name, job in jobs.items():
                start = time.perf_counter()
                job()
                samples[name].append(time.perf_counter() - start)
    title = "process: 100 steps of the tutorial, printed, caches warm"
    yield Row(title, timings(samples), "ms", (Bar(0.3, ("JAX",)),))


#: Runs a program, and prints the most memory that the process held since it began: what
#: `getrusage` says counts its parent's, too.
PEAK: Final = """
import runpy, sys
runpy.run_path(sys.argv[1], run_name="__main__")
lines = open("/proc/self/status").read().splitlines()
print(next(line for line in lines if line.startswith("VmHWM")).split()[1])
"""


def cached(effort: Effort) -> Iterator[Row]:
    """Measure how long steps take that were compiled by an earlier process."""
    samples: dict[str, list[tuple[float, float]]] = {what: [] for what in COMPILED}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(3 + min(5, round(effort.seconds))):
            found = json.loads(output(["-m", "benchmarks.compiled.cached"], folder))
            for what in COMPILED if number else ():  # the first one compiles
                samples[what].append(found[what])
    for what, pairs in samples.items():
        figures = {
            "pullback": [first - tracing for tracing, first in pairs],
            "tracing alone": [tracing for tracing, _ in pairs],
        }
        title = f"from the cache on disk, beyond tracing: {what} step"
        yield Row(title, timings(figures), "ms", (Bar(0.010),))


def memory(effort: Effort) -> Iterator[Row]:
    """Measure the memory of a process that trains the network of the moons."""
    names = {"pullback": "pullback", "JAX": "jax", "PyTorch": "torch"}
    with tempfile.TemporaryDirectory() as folder:

        def peak(library: str) -> float:
            command = ["-c", PEAK, str(PROGRAMS / f"moons_{library}.py")]
            return float(output(command, folder).split()[-1]) * 1024

        states = {"empty": 1, "warm": 2 + min(3, round(effort.seconds))}  # the first one fills them
        for state, times in states.items():
            figures = {name: [peak(names[name]) for _ in range(times)] for name in names}
            title = f"memory of a process: 100 steps of the moons' demo, caches {state}"
            bars = Bar(0.4, ("JAX",)), Bar(0.4, ("PyTorch",))
            yield Row(title, timings(figures), "MB", bars)
