"""Executables by what their programs do: in this process, and through a folder in later ones."""

from __future__ import annotations

import hashlib
from threading import Lock
from typing import TYPE_CHECKING, Final, final

import numpy as np

from pullback.compiler.circumstances import circumstances
from pullback.compiler.content import Content, content
from pullback.compiler.executable import Executable, compile_program, pack, unpack
from pullback.compiler.store import standard_store
from pullback.core.collector import paused
from pullback.core.program import Program
from pullback.lazy import lazy

if TYPE_CHECKING:
    from pullback.compiler import control
    from pullback.compiler.passes import inline
else:
    control = lazy("pullback.compiler.control")
    inline = lazy("pullback.compiler.passes.inline")

_CAPACITY: Final = 512
_HELD: Final = 1 << 28  # bytes of constants that executables hold together


@paused()
def compiled(program: Program) -> Executable:
    """Return native code of a program.

    A program that does the same as one of the last 512 shares its executable; there are fewer if
    their constants have more than 256 MiB. Other machine code is looked for in a folder, which all
    processes of a user share, before it is made.

    Args:
        program: What to compute; its signature and the names of its inputs play no part.

    Returns:
        The native code.
    """
    return _EXECUTABLES.of(program)


@final
class _Entry:
    """The place of one executable, and the lock of the thread that makes it."""

    __slots__ = ("executable", "held", "lock")

    def __init__(self, program: Program) -> None:
        self.lock = Lock()
        self.executable: Executable | None = None
        arrays = [value for value in program.constants if isinstance(value, np.ndarray)]
        self.held = sum([array.nbytes for array in arrays])


@final
class Executables:
    """The executables that were asked for last. Any number of threads may ask at once."""

    def __init__(self, capacity: int, held: int = _HELD) -> None:
        self._capacity = capacity
        self._held = held
        self._lock = Lock()  # of the entries; never held while something compiles
        self._entries: dict[Content, _Entry] = {}  # the one that was asked for last is last

    def of(self, program: Program) -> Executable:
        """Return the executable of a program, compiled by the first who asks for it."""
        key = content(program)
        while True:
            entry = self._entry(key, program)
            with entry.lock:
                if entry.executable is None and self._holds(key, entry):
                    try:
                        entry.executable = _compile(program, key)
                    finally:
                        if entry.executable is None:
                            self._drop(key, entry)
                if entry.executable is not None:
                    return entry.executable
            # It failed for another thread, which dropped the entry.

    def _entry(self, key: Content, program: Program) -> _Entry:
        with self._lock:
            entry = self._entries.pop(key, None)
            if entry is None:
                entry = _Entry(program)
            self._entries[key] = entry
            held = sum([each.held for each in self._entries.values()])
            while len(self._entries) > max(1, self._capacity * (held <= self._held)):
                held -= self._entries.pop(next(iter(self._entries))).held
            return entry

    def _holds(self, key: Content, entry: _Entry) -> bool:
        with self._lock:
            return self._entries.get(key) is entry

    def _drop(self, key: Content, entry: _Entry) -> None:
        with self._lock:
            if self._entries.get(key) is entry:
                del self._entries[key]


_EXECUTABLES: Final = Executables(_CAPACITY)


def _compile(program: Program, what: Content) -> Executable:
    """Compile a program, with machine code from the store if it has some."""
    store, where = standard_store(), circumstances()
    if store is None or where is None:
        return compile_program(program)
    if what.objects:
        # Functions with rules of their own are written out. Of others, which NumPy calls, code
        # knows the places alone.
        program = control.everywhere(inline.inline)(program)
        what = content(program)
    key = hashlib.sha256(what.digest + where).digest()
    found = store.read(key)
    if found is not None:
        return unpack(found, program)
    executable = compile_program(program)
    data = pack(executable)
    if data is not None:
        store.write(key, data)
    return executable
