"""How a node prints: short, and saying what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from pullback.primitives.identity import Input
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import NUMBERS, Value
from pullback.types import ArrayType

if TYPE_CHECKING:
    import numpy.typing as npt

_ELEMENTS: Final = 24  # a larger array is shown in part
_AXES: Final = 4  # one with more axes too is not shown: each axis doubles the text


def describe(value: Value, type_: ArrayType, primitive: Primitive | None, *, traced: bool) -> str:
    """Return the text of a node: value, type, and for a traced node where it came from."""
    parts = []
    if value.__class__ in NUMBERS:
        parts.append(repr(value))
    elif value.__class__ is not ArrayType:
        parts.append(_shown(np.asarray(value)))
    parts.append(str(type_))
    if isinstance(primitive, Input):
        parts.append(f"input {primitive.label}".rstrip())
    elif traced and primitive is not None:
        parts.append(f"traced {primitive.name}")
    return f"Array({', '.join(parts)})"


def _shown(value: npt.NDArray[np.generic]) -> str:
    """Return the elements, or those at the ends of each axis, as text."""
    if value.size > _ELEMENTS and value.ndim > _AXES:
        return "..."
    ends = 3 if value.ndim < 3 else 1
    return np.array2string(
        value, separator=", ", prefix="Array(", threshold=_ELEMENTS, edgeitems=ends
    )
