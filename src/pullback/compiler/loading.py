"""Machine code in memory: by the loader of our own where it can, and by LLVM elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, final

from attrs import frozen

from pullback.compiler import elf
from pullback.compiler.objects import split
from pullback.lazy import lazy

if TYPE_CHECKING:
    from pullback.compiler.llvm import link
else:
    link = lazy("pullback.compiler.llvm.link")

#: Machine code in memory: it has addresses as long as somebody holds it.
Loaded: TypeAlias = "Images | link.Linked"


def load(code: bytes, symbols: Mapping[str, int]) -> Loaded:
    """Return machine code in memory.

    Args:
        code: Object files.
        symbols: Addresses of what it calls; others are looked for in the process.
    """
    try:
        return _images(code, symbols)
    except (elf.UnloadableError, OSError):
        return link.load(code, symbols)


@final
@frozen(eq=False, repr=False)
class Images:
    """Object files in memory."""

    _images: Sequence[elf.Image]
    _addresses: dict[str, int]

    def address(self, name: str) -> int:
        """Return the address of a function."""
        return self._addresses[name]


def _images(code: bytes, symbols: Mapping[str, int]) -> Images:
    """Return object files in memory; each is given the functions of those before it."""
    images: list[elf.Image] = []
    known = dict(symbols)
    for file in split(code):
        images.append(elf.load(file, known))
        known |= images[-1].addresses
    return Images(images, known)
