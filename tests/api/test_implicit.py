"""`custom_root`, `custom_fixed_point`, `custom_minimizer`: closed forms, differences, all modes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from scipy import optimize

import pullback as pb
from pullback import (
    check_rules,
    custom_fixed_point,
    custom_minimizer,
    custom_root,
    fori_loop,
    scan,
    while_loop,
)
from pullback.core import Array
from pullback.errors import (
    ConversionError,
    DifferentiationError,
    DTypeError,
    ShapeError,
    SingularMatrixError,
    StructureError,
)
from pullback.primitives.quantity import Value
from tests.control.reference import close, compositions, vmap

Solver = Callable[..., Value]


def conjugate_gradients(operator: Solver, b: Value) -> Value:
    """Solve with a symmetric matrix that nobody writes down."""

    def going(state: Value) -> Value:
        _, residual, _ = state
        return residual @ residual > 1e-28

    def step(state: Value) -> Value:
        x, residual, along = state
        product = operator(along)
        length = (residual @ residual) / (along @ product)
        rest = residual - length * product
        return x + length * along, rest, rest + (rest @ rest) / (residual @ residual) * along

    return while_loop(going, step, (0 * b, b, b))[0]


def elimination_in_numpy(operator: Solver, b: Value) -> Value:
    """Solve where values are known, by code that knows nothing of the library."""
    columns = [np.asarray(operator(pb.asarray(e))) for e in np.eye(b.size)]
    return np.linalg.solve(np.stack(columns, axis=1), np.asarray(b))


#: Most functions below are lambdas, whose types nobody says.
implicit_root: Final[Solver] = custom_root
implicit_fixed_point: Final[Solver] = custom_fixed_point


# ------------------------------------------------ a minimizer, differentiated in every composition
# 2ᵗ/2 yᵀ A y + Σ y⁴/4 - b·y, whose gradient is found to be zero by Newton's method

A: Final = np.array([[3.0, 1.0, 0.0], [1.0, 4.0, 0.5], [0.0, 0.5, 2.0]])
P: Final = {"b": np.array([1.0, 2.0, 3.0]), "t": np.array(0.3)[()]}


def energy(y: Value, t: Value, b: Value) -> Value:
    return 0.5 * 2**t * (y @ A @ y) + 0.25 * pb.sum(y**4) - b @ y


def newton(y: Value, t: Value, b: Value) -> Value:
    def step(_: Value, y: Value) -> Value:
        matrix = 2**t * A + 3 * pb.eye(3) * y**2
        slope = 2**t * (A @ y) + y**3 - b
        return y - conjugate_gradients(lambda v: matrix @ v, slope)

    return fori_loop(0, 8, step, y)


def unrolled(y: Value, t: Value, b: Value) -> Value:
    """The same by plain operations, at a rate that all compositions can differentiate."""
    for _ in range(60):
        y = y - 0.12 * (2**t * (A @ y) + y**3 - b)
    return y


ROOTS: Final[dict[str, Solver]] = {
    "dense": custom_minimizer(energy, newton),
    "without a matrix": custom_minimizer(energy, newton, solve=conjugate_gradients),
    "root": implicit_root(pb.grad(energy), newton),
    "fixed point": implicit_fixed_point(lambda y, t, b: y - pb.grad(energy)(y, t, b), newton),
}


def loss(solver: Solver, p: Value) -> Value:
    y = solver(np.zeros(3), p["t"], p["b"])
    return pb.sum(y**3 * np.array([1.0, -2.0, 0.5]))


@pytest.mark.parametrize("what", compositions(P))
@pytest.mark.parametrize("root", ROOTS)
def test_every_composition_is_that_of_the_unrolled_iteration(root: str, what: str) -> None:
    composition = compositions(P)[what]
    actual = composition(lambda p: loss(ROOTS[root], p), vmap)
    close(actual, composition(lambda p: loss(unrolled, p), vmap), 1e-8)


@pytest.mark.parametrize("root", ROOTS)
def test_the_derivatives_are_those_of_differences(root: str) -> None:
    check_rules(lambda t, b: ROOTS[root](np.zeros(3), t, b), (P["t"], P["b"]), 2)


def test_it_works_in_the_body_of_a_scan() -> None:
    def run(solver: Solver, t: Value) -> Value:
        step = lambda y, b: (solver(0.1 * y, t, b), y @ b)  # noqa: E731
        y, products = scan(step, np.zeros(3), np.stack([P["b"], 2 * P["b"]]))
        return pb.sum(y) + pb.sum(products)

    actual = pb.grad(lambda t: run(ROOTS["dense"], t))(0.3)
    assert actual == pytest.approx(pb.grad(lambda t: run(unrolled, t))(0.3), rel=1e-8)


# --------------------------------------------------------------------------------- foreign solvers


def brent(_: Value, a: Value) -> float:
    found: float = optimize.brentq(lambda y: y**3 + y - float(a), -10, 10, xtol=1e-15)
    return found


CUBIC: Final = implicit_root(lambda y, a: y**3 + y - a, brent)


def test_a_solver_of_scipy_has_derivatives_of_first_and_second_order() -> None:
    y = CUBIC(0.0, 2.0)  # y³ + y = 2
    assert y == pytest.approx(1.0)
    slope = 1 / (3 * y * y + 1)
    curvature = -6 * y * slope**3
    assert pb.grad(CUBIC, 1)(0.0, 2.0) == pytest.approx(slope)
    assert pb.jvp(lambda a: CUBIC(0.0, a), 2.0, 1.0)[1] == pytest.approx(slope)
    for derive in (
        pb.grad(pb.grad(CUBIC, 1), 1),
        lambda y, a: pb.jvp(lambda a: pb.grad(CUBIC, 1)(y, a), a, 1.0)[1],
        lambda y, a: pb.grad(lambda a: pb.jvp(lambda a: CUBIC(y, a), a, 1.0)[1])(a),
    ):
        assert derive(0.0, 2.0) == pytest.approx(curvature)


def test_it_is_called_once_for_a_gradient() -> None:
    calls: list[float] = []

    def solver(y: Value, a: Value) -> float:
        calls.append(float(a))
        return brent(y, a)

    pb.grad(pb.grad(implicit_root(lambda y, a: y**3 + y - a, solver), 1), 1)(0.0, 2.0)
    assert calls == [2.0]


def test_under_vmap_it_is_an_error() -> None:
    with pytest.raises(ConversionError, match=r"float\(x\)"):
        pb.vmap(CUBIC, in_axes=(None, 0))(0.0, np.ones(2))


def equations(y: Value, a: Value) -> Value:
    return {"u": y["u"] ** 3 + a["k"] * pb.sum(y["v"]) - 1, "v": y["v"] * (2 + y["u"]) - a["r"]}


def scipy_root(y: Value, a: Value) -> Value:
    def flat(z: Value) -> Value:
        r = equations({"u": z[0], "v": z[1:]}, a)
        return np.concatenate([[np.asarray(r["u"])], np.asarray(r["v"])])

    z = optimize.root(flat, np.concatenate([[y["u"]], y["v"]]), tol=1e-14).x
    return {"u": z[0], "v": z[1:]}


GUESS: Final = {"u": 0.5, "v": np.ones(2)}


@pytest.mark.parametrize("solve", [None, "numpy"])
def test_unknowns_and_parameters_are_trees(solve: str | None) -> None:
    def packed(operator: Solver, b: Value) -> Value:
        flat = elimination_in_numpy(
            lambda v: pb.concat(
                [pb.reshape(x, (-1,)) for x in operator({"u": v[0], "v": v[1:]}).values()]
            ),
            np.concatenate([[b["u"]], b["v"]]),
        )
        return {"u": flat[0], "v": flat[1:]}

    root = implicit_root(equations, scipy_root, solve=packed if solve else None)
    a = {"k": 0.3, "r": np.array([1.0, 2.0]), "name": "not a number"}

    def f(a: Value) -> Value:
        y = root(GUESS, a)
        return np.sum(y["u"] * y["v"])

    exact, step = pb.grad(f)(a), 1e-6
    assert exact["name"] == "not a number"
    moved = [f({**a, "k": 0.3 + t}) for t in (step, -step)]
    assert exact["k"] == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-7)
    moved = [f({**a, "r": a["r"] + np.array([t, 0.0])}) for t in (step, -step)]
    assert exact["r"][0] == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-7)
    forward = pb.jvp(f, a, {"k": 1.0, "r": np.zeros(2), "name": ""})[1]
    assert forward == pytest.approx(exact["k"], rel=1e-12)
    second = pb.grad(lambda k: pb.grad(f)({**a, "k": k})["k"])(0.3)
    slopes = [pb.grad(f)({**a, "k": 0.3 + t})["k"] for t in (step, -step)]
    assert second == pytest.approx((slopes[0] - slopes[1]) / (2 * step), rel=1e-6)


# ------------------------------------------------------------------------------- kinds of numbers

C: Final = np.array([1 + 2j, -2.0 + 0.5j])


def test_complex_unknowns_of_a_holomorphic_equation() -> None:
    root = implicit_root(lambda z, c: z * z - c, lambda z, c: np.sqrt(np.asarray(c)))
    slope = 1 / (2 * np.sqrt(C))
    np.testing.assert_allclose(pb.jvp(lambda c: root(C, c), C, 1j * C)[1], slope * 1j * C)
    w = np.array([1.0, 1j])
    np.testing.assert_allclose(pb.vjp(lambda c: root(C, c), C)[1](w), np.conj(slope) * w)


def test_complex_unknowns_of_an_equation_that_is_real_linear_only() -> None:
    def solved(c: Value) -> Value:
        return (c - 0.5 * np.conj(c)) / 0.75

    root = implicit_root(lambda z, c: z + 0.5 * np.conj(z) - c, lambda z, c: solved(c))
    np.testing.assert_allclose(pb.jvp(lambda c: root(C, c), C, 1j * C)[1], solved(1j * C))
    w = np.array([1.0, 1j])
    expected = pb.vjp(solved, C)[1](w)
    np.testing.assert_allclose(pb.vjp(lambda c: root(C, c), C)[1](w), expected)


def test_single_precision_stays() -> None:
    root = implicit_root(lambda y, a: y * y - a, lambda y, a: np.sqrt(a))
    a = np.array([4.0, 9.0], "f4")
    y, pullback = pb.vjp(lambda a: root(a, a), a)
    assert y.dtype == pullback(y).dtype == pb.jvp(lambda a: root(a, a), a, a)[1].dtype == "f4"


def test_parameters_of_double_precision_may_meet_unknowns_of_single() -> None:
    root = implicit_root(lambda y, a: y * y - a, lambda y, a: pb.astype(pb.sqrt(a), np.float32))
    a = np.array([4.0, 9.0])
    found = pb.grad(lambda a: pb.sum(root(a, a)))(a)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, 0.5 / np.sqrt(a), rtol=1e-6)


@pytest.mark.parametrize("shape", [(0,), (1,), (2, 1, 3)])
def test_unknowns_of_any_shape(shape: tuple[int, ...]) -> None:
    root = implicit_root(lambda y, a: y**3 - a, lambda y, a: np.cbrt(a))
    a = np.arange(1.0, 1 + math.prod(shape)).reshape(shape)
    found = pb.grad(lambda a: pb.sum(root(a, a)))(a)
    np.testing.assert_allclose(found, np.cbrt(a) ** -2 / 3, rtol=1e-12)


# ---------------------------------------------------------------------------------------- arguments


def test_the_guess_has_no_derivative() -> None:
    assert pb.grad(CUBIC)(0.5, 2.0) == 0.0
    assert pb.jvp(lambda y: CUBIC(y, 2.0), 0.5, 1.0)[1] == 0.0
    only = implicit_root(lambda y, n: y**3 - n, lambda y, n: 2.0)  # no parameter is differentiable
    assert pb.grad(only)(0.5, 8) == 0.0
    assert pb.jvp(lambda y: only(y, 8), 0.5, 1.0)[1] == 0.0


def test_keyword_only_options_reach_all_functions() -> None:
    seen: list[tuple[str, int]] = []

    def residual(y: Value, a: Value, *, power: int) -> Value:
        seen.append(("residual", power))
        return y**power - a

    def solver(_: Value, a: Value, *, power: int) -> Value:
        seen.append(("solver", power))
        return a ** (1 / power)

    root = implicit_root(residual, solver)
    assert pb.grad(root, 1)(1.0, 8.0, power=3) == pytest.approx(1 / 12)
    assert pb.jvp(lambda a: root(1.0, a, power=3), 8.0, 1.0)[1] == pytest.approx(1 / 12)
    assert set(seen) == {("residual", 3), ("solver", 3)}


def test_parameters_may_be_passed_by_keyword() -> None:
    root = implicit_root(lambda y, a: y * y - a, lambda y, a: np.sqrt(a))
    assert pb.grad(lambda a: root(1.0, a=a))(4.0) == 0.25


# ------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("solve", [None, conjugate_gradients])
@pytest.mark.parametrize("where", ["residual", "solver"])
def test_closing_over_a_traced_parameter_is_refused(where: str, solve: Solver | None) -> None:
    def f(a: Value) -> Value:
        root = implicit_root(
            lambda y, b: y - b - (a if where == "residual" else 0),
            lambda y, b: b + (a if where == "solver" else 0),
            solve=solve,
        )
        return pb.sum(root(np.ones(1), a * np.ones(1)))

    with pytest.raises(DifferentiationError, match="depends on a value of an outer transform"):
        pb.grad(f)(1.0)


def test_a_double_root_has_no_derivative() -> None:
    root = implicit_root(lambda y, a: (y - a) ** 2, lambda y, a: a)
    with pytest.raises(
        SingularMatrixError, match=r"custom_root: the derivative of <lambda> .* sing"
    ):
        pb.grad(root, 1)(0.0, 1.0)
    assert np.isnan(pb.vmap(pb.grad(root, 1), in_axes=(None, 0))(0.0, np.ones(2))).all()


@pytest.mark.parametrize("derive", [lambda f, a: pb.jvp(f, a, a), lambda f, a: pb.vjp(f, a)[1](a)])
@pytest.mark.parametrize(
    ("residual", "error", "text"),
    [
        (lambda y, a: y[:1], ShapeError, r"has shape \(1,\), and the unknowns have shape \(2,\)"),
        (lambda y, a: (y, a), StructureError, "the unknowns and <lambda> differ"),
        (lambda y, a: y * 1j, DTypeError, r"is complex, and the unknowns are real \(float64\)"),
        (lambda y, a: "text", DTypeError, r"is a str; expected float64\[2\], as the unknowns are"),
    ],
)
def test_a_residual_unlike_the_unknowns_is_refused(
    residual: Solver, error: type[Exception], text: str, derive: Solver
) -> None:
    root = implicit_root(residual, lambda y, a: a)
    a = np.ones(2)
    with pytest.raises(error, match=f"custom_root: .*{text}"):
        derive(lambda a: root(a, a), a)


@pytest.mark.parametrize("make", [custom_root, custom_fixed_point, custom_minimizer])
def test_what_is_no_function_is_refused(make: Solver) -> None:
    with pytest.raises(
        DifferentiationError, match=rf"{make.__name__}: solver: expected a function"
    ):
        make(abs, 3.0)


def test_plain_in_plain_out() -> None:
    root = implicit_root(lambda y, a: y * y - a, lambda y, a: np.sqrt(a))
    assert type(root(np.ones(2), np.ones(2))) is np.ndarray
    assert type(root(np.ones(2), pb.asarray(np.ones(2)))) is Array
