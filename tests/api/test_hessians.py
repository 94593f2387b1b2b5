"""Hessians and products with them, against closed forms, SciPy and differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import rosen_der, rosen_hess, rosen_hess_prod

import pullback as pb
from pullback.api import hessians, jacobians
from pullback.errors import DifferentiationError, DTypeError, ShapeError, StructureError
from pullback.primitives.quantity import Value

RNG = np.random.default_rng(0)
Vector = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Function = Callable[..., Value]

# Without their types, which tests/typing/jacobians_pass.py states.
hessian: Function = hessians.hessian
hvp: Function = hessians.hvp
gauss_newton_product: Function = hessians.gauss_newton_product
jacobian: Function = jacobians.jacobian
jacrev: Function = jacobians.jacrev


def rosenbrock(x: Value) -> Value:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def numeric(f: Function, x: Vector, step: float = 1e-5) -> Vector:
    """The Hessian by central differences of the gradient's central differences."""
    units = step * np.eye(x.size).reshape(-1, *x.shape)
    values = [
        f(x + u + v) - f(x + u - v) - f(x - u + v) + f(x - u - v) for u in units for v in units
    ]
    return np.reshape(values, x.shape * 2) / (4 * step * step)


# ---------------------------------------------------------------------------------- hessian


@pytest.mark.parametrize("n", [2, 3, 10])
def test_hessian_of_rosenbrock_is_scipys(n: int) -> None:
    x = RNG.standard_normal(n)
    np.testing.assert_allclose(hessian(rosenbrock)(x), rosen_hess(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(jacobian(pb.grad(rosenbrock))(x), rosen_hess(x), atol=1e-12)
    np.testing.assert_allclose(jacrev(pb.grad(rosenbrock))(x), rosen_hess(x), atol=1e-12)
    np.testing.assert_allclose(jacobian(rosenbrock)(x), rosen_der(x), rtol=1e-12)


@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (lambda x: np.sum(np.tanh(x) * x), (4,)),
        (lambda x: np.sum(x @ x.T @ x), (2, 2)),
        (lambda x: np.exp(x) * x, ()),
        (lambda x: x[0] ** 3, (1,)),
        (lambda x: np.log(np.sum(np.exp(x))), (3,)),
        (np.prod, (2, 2)),
        (lambda x: np.sum(np.max(x, axis=0) ** 2), (2, 3)),
    ],
)
@pytest.mark.parametrize("chunk_size", [None, 2])
def test_hessian_is_that_of_differences_and_symmetric(
    f: Function, shape: tuple[int, ...], chunk_size: int | None
) -> None:
    x = np.random.default_rng(1).uniform(0.5, 1.5, shape)
    found = hessian(f, chunk_size=chunk_size)(x if shape else float(x))
    assert np.shape(found) == shape + shape
    np.testing.assert_allclose(found, numeric(f, x), rtol=1e-4, atol=1e-4)
    matrix = np.reshape(found, (x.size, x.size))
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12, atol=1e-14)


def test_blocks_have_the_structure_of_the_argument_twice() -> None:
    class Parameters(NamedTuple):
        weight: Value
        scale: Value
        steps: int = 2
        name: str = "p"

    w = np.array([[1.0, 2.0]])
    found: Value = hessian(lambda p: p.scale**2 * np.sum(p.weight**3))(Parameters(w, 3.0))
    assert isinstance(found, Parameters)
    assert isinstance(found.weight, Parameters)
    np.testing.assert_allclose(found.weight.weight.reshape(2, 2), 9 * np.diag([6.0, 12.0]))
    assert found.weight.weight.shape == (1, 2, 1, 2)
    np.testing.assert_allclose(found.weight.scale, 6 * 3 * w**2)
    np.testing.assert_allclose(found.scale.weight, 6 * 3 * w**2)
    assert found.scale.scale == 18.0
    assert found.scale.steps == 0
    assert found.name == "p"


def test_argnums_give_a_block_for_each_pair() -> None:
    def f(a: Value, x: Value, *, b: float) -> Value:
        return b * a**2 * np.sum(x)

    x = np.ones(2)
    assert hessian(f)(3.0, x, b=2.0) == 8.0
    np.testing.assert_array_equal(hessian(f, 1)(3.0, x, b=2.0), np.zeros((2, 2)))
    blocks: Value = hessian(f, (0, 1))(3.0, x, b=2.0)
    assert blocks[0][0] == 8.0
    np.testing.assert_array_equal(blocks[0][1], [12.0, 12.0])
    np.testing.assert_array_equal(blocks[1][0], [12.0, 12.0])


def test_plain_in_plain_out_in_the_dtype_of_the_argument() -> None:
    assert type(hessian(lambda x: x**3)(2.0)) is float
    assert hessian(np.prod)(np.ones(3, np.float32)).dtype == np.float32
    assert type(hessian(np.prod)(pb.ones(3))) is pb.Array
    assert hessian(np.sum)(np.zeros(0)).shape == (0, 0)


def test_function_is_called_once() -> None:
    calls = []

    def f(x: Value) -> Value:
        calls.append(x)
        return np.sum(x**3)

    hessian(f)(np.ones(3))
    hvp(f, np.ones(3), np.ones(3))
    assert len(calls) == 2


