"""Threefry-2x32-20 against the known answers that the Random123 library publishes."""

from __future__ import annotations

import numpy as np
import pytest

from pullback import asarray
from pullback.core import Array
from pullback.random import threefry2x32

KNOWN_ANSWERS = [  # counter, key, result: Random123, tests/kat_vectors, "threefry2x32 20"
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


def words(pair: tuple[int, int]) -> tuple[Array, Array]:
    x, y = (asarray(np.array([word], np.uint32)) for word in pair)
    return x, y


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_ANSWERS)
def test_known_answers(
    counter: tuple[int, int], key: tuple[int, int], result: tuple[int, int]
) -> None:
    assert tuple(int(word[0]) for word in threefry2x32(words(key), words(counter))) == result


def test_many_counters_at_once_are_the_counters_one_by_one() -> None:
    key = words((1, 2))
    low = asarray(np.arange(10, dtype=np.uint32))
    high = asarray(np.zeros(1, np.uint32))
    x, y = threefry2x32(key, (high, low))
    for i in range(10):
        one = threefry2x32(key, words((0, i)))
        assert (int(x[i]), int(y[i])) == (int(one[0][0]), int(one[1][0]))
