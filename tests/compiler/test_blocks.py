"""Memory of large results, which serves again."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.blocks import BLOCKS, LARGE, Block, Blocks, owns
from pullback.primitives.quantity import Value

F8 = np.dtype(np.float64)
N = LARGE // 8


def address(array: np.ndarray) -> int:
    return array.ctypes.data


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "u8", "?", "i4"])
def test_a_large_array_is_like_any_other(dtype: str) -> None:
    kind = np.dtype(dtype)
    array = Blocks().empty((2, LARGE), kind)
    assert type(array) is np.ndarray
    assert array.shape == (2, LARGE)
    assert array.dtype is kind
    assert array.flags.carray
    assert owns(array)
    array[:] = 1
    same = copy.deepcopy(array)
    np.testing.assert_array_equal(same, array)
    assert not np.shares_memory(same, array)


def test_a_small_array_has_its_own_memory() -> None:
    blocks = Blocks()
    array = blocks.empty((N - 1,), F8)
    assert array.flags.owndata
    del array
    assert blocks.idle == 0


def test_memory_serves_again_when_no_view_of_it_is_left() -> None:
    blocks = Blocks()
    array = blocks.empty((N,), F8)
    place = address(array)
    view = array.reshape(2, -1).T[::2]
    shown = view[1:, None]
    del array, view
    assert blocks.idle == 0
    assert address(blocks.empty((N,), F8)) != place
    assert blocks.idle == LARGE
    del shown
    assert blocks.idle == 2 * LARGE
    held = [blocks.empty((N // 4, 4), F8), blocks.empty((2 * N,), np.dtype(np.float32))]
    assert place in map(address, held)
    assert blocks.idle == 0


def test_the_base_keeps_the_memory() -> None:
    blocks = Blocks()
    base = blocks.empty((N,), F8).base
    assert blocks.idle == 0
    del base
    assert blocks.idle == LARGE


def test_what_is_idle_is_bounded_and_the_oldest_goes_first() -> None:
    blocks = Blocks(kept=3 * LARGE)
    first = blocks.empty((N,), F8)
    second = blocks.empty((2 * N,), F8)
    del first, second
    assert blocks.idle == 3 * LARGE
    blocks.empty((N + 1,), F8)
    assert blocks.idle == LARGE + 8  # without the first, the second is still too much
    blocks.empty((4 * N,), F8)  # which is too large itself
    assert blocks.idle == LARGE + 8


def test_results_share_no_memory_while_they_live() -> None:
    double = pb.jit(lambda x: (x + x, 3 * x))
    x = np.arange(float(N))
    results = [double(x + k) for k in range(4)]
    arrays = [array for result in results for array in result]
    assert len({address(array) for array in arrays}) == len(arrays)
    for k, (twice, thrice) in enumerate(results):
        np.testing.assert_array_equal(twice, 2 * (x + k))
        np.testing.assert_array_equal(thrice, 3 * (x + k))
    places = {address(array) for array in arrays}
    del results, arrays, twice, thrice
    assert {address(array) for array in double(x)} <= places


def test_what_lies_in_a_block_can_be_donated() -> None:
    step = pb.jit(lambda x: x * 0.5, donate_argnums=0)
    x = step(np.ones(N))
    place = address(x)
    assert address(step(x)) == place


def test_a_mapped_function_hands_on_its_results() -> None:
    result = pb.vmap(pb.jit(lambda x: x * 2.0))(np.ones((8, N)))
    assert isinstance(result.base, Block)


def test_threads_get_memory_of_their_own() -> None:
    scale = pb.jit(lambda x, k: x * k)
    x = np.ones(N)
    wrong: list[int] = []

    def work(k: int) -> None:
        for _ in range(30):
            y: Value = scale(x, float(k))
            if not (y == k).all():
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_idle_memory_of_the_process_is_bounded() -> None:
    fill = pb.jit(lambda x: x + 1.0)
    for size in (1 << 22, (1 << 22) + 1, (1 << 22) + 2, (1 << 22) + 3, (1 << 22) + 4):
        fill(np.zeros(size))
    assert BLOCKS.idle <= 128 << 20
