"""Sums and products up to each element, and the linear recurrence."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.core import Array, apply
from pullback.errors import ShapeError
from pullback.primitives.cumulative import (
    Cumprod,
    Cumsum,
    Recurrence,
    preceding,
    products_of_others,
)
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.selection import Where
from pullback.types import type_of
from tests.checks import check_adjoint, check_primitive, check_type
from tests.primitives.pointwise import DTYPES, applying, check_unknown, held, second_at, slope_at

RNG = np.random.default_rng(0)
X: Value = RNG.standard_normal((3, 4, 2))
Z: Value = X + 1j * RNG.standard_normal(X.shape)
ACCUMULATIONS = [
    make(axis, rev) for make in (Cumsum, Cumprod) for axis in (0, 1) for rev in (False, True)
]


def zeros_at(*places: int) -> Value:
    x = np.array([2.0, 3.0, -1.5, 0.5])
    x[list(places)] = 0
    return x


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("make", "reference"), [(Cumsum, np.cumsum), (Cumprod, np.cumprod)])
def test_value_and_dtype_are_numpys(
    make: type[Cumsum | Cumprod], reference: object, dtype: str
) -> None:
    assert callable(reference)
    x = RNG.integers(0, 3, (3, 4)).astype(dtype)
    np.testing.assert_array_equal(make(1).evaluate(x), reference(x, 1), strict=True)
    back = reference(x[:, ::-1], 1)[:, ::-1]
    np.testing.assert_array_equal(make(1, reverse=True).evaluate(x), back, strict=True)
    check_type(make(0), x)


@pytest.mark.parametrize(
    "x", [X, Z, X[:, :1], X[:, :0], X[:0]], ids=lambda x: f"{x.shape}{x.dtype}"
)
@pytest.mark.parametrize("primitive", ACCUMULATIONS, ids=str)
def test_derivatives(primitive: Primitive, x: Value) -> None:
    check_primitive(primitive, x)


@pytest.mark.parametrize("primitive", ACCUMULATIONS, ids=str)
def test_rules_need_no_values_and_keep_single_precision(primitive: Primitive) -> None:
    check_unknown(primitive, X)
    for x in (X.astype("f4"), Z.astype("c8")):
        check_type(primitive, x)
        check_adjoint(primitive, x)


@pytest.mark.parametrize("places", [(), (0,), (2,), (3,), (0, 3), (1, 2), (0, 1, 2), (0, 1, 2, 3)])
def test_derivatives_of_products_are_right_with_zeros(places: tuple[int, ...]) -> None:
    x = zeros_at(*places)
    exact = [sum(np.prod(np.delete(x[:k], i)) for k in range(i + 1, 5)) for i in range(4)]
    np.testing.assert_allclose(slope_at(applying(Cumprod(0)), x), exact, rtol=1e-14)
    for reverse in (False, True):
        check_primitive(Cumprod(0, reverse), x)
        check_primitive(Cumprod(0, reverse), x * (1 - 2j))
        check_primitive(Cumprod(1, reverse), np.stack([x, X[0, :, 0]]))


def test_second_derivative_of_products_with_two_zeros_is_the_product_of_the_rest() -> None:
    def last(x: Array) -> Array:
        return apply(Cumprod(0), x)[3]

    np.testing.assert_allclose(second_at(last, zeros_at(1, 2)), [0, 1.0, 1.0, 0])


@pytest.mark.parametrize("lanes", [1, 2])
def test_unselected_products_contribute_nothing_even_with_infinite_factors(lanes: int) -> None:
    def first(x: Array) -> Array:
        selected = held(np.array([[True], [False], [False]]))
        return apply(Where(), selected, apply(Cumprod(0), x), held(0.0))

    x = np.array([[2.0] * lanes, [np.inf] * lanes, [3.0] * lanes])
    np.testing.assert_array_equal(slope_at(first, x), [[1] * lanes, [0] * lanes, [0] * lanes])


# ------------------------------------------------------------------------------------ recurrence


def recur(a: Value, b: Value) -> Value:
    """Return h_k = a_k·h_{k-1} + b_k along the first axis, as the definition says."""
    h = np.zeros_like(b)
    for k in range(len(b)):
        h[k] = a[k] * (h[k - 1] if k else 0) + b[k]
    return h


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 3), (1, 3), (0, 3), (3, 0)])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_recurrence_is_what_its_definition_says(shape: tuple[int, ...], dtype: str) -> None:
    a, b = (RNG.integers(-3, 4, shape).astype(dtype) for _ in range(2))
    expected = recur(a, b)
    np.testing.assert_array_equal(Recurrence(0).evaluate(a, b), expected, strict=True)
    backwards = Recurrence(0, reverse=True).evaluate(a[::-1], b[::-1])
    np.testing.assert_array_equal(backwards, expected[::-1], strict=True)
    turned = Recurrence(len(shape) - 1).evaluate(a.T, b.T)
    np.testing.assert_array_equal(turned, expected.T, strict=True)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("a", "b"), [(X, -X[::-1]), (Z, X * 1j), (X * (X > 0), X)])
def test_recurrence_derivatives(a: Value, b: Value, axis: int, *, reverse: bool) -> None:
    check_primitive(Recurrence(axis, reverse), a, b)
    check_unknown(Recurrence(axis, reverse), a, b)
    check_primitive(Recurrence(0, reverse), a[:, 0, 0], b[:, 0, 0])


@pytest.mark.parametrize("lanes", [(), (2,)])
def test_recurrence_of_zeros_stays_zero_against_infinite_factors(lanes: tuple[int, ...]) -> None:
    a, b = np.full((3, *lanes), np.inf), np.zeros((3, *lanes))
    np.testing.assert_array_equal(Recurrence(0).evaluate(a, b), b)
    b[1] = 2
    h = np.stack([b[0], b[1], b[1] * np.inf])
    np.testing.assert_array_equal(Recurrence(0).evaluate(a, b), h)


@pytest.mark.parametrize(
    ("a", "b"), [(X, X[0]), (X, X.astype("f4")), (np.float64(1), np.float64(1)), (X > 0, X > 0)]
)
def test_recurrence_names_operands_that_do_not_fit(a: Value, b: Value) -> None:
    text = "recurrence: two operands of one inexact type are needed, not"
    with pytest.raises(ShapeError, match=text):
        Recurrence(0).infer(type_of(a), type_of(b))


# -------------------------------------------------------------------------------- what they share


@pytest.mark.parametrize("first", [0, 1])
def test_preceding_shifts_and_fills(first: int) -> None:
    x: Value = np.array([[2.0, 3.0], [4.0, 5.0]], "f4")
    before = preceding(x, 1, first, reverse=False)
    np.testing.assert_array_equal(before, np.array([[first, 2], [first, 4]], "f4"), strict=True)
    after = preceding(x, 0, first, reverse=True)
    np.testing.assert_array_equal(after, np.array([[4, 5], [first, first]], "f4"), strict=True)


def test_products_of_others_leave_each_element_out() -> None:
    x: Value = zeros_at(2)
    np.testing.assert_array_equal(products_of_others(x, 0), [0, 0, 3, 0])
    np.testing.assert_array_equal(products_of_others(x[:1], 0), [1])
    np.testing.assert_array_equal(products_of_others(x[:0], 0), [])
