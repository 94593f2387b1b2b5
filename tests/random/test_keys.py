"""Keys: made of seeds, split, folded; never confused with anything else."""

from __future__ import annotations

import pytest

from pullback import Array, asarray, random
from pullback.errors import DTypeError, ShapeError


def words(key: Array) -> tuple[int, int]:
    return int(key[0]), int(key[1])


def test_a_key_holds_the_low_64_bits_of_the_seed() -> None:
    assert random.key(2**32 + 5).tolist() == [1, 5]
    assert random.key(-1).tolist() == [0xFFFFFFFF, 0xFFFFFFFF]
    assert random.key(2**64 + 3).tolist() == [0, 3]
    assert random.key(True).tolist() == [0, 1]


def test_a_seed_that_is_no_integer_is_refused() -> None:
    with pytest.raises(DTypeError, match=r"key: expected an integer as the seed, got"):
        random.key(1.5)  # type: ignore[arg-type]


def test_split_gives_distinct_keys_and_more_of_them_begin_with_the_fewer() -> None:
    few, many = random.split(random.key(0), 3), random.split(random.key(0), 100)
    assert many[:3].tolist() == few.tolist()
    assert len({words(k) for k in many}) == 100
    assert random.split(random.key(0), 0).shape == (0, 2)


def test_a_key_its_children_and_its_draws_differ() -> None:
    key = random.key(3)
    children = {words(k) for k in random.split(key, 50)}
    folded = {words(random.fold_in(key, i)) for i in range(50)}
    assert len(children | folded | {words(key)}) == 101
    drawn = {int(word) for word in random.bits(key, 100)}
    assert not drawn & {word for k in children | folded for word in k}


def test_fold_in_takes_each_32_bit_number() -> None:
    assert random.fold_in(random.key(0), 2**32 - 1).shape == (2,)
    with pytest.raises(OverflowError):
        random.fold_in(random.key(0), 2**32)


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(DTypeError, match=r"uniform: a key is a uint32 array .*, got int"):
        random.uniform(0, 3)  # type: ignore[arg-type]
    with pytest.raises(DTypeError, match=r"split: a key is a uint32 array .*, got float64"):
        random.split(asarray([0.0, 1.0]))
    with pytest.raises(ShapeError, match=r"normal: a key has shape \(2,\), got \(2, 2\)"):
        random.normal(random.split(random.key(0)), 3)
    with pytest.raises(ShapeError, match="split: the number of keys"):
        random.split(random.key(0), -1)
