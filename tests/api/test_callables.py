"""What is no function, or takes other arguments, is refused where a user gave it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import pytest

import pullback as pb
from pullback.errors import (
    DifferentiationError,
    DTypeError,
    PullbackError,
    ShapeError,
    StructureError,
)

#: A function called in ways that its types forbid.
Wild: TypeAlias = Callable[..., object]

X: Final = np.arange(3.0)

NO_FUNCTIONS: Final[list[tuple[Wild, tuple[object, ...], type[PullbackError], str]]] = [
    (pb.scan, (0.0, pb.add, X), DTypeError, "scan: f: expected a function, not a float"),
    (pb.fori_loop, (0, 3, 1.0, pb.add), DTypeError, "fori_loop: body: expected a function"),
    (pb.while_loop, (True, pb.sin, 1.0), DTypeError, "while_loop: test: expected a function"),
    (pb.while_loop, (pb.isnan, 2.0, 1.0), DTypeError, "while_loop: body: expected a function"),
    (pb.cond, (True, 1.0, 2.0), DTypeError, "cond: f: expected a function, not a float"),
    (pb.cond, (True, pb.sin, 2.0), DTypeError, "cond: g: expected a function, not a float"),
    (pb.switch, (0, pb.sin), DTypeError, "switch: expected a list of functions, not a func"),
    (pb.switch, (0, [pb.sin, 1.0], 1.0), DTypeError, r"switch: branches\[1\]: expected a func"),
    (pb.associative_scan, (X, pb.add), DTypeError, "associative_scan: f: expected a function"),
    (pb.vmap, (X,), DTypeError, "vmap: f: expected a function, not a ndarray"),
    (pb.map_chunked, (2, pb.sin), DTypeError, "map_chunked: f: expected a function, not an int"),
    (pb.map_chunked, (pb.sin, 2.0), DTypeError, r"map_chunked: size: expected one integer, not 2"),
    (pb.jvp, (X, X, X), DifferentiationError, "jvp: f: expected a function, not a ndarray"),
    (pb.vjp, (None, X), DifferentiationError, "vjp: f: expected a function, not None"),
    (pb.linearize, (2.0, X), DifferentiationError, "linearize: f: expected a function"),
    (pb.taylor, (2.0, 1.0, ()), DifferentiationError, "taylor: f: expected a function"),
    (pb.sparse_jacobian, (X,), DifferentiationError, "sparse_jacobian: f: expected a function"),
    (pb.sparse_hessian, (X,), DifferentiationError, "sparse_hessian: f: expected a function"),
    (pb.jacobian_sparsity, (X,), DifferentiationError, "jacobian_sparsity: f: expected a func"),
    (pb.hessian_sparsity, (X,), DifferentiationError, "hessian_sparsity: f: expected a func"),
]

OTHER_ARGUMENTS: Final[list[tuple[Wild, tuple[object, ...], type[PullbackError], str]]] = [
    (pb.scan, (lambda c: c, 0.0, X), DTypeError, r"scan: f: <lambda>\(c\) .* \(carry, x\)"),
    (pb.fori_loop, (0, 3, pb.sin, X), DTypeError, r"fori_loop: body: sin\(.*\) .* \(i, value\)"),
    (pb.while_loop, (pb.less, pb.sin, X), DTypeError, r"while_loop: test: less\(.*\(value\)"),
    (pb.while_loop, (pb.any, pb.add, X), DTypeError, r"while_loop: body: add\(.*\(value\)"),
    (
        pb.jvp,
        (lambda x, y: x * y, (1.0, 2.0), (1.0, 0.0)),
        DifferentiationError,
        r"jvp: f: <lambda>\(x, y\) cannot be called with \(one pytree, such as a tuple",
    ),
    (
        pb.custom_jvp,
        (pb.sin, lambda primals, tangents: (primals, tangents)),  # as JAX has it
        DifferentiationError,
        r"custom_jvp: pushforward: <lambda>\(primals, tangents\) .* \(primals, tangents, y\)",
    ),
    (
        pb.custom_vjp,
        (pb.sin, lambda residuals, y_bar: (y_bar,), lambda x: (x, x)),  # the rules exchanged
        DifferentiationError,
        r"custom_vjp: backward: <lambda>\(x\) cannot be called with \(residuals, y_bar\)",
    ),
]


@pytest.mark.parametrize(("call", "args", "error", "text"), [*NO_FUNCTIONS, *OTHER_ARGUMENTS])
def test_another_thing_than_the_function_expected_is_refused(
    call: Wild, args: tuple[object, ...], error: type[PullbackError], text: str
) -> None:
    with pytest.raises(error, match=text):
        call(*args)


def test_functions_of_any_kind_that_take_the_arguments_are_accepted() -> None:
    def step(c: pb.Array, x: pb.Array, *, scale: float = 1.0) -> tuple[pb.Array, None]:
        return c + scale * x, None

    class Adder:
        def __call__(self, c: pb.Array, x: pb.Array) -> tuple[pb.Array, None]:
            return step(c, x)

        def step(self, c: pb.Array, x: pb.Array, extra: float = 0.0) -> tuple[pb.Array, None]:
            return c + x + extra, None

    wild: Wild = pb.scan
    steps: list[Wild] = [step, partial(step, scale=1.0), Adder(), Adder().step]
    assert [wild(f, 0.0, X) for f in steps] == [(3.0, None)] * 4
    assert pb.while_loop(np.isfinite, np.exp, 1.0) == np.inf  # ufuncs


def test_an_error_of_the_function_itself_stays() -> None:
    wild: Wild = pb.jvp
    with pytest.raises(TypeError, match="unsupported operand"):
        wild(lambda x: x + None, 1.0, 1.0)


def test_a_rule_may_have_keyword_only_parameters() -> None:
    def power(x: float, *, n: int) -> float:
        return x**n

    def push(primals: tuple[float], tangents: tuple[float], _: float, *, n: int) -> float:
        return n * primals[0] ** (n - 1) * tangents[0]

    wild: Wild = pb.custom_jvp
    f = wild(power, push)
    assert callable(f)
    assert pb.grad(lambda x: f(x, n=3))(2.0) == 12.0


@pytest.mark.parametrize(
    ("solve", "text"),
    [
        (lambda operator, b: (b, 0), "the right-hand side and what <lambda> returned differ"),
        (lambda operator, b: [b], "a leaf against list of 1"),
    ],
)
def test_a_linear_solver_returns_what_is_like_the_right_hand_side(solve: Wild, text: str) -> None:
    wild: Wild = pb.custom_root
    root = wild(lambda y, a: y * y - a, lambda y, a: a / 2, solve=solve)
    assert callable(root)
    with pytest.raises(StructureError, match=f"custom_root: .*{text}"):
        pb.grad(root, 1)(1.0, 4.0)


def test_a_solver_returns_what_is_like_the_guess() -> None:
    wild: Wild = pb.custom_root
    root = wild(lambda y, a: y - a, lambda y, a: [a])
    assert callable(root)
    with pytest.raises(StructureError, match="custom_root: the guess and what <lambda> returned"):
        pb.grad(root, 1)(1.0, 4.0)


@pytest.mark.parametrize(
    ("call", "keywords", "text"),
    [
        (pb.sparse_jacobian, {"coloring": np.eye(3)}, "expected what color_jacobian returns, not"),
        (pb.sparse_hessian, {"coloring": np.eye(3)}, "expected what color_hessian returns, not"),
        (pb.color_jacobian, {"by": "cols"}, "by: expected 'auto', 'columns' or 'rows', not 'cols'"),
    ],
)
def test_what_is_no_coloring_is_refused(call: Wild, keywords: dict[str, object], text: str) -> None:
    f = np.eye(3) if call is pb.color_jacobian else pb.sin
    with pytest.raises(DifferentiationError, match=f"{call.__name__}: .*{text}"):
        call(f, **keywords)


def test_a_function_is_no_pattern() -> None:
    wild: Wild = pb.color_jacobian
    with pytest.raises(ShapeError, match="color_jacobian: expected a sparsity pattern, a matrix"):
        wild(pb.sin)


@pytest.mark.parametrize("check", [pb.testing.check_grads, pb.check_rules])
@pytest.mark.parametrize("args", [2.0, X])
def test_a_point_is_a_tuple_of_arguments(check: Wild, args: object) -> None:
    with pytest.raises(DTypeError, match=r"check_\w+: args: expected a tuple of the arguments"):
        check(pb.sin, args)


def test_names_that_load_late_are_listed_and_suggested() -> None:
    script = "import pullback as pb; print({'scan', 'sin', 'nn'} <= set(dir(pb))); pb.jacobean"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.stdout == "True\n"
    assert "no attribute 'jacobean'. Did you mean: 'jacobian'?" in run.stderr
