"""The order of kernels: what frees memory comes as early as it can.

A training step computes its gradients and then its updates. Here each update follows its gradient,
whose memory the next one uses.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from heapq import heappop, heappush
from itertools import pairwise
from typing import final

from pullback.compiler.kernel import Kernel
from pullback.compiler.kinds import Kind


def ordered(
    kernels: Sequence[Kernel], size: Callable[[int], int], kept: Container[int]
) -> tuple[Kernel, ...]:
    """Return the kernels in an order in which those come early that free more than they take.

    Before -> after:
        [g = ..., h = ..., u = x - g, v = y - h]  ->  [g = ..., u = x - g, h = ..., v = y - h]

    Args:
        kernels: The kernels, in an order that is right.
        size: Gives the bytes of a value.
        kept: The values that are never freed: the outputs.
    """
    order = _Order(kernels, size, kept)
    return tuple([kernels[position] for position in order.positions()])


@final
class _Order:
    """Which kernels have run, and which can."""

    def __init__(
        self, kernels: Sequence[Kernel], size: Callable[[int], int], kept: Container[int]
    ) -> None:
        self.kernels, self.size = kernels, size
        made = {number: k for k, kernel in enumerate(kernels) for number in kernel.writes}
        needs = [{made[n] for n in kernel.reads if n in made} for kernel in kernels]
        self.readers: dict[int, set[int]] = {n: set() for n in made if n not in kept}
        for k, kernel in enumerate(kernels):
            for number in self._freed(kernel.reads):
                self.readers[number].add(k)
        calls = [k for k, kernel in enumerate(kernels) if kernel.kind is Kind.HOST]
        for before, after in pairwise(calls):  # these stay in their order
            needs[after].add(before)
        self.missing = [len(need) for need in needs]
        self.following: list[list[int]] = [[] for _ in kernels]
        for k, need in enumerate(needs):
            for each in need:
                self.following[each].append(k)
        self.ready: list[int] = []  # heaps
        self.freeing: list[int] = []

    def positions(self) -> Iterable[int]:
        """Yield the kernels' positions in the new order."""
        done: set[int] = set()
        for k, missing in enumerate(self.missing):
            if not missing:
                self._offer(k)
        while self.ready:
            k = heappop(self.freeing or self.ready)
            if k in done:
                continue
            done.add(k)
            yield k
            self._run(k)

    def _run(self, k: int) -> None:
        """Take account of a kernel that has run."""
        for number in self._freed(self.kernels[k].reads):
            left = self.readers[number]
            left.discard(k)
            if len(left) == 1:
                (last,) = left
                if not self.missing[last]:
                    self._offer(last)
        for each in self.following[k]:
            self.missing[each] -= 1
            if not self.missing[each]:
                self._offer(each)

    def _offer(self, k: int) -> None:
        """Put a kernel among those that can run."""
        heappush(self.ready, k)
        kernel = self.kernels[k]
        freed = (n for n in self._freed(kernel.reads) if self.readers[n] == {k})
        if sum(map(self.size, freed)) > sum(map(self.size, self._freed(kernel.writes))):
            heappush(self.freeing, k)

    def _freed(self, numbers: Iterable[int]) -> list[int]:
        """Return those values that take memory of the arena."""
        return [number for number in numbers if number in self.readers]
