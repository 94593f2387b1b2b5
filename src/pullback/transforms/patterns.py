"""A sparsity pattern as a value, and the set operations on its rows.

Row ``i`` is the set of the input's elements on which element ``i`` of some result depends. All
operations are vectorised over the whole pattern; none loops over rows. What pattern an operation
of the graph has, `pullback.transforms.sparsity` knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt
from attrs import frozen

#: Positions or counts.
Indices: TypeAlias = npt.NDArray[np.intp]


@final
@frozen(eq=False, repr=False)
class Pattern:
    """Compressed sparse rows without values: no entry twice, columns increasing in each row."""

    #: Row ``i`` has the entries from ``starts[i]`` up to ``starts[i + 1]``.
    starts: Indices
    #: The column of each entry.
    columns: Indices
    #: How many columns there are.
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows and of columns."""
        return len(self.starts) - 1, self.width

    @property
    def lengths(self) -> Indices:
        """How many entries each row has."""
        return self.starts[1:] - self.starts[:-1]

    def rows(self) -> Indices:
        """Return the row of each entry."""
        return np.repeat(np.arange(len(self.starts) - 1), self.lengths)

    def take(self, index: Indices) -> Pattern:
        """Return the pattern whose row ``k`` is row ``index[k]`` of this one."""
        lengths = self.lengths[index]
        starts = _starts(lengths)
        lag = np.repeat(self.starts[index] - starts[:-1], lengths)
        return Pattern(starts, self.columns[lag + np.arange(len(lag))], self.width)

    def merge(self, targets: Indices, rows: int) -> Pattern:
        """Return a pattern of so many rows, each the union of the rows that have it as target."""
        return from_entries(np.repeat(targets, self.lengths), self.columns, (rows, self.width))

    def transpose(self) -> Pattern:
        """Return the pattern with rows and columns exchanged."""
        rows, columns = self.shape
        return from_entries(self.columns, self.rows(), (columns, rows))


def identity(size: int) -> Pattern:
    """Return the pattern of a vector that depends on itself."""
    return Pattern(np.arange(size + 1), np.arange(size), size)


def dense(rows: int, columns: Indices, width: int) -> Pattern:
    """Return the pattern of which every row has the same entries."""
    return Pattern(np.arange(rows + 1) * len(columns), np.tile(columns, rows), width)


def from_entries(rows: Indices, columns: Indices, shape: tuple[int, int]) -> Pattern:
    """Return the pattern with entries at the given places, in any order and repeatedly."""
    height, width = shape
    keys = rows * width + columns
    if not (keys[1:] > keys[:-1]).all():
        keys.sort(kind="stable")  # which merges runs that are sorted already
        keys = np.append(keys[:1], keys[1:][keys[1:] != keys[:-1]])
        rows = keys // width
        columns = keys - rows * width
    return Pattern(_starts(np.bincount(rows, minlength=height)), columns, width)


def union(patterns: Sequence[Pattern]) -> Pattern:
    """Return the union, row by row, of patterns of one shape."""
    first = patterns[0]
    different = [pattern for pattern in patterns[1:] if not same(first, pattern)]
    if not different:
        return first
    parts = [first, *different]
    rows = np.concatenate([pattern.rows() for pattern in parts])
    columns = np.concatenate([pattern.columns for pattern in parts])
    return from_entries(rows, columns, first.shape)


def stack(patterns: Sequence[Pattern]) -> Pattern:
    """Return the rows of all patterns in turn, below a first row without entries."""
    lengths = np.concatenate([np.zeros(1, np.intp), *(p.lengths for p in patterns)])
    columns = np.concatenate([pattern.columns for pattern in patterns])
    return Pattern(_starts(lengths), columns, patterns[0].width)


def _starts(lengths: Indices) -> Indices:
    """Return where each row starts, and where the last one ends."""
    starts = np.zeros(len(lengths) + 1, np.intp)
    np.cumsum(lengths, out=starts[1:])
    return starts


def same(one: Pattern, other: Pattern) -> bool:
    """Whether two patterns of one shape have the same entries."""
    return one is other or (
        len(one.columns) == len(other.columns)
        and bool((one.columns == other.columns).all())
        and bool((one.starts == other.starts).all())
    )
