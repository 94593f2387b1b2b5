"""`cond` and `switch` beside Python's branches, under every composition of transforms.

Where the predicate is known, they are Python's branches. In the body of a scan it is not.
"""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import taylor
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
)

scan, cond, switch = OURS.scan, OURS.cond, OURS.switch

P = {"x": np.array([0.5, 1.4, 0.2, 0.9]), "w": np.array([0.9, 0.0, 1.2, 0.7])}


def each(control: Control, p: Value, f: Value) -> Value:
    """Apply a function to corresponding elements, which are not known to it."""
    return pb.sum(control.scan(lambda c, x: (c, f(*x)), None, (p["x"], p["w"]))[1])


def both_operands(control: Control, p: Value) -> Value:
    return each(
        control,
        p,
        lambda x, w: control.cond(
            x > 0.7, lambda a, b: pb.sin(a) * b, lambda a, b: a * a - pb.exp(b), x, w
        ),
    )


def captured(control: Control, p: Value) -> Value:
    """Each branch captures something else, and a node from outside the loop."""
    return each(
        control,
        p,
        lambda x, w: control.cond(x > 0.7, lambda: x * p["w"][2], lambda: w * p["x"][0] + x),
    )


def one_constant(control: Control, p: Value) -> Value:
    return each(control, p, lambda x, w: control.cond(w < x, lambda: 1.5, lambda: x * w))


def trees(control: Control, p: Value) -> Value:
    def f(x: Value, w: Value) -> Value:
        found = control.cond(
            pb.sin(x) > w,
            lambda d, *, scale: {"a": (d["x"] * scale, 1), "b": None, "name": "same"},
            lambda d, *, scale: {"a": (d["w"], 2), "b": None, "name": "same"},
            {"x": x, "w": w},
            scale=w + 2.0,
        )
        assert found["name"] == "same"
        return found["a"][0] * found["a"][1]

    return each(control, p, f)


def infinite_elsewhere(control: Control, p: Value) -> Value:
    """At w = 0 the branch not taken has infinite derivatives, below which there are operations."""

    def f(x: Value, w: Value) -> Value:
        root = pb.sqrt(w)
        return control.cond(w > 0, lambda r: x * r + pb.log(w), lambda r: x * x + 0 * w, root)

    return each(control, p, f)


def nested(control: Control, p: Value) -> Value:
    def inner(x: Value, w: Value) -> Value:
        return control.cond(w > 0.8, lambda: x * w, lambda: pb.cos(x) * w)

    return each(
        control,
        p,
        lambda x, w: control.cond(x > 0.7, inner, lambda x, w: inner(w, x) + x, x, w),
    )


def four_ways(control: Control, p: Value) -> Value:
    branches = [
        lambda x, w: x * w,
        lambda x, w: pb.sin(x),
        lambda x, w: 2.0,
        lambda x, w: w**3 + x,
    ]
    return each(
        control,
        p,
        lambda x, w: control.switch(pb.astype(pb.floor(5 * x - 2), int), branches, x, w),
    )


PROGRAMS: list[Program] = [
    both_operands,
    captured,
    one_constant,
    trees,
    infinite_elsewhere,
    nested,
    four_ways,
]


@pytest.mark.parametrize("what", compositions(P))
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_composition_is_that_of_the_branches(program: Program, what: str) -> None:
    check(program, P, what)


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p is not infinite_elsewhere])
def test_gradients_are_differences(program: Program) -> None:
    check_differences(program, {"x": P["x"], "w": P["w"] + 0.03})


@pytest.mark.parametrize("program", PROGRAMS)
def test_taylor_series_are_those_of_the_branches(program: Program) -> None:
    v = direction(P, 4)
    close(
        taylor(lambda p: program(OURS, p), P, (v,), order=3),
        taylor(lambda p: program(PYTHON, p), P, (v,), order=3),
    )


def test_taylor_selects_where_the_predicate_is_not_known() -> None:
    def f(x: Value) -> Value:
        return cond(x > 0.7, lambda: pb.sin(x), lambda: x * x)

    value, (first, second) = pb.vmap(lambda x: taylor(f, x, (1.0,), order=2))(P["x"])
    large = P["x"] > 0.7
    np.testing.assert_allclose(value, np.where(large, np.sin(P["x"]), P["x"] ** 2))
    np.testing.assert_allclose(first, np.where(large, np.cos(P["x"]), 2 * P["x"]))
    np.testing.assert_allclose(second, np.where(large, -np.sin(P["x"]) / 2, 1.0))


def test_an_index_for_each_example_selects() -> None:
    branches = [lambda x: x, lambda x: x * x, pb.exp]
    numbers, x = np.array([-5, 0, 1, 2, 9]), np.linspace(0.1, 0.5, 5)
    expected = [x[0], x[1], x[2] ** 2, np.exp(x[3]), np.exp(x[4])]
    np.testing.assert_allclose(pb.vmap(lambda i, x: switch(i, branches, x))(numbers, x), expected)
    slopes = [1.0, 1.0, 2 * x[2], np.exp(x[3]), np.exp(x[4])]
    found = pb.vmap(lambda i, x: pb.grad(lambda x: switch(i, branches, x))(x))(numbers, x)
    np.testing.assert_allclose(found, slopes)


def test_one_index_for_a_batch_computes_one_branch() -> None:
    """The other one would loop for ever."""

    def endless(x: Value) -> Value:
        return OURS.while_loop(lambda y: True, lambda y: y, x)

    def f(c: Value, flag: Value) -> Value:
        return pb.vmap(lambda x: cond(flag, lambda x: 2.0 * x, endless, x))(c), None

    def both(c: Value) -> Value:
        return scan(f, c, np.array([True, True]))[0]

    np.testing.assert_array_equal(both(np.array([1.0, 2.0])), [4.0, 8.0])
    _, (first, second) = taylor(both, np.array([1.0, 2.0]), (np.ones(2),), order=2)
    close((first, second), (np.full(2, 4.0), np.zeros(2)))


def test_a_warning_of_the_branch_not_taken_is_no_warning() -> None:
    f = pb.vmap(lambda x: cond(x > 0, pb.log, lambda y: y / 0.0, x))
    np.testing.assert_allclose(f(np.array([1.0, -1.0])), [0.0, -np.inf])
