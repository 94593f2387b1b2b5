"""What stands for a primitive in a table: quick to hash, for a program may have a million steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from pullback.core.program import Step
from pullback.primitives.primitive import Primitive

#: Fields of these classes are equal only if they are the same.
_PLAIN: Final = frozenset({bool, str, type(None), *map(type, map(np.dtype, "?bhilqBHILQefdFD"))})


def tokens(steps: Sequence[Step]) -> list[object]:
    """Return the token of each step's primitive; rules apply one and the same again and again."""
    found: dict[int, object] = {}  # by the identity of those with fields
    known = found.get
    row: list[object] = []
    for primitive, _ in steps:
        what: object = primitive.__class__
        names: tuple[str, ...] = primitive.__match_args__
        if names:
            what = known(id(primitive))
            if what is None:
                what = found[id(primitive)] = token(primitive)
        row.append(what)
    return row


def token(primitive: Primitive) -> object:
    """Return a value that is equal for equal primitives, and for no others."""
    kind = primitive.__class__
    names: tuple[str, ...] = primitive.__match_args__
    if not names:
        return kind
    fields = [getattr(primitive, name) for name in names]
    for field in fields:
        if field.__class__ not in _PLAIN:
            return primitive
    return kind, *fields
