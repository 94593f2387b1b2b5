"""The arguments of `grad` and `value_and_grad`: argnums, argnames, has_aux, unused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback import Array
from pullback.errors import DifferentiationError, StructureError
from pullback.primitives.quantity import Value


def weighted(x: float, y: float, z: float = 1.0, *, w: float = 1.0) -> float:
    """The product x y² z³ w⁴."""
    return x * y**2 * z**3 * w**4


#: The partial derivatives of `weighted` at (2, 3, 5; 7).
X, Y, Z, W = (
    9 * 125 * 7**4,
    2 * 6 * 125 * 7**4,
    2 * 9 * 75 * 7**4,
    2 * 9 * 125 * 4 * 7**3,
)


@pytest.mark.parametrize(
    ("argnums", "argnames", "expected"),
    [
        (None, None, X),
        (0, None, X),
        (1, None, Y),
        (2, None, Z),
        ((0,), None, (X,)),
        ((0, 1), None, (X, Y)),
        ((2, 0), None, (Z, X)),
        ((0, 1, 2), None, (X, Y, Z)),
        (None, "w", W),
        ((), "w", W),
        (None, ("w",), {"w": W}),
        (None, ("w", "z"), {"w": W, "z": Z}),
        (0, "w", (X, W)),
        ((1, 0), ("w",), ((Y, X), {"w": W})),
        (0, ("w",), (X, {"w": W})),
        ((1,), "w", ((Y,), W)),
    ],
)
def test_gradient_has_the_form_that_was_asked_for(
    argnums: Value, argnames: Value, expected: Value
) -> None:
    grad: Value = pb.grad
    transform: Value = pb.value_and_grad
    by_name = argnames is not None and "z" in argnames
    args, kwargs = ((2.0, 3.0), {"z": 5.0, "w": 7.0}) if by_name else ((2.0, 3.0, 5.0), {"w": 7.0})
    assert grad(weighted, argnums, argnames=argnames)(*args, **kwargs) == expected
    value, found = transform(weighted, argnums, argnames=argnames)(*args, **kwargs)
    assert (value, found) == (2 * 9 * 125 * 7**4, expected)


def test_arguments_that_are_not_selected_are_untouched() -> None:
    data, extra = {"x": [1.0]}, object()

    def f(x: float, given: Value, *, other: Value) -> float:
        assert given is data
        assert other is extra
        return x

    assert pb.grad(f)(2.0, data, other=extra) == 1.0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"argnums": -1}, "grad: argnums: expected positions, counted from 0, not -1"),
        ({"argnums": (0, -1)}, r"argnums: expected positions, counted from 0, not \(0, -1\)"),
        ({"argnums": True}, "argnums: expected positions, counted from 0, not True"),
        (
            {"argnums": 1.0},
            r"argnums: expected positions, counted from 0, not 1.0; .* as in grad\(f\)\(x\)",
        ),
        (
            {"argnums": [0, 1]},
            r"argnums: expected positions, counted from 0, not \[0, 1\]; several are a tuple",
        ),
        ({"argnums": "x"}, "argnums: expected positions, counted from 0, not 'x'"),
        ({"argnums": (0, 1, 0)}, r"argnums: a position stands twice in \(0, 1, 0\)"),
        ({"argnums": ()}, r"argnums: \(\) is no argument to differentiate"),
        ({"argnames": ()}, r"is no argument to differentiate"),
        ({"argnames": 3}, "argnames: expected names of parameters, not 3"),
        ({"argnames": ["w"]}, r"argnames: expected names of parameters, not \['w'\]"),
        ({"argnames": ("w", "w")}, r"argnames: a name stands twice in \('w', 'w'\)"),
        ({"unused": "warn"}, "unused: expected 'zero' or 'error', not 'warn'"),
    ],
)
def test_selection_that_makes_no_sense_is_refused_before_any_call(
    arguments: dict[str, Value], text: str
) -> None:
    grad: Value = pb.grad
    for _ in range(2):  # whether or not it is remembered
        with pytest.raises(DifferentiationError, match=text):
            grad(weighted, **arguments)


def test_what_is_no_function_is_refused() -> None:
    grad: Value = pb.grad
    with pytest.raises(DifferentiationError, match=r"^grad: expected a function, not a float$"):
        grad(weighted(1.0, 2.0))


def test_position_that_was_not_passed_is_an_error_with_the_remedy() -> None:
    grad: Value = pb.grad
    text = (
        r"grad: argnums selects position 2, counted from 0, and weighted was called with 2 "
        r"positional arguments; pass what is differentiated by position, or select it by argnames"
    )
    with pytest.raises(DifferentiationError, match=text):
        grad(weighted, 2)(1.0, 2.0, z=3.0)
    with pytest.raises(DifferentiationError, match="called with 0 positional arguments;"):
        grad(weighted)(x=1.0, y=2.0)
    with pytest.raises(DifferentiationError, match="called with 1 positional argument;"):
        grad(weighted, 1)(1.0)


def test_name_that_was_not_passed_by_keyword_is_an_error_with_the_remedy() -> None:
    text = (
        r"value_and_grad: argnames selects 'v', and weighted was called without a keyword "
        r"argument of this name; pass it as v=\.\.\."
    )
    with pytest.raises(DifferentiationError, match=text):
        pb.value_and_grad(weighted, argnames="v")(1.0, 2.0, w=3.0)


def test_error_about_a_keyword_argument_names_it() -> None:
    with pytest.raises(DifferentiationError, match=r"in w \(int\)"):
        pb.grad(weighted, argnames="w")(1.0, 2.0, w=3)
    grad: Value = pb.grad
    with pytest.raises(DifferentiationError, match=r"in y\['k'\] \(int\)"):
        grad(weighted, (0, 1))(1.0, {"k": 2})


# ----------------------------------------------------------------------------------- has_aux


def test_auxiliary_results_come_beside_the_value() -> None:
    def f(x: float) -> tuple[float, dict[str, Value]]:
        return x * x, {"x": x, "cubes": [x**3], "n": 1, "text": "a", "none": None}

    expected = {"x": 3.0, "cubes": [27.0], "n": 1, "text": "a", "none": None}
    assert pb.grad(f, has_aux=True)(3.0) == (6.0, expected)
    assert pb.value_and_grad(f, has_aux=True)(3.0) == ((9.0, expected), 6.0)


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (1.0, "a float"),
        ([1.0, 2.0], "a list of 2"),
        ((1.0,), "a tuple of 1"),
        ((1.0, 2.0, 3.0), "a tuple of 3"),
        (None, "None"),
    ],
)
def test_result_that_is_no_pair_is_an_error_with_has_aux(result: Value, kind: str) -> None:
    def f(_: float) -> tuple[float, Value]:
        pair: tuple[float, Value] = result
        return pair

    text = f"grad: the output of f is {kind}; with has_aux=True it must be a pair"
    with pytest.raises(DifferentiationError, match=text):
        pb.grad(f, has_aux=True)(2.0)


def test_bare_value_is_an_error_with_has_aux() -> None:
    with pytest.raises(DifferentiationError, match=r"the output of <lambda> is an Array; with has"):
        pb.grad(lambda x: (x**2, None)[0], has_aux=True)(2.0)


def test_auxiliary_result_that_is_no_tree_is_an_error() -> None:
    cyclic: list[Value] = []
    cyclic.append(cyclic)

    def f(x: float) -> tuple[float, Value]:
        return x, cyclic

    with pytest.raises(StructureError, match="a list contains itself"):
        pb.grad(f, has_aux=True)(2.0)


# ------------------------------------------------------------------------------------ unused


def test_unused_leaves_are_zero_unless_an_error_is_asked_for() -> None:
    def f(params: dict[str, list[float]], x: float) -> float:
        return params["w"][0] * (2.0 if x > 0 else 3.0)

    params = {"w": [1.0, 2.0], "b": [3.0]}
    assert pb.grad(f, (0, 1))(params, 1.0) == ({"w": [2.0, 0.0], "b": [0.0]}, 0.0)
    text = (
        r"grad: the output of f does not depend on params\['b'\]\[0\], params\['w'\]\[1\], x; "
        r"use them, mark them static, or pass unused='zero'"
    )
    with pytest.raises(DifferentiationError, match=text):
        pb.grad(f, (0, 1), unused="error")(params, 1.0)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: 1.0,
        pb.stop_gradient,
        pb.floor,
        lambda x: pb.where(x > 0, 1.0, 2.0),
    ],
)
@pytest.mark.parametrize("x", [1.5, np.float64(1.5), pb.asarray(1.5)])
def test_number_without_influence_is_named_where_an_error_is_asked_for(
    f: Callable[[Value], Value], x: Value
) -> None:
    assert float(pb.grad(f)(x)) == 0.0
    with pytest.raises(DifferentiationError, match=r"the output of \S+ does not depend on x;"):
        pb.grad(f, unused="error")(x)


def test_leaf_with_influence_or_without_numbers_is_no_error() -> None:
    def f(t: dict[str, Value]) -> Array:
        return pb.sum(pb.where(t["x"] > 0, t["x"], 0.0))

    found = pb.grad(f, unused="error")({"x": np.array([-1.0, -2.0]), "n": 3, "s": "text"})
    np.testing.assert_array_equal(found["x"], [0.0, 0.0])
