"""`jvp`: the derivative along a direction."""

from __future__ import annotations

import math
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
import pytest
from attrs import frozen

import pullback as pb
from pullback import Array, tree
from pullback.errors import DifferentiationError, DTypeError, ShapeError, StructureError
from pullback.primitives.quantity import Value
from tests.lambdas import number, of

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@frozen
class Model:
    weight: Value
    count: int
    name: str = tree.static(default="m")


def test_jvp_of_a_linear_function_is_the_matrix() -> None:
    a = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]])
    for v in np.eye(3):
        y, y_dot = pb.jvp(of(lambda x: pb.matmul(a, x)), np.ones(3), v)
        np.testing.assert_array_equal(y, a @ np.ones(3))
        np.testing.assert_array_equal(y_dot, a @ v)


def test_a_number_gives_numbers() -> None:
    y, y_dot = pb.jvp(number(lambda x: x * x * x), 2.0, 1.0)
    assert (y, y_dot) == (8.0, 12.0)
    assert type(y) is float
    assert type(y_dot) is float


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 3)])
def test_derivative_agrees_with_differences(shape: tuple[int, ...]) -> None:
    def f(x: Value) -> Value:
        return np.sin(x) * np.exp(-x) + pb.sum(x * x)

    rng = np.random.default_rng(0)
    x, v = rng.standard_normal((2, *shape))
    step = 1e-6
    along = (f(x + step * v) - f(x - step * v)) / (2 * step)
    y, y_dot = pb.jvp(f, x, v)
    np.testing.assert_allclose(y, f(x), rtol=1e-15)
    np.testing.assert_allclose(y_dot, along, rtol=1e-8, atol=1e-9)
    assert np.shape(y_dot) == shape


def test_jvp_and_vjp_are_adjoint_for_complex_numbers() -> None:
    rng = np.random.default_rng(1)
    x, v, w = (rng.standard_normal((3, 4)) + 1j * rng.standard_normal((3, 4)))[:3]

    def f(z: Value) -> Value:
        return np.exp(z) * np.conj(z)[::-1] + np.abs(z) ** 2

    _, y_dot = pb.jvp(f, x, v)
    _, pullback = pb.vjp(f, x)
    np.testing.assert_allclose(np.vdot(w, y_dot).real, np.vdot(pullback(w), v).real, rtol=1e-12)


def test_trees_go_in_and_come_out() -> None:
    def f(t: dict[str, Value]) -> list[Value]:
        return [t["a"] * t["b"], {"sum": pb.sum(t["b"]), "label": t["label"]}, t["n"]]

    x = {"a": 2.0, "b": np.array([1.0, 2.0]), "n": 3, "label": "x"}
    v = {"a": 1.0, "b": np.array([10.0, 100.0]), "n": 0, "label": "ignored"}
    y, y_dot = pb.jvp(of(f), x, v)
    np.testing.assert_array_equal(y[0], [2.0, 4.0])
    np.testing.assert_array_equal(y_dot[0], [1.0 + 20.0, 2.0 + 200.0])
    assert y_dot[1:] == [{"sum": 110.0, "label": "x"}, 0]


def test_a_model_moves_along_a_model() -> None:
    model = Model(np.array([1.0, 2.0]), 3)
    y, y_dot = pb.jvp(of(lambda m: Model(m.weight * m.count, m.count)), model, model)
    np.testing.assert_array_equal(y.weight, [3.0, 6.0])
    np.testing.assert_array_equal(y_dot.weight, [3.0, 6.0])
    assert (y_dot.count, y_dot.name) == (0, "m")


def test_arrays_in_give_arrays_and_plain_in_plain_out() -> None:
    f = of(lambda x: (x * 2.0, 1.0))
    for x, v, kind in [
        (np.ones(2), np.ones(2), np.ndarray),
        (pb.ones(2), np.ones(2), Array),
        (pb.ones(2), pb.ones(2), Array),
    ]:
        (y, _), (y_dot, zero) = pb.jvp(f, x, v)
        assert type(y) is kind
        assert type(y_dot) is kind
        assert float(zero) == 0.0


def test_an_output_that_does_not_move_has_a_zero_tangent_of_its_type() -> None:
    f = of(lambda x: {"floor": np.floor(x), "shape": x.shape[0], "const": np.float32(1.0)})
    _, y_dot = pb.jvp(f, np.array([1.5, 2.5]), np.ones(2))
    np.testing.assert_array_equal(y_dot["floor"], [0.0, 0.0])
    assert y_dot["shape"] == 0
    assert y_dot["const"] == 0.0
    assert type(y_dot["const"]) is np.float32


def test_a_constant_function_has_a_zero_tangent() -> None:
    assert pb.jvp(of(lambda x: 3.0), 1.0, 1.0) == (3.0, 0.0)
    _, y_dot = pb.jvp(of(lambda x: pb.stop_gradient(x) * 2), np.ones(2), np.ones(2))
    np.testing.assert_array_equal(y_dot, [0.0, 0.0])


def test_single_precision_stays() -> None:
    x = np.ones(3, np.float32)
    y, y_dot = pb.jvp(of(lambda x: np.exp(x) * 2.0), x, x)
    assert y.dtype == y_dot.dtype == np.float32


