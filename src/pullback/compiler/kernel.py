"""A piece of code that is one loop, or one call."""

from __future__ import annotations

from typing import final

from attrs import frozen

from pullback.compiler.kinds import Kind
from pullback.compiler.straight import Pieces
from pullback.compiler.tape import Tape


@final
@frozen
class Kernel:
    """A piece of code: a loop for values of one size, or for one value of another kind."""

    kind: Kind
    #: What it computes: several values for a map, in order; one otherwise.
    values: tuple[int, ...]
    #: The stored values that it reads from memory.
    reads: tuple[int, ...]
    #: The values that it writes; a value that is only needed inside stays in a register.
    writes: tuple[int, ...]
    #: How straight-line code is cut or sorted, if it is long.
    pieces: Pieces | Tape | None = None
