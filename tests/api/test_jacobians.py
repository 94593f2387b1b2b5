"""Jacobians against closed forms and differences; blocks of trees; modes, nesting, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from attrs import frozen

import pullback as pb
from pullback.api.jacobian_blocks import Mode
from pullback.errors import DifferentiationError, ShapeError
from pullback.primitives.quantity import Value

MODES: tuple[Mode, ...] = ("forward", "reverse", "auto")
RNG = np.random.default_rng(0)
W = RNG.standard_normal((3, 4))
Vector = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Function = Callable[..., Value]

# Without their types, which tests/typing/jacobians_pass.py states.
jacobian: Function = pb.jacobian
jacfwd: Function = pb.jacfwd
jacrev: Function = pb.jacrev
value_and_jacobian: Function = pb.value_and_jacobian
laplacian: Function = pb.laplacian
divergence: Function = pb.divergence
curl: Function = pb.curl


def numeric(f: Function, x: Vector, step: float = 1e-6) -> Vector:
    """The Jacobian by central differences."""
    columns = []
    for i in np.ndindex(x.shape):
        unit = np.zeros(x.shape)
        unit[i] = step
        columns.append((f(x + unit) - f(x - unit)) / (2 * step))
    shape = (*x.shape, *np.shape(f(x)))
    stacked = np.reshape(np.array(columns), shape)
    return np.moveaxis(stacked, range(x.ndim), range(-x.ndim, 0)) if x.ndim else stacked


CASES: dict[str, tuple[Function, tuple[int, ...]]] = {
    "elementwise": (lambda x: np.tanh(x) * x, (4,)),
    "wide": (lambda x: W @ np.sin(x), (4,)),
    "tall": (lambda x: np.concatenate([x, x**2, np.exp(x)]), (2,)),
    "matrix to matrix": (lambda x: x @ x.T, (2, 3)),
    "matrix to number": (lambda x: np.sum(x**3), (2, 3)),
    "number to vector": (lambda x: np.stack([np.sin(x), x * x]), ()),
    "number to number": (lambda x: np.exp(x) * x, ()),
    "size one": (lambda x: x[0] * x, (1,)),
    "indexing": (lambda x: x[[0, 0, 2]] * x[1:][::-1][0], (3,)),
    "broadcast": (lambda x: x[:, None] * x[None, :] + x, (3,)),
    "reduction": (lambda x: np.max(x, axis=0) - np.mean(x, axis=0), (3, 2)),
    "softmax": (lambda x: np.exp(x) / np.sum(np.exp(x)), (4,)),
    "cumulative product": (np.cumprod, (4,)),
    "rank three": (lambda x: np.transpose(x, (2, 0, 1)) * 2.0, (2, 1, 3)),
    "constant in part": (lambda x: np.concatenate([x[:1], np.ones(2)]), (2,)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CASES)
def test_jacobian_is_that_of_central_differences(name: str, mode: Mode) -> None:
    f, shape = CASES[name]
    x = np.random.default_rng(1).uniform(0.5, 2.0, shape)
    found = jacobian(f, mode=mode)(x if shape else float(x))
    assert np.shape(found) == np.shape(f(x)) + shape
    np.testing.assert_allclose(found, numeric(f, x), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("mode", MODES)
def test_chunks_make_no_difference(mode: Mode, size: int) -> None:
    x = RNG.standard_normal((2, 3))
    f = CASES["matrix to matrix"][0]
    whole = jacobian(f, mode=mode)(x)
    np.testing.assert_allclose(jacobian(f, mode=mode, chunk_size=size)(x), whole, rtol=1e-14)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("f", "shape", "expected"),
    [
        (np.exp, (0,), (0, 0)),
        (np.sum, (0,), (0,)),
        (lambda x: np.concatenate([x, np.ones(2)]), (0,), (2, 0)),
        (lambda x: x[:0], (3,), (0, 3)),
        (lambda x: x[:, :0] * x, (2, 1), (2, 0, 2, 1)),
    ],
)
def test_empty_arrays_have_empty_jacobians(
    f: Function, shape: tuple[int, ...], expected: tuple[int, ...], mode: Mode
) -> None:
    found = jacobian(f, mode=mode)(np.ones(shape))
    assert found.shape == expected
    assert jacobian(f, mode=mode, chunk_size=2)(np.ones(shape)).shape == expected


class Pair(NamedTuple):
    left: Value
    right: Value


@frozen
class Model:
    weight: Value
    bias: Value
    name: str = "layer"
    steps: int = 3


@pytest.mark.parametrize("mode", MODES)
def test_blocks_have_the_structure_of_the_output_then_of_the_input(mode: Mode) -> None:
    x: Value = {"a": RNG.standard_normal((2, 3)), "b": (RNG.standard_normal(2), 2.0)}

    def f(x: Value) -> Value:
        first = x["a"].T @ x["b"][0] * x["b"][1]
        return Pair(first, [np.sum(x["b"][0]), x["a"][0]])

    found: Value = jacobian(f, mode=mode)(x)
    assert isinstance(found, Pair)
    a, (b, c) = x["a"], x["b"]
    np.testing.assert_allclose(found.left["a"], np.einsum("ik,j->ijk", np.eye(3), b * c))
    np.testing.assert_allclose(found.left["b"][0], a.T * c)
    np.testing.assert_allclose(found.left["b"][1], a.T @ b)
    total, row = found.right
    np.testing.assert_array_equal(total["a"], np.zeros((2, 3)))
    np.testing.assert_array_equal(total["b"][0], np.ones(2))
    assert total["b"][1] == 0.0
    np.testing.assert_array_equal(row["a"], np.einsum("ik,j->ijk", np.eye(3), [1.0, 0.0]))
    assert row["b"][0].shape == (3, 2)
    assert row["b"][1].shape == (3,)


def test_leaves_without_derivative_give_zeros_or_stand_unchanged() -> None:
    model = Model(np.ones(2), 1.0)
    found: Value = jacobian(lambda m: {"y": m.weight * m.bias, "n": 3, "text": "t"})(model)
    assert found["text"] == "t"
    assert found["y"].name == "layer"
    np.testing.assert_array_equal(found["y"].weight, np.eye(2))
    np.testing.assert_array_equal(found["y"].steps, np.zeros(2))
    np.testing.assert_array_equal(found["n"].weight, np.zeros(2))
    assert found["n"].steps == 0


def test_empty_trees_have_themselves_for_a_jacobian() -> None:
    assert jacobian(lambda x: {"y": np.ones(2)})(()) == {"y": ()}
    assert jacobian(lambda x: ())(1.0) == ()


def test_argnums_select_arguments() -> None:
    def f(x: Value, y: Value, *, scale: float) -> Value:
        return scale * x * y

    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    np.testing.assert_array_equal(jacobian(f)(x, y, scale=2.0), np.diag(2 * y))
    np.testing.assert_array_equal(jacobian(f, 1)(x, y, scale=2.0), np.diag(2 * x))
    both: Value = jacobian(f, (1, 0))(x, y, scale=2.0)
    np.testing.assert_array_equal(both[0], np.diag(2 * x))
    np.testing.assert_array_equal(both[1], np.diag(2 * y))


def test_function_is_called_once() -> None:
    calls = []

    def f(x: Value) -> Value:
        calls.append(x)
        return np.tanh(W @ x)

    for transform in (jacobian, jacfwd, jacrev, value_and_jacobian):
        calls.clear()
        transform(f)(np.ones(4))
        assert len(calls) == 1


def test_auto_mode_takes_the_fewer_sweeps() -> None:
    # Only a cotangent that is pulled back becomes nan here: 0 times infinity.
    def f(x: Value, n: int) -> Value:
        return np.sqrt(x * x)[:n]

    x = np.zeros(2)
    reverse, forward = jacrev(f)(x, 1), jacfwd(f)(x, 2)
    assert np.isnan(reverse[0, 0])
    assert not np.isnan(forward).any()
    np.testing.assert_array_equal(jacobian(f)(x, 1), reverse)
    np.testing.assert_array_equal(jacobian(f)(x, 2), forward)


def test_value_comes_with_the_jacobian() -> None:
    x = np.array([1.0, 2.0])
    y, found = value_and_jacobian(np.square)(x)
    np.testing.assert_array_equal(y, x**2)
    np.testing.assert_array_equal(found, np.diag(2 * x))


# ---------------------------------------------------------------------------------- what kinds


def test_plain_in_plain_out() -> None:
    assert type(jacobian(lambda x: x * x)(3.0)) is float
    assert type(jacobian(np.sum)(np.ones(2, np.float32))) is np.ndarray
    assert type(jacobian(lambda x: x * x)(np.float32(3))) is np.float32
    assert type(jacobian(lambda x: x * x)(pb.asarray(3.0))) is pb.Array
    assert type(jacobian(lambda x, y: x * y)(np.ones(2), pb.ones(2))) is pb.Array
    assert type(jacobian(lambda x: 2)(3.0)) is float


def test_blocks_are_writable_and_share_nothing() -> None:
    x = np.ones(2)
    first, second = jacobian(lambda x: (x, x))(x)
    first[0, 0] = 7.0
    assert second[0, 0] == 1.0
    assert jacobian(lambda x: x)(x)[0, 0] == 1.0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (np.sin, np.ones(2, np.float32), np.float32),
        (lambda x: x.astype(np.float64), np.ones(2, np.float32), np.float64),
        (lambda x: x.astype(np.float32), np.ones(2), np.float64),
        (lambda t: t * np.ones(2, np.float32), 2.0, np.float32),
        (lambda x: np.ones(2, np.float32), np.ones(2, np.float32), np.float32),
    ],
)
def test_dtype_is_the_common_one_in_each_mode(
    f: Value, x: Value, expected: Value, mode: Mode
) -> None:
    assert jacobian(f, mode=mode)(x).dtype == expected


def test_single_precision_is_as_accurate_as_that() -> None:
    x = np.linspace(0.1, 1.0, 4, dtype=np.float32)
    found = jacobian(lambda x: np.cumsum(np.exp(x)))(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.tri(4) * np.exp(x), rtol=1e-6)


# ---------------------------------------------------------------------------------- complex


def test_holomorphic_function_has_its_complex_derivative() -> None:
    z = np.array([1.0 + 2.0j, 0.5 - 1.0j])
    a = np.array([[1.0, 2.0j], [3.0 - 1.0j, 0.5]])
    found = jacobian(lambda z: a @ np.exp(z), holomorphic=True)(z)
    np.testing.assert_allclose(found, a * np.exp(z))
    assert jacobian(lambda z: z * z, holomorphic=True)(1.0 + 1.0j) == 2.0 + 2.0j


def test_complex_function_of_real_numbers_has_a_complex_jacobian() -> None:
    t = np.array([0.3, 2.0, 1.0])
    np.testing.assert_allclose(jacobian(lambda t: np.exp(1j * t))(t), np.diag(1j * np.exp(1j * t)))
    short = jacobian(lambda t: np.sum(np.exp(1j * t)))(t)  # forward, though it is one number
    np.testing.assert_allclose(short, 1j * np.exp(1j * t))


def test_real_and_imaginary_parts_are_the_remedy() -> None:
    def f(re: Value, im: Value) -> Value:
        return np.abs(re + 1j * im)

    re, im = np.array([3.0]), np.array([4.0])
    found: Value = jacobian(f, (0, 1))(re, im)
    np.testing.assert_allclose(found, ([[0.6]], [[0.8]]))


@pytest.mark.parametrize(
    ("f", "x", "options", "text"),
    [
        (np.exp, 1j, {}, r"takes complex numbers to complex ones; pass holomorphic=True if it is"),
        (np.abs, 1j, {}, r"takes complex numbers to real ones.*of the real and the imaginary part"),
        (np.abs, 1j, {"holomorphic": True}, r"takes complex numbers to real ones"),
        (lambda x: 1j * x, 1.0, {"mode": "reverse"}, r"is complex, and reverse.*mode='forward'"),
    ],
)
def test_what_is_no_complex_matrix_is_refused(
    f: Value, x: Value, options: Value, text: str
) -> None:
    with pytest.raises(DifferentiationError, match=text):
        jacobian(f, **options)(x)


# --------------------------------------------------------------------- infinite derivatives


@pytest.mark.parametrize("mode", MODES)
def test_infinite_derivative_of_one_element_leaves_the_others(mode: Mode) -> None:
    x = np.array([0.0, 1.0, 4.0])
    expected = np.diag([np.inf, 0.5, 0.25])
    np.testing.assert_array_equal(jacobian(np.sqrt, mode=mode)(x), expected)
    mixed = jacobian(lambda x: np.tri(3)[1:] @ np.sqrt(x) + 1.0, mode=mode)(x)
    np.testing.assert_array_equal(mixed[:, 1:], [[0.5, 0.0], [0.5, 0.25]])
    np.testing.assert_array_equal(mixed[:, 0], [np.inf, np.inf])


@pytest.mark.parametrize("mode", MODES)
def test_infinite_derivative_by_one_leaf_leaves_the_others(mode: Mode) -> None:
    found: Value = jacobian(lambda x: x[0] + np.sqrt(x[1]), mode=mode)((np.ones(2), np.zeros(2)))
    np.testing.assert_array_equal(found[0], np.eye(2))
    np.testing.assert_array_equal(found[1], np.diag([np.inf, np.inf]))


@pytest.mark.parametrize("mode", MODES)
def test_branch_not_taken_is_silent(mode: Mode) -> None:
    x = np.array([0.0, 1.0, 4.0])
    found = jacobian(lambda x: np.where(x > 0, np.sqrt(x), 2.0 * x), mode=mode)(x)
    np.testing.assert_array_equal(found, np.diag([2.0, 0.5, 0.25]))


@pytest.mark.parametrize("mode", MODES)
def test_second_derivatives_are_silent_too(mode: Mode) -> None:
    x = np.array([0.0, 4.0])

    def penalty(x: Value) -> Value:
        return np.sum(jacobian(lambda x: x**1.5, mode=mode)(x) ** 2)

    np.testing.assert_allclose(pb.grad(penalty)(np.array([1.0, 4.0])), [2.25, 2.25])
    curved = jacobian(jacobian(lambda x: x**1.5, mode=mode), mode=mode)(x)
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0], expected[1, 1, 1] = np.inf, 0.375
    np.testing.assert_array_equal(curved, expected)


# ---------------------------------------------------------------------------------- nesting


@pytest.mark.parametrize("inner", MODES)
@pytest.mark.parametrize("outer", MODES)
def test_jacobian_of_jacobian_is_the_second_derivative(outer: Mode, inner: Mode) -> None:
    x = np.array([1.0, 2.0])
    found = jacobian(jacobian(lambda x: x[0] * x**2, mode=inner), mode=outer)(x)
    # y = (a³, ab²)
    expected = [[[6 * x[0], 0.0], [0.0, 0.0]], [[0.0, 2 * x[1]], [2 * x[1], 2 * x[0]]]]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("mode", MODES)
def test_gradient_through_an_entry(mode: Mode) -> None:
    x = np.array([1.0, 2.0])
    found = pb.grad(lambda x: jacobian(lambda x: np.sin(x) * x[0], mode=mode)(x)[1, 0])(x)
    np.testing.assert_allclose(found, [0.0, np.cos(2.0)])


@pytest.mark.parametrize("mode", MODES)
def test_closure_over_an_outer_variable_is_differentiated(mode: Mode) -> None:
    def entry(a: Value) -> Value:
        return jacobian(lambda x: a**2 * x * a, mode=mode)(np.ones(2))[0, 0]

    assert pb.grad(entry)(2.0) == pytest.approx(12.0)
    assert jacobian(entry, mode=mode)(2.0) == pytest.approx(12.0)


@pytest.mark.parametrize("mode", MODES)
def test_perturbations_are_not_confused(mode: Mode) -> None:
    f = jacobian(lambda x: x * jacobian(lambda y: x * y, mode=mode)(1.0), mode=mode)
    assert f(3.0) == pytest.approx(6.0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["elementwise", "wide", "matrix to matrix", "softmax"])
def test_batch_of_jacobians_is_the_stack_of_them(name: str, mode: Mode) -> None:
    f, shape = CASES[name]
    xs = RNG.uniform(0.5, 2.0, (5, *shape))
    derivative = jacobian(f, mode=mode)
    expected = np.stack([derivative(x) for x in xs])
    np.testing.assert_allclose(pb.vmap(derivative)(xs), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(derivative(xs[0]), expected[0], rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_batch_with_infinite_derivatives_is_silent(mode: Mode) -> None:
    xs = np.array([[0.0, 1.0], [4.0, 0.0]])
    with np.errstate(all="ignore"):  # the batch divides by zero
        found = pb.vmap(jacobian(np.sqrt, mode=mode))(xs)
    np.testing.assert_array_equal(found, [np.diag([np.inf, 0.5]), np.diag([0.25, np.inf])])


@pytest.mark.parametrize("mode", MODES)
def test_jacobian_of_a_batch(mode: Mode) -> None:
    xs = RNG.standard_normal((3, 2))
    found = jacobian(pb.vmap(CASES["matrix to number"][0]), mode=mode)(xs)
    np.testing.assert_allclose(found, np.eye(3)[:, :, None] * (3 * xs**2)[None])


def test_arrays_are_arrays_below_an_outer_transform() -> None:
    kinds = []

    def f(x: Value) -> Value:
        found = jacobian(np.sin)(x)
        kinds.append(type(found))
        return np.sum(found)

    pb.grad(f)(np.ones(2))
    assert kinds == [pb.Array]


# ---------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: jacobian(3), r"jacobian: expected a function, not an int"),
        (lambda: jacobian(np.sin, mode="backward"), r"mode: expected 'auto', 'forward' or 're"),
        (lambda: jacobian(np.sin, chunk_size=0), r"chunk_size: expected a positive integer"),
        (lambda: jacobian(np.sin, -1), r"argnums: expected positions, counted from 0, not -1"),
        (lambda: jacobian(np.sin, ()), r"argnums: \(\) is no argument"),
        (lambda: jacobian(np.sin, 1)(np.ones(2)), r"argnums selects position 1, counted from 0"),
        (lambda: jacrev(lambda x: x)(np.arange(2)), r"jacrev: no floating-point.* x \(int64\)"),
        (lambda: jacobian(lambda a, b: a, (0, 1))(1, 2), r"in \(a, b\)\[0\] \(int\)"),
        (lambda: jacfwd(np.argmax)(np.ones(2)), r"jacfwd: the output of argmax.* dtype int64"),
        (lambda: jacobian(lambda x: "text")(1.0), r"holds no floating-point number.* a str"),
        (lambda: jacobian(lambda x: x > 0)(1.0), r"but dtype bool; return one"),
    ],
)
def test_mistake_is_named(call: Callable[[], object], text: str) -> None:
    with pytest.raises(DifferentiationError, match=text):
        call()


# -------------------------------------------------------------------------- vector calculus


def test_laplacian_is_the_trace_of_the_hessian() -> None:
    x = RNG.standard_normal(3)
    np.testing.assert_allclose(laplacian(lambda x: np.sum(np.sin(x)))(x), -np.sum(np.sin(x)))
    harmonic = laplacian(lambda x: 1 / np.sqrt(np.sum(x * x)))(x)
    np.testing.assert_allclose(harmonic, 0.0, atol=1e-12)
    matrix = laplacian(lambda x: np.sum(x @ x.T))(np.ones((2, 3)))
    np.testing.assert_allclose(matrix, 12.0)
    np.testing.assert_allclose(laplacian(lambda x, a, *, b: b * a * x**3)(2.0, 3.0, b=2.0), 72.0)
    np.testing.assert_allclose(laplacian(lambda x: x * np.sum(x**2))(x), 10 * x)
    assert laplacian(np.sum)(np.zeros(0)) == 0.0


def test_divergence_is_the_trace_of_the_jacobian() -> None:
    x = RNG.standard_normal(4)
    np.testing.assert_allclose(divergence(lambda x: x * np.sum(x**2))(x), 6 * np.sum(x**2))
    square = RNG.standard_normal((2, 2))
    np.testing.assert_allclose(divergence(lambda x: x @ x)(square), 4 * np.trace(square))
    assert divergence(lambda x: x**2)(3.0) == 6.0
    assert divergence(lambda x: x)(np.zeros(0)) == 0.0
    assert divergence(np.sqrt)(np.array([0.0, 1.0])) == np.inf


def test_curl_in_space_and_in_the_plane() -> None:
    x, y, z = point = RNG.standard_normal(3)
    found = curl(lambda p: np.stack([p[1] * p[2] ** 2, p[0] ** 3, p[0] * p[1]]))(point)
    np.testing.assert_allclose(found, [x, 2 * y * z - y, 3 * x**2 - z**2])

    def potential(p: Value) -> Value:
        return np.sin(p[0]) * p[1] ** 2 * np.exp(p[2])

    gradient = curl(pb.grad(potential))(point)
    np.testing.assert_allclose(gradient, np.zeros(3), atol=1e-12)
    plane = curl(lambda p: np.stack([-(p[1] ** 2), p[0] * p[1]]))(point[:2])
    np.testing.assert_allclose(plane, 3 * y)


def test_fields_nest_and_keep_arrays() -> None:
    x = RNG.standard_normal(3)
    biharmonic = laplacian(laplacian(lambda x: np.sum(x**2) ** 2))(x)
    np.testing.assert_allclose(biharmonic, 120.0)  # 8·n·(n + 2) in n dimensions
    source = pb.grad(lambda a: divergence(lambda x: a**2 * x)(x))(2.0)
    np.testing.assert_allclose(source, 12.0)
    stack = pb.vmap(laplacian(CASES["matrix to number"][0]))(np.stack([x, 2 * x]))
    np.testing.assert_allclose(stack, [6 * np.sum(x), 12 * np.sum(x)])
    for field in (laplacian, divergence, curl):
        assert type(field(lambda x: x**2)(pb.asarray(x))) is pb.Array
        assert type(field(lambda x, a: a * x)(x, pb.asarray(2.0))) is pb.Array


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: laplacian(np.sum)({"x": 1.0}), DifferentiationError, r"laplacian: .* not a dict"),
        (lambda: laplacian(np.sum)(1j), DifferentiationError, r"real.* of sum, not dtype complex1"),
        (laplacian(np.sum), DifferentiationError, r"first argument of sum, not nothing"),
        (lambda: laplacian(3), DifferentiationError, r"laplacian: expected a function, not an int"),
        (lambda: divergence(3), DifferentiationError, r"divergence: expected a function"),
        (lambda: divergence(np.sum)(np.ones(2)), ShapeError, r"argument, \(2,\), .*shape \(\)"),
        (lambda: divergence(lambda x: (x,))(np.ones(2)), ShapeError, r"returned a tuple of 1"),
        (lambda: curl(lambda x: x)(np.ones(4)), ShapeError, r"3 or 2 numbers, and x has shape \(4"),
        (lambda: curl(lambda x: x[:2])(np.ones(3)), ShapeError, r"curl: .*returned shape \(2,\)"),
    ],
)
def test_what_is_no_field_is_refused(
    call: Callable[[], object], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        call()
