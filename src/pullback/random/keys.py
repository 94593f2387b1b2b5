"""Keys: two 32-bit words in a uint32 array of shape (2,), and how new keys come of old ones."""

from __future__ import annotations

import operator
from typing import Final

import numpy as np

from pullback.api import arange, asarray, concat, stack
from pullback.core import Array
from pullback.errors import DTypeError, ShapeError
from pullback.random.threefry import threefry2x32

_WORD: Final = 0xFFFFFFFF
#: High counter words that no draw uses, so that a key's children are independent of its draws.
_SPLIT: Final = np.uint32(0xFFFFFFFF)
_FOLD: Final = np.uint32(0xFFFFFFFE)


def key(seed: int) -> Array:
    """Return the key that a seed stands for.

    Args:
        seed: Any integer; its low 64 bits count.

    Returns:
        A uint32 array of shape (2,).

    Raises:
        DTypeError: The seed is no integer.

    Example:
        >>> key(7)
        Array([0, 7], uint32[2])
    """
    try:
        number = operator.index(seed)
    except TypeError:
        msg = f"key: expected an integer as the seed, got {seed!r}"
        raise DTypeError(msg) from None
    return asarray(np.array([number >> 32 & _WORD, number & _WORD], np.uint32))


def split(key: Array, num: int = 2) -> Array:
    """Return new keys, independent of each other and of whatever is drawn with ``key``.

    Args:
        key: A key.
        num: How many, at least 0.

    Returns:
        A uint32 array of shape (num, 2); iterating over it, or unpacking it, gives the keys.

    Raises:
        ShapeError: ``key`` has not the shape of a key, or ``num`` is negative.
        DTypeError: ``key`` has not the dtype of a key.

    Example:
        >>> first, second = split(key(0))
    """
    if num < 0:
        msg = f"split: the number of keys must not be negative, got {num}"
        raise ShapeError(msg)
    numbers = arange(num, dtype=np.uint32)
    x, y = threefry2x32(halves(key, "split"), (asarray(np.full(1, _SPLIT)), numbers))
    return stack([x, y], axis=-1)


def fold_in(key: Array, data: int) -> Array:
    """Return a new key made of ``key`` and an integer, such as the number of a step.

    Args:
        key: A key.
        data: In 0 <= data < 2**32.

    Returns:
        A uint32 array of shape (2,).

    Raises:
        ShapeError: ``key`` has not the shape of a key.
        DTypeError: ``key`` has not the dtype of a key.
        OverflowError: ``data`` is out of range.

    Example:
        >>> step_key = fold_in(key(0), 12)
    """
    number = asarray(np.full(1, operator.index(data), np.uint32))
    return concat(threefry2x32(halves(key, "fold_in"), (asarray(np.full(1, _FOLD)), number)))


def halves(key: Array, operation: str) -> tuple[Array, Array]:
    """Return the two words of a key, each of shape (1,).

    Raises:
        ShapeError: ``key`` has not the shape of a key.
        DTypeError: ``key`` has not the dtype of a key.
    """
    if not isinstance(key, Array) or key.dtype != np.uint32:
        kind = key.dtype if isinstance(key, Array) else type(key).__name__
        msg = f"{operation}: a key is a uint32 array made by random.key or split, got {kind}"
        raise DTypeError(msg)
    if key.shape != (2,):
        msg = f"{operation}: a key has shape (2,), got {key.shape}; draw with one key at a time"
        raise ShapeError(msg)
    return key[:1], key[1:]
