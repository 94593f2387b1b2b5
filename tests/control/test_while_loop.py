"""`while_loop` and `fori_loop` beside plain Python loops, under every composition of transforms."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import taylor
from pullback.errors import DifferentiationError
from pullback.primitives.quantity import Value
from tests.control.reference import (
    OURS,
    PYTHON,
    Control,
    Program,
    check,
    check_differences,
    close,
    compositions,
    direction,
    python_while_loop,
)

fori_loop, while_loop = OURS.fori_loop, OURS.while_loop

P = {"x": np.array([0.5, 0.8]), "w": np.array([0.9, 1.2])}


def until_large(control: Control, p: Value) -> Value:
    """The number of steps depends on the example; the constant is in the test and in the body."""
    h = control.while_loop(
        lambda h: pb.sum(h) < 20 * pb.sum(p["w"]),
        lambda h: h * (1.5 + p["w"]) + pb.sin(p["w"]),
        p["x"],
        max_steps=9,
    )
    return pb.sum(h * p["w"])


def counted(control: Control, p: Value) -> Value:
    def step(state: Value) -> Value:
        n, h = state["n"], state["h"]
        return {"n": n + 1, "h": pb.sin(h) * p["w"] + 0.1 * n, "name": state["name"]}

    state = {"n": 0, "h": p["x"], "name": "state"}
    state = control.while_loop(lambda s: s["n"] < 4, step, state, max_steps=4)
    return pb.sum(state["h"] ** 2) * state["n"]


def cut_short(control: Control, p: Value) -> Value:
    h = control.while_loop(lambda h: True, lambda h: pb.cos(h) * p["w"], p["x"], max_steps=3)
    return pb.sum(h)


def no_step(control: Control, p: Value) -> Value:
    h = control.while_loop(
        lambda h: pb.sum(h) < 0, lambda h: pb.sqrt(h - 9) * p["w"], p["x"], max_steps=5
    )
    return pb.sum(h * p["w"])


def no_step_allowed(control: Control, p: Value) -> Value:
    h = control.while_loop(lambda h: True, lambda h: h * p["w"], p["x"], max_steps=0)
    return pb.sum(h * p["w"])


def newton(control: Control, p: Value) -> Value:
    """Runs until all examples are done; those that are done stay, and would become nan."""

    def step(state: Value) -> Value:
        x, residual = state
        x = x - residual / (2 * x)
        return x, x * x - p["w"]

    start = (p["x"] + 1.0, (p["x"] + 1.0) ** 2 - p["w"])
    x, _ = control.while_loop(lambda s: pb.max(pb.abs(s[1])) > 1e-12, step, start, max_steps=20)
    return pb.sum(x * p["w"])


def unused_part(control: Control, p: Value) -> Value:
    """The derivative of the second part is infinite at first, and nothing comes of it."""
    first, _ = control.while_loop(
        lambda s: pb.sum(s[0]) < 9,
        lambda s: (s[0] * (1 + p["w"]), pb.sqrt(s[1])),
        (p["x"], 0.0 * p["x"]),
        max_steps=7,
    )
    return pb.sum(first)


def scan_inside(control: Control, p: Value) -> Value:
    def step(state: Value) -> Value:
        n, h = state
        h, ys = control.scan(lambda h, x: (pb.sin(h + x), h * p["w"]), h, np.eye(2))
        return n + 1, h + pb.sum(ys, axis=0)

    return pb.sum(control.while_loop(lambda s: s[0] < 3, step, (0, p["x"]), max_steps=3)[1])


def loop_inside(control: Control, p: Value) -> Value:
    def step(state: Value) -> Value:
        n, h = state
        inner = control.while_loop(
            lambda g: pb.sum(g) < 2.5 + 0.1 * n, lambda g: g * 1.3 * p["w"], h, max_steps=4
        )
        return n + 1, pb.sin(inner)

    return pb.sum(control.while_loop(lambda s: s[0] < 3, step, (0, p["x"]), max_steps=9)[1])


def fixed_count(control: Control, p: Value) -> Value:
    h = control.fori_loop(2, 6, lambda i, h: pb.sin(h) * p["w"] + i, p["x"])
    return pb.sum(h) + control.fori_loop(3, 1, lambda i, h: h * i, 1.0) * pb.sum(p["w"])


PROGRAMS: list[Program] = [
    until_large,
    counted,
    cut_short,
    no_step,
    no_step_allowed,
    newton,
    unused_part,
    scan_inside,
    loop_inside,
    fixed_count,
]


@pytest.mark.parametrize("what", compositions(P))
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_composition_is_that_of_the_loop(program: Program, what: str) -> None:
    check(program, P, what, rtol=1e-9)


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients_are_differences(program: Program) -> None:
    check_differences(program, P)


@pytest.mark.parametrize("what", ["jvp", "linearize", "jvp of jvp", "vmap of jvp"])
def test_forward_mode_needs_no_bound(what: str) -> None:
    def unbounded(control: Control, p: Value) -> Value:
        h = control.while_loop(lambda h: pb.sum(h) < 9, lambda h: h * (1 + p["w"]), p["x"])
        return pb.sum(h * h)

    check(unbounded, P, what)


def test_reverse_mode_without_a_bound_says_what_to_do() -> None:
    def f(x: Value) -> Value:
        return while_loop(lambda y: y < 10, lambda y: 2 * y, x)

    remedy = r"while_loop: .* give max_steps=\.\.\., use scan or fori_loop, .* forward mode \(jvp\)"
    with pytest.raises(DifferentiationError, match=remedy):
        pb.grad(f)(1.0)
    with pytest.raises(DifferentiationError, match=remedy):
        pb.vmap(pb.grad(f))(np.ones(2))


@pytest.mark.parametrize(
    ("limit", "expected"), [(0, 1.0), (1, 2.0), (3, 8.0), (4, 16.0), (9, 16.0)]
)
def test_the_bound_ends_the_loop(limit: int, expected: float) -> None:
    def f(x: Value) -> Value:
        return while_loop(lambda y: y < 16 * x, lambda y: 2 * y, x, max_steps=limit)

    assert f(1.0) == expected
    assert pb.grad(f)(1.0) == expected
    np.testing.assert_array_equal(pb.vmap(f)(np.array([1.0, -1.0])), [expected, -1.0])
    np.testing.assert_array_equal(pb.vmap(pb.grad(f))(np.array([1.0, -1.0])), [expected, 1.0])


def test_a_large_bound_costs_nothing_where_the_steps_can_be_counted() -> None:
    """Neither in the gradient nor in the gradient of that."""

    def f(x: Value) -> Value:
        return while_loop(lambda y: y < 100.0, lambda y: y * x, x, max_steps=10**12)

    assert f(3.0) == 243.0
    assert pb.grad(f)(3.0) == 5 * 3.0**4
    assert pb.grad(pb.grad(f))(3.0) == 20 * 3.0**3
    assert pb.jvp(pb.grad(f), 3.0, 1.0)[1] == 20 * 3.0**3


def test_rows_that_are_done_stay() -> None:
    """A row that went on would become infinite, and then nan."""

    def f(x: Value) -> Value:
        return while_loop(lambda y: y < 10.0, lambda y: y**4 + 1.5, x, max_steps=50)

    rows = np.array([-0.5, 9.0, 11.0, np.inf, 0.1])
    expected = [python_while_loop(lambda y: y < 10.0, lambda y: y**4 + 1.5, x) for x in rows]
    np.testing.assert_array_equal(pb.vmap(f)(rows), expected)
    slopes = [
        pb.grad(
            lambda x: python_while_loop(lambda y: y < 10.0, lambda y: y**4 + 1.5, x, max_steps=50)
        )(x)
        for x in rows
    ]
    np.testing.assert_allclose(pb.vmap(pb.grad(f))(rows), slopes)
    np.testing.assert_allclose(pb.vmap(lambda x: pb.jvp(f, x, 1.0)[1])(rows), slopes)
    np.testing.assert_allclose(
        pb.grad(lambda rows: pb.sum(pb.vmap(f)(rows)[:3]))(rows)[:3], slopes[:3]
    )


def test_a_step_that_is_not_taken_contributes_nothing() -> None:
    """The root is infinitely steep at 0, and only the loop knows that it is not used."""

    def f(w: Value, x: Value) -> Value:
        root = pb.sqrt(w)
        return while_loop(lambda y: y < 3, lambda y: y + root * x, x, max_steps=9)

    found = pb.vmap(pb.grad(f))(np.array([0.0, 4.0]), np.array([5.0, 1.0]))
    np.testing.assert_allclose(found, [0.0, 0.25])


def test_one_test_for_a_batch_of_carries() -> None:
    def f(x: Value) -> Value:
        def step(s: Value) -> Value:
            return s[0] + 1, s[1] * x, s[2] + 1.0

        return while_loop(lambda s: s[0] < 3, step, (0, x, 0.0), max_steps=3)

    n, powers, steps = pb.vmap(f)(np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(n, [3, 3, 3])
    np.testing.assert_array_equal(powers, [1.0, 16.0, 81.0])
    np.testing.assert_array_equal(steps, [3.0, 3.0, 3.0])


def test_a_carry_becomes_batched_by_another() -> None:
    """In the third step only, and the test by it."""

    def f(x: Value) -> Value:
        def step(s: Value) -> Value:
            a, b, c = s
            return b, c, x + a

        return while_loop(lambda s: s[0] < 10.0, step, (0.0, 1.0, 2.0), max_steps=30)[0]

    rows = np.array([3.0, 5.0, 20.0])
    expected = [f(float(row)) for row in rows]
    np.testing.assert_array_equal(pb.vmap(f)(rows), expected)


def test_an_empty_batch_takes_no_step() -> None:
    def f(x: Value) -> Value:
        return while_loop(lambda y: y < 9, lambda y: y + 1, x)

    assert pb.vmap(f)(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("bounds", [(0, 0), (0, 1), (0, 5), (5, 0), (-3, 2), (2, 2), (7, 9)])
def test_fori_loop_goes_through_the_range(bounds: tuple[int, int]) -> None:
    def body(i: Value, x: Value) -> Value:
        return x * 2 + i

    for kind in (int, np.int32, np.uint8, pb.asarray):
        if kind is np.uint8 and min(bounds) < 0:
            continue
        found = OURS.fori_loop(kind(bounds[0]), kind(bounds[1]), body, 1)
        assert int(found) == PYTHON.fori_loop(*bounds, body, 1)


def test_fori_loop_with_bounds_that_are_not_known_is_a_while_loop() -> None:
    def f(n: Value, x: Value) -> Value:
        return fori_loop(1, n, lambda i, y: y * x + i, x)

    numbers, x = np.array([0, 1, 2, 5]), 1.5
    expected = [f(int(n), x) for n in numbers]
    np.testing.assert_allclose(pb.vmap(f, in_axes=(0, None))(numbers, x), expected)
    lowers = [fori_loop(int(n), 4, lambda i, y: y + i, 0) for n in numbers]
    found = pb.vmap(lambda n: fori_loop(n, 4, lambda i, y: y + i, 0))(numbers)
    np.testing.assert_array_equal(found, lowers)
    slopes = [pb.grad(lambda x, n=int(n): f(n, x))(x) for n in numbers]
    forward = pb.vmap(lambda n: pb.jvp(lambda x: f(n, x), x, 1.0)[1])(numbers)
    np.testing.assert_allclose(forward, slopes)


def test_fori_loop_takes_checkpoints() -> None:
    def f(x: Value, *, checkpoint: bool) -> Value:
        return fori_loop(0, 23, lambda i, y: pb.sin(y) + x * i, x, checkpoint=checkpoint)

    close(
        pb.grad(lambda x: f(x, checkpoint=True))(0.3),
        pb.grad(lambda x: f(x, checkpoint=False))(0.3),
    )


@pytest.mark.parametrize("program", [until_large, counted, scan_inside, fixed_count])
def test_taylor_series_are_those_of_the_loop(program: Program) -> None:
    v = direction(P, 4)
    for order in (1, 3):
        close(
            taylor(lambda p: program(OURS, p), P, (v,), order=order),
            taylor(lambda p: program(PYTHON, p), P, (v,), order=order),
        )


def test_taylor_needs_to_know_the_steps() -> None:
    def f(x: Value) -> Value:
        return while_loop(lambda y: y < 9, lambda y: y * x, x)

    with pytest.raises(DifferentiationError, match="while_loop: its steps cannot be counted"):
        pb.vmap(lambda x: taylor(f, x, (1.0,)))(np.ones(2))
