"""One work of the table: rivals measured in turn, their results compared, and the bars they set.

Medians are compared, minima stand beside them; PyTorch's number of threads is set before each of
its turns and no time is taken while it is.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, final  # noqa: TID251 - see AnyArray

import jax
import numpy as np
import torch
from attrs import frozen

from benchmarks.timing import Job, Timing

#: An array of whichever library computes with it, or the library: no one type fits them all.
AnyArray = Any

OURS: Final = "pullback"
#: What a figure is shown in: how many of them are one second or one byte.
UNITS: Final = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0, "MB": 1e-6}
_REST: Final = 0.03  # seconds, after which the threads of the last rival have stopped to spin
THREADS: Final = {"PyTorch, 1 thread": 1, "PyTorch, 2 threads": 2, "PyTorch, compiled": 2}


@final
@frozen
class Bar:
    """What our figure may be at most: a multiple of the best of some rivals, or a number.

    Attributes:
        limit: The multiple; without rivals the figure itself, in seconds or bytes.
        rivals: How the rivals' names begin.
    """

    limit: float
    rivals: tuple[str, ...] = ()


@final
@frozen
class Row:
    """The figures of one work, in seconds or bytes, and its bars."""

    work: str
    figures: Mapping[str, Timing]
    unit: str
    bars: tuple[Bar, ...] = ()
    #: What a reader should know of the figures.
    notes: tuple[str, ...] = ()


@final
@frozen
class Effort:
    """How long to measure.

    Attributes:
        seconds: About how long the turns of one work last.
        rounds: The most rounds.
        compiled: Whether to wait for torch.compile.
    """

    seconds: float = 8.0
    rounds: int = 40
    compiled: bool = True


def measure(jobs: Mapping[str, Job], effort: Effort, *, per: int = 1) -> dict[str, Timing]:
    """Time jobs in turn, round after round, at least five times each.

    Args:
        jobs: What to call, by name; each was called before.
        effort: How long.
        per: How many units of work one call does.

    Returns:
        The timing of one unit of each.
    """
    counts = {name: _count(name, job) for name, job in jobs.items()}
    samples: dict[str, list[float]] = {name: [] for name in jobs}
    end = time.perf_counter() + effort.seconds
    for number in range(effort.rounds):
        if number >= 5 and time.perf_counter() > end:
            break
        for name, job in jobs.items():
            prepare(name)
            time.sleep(_REST)
            job()  # the caches are its own again, and its threads awake
            start = time.perf_counter()
            for _ in range(counts[name]):
                job()
            samples[name].append((time.perf_counter() - start) / counts[name] / per)
    return {name: Timing(statistics.median(times), min(times)) for name, times in samples.items()}


def prepare(name: str) -> None:
    """Give PyTorch the threads that the name of a rival says."""
    if name in THREADS and torch.get_num_threads() != THREADS[name]:
        torch.set_num_threads(THREADS[name])


def _count(name: str, job: Job) -> int:
    """Return how often a job fits in 10 ms."""
    prepare(name)
    job()
    start = time.perf_counter()
    job()
    return max(1, min(10_000, int(0.01 / (time.perf_counter() - start))))


def agree(jobs: Mapping[str, Job], tolerance: float) -> None:
    """Assert that all jobs compute the same numbers; it is their warm-up, too."""
    wanted: list[AnyArray] | None = None
    for name, job in jobs.items():
        prepare(name)
        found = [numbers(leaf) for leaf in jax.tree.leaves(job())]
        wanted = wanted or found
        for x, y in zip(found, wanted, strict=True):
            scale = float(np.max(np.abs(y), initial=1e-30))
            np.testing.assert_allclose(
                x, y, rtol=tolerance, atol=tolerance * scale, err_msg=f"{name}: another result"
            )


def numbers(leaf: AnyArray) -> AnyArray:
    """Return an array of any library as one of NumPy."""
    return leaf.detach().numpy() if isinstance(leaf, torch.Tensor) else np.asarray(leaf)


def rival(row: Row, bar: Bar, figure: Callable[[Timing], float]) -> tuple[str, float]:
    """Return the best rival of a bar and its figure; for a bar without rivals, 1."""
    if not bar.rivals:
        return "", 1.0
    names = [name for name in row.figures if name != OURS and name.startswith(bar.rivals)]
    best = min(names, key=lambda name: figure(row.figures[name]))
    return best, figure(row.figures[best])


def show(row: Row) -> None:
    """Print the figures of a work, the ratio of ours to each, and what becomes of its bars."""
    print(f"\n{row.work}")
    ours, scale = row.figures[OURS], UNITS[row.unit]
    for name, timing in row.figures.items():
        cells = f"{timing.median * scale:>10.2f} {row.unit}{timing.minimum * scale:>10.2f}"
        ratio = ours.median / timing.median
        print(f"  {name:<24}{cells} {row.unit}{ratio:>9.3f}")
    for bar in row.bars:
        print(f"  {verdict(row, bar)}")
    for note in row.notes:
        print(f"  note: {note}")


def verdict(row: Row, bar: Bar) -> str:
    """Return a line that says whether a bar is met, by medians and by minima."""
    ours, unit = row.figures[OURS], row.unit
    best, median = rival(row, bar, lambda timing: timing.median)
    _, minimum = rival(row, bar, lambda timing: timing.minimum)
    ratios = ours.median / median, ours.minimum / minimum
    scale = 1.0 if best else UNITS[unit]
    what = f"of {best}" if best else unit
    texts = [f"{ratio * scale:.3g}" for ratio in (*ratios, bar.limit)]
    met = "met" if ratios[0] <= bar.limit else "NOT MET"
    return f"{texts[0]} (minima {texts[1]}) {what}, bar {texts[2]}: {met}"


def summarise(rows: list[Row]) -> None:
    """Print a line for each bar."""
    print(f"\n{'':-<110}")
    for row in rows:
        for bar in row.bars:
            print(f"{row.work[:44]:<45}{verdict(row, bar)}")
