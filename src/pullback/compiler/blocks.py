"""Memory for large results: what nobody uses any more serves again.

Fresh memory costs as much as many a computation that fills it, for the system clears each page when
it is first written; and NumPy gives large arrays back to the system at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, final

import numpy as np

#: Bytes from which on an array lies in a block.
LARGE: Final = 1 << 20
_KEPT: Final = 128 << 20  # bytes that may lie idle


@final
class _Memory:
    """A piece of memory; unlike an array, it is compared as an object."""

    __slots__ = ("_bytes", "address", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._bytes = np.empty(size, np.uint8)
        self.address: int = self._bytes.ctypes.data


@final
class Block:
    """What an array lies in. It is the base of that array, which is that of its views.

    So it goes when nothing is left that shows the memory, and then hands it on.
    """

    __slots__ = ("__array_interface__", "_give", "_memory")

    def __init__(
        self,
        memory: _Memory,
        shape: tuple[int, ...],
        dtype: np.dtype,
        give: Callable[[_Memory], None],
    ) -> None:
        data = memory.address, False  # not read-only
        self.__array_interface__ = {
            "shape": shape, "typestr": dtype.str, "data": data, "version": 3
        }  # fmt: skip
        self._memory = memory
        self._give = give

    def __del__(self) -> None:
        self._give(self._memory)


@final
class Blocks:
    """Makes large arrays, and keeps their memory when they are gone.

    Any number of threads may ask at once, and arrays go at any moment; so there is no lock, and
    nothing is done that takes more than one operation of a list.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._idle: list[_Memory] = []  # what was in use last is last

    @property
    def idle(self) -> int:
        """The bytes that nobody uses."""
        return sum([memory.size for memory in tuple(self._idle)])

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Return an array of any elements, as NumPy's function of this name."""
        size = math.prod(shape) * dtype.itemsize
        if size < LARGE:
            return np.empty(shape, dtype)
        return np.asarray(Block(self._take(size) or _Memory(size), shape, dtype, self._give))

    def _take(self, size: int) -> _Memory | None:
        for memory in reversed(tuple(self._idle)):
            if memory.size == size:
                try:
                    self._idle.remove(memory)
                except ValueError:  # another thread was quicker
                    continue
                return memory
        return None

    def _give(self, memory: _Memory) -> None:
        if memory.size <= self._kept:
            self._idle.append(memory)
        while self.idle > self._kept:
            del self._idle[:1]


#: Those of this process.
BLOCKS: Final = Blocks()


def owns(array: np.ndarray) -> bool:
    """Return whether an array's memory is its own, or a block's."""
    return array.flags.owndata or isinstance(array.base, Block)
