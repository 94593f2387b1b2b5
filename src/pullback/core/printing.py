"""How a node prints: short, and saying what it is."""

from __future__ import annotations

import numpy as np

from pullback.primitives.identity import Input
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import NUMBERS, Value
from pullback.types import ArrayType

_SHOWN = 24  # elements of a larger array are summarised


def describe(value: Value, type_: ArrayType, primitive: Primitive | None, *, traced: bool) -> str:
    """Return the text of a node: value, type, and for a traced node where it came from."""
    parts = []
    if value.__class__ in NUMBERS:
        parts.append(repr(value))
    elif value.__class__ is not ArrayType:
        shown = np.array2string(
            np.asarray(value), separator=", ", prefix="Array(", threshold=_SHOWN
        )
        parts.append(shown)
    parts.append(str(type_))
    if isinstance(primitive, Input):
        parts.append(f"input {primitive.label}".rstrip())
    elif traced and primitive is not None:
        parts.append(f"traced {primitive.name}")
    return f"Array({', '.join(parts)})"