def test_python_control_flow_sees_values() -> None:
    def f(x: Value) -> Value:
        y = x
        while y < 100:
            y = y * x
        return y

    y, y_dot = pb.jvp(f, 3.0, 1.0)
    assert (y, y_dot) == (243.0, 5 * 81.0)


def test_a_branch_not_taken_does_not_spoil_the_tangent() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f = of(lambda x: np.where(x > 0, np.sqrt(x), 0.0))
        _, y_dot = pb.jvp(f, np.array([0.0, 4.0, -1.0]), np.ones(3))
    np.testing.assert_array_equal(y_dot, [0.0, 0.25, 0.0])


@pytest.mark.parametrize("order", range(1, 6))
def test_nested_forward_mode_gives_every_order(order: int) -> None:
    f = number(lambda x: np.exp(x))  # noqa: PLW0108 - for its type
    for _ in range(order):
        inner = f
        f = number(lambda x, g=inner: pb.jvp(g, x, 1.0)[1] * 2.0)  # type: ignore[misc]  # a default
    np.testing.assert_allclose(f(0.5), 2.0**order * math.exp(0.5), rtol=1e-14)


def test_forward_over_reverse_and_reverse_over_forward_agree() -> None:
    def f(x: Value) -> Value:
        return pb.sum(pb.sin(x) * x[::-1]) * x[0]

    x, v = np.random.default_rng(2).standard_normal((2, 4))
    step = 1e-6
    differences = (pb.grad(f)(x + step * v) - pb.grad(f)(x - step * v)) / (2 * step)
    over_reverse = pb.jvp(pb.grad(f), x, v)[1]
    over_forward = pb.grad(of(lambda x: pb.jvp(f, x, v)[1]))(x)
    np.testing.assert_allclose(over_reverse, over_forward, rtol=1e-13)
    np.testing.assert_allclose(over_reverse, differences, rtol=1e-6)


def test_perturbations_are_not_confused() -> None:
    # d/dx (x · d/dy (x + y)) = 1, and not 2.
    f = number(lambda x: x * pb.jvp(number(lambda y: x + y), 1.0, 1.0)[1])
    assert pb.jvp(f, 5.0, 1.0) == (5.0, 1.0)
    g = number(lambda x: x * pb.jvp(number(lambda y: x * y), 1.0, x)[1])  # x·(x·x)
    assert pb.grad(g)(2.0) == 12.0
    assert pb.jvp(g, 2.0, 1.0) == (8.0, 12.0)


def test_the_direction_may_be_differentiated() -> None:
    f = number(lambda v: pb.jvp(number(lambda y: y**3), 2.0, v)[1])  # 12·v
    assert pb.grad(f)(5.0) == 12.0
    assert pb.jvp(f, 5.0, 1.0) == (60.0, 12.0)


def test_closures_keep_what_an_outer_transform_differentiates() -> None:
    f = number(lambda a: pb.jvp(number(lambda x: a * a * x), 1.0, 1.0)[1])
    assert pb.grad(f)(3.0) == 6.0


def test_a_chain_of_100000_operations_does_not_recurse() -> None:
    def f(x: Value) -> Value:
        for _ in range(100_000):
            x = x * 1.0
        return x

    assert pb.jvp(f, 2.0, 3.0) == (2.0, 3.0)


def test_shared_nodes_are_visited_once() -> None:
    def f(x: Value) -> Value:
        for _ in range(60):
            x = x + x
        return x

    assert pb.jvp(f, 1.0, 1.0) == (2.0**60, 2.0**60)


def test_threads_share_nothing() -> None:
    def work(i: int) -> Value:
        return pb.jvp(of(lambda x: pb.sum(pb.sin(x * i))), np.arange(50.0), np.ones(50))[1]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(200)))
    assert found == [work(i) for i in range(200)]


def test_the_caller_may_change_his_arrays_afterwards() -> None:
    x, v = np.ones(3), np.ones(3)
    y, y_dot = pb.jvp(of(lambda x: x), x, v)
    x[:], v[:] = 7.0, 8.0
    np.testing.assert_array_equal(y, np.ones(3))
    np.testing.assert_array_equal(y_dot, np.ones(3))
    y[:] = 5.0  # and the result is his own


@pytest.mark.parametrize(
    ("x", "v", "error", "text"),
    [
        (np.ones(2), np.ones(3), ShapeError, r"jvp: the tangent at the root: shape \(3,\), but"),
        ({"a": 1.0}, {"b": 1.0}, StructureError, "jvp: the point and its tangent differ"),
        (np.ones(2, np.float32), np.ones(2), DTypeError, "dtype float64, but the point has dtype"),
        (np.ones(2), np.ones(2) * 1j, DTypeError, "dtype complex128, but the point has"),
        ([1.0, 2.0], [1.0, "x"], DTypeError, r"jvp: the tangent at \[1\]: expected weak float64"),
        (1, 1, DifferentiationError, "jvp: no floating-point numbers to differentiate"),
    ],
)
def test_bad_tangents_are_refused(x: object, v: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        pb.jvp(of(lambda x: x), x, v)
