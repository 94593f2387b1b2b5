"""Where, maximum and minimum, and the product in which a zero annihilates."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import pytest

from pullback.core import Trace, apply, constant, make_node
from pullback.errors import ShapeError
from pullback.primitives.extremum import Maximum, Minimum
from pullback.primitives.identity import Input
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.selection import MultiplyNoNan, Where, has_nan
from pullback.types import ArrayType, type_of
from tests.checks import check_adjoint, check_primitive, check_type, pullback_of
from tests.primitives.pointwise import (
    AWKWARD,
    DTYPES,
    EXTREME,
    PYTHON_ONES,
    applying,
    check_awkward,
    check_every_dtype,
    check_single,
    check_unknown,
    complexes,
    ones,
    pairs,
    reals,
    second_at,
    slope_at,
)

INF: Final = float("inf")
NAN: Final = float("nan")
EXTREMA: Final = [Maximum(), Minimum()]
UNEQUAL: Final = [(x, y) for x, y in pairs(-1, 1) if not np.any(np.equal(x, y))]
PRODUCTS: Final = [MultiplyNoNan(), MultiplyNoNan(symmetric=True)]


CONDITIONS: Final = [
    True,
    np.False_,
    np.array([True, False, True]),
    np.array([[True], [False]]),
    np.array([0, 2, -1]),
    np.zeros((2, 0, 1), bool),
]
BRANCHES: Final = [
    (reals((3,), -1, 1), reals((3,), -1, 1, seed=1)),
    (reals((2, 3), -1, 1), 2.0),
    (1.5, reals((1, 3), -1, 1)),
    (reals((), -1, 1), reals((), -1, 1, seed=1)),
    (reals((3,), -1, 1), complexes((2, 1), -1, 1)),
    (1, 2.5),
]


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("branches", BRANCHES)
def test_where_has_numpys_value_and_exact_derivatives(
    condition: Value, branches: tuple[Value, Value]
) -> None:
    x, y = branches
    if np.ndim(condition) == 3:  # an empty result: 2 × 0 × 3
        x, y = np.float64(1), np.ones((1, 3))
    check_primitive(Where(), condition, x, y)
    assert np.array_equal(Where().evaluate(condition, x, y), np.where(condition, x, y))


def test_where_promotes_every_pair_of_dtypes_as_numpy_does() -> None:
    choices = [*itertools.chain.from_iterable(map(ones, DTYPES)), *PYTHON_ONES]
    for condition, x, y in itertools.product((True, np.array([True])), choices, choices):
        expected = np.where(condition, x, y)
        actual = Where().evaluate(condition, x, y)
        assert type_of(actual).dtype == expected.dtype, (x, y)
        inferred = Where().infer(*map(type_of, (condition, x, y)))
        assert inferred == type_of(actual), (x, y)


@pytest.mark.parametrize(("x", "y", "kind"), [(1, 2.0, float), (True, 2, int), (1j, 0, complex)])
def test_where_of_python_numbers_is_the_wider_kind_of_python_number(
    x: Value, y: Value, kind: type
) -> None:
    for condition in (True, False, np.True_, 0.0):
        result = Where().evaluate(condition, x, y)
        assert result.__class__ is kind
        assert result == (x if condition else y)


def test_where_takes_any_number_but_zero_for_true() -> None:
    condition = np.array([0.0, 0.5, NAN, -INF])
    assert np.array_equal(Where().evaluate(condition, 1.0, 2.0), [2, 1, 1, 1])
    bars = pullback_of(applying(Where()), [condition, np.ones(4), np.zeros(4)], np.ones(4))
    assert np.array_equal(bars, [[0, 0, 0, 0], [0, 1, 1, 1], [1, 0, 0, 0]])


def test_where_of_nodes_without_values_has_rules_of_the_right_type() -> None:
    check_unknown(Where(), np.array([True, False]), 2.0, np.ones((2, 2), np.float32))


def test_where_names_the_shapes_that_do_not_broadcast() -> None:
    operands = [constant(v) for v in (np.array([True, False]), np.ones(3), 0.0)]
    with pytest.raises(ShapeError, match=r"where: shapes \(2,\) and \(3,\) and \(\) do not broad"):
        apply(Where(), *operands)


def test_both_branches_of_a_where_may_be_one_variable() -> None:
    x = reals((3,), -1, 1)
    mask = np.array([True, False, True])
    same = pullback_of(lambda x: apply(Where(), constant(mask), x, x), [x], np.ones(3))
    assert np.array_equal(same[0], np.ones(3))


@pytest.mark.parametrize("primitive", EXTREMA)
@pytest.mark.parametrize("operands", UNEQUAL)
def test_an_extremum_has_exact_derivatives(
    primitive: Primitive, operands: tuple[Value, Value]
) -> None:
    check_primitive(primitive, *operands)


@pytest.mark.parametrize("primitive", EXTREMA)
def test_an_extremum_promotes_as_numpy_and_needs_no_values(primitive: Maximum | Minimum) -> None:
    check_every_dtype(primitive)
    check_single(primitive, reals((2, 3), -1, 1), reals((3,), -1, 1))
    check_unknown(primitive, np.ones(2), np.float32(1))
    check_awkward(primitive, 2, (*AWKWARD, *EXTREME))


@pytest.mark.parametrize("primitive", EXTREMA)
@pytest.mark.parametrize("value", [0.0, 1.5, INF, -INF])
def test_a_tie_shares_the_derivative_equally(primitive: Primitive, value: float) -> None:
    x = np.array([value, value])
    for index in (0, 1):
        assert np.array_equal(slope_at(applying(primitive), x, x, index=index), [0.5, 0.5])
    one_operand = pullback_of(lambda x: apply(primitive, x, x), [x], np.ones(2))
    assert np.array_equal(one_operand[0], np.ones(2))


def test_zeros_of_either_sign_tie() -> None:
    assert slope_at(applying(Maximum()), np.float64(0.0), np.float64(-0.0)) == 0.5


@pytest.mark.parametrize("primitive", EXTREMA)
def test_nan_propagates_and_neither_operand_loses_to_it(primitive: Primitive) -> None:
    x, y = np.array([NAN, 1.0, NAN]), np.array([1.0, NAN, NAN])
    assert np.isnan(primitive.evaluate(x, y)).all()
    assert np.array_equal(slope_at(applying(primitive), x, y), [1, 1, 1])


@pytest.mark.parametrize("primitive", EXTREMA)
def test_an_infinite_cotangent_stays_with_the_winner(primitive: Primitive) -> None:
    x, y = np.array([1.0, 2.0]), np.array([2.0, 1.0])
    bars = pullback_of(applying(primitive), [x, y], np.array([INF, INF]))
    first_wins = primitive.evaluate(x, y) == x
    assert np.array_equal(bars[0], np.where(first_wins, INF, 0))
    assert np.array_equal(bars[1], np.where(first_wins, 0, INF))


def test_the_square_of_a_maximum_has_the_winners_curvature() -> None:
    def loss(x: Value) -> Value:
        larger = apply(Maximum(), x - 1, constant(-1.0))
        return larger * larger * 0.5

    assert second_at(loss, np.array([1.0, 3.0, -2.0])).tolist() == [1, 1, 0]


FACTORS: Final = [
    (reals((3,), -1, 1), reals((3,), -1, 1, seed=1)),
    (reals((2, 3), -1, 1), reals((3,), -1, 1)),
    (reals((1,), -1, 1), reals((2, 3), -1, 1)),
    (reals((), -1, 1), reals((2,), -1, 1)),
    (0.5, reals((2,), -1, 1)),
    (1.5, -2.5),
    (np.float64(1.5), 2),
    (complexes((3,), -1, 1), reals((3,), -1, 1)),
    (reals((3,), -1, 1), complexes((2, 3), -1, 1)),
    (np.zeros((0, 2)), np.ones(2)),
]
#: Zeros of every kind.
ZEROS: Final = [
    *(0, 0.0, -0.0, 0j, np.float64(0), np.float32(0)),
    *(np.zeros(3), np.zeros((2, 1)), np.zeros(2) * 1j),
]


@pytest.mark.parametrize("primitive", PRODUCTS)
@pytest.mark.parametrize("factors", FACTORS)
def test_the_masked_product_is_a_product_with_its_derivatives(
    primitive: Primitive, factors: tuple[Value, Value]
) -> None:
    check_primitive(primitive, *factors)
    assert np.array_equal(primitive.evaluate(*factors), factors[0] * factors[1])


@pytest.mark.parametrize("primitive", PRODUCTS)
@pytest.mark.parametrize("wild", [INF, -INF, NAN])
@pytest.mark.parametrize("zero", ZEROS)
def test_a_zero_of_the_first_factor_annihilates(
    primitive: Primitive, wild: float, zero: Value
) -> None:
    with np.errstate(invalid="ignore"):
        for other in (wild, np.float64(wild), complex(wild, wild), np.float32(wild)):
            result = primitive.evaluate(zero, other)
            plain = zero * other
            assert np.array_equal(result, np.zeros_like(plain))
            assert type_of(result) == type_of(plain)


def test_a_zero_of_the_second_factor_annihilates_only_if_symmetric() -> None:
    x = np.array([INF, 2.0, NAN, 0.0])
    y = np.array([0.0, 3.0, 0.0, INF])
    with np.errstate(invalid="ignore"):
        one_sided, symmetric = (p.evaluate(x, y) for p in PRODUCTS)
    assert np.array_equal(one_sided, [NAN, 6, NAN, 0], equal_nan=True)
    assert np.array_equal(symmetric, [0, 6, 0, 0])


@pytest.mark.parametrize("primitive", PRODUCTS)
def test_what_no_zero_meets_stays_infinite_or_nan(primitive: Primitive) -> None:
    x = np.array([1.0, -2.0, NAN, INF, 1e300, 0.0])
    y = np.array([INF, INF, 1.0, INF, 1e300, NAN])
    with np.errstate(all="ignore"):
        result = primitive.evaluate(x, y)
    assert np.array_equal(result, [INF, -INF, NAN, INF, INF, 0], equal_nan=True)


@pytest.mark.parametrize("primitive", PRODUCTS)
def test_the_sign_of_a_zero_does_not_depend_on_other_elements(primitive: Primitive) -> None:
    x, y = np.array([-0.0, 0.0]), np.array([3.0, INF])
    with np.errstate(invalid="ignore"):
        assert np.signbit(primitive.evaluate(x, y)[0])
    assert np.signbit(primitive.evaluate(x[0], y[0]))


@pytest.mark.parametrize("size", [10, 20_000])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16", "i8"])
def test_a_nan_is_found_anywhere(size: int, dtype: str) -> None:
    array = np.ones((2, size), dtype).T
    assert not has_nan(array)
    if array.dtype.kind != "i":
        array[size - 1, 1] = NAN
        assert has_nan(array)


@pytest.mark.parametrize("primitive", PRODUCTS)
def test_a_large_product_annihilates_too(primitive: Primitive) -> None:
    x, y = np.zeros((200, 100)), np.full((200, 100), INF)
    x[3, 5] = 2
    with np.errstate(invalid="ignore"):
        result = primitive.evaluate(x, y)
    assert result[3, 5] == INF
    assert np.count_nonzero(result) == 1


@pytest.mark.parametrize("primitive", PRODUCTS)
def test_the_masked_products_derivatives_annihilate(primitive: Primitive) -> None:
    plain: Value = np.multiply
    zero: Value = np.zeros(2)
    wild: Value = np.array([INF, NAN])
    with np.errstate(invalid="ignore"):
        silent = [
            primitive.pushforward(0, zero, zero, (zero, wild)),
            primitive.pushforward(1, wild, zero, (zero, wild)),
            primitive.pullback(0, zero, zero, (zero, wild), plain),
            primitive.pullback(1, wild, zero, (zero, wild), plain),
            primitive.pullback(1, zero, wild, (wild, wild), plain),
        ]
    for derivative in silent:
        assert np.array_equal(np.asarray(derivative), zero)


def test_the_masked_product_infers_as_the_product() -> None:
    for x, y in itertools.product([*ones("f4"), *ones("c16"), 2.0, 3], repeat=2):
        check_type(MultiplyNoNan(), x, y)
    check_adjoint(MultiplyNoNan(), np.float32(2), np.ones(3, np.float32))
    trace = Trace()
    x = make_node(ArrayType((2,), np.dtype("f4")), Input(), (), frozenset({trace}))
    assert str(apply(MultiplyNoNan(), x, constant(2.0)).type) == "float32[2]"
