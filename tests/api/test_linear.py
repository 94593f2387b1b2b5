"""Linear functions as values: `linearize`, `linear_transpose`, `LinearMap`."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import pullback as pb
from pullback import Array, LinearMap
from pullback.errors import DifferentiationError, DTypeError, ShapeError, StructureError
from pullback.primitives.quantity import Value
from tests.lambdas import number, of


def test_pushforward_equals_jvp_in_every_direction() -> None:
    def f(x: Value) -> Value:
        return {"y": np.sin(x) * x[::-1], "s": pb.sum(x * x), "n": 3, "t": "text"}

    x = np.random.default_rng(0).standard_normal(4)
    y, pushforward = pb.linearize(f, x)
    assert y["n"] == 3
    for v in np.random.default_rng(1).standard_normal((5, 4)):
        expected, found = pb.jvp(f, x, v)[1], pushforward(v)
        np.testing.assert_allclose(found["y"], expected["y"], rtol=1e-15)
        np.testing.assert_allclose(found["s"], expected["s"], rtol=1e-15)
        assert (found["n"], found["t"]) == (0, "text")


def test_the_function_is_called_once() -> None:
    calls = []

    def f(x: Value) -> Value:
        calls.append(1)
        return np.exp(x)

    _, pushforward = pb.linearize(f, 0.0)
    assert [pushforward(1.0), pushforward(2.0)] == [1.0, 2.0]
    assert len(calls) == 1


def test_what_does_not_depend_on_the_direction_is_computed_once() -> None:
    _, pushforward = pb.linearize(of(lambda x: np.sin(np.exp(x))), np.ones(3))
    names = {primitive.name for primitive, _ in pushforward._program.steps}
    assert names <= {"multiply", "cast", "broadcast_to"}


def test_results_are_plain_where_nothing_was_an_array() -> None:
    plain: LinearMap[Value, Value]
    arrays: LinearMap[Value, Value]
    _, plain = pb.linearize(of(lambda x: x * 2.0), np.ones(2))
    assert type(plain(np.ones(2))) is np.ndarray
    assert type(plain(pb.ones(2))) is Array
    _, arrays = pb.linearize(of(lambda x: x * 2.0), pb.ones(2))
    assert type(arrays(np.ones(2))) is Array
    assert type(pb.linearize(number(lambda x: x * x), 3.0)[1](1.0)) is float


def test_several_leaves_and_unmoved_outputs() -> None:
    f = of(lambda t: (t[0] * 2.0, t[0] * 2.0, np.float32(1.0), np.floor(t[1])))
    _, pushforward = pb.linearize(f, (1.0, np.ones(2)))
    a, b, c, d = pushforward((3.0, np.ones(2)))
    assert (a, b, c) == (6.0, 6.0, 0.0)
    np.testing.assert_array_equal(d, [0.0, 0.0])


def test_pushforward_differentiates_in_the_direction_and_in_what_f_closes_over() -> None:
    f = number(lambda v: pb.linearize(number(lambda x: x**3), 2.0)[1](v) ** 2)  # (12 v)²
    assert pb.grad(f)(1.0) == 288.0
    g = number(lambda a: pb.linearize(number(lambda x: a * x * x), 3.0)[1](1.0))  # 6 a
    assert pb.grad(g)(5.0) == 6.0
    assert pb.jvp(g, 5.0, 1.0) == (30.0, 6.0)
    h = number(lambda x: pb.linearize(number(lambda y: y * y * x), x)[1](1.0))  # 2 x²
    assert pb.grad(h)(3.0) == 12.0
    assert pb.grad(pb.grad(h))(3.0) == 4.0


def test_linearize_of_linearize_is_the_second_derivative() -> None:
    f = number(lambda x: pb.linearize(number(lambda y: y**4), x)[1](1.0))
    y, second = pb.linearize(f, 2.0)
    assert (y, second(1.0)) == (32.0, 48.0)


def test_linear_maps_pickle_copy_and_run_in_threads() -> None:
    x = np.random.default_rng(0).standard_normal(20)
    _, pushforward = pb.linearize(of(lambda x: np.tanh(x) * pb.sum(x)), x)
    copied: LinearMap[Value, Value] = pickle.loads(pickle.dumps(pushforward))  # noqa: S301 - ours
    directions = np.random.default_rng(1).standard_normal((40, 20))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(copied, directions))
    np.testing.assert_array_equal(found, [pushforward(v) for v in directions])
    assert repr(copied) == "LinearMap(* -> *)"


def test_linear_map_is_a_leaf_that_a_function_may_return() -> None:
    _, pushforward = pb.vmap(of(lambda x: (x, pb.linearize(pb.sin, 0.0)[1])), size=1)(np.ones(1))
    assert pushforward(2.0) == 2.0


@pytest.mark.parametrize(
    ("v", "error", "text"),
    [
        (np.ones(3), ShapeError, r"linearize: the tangent at the root: shape \(3,\), but the"),
        ([np.ones(2)], StructureError, "linearize: the point and its tangent differ"),
        (np.ones(2) * 1j, DTypeError, "linearize: the tangent at the root: dtype complex128"),
    ],
)
def test_bad_tangents_are_refused(v: Value, error: type[Exception], text: str) -> None:
    _, pushforward = pb.linearize(of(lambda x: x * 2), np.ones(2))
    with pytest.raises(error, match=text):
        pushforward(v)


A = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: A @ x,
        lambda x: pb.cumsum(x)[:2] * 3.0,
        lambda x: pb.stack([x[0], pb.sum(x[1:])]) / 2,
        lambda x: pb.concat([x[::-1], x])[1:3],
        lambda x: pb.zeros(2) + x[:2] - x[1:],
        lambda x: pb.where(np.array([True, False]), x[:2], 0.0),
        lambda x: pb.scan(lambda c, row: (c, pb.sum(row * x)), 0.0, A)[1],
    ],
)
def test_transpose_is_the_adjoint(f: object) -> None:
    g = of(f)  # type: ignore[arg-type]  # a table of lambdas
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(3), rng.standard_normal(2)
    transpose = pb.linear_transpose(g, np.zeros(3))
    found = transpose(w)
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found @ x, w @ np.asarray(g(pb.asarray(x))), rtol=1e-13)


def test_transpose_of_transpose_is_the_function() -> None:
    f = of(lambda x: A @ x)
    twice = pb.linear_transpose(pb.linear_transpose(f, np.zeros(3)), np.zeros(2))
    np.testing.assert_allclose(twice(np.ones(3)), A @ np.ones(3), rtol=1e-15)


def test_transpose_of_a_pushforward_is_the_pullback() -> None:
    def f(x: Value) -> Value:
        return np.sin(x) * x[::-1] + pb.prod(x)

    x, w = np.random.default_rng(3).standard_normal((2, 4))
    _, pushforward = pb.linearize(f, x)
    _, pullback = pb.vjp(f, x)
    np.testing.assert_allclose(pb.linear_transpose(pushforward, x)(w), pullback(w), rtol=1e-13)


LOOPS = [
    lambda x: pb.scan(lambda c, v: (c * v, c), 1.0, x)[1],
    lambda x: pb.scan(lambda c, _: (c * x, pb.sum(c)), x, None, length=2)[0],
    lambda x: pb.scan(lambda c, _: (c, np.sin(c)), x, None, length=2)[1][1],
    lambda x: pb.fori_loop(0, 3, lambda i, c: np.cos(c) * x, x),
    lambda x: pb.while_loop(lambda c: c[1] < 9, lambda c: (c[0] * x, c[1] * 2), (x, 1),
                            max_steps=5)[0],
    lambda x: pb.while_loop(lambda c: pb.sum(c) < 20, lambda c: c * x + 1, x, max_steps=5),
    lambda x: pb.vmap(lambda p: pb.cond(p, np.sin, np.exp, x))(np.array([True, False]))[1],
    pb.checkpoint(lambda x: np.sin(x) * x),
]  # fmt: skip


@pytest.mark.parametrize("f", LOOPS)
def test_transpose_of_a_pushforward_through_control_flow_is_the_pullback(f: object) -> None:
    g = of(f)  # type: ignore[arg-type]  # a table of lambdas
    x, w = np.array([0.5, 1.0, 2.0]), np.array([1.0, -2.0, 0.5])
    (_, pushforward), (_, pullback) = pb.linearize(g, x), pb.vjp(g, x)
    np.testing.assert_allclose(pb.linear_transpose(pushforward, x)(w), pullback(w), rtol=1e-13)


def test_complex_transpose_is_the_adjoint_of_the_real_inner_product() -> None:
    c = np.array([1.0 + 2j, -0.5j])
    transpose = pb.linear_transpose(of(lambda z: c * z), np.zeros(2, complex))
    w = np.array([2.0 - 1j, 1.0 + 1j])
    np.testing.assert_allclose(transpose(w), np.conj(c) * w, rtol=1e-15)


def test_trees_and_unused_leaves() -> None:
    f = of(lambda t: {"y": t["a"] * 2.0 + t["b"][0]})
    point: Value = {"a": 0.0, "b": [0.0, np.zeros(2)], "n": 1}
    found = pb.linear_transpose(f, point)({"y": 3.0})
    assert found["a"] == 6.0
    assert found["b"][0] == 3.0
    np.testing.assert_array_equal(found["b"][1], [0.0, 0.0])
    assert found["n"] == 0


def test_transpose_differentiates_in_what_the_function_closes_over() -> None:
    f = number(lambda a: pb.linear_transpose(number(lambda x: a * a * x), 0.0)(1.0))
    assert pb.grad(f)(3.0) == 6.0


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda x: x * x, "is not linear: its derivative is not constant"),
        (lambda x: x + 1, "is not linear: it is not zero at zero"),
        (pb.sin, "is not linear: its derivative is not constant"),
        (lambda x: pb.where(x > 0, x, 2 * x), "is not linear: its derivative is not constant"),
    ],
)
def test_functions_that_are_not_linear_are_refused(f: object, text: str) -> None:
    with pytest.raises(DifferentiationError, match=text):
        pb.linear_transpose(of(f), np.zeros(2))  # type: ignore[arg-type]  # a table of lambdas
