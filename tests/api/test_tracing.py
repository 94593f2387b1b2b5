"""`trace` makes programs of functions, and a program is called as its function is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from attrs import frozen

import pullback as pb
from pullback.core import Array, Program, Trace, build_program, unknown
from pullback.errors import (
    ConversionError,
    DTypeError,
    ProgramError,
    PullbackError,
    ShapeError,
    StructureError,
)
from pullback.primitives.quantity import Value
from pullback.types import ArrayType
from tests.lambdas import of

F8: Final = np.dtype("f8")
X: Final = np.array([0.5, 1.5, 2.5])
NONE: Final = np.zeros((0, 2), "i2")


@frozen
class Model:
    weight: Value
    name: str
    bias: Value = 0.0


def predict(model: Model, x: Value, scale: Value = 1.0) -> dict[str, Value]:
    return {"y": np.tanh(model.weight @ x) * scale + model.bias, "name": model.name}


MODEL: Final = Model(np.ones((2, 3)), "net")


def test_program_takes_and_gives_the_trees_of_the_function() -> None:
    program = pb.trace(predict, MODEL, X)
    other = Model(np.full((2, 3), 0.25), "net", 1.5)
    found, expected = program(other, 2 * X), predict(other, 2 * X)
    np.testing.assert_array_equal(found["y"], expected["y"])
    assert isinstance(found["y"], np.ndarray)
    assert found["name"] == "net"
    assert program.names == ("model.weight", "model.bias", "x")


def test_function_is_called_once_and_not_by_the_program() -> None:
    calls = []

    def f(x: Value) -> Value:
        calls.append(x)
        return x * 2

    program = pb.trace(f, 1.0)
    assert [program(2.0), program(3.0)] == [4.0, 6.0]
    assert len(calls) == 1
    assert not calls[0].known


@pytest.mark.parametrize(
    ("example", "type_", "value", "result"),
    [
        (1.0, ArrayType((), F8, weak=True), 3.0, float),
        (1, ArrayType((), np.dtype("i8"), weak=True), 3, int),
        (True, ArrayType((), np.dtype("?"), weak=True), False, bool),
        (1j, ArrayType((), np.dtype("c16"), weak=True), 2j, complex),
        (np.float32(1), ArrayType((), np.dtype("f4")), np.float32(3), np.float32),
        (np.array(1.0), ArrayType((), F8), np.array(2.0), np.float64),
        (X, ArrayType((3,), F8), X, np.ndarray),
        (X.astype(">f4"), ArrayType((3,), np.dtype("f4")), X.astype("f4"), np.ndarray),
        (NONE, ArrayType((0, 2), np.dtype("i2")), NONE, np.ndarray),
        (pb.ones(3), ArrayType((3,), F8), pb.ones(3), Array),
        (pb.ones(3), ArrayType((3,), F8), X, np.ndarray),  # plain in, plain out: at the call
        (X, ArrayType((3,), F8), pb.ones(3), Array),
        (ArrayType((3,), F8), ArrayType((3,), F8), X, np.ndarray),
        (ArrayType((), F8, weak=True), ArrayType((), F8, weak=True), 2.0, float),
    ],
)  # fmt: skip
def test_example_gives_the_type_of_an_input(
    example: Value, type_: ArrayType, value: Value, result: type
) -> None:
    program = pb.trace(of(lambda x: x), example)
    assert program.inputs == (type_,)
    assert type(program(value)) is result
    np.testing.assert_array_equal(np.asarray(program(value)), np.asarray(value))


def test_weak_numbers_stay_weak() -> None:
    program = pb.trace(lambda x, y: (x * y, y + 1), np.ones(2, "f4"), 2.0)
    x, y = program(np.ones(2, "f4"), 3.0)
    assert x.dtype == np.float32
    assert type(y) is float


def test_values_that_fit_are_converted_to_the_types_of_the_inputs() -> None:
    program = pb.trace(lambda x, y: (x, y), X, 1.0)
    x, y = program(np.array([1, 2, 3], "f4"), 2)
    assert x.dtype == np.float64
    assert type(y) is float


def test_results_share_no_memory_with_arguments_or_constants() -> None:
    table = np.arange(3.0)
    program = pb.trace(lambda x: (x, table), X)
    x, found = program(X)
    x[0] = found[0] = 9.0
    again = program(X)
    np.testing.assert_array_equal(again[0], X)
    np.testing.assert_array_equal(again[1], np.arange(3.0))


def test_keywords_are_given_as_in_the_trace_in_any_order() -> None:
    program = pb.trace(lambda x, *, a, b: x * a - b, 1.0, b=2.0, a=3.0)
    assert program(1.0, a=5.0, b=1.0) == program(1.0, b=1.0, a=5.0) == 4.0
    assert program == pb.trace(lambda x, *, a, b: x * a - b, 1.0, a=3.0, b=2.0)


def test_leaves_that_are_no_arrays_are_handed_on() -> None:
    def f(x: Value, reduce: Callable[[Value], Value] | None, mode: str) -> Value:
        return reduce(x) if reduce and mode == "reduce" else x

    program = pb.trace(f, X, np.sum, "reduce")
    assert len(program.inputs) == 1
    assert program(X, np.sum, "reduce") == 4.5
    with pytest.raises(ProgramError, match="traced for 'reduce', which is no array, and not for"):
        program(X, np.sum, "keep")
    with pytest.raises(StructureError, match="argument 1: the trace and the call differ"):
        program(X, None, "reduce")
    np.testing.assert_array_equal(pb.trace(f, X, None, "reduce")(X, None, "reduce"), X)


def test_functions_without_arguments_or_results() -> None:
    assert pb.trace(lambda: 3.0)() == 3.0
    assert pb.trace(lambda x: None, X)(X) is None
    assert pb.trace(lambda x: (), X)(X) == ()


def test_program_without_trees_takes_and_gives_arrays_in_a_row() -> None:
    trace = Trace()
    x = unknown(ArrayType((3,), F8), frozenset({trace}))
    program, _ = build_program(trace, [x], [pb.sum(x), x * 2])
    found = program(X)
    assert isinstance(found, tuple)
    total, double = found
    assert total == 4.5
    np.testing.assert_array_equal(double, 2 * X)
    with pytest.raises(ShapeError, match=r"program: input 0: shape \(2,\), but"):
        program(X[:2])


PROGRAM: Final = pb.trace(lambda p, x, *, c=1.0: p["w"] * x + p["b"] * c, {"w": X, "b": 1.0}, X)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda p: p({"w": X, "b": 1.0}), ProgramError,
         "program: expected arguments 0, 1, as in the trace, and was given argument 0"),
        (lambda p: p(), ProgramError, "expected arguments 0, 1, .* was given no arguments"),
        (lambda p: p({"w": X, "b": 1.0}, X, c=2.0), ProgramError, "was given arguments 0, 1, c"),
        (lambda p: p({"w": X}, X), StructureError, "program: argument 0: the trace and the call"),
        (lambda p: p({"w": X, "b": 1.0}, [X]), StructureError,
         "argument 1: the trace and the call differ at the root: a leaf against list of 1"),
        (lambda p: p({"w": X[:2], "b": 1.0}, X), ShapeError,
         r"program: p\['w'\]: shape \(2,\), but the traced example has shape \(3,\)"),
        (lambda p: p({"w": X, "b": 1.0}, 2.0), ShapeError, r"program: x: shape \(\), but"),
        (lambda p: p({"w": X, "b": 1.0}, X + 0j), DTypeError,
         "program: x: dtype complex128, but the traced example has dtype float64; convert"),
        (lambda p: p({"w": X, "b": "text"}, X), DTypeError,
         r"program: p\['b'\]: expected weak float64, not a str"),
        (lambda p: p({"w": ArrayType((3,), F8), "b": 1.0}, X), DTypeError,
         r"p\['w'\]: expected float64\[3\], not an ArrayType"),
    ],
)  # fmt: skip
def test_error_says_which_argument_does_not_fit(
    call: Callable[[Value], object], kind: type[PullbackError], text: str
) -> None:
    with pytest.raises(kind, match=text):
        call(PROGRAM)


@pytest.mark.parametrize("transform", [pb.grad, lambda f: lambda x: pb.vmap(f)(np.ones(3))])
def test_value_of_an_outer_transform_must_be_an_argument(
    transform: Callable[[Callable[[Value], Value]], Callable[[float], object]],
) -> None:
    def closes(w: Value) -> Value:
        def inner(x: Value) -> Value:
            return x * w

        return pb.trace(inner, 1.0)(2.0)

    text = r"trace: inner uses a value of an outer transform \(w: .*float64.*\), and a program is "
    with pytest.raises(ProgramError, match=text + "closed; make it an argument of the function"):
        transform(closes)(1.0)

    def passes(w: Value) -> Value:
        return pb.trace(lambda x, w: x * w, 1.0, w)(2.0, w)

    np.testing.assert_array_equal(np.asarray(transform(passes)(1.0)), 2.0)


def test_value_of_the_trace_is_not_known() -> None:
    with pytest.raises(ConversionError, match="x"):
        pb.trace(lambda x: x if x > 0 else -x, 1.0)


@pytest.mark.parametrize("array", [np.eye(3), pb.eye(3), [[1.0]]])
def test_trace_of_an_array_names_the_method(array: Value) -> None:
    with pytest.raises(ProgramError, match=r"trace: expected a function .*x\.trace\(\)"):
        pb.trace(array)
    with pytest.raises(ProgramError, match=r"trace: expected a function .*, not a str$"):
        pb.trace("text")  # type: ignore[arg-type]  # that is the point


def test_sum_along_a_diagonal_is_a_method_and_numpys_function() -> None:
    x = pb.asarray(np.arange(9.0).reshape(3, 3))
    assert float(x.trace()) == float(np.trace(x)) == float(np.linalg.trace(x)) == 12.0
    assert float(x.trace(offset=1)) == 6.0


# -------------------------------------------------------------------- under other transforms


def test_program_differentiates_as_the_function_does() -> None:
    program = pb.trace(predict, MODEL, X)

    def loss(f: Callable[..., Value], model: Model) -> Value:
        return np.sum(f(model, X)["y"] ** 2)

    found = pb.grad(lambda model: loss(program, model))(MODEL)
    expected = pb.grad(lambda model: loss(predict, model))(MODEL)
    np.testing.assert_allclose(found.weight, expected.weight, rtol=1e-14)
    np.testing.assert_allclose(found.bias, expected.bias, rtol=1e-14)


def test_program_batches_and_moves_forward() -> None:
    program = pb.trace(of(lambda x: np.sin(x) * x), np.float64(1.0))
    np.testing.assert_allclose(pb.vmap(program)(X), np.sin(X) * X)
    _, dot = pb.jvp(program, np.float64(0.5), np.float64(1.0))
    assert dot == pytest.approx(math.cos(0.5) * 0.5 + math.sin(0.5))


def test_transforms_inside_a_program_are_written_out() -> None:
    program = pb.trace(pb.grad(of(lambda x: np.sum(np.sin(x) ** 2))), X)
    np.testing.assert_allclose(program(X), np.sin(2 * X))
    second = pb.trace(pb.vmap(pb.grad(pb.grad(lambda x: x**4))), X)
    np.testing.assert_allclose(second(X), 12 * X**2)


def test_program_traces_again_as_what_it_is() -> None:
    program: Program = pb.trace(of(lambda x: np.sin(x) * 2.0), X)
    assert pb.trace(program, X) == program
