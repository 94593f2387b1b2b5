"""How a contraction is computed: by generated loops, by BLAS, or by NumPy."""

from __future__ import annotations

import math
from typing import Final, final

from attrs import frozen

from pullback.primitives.contraction import Contract

_SMALL: Final = 1 << 15  # multiplications up to which generated loops beat a call of BLAS

Labels = tuple[int, ...]


@final
@frozen
class Groups:
    """The labels of a contraction by their role, each in the order of the result or of x."""

    batch: Labels
    rows: Labels
    columns: Labels
    summed: Labels
    sizes: dict[int, int]

    def size(self, labels: Labels) -> int:
        """Return the product of the sizes."""
        return math.prod(self.sizes[label] for label in labels)


@final
@frozen
class Gemm:
    """A product of matrices, ``out[m, n] = Σ left[m, k]·right[k, n]``, for each of a batch.

    All in row-major order; a factor may lie transposed.
    """

    #: Whether ``left`` is the contraction's second operand.
    swapped: bool
    batch: int
    m: int
    n: int
    k: int
    left_transposed: bool
    right_transposed: bool


def groups(contract: Contract, x: tuple[int, ...], y: tuple[int, ...]) -> Groups:
    """Return the labels by role: rows are those of x alone, columns those of y alone."""
    sizes = dict(zip(contract.x, x, strict=True)) | dict(zip(contract.y, y, strict=True))
    out = contract.out
    return Groups(
        tuple([label for label in out if label in contract.x and label in contract.y]),
        tuple([label for label in out if label not in contract.y]),
        tuple([label for label in out if label not in contract.x]),
        tuple([label for label in contract.x if label not in out]),
        sizes,
    )


def as_gemm(contract: Contract, x: tuple[int, ...], y: tuple[int, ...]) -> Gemm | None:
    """Return a contraction as products of matrices, if memory is laid out for that."""
    g = groups(contract, x, y)
    swapped = contract.out == (*g.batch, *g.columns, *g.rows) and bool(g.columns)
    if not swapped and contract.out != (*g.batch, *g.rows, *g.columns):
        return None
    first, second = (contract.y, contract.x) if swapped else (contract.x, contract.y)
    rows, columns = (g.columns, g.rows) if swapped else (g.rows, g.columns)
    left = {(*g.batch, *rows, *g.summed): False, (*g.batch, *g.summed, *rows): True}.get(first)
    right = {(*g.batch, *g.summed, *columns): False, (*g.batch, *columns, *g.summed): True}
    found = right.get(second)
    if left is None or found is None:
        return None
    m, n, k = g.size(rows), g.size(columns), g.size(g.summed)
    return Gemm(swapped, g.size(g.batch), m, n, k, left, found)


def is_small(contract: Contract, x: tuple[int, ...], y: tuple[int, ...]) -> bool:
    """Return whether generated loops are to be used, where there is a choice."""
    return math.prod(groups(contract, x, y).sizes.values()) <= _SMALL


def is_native(contract: Contract, x: tuple[int, ...], y: tuple[int, ...]) -> bool:
    """Return whether native code computes a contraction of floats at least as well as NumPy."""
    if is_small(contract, x, y):
        return True
    return as_gemm(contract, x, y) is not None and not contract.no_nan
