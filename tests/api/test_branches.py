"""What `cond` and `switch` take and give, and their errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.errors import (
    ConversionError,
    DTypeError,
    PullbackError,
    ShapeError,
    StructureError,
)
from pullback.primitives.quantity import Value
from tests.control.reference import OURS

# As functions of anything: what they refuse, type checkers refuse, too.
cond, switch = OURS.cond, OURS.switch

HOLDS = [True, 1, 3, -1, np.True_, np.bool_(1), np.int8(1), np.array(True), pb.asarray(True)]
FAILS = [False, 0, np.False_, np.uint8(0), np.array(0), pb.asarray(0)]


@pytest.mark.parametrize("pred", [*HOLDS, *FAILS])
def test_a_known_predicate_calls_one_function_with_the_arguments_as_they_are(pred: Value) -> None:
    calls = []

    def take(name: str) -> Callable[..., Value]:
        def branch(*args: Value, **kwargs: Value) -> Value:
            calls.append(name)
            return args, kwargs

        return branch

    x = np.ones(2)
    (first, second), kwargs = cond(pred, take("f"), take("g"), x, "text", flag=True)
    assert first is x
    assert (second, kwargs) == ("text", {"flag": True})
    assert calls == ["f" if any(pred is p for p in HOLDS) else "g"]


def recording(calls: list[str]) -> Callable[[Value], Value]:
    """A function with a branch whose calls are written down."""

    def square(x: Value) -> Value:
        calls.append("square")
        return x * x

    def same(x: Value) -> Value:
        calls.append("same")
        return x

    return lambda x: cond(x > 0, square, same, x)


def test_a_predicate_that_is_known_while_differentiating_calls_one_function() -> None:
    calls: list[str] = []
    assert pb.grad(recording(calls))(3.0) == 6.0
    assert pb.grad(recording(calls))(-3.0) == 1.0
    assert calls == ["square", "same"]


def test_a_predicate_that_is_not_known_calls_both() -> None:
    calls: list[str] = []
    found = pb.vmap(recording(calls))(np.array([3.0, -3.0]))
    np.testing.assert_array_equal(found, [9.0, -3.0])
    assert calls == ["square", "same"]


@pytest.mark.parametrize("kind", [bool, np.bool_, np.int8, np.uint64, np.int64])
def test_a_predicate_may_be_an_integer(kind: type) -> None:
    rows: Value = np.array([0, 1]).astype(kind)
    found = pb.vmap(lambda p: cond(p, lambda: 10, lambda: 20))(rows)
    np.testing.assert_array_equal(found, [20, 10])
    assert found.dtype == np.int64


def test_one_row_of_a_branch_is_its_result() -> None:
    """Trees, static leaves, Python numbers beside strong dtypes, keywords, nothing at all."""

    def f(x: Value) -> Value:
        return cond(
            x > 0,
            lambda x, *, k: {"a": [x * k, None], "f": pb.sin, "n": 1, "s": np.float32(2)},
            lambda x, *, k: {"a": [k, None], "f": pb.sin, "n": 2, "s": 3.0},
            x,
            k=2.0,
        )

    def arrays(x: Value) -> Value:
        found = f(x)
        assert found["f"] is pb.sin
        assert found["a"][1] is None
        return found["a"][0], found["n"], found["s"]

    a, n, s = pb.vmap(arrays)(np.array([1.5, -1.0]))
    np.testing.assert_array_equal(a, [3.0, 2.0])
    np.testing.assert_array_equal(n, [1, 2])
    np.testing.assert_array_equal(s, [2.0, 3.0])
    assert (a.dtype, n.dtype, s.dtype) == (np.float64, np.int64, np.float32)
    assert pb.vmap(lambda x: cond(x > 0, lambda: None, lambda: None) or x)(np.ones(2)).shape == (2,)


@pytest.mark.parametrize("index", [-9, 0, 1, 2, 9, np.int8(1), np.uint8(7), pb.asarray(2)])
def test_switch_takes_the_nearest_function(index: Value) -> None:
    names = ["zero", "one", "two"]
    branches = [lambda s, name=name: name + s for name in names]
    assert switch(index, branches, "!") == names[min(max(int(index), 0), 2)] + "!"


def test_one_function_is_enough() -> None:
    assert switch(5, [lambda x: x + 1], 1) == 2
    np.testing.assert_array_equal(
        pb.vmap(lambda i: switch(i, [lambda: i + 1]))(np.array([1, 7])), [2, 8]
    )


X = np.array([1.0, -1.0])


def mapped(f: Callable[[Value], object], g: Callable[[Value], object]) -> Callable[[], object]:
    return lambda: pb.vmap(lambda x: cond(x > 0, f, g, x))(X)


def named(x: Value) -> Value:
    return x


def summed(x: Value, axis: Value) -> Value:
    return pb.sum(x, axis=axis)


ERRORS: list[tuple[type[PullbackError], str, Callable[[], object]]] = [
    (DTypeError, "cond: the predicate is None; expected one boolean", lambda: cond(
        None, lambda: 1, lambda: 2)),
    (DTypeError, "cond: the predicate is a list of 1", lambda: cond(
        [True], lambda: 1, lambda: 2)),
    (ShapeError, r"cond: the predicate has shape \(2,\); expected one boolean \(see any, all\)",
     lambda: cond(X > 0, lambda: 1, lambda: 2)),
    (DTypeError, "cond: the predicate has dtype float64; expected a boolean, as a comparison is",
     lambda: cond(1.5, lambda: 1, lambda: 2)),
    (DTypeError, "cond: the predicate has dtype float64", lambda: pb.vmap(
        lambda x: cond(x, lambda: 1, lambda: 2))(X)),
    (StructureError, ("cond: the results of named and <lambda> differ at the root: a leaf against "
     "tuple of 2"), mapped(named, lambda x: (x, x))),
    (StructureError, ("cond: the results of named and <lambda> differ at the root: a leaf against "
     "None"), mapped(named, lambda x: None)),
    (StructureError, r"differ at the root: float64\[\] against 'a'; only the values of numbers",
     mapped(named, lambda x: "a")),
    (StructureError, r"differ at \['m'\]: 'a' against 'b'", mapped(
        lambda x: {"m": "a", "x": x}, lambda x: {"m": "b", "x": x})),
    (ShapeError, (r"cond: the results differ at \['a'\]: float64\[\] of <lambda>, float64\[1\] of "
     "<lambda>; all must return the same shape"), mapped(
         lambda x: {"a": x}, lambda x: {"a": pb.stack([x])})),
    (DTypeError, (r"cond: the results differ at the root: float64\[\] of named, bool\[\] of "
     "<lambda>; convert them"), mapped(named, lambda x: x > 0)),
    (DTypeError, r"float32\[\] of <lambda>, float64\[\] of named", mapped(
        lambda x: np.float32(1), named)),
    (DTypeError, r"float32\[\] of <lambda>, weak complex128 of <lambda>", mapped(
        lambda x: np.float32(1), lambda x: 1j)),
    (ShapeError, "switch: no functions to choose from; give at least one", lambda: switch(0, [])),
    (DTypeError, "switch: the index: expected one integer, not None", lambda: switch(
        None, [lambda: 1])),
    (DTypeError, r"switch: the index: expected one integer, not 1\.0", lambda: switch(
        1.0, [lambda: 1])),
    (DTypeError, "switch: the index: expected one integer, not True", lambda: switch(
        True, [lambda: 1])),
    (ShapeError, r"switch: the index: expected one integer, not int64\[2\]", lambda: switch(
        np.array([0, 1]), [lambda: 1])),
    (DTypeError, (r"switch: the results differ at the root: float64\[\] of named, float64\[\] of "
     r"named, bool\[\] of <lambda>"), lambda: pb.vmap(lambda i, x: switch(
        i, [named, named, lambda x: x > 0], x))(np.array([0, 1]), X)),
    # What decides shapes belongs in a closure: the operands are not known.
    (ConversionError, "pass sizes and axes as plain integers", lambda: pb.vmap(
        lambda x: cond(x[0] > 0, summed, summed, x, axis=0))(np.ones((2, 3)))),
]  # fmt: skip


@pytest.mark.parametrize(("error", "text", "call"), ERRORS)
def test_errors_say_what_came_and_what_to_do(
    error: type[PullbackError], text: str, call: Callable[[], object]
) -> None:
    with pytest.raises(error, match=text):
        call()