def test_hessian_with_an_infinite_second_derivative_is_diagonal() -> None:
    found = hessian(lambda x: np.sum(x**1.5))(np.array([0.0, 4.0]))
    np.testing.assert_array_equal(found, np.diag([np.inf, 0.375]))
    kink = hessian(lambda x: np.sum(np.where(x > 0, x**1.5, x**2)))(np.array([0.0, 4.0]))
    np.testing.assert_array_equal(kink, np.diag([2.0, 0.375]))


def test_hessian_nests_in_every_order() -> None:
    x = np.array([1.0, 2.0])
    third = jacobian(hessian(lambda x: np.sum(x**3)))(x)
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0] = expected[1, 1, 1] = 6.0
    np.testing.assert_allclose(third, expected)
    inner = hessian(lambda x: np.sum(pb.grad(lambda y: np.sum(y**3))(x)))(x)
    np.testing.assert_allclose(inner, 6 * np.eye(2))
    trace = pb.grad(lambda x: np.trace(hessian(lambda x: np.sum(x**4))(x)))(x)
    np.testing.assert_allclose(trace, 24 * x)
    _, moved = pb.jvp(lambda a: hessian(lambda x: a**2 * np.sum(x**3))(x), 2.0, 1.0)
    np.testing.assert_allclose(moved, np.diag(4 * 6 * x))


def test_batch_of_hessians_is_the_stack_of_them() -> None:
    xs = RNG.standard_normal((4, 5))
    expected = [rosen_hess(x) for x in xs]
    np.testing.assert_allclose(pb.vmap(hessian(rosenbrock))(xs), expected, rtol=1e-12, atol=1e-12)


# ---------------------------------------------------------------------------------- hvp


@pytest.mark.parametrize("n", [2, 7])
def test_product_is_scipys(n: int) -> None:
    x, v = RNG.standard_normal((2, n))
    np.testing.assert_allclose(hvp(rosenbrock, x, v), rosen_hess_prod(x, v), rtol=1e-10)


def test_product_of_trees_is_a_tree() -> None:
    x = {"a": np.array([1.0, 2.0]), "b": 3.0, "n": 4, "name": "x"}
    v = {"a": np.array([1.0, 0.0]), "b": 2.0, "n": 0, "name": "v"}
    found: Value = hvp(lambda t: t["b"] ** 2 * np.sum(t["a"] ** 2), x, v)
    np.testing.assert_allclose(found["a"], [42.0, 48.0])
    assert found["b"] == pytest.approx(32.0)
    assert found["n"] == 0
    assert type(found["b"]) is float


def test_product_is_plain_and_of_the_points_type() -> None:
    assert hvp(lambda x: x**3, 2.0, 10.0) == 120.0
    assert type(hvp(lambda x: x**3, 2.0, 10.0)) is float
    assert hvp(np.prod, np.ones(2, np.float32), np.ones(2, np.float32)).dtype == np.float32
    assert type(hvp(pb.prod, pb.ones(2), pb.ones(2))) is pb.Array
    np.testing.assert_array_equal(hvp(np.sum, np.ones(2), np.ones(2)), np.zeros(2))
    assert hvp(np.sum, np.zeros(0), np.zeros(0)).shape == (0,)


def test_product_nests() -> None:
    x, v = np.array([1.0, 2.0]), np.array([1.0, -1.0])
    found = pb.grad(lambda x: np.sum(hvp(lambda x: np.sum(x**3), x, v)))(x)
    np.testing.assert_allclose(found, 6 * v)
    stack = pb.vmap(lambda v: hvp(lambda x: np.sum(x**3), x, v))(np.eye(2))
    np.testing.assert_allclose(stack, np.diag(6 * x))
    closure = pb.grad(lambda a: np.sum(hvp(lambda x: a**2 * np.sum(x**3), x, v)))(2.0)
    np.testing.assert_allclose(closure, 4 * np.sum(6 * x * v))


# ------------------------------------------------------------------------------ Gauss-Newton


def model(x: Value) -> Value:
    return {"y": np.tanh(x["w"]) @ x["v"], "z": x["v"] ** 2}


def cross_entropy(logits: Value) -> Value:
    return np.log(np.sum(np.exp(logits))) - logits[0]


def test_gauss_newton_is_the_product_of_three_matrices() -> None:
    weight = RNG.standard_normal((4, 3))
    x, v = RNG.standard_normal((2, 3))

    def logits(x: Value) -> Value:
        return weight @ np.sin(x)

    j, h = jacobian(logits)(x), hessian(cross_entropy)(logits(x))
    found = gauss_newton_product(logits, cross_entropy, x, v)
    np.testing.assert_allclose(found, j.T @ h @ j @ v, rtol=1e-12)
    p = np.exp(logits(x)) / np.sum(np.exp(logits(x)))
    j = weight * np.cos(x)
    closed = j.T @ (np.diag(p) - np.outer(p, p)) @ j @ v
    np.testing.assert_allclose(found, closed, rtol=1e-10)


