"""Native code of a program as data: all that a run needs, and nothing of how it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from attrs import frozen

from pullback.compiler.donation import Donation
from pullback.primitives.quantity import Value
from pullback.types import ArrayType

if TYPE_CHECKING:  # most programs have no such calls
    from pullback.compiler.host import HostCall


@final
@frozen(eq=False, repr=False)
class Native:
    """Native code of a program. It may be pickled; `kept` says how it is stored."""

    #: The machine code, as an object file.
    object_code: bytes
    #: The bytes of the arena.
    arena: int
    #: The constants that native code reads, by their entries in the root.
    root: dict[int, Value]
    #: The number of each output, and its type if native code writes it.
    outputs: tuple[int, ...]
    written: tuple[ArrayType | None, ...]
    #: Outputs that are constants, by number.
    constants: dict[int, Value]
    #: What NumPy computes, in the order of the code.
    calls: tuple[HostCall, ...]
    #: Whether threads share work.
    threads: bool
    donation: Donation
