"""What memory `scan` takes under differentiation."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np

import pullback as pb
from pullback.primitives.quantity import Value
from tests.control.reference import OURS, python_scan

scan = OURS.scan

# Memory: of the numbers that a step computes, reverse mode holds the carry alone.

SIZE = 20_000


def peak(f: Callable[[], object]) -> float:
    """The peak of memory that a call takes, in arrays of `SIZE` numbers."""
    f()
    tracemalloc.start()
    try:
        f()
        return tracemalloc.get_traced_memory()[1] / (8 * SIZE)
    finally:
        tracemalloc.stop()


def wide(h: Value, _: object) -> Value:
    for _ in range(10):
        h = pb.sin(h) * 1.01
    return h, None


def test_reverse_mode_holds_a_carry_for_each_step() -> None:
    start = np.linspace(0.0, 1.0, SIZE)
    arrays = peak(lambda: pb.grad(lambda h: pb.sum(scan(wide, h, None, 64)[0]))(start))
    assert 64 <= arrays <= 64 + 45  # and the graph of one step
    python = peak(lambda: pb.grad(lambda h: pb.sum(python_scan(wide, h, None, 64)[0]))(start))
    assert python > 10 * 64


def test_checkpoints_hold_about_twice_the_square_root() -> None:
    start = np.linspace(0.0, 1.0, SIZE)
    arrays = peak(
        lambda: pb.grad(lambda h: pb.sum(scan(wide, h, None, 256, checkpoint=True)[0]))(start)
    )
    assert 2 * 16 <= arrays <= 2 * 16 + 45


def test_carries_that_derivatives_do_not_need_are_not_held() -> None:
    start = np.linspace(0.0, 1.0, SIZE)

    def smoothed(h: Value, _: object) -> Value:
        return 0.5 * h + 0.25 * (pb.roll(h, 1) + pb.roll(h, -1)), None

    arrays = peak(lambda: pb.grad(lambda h: pb.sum(scan(smoothed, h, None, 256)[0] ** 2))(start))
    assert arrays < 45


def test_forward_mode_holds_no_steps() -> None:
    start = np.linspace(0.0, 1.0, SIZE)
    arrays = peak(lambda: pb.jvp(lambda h: scan(wide, h, None, 256)[0], start, start))
    assert arrays < 45
