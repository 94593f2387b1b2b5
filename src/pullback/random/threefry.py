"""Threefry-2x32 with 20 rounds: the counter-based generator under every draw.

Written as array operations on unsigned 32-bit integers, so that it runs wherever arrays do.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from pullback.core import Array

_ROTATIONS: Final = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY: Final = np.uint32(0x1BD11BDA)
_GROUPS: Final = 5  # of four rounds each


def threefry2x32(key: tuple[Array, Array], counter: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return the two words that Threefry-2x32 with 20 rounds makes of a key and a counter.

    A bijection of the counter for each key; the words pass for independent uniform random bits.

    Args:
        key: Two uint32 arrays of rank 1 or more.
        counter: Two uint32 arrays of rank 1 or more; all four broadcast.

    Returns:
        Two uint32 arrays of the broadcast shape.

    Example:
        >>> import numpy as np
        >>> from pullback import asarray
        >>> zero = asarray(np.zeros(1, np.uint32))
        >>> [hex(int(word[0])) for word in threefry2x32((zero, zero), (zero, zero))]
        ['0x6b200159', '0x99ba4efe']

    References:
        J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel Random Numbers: As Easy as
        1, 2, 3", SC11, 2011; rotation constants and known answers from the Random123 library.
    """
    words = (*key, key[0] ^ key[1] ^ _PARITY)
    x, y = counter[0] + words[0], counter[1] + words[1]
    for group in range(_GROUPS):
        for rotation in _ROTATIONS[group % 2]:
            x = x + y
            y = _rotate_left(y, rotation) ^ x
        # After each group the key is injected again, shifted by one word, and the group counted.
        x = x + words[(group + 1) % 3]
        y = y + words[(group + 2) % 3] + np.uint32(group + 1)
    return x, y


def _rotate_left(x: Array, places: int) -> Array:
    """Rotate each 32-bit word."""
    return (x << np.uint32(places)) | (x >> np.uint32(32 - places))
