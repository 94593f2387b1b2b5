"""Which elements a shuffle takes: places in row-major order, in arrays of the result's shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: Places in an operand's elements, for each element of a result.
Picks = NDArray[np.intp]


def places(shape: tuple[int, ...]) -> Picks:
    """Return the place of each element, in its shape."""
    return np.arange(math.prod(shape)).reshape(shape)


def aligned(
    own: Sequence[int], shape: Sequence[int], labels: Sequence[int], whole: tuple[int, ...]
) -> Picks:
    """Return the places of an operand's elements for each combination of all labels."""
    order = sorted(range(len(own)), key=lambda axis: labels.index(own[axis]))
    own_places = places(tuple(shape)).transpose(order)
    sizes = [size if label in own else 1 for label, size in zip(labels, whole, strict=True)]
    return np.broadcast_to(own_places.reshape(sizes), whole)
