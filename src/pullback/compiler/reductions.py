"""In which order a reduction goes over its operand."""

from __future__ import annotations

from collections.abc import Container, Sequence
from enum import Enum, auto
from typing import Final, final

_SHORTEST: Final = 4  # a last axis over which vectors pay


@final
class Order(Enum):
    """How the loops of a reduction lie."""

    #: One result: a run over all elements.
    WHOLE = auto()
    #: The last axis stays: rows are added to a row of results in memory.
    ROWS = auto()
    #: The last axis vanishes: for each result a run that ends in it.
    RUNS = auto()


def order(shape: Sequence[int], axes: Container[int]) -> Order:
    """Return the order in which an array of a shape is reduced over axes."""
    long = [axis for axis, size in enumerate(shape) if size != 1]
    kept = [axis for axis in long if axis not in axes]
    if not kept:
        return Order.WHOLE
    stays = kept[-1] == long[-1] and shape[long[-1]] >= _SHORTEST
    return Order.ROWS if stays else Order.RUNS
