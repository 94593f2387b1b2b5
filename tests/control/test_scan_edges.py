"""`scan` of few steps, and where derivatives are infinite of which nothing is wanted."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.primitives.quantity import Value
from tests.control.reference import (
    OURS,
    Control,
    Program,
    check,
    check_differences,
    close,
)

scan = OURS.scan
LENGTHS = range(18)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
def test_every_length_is_right(length: int, checkpoint: bool, reverse: bool) -> None:  # noqa: FBT001
    xs = np.linspace(0.2, 0.9, 3 * length).reshape(length, 3)

    def program(control: Control, p: Value) -> Value:
        def step(c: Value, x: Value) -> Value:
            n, h = c
            h = pb.sin(h * p["w"]) + x * n
            return (n + 1, h), {"y": h * x, "n": n}

        (n, h), ys = control.scan(
            step, (0, p["init"]), p["xs"], length, reverse=reverse, checkpoint=checkpoint
        )
        return pb.sum(h) * n + pb.sum(ys["y"] * pb.arange(3)) + pb.sum(pb.cumsum(ys["n"]) * 1.0)

    p = {"init": np.array([0.3, 0.4, 0.5]), "xs": xs, "w": np.array([1.1, 0.7, 0.9])}
    if length:
        for what in ("value", "grad", "jvp", "jvp of grad"):
            check(program, p, what)
        check_differences(program, p)
    else:
        assert program(OURS, p) == 0.0
        gradient = pb.grad(lambda p: program(OURS, p))(p)
        close(gradient, {"init": np.zeros(3), "xs": xs, "w": np.zeros(3)})


@pytest.mark.parametrize("length", [5, 6, 9, 11])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_carry_may_move_through_others(length: int, checkpoint: bool) -> None:  # noqa: FBT001
    """What is constant before the first step is not so inside a block."""

    def program(control: Control, p: Value) -> Value:
        def step(c: Value, x: Value) -> Value:
            return (pb.sin(x), *[previous * previous for previous in c[:-1]]), None

        c, _ = control.scan(step, (0.0,) * 5, p["xs"], checkpoint=checkpoint)
        return c[-1]

    p = {"xs": np.linspace(0.1, 0.9, length)}
    for what in ("grad", "jvp", "grad of grad"):
        check(program, p, what)


def test_no_steps_leave_the_carry() -> None:
    def f(c: Value) -> Value:
        last, ys = scan(lambda c, x: (c * x, {"y": c, "n": 1}), c, np.zeros((0, 2)))
        assert ys["y"].shape == (0, 2)
        assert ys["n"].shape == (0,)
        assert ys["n"].dtype == np.int64
        return pb.sum(last**2)

    np.testing.assert_array_equal(pb.grad(f)(np.array([1.0, 2.0])), [2.0, 4.0])


# Derivatives that are infinite where nothing is wanted of them: docs/design/003.

SAFE: list[tuple[str, Program, dict[str, float]]] = [
    (
        "a carry that nothing comes of",
        lambda control, p: control.scan(
            lambda c, x: ((c[0] + p["a"], pb.sqrt(c[1])), None), (1.0, p["b"]), None, 3
        )[0][0],
        {"a": 1.0, "b": 0.0},
    ),
    (
        "a carry of which the last step is not used",
        lambda control, p: control.scan(
            lambda c, x: ((c[0] + c[1], pb.sqrt(c[1]) - 1), None), (p["a"], p["b"]), None, 2
        )[0][0],
        {"a": 2.0, "b": 1.0},
    ),
    (
        "no steps",
        lambda control, p: control.scan(
            lambda c, x: (c + pb.sqrt(p["a"]), None), p["b"], np.zeros(0), 0
        )[0],
        {"a": 0.0, "b": 1.0},
    ),
    (
        "a carry that does not move",
        lambda control, p: control.scan(
            lambda c, x: ((c[0] * p["a"], pb.sqrt(c[1]) + 0 * c[0], pb.sqrt(c[2])), None),
            (1.0, 1.0, 0.0),
            None,
            3,
        )[0][0],
        {"a": 2.0},
    ),
    (
        "a selection in the body",
        lambda control, p: control.scan(
            lambda c, x: (c + pb.where(x > 0, pb.sqrt(p["a"] * x), p["b"]), None),
            0.0,
            np.array([1.0, 0.0, 2.0]),
        )[0],
        {"a": 2.0, "b": 1.0},
    ),
    (
        "a selection in the body, and a root before it",
        lambda control, p: control.scan(
            lambda c, x: (c + pb.where(p["a"] > 0, x, p["b"]), None),
            0.0,
            pb.stack([pb.sqrt(p["a"])] * 3),
        )[0],
        {"a": 0.0, "b": 1.0},
    ),
    (
        "a selection in a later step",
        lambda control, p: control.scan(
            lambda c, x: (pb.sqrt(pb.where(x > 0, c, p["b"])), None), p["a"], np.array([1.0, 0.0])
        )[0],
        {"a": 0.0, "b": 4.0},
    ),
    (
        "a selection after it",
        lambda control, p: pb.where(
            p["a"] > 0, control.scan(lambda c, x: (pb.sqrt(c) * p["b"], c), p["a"], None, 3)[0], 1.0
        ),
        {"a": 0.0, "b": 1.0},
    ),
    (
        "one of several slices",
        lambda control, p: (
            control.scan(lambda c, x: (c * p["b"], pb.sqrt(c)), p["a"], None, 3)[1][2]
            + control.scan(lambda c, x: (c + 1, pb.sqrt(p["b"] * c)), 0.0, None, 3)[1][1]
        ),
        {"a": 2.0, "b": 1.0},
    ),
]


@pytest.mark.parametrize("what", ["value", "grad", "grad of grad", "jvp of grad", "jvp"])
@pytest.mark.parametrize(("program", "p"), [row[1:] for row in SAFE], ids=[row[0] for row in SAFE])
def test_what_is_not_selected_contributes_nothing(
    program: Program, p: dict[str, float], what: str
) -> None:
    check(program, p, what)
