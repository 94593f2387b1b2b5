"""How the benchmarks measure: rivals in turn, in one process, and ratios of their medians.

The machines that run these are shared and noisy, so nothing here is compared with a number from
another run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

from attrs import frozen

Job = Callable[[], object]


@frozen
class Timing:
    """The time of one call in seconds: the median and the minimum over all rounds."""

    median: float
    minimum: float


def interleave(
    jobs: Mapping[str, Job], *, rounds: int = 30, least: float = 0.005
) -> dict[str, Timing]:
    """Time jobs in turn, round after round.

    Args:
        jobs: What to call, by name.
        rounds: How many rounds.
        least: How long a job is repeated within a round, in seconds.

    Returns:
        The timing of each job.
    """
    counts = {}
    for name, job in jobs.items():
        job()  # warm up
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < least:
            job()
            count += 1
        counts[name] = max(count, 1)
    samples: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                job()
            samples[name].append((time.perf_counter() - start) / counts[name])
    return {name: Timing(statistics.median(times), min(times)) for name, times in samples.items()}


def table(title: str, timings: Mapping[str, Timing], *, ours: str = "pullback") -> None:
    """Print each job's time and the ratio of ours to it."""
    print(f"\n{title}")
    print(f"  {'':<24}{'median':>12}{'minimum':>12}{'ours / this':>14}")
    for name, timing in timings.items():
        ratio = timings[ours].median / timing.median
        median, minimum = timing.median * 1e6, timing.minimum * 1e6
        print(f"  {name:<24}{median:>9.1f} us{minimum:>9.1f} us{ratio:>14.2f}")
