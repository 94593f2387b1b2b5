"""Calls with rules of their own as nodes: when residuals are differentiated, types, batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback import custom_jvp, custom_vjp, trace
from pullback.control.custom import BatchedFunction, Custom, Residuals
from pullback.core import Program, topological
from pullback.errors import ConversionError
from pullback.primitives.quantity import Value

X: Final = np.array([0.3, 0.5])
Rule = Callable[..., Value]
by_jvp: Final[Rule] = custom_jvp
by_vjp: Final[Rule] = custom_vjp


def opaque_forward(x: Value) -> Value:
    array = np.asarray(x)
    return np.sin(array), np.cos(array)


def backward(cosine: Value, y_bar: Value) -> Value:
    return (cosine * y_bar,)


opaque_sin: Final = by_vjp(np.sin, opaque_forward, backward)
sin: Final = by_vjp(np.sin, lambda x: (np.sin(x), np.cos(x)), backward)


def customs(program: Program) -> list[Custom]:
    return [primitive for primitive, _ in program.steps if isinstance(primitive, Custom)]


@pytest.mark.parametrize(
    "derive",
    [
        lambda f: pb.grad(lambda x: np.sum(f(x)))(X),
        lambda f: pb.jvp(f, X, np.ones(2))[1],
        lambda f: pb.linearize(f, X)[1](np.ones(2)),
        lambda f: pb.vmap(lambda e: pb.jvp(f, X, e)[1])(np.eye(2)).sum(0),
    ],
)
def test_a_first_derivative_does_not_ask_where_residuals_come_from(derive: Rule) -> None:
    np.testing.assert_array_equal(derive(opaque_sin), np.cos(X))


def first(f: Rule) -> Rule:
    return pb.grad(lambda x: np.sum(f(x)))


def test_a_second_derivative_does() -> None:
    seconds: list[Rule] = [
        lambda f: first(first(f))(X),
        lambda f: pb.jvp(first(f), X, np.ones(2))[1],
    ]
    for second in seconds:
        np.testing.assert_allclose(second(sin), -np.sin(X), rtol=1e-14)
        with pytest.raises(ConversionError, match=r"np.asarray\(x\): .* being differentiated"):
            second(opaque_sin)


def test_residuals_stand_in_the_graph_of_a_pullback_alone() -> None:
    leaves = []

    def outer(x: Value) -> Value:
        leaves.append(pb.grad(sin)(x))
        return sin(x)

    pb.grad(outer)(0.3)
    kinds = [node.primitive.__class__ for node in topological(leaves)]
    assert Residuals in kinds
    assert Custom in kinds


@pytest.mark.parametrize("f", [sin, by_jvp(np.sin, lambda p, d, y: np.cos(p[0]) * d[0])])
def test_programs_with_calls_have_the_types_that_they_state(f: Rule) -> None:
    for example in (1.0, np.float32(1), X, np.zeros((0, 2), "c8")):
        program = trace(lambda x: f(x) * 2, example)
        program.type_check()
        assert len(customs(program)) == 1
        value = program(example)
        assert np.asarray(value).dtype == program.output_types[0].dtype
        np.testing.assert_allclose(value, 2 * np.sin(example), rtol=1e-6)


def test_a_batched_call_is_one_call_of_the_batch() -> None:
    def mapped(x: Value) -> Value:
        return pb.vmap(pb.vmap(sin))(x)

    program = trace(mapped, np.ones((3, 2)))
    (call,) = customs(program)
    assert isinstance(call.function, BatchedFunction)
    assert call.function.types[0].shape == (3, 2)
    assert program == trace(mapped, np.zeros((3, 2)))
    assert repr(call.function) == "vmap(vmap(sin))"
    np.testing.assert_allclose(program(np.ones((3, 2))), np.sin(np.ones((3, 2))), rtol=1e-15)


def test_calls_of_the_same_rules_with_other_static_arguments_differ() -> None:
    power = by_jvp(lambda x, n: x**n, lambda p, d, y: p[1] * p[0] ** (p[1] - 1) * d[0])
    programs = [trace(lambda x, n=n: power(x, n), 2.0) for n in (2, 3, 2)]
    assert programs[0] == programs[2] != programs[1]
    assert [program(2.0) for program in programs] == [4.0, 8.0, 4.0]
