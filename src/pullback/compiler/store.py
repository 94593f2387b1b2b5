"""A folder of machine code, shared by all processes of a user on this machine.

An entry is a file that is written whole or not at all, begins with a checksum, and is believed only
if that fits. Nothing that happens to the folder fails a caller: at worst nothing is found or kept.
The files that were used least recently make room for new ones.
"""

# ruff: noqa: PTH100, PTH102, PTH103, PTH105, PTH108, PTH111, PTH116, PTH117, PTH118, PTH120, PTH123 - a path of strings: pathlib takes milliseconds to load

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import sys
import warnings
from functools import cache
from os import path
from typing import TYPE_CHECKING, Final, final

from attrs import frozen

from pullback.lazy import lazy

if TYPE_CHECKING:
    import tempfile
else:
    tempfile = lazy("tempfile")

#: Where the folder is; the whole path.
FOLDER: Final = "PULLBACK_CACHE_DIR"
#: These words switch it off.
SWITCH: Final = "PULLBACK_CACHE"
_OFF: Final = frozenset({"0", "off", "false", "no"})

_LIMIT: Final = 256 * 2**20
#: Of so many files one, by its key, is a reason to count them all.
_SELDOM: Final = 64
_OURS: Final = r"[0-9a-f]{64}(\..*)?"  # an entry, or a file that became none


@final
@frozen(repr=False)
class Store:
    """Entries in a folder."""

    folder: str
    #: Bytes that all entries may have together.
    limit: int = _LIMIT

    def read(self, key: bytes) -> bytes | None:
        """Return what was kept under a key, unless it is missing or damaged."""
        name = path.join(self.folder, key.hex())
        try:
            if not self._is_private():
                return None
            with open(name, "rb") as file:
                whole = file.read()
            os.utime(name)  # now the most recently used one
        except OSError:
            return None
        checksum, found = whole[: len(key)], whole[len(key) :]
        return found if checksum == _checksum(key, found) else None

    def write(self, key: bytes, data: bytes) -> None:
        """Keep data under a key, in place of what was there."""
        with contextlib.suppress(OSError):
            os.makedirs(path.dirname(self.folder), exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.folder, 0o700)
            if self._is_private() and len(data) < self.limit:
                self._replace(key.hex(), _checksum(key, data) + data)
                if key[0] < 256 // _SELDOM or len(data) * _SELDOM > self.limit:
                    self._trim()

    def _replace(self, name: str, data: bytes) -> None:
        descriptor, new = tempfile.mkstemp(prefix=f"{name}.", dir=self.folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.replace(new, path.join(self.folder, name))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(new)
            raise

    def _trim(self) -> None:
        """Remove the files that were used least recently, while all have too many bytes."""
        with os.scandir(self.folder) as found:
            files = [(file.stat(), file.path) for file in found if re.fullmatch(_OURS, file.name)]
        total = sum(status.st_size for status, _ in files)
        for status, name in sorted(files, key=lambda file: file[0].st_mtime_ns):
            if total <= self.limit:
                break
            with contextlib.suppress(OSError):
                os.unlink(name)
                total -= status.st_size

    def _is_private(self) -> bool:
        """Return whether nobody else can have written here; otherwise say so once."""
        if sys.platform == "win32":  # a profile's folders are private, and have no mode
            return True
        status = os.stat(self.folder)
        if not stat.S_ISDIR(status.st_mode):
            return False
        if status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077:
            return True
        _warn(self.folder)
        return False


def standard_store() -> Store | None:
    """Return the store that the environment names, or the platform's usual one for a cache."""
    if os.environ.get(SWITCH, "").lower() in _OFF:
        return None
    named = os.environ.get(FOLDER)
    try:
        folder = path.abspath(named) if named else _usual_folder()
    except OSError:  # there is no working folder
        return None
    return Store(folder) if path.isabs(folder) else None


def _usual_folder() -> str:
    """Return the platform's folder; no whole path where there is no home."""
    home = path.expanduser("~")
    match sys.platform:
        case "win32":
            return path.join(os.environ.get("LOCALAPPDATA", ""), "pullback", "Cache")
        case "darwin":
            return path.join(home, "Library", "Caches", "pullback")
        case _:
            base = os.environ.get("XDG_CACHE_HOME", "")  # only a whole path counts
            return path.join(base if path.isabs(base) else path.join(home, ".cache"), "pullback")


@cache
def _warn(folder: str) -> None:
    warnings.warn(
        f"compiled code is not kept: the folder {folder} holds code that will run, and other users "
        f"may write to it; make it yours alone (chmod 700), or name another one in {FOLDER}",
        RuntimeWarning,
        stacklevel=2,
    )


def _checksum(key: bytes, data: bytes) -> bytes:
    """Return a hash (SHA-256) that fits these data under this key alone."""
    return hashlib.sha256(key + data).digest()
