"""Sparse Jacobians and Hessians: against differences, and against matrices written by hand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal, final

import numpy as np
import numpy.typing as npt
import pytest
from attrs import frozen
from scipy import sparse
from scipy.optimize import rosen, rosen_der, rosen_hess

import pullback as pb
from pullback import (
    Array,
    color_hessian,
    color_jacobian,
    hessian_sparsity,
    jacobian_sparsity,
    sparse_hessian,
    sparse_jacobian,
)
from pullback.errors import DifferentiationError, ShapeError
from pullback.primitives.quantity import Value
from tests.transforms.dependence import CASES, argument

Vector = npt.NDArray[np.float64]
STEP: Final = 1e-6
BY: Final[tuple[Literal["columns", "rows"], ...]] = ("columns", "rows")


def differences(f: Callable[[Value], Value], x: Value) -> Value:
    """The Jacobian by central differences."""

    def value(x: Value) -> Value:
        return np.ravel(np.asarray(f(pb.asarray(x))))

    steps = STEP * np.eye(x.size).reshape(x.size, *x.shape)
    return np.stack([(value(x + h) - value(x - h)) / (2 * STEP) for h in steps], axis=1)


def rosenbrock(x: Value) -> Value:
    return pb.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def burgers(u: Value, viscosity: float = 0.01) -> Value:
    """The residual u·∂u/∂x - ν ∂²u/∂x² between walls, on points a distance of 1 apart."""
    wall = np.zeros(1)
    v = pb.concat([wall, u, wall])
    return v[1:-1] * (v[2:] - v[:-2]) / 2 - viscosity * (v[2:] - 2 * v[1:-1] + v[:-2])


def burgers_by_hand(u: Vector, viscosity: float = 0.01) -> Value:
    v = np.concatenate([[0], u, [0]])
    return sparse.diags_array(
        [-u[1:] / 2 - viscosity, (v[2:] - v[:-2]) / 2 + 2 * viscosity, u[:-1] / 2 - viscosity],
        offsets=[-1, 0, 1],
    ).tocsr()


def stencil(u: Value) -> Value:
    """The residual Δu - exp u on a square, zero around it."""
    p = pb.pad(u, 1)
    around = p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2]
    return around - 4 * u - pb.exp(u)


def stencil_by_hand(u: Vector) -> Value:
    one = sparse.eye_array(len(u))
    line = sparse.eye_array(len(u), k=1) + sparse.eye_array(len(u), k=-1)
    laplacian = sparse.kron(line, one) + sparse.kron(one, line)
    return (laplacian - sparse.diags_array(4 + np.exp(u.ravel()))).tocsr()


# ----------------------------------------------------------------------------------- against others


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"cast"}))
def test_jacobian_is_that_of_differences(name: str) -> None:
    shape, f = CASES[name]
    x = argument(shape)
    found = sparse_jacobian(f)(x)
    np.testing.assert_allclose(found.toarray(), differences(f, x), rtol=1e-5, atol=1e-6)
    for by in BY:
        coloring = color_jacobian(jacobian_sparsity(f)(x), by=by)
        again = sparse_jacobian(f, coloring=coloring)(x)
        np.testing.assert_allclose(again.toarray(), found.toarray(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"cast"}))
def test_hessian_is_that_of_differences(name: str) -> None:
    shape, f = CASES[name]
    x = argument(shape)

    def energy(x: Value) -> Array:
        y = pb.asarray(f(x)).astype(float)
        return pb.sum(pb.sin(y) * (0.3 + np.arange(y.size).reshape(y.shape)))

    found = sparse_hessian(energy)(x)
    expected = differences(pb.grad(energy), x)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-4, atol=1e-6 * scale)


def test_hessian_of_rosenbrock_is_that_of_scipy() -> None:
    x = np.random.default_rng(0).standard_normal(50)
    assert rosenbrock(x) == pytest.approx(rosen(x))
    np.testing.assert_allclose(pb.grad(rosenbrock)(x), rosen_der(x))
    found = sparse_hessian(rosenbrock)(x)
    np.testing.assert_allclose(found.toarray(), rosen_hess(x), rtol=1e-12, atol=1e-10)
    assert found.nnz == 148
    assert color_hessian(hessian_sparsity(rosenbrock)(x)).number == 3


def test_jacobian_of_burgers_equation_is_the_one_written_by_hand() -> None:
    u = np.random.default_rng(1).standard_normal(10_000)
    coloring = color_jacobian(jacobian_sparsity(burgers)(u))
    assert coloring.number == 3
    found = sparse_jacobian(burgers, coloring=coloring)(u, viscosity=0.1)
    assert found.nnz == 29_998
    assert abs(found - burgers_by_hand(u, 0.1)).max() < 1e-14


def test_jacobian_of_a_stencil_of_100_000_unknowns_is_the_one_written_by_hand() -> None:
    u = np.random.default_rng(2).standard_normal((317, 317))
    coloring = color_jacobian(jacobian_sparsity(stencil)(u))
    assert coloring.number <= 7
    found = sparse_jacobian(stencil, coloring=coloring)(u)
    assert found.shape == (100_489, 100_489)
    assert abs(found - stencil_by_hand(u)).max() < 1e-13


def test_hessian_of_an_arrow_takes_two_products() -> None:
    def f(x: Value) -> Value:
        return pb.sum(x[0] * x[1:] ** 2)

    x = np.arange(1.0, 2001.0)
    assert color_hessian(hessian_sparsity(f)(x)).number == 2
    found = sparse_hessian(f)(x)
    assert found.nnz == 3 * 1999
    np.testing.assert_array_equal(found.diagonal(), [0.0] + [2.0] * 1999)
    np.testing.assert_array_equal(found[[0]].toarray()[0, 1:], 2 * x[1:])


# ----------------------------------------------------------------------------- arguments and values


@final
@frozen
class Model:
    """A model with a name and a number of its own."""

    weights: Vector
    bias: float
    name: str = "model"
    size: int = 2


def test_leaves_of_trees_are_the_columns_and_rows_in_their_order() -> None:
    model = Model(np.array([[1.0, 2.0], [3.0, 4.0]]), 5.0)

    def f(model: Model) -> dict[str, object]:
        assert model.name == "model"
        assert model.size == 2
        return {"b": [model.bias**2, 7], "a": model.weights[:, 0] * model.bias}

    names = pb.tree.leaves({"b": ["b", "7"], "a": ["a0", "a1"]})  # the order of all dicts
    rows: dict[object, list[float]] = {
        "b": [0, 0, 0, 0, 10],
        "7": [0, 0, 0, 0, 0],
        "a0": [5, 0, 0, 0, 1],
        "a1": [0, 0, 5, 0, 3],
    }
    found = sparse_jacobian(f)(model)
    assert found.toarray().tolist() == [rows[name] for name in names]


def test_further_arguments_are_handed_on() -> None:
    def f(x: Vector, scale: float, *, shift: float = 0.0) -> Vector:
        return (x + shift) ** 2 * scale

    x = np.array([1.0, 2.0])
    assert sparse_jacobian(f)(x, 3.0, shift=1.0).diagonal().tolist() == [12.0, 18.0]
    assert jacobian_sparsity(f)(x, 3.0, shift=1.0).nnz == 2

    def g(x: Vector, scale: float) -> Array:
        return pb.sum(x**3 * scale)

    assert sparse_hessian(g)(x, 2.0).diagonal().tolist() == [12.0, 24.0]
    assert sparse_jacobian(f).__name__ == "f"


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (0,), (0, 3)])
def test_argument_may_have_any_shape(shape: tuple[int, ...]) -> None:
    x = np.ones(shape)
    size = x.size
    found = sparse_jacobian(lambda x: x * x)(x[()])
    assert found.shape == (size, size)
    assert found.diagonal().tolist() == [2.0] * size
    assert sparse_hessian(lambda x: pb.sum(x**3))(x[()]).diagonal().tolist() == [6.0] * size


def test_number_and_arrays_of_ours_may_be_the_argument() -> None:
    assert sparse_jacobian(lambda x: x * x)(3.0).toarray().tolist() == [[6.0]]
    assert sparse_hessian(lambda x: x**3)(2.0).toarray().tolist() == [[12.0]]
    found = sparse_jacobian(lambda x: x * x)(pb.asarray([1.0, 2.0]))
    assert isinstance(found, sparse.csr_array)
    assert found.toarray().tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert sparse_jacobian(lambda x: [x[0], x[1], 3.0])([1.0, 2.0]).shape == (3, 2)


def test_python_numbers_stay_weak() -> None:
    def f(x: tuple[float, Value]) -> Value:
        assert (x[0] * x[1]).dtype == np.float32
        return x[0] * x[1]

    found = sparse_jacobian(f)((2.0, np.ones(2, np.float32)))
    assert found.dtype == np.float32
    assert found.toarray().tolist() == [[1.0, 2.0, 0.0], [1.0, 0.0, 2.0]]


def test_matrix_has_the_dtype_of_the_value() -> None:
    x = np.ones(3, np.float32)
    assert sparse_jacobian(lambda x: x * x)(x).dtype == np.float32
    assert sparse_hessian(lambda x: pb.sum(x * x))(x).dtype == np.float32
    for by in BY:
        coloring = color_jacobian(np.eye(3), by=by)
        wider = sparse_jacobian(lambda x: x * np.arange(3.0), coloring=coloring)(x)
        assert wider.dtype == np.float64
    assert sparse_jacobian(lambda x: np.arange(3))(x).dtype == np.float32


def test_constant_takes_no_product() -> None:
    found = sparse_jacobian(lambda x: np.ones(2))(np.ones(3))
    assert (found.shape, found.nnz) == ((2, 3), 0)
    assert sparse_hessian(lambda x: 3.0)(np.ones(3)).nnz == 0
    assert sparse_hessian(pb.sum)(np.ones(3)).nnz == 0
    given = sparse_jacobian(lambda x: np.ones(2), coloring=color_jacobian(np.ones((2, 3))))
    assert given(np.ones(3)).toarray().tolist() == [[0.0] * 3] * 2


def test_rows_are_used_where_they_are_fewer() -> None:
    calls = []

    def f(x: Value) -> Value:
        calls.append(1)
        return pb.stack([pb.sum(x**2), x[0]])

    x = np.arange(1.0, 6.0)
    coloring = color_jacobian(jacobian_sparsity(f)(x))
    assert coloring.by == "rows"
    assert sparse_jacobian(f, coloring=coloring)(x).toarray().tolist() == [
        [2.0, 4.0, 6.0, 8.0, 10.0],
        [1.0, 0.0, 0.0, 0.0, 0.0],
    ]
    assert len(calls) == 2, "each call of a transform calls the function once"


def test_derivatives_that_are_not_finite_stay_in_their_places() -> None:
    x = np.array([0.0, 1.0, 4.0, -1.0])
    with np.errstate(all="ignore"):
        found = sparse_jacobian(pb.sqrt)(x).toarray()
    np.testing.assert_array_equal(found[:3, :3], np.diag([np.inf, 0.5, 0.25]))
    assert np.isnan(found[3, 3])
    assert found[3, :3].tolist() == [0.0, 0.0, 0.0]


def test_beside_an_infinite_derivative_an_entry_is_right_or_nan() -> None:
    def f(x: Value) -> Value:
        return pb.stack([pb.sqrt(x[0]) + x[1], x[1] * x[2]])

    found = sparse_jacobian(f)(np.array([0.0, 2.0, 3.0])).toarray()
    assert found[0, 0] == np.inf
    assert np.isnan(found[0, 1]) or found[0, 1] == 1
    assert found[1].tolist() == [0.0, 3.0, 2.0]


def test_guarded_branches_stay_silent() -> None:
    x = np.array([0.0, 1.0, 4.0])

    def f(x: Value) -> Value:
        return pb.where(x > 0, pb.sqrt(pb.where(x > 0, x, 1.0)), 0.0)

    assert sparse_jacobian(f)(x).diagonal().tolist() == [0.0, 0.5, 0.25]


# --------------------------------------------------------------------------------- reuse and misuse


def test_coloring_serves_at_many_points_and_in_many_threads() -> None:
    points = np.random.default_rng(3).standard_normal((8, 40))
    coloring = color_hessian(hessian_sparsity(rosenbrock)(points[0]))
    hessian = sparse_hessian(rosenbrock, coloring=coloring)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(hessian, points))
    for x, matrix in zip(points, found, strict=True):
        np.testing.assert_allclose(matrix.toarray(), rosen_hess(x), rtol=1e-12, atol=1e-10)
        matrix.data[:] = np.nan
        matrix.indices[:] = 0
    np.testing.assert_allclose(hessian(points[0]).toarray(), rosen_hess(points[0]), atol=1e-10)


def test_hessian_may_be_found_with_a_coloring_of_columns_or_rows() -> None:
    x = np.random.default_rng(4).standard_normal(9)
    pattern = hessian_sparsity(rosenbrock)(x)
    for coloring in (
        color_jacobian(pattern, by="columns"),
        color_jacobian(pattern, by="rows"),
        color_hessian(pattern),
    ):
        found = sparse_hessian(rosenbrock, coloring=coloring)(x)
        np.testing.assert_allclose(found.toarray(), rosen_hess(x), rtol=1e-12, atol=1e-10)


def test_coloring_of_another_shape_is_refused() -> None:
    coloring = color_jacobian(np.eye(3))
    with pytest.raises(
        ShapeError, match=r"sparse_jacobian: .*of shape \(3, 3\), and .* shape \(4, 4\)"
    ):
        sparse_jacobian(lambda x: x, coloring=coloring)(np.ones(4))
    with pytest.raises(ShapeError, match="sparse_hessian: "):
        sparse_hessian(rosenbrock, coloring=coloring)(np.ones(4))


def test_star_coloring_is_refused_for_a_jacobian() -> None:
    with pytest.raises(DifferentiationError, match="color a Jacobian's pattern with color_jacob"):
        sparse_jacobian(lambda x: x, coloring=color_hessian(np.eye(3)))


@pytest.mark.parametrize(
    ("f", "x", "message"),
    [
        (lambda x: x, np.ones(2, complex), r"x is complex \(complex128\).*imaginary parts"),
        (lambda x: x * 1j, np.ones(2), r"the output of <lambda> has a leaf that is complex"),
        (lambda x: (x, "text"), np.ones(2), r"has a leaf that is a str.*return only such"),
        (lambda x: x, np.arange(2), r"no floating-point numbers .* in x \(int64\)"),
    ],
)
@pytest.mark.parametrize("transform", [sparse_jacobian, jacobian_sparsity])
def test_what_has_no_real_jacobian_is_refused(
    transform: Callable[[object], Callable[[object], object]],
    f: Callable[[Value], Value],
    x: Value,
    message: str,
) -> None:
    with pytest.raises(DifferentiationError, match=f"{transform.__name__}: .*{message}"):
        transform(f)(x)


def test_hessian_of_what_is_no_scalar_is_refused() -> None:
    with pytest.raises(DifferentiationError, match=r"sparse_hessian: .*lambda> has shape \(2,\)"):
        sparse_hessian(lambda x: x * x)(np.ones(2))


def in_argument(x: Value) -> Value:
    sparse_jacobian(lambda y: y * y)(x)
    return x


def in_closure(x: Value) -> Value:
    sparse_jacobian(lambda y: y * x)(np.ones(3))
    return x


def in_leaf(x: Value) -> Value:
    sparse_hessian(lambda y: pb.sum(y["w"] ** 3))({"w": x})
    return x


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (in_argument, "sparse_jacobian: y belongs to an outer transform"),
        (in_closure, "sparse_jacobian: a value that the function closes over belongs to an outer"),
        (in_leaf, r"sparse_hessian: y\['w'\] belongs to .*; use jacobian or hessian there"),
    ],
)
def test_matrix_that_an_outer_transform_would_differentiate_is_refused(
    f: Callable[[Value], Value], message: str
) -> None:
    with pytest.raises(DifferentiationError, match=message):
        pb.grad(f)(2.0)


@pytest.mark.parametrize("transform", [sparse_jacobian, jacobian_sparsity])
def test_argument_that_is_batched_is_refused(
    transform: Callable[[object], Callable[[object], Value]],
) -> None:
    def f(x: Value) -> Value:
        transform(lambda y: y * y)(x)
        return x

    with pytest.raises(DifferentiationError, match="y belongs to an outer transform"):
        pb.vmap(f)(np.ones((2, 3)))


def test_pattern_may_be_found_where_an_outer_transform_differentiates() -> None:
    def f(x: Value) -> Value:
        assert jacobian_sparsity(lambda y: y * x)(x).nnz == 3
        assert hessian_sparsity(lambda y: pb.sum(y**2 * x))(x).nnz == 3
        return pb.sum(x * x)

    assert pb.grad(f)(np.ones(3)).tolist() == [2.0, 2.0, 2.0]


def test_function_may_use_gradients_and_closures_of_its_own() -> None:
    weights = np.arange(1.0, 5.0)

    def f(x: Value) -> Value:
        return pb.grad(lambda y: pb.sum(weights * y**3 * x[::-1]))(x)

    x = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(sparse_jacobian(f)(x).toarray(), differences(f, x), atol=1e-6)


def test_scipy_loads_when_a_matrix_is_asked_for() -> None:
    code = (
        "import sys, pullback.api.sparse as s, numpy as np; assert 'scipy' not in sys.modules;"
        "s.sparse_jacobian(lambda x: x)(np.ones(2)); assert 'scipy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
