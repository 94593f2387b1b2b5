"""Plain in, plain out: what kind of numbers transforms return, and what they share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback import Array, tree
from pullback.primitives.quantity import Value
from tests.lambdas import of

# The methods by which a cotangent can come: bare values, values of another precision, broadcasting.
FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "product": lambda x: pb.sum(x * x),
    "numpy function": lambda x: pb.sum(np.sin(x)),
    "double constant": lambda x: pb.sum(x * np.float64(2)),
    "double array": lambda x: pb.sum(x * np.ones(3)),
    "single array": lambda x: pb.sum(x * np.ones(3, np.float32)),
    "broadcast": lambda x: pb.sum(x + np.ones((2, 1))),
    "selection": lambda x: pb.sum(pb.where(x > 0, x, 2 * x)),
    "cast": lambda x: pb.sum(pb.astype(pb.asarray(x), np.float32)),
    "identity": lambda x: x if np.shape(x) == () else x[0],
    "constant": lambda x: 1.0,
}
LEAVES: dict[str, Value] = {
    "float": 2.0,
    "float64": np.float64(2.0),
    "float32": np.float32(2.0),
    "float16": np.float16(2.0),
    "rank 0": np.array(2.0),
    "rank 0, single": np.array(2.0, np.float32),
    "vector": np.array([2.0, 1.0, 3.0]),
    "single vector": np.array([2.0, 1.0, 3.0], np.float32),
    "big-endian vector": np.array([2.0, 1.0, 3.0], ">f8"),
    "strided": np.arange(6.0)[::2],
    "Fortran order": np.asfortranarray(np.arange(6.0).reshape(2, 3)[:1].repeat(3, 0))[0],
}

by_function = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
by_leaf = pytest.mark.parametrize("x", LEAVES.values(), ids=LEAVES)


@by_leaf
@by_function
def test_gradient_of_a_plain_leaf_has_its_class_dtype_and_shape(
    f: Callable[[Value], Value], x: Value
) -> None:
    for found in (pb.grad(f)(x), pb.grad(of(lambda t: f(t["a"])))({"a": x, "n": 3})["a"]):
        assert type(found) is type(x)
        if isinstance(x, (np.ndarray, np.generic)):
            assert found.dtype == x.dtype
            assert found.dtype.byteorder == x.dtype.byteorder
            assert found.shape == x.shape


@by_leaf
@by_function
def test_gradient_of_an_array_of_ours_has_its_type(f: Callable[[Value], Value], x: Value) -> None:
    array = pb.asarray(x)
    found = pb.grad(f)(array)
    assert type(found) is Array
    assert found.type == array.type
    assert not found.sources


@pytest.mark.parametrize("x", [x for x in LEAVES.values() if np.ndim(x)])
def test_plain_gradients_are_writable_and_share_no_memory(x: Value) -> None:
    weights = np.array([1.0, 2.0, 4.0])

    def f(a: Value, b: Value) -> tuple[Value, Value]:
        return pb.sum((a + b) * weights), {"kept": a * 1.0, "input": a}

    (_, aux), (by_a, by_b) = pb.value_and_grad(f, (0, 1), has_aux=True)(x, x.copy())
    arrays = [by_a, by_b, aux["kept"], aux["input"]]
    for i, a in enumerate(arrays):
        assert type(a) is np.ndarray
        for other in (*arrays[:i], x, weights):
            assert not np.shares_memory(a, other)
        a[...] = 0  # writable
    np.testing.assert_array_equal(weights, [1.0, 2.0, 4.0])


def test_the_argument_may_be_written_to_after_a_transform_has_read_it() -> None:
    x = np.array([1.0, 2.0])
    y, pullback = pb.vjp(of(lambda x: x * x), x)
    x[:] = 100.0
    np.testing.assert_array_equal(y, [1.0, 4.0])
    np.testing.assert_array_equal(pullback(np.ones(2)), [2.0, 4.0])


@pytest.mark.parametrize(
    ("args", "kwargs", "arrays"),
    [
        ((1.0, 2.0), {}, False),
        ((pb.asarray(1.0), 2.0), {}, True),
        ((1.0, pb.asarray(2.0)), {}, True),
        ((1.0, pb.asarray(2)), {}, True),
        ((1.0, 2.0), {"z": pb.asarray(1.0)}, True),
        ((1.0, 2.0), {"z": [{"deep": (pb.asarray(1.0),)}]}, True),
        ((1.0, 2.0), {"z": [{"deep": (np.ones(2),)}]}, False),
        (({"a": 1.0, "b": pb.asarray([1.0])}, 2.0), {}, True),
        (({"a": 1.0, "b": np.ones(2)}, "text"), {}, False),
    ],
)
def test_results_are_arrays_where_any_leaf_of_any_argument_is_one(
    args: tuple[Value, ...], kwargs: dict[str, Value], arrays: Value
) -> None:
    def f(x: Value, *_: Value, **__: Value) -> tuple[Value, Value]:
        first: Value = tree.leaves(x)[0]
        return first * first, {"doubled": 2 * first, "text": "same", "number": 5}

    (value, aux), found = pb.value_and_grad(f, has_aux=True)(*args, **kwargs)
    for result in (value, aux["doubled"], *tree.leaves(found)):
        assert (type(result) is Array) == arrays
    assert aux["text"] == "same"
    assert type(aux["number"]) is int


def test_value_is_the_python_number_or_numpy_scalar_that_it_is() -> None:
    assert type(pb.value_and_grad(of(lambda x: x * x))(3.0)[0]) is float
    assert type(pb.value_and_grad(of(pb.sin))(3.0)[0]) is np.float64
    assert type(pb.value_and_grad(of(lambda x: x * x))(np.float32(3.0))[0]) is np.float32


def test_object_that_cannot_be_taken_apart_is_handed_on_as_a_leaf() -> None:
    cyclic: list[Value] = []
    cyclic.append(cyclic)

    def f(x: float, data: list[Value]) -> float:
        assert data is cyclic
        return x * x

    assert pb.grad(f)(3.0, cyclic) == 6.0


def test_plain_result_that_depends_on_an_outer_input_stays_a_node() -> None:
    inner = []

    def f(x: Value) -> Value:
        value, slope = pb.value_and_grad(of(lambda y: x * y * y))(3.0)
        inner.extend([value, slope])
        return value + slope

    assert pb.grad(f)(2.0) == 9.0 + 6.0  # d/dx (9x + 6x)
    assert all(type(result) is Array and result.sources for result in inner)


def test_auxiliary_result_that_depends_on_an_outer_input_differentiates() -> None:
    def f(x: Value) -> Value:
        _, aux = pb.grad(of(lambda y: (x * y, [x * x * y, y, 5])), has_aux=True)(3.0)
        assert type(aux[1]) is float  # the inner argument alone
        return aux[0] + aux[2]

    assert pb.grad(f)(2.0) == 2 * 2.0 * 3.0


def test_nothing_that_leaves_depends_on_the_trace() -> None:
    x = pb.asarray([1.0, 2.0])
    f = of(lambda x: (pb.sum(x * x), [x, x * x, pb.sum(x)]))
    (value, aux), found = pb.value_and_grad(f, has_aux=True)(x)
    for result in (value, *aux, found):
        assert not result.sources
        assert result.primitive is None
        assert result.operands == ()


@by_function
@pytest.mark.parametrize("leaf", [2.0, np.float64(2), np.float32(2), np.ones(3), np.ones(3, "f4")])
def test_gradients_of_all_orders_have_the_type_of_the_argument(
    f: Callable[[Value], Value], leaf: Value
) -> None:
    seen = []

    def slope(x: Value) -> Value:
        inner: Value = pb.grad(of(lambda y: f(y) * pb.sum(y)))(x)
        seen.append((x.type, inner.type))
        return pb.sum(inner)

    assert pb.asarray(pb.grad(slope)(leaf)).type == pb.asarray(leaf).type
    ((outer, inner),) = seen
    assert inner == outer
