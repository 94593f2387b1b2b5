"""Several object files as bytes: each calls those before it alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

_LENGTH: Final = 8  # bytes before each file


def joined(files: Sequence[bytes]) -> bytes:
    """Return object files as bytes, each after its length."""
    return b"".join([len(file).to_bytes(_LENGTH, "little") + file for file in files])


def split(code: bytes) -> Iterator[bytes]:
    """Yield the object files of which `joined` made bytes."""
    start = 0
    while start < len(code):
        first = start + _LENGTH
        start = first + int.from_bytes(code[start:first], "little")
        yield code[first:start]