def test_gauss_newton_is_the_hessian_where_the_model_is_linear() -> None:
    weight = RNG.standard_normal((4, 3))
    x, v = RNG.standard_normal((2, 3))
    found = gauss_newton_product(lambda x: weight @ x, cross_entropy, x, v)
    expected = hvp(lambda x: cross_entropy(weight @ x), x, v)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_gauss_newton_of_a_convex_loss_is_positive_semidefinite() -> None:
    def curved(x: Value) -> Value:
        return np.stack([x[0] * x[1], x[0] ** 2])

    def loss(y: Value) -> Value:
        return np.sum((y - 3.0) ** 2)

    x = np.array([0.5, 0.1])
    columns = [gauss_newton_product(curved, loss, x, v) for v in np.eye(2)]
    assert np.linalg.eigvalsh(columns)[0] >= -1e-12
    assert np.linalg.eigvalsh(hessian(lambda x: loss(curved(x)))(x))[0] < 0


def test_gauss_newton_of_trees_has_their_structure() -> None:
    x = {"w": RNG.standard_normal((2, 3)), "v": RNG.standard_normal(3)}
    v = {"w": RNG.standard_normal((2, 3)), "v": RNG.standard_normal(3)}

    def loss(out: Value) -> Value:
        return 0.5 * (np.sum(out["y"] ** 2) + np.sum(out["z"] ** 2))

    found = gauss_newton_product(model, loss, x, v)
    _, moved = pb.jvp(model, x, v)
    _, pull = pb.vjp(model, x)
    expected = pull(moved)  # the loss has the Hessian 1
    assert found.keys() == x.keys()
    np.testing.assert_allclose(found["w"], expected["w"], rtol=1e-12)
    np.testing.assert_allclose(found["v"], expected["v"], rtol=1e-12)


def test_gauss_newton_calls_the_model_once_and_is_plain() -> None:
    calls = []

    def counted(x: Value) -> Value:
        calls.append(x)
        return x**2

    x = np.array([1.0, 2.0])
    found = gauss_newton_product(counted, lambda y: np.sum(y**2), x, x)
    assert len(calls) == 1
    assert type(found) is np.ndarray
    assert gauss_newton_product(lambda x: x**2, lambda y: 3 * y**2, 2.0, 1.0) == 96.0
    assert type(gauss_newton_product(counted, pb.sum, pb.asarray(x), pb.asarray(x))) is pb.Array


def test_gauss_newton_nests() -> None:
    x, v = np.array([1.0, 2.0]), np.array([1.0, -1.0])

    def through(x: Value) -> Value:
        return np.sum(gauss_newton_product(lambda x: x**2, lambda y: 0.5 * np.sum(y**2), x, v))

    np.testing.assert_allclose(pb.grad(through)(x), 8 * x * v)  # G = diag(4 x²)
    columns = pb.vmap(lambda v: gauss_newton_product(lambda x: x**2, lambda y: np.sum(y**3), x, v))(
        np.eye(2)
    )
    np.testing.assert_allclose(columns, np.diag(4 * x**2 * 6 * x**2))


# ---------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: hessian(np.sin)(np.ones(2)),
            DifferentiationError,
            r"hessian: the output of sin h",
        ),
        (lambda: hessian(np.sum)(np.arange(2)), DifferentiationError, r"hessian: no floating-poin"),
        (lambda: hessian(3), DifferentiationError, r"hessian: expected a function, not an int"),
        (lambda: hessian(np.sum, 1)(1.0), DifferentiationError, r"hessian: argnums selects positi"),
        (lambda: hessian(np.sum, chunk_size=-1), DifferentiationError, r"hessian: chunk_size: exp"),
        (
            lambda: hessian(lambda z: np.abs(z) ** 2)(1j),
            DifferentiationError,
            r"hessian: .*complex numbers to complex ones; make it a function of the real",
        ),
        (
            lambda: hvp(np.sin, np.ones(2), np.ones(2)),
            DifferentiationError,
            r"hvp: the output of s",
        ),
        (
            lambda: hvp(np.sum, np.ones(2), np.ones(3)),
            ShapeError,
            r"hvp: the tangent.*shape \(3,\)",
        ),
        (lambda: hvp(np.sum, np.ones(2), 1j * np.ones(2)), DTypeError, r"hvp: .*complex128"),
        (lambda: hvp(lambda x: x[0], (1.0,), [1.0]), StructureError, r"hvp: the point and its tan"),
        (
            lambda: gauss_newton_product(np.sin, np.sin, np.ones(2), np.ones(2)),
            DifferentiationError,
            r"gauss_newton_product: the output of sin has shape \(2,\)",
        ),
        (
            lambda: gauss_newton_product(np.sin, np.sum, np.ones(2), np.ones(3)),
            ShapeError,
            r"gauss_newton_product: the tangent",
        ),
        (
            lambda: gauss_newton_product(np.argmax, np.sum, np.ones(2), np.ones(2)),
            DifferentiationError,
            r"gauss_newton_product: no floating-point",
        ),
    ],
)
def test_mistake_is_named(call: Callable[[], object], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
