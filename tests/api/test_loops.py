"""What `scan`, `fori_loop` and `while_loop` take and give, and their errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from attrs import frozen

import pullback as pb
from pullback import tree
from pullback.errors import (
    ConversionError,
    DTypeError,
    ImmutabilityError,
    PullbackError,
    ShapeError,
    StructureError,
)
from pullback.primitives.quantity import Value
from tests.control.reference import OURS

# As functions of anything: what they refuse, type checkers refuse, too.
scan, fori_loop, while_loop = OURS.scan, OURS.fori_loop, OURS.while_loop


@frozen
class State:
    position: Value
    speed: Value
    name: str = tree.static(default="ball")


def thrown(state: State, force: Value) -> tuple[State, Value]:
    speed = state.speed + 0.1 * force
    return State(state.position + 0.1 * speed, speed, state.name), {"v": speed, "none": None}


def test_classes_dicts_and_none_are_carried_sliced_and_stacked() -> None:
    start = State(np.zeros(2), np.ones(2), "stone")
    last, ys = scan(thrown, start, np.arange(6.0).reshape(3, 2))
    assert isinstance(last, State)
    assert last.name == "stone"
    np.testing.assert_allclose(last.speed, [1.6, 1.9])
    np.testing.assert_allclose(ys["v"], [[1.0, 1.1], [1.2, 1.4], [1.6, 1.9]])
    assert ys["none"] is None


def test_the_gradient_of_a_class_is_a_class() -> None:
    def f(state: State) -> Value:
        return pb.sum(scan(thrown, state, np.ones((4, 2)))[0].position)

    gradient = pb.grad(f)(State(np.zeros(2), np.ones(2), "stone"))
    np.testing.assert_allclose(gradient.position, [1.0, 1.0])
    np.testing.assert_allclose(gradient.speed, [0.4, 0.4])
    assert gradient.name == "stone"


def test_leaves_that_are_no_arrays_are_handed_on() -> None:
    def step(c: Value, x: Value) -> Value:
        f, mode, value = c
        assert x["label"] == "data"
        assert mode == "fast"
        return (f, mode, f(value) * x["rows"]), ("slice", value)

    init = (pb.sin, "fast", 0.5)
    (f, mode, value), (label, ys) = scan(step, init, {"rows": np.ones(2), "label": "data"})
    assert (f, mode, label) == (pb.sin, "fast", "slice")
    np.testing.assert_allclose(value, np.sin(np.sin(0.5)))
    np.testing.assert_allclose(ys, [0.5, np.sin(0.5)])


def test_empty_trees_are_carried() -> None:
    last, ys = scan(lambda c, x: (c, x * 2), (), np.array([1.0, 2.0]))
    assert last == ()
    np.testing.assert_array_equal(ys, [2.0, 4.0])
    assert scan(lambda c, x: (c, {}), None, {}, 3) == (None, {})
    assert fori_loop(0, 3, lambda i, c: c, None) is None


# Plain in, plain out.


def test_plain_arguments_have_plain_results() -> None:
    last, ys = scan(lambda c, x: (c + x, (c, c * 1j)), 0.0, np.array([1.0, 2.0]))
    assert type(last) is np.float64
    assert type(ys[0]) is np.ndarray
    ys[0][0] = 7.0  # it is the caller's own
    assert type(while_loop(lambda x: x < 3, lambda x: x + 1, np.zeros(()))) is np.float64


@pytest.mark.parametrize("which", ["init", "xs"])
def test_an_array_among_the_arguments_makes_all_results_arrays(which: str) -> None:
    def wrap(name: str, x: Value) -> Value:
        return pb.asarray(x) if which == name else x

    last, ys = scan(lambda c, x: (c + x, 1), wrap("init", np.zeros(2)), wrap("xs", np.ones((3, 2))))
    assert isinstance(last, pb.Array)
    assert isinstance(ys, pb.Array)


def test_a_captured_array_makes_no_arrays() -> None:
    w = pb.asarray(2.0)
    assert type(scan(lambda c, x: (c * w, None), 1.0, None, 3)[0]) is np.float64


def test_results_share_no_memory_with_arguments() -> None:
    xs, init = np.ones((2, 3)), np.ones(3)
    last, ys = scan(lambda c, x: (c, x), init, xs)
    last[0] = ys[0, 0] = 5.0
    np.testing.assert_array_equal(init, np.ones(3))
    np.testing.assert_array_equal(xs, np.ones((2, 3)))
    last, _ = scan(lambda c, x: (x, None), init, xs)
    last[0] = 5.0
    np.testing.assert_array_equal(xs, np.ones((2, 3)))


# Types.

CARRIES: list[tuple[Value, Callable[[Value, Value], Value], Value, type]] = [
    (0, lambda c, x: c + x, np.ones(3), np.float64),
    (0, lambda c, x: c + x, np.ones(3, np.float32), np.float32),
    (0.0, lambda c, x: c + x, np.ones(3, np.float32), np.float32),
    (0.0, lambda c, x: c + 1, np.ones(3, np.float32), np.float64),
    (0, lambda c, x: c + 1, np.ones(3), np.int64),
    (0, lambda c, x: c + x, np.ones(3, np.int16), np.int16),
    (True, lambda c, x: c & (x > 0), np.ones(3), np.bool_),
    (1.0, lambda c, x: c * 1j, np.ones(3), np.complex128),
    (1, lambda c, x: c * x, np.ones(3, np.complex64), np.complex64),
    (np.float32(0), lambda c, x: c + 1.5, np.ones(3), np.float32),
    (np.float32(0), lambda c, x: 1, np.ones(3), np.float32),
    (np.complex64(0), lambda c, x: c + x * 1.0, np.ones(3, np.float32), np.complex64),
    (np.int8(1), lambda c, x: c * 2, np.ones(3), np.int8),
]


@pytest.mark.parametrize(("init", "step", "xs", "kind"), CARRIES)
def test_a_python_number_takes_the_dtype_that_the_step_gives_it(
    init: Value, step: Callable[[Value, Value], Value], xs: Value, kind: type
) -> None:
    last, ys = scan(lambda c, x: (step(c, x), c), init, xs)
    assert type(last) is kind
    assert ys.dtype == kind
    expected: Value = init
    for x in xs:
        expected = step(expected, x)
    np.testing.assert_allclose(np.asarray(last), np.asarray(expected))


def test_a_boolean_is_not_taken_for_an_integer() -> None:
    flag: Value = True
    last, flags = pb.scan(lambda c, _: (~c, c), flag, None, length=3)
    assert last == np.False_
    assert flags.tolist() == [True, False, True]
    go, number = pb.while_loop(lambda c: c[0], lambda c: (~c[0], c[1] + 1), (flag, 0))
    assert not go
    assert number == 1


def test_python_numbers_may_take_their_dtype_from_each_other() -> None:
    """Each trace shows the dtype of one more."""
    last, _ = scan(lambda c, x: ((c[1], c[2], x), None), (0, 0, 0), np.array([1.5, 2.5, 3.5, 4.5]))
    assert last == (2.5, 3.5, 4.5)
    assert all(type(part) is np.float64 for part in last)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.complex64, np.complex128])
def test_gradients_have_the_dtypes_of_arguments(kind: type) -> None:
    def f(p: Value) -> Value:
        last, ys = scan(lambda c, x: (c * p["w"] + x, c * x), p["init"], p["xs"])
        return pb.real(pb.sum(last) + pb.sum(ys))

    p = {"init": kind(0.5), "w": np.array([0.5], kind), "xs": np.ones((3, 1), kind)}
    p["init"] = np.array([0.5], kind)
    for name, bar in pb.grad(f)(p).items():
        assert bar.dtype == kind, name
    tangent = pb.jvp(f, p, p)[1]
    assert tangent.dtype == pb.real(pb.asarray(kind(0))).dtype


def test_the_gradient_of_a_python_number_is_one() -> None:
    def f(w: float) -> Value:
        return scan(lambda c, x: (c * w + x, None), w, np.ones(3))[0]

    assert type(pb.grad(f)(0.5)) is float
    assert type(pb.grad(pb.grad(f))(0.5)) is float


# Calls.


def test_nothing_but_the_number_of_calls_depends_on_the_loop() -> None:
    """The step is called twice to find the dtype of a Python number, else once."""
    calls = []

    def step(c: Value, x: Value) -> Value:
        calls.append(x)
        return c + x, None

    scan(step, np.float64(0.0), np.ones(50))
    assert len(calls) == 1
    scan(step, 0.0, np.ones(50))
    assert len(calls) == 3


@pytest.mark.parametrize("unroll", [1, 2, 100, np.int64(3)])
def test_unroll_changes_nothing(unroll: int) -> None:
    last, _ = scan(lambda c, x: (c * 2 + x, None), 1.0, np.arange(5.0), unroll=unroll)
    assert last == 58.0


@pytest.mark.parametrize("length", [3, np.int32(3), pb.asarray(3)])
def test_a_length_is_an_integer_of_any_kind(length: int) -> None:
    assert scan(lambda c, _: (c + 1, c), 0, None, length)[1].shape == (3,)
    assert scan(lambda c, _: (c + 1, c), 0, np.zeros((3, 2)), length)[0] == 3


# Errors. Each row: the error, its text, and the call.

X = np.arange(3.0)
PAIR = r"it must return a pair: the next carry, and what the step gives \(None, if nothing\)"


def written_to(c: Value, x: Value) -> Value:
    c[0] = x
    return c, None


def added_to(c: Value, x: Value) -> Value:
    y: Value = pb.sin(c)
    y[...] += x
    return y, None


ERRORS: list[tuple[type[PullbackError], str, Callable[[], object]]] = [
    (StructureError, f"scan: <lambda> returned an Array; {PAIR}", lambda: scan(
        lambda c, x: c, 0.0, X)),
    (StructureError, f"scan: <lambda> returned a tuple of 3; {PAIR}", lambda: scan(
        lambda c, x: (c, x, x), 0.0, X)),
    (StructureError, ("scan: the carry before a step and after it differ at the root: a leaf "
     "against tuple of 2"), lambda: scan(lambda c, x: ((c, c), None), 0.0, X)),
    (StructureError, ("scan: the carry before a step and after it differ at the root: dict with "
     "the key 'b'"), lambda: scan(lambda c, x: ({"a": c["a"]}, None), {"a": 0.0, "b": 1.0}, X)),
    (StructureError, (r"scan: the carry before a step and after it differ at \['m'\]: 'a' against "
     "'b'; only the values of numbers and arrays may differ"), lambda: scan(
        lambda c, x: ({"m": "b", "v": x}, None), {"m": "a", "v": 0.0}, X)),
    (StructureError, r"scan: .* differ at \[1\]: 'a' against float64\[\]", lambda: scan(
        lambda c, x: ((x, x), None), (0.0, "a"), X)),
    (ShapeError, (r"scan: the carry has shape \(\) before a step and \(3,\) after it; every step "
     "must give the shape that it takes"), lambda: scan(lambda c, x: (c + X, None), 0.0, X)),
    (ShapeError, r"scan: the carry at \['a'\] has shape \(\) before", lambda: scan(
        lambda c, x: ({"a": X}, None), {"a": 0.0}, X)),
    (DTypeError, ("scan: the carry has dtype float32 before a step and float64 after it; convert "
     "one with astype"), lambda: scan(lambda c, x: (c + x, None), np.float32(0), X)),
    (DTypeError, r"scan: the carry at \[0\] has dtype int64 before a step and float64", lambda:
     scan(lambda c, x: ((0.5, c[1]), None), (np.int64(0), 0), X)),
    (ShapeError, r"scan: xs\[1\] has shape \(4,\), and so 4 slices; expected 3, as in xs\[0\]",
     lambda: scan(lambda c, x: (c, None), 0.0, (X, np.arange(4)))),
    (ShapeError, r"scan: xs has shape \(3,\), and so 3 slices; expected 4, by length=\.\.\.",
     lambda: scan(lambda c, x: (c, None), 0.0, X, 4)),
    (ShapeError, "scan: xs is a scalar; expected an array, of whose axis 0 it takes slices",
     lambda: scan(lambda c, x: (c, None), 0.0, 3.0)),
    (ShapeError, r"scan: xs\['a'\]\[0\] is a scalar; .* asarray makes an array of it", lambda: scan(
        lambda c, x: (c, None), 0.0, {"a": [1.0, 2.0]})),
    (ShapeError, r"scan: xs has no arrays to count the steps by; give length=\.\.\.", lambda: scan(
        lambda c, x: (c, None), 0.0, None)),
    (ShapeError, "scan: length: expected at least 0, not -1", lambda: scan(
        lambda c, x: (c, None), 0.0, None, -1)),
    (DTypeError, r"scan: length: expected one integer, not 4\.0", lambda: scan(
        lambda c, x: (c, None), 0.0, None, 4.0)),
    (ShapeError, "scan: unroll: expected at least 1, not 0", lambda: scan(
        lambda c, x: (c, None), 0.0, X, unroll=0)),
    (ConversionError, "use where, cond or while_loop in place of a branch on it", lambda: scan(
        lambda c, x: (c if x > 0 else x, None), 0.0, X)),
    (ConversionError, r"float\(x\): the value of .* is not known", lambda: scan(
        lambda c, x: (c + float(x), None), 0.0, X)),
    (ImmutabilityError, "arrays do not change in place", lambda: scan(written_to, X, X)),
    (ImmutabilityError, "arrays do not change in place", lambda: scan(added_to, X, X)),
    (DTypeError, (r"while_loop: <lambda> returned float64\[\]; expected one boolean, as a "
     "comparison gives"), lambda: while_loop(lambda x: x, lambda x: x, 1.0)),
    (ShapeError, (r"while_loop: <lambda> returned bool\[3\]; expected one boolean, as a comparison "
     "gives, or all or any of several"), lambda: while_loop(lambda x: x < 2, lambda x: x, X)),
    (DTypeError, "while_loop: <lambda> returned None; expected one boolean", lambda: while_loop(
        lambda x: None, lambda x: x, 1.0)),
    (ShapeError, r"while_loop: the carry has shape \(3,\) before a step and \(\) after", lambda:
     while_loop(lambda x: pb.any(x > 0), pb.sum, X)),
    (StructureError, "while_loop: the carry before a step and after it differ", lambda: while_loop(
        lambda x: x[0] < 2, lambda x: [x[0]], (1.0,))),
    (ShapeError, "while_loop: max_steps: expected at least 0, not -1", lambda: while_loop(
        lambda x: x < 2, lambda x: x, 1.0, max_steps=-1)),
    (DTypeError, r"fori_loop: lower: expected one integer, not 0\.0", lambda: fori_loop(
        0.0, 3, lambda i, c: c, 0)),
    (DTypeError, "fori_loop: upper: expected one integer, not a str", lambda: fori_loop(
        0, "3", lambda i, c: c, 0)),
    (ShapeError, r"fori_loop: upper: expected one integer, not int64\[2\]", lambda: fori_loop(
        0, np.arange(2), lambda i, c: c, 0)),
    (ShapeError, r"scan: the carry has shape \(\) before", lambda: fori_loop(
        0, 3, lambda i, c: X + c, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "text", "call"), ERRORS)
def test_errors_say_what_came_and_what_to_do(
    error: type[PullbackError], text: str, call: Callable[[], object]
) -> None:
    with pytest.raises(error, match=text):
        call()


def test_an_error_in_the_body_is_raised_at_the_line_of_the_user() -> None:
    def step(c: Value, x: Value) -> Value:
        return c @ x, None

    with pytest.raises(ShapeError, match="matmul") as info:
        scan(step, np.ones((2, 3)), np.ones((4, 2)))
    assert any(entry.name == "step" for entry in info.traceback)


def test_a_result_prints_as_an_array() -> None:
    def f(x: Value) -> Value:
        last, ys = scan(lambda c, x: (c * x, c), x, np.array([1.0, 2.0]))
        assert "float64[]" in repr(last)
        assert "Array([3., 3.], float64[2]" in repr(ys)
        return last

    assert pb.grad(f)(3.0) == 2.0
