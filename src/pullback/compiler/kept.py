"""Native code as bytes, for a later process that traced an equal program.

What the program itself holds is not written twice: its primitives and arrays stand as numbers, in
the order in which they occur. So no Python function is ever written.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from typing import Final, final

import numpy as np

from pullback.compiler.content import foreign
from pullback.compiler.native import Native
from pullback.core.program import Program, held_programs
from pullback.primitives.primitive import Primitive

_FORMAT: Final = 5  # of pickles


def packed(native: Native, program: Program) -> bytes | None:
    """Return native code as bytes; None if it holds functions that the program does not hold.

    Args:
        native: The code.
        program: That of which it was made.
    """
    held = {id(thing): number for number, thing in enumerate(_held(program))}
    if any(foreign(call.primitive, held) for call in native.calls):
        return None
    file = io.BytesIO()
    _Pickler(file, held).dump(native)
    return file.getvalue()


def unpacked(data: bytes, program: Program) -> Native:
    """Return native code from its bytes; they must be ours, for pickles can do anything."""
    native: Native = _Unpickler(io.BytesIO(data), program).load()
    return native


@final
class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, held: dict[int, int]) -> None:
        super().__init__(file, _FORMAT)
        self._held = held

    def persistent_id(self, thing: object) -> int | None:
        return self._held.get(id(thing))


@final
class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, program: Program) -> None:
        super().__init__(file)
        self._program = program
        self._held: list[Primitive | np.ndarray] = []

    def persistent_load(self, number: int) -> Primitive | np.ndarray:
        if not self._held:
            self._held.extend(_held(self._program))
        return self._held[number]


def _held(program: Program) -> Iterator[Primitive | np.ndarray]:
    """Yield the primitives of a program, and the arrays among its constants."""
    programs = [program]
    for each in programs:
        yield from [value for value in each.constants if isinstance(value, np.ndarray)]
        # Equal programs may differ in which of their primitives are one object: all are counted.
        for primitive, _ in each.steps:
            names: tuple[str, ...] = primitive.__match_args__
            if names:
                yield primitive
                programs += [held for _, held in held_programs(primitive)]
