"""Loops written in vectors, against NumPy: every number of elements left over; and which are."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.compiler.executable import compile_program
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm.lanewise import needs_passes, plan_loops
from pullback.primitives.quantity import Value
from tests.compiler.steps import native

Function = Callable[[Value], object]
LOOPS: Final = {Kind.MAP, Kind.FOLD, Kind.ROWS}

#: Around the lanes of each kind of vector, around blocks, and of several blocks.
SIZES: Final = [
    1,
    2,
    3,
    7,
    8,
    9,
    15,
    16,
    17,
    31,
    33,
    63,
    64,
    65,
    100,
    127,
    129,
    300,
    513,
    1025,
    5003,
]
DTYPES: Final = ["f8", "f4", "i8", "i2", "u1", "?"]


def numbers(shape: int | tuple[int, ...], dtype: str = "f8") -> np.ndarray:
    x = np.random.default_rng(0).normal(size=shape) * 3
    return (
        (x > 0) if dtype == "?" else np.abs(x).astype(dtype) if dtype[0] == "u" else x.astype(dtype)
    )


def tolerance(dtype: str) -> float:
    return {"f8": 1e-12, "f4": 1e-4}.get(dtype, 0.0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_reductions_of_a_row_agree(size: int, dtype: str) -> None:
    def reduce(x: Value) -> object:
        return pb.sum(x), pb.max(x), pb.min(x), pb.any(x), pb.all(x), pb.sum(x > 1), pb.sum(x * x)

    native(reduce, numbers(size, dtype), tolerance=tolerance(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 5), (40, 4), (17, 33), (16, 100), (33, 259), (5, 3, 70)])
def test_reductions_over_each_axis_agree(shape: tuple[int, ...], dtype: str) -> None:
    def reduce(x: Value) -> object:
        axes = [*range(len(shape)), tuple(range(len(shape) - 1)), (0, -1)]
        return [f(x, axis=axis) for f in (pb.sum, pb.max, pb.all) for axis in axes]

    native(reduce, numbers(shape, dtype), tolerance=tolerance(dtype))


@pytest.mark.parametrize("shape", [(40, 7), (33, 33), (6, 5, 4)])
def test_rows_are_added_one_after_the_other(shape: tuple[int, ...]) -> None:
    native(lambda x: (pb.sum(x, axis=0), pb.sum(x * 2, axis=0)), numbers(shape, "f4"))


@pytest.mark.parametrize("special", [-0.0, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("size", [1, 5, 16, 40, 300, 2000])
def test_special_numbers_have_their_effect_in_each_lane(size: int, special: float) -> None:
    def reduce(x: Value) -> object:
        return pb.sum(x), pb.max(x), pb.min(x), pb.sum(x, axis=0), pb.prod(x)

    for place in {0, size // 2, size - 1}:
        x = np.full(size, -0.0)
        x[place] = special
        native(reduce, x)


@pytest.mark.parametrize("size", [1000, 3000, 70_001])
def test_large_terms_that_cancel_leave_the_small_ones(size: int) -> None:
    x = np.random.default_rng(0).random(size)
    x[size // 3], x[-2] = 1e17, -1e17
    (total,) = compile_program(pb.trace(pb.sum, x)).run([x])
    within = 128 * math.ulp(1e17)  # what one block may lose
    assert abs(float(total) - math.fsum(x)) <= within


def test_a_sum_has_the_same_bits_beside_another_reduction() -> None:
    x = numbers((30, 1003), "f4")

    def sums(x: pb.Array) -> pb.Array:
        return pb.sum(x, axis=1)

    def both(x: pb.Array) -> object:
        return sums(x), pb.max(x, axis=1)

    alone, beside = (compile_program(pb.trace(f, x)).run([x])[0] for f in (sums, both))
    np.testing.assert_array_equal(alone, beside)


@pytest.mark.parametrize("size", [*SIZES, 100_003])
def test_maps_agree(size: int) -> None:
    def f(x: Value) -> object:
        return x * 2 + 1, pb.where(x > 0, x, 3), pb.sqrt(abs(x)), x > 1

    native(f, numbers(size))
    native(f, numbers(size, "f4"))


def test_parts_of_a_map_leave_nothing_out() -> None:
    x = numbers(1_000_003)
    native(lambda x: (x * 2 + 1) / 3, x)


@pytest.mark.parametrize("size", [5, 70, 500_003])
def test_a_map_may_write_over_what_it_reads(size: int) -> None:
    x = numbers(size)
    expected = (x * 2 + 1) / 3

    def f(x: pb.Array) -> pb.Array:
        return (x * 2 + 1) / 3

    found = pb.jit(f, donate_argnums=0)(pb.asarray(x.copy()))
    np.testing.assert_array_equal(np.asarray(found), expected)


JOINS: Final[list[Function]] = [
    lambda x: pb.concat([x, x + 1], axis=0),
    lambda x: pb.concat([x, x[:, :1]], axis=1),
    lambda x: pb.concat([x[:1], x * 2, x[:, ::-1]], axis=0),
    lambda x: pb.stack([x, x], axis=2),
]


@pytest.mark.parametrize("function", JOINS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 40), (5, 7), (40, 33)])
def test_joins_agree(function: Function, shape: tuple[int, int]) -> None:
    native(function, numbers(shape))


def part(slots: tuple[slice | int, ...], x: Value) -> Value:
    return pb.sum(x[slots] ** 2)


SLOTS: Final[list[tuple[slice | int, ...]]] = [
    (slice(None), 0),
    (slice(1, 3), slice(None)),
    (2, slice(None)),
    (slice(None), slice(1, -1)),
    (slice(None, None, 2), slice(None)),
    (slice(None, None, -1), slice(None)),
    (slice(None), slice(None, None, -1)),
    (slice(None, None, -2), slice(0, 1)),
]


@pytest.mark.parametrize("slots", SLOTS)
@pytest.mark.parametrize("shape", [(4, 1), (4, 3), (5, 40)])
def test_zeros_around_a_part_agree(slots: tuple[slice | int, ...], shape: tuple[int, int]) -> None:
    native(pb.grad(partial(part, slots)), numbers(shape))


IN_LANES: Final[list[Function]] = [
    lambda x: pb.exp(x) + x.T.T * 2,
    nn.softmax,
    lambda x: pb.sum(x, axis=0),
    pb.max,
    lambda x: pb.concat([x, x], axis=1),
    pb.grad(lambda x: pb.sum(pb.logsumexp(x, axis=-1))),
    pb.grad(lambda x: pb.sum(x[1:3] ** 2)),
    lambda x: pb.mean(x) + x,
]
NOT_IN_LANES: Final[list[Function]] = [
    pb.sin,
    lambda x: x.T + 0.0 * pb.reshape(x, x.T.shape),
    lambda x: x[:, pb.asarray([1, 0, 2])],
    lambda x: pb.flip(x, axis=1) + 1,
]


def passes(function: Function) -> bool:
    plan = compile_program(pb.trace(function, numbers((64, 96)))).plan
    loops = [each for each in plan.kernels if each.kind is not Kind.STRAIGHT]
    assert loops
    return any(needs_passes(plan, each, plan_loops(plan, each)) for each in loops)


@pytest.mark.parametrize("function", IN_LANES)
def test_what_reads_side_by_side_is_written_in_vectors(function: Function) -> None:
    assert not passes(function)


@pytest.mark.parametrize("function", NOT_IN_LANES)
def test_what_reads_otherwise_is_left_to_the_vectoriser(function: Function) -> None:
    assert passes(function)


@pytest.mark.parametrize(
    ("function", "shapes", "joined"),
    [
        (lambda x, y: x + y, [(6, 5, 4), (5, 4)], {1}),
        (lambda x, y: x + y, [(6, 5, 4), (6, 5, 1)], {0}),
        (lambda x, y: x + y, [(6, 5, 4), (5, 1)], set()),
        (lambda x, y: x * y, [(6, 1, 5, 4), (6, 1, 1, 1)], {2}),
        (lambda x, y: x + pb.moveaxis(y, 0, 2), [(6, 5, 4), (4, 6, 5)], set()),
        (lambda x, y: pb.sum(x + y, axis=(0, 2, 3)), [(3, 2, 5, 4), (2, 1, 1)], {2}),
        (lambda x, y: pb.sum(x * y, axis=0), [(3, 7, 5), (7, 5)], {1}),
        (lambda x, y: nn.softmax(x + y), [(2, 3, 20), (20,)], {0}),
        (lambda x, y: pb.sum(x + y, axis=-1), [(2, 3, 20), (3, 20)], set()),
    ],
)
def test_axes_that_lie_behind_each_other_are_one_loop(
    function: Callable[..., object], shapes: list[tuple[int, ...]], joined: set[int]
) -> None:
    plan = native(function, *map(numbers, shapes), tolerance=1e-13).plan
    loops = [plan_loops(plan, each).joined for each in plan.kernels if each.kind in LOOPS]
    assert set().union(*loops) == joined
