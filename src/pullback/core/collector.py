"""Python's collector of cycles, which looks at all objects again and again while many are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_MANY: Final = 100_000  # objects


@contextmanager
def paused() -> Iterator[None]:
    """Make objects without looking for garbage: a long program takes half as long to compile.

    Example:
        >>> @paused()
        ... def build() -> list[tuple[int, int]]:
        ...     return [(k, k) for k in range(3)]
        >>> build()
        [(0, 0), (1, 1), (2, 2)]
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if gc.get_count()[0] > _MANY and not gc.get_freeze_count():
                # What is new is put among what is old: a look at all of it takes as long as a pass.
                gc.freeze()
                gc.unfreeze()
            gc.enable()
