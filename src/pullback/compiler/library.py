"""Object files of functions that many programs call: in this process, and in the folder of code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from threading import Lock
from typing import Final, final

from pullback.compiler.circumstances import circumstances
from pullback.compiler.store import standard_store


@final
class Library:
    """Object files by name. Any number of threads may ask at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._files: dict[str, bytes] = {}

    def file(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the object file of a function.

        Args:
            name: What tells, with the machine, what the function does.
            make: Compiles it, if no process of this machine has.
        """
        with self._lock:
            found = self._files.get(name)
            if found is None:
                found = self._files[name] = _kept(name, make)
            return found


LIBRARY: Final = Library()


def _kept(name: str, make: Callable[[], bytes]) -> bytes:
    """Return an object file from the folder; or make it, and keep it there."""
    store, where = standard_store(), circumstances()
    if store is None or where is None:
        return make()
    key = hashlib.sha256(b"library" + name.encode() + where).digest()
    found = store.read(key)
    if found is None:
        found = make()
        store.write(key, found)
    return found
