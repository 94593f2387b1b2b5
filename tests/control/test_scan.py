"""`scan` beside a plain Python loop, under every composition of transforms."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import pullback as pb
from pullback import taylor, trace
from pullback.control.scan import Scan
from pullback.control.while_loop import While
from pullback.core.program import held_programs
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
    inner,
)

scan = OURS.scan

RNG = np.random.default_rng(0)
P = {
    "init": RNG.uniform(0.3, 0.9, 2),
    "xs": RNG.uniform(0.3, 0.9, (4, 2)),
    "w": RNG.uniform(0.3, 0.9, 2),
}
WEIGHTS = RNG.uniform(0.5, 1.5, (4, 2))


def recurrent(control: Control, p: Value) -> Value:
    def step(h: Value, x: Value) -> Value:
        h = pb.tanh(h * p["w"] + x)
        return h, h * x

    h, ys = control.scan(step, p["init"], p["xs"])
    return pb.sum(h * h) + pb.sum(ys * WEIGHTS)


def backwards(control: Control, p: Value) -> Value:
    def step(h: Value, x: Value) -> Value:
        h = pb.sin(h) * x + p["w"]
        return h, h

    h, ys = control.scan(step, p["init"], p["xs"], reverse=True)
    return pb.sum(h) + pb.sum(ys * WEIGHTS)


def last_carry_only(control: Control, p: Value) -> Value:
    h, _ = control.scan(lambda h, x: (pb.cos(h) * x, {"unused": h * p["w"]}), p["init"], p["xs"])
    return pb.sum(h * p["w"])


def slices_only(control: Control, p: Value) -> Value:
    _, ys = control.scan(lambda h, x: (pb.exp(-h) * p["w"], h * h * x), p["init"], p["xs"])
    return pb.sum(ys * WEIGHTS)


def some_outputs(control: Control, p: Value) -> Value:
    def step(c: Value, x: Value) -> Value:
        first, second = c
        return (pb.sin(first) + x, second * first), (first, second * x)

    (first, _), (_, ys) = control.scan(step, (p["init"], p["w"]), p["xs"])
    return pb.sum(first) + pb.sum(ys)


def nothing_used(control: Control, p: Value) -> Value:
    control.scan(lambda h, x: (h * x * p["w"], h), p["init"], p["xs"])
    return pb.sum(p["w"] * p["init"]) + 0.0 * pb.sum(p["xs"])


def length_alone(control: Control, p: Value) -> Value:
    h, ys = control.scan(lambda h, _: (pb.sin(h) * p["w"], h), p["init"], None, 5)
    return pb.sum(h) + pb.sum(ys**2) + pb.sum(p["xs"])


def exchanged(control: Control, p: Value) -> Value:
    """The cotangent of each carry is there in every second step."""

    def step(c: Value, x: Value) -> Value:
        first, second = c
        return (second, pb.sqrt(first) * x), None

    (first, _), _ = control.scan(step, (p["init"], p["w"]), p["xs"])
    return pb.sum(first)


def overwritten(control: Control, p: Value) -> Value:
    """The carry does not depend on the one before."""
    h, ys = control.scan(lambda h, x: (x * p["w"], h * x), p["init"], p["xs"])
    return pb.sum(h) + pb.sum(ys)


def linear(control: Control, p: Value) -> Value:
    h, ys = control.scan(lambda h, x: (2.0 * h + x, h - x), p["init"], p["xs"])
    return pb.sum(h * p["w"]) + pb.sum(ys * WEIGHTS * p["w"])


def counted(control: Control, p: Value) -> Value:
    """Integers beside floats; slices of several dtypes."""

    def step(c: Value, x: Value) -> Value:
        n, h = c
        h = h * pb.cos(x) + n * p["w"]
        return (n + 1, h), {"n": n, "large": h > 1.0, "h": h}

    (n, h), ys = control.scan(step, (0, p["init"]), p["xs"])
    return pb.sum(h) + pb.sum(pb.where(ys["large"], ys["h"], ys["n"][:, None] * ys["h"])) * n


def captured_twice(control: Control, p: Value) -> Value:
    """The same node captured, carried and sliced."""
    h, ys = control.scan(
        lambda h, x: (pb.sin(h + p["w"]) * p["xs"][0] + x, p["w"] * x), p["w"], p["xs"] * p["w"]
    )
    return pb.sum(h) + pb.sum(ys) + pb.sum(p["init"])


def nested(control: Control, p: Value) -> Value:
    def outer(h: Value, x: Value) -> Value:
        g, zs = control.scan(
            lambda g, z: (pb.sin(g) * z + h, g * p["w"]), x, p["xs"] * h, reverse=True
        )
        return pb.tanh(h + g), zs

    h, ys = control.scan(outer, p["init"], p["xs"])
    return pb.sum(h) + pb.sum(ys)


def while_inside(control: Control, p: Value) -> Value:
    def step(h: Value, x: Value) -> Value:
        h = control.while_loop(
            lambda g: pb.sum(g) < 3.0, lambda g: g * (1.5 + pb.sin(x)) + p["w"], h, max_steps=6
        )
        return pb.sin(h), h

    h, ys = control.scan(step, p["init"], p["xs"])
    return pb.sum(h) + pb.sum(ys)


def branch_inside(control: Control, p: Value) -> Value:
    def step(h: Value, x: Value) -> Value:
        h = control.cond(
            pb.sum(x) > 1.2, lambda g: pb.exp(-g) * x, lambda g: g * p["w"] + pb.sin(g), h
        )
        return h, control.switch(
            pb.astype(2 * x[0], int), [lambda: h, lambda: h * h, lambda: h * x]
        )

    h, ys = control.scan(step, p["init"], p["xs"])
    return pb.sum(h) + pb.sum(ys * WEIGHTS)


def in_a_branch(control: Control, p: Value) -> Value:
    def looped(h: Value) -> Value:
        return control.scan(lambda h, x: (pb.sin(h) * x, None), h, p["xs"])[0]

    return pb.sum(control.cond(pb.sum(p["w"]) > 1.2, looped, lambda h: h * p["w"], p["init"]))


def inner_gradient(control: Control, p: Value) -> Value:
    """The body differentiates, with respect to the carry and a function of a captured node."""

    def step(h: Value, x: Value) -> Value:
        energy = pb.grad(lambda q: pb.sum(pb.sin(q * p["w"]) * q * x))
        return h - 0.1 * energy(h), pb.jvp(lambda q: q * q * h, x, p["w"])[1]

    h, ys = control.scan(step, p["init"], p["xs"])
    return pb.sum(h) + pb.sum(ys)


def whole_gradient(control: Control, p: Value) -> Value:
    """The scan is differentiated inside, and captures what is differentiated outside."""

    def loss(w: Value) -> Value:
        return pb.sum(control.scan(lambda h, x: (pb.sin(h * w) + x, h), p["init"], p["xs"])[0])

    return pb.sum(pb.grad(loss)(p["w"]) * p["init"])


def batch_inside(control: Control, p: Value) -> Value:
    def step(h: Value, x: Value) -> Value:
        return pb.vmap(lambda a, b: pb.sin(a) * b + pb.sum(p["w"]))(h, x), pb.sum(h)

    h, ys = control.scan(step, p["init"], p["xs"])
    return pb.sum(h) + pb.sum(ys)


def complex_carry(control: Control, p: Value) -> Value:
    def step(z: Value, x: Value) -> Value:
        z = z * z * (0.3 + 0.4j) + x * 1j + p["w"]
        return z, pb.conj(z) * x

    z, ys = control.scan(step, p["init"] + 0.2j, p["xs"])
    return pb.sum(pb.abs(z) ** 2) + pb.sum(pb.real(ys * WEIGHTS))


def matrices(control: Control, p: Value) -> Value:
    weight = pb.outer(p["w"], p["init"])
    h, ys = control.scan(lambda h, x: (pb.tanh(weight @ h + x), h @ x), p["init"], p["xs"])
    return pb.sum(h) + pb.sum(ys)


def checkpointed(control: Control, p: Value) -> Value:
    def step(h: Value, x: Value) -> Value:
        h = pb.tanh(h * p["w"] + x)
        return h, h * x

    h, ys = control.scan(step, p["init"], p["xs"], checkpoint=True, unroll=2)
    return pb.sum(h * h) + pb.sum(ys * WEIGHTS)


PROGRAMS: list[Program] = [
    recurrent,
    backwards,
    last_carry_only,
    slices_only,
    some_outputs,
    nothing_used,
    length_alone,
    exchanged,
    overwritten,
    linear,
    counted,
    captured_twice,
    nested,
    while_inside,
    branch_inside,
    in_a_branch,
    inner_gradient,
    whole_gradient,
    batch_inside,
    complex_carry,
    matrices,
    checkpointed,
]


@pytest.mark.parametrize("what", compositions(P))
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_composition_is_that_of_the_loop(program: Program, what: str) -> None:
    check(program, P, what)


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients_are_differences(program: Program) -> None:
    check_differences(program, P)


def test_a_linear_scan_transposes() -> None:
    xs, w = P["xs"], P["w"]

    def f(args: Value) -> Value:
        h, xs = args
        return scan(lambda h, x: (h * w + x, 2.0 * h), h, xs, reverse=True)

    point = (np.zeros(2), np.zeros((4, 2)))
    cotangent = (np.array([1.0, 2.0]), WEIGHTS)
    (bars,) = [pb.linear_transpose(f, point)(cotangent)]
    dot = direction(point, 5)
    np.testing.assert_allclose(
        inner(bars, dot), inner(cotangent, f(dot)), err_msg="<Jᵀw, v> = <w, Jv>"
    )
    close(bars, pb.vjp(f, (P["init"], xs))[1](cotangent))


def test_a_linearized_scan_is_applied_often() -> None:
    calls = []

    def f(p: Value) -> Value:
        calls.append(p)
        return recurrent(OURS, p)

    _, push = pb.linearize(f, P)
    for seed in range(3):
        v = direction(P, seed)
        np.testing.assert_allclose(push(v), pb.jvp(lambda p: recurrent(PYTHON, p), P, v)[1])
    assert len(calls) == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_taylor_series_are_those_of_the_loop(program: Program) -> None:
    v = direction(P, 4)
    close(
        taylor(lambda p: program(OURS, p), P, (v,), order=3),
        taylor(lambda p: program(PYTHON, p), P, (v,), order=3),
    )


def test_taylor_series_of_no_steps_are_those_of_the_carry() -> None:
    def f(c: Value) -> Value:
        return scan(lambda c, x: (c * x, c), c, np.zeros((0, 2)))

    value, (first, second) = taylor(f, np.ones(2), (np.ones(2),), order=2)
    close((value, first, second), tuple((np.full(2, c), np.zeros((0, 2))) for c in (1, 1, 0)))


def test_the_gradient_of_a_taylor_coefficient() -> None:
    def third(control: Control, x: Value) -> Value:
        def f(t: Value) -> Value:
            return control.scan(lambda c, y: (pb.sin(c * y) + t, None), t, np.array([0.5, 1.5]))[0]

        return taylor(f, x, (x,), order=3)[1][2]

    gradients = [pb.grad(lambda x, c=control: third(c, x))(0.4) for control in (OURS, PYTHON)]
    np.testing.assert_allclose(*gradients)


def test_the_body_is_called_once() -> None:
    calls = []

    def step(h: Value, x: Value) -> Value:
        calls.append(h)
        return pb.sin(h) * x, h

    pb.grad(lambda h: scan(step, h, np.ones(100))[0])(np.float64(1.0))
    assert len(calls) == 1


def test_a_pullback_of_a_scan_pickles() -> None:
    _, pullback = pb.vjp(lambda p: recurrent(OURS, p), P)
    again = pickle.loads(pickle.dumps(pullback))  # noqa: S301
    close(again(2.0), pullback(2.0))


def test_a_gradient_through_scans_is_a_program() -> None:
    """It type-checks, and its loops carry what they say they carry."""
    for program in PROGRAMS:
        traced = trace(pb.grad(lambda p, program=program: program(OURS, p)), P)
        traced.type_check()
        assert check_carries(traced)
        close(traced(P), pb.grad(lambda p, program=program: program(OURS, p))(P))
        assert pickle.loads(pickle.dumps(traced)) == traced  # noqa: S301


def check_carries(program: pb.Program) -> bool:
    """Check that a loop takes the types of its carry that it gives."""
    for primitive, _ in program.steps:
        for name, held in held_programs(primitive):
            check_carries(held)
            if isinstance(primitive, (Scan, While)) and name == "body":
                carries = held.output_types[: getattr(primitive, "carries", None)]
                given = held.inputs[primitive.constants :][: len(carries)]
                assert carries == given
    return True


def test_threads_get_the_same_bits() -> None:
    f = pb.grad(lambda p: nested(OURS, p))
    expected = f(P)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: f(P), range(32)):
            for name, value in expected.items():
                assert value.tobytes() == found[name].tobytes()
