"""`vjp` and the `Pullback` that it returns."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
import pytest
from attrs import frozen

import pullback as pb
from pullback import Array, Pullback, nn, random, tree
from pullback.errors import DifferentiationError, DTypeError, ShapeError, StructureError
from pullback.primitives.quantity import Value
from tests.lambdas import of

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@frozen
class Model:
    """At the top level, so that it can be pickled."""

    weight: Value
    count: int
    name: str = tree.static(default="m")


def pickle_and_back(pullback: Pullback[Value, Value]) -> Pullback[Value, Value]:
    """Return a copy that shares nothing."""
    copied: Pullback[Value, Value] = pickle.loads(pickle.dumps(pullback))  # noqa: S301 - our own
    return copied


A = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]])


def test_pullback_of_a_linear_function_is_the_transposed_matrix() -> None:
    y, pullback = pb.vjp(of(lambda x: pb.matmul(A, x)), np.array([1.0, 1.0, 2.0]))
    np.testing.assert_array_equal(y, [9.0, 7.0])
    for w in np.eye(2):
        found = pullback(w)
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, A.T @ w)


def test_pullback_satisfies_the_adjoint_identity() -> None:
    # ⟨w, J v⟩ = ⟨Jᵀ w, v⟩, with J v by central differences.
    def f(x: Value) -> Value:
        return np.sin(x) * x[::-1]

    x, v, w = np.random.default_rng(0).standard_normal((3, 4))
    _, pullback = pb.vjp(f, x)
    step = 1e-6
    along = (f(x + step * v) - f(x - step * v)) / (2 * step)
    np.testing.assert_allclose(np.dot(pullback(w), v), np.dot(w, along), rtol=1e-8)


def test_trees_go_in_and_come_out() -> None:
    def f(t: dict[str, Value]) -> list[Value]:
        return [t["a"] * t["b"], {"sum": pb.sum(t["b"]), "label": t["label"]}, t["n"]]

    x = {"a": 2.0, "b": np.array([1.0, 2.0]), "n": 3, "label": "x"}
    y, pullback = pb.vjp(of(f), x)
    np.testing.assert_array_equal(y[0], [2.0, 4.0])
    assert type(y[0]) is np.ndarray
    assert y[1:] == [{"sum": 3.0, "label": "x"}, 3]
    found = pullback([np.array([1.0, 10.0]), {"sum": 100.0, "label": "ignored"}, "ignored"])
    assert found["a"] == 21.0
    np.testing.assert_array_equal(found["b"], [102.0, 120.0])
    assert (found["n"], found["label"]) == (0, "x")


def test_pullback_gives_the_same_answer_any_number_of_times() -> None:
    y, pullback = pb.vjp(of(lambda x: np.exp(x) * x), np.array([1.0, 2.0]))
    w = np.array([0.5, -1.0])
    first = pullback(w)
    assert not np.shares_memory(first, y)
    first[:] = 0  # the caller's own
    for _ in range(3):
        np.testing.assert_array_equal(pullback(w), w * np.exp([1.0, 2.0]) * [2.0, 3.0])


def test_output_that_is_an_input_or_stands_twice_counts_for_each() -> None:
    y, pullback = pb.vjp(of(lambda x: (x, x, x * 2.0)), 3.0)
    assert y == (3.0, 3.0, 6.0)
    assert pullback((1.0, 10.0, 100.0)) == 211.0

    def f(x: Value) -> Value:
        z = x * x
        return z, z

    assert pb.vjp(of(f), 3.0)[1]((1.0, 10.0)) == 66.0


def test_output_that_does_not_depend_on_the_argument_has_the_cotangent_zero() -> None:
    y, pullback = pb.vjp(of(lambda x: (np.ones(2), 4.0)), {"x": np.ones(3)})
    assert y[1] == 4.0
    np.testing.assert_array_equal(pullback((np.ones(2), 1.0))["x"], np.zeros(3))


def test_cotangent_of_a_narrower_type_is_converted() -> None:
    vector: Value = np.ones(2)
    _, pullback = pb.vjp(of(lambda x: x * 2.0), vector)
    for w in (
        np.ones(2, np.float32),
        np.ones(2, np.int8),
        np.ones(2, bool),
        pb.asarray([1.0, 1.0]),
    ):
        np.testing.assert_array_equal(np.asarray(pullback(w)), [2.0, 2.0])
    _, of_number = pb.vjp(of(lambda x: x * 2.0), 1.0)
    assert of_number(1) == 2.0
    assert type(of_number(np.float32(1))) is float
    _, of_single = pb.vjp(of(lambda x: x * 2.0), np.float32(1))
    assert type(of_single(1.0)) is np.float32


@pytest.mark.parametrize(
    ("cotangent", "error", "text"),
    [
        (
            {"b": np.ones(2)},
            StructureError,
            r"vjp: the output and its cotangent differ at the root: dict with the key 'a' against",
        ),
        ({"a": np.ones(2), "b": (1.0, 1.0)}, StructureError, r"differ at \['b'\]: tuple of 1 ag"),
        (
            {"a": np.ones(3), "b": (1.0,)},
            ShapeError,
            r"vjp: the cotangent at \['a'\]: shape \(3,\), but the output has shape \(2,\)",
        ),
        ({"a": 1.0, "b": (1.0,)}, ShapeError, r"at \['a'\]: shape \(\), but .* shape \(2,\)"),
        (
            {"a": np.ones(2), "b": (np.float64(1.0),)},
            DTypeError,
            r"at \['b'\]\[0\]: dtype float64, but the output has dtype float32; convert it",
        ),
        ({"a": 1j * np.ones(2), "b": (1.0,)}, DTypeError, r"at \['a'\]: dtype complex128, but"),
        (
            {"a": np.ones(2), "b": ("x",)},
            DTypeError,
            r"at \['b'\]\[0\]: expected float32\[\], not a",
        ),
    ],
)
def test_cotangent_that_does_not_fit_is_an_error_that_names_the_path(
    cotangent: Value, error: type[Exception], text: str
) -> None:
    _, pullback = pb.vjp(
        of(lambda t: {"a": t[0] * 2.0, "b": (t[1] * 2.0,)}), (np.ones(2), np.float32(1))
    )
    with pytest.raises(error, match=text):
        pullback(cotangent)


def test_arrays_in_arrays_out() -> None:
    y, pullback = pb.vjp(of(lambda t: (t[0] * t[1], 2.0)), (pb.asarray([1.0, 2.0]), 3.0))
    assert all(type(leaf) is Array and not leaf.sources for leaf in y)
    found = pullback((np.ones(2), 0.0))
    assert all(type(leaf) is Array and not leaf.sources for leaf in found)
    assert found[1] == 3.0


def test_plain_point_with_a_cotangent_of_ours_gives_arrays() -> None:
    x: Value = np.array([1.0, 2.0])
    _, pullback = pb.vjp(of(lambda x: x * x), x)
    assert type(pullback(np.ones(2))) is np.ndarray
    assert type(pullback(pb.asarray([1.0, 1.0]))) is Array


def test_argument_without_floating_point_numbers_is_an_error() -> None:
    with pytest.raises(DifferentiationError, match=r"vjp: no floating-point numbers .*x\['n'\]"):
        pb.vjp(of(lambda x: x), {"n": 3})


def test_argument_without_leaves_has_a_pullback() -> None:
    y, pullback = pb.vjp(of(lambda x: 2.0), {"a": ()})
    assert (y, pullback(1.0)) == (2.0, {"a": ()})
    assert pickle_and_back(pullback)(1.0) == {"a": ()}


def test_pullback_is_differentiable_in_its_cotangent() -> None:
    # The derivative of w ↦ Jᵀ w is the transposed map, v ↦ J v.
    x, v = np.array([0.5, 1.0, 2.0]), np.array([1.0, -1.0, 3.0])
    y, pullback = pb.vjp(of(lambda x: pb.matmul(A, pb.sin(x))), x)
    _, transposed = pb.vjp(pullback, np.zeros_like(y))
    np.testing.assert_allclose(transposed(v), A @ (np.cos(x) * v), rtol=1e-14)


def test_pullback_is_differentiable_in_what_the_function_closed_over() -> None:
    def slope(a: float) -> float:
        _, pullback = pb.vjp(of(lambda x: a * a * x * x), 3.0)
        result: float = pullback(1.0)
        return result  # 6a²

    assert pb.grad(slope)(2.0) == 24.0


def test_pullback_inside_and_outside_of_a_gradient() -> None:
    kept: list[Pullback[Value, Value]] = []

    def f(a: float) -> float:
        y, pullback = pb.vjp(of(lambda x: a * x**3), 2.0)
        kept.append(pullback)
        result: float = y * pullback(1.0)  # 8a · 12a
        return result

    assert pb.grad(f)(5.0) == 2 * 96 * 5.0
    assert kept[0](1.0) == 60.0  # a node still: 12a


def test_pullback_that_leaves_another_transform_goes_on_working() -> None:
    def with_pullback(x: float) -> tuple[float, Pullback[float, float]]:
        y, pullback = pb.vjp(lambda t: t * t * x, x)
        return y, pullback

    _, kept = pb.grad(with_pullback, has_aux=True)(3.0)
    assert float(pb.stop_gradient(kept(1.0))) == 18.0  # ∂(t²x)/∂t = 2tx
    (_, returned), _ = pb.vjp(with_pullback, 3.0)
    assert float(pb.stop_gradient(returned(1.0))) == 18.0
    # d/dx of what the kept one answers: d(2x²)/dx, through the trace that has ended
    assert pb.grad(lambda x: pb.grad(with_pullback, has_aux=True)(x)[1](1.0))(3.0) == 12.0


def test_pullback_in_many_threads_is_exact() -> None:
    x = np.linspace(0.1, 1.0, 50)
    _, pullback = pb.vjp(of(lambda x: np.sin(x) * np.exp(x)), x)
    slope = np.exp(x) * (np.sin(x) + np.cos(x))

    def work(k: int) -> Value:
        return pullback(np.full(50, float(k)))

    with ThreadPoolExecutor(32) as pool:
        for k, found in enumerate(pool.map(work, range(64))):
            np.testing.assert_allclose(found, k * slope, rtol=1e-13)


def test_pullback_prints_what_it_takes_and_gives() -> None:
    _, pullback = pb.vjp(of(lambda t: [t["a"], t["b"]]), {"a": 1.0, "b": 2.0})
    assert repr(pullback) == "Pullback([*, *] -> {'a': *, 'b': *})"


def make() -> tuple[Value, Pullback[Value, Value]]:
    """Return a value and pullback in which nothing but the graph is left of the function."""

    def f(model: Value) -> Value:
        h = np.tanh(model.weight * model.count)
        return {"out": pb.sum(h * h), "h": h}

    return pb.vjp(of(f), Model(np.array([0.1, -0.2, 0.3], np.float32), 3, name="first"))


COTANGENT = {"out": np.float32(2.0), "h": np.array([1.0, 0.0, -1.0], np.float32)}


@pytest.mark.parametrize(
    "copied",
    [pickle_and_back, copy.copy, copy.deepcopy],
)
def test_copied_pullback_gives_the_same_bits(copied: Callable[[Value], Value]) -> None:
    _, pullback = make()
    expected, found = pullback(COTANGENT), copied(pullback)(COTANGENT)
    assert type(found) is Model
    assert (found.count, found.name) == (0, "first")
    np.testing.assert_array_equal(found.weight, expected.weight, strict=True)
    h = np.tanh([0.3, -0.6, 0.9])
    by_hand = 3 * (1 - h**2) * (4 * h + [1, 0, -1])
    np.testing.assert_allclose(found.weight, by_hand, rtol=1e-5)


@pytest.mark.parametrize(
    "leaf",
    [
        2.0,
        2j,
        np.float64(2),
        np.float32(2),
        np.array(2.0),
        np.ones(3),
        np.ones(3, "f4"),
        7,
        "text",
    ],
)
def test_pickled_pullback_gives_the_types_of_the_argument(leaf: Value) -> None:
    _, pullback = pb.vjp(of(lambda t: t["w"] * 2.0), {"w": 1.0, "leaf": leaf})
    found = pickle_and_back(pullback)(1.0)["leaf"]
    expected = pullback(1.0)["leaf"]
    assert type(found) is type(leaf)
    np.testing.assert_array_equal(found, expected, strict=True)
    assert np.asarray(found).dtype == np.asarray(leaf).dtype


def test_pickled_pullback_of_arrays_gives_arrays() -> None:
    _, pullback = pb.vjp(of(lambda t: t["x"] * t["x"]), {"x": pb.asarray([1.0, 2.0]), "s": "text"})
    found = pickle_and_back(pullback)(np.ones(2))
    assert type(found["x"]) is Array
    np.testing.assert_array_equal(np.asarray(found["x"]), [2.0, 4.0])
    assert found["s"] == "text"


def test_pickled_pullback_of_a_network_gives_the_same_gradient() -> None:
    model = nn.MLP.create(random.key(0), [2, 3, 1])
    out, pullback = pb.vjp(of(lambda m: m(np.ones((4, 2)))), model)
    assert tree.all_close(pickle_and_back(pullback)(out), pullback(out), rtol=0, atol=0)


def test_pickle_of_a_pullback_is_linear_in_its_graph() -> None:
    def size(n: int) -> int:
        def f(x: Value) -> Value:
            for _ in range(n):
                x = x * 1.0 + x
            return x

        return len(pickle.dumps(pb.vjp(of(f), 1.0)[1]))

    assert size(20_000) < 2.2 * size(10_000)


def test_pullback_works_in_another_process() -> None:
    _, pullback = make()
    expected = pullback(COTANGENT)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = pool.submit(pullback, COTANGENT).result(120)
    np.testing.assert_array_equal(found.weight, expected.weight, strict=True)
