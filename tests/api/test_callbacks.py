"""`pure_callback`: foreign functions under every transform, what they may do, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback import custom_jvp, custom_vjp, pure_callback, scan, trace
from pullback.core import Array
from pullback.errors import (
    ConversionError,
    DifferentiationError,
    DTypeError,
    ShapeError,
    StructureError,
)
from pullback.primitives.quantity import Value
from pullback.types import ArrayType
from tests.control.reference import close

X: Final = np.array([0.3, 0.5, 0.7])
VECTOR: Final = ArrayType((3,), np.dtype(np.float64))


def host_sin(x: Value) -> Value:
    """The sine, by code that takes nothing but ndarrays and numbers."""
    assert isinstance(x, (np.ndarray, np.generic, float))
    out = np.empty(np.shape(x), x.dtype if isinstance(x, np.generic) else np.asarray(x).dtype)
    np.sin(x, out=out)
    return out


def sin(x: Value) -> Value:
    return pure_callback(host_sin, x, x, vectorized=True)


def push(primals: Value, tangents: Value, y: Value) -> Value:
    return pure_callback(np.cos, y, primals[0], vectorized=True) * tangents[0]


own_sin: Final = custom_jvp(sin, push)


# ------------------------------------------------------------------------------------------- values


def test_plain_in_plain_out() -> None:
    found = sin(X)
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, np.sin(X))
    found[0] = 1.0  # it is the caller's
    assert type(sin(0.5)) is np.float64
    assert type(sin(pb.asarray(X))) is Array


def test_the_result_is_stated_by_types_or_examples() -> None:
    def both(x: Value) -> Value:
        return {"sum": x.sum(), "rows": (x, x > 0.4)}

    example = {"sum": 0.0, "rows": (X, np.zeros(3, bool))}
    types = {"sum": 0.0, "rows": (VECTOR, ArrayType((3,), np.dtype(np.bool_)))}
    for stated in (example, types):
        found: Value = pure_callback(both, stated, X)
        np.testing.assert_array_equal(found["rows"][1], X > 0.4)
        assert found["sum"] == X.sum()


def test_a_narrower_dtype_becomes_the_stated_one() -> None:
    found = pure_callback(lambda x: x.astype("f4"), VECTOR, X)
    assert found.dtype == np.float64


def test_other_arguments_are_handed_on_as_they_are() -> None:
    def power(x: Value, n: int, name: str, options: dict[str, float]) -> Value:
        assert (type(n), name, options) == (int, "cube", {"scale": 2.0})
        return options["scale"] * x**n

    np.testing.assert_array_equal(pure_callback(power, X, X, 3, "cube", {"scale": 2.0}), 2 * X**3)


@pytest.mark.parametrize("x", [X, pb.asarray(X)])
def test_arguments_cannot_be_written_to(x: Value) -> None:
    def write(x: Value) -> Value:
        x[0] = 5.0
        return x

    with pytest.raises(ValueError, match="read-only"):
        pure_callback(write, VECTOR, x)
    np.testing.assert_array_equal(x, X)


def test_what_is_returned_is_copied() -> None:
    kept: list[Value] = []

    def keep(x: Value) -> Value:
        kept.append(x * 2)
        return kept[0]

    found = pure_callback(keep, VECTOR, pb.asarray(X))
    kept[0][:] = 0.0
    np.testing.assert_array_equal(found, 2 * X)


def test_a_view_of_the_argument_may_be_returned() -> None:
    x = pb.asarray(X)
    found = pure_callback(lambda x: x[::-1], VECTOR, x)
    np.testing.assert_array_equal(found, X[::-1])


def test_what_the_function_raises_passes_as_it_is_after_one_call() -> None:
    calls: list[int] = []

    def fail(_: Value) -> Value:
        calls.append(1)
        raise ZeroDivisionError

    for run in (lambda x: pure_callback(fail, x, x), pb.grad(lambda x: pure_callback(fail, x, x))):
        with pytest.raises(ZeroDivisionError):
            run(1.0)
    assert calls == [1, 1]


# --------------------------------------------------------------------------------------- transforms


def test_a_derivative_without_a_rule_is_an_error() -> None:
    for derive in (pb.grad(lambda x: pb.sum(sin(x))), lambda x: pb.jvp(sin, x, x)):
        with pytest.raises(DifferentiationError, match=r"host_sin is foreign .* custom_jvp or cus"):
            derive(X)


def test_stop_gradient_takes_the_result_for_a_constant() -> None:
    def f(x: Value) -> Value:
        return pb.sum(sin(pb.stop_gradient(x)) * x)

    np.testing.assert_array_equal(pb.grad(f)(X), np.sin(X))
    np.testing.assert_array_equal(pb.vmap(pb.grad(f))(X[None])[0], np.sin(X))


def test_integers_have_no_derivative_to_ask_for() -> None:
    def f(x: Value) -> Value:
        return x * pure_callback(lambda x: np.int64(x > 0.4), 0, x, vectorized=True)

    assert pb.grad(f)(0.5) == 1.0
    assert pb.jvp(f, 0.5, 2.0)[1] == 2.0


DERIVATIVES: Final[list[Callable[[Value], Value]]] = [
    lambda f: pb.grad(lambda x: pb.sum(f(x)))(X),
    lambda f: pb.jvp(f, X, 2 * X),
    lambda f: pb.linearize(f, X)[1](2 * X),
    lambda f: pb.vmap(f)(X),
    lambda f: pb.vmap(pb.vmap(f))(np.stack([X, 2 * X])),
    lambda f: pb.vmap(pb.grad(f))(X),
    lambda f: pb.grad(lambda x: pb.sum(pb.vmap(f)(x) ** 2))(X),
    lambda f: pb.vmap(lambda t: pb.jvp(f, X, t)[1])(np.eye(3)),
    lambda f: scan(lambda c, x: (f(c) * x, f(x)), 0.5, X),
    lambda f: pb.grad(lambda c: scan(lambda c, x: (f(c) * x, f(x)), c, X)[0])(0.5),
    lambda f: pb.vmap(pb.grad(lambda c: scan(lambda c, x: (f(c) * x, f(x)), c, X)[0]))(X),
]


@pytest.mark.parametrize("derive", DERIVATIVES)
def test_a_rule_gives_it_the_derivatives_of_the_operation(derive: Callable[[Value], Value]) -> None:
    close(derive(own_sin), derive(np.sin), 1e-14)


def test_rules_in_reverse_mode_may_call_foreign_code_too() -> None:
    f = custom_vjp(
        sin,
        lambda x: (sin(x), x),
        lambda x, y_bar: (pure_callback(lambda x, w: np.cos(x) * w, x, x, y_bar),),
    )
    np.testing.assert_allclose(pb.grad(lambda x: pb.sum(f(x)))(X), np.cos(X), rtol=1e-15)


def test_a_batch_is_one_call_with_all_arguments_batched() -> None:
    shapes: list[Value] = []

    def add(x: Value, y: Value) -> Value:
        shapes.append((x.shape, y.shape))
        return x + y

    def f(x: Value, y: Value) -> Value:
        return pure_callback(add, x, x, y, vectorized=True)

    found = pb.vmap(f, in_axes=(0, None))(np.eye(3), X)
    np.testing.assert_array_equal(found, np.eye(3) + X)
    assert shapes == [((3, 3), (3, 3))]
    assert pb.vmap(f, in_axes=(0, None))(np.zeros((0, 3)), X).shape == (0, 3)


def test_vmap_of_a_function_of_one_example_is_an_error_that_names_the_remedy() -> None:
    with pytest.raises(ConversionError, match=r"call host_sin .*; pass vectorized=True .* scan"):
        pb.vmap(lambda x: pure_callback(host_sin, x, x))(X)


def test_programs_call_it_when_they_are_evaluated() -> None:
    program = trace(lambda x: sin(x) * 2, X)
    assert "callback" in str(program)
    assert program == trace(lambda x: sin(x) * 2, X)
    np.testing.assert_array_equal(program(2 * X), 2 * np.sin(2 * X))


# ------------------------------------------------------------------------------------------- errors

WRONG: Final[list[tuple[Callable[[Value], Value], Value, type[Exception], str]]] = [
    (lambda x: x[:2], X, ShapeError, r"shape \(2,\), but the stated result has shape \(3,\)"),
    (lambda x: x * 1j, X, DTypeError, "dtype complex128, but the stated result has dtype float64"),
    (lambda x: "text", X, DTypeError, r"at the root, expected float64\[3\], not a str"),
    (lambda x: (x, x), X, StructureError, "the stated result and what <lambda> returned differ"),
    (lambda x: x, "text", DTypeError, "the stated result at .* is a str; expected an array"),
]


@pytest.mark.parametrize(("f", "result", "error", "text"), WRONG)
def test_other_results_than_the_stated_ones_are_refused(
    f: Callable[[Value], Value], result: Value, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=f"pure_callback: .*{text}"):
        pure_callback(f, result, X)


def test_a_function_that_closes_over_a_traced_value_is_refused() -> None:
    with pytest.raises(ConversionError, match="it cannot close over such"):
        pb.grad(lambda t: pure_callback(lambda x: x * t, 0.0, 2.0))(3.0)
