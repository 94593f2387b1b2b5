"""`taylor`: against nested derivatives, under other transforms, and what goes in and out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from attrs import frozen

import pullback as pb
from pullback import Array, checkpoint, cond, custom_jvp, fori_loop, scan, taylor
from pullback.core import Trace, make_node
from pullback.errors import DifferentiationError, DTypeError, ShapeError, StructureError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.types import ArrayType


def smooth(x: Value) -> Value:
    return pb.sin(x) + 0.3 * x * x


PROGRAMS: Final[dict[str, Callable[[Value], Value]]] = {
    "reshape": lambda x: pb.reshape(smooth(x), (3, 2)),
    "transpose": lambda x: smooth(x).T,
    "slicing": lambda x: smooth(x)[:, ::-2],
    "gather": lambda x: smooth(x)[:, np.array([2, 0, 2, 1])],
    "scatter": lambda x: pb.scatter_add(smooth(x), np.array([1, 1, 0]), (x * x).T @ x),
    "concat": lambda x: pb.concat([smooth(x), x], axis=1),
    "stack": lambda x: pb.stack([x[0, 0], smooth(x[0, 1]), x[1, 1] ** 2]),
    "sum": lambda x: pb.sum(smooth(x), axis=0),
    "mean": lambda x: pb.mean(smooth(x)),
    "var": lambda x: pb.var(x, axis=1),
    "std": pb.std,
    "prod": lambda x: pb.prod(smooth(x), axis=1),
    "cumprod": lambda x: pb.cumulative_prod(x, axis=1),
    "cumsum": lambda x: pb.cumulative_sum(smooth(x), axis=0),
    "max": lambda x: pb.max(smooth(x), axis=1),
    "sort": lambda x: pb.sort(smooth(x), axis=1),
    "logsumexp": lambda x: pb.logsumexp(x * 3, axis=0),
    "matmul": lambda x: smooth(x) @ x.T,
    "einsum": lambda x: pb.einsum("ij,kj,ik->j", x, smooth(x), x @ x.T),
    "where": lambda x: pb.where(x > 0.5, pb.exp(x), x * x),
    "norm": lambda x: pb.norm(smooth(x)),
    "clip": lambda x: pb.clip(smooth(x), 0.4, 0.8),
    "abs": lambda x: pb.abs(smooth(x) - 0.42),
    "outer": lambda x: pb.outer(x[0], smooth(x[1])),
    "complex": lambda x: pb.abs(pb.exp(1j * x) + x) + pb.real(pb.exp((1 + 2j) * x)),
    "numpy": lambda x: np.linalg.norm(np.tanh(x) / np.sum(x, axis=1, keepdims=True)),
}
X: Final = np.array([[0.31, 0.62, 0.45], [0.22, 0.71, 0.57]])
V: Final = np.array([[0.4, -0.2, 0.1], [0.3, 0.2, -0.1]])
W: Final = np.array([[-0.3, 0.1, 0.5], [0.2, -0.4, 0.1]])


def scalar_along(f: Callable[[Value], Value], i: int) -> Callable[[Value], Value]:
    """An element of f as a function of the parameter of a curve."""
    return lambda t: pb.ravel(f(X + V * t + W * (t * t)))[i]


@pytest.mark.parametrize("name", PROGRAMS)
def test_agrees_with_nested_derivatives(name: str) -> None:
    f = PROGRAMS[name]
    value, series = taylor(f, X, (V, W), order=4)
    np.testing.assert_allclose(value, f(pb.asarray(X)), rtol=1e-14)
    for i in range(np.size(value)):
        derivative = scalar_along(f, i)
        for k, term in enumerate(series, 1):
            derivative = pb.grad(derivative)
            expected = derivative(0.0) / math.factorial(k)
            np.testing.assert_allclose(np.ravel(term)[i], expected, rtol=1e-9, atol=1e-10)


def test_first_order_is_the_forward_mode() -> None:
    for f in PROGRAMS.values():
        value, (first,) = taylor(f, X, (V,))
        expected = pb.jvp(f, X, V)
        np.testing.assert_allclose(value, expected[0], rtol=1e-15)
        np.testing.assert_allclose(first, expected[1], rtol=1e-12, atol=1e-14)


def test_a_cubic_curve_composes_with_a_cubic() -> None:
    curve = np.polynomial.Polynomial([1.0, 2.0, -1.0, 0.5])
    expected: Value = (curve**3 - 2 * curve).coef
    given = (2.0, -1.0, 0.5)
    value, series = taylor(lambda x: x**3 - 2 * x, 1.0, given, order=9)
    np.testing.assert_allclose([value, *series], expected, rtol=1e-13, atol=1e-13)


# --------------------------------------------------------------------------------------- in and out


@frozen
class Model:
    weight: Value
    steps: int
    name: str


def test_trees_go_in_and_come_out() -> None:
    model = Model(np.array([1.0, 2.0]), 3, "linear")
    v = Model(np.array([1.0, 0.0]), 0, "ignored")

    def f(m: Model) -> dict[str, Value]:
        return {"square": m.weight * m.weight, "model": m, "fixed": 7.0, "count": m.steps}

    value, (first, second) = taylor(f, model, (v,), order=2)
    assert value["model"].name == "linear"
    np.testing.assert_array_equal(value["square"], [1.0, 4.0])
    np.testing.assert_array_equal(first["square"], [2.0, 0.0])
    np.testing.assert_array_equal(first["model"].weight, [1.0, 0.0])
    assert (first["model"].steps, first["model"].name) == (0, "linear")
    assert (first["fixed"], first["count"]) == (0.0, 0)
    np.testing.assert_array_equal(second["square"], [1.0, 0.0])
    np.testing.assert_array_equal(second["model"].weight, [0.0, 0.0])


def test_plain_in_plain_out() -> None:
    value, series = taylor(lambda x: x * x, 3.0, (1.0,), order=3)
    assert (value, series) == (9.0, (6.0, 1.0, 0.0))
    assert [type(v) for v in (value, *series)] == [float] * 4
    single = np.float32(2)
    _, (first, second) = taylor(lambda x: x * x, single, (np.float32(1),), order=2)
    assert type(first) is type(second) is np.float32
    _, (array,) = taylor(lambda x: x * 1.0, np.ones(2), (np.ones(2),))
    assert type(array) is np.ndarray
    array[0] = 5.0  # fresh, and ours to write to


@pytest.mark.parametrize("in_series", [False, True])
def test_arrays_in_arrays_out(*, in_series: bool) -> None:
    x, v = np.ones(2), np.ones(2)
    point: Value = x if in_series else pb.asarray(x)
    direction: Value = pb.asarray(v) if in_series else v
    value, series = taylor(lambda x: x * x, point, (direction,), order=3)
    assert isinstance(value, Array) is not in_series
    assert all(isinstance(term, Array) and not term.sources for term in series)


def test_order_zero_is_the_value() -> None:
    assert taylor(lambda x: x * x, 3.0, ()) == (9.0, ())
    assert taylor(lambda x: x * x, 3.0, (), order=2) == (9.0, (0.0, 0.0))


def test_single_precision_stays_single() -> None:
    x = np.array([0.5, 0.25], "float32")
    _, series = taylor(lambda x: pb.exp(2 * x) / (x + 1), x, (x, x), order=5)
    assert {term.dtype for term in series} == {np.dtype("float32")}


def test_a_narrower_coefficient_is_widened() -> None:
    _, (first,) = taylor(lambda x: x * 2, np.ones(2), (np.ones(2, "int8"),))
    assert first.dtype == "float64"


def test_a_complex_curve() -> None:
    value, series = taylor(pb.exp, 1j, (1.0 + 1j,), order=6)
    expected = [np.exp(1j) * (1 + 1j) ** k / math.factorial(k) for k in range(7)]
    np.testing.assert_allclose([value, *series], expected, rtol=1e-14)


def test_empty_and_constant_results() -> None:
    value, (first,) = taylor(lambda x: pb.exp(x[:0]), np.ones(2), (np.ones(2),))
    assert value.shape == first.shape == (0,)
    _, (first,) = taylor(lambda _: pb.asarray(np.arange(3.0)), 1.0, (1.0,))
    np.testing.assert_array_equal(first, np.zeros(3))
    assert taylor(lambda _: (), 1.0, (1.0,)) == ((), ((),))


# ------------------------------------------------------------------------------------------ nesting


def test_gradient_of_a_coefficient() -> None:
    def third(x: Value) -> Value:
        return taylor(lambda y: pb.exp(2 * y), x, (1.0,), order=3)[1][2]

    np.testing.assert_allclose(pb.grad(third)(0.3), 8 / 6 * 2 * math.exp(0.6), rtol=1e-13)


def test_gradient_with_respect_to_the_direction() -> None:
    def second(v: Value) -> Value:
        return taylor(lambda x: pb.sum(x**3), np.array([1.0, 2.0]), (v,), order=2)[1][1]

    np.testing.assert_allclose(pb.grad(second)(np.array([1.0, 3.0])), [6.0, 36.0])  # of 3 Σ x v²


def test_expansion_of_a_gradient() -> None:
    def fifth(x: Value) -> Value:
        return x**5

    value, series = taylor(pb.grad(fifth), 1.0, (1.0,), order=4)
    np.testing.assert_allclose([value, *series], [5.0, 20.0, 30.0, 20.0, 5.0])


def test_expansion_of_an_expansion() -> None:
    def inner(x: Value) -> Value:
        return taylor(pb.sin, x, (1.0,), order=2)[1][1]

    value, series = taylor(inner, 0.4, (1.0,), order=3)
    expected = [-math.sin(0.4), -math.cos(0.4), math.sin(0.4) / 2, math.cos(0.4) / 6]
    np.testing.assert_allclose([value, *series], [c / 2 for c in expected], rtol=1e-13)


def test_no_perturbation_confusion() -> None:
    def f(x: Value) -> Value:
        _, (first, _) = taylor(lambda y: x * y * y, 1.0, (1.0,), order=2)
        return x * first

    assert taylor(f, 3.0, (1.0,), order=2) == (18.0, (12.0, 2.0))
    assert pb.grad(f)(3.0) == 12.0


def test_the_curve_may_depend_on_an_outer_variable() -> None:
    def f(a: Value) -> Value:
        _, (_, second) = taylor(pb.exp, 0.0, (a, a * a))
        return second  # a²/2 + a²

    assert pb.grad(f)(2.0) == 6.0


def test_expansions_of_a_batch_and_a_batch_of_expansions() -> None:
    points = np.linspace(0.1, 1.0, 4)

    def third(x: Value) -> Value:
        return taylor(lambda y: pb.sin(y) * y**2.5, x, (1.0,), order=3)[1][2]

    np.testing.assert_allclose(pb.vmap(third)(points), [third(float(x)) for x in points])

    def f(x: Value) -> Value:
        return pb.tan(x) ** 2

    ones = np.ones(4)
    _, batched = taylor(pb.vmap(f), points, (ones,), order=3)
    _, direct = taylor(f, points, (ones,), order=3)
    np.testing.assert_allclose(batched, direct)


def test_unknown_values_expand() -> None:
    x: Value = make_node(ArrayType((3,), np.dtype("float64")), Input("x"), (), frozenset({Trace()}))

    def f(x: Value) -> Array:
        return pb.sum(pb.sin(x) * x**2.5)

    _, series = taylor(f, x, (np.ones(3),), order=3)
    assert [term.type for term in series] == [ArrayType((), np.dtype("float64"))] * 3
    assert not any(term.known for term in series)


# ------------------------------------------------------------------------------------------- errors


def test_one_coefficient_is_no_series() -> None:
    for wrong, name in (
        (1.0, "a float"),
        (np.ones(2), "an? ndarray"),
        (pb.asarray(1.0), "an Array"),
    ):
        with pytest.raises(StructureError, match=rf"taylor: the series .* not {name}; .* \(v,\)"):
            taylor(pb.sin, 1.0, wrong, order=2)  # type: ignore[arg-type]


def test_order_is_not_less_than_the_length() -> None:
    with pytest.raises(ShapeError, match=r"taylor: order is 1, .* number of coefficients, 2"):
        taylor(pb.sin, 1.0, (1.0, 2.0), order=1)
    with pytest.raises(ShapeError, match="taylor: order: expected at least 0, not -1"):
        taylor(pb.sin, 1.0, (), order=-1)


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"v": np.ones(2)}, StructureError, r"taylor: the point and its coefficient of t\*\*2"),
        ({"w": np.ones(3)}, ShapeError, r"taylor: the coefficient of t\*\*2 at \['w'\]: shape"),
        ({"w": np.ones(2) * 1j}, DTypeError, r"coefficient of t\*\*2 at \['w'\]: dtype complex"),
        ({"w": "no"}, DTypeError, r"taylor: the coefficient of t\*\*2 at \['w'\]: expected"),
    ],
)
def test_a_coefficient_that_does_not_fit(
    wrong: dict[str, Value], error: type[Exception], text: str
) -> None:
    x = {"w": np.ones(2)}
    with pytest.raises(error, match=text):
        taylor(lambda p: p["w"], x, (x, wrong))


def test_a_point_without_derivatives() -> None:
    with pytest.raises(DifferentiationError, match="taylor: no floating-point numbers"):
        taylor(lambda x: x, 2, (1,))


def test_control_flow_is_written_out() -> None:
    """Loops of loops and branches, with what does not move beside what does."""

    def f(x: Value) -> Value:
        def step(c: Value, y: Value) -> Value:
            n, h = c
            h = cond(n % 2 == 0, lambda: pb.sin(h) * y, lambda: pb.exp(-h) + n)
            looped = checkpoint(lambda h: fori_loop(0, 2, lambda i, g: g * x + i, h))(h)
            return (n + 1, looped), (n, h)

        (n, h), (numbers, hs) = scan(step, (0, x), np.array([0.5, 1.5, 0.7]))
        assert n == 3
        return h, hs, numbers

    def g(x: Value) -> Value:
        h, hs = x, []
        for n, y in enumerate([0.5, 1.5, 0.7]):
            h = pb.exp(-h) + n if n % 2 else pb.sin(h) * y
            hs.append(h)
            h = (h * x) * x + 1
        return h, pb.stack(hs), np.arange(3)

    (value, terms), (expected, others) = (
        taylor(function, 0.3, (1.0, 0.2), order=4) for function in (f, g)
    )
    for ours, theirs in zip((value, *terms), (expected, *others), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b)


def test_a_call_with_custom_rules_is_refused() -> None:
    f = custom_jvp(pb.sin, lambda primals, tangents, y: tangents[0])
    with pytest.raises(DifferentiationError, match=r"taylor: custom calls have no .*; nest jvp"):
        taylor(f, 1.0, (1.0,))
