"""Results in the memory of arguments that the caller gave up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

from attrs import frozen

from pullback.types import ArrayType


@final
@frozen(eq=False, repr=False)
class Donation:
    """Which results can lie in the memory of which inputs."""

    #: For each input that can be given up the last kernel that reads it, or -1; and its type.
    last: dict[int, tuple[int, ArrayType]]
    #: For each result that native code writes its kernel, and its type.
    born: dict[int, tuple[int, ArrayType]]
    #: Inputs, and results that may be written over them by the kernel that reads them.
    over: frozenset[tuple[int, int]]

    def taken(self, donated: Iterable[int]) -> dict[int, int]:
        """Return the inputs, among donated ones, in whose memory results can lie: by result.

        They are of one type, and nothing reads the input when the result is written; but for a loop
        over elements, each of which is read at its own place before the result's is written.

        Before -> after:
            u = x - 0.1 * g, with x donated  ->  {u: x}
        """
        found: dict[int, int] = {}
        for number in donated:
            if number not in self.last:
                continue
            end, type_ = self.last[number]
            for out, (start, other) in self.born.items():
                late = start > end or (number, out) in self.over
                if late and other == type_ and out not in found:
                    found[out] = number
                    break
        return found
