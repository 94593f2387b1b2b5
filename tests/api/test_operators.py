"""Python's operators on arrays: NumPy's values and dtypes for every pair of dtypes."""

from __future__ import annotations

import itertools
import operator
import traceback
from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.core import lift
from pullback.errors import ShapeError
from pullback.primitives.quantity import NUMBERS, Value
from pullback.types import type_of
from tests.primitives.pointwise import DTYPES, PYTHON_ONES, ones

Operator = Callable[..., Value]

BINARY: list[Operator] = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.and_,
    operator.or_,
    operator.xor,
    operator.lshift,
    operator.rshift,
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
]
UNARY: list[Operator] = [operator.neg, operator.pos, operator.abs, operator.invert]
ONES = [*(v for dtype in DTYPES for v in ones(dtype)), *PYTHON_ONES]


def check_operator(op: Operator, values: tuple[Value, ...], arrays: tuple[Value, ...]) -> None:
    """Check an operator on arrays against the same on the bare values."""
    with np.errstate(all="ignore"):
        try:
            expected = op(*values)
        except TypeError:
            with pytest.raises(TypeError):
                op(*arrays)
            return
        result = op(*arrays)
    assert isinstance(result, pb.Array)
    assert result.dtype == type_of(expected).dtype, values
    assert result.shape == np.shape(expected), values
    assert np.array_equal(result._value, expected, equal_nan=True), values


@pytest.mark.parametrize("op", BINARY)
def test_operators_on_two_arrays_are_numpys_for_every_dtype(op: Operator) -> None:
    for x, y in itertools.product(ONES, repeat=2):
        check_operator(op, (x, y), (lift(x), lift(y)))


@pytest.mark.parametrize("op", BINARY)
def test_operators_take_bare_values_on_either_side(op: Operator) -> None:
    for x, y in itertools.product(ONES, repeat=2):
        check_operator(op, (x, y), (lift(x), y))
        if x.__class__ in NUMBERS:  # what NumPy does with an array of ours is the protocol's affair
            check_operator(op, (x, y), (x, lift(y)))


@pytest.mark.parametrize("op", BINARY)
def test_python_numbers_stay_weak_among_themselves_only(op: Operator) -> None:
    for x, y in itertools.product(PYTHON_ONES[:2], repeat=2):
        assert op(lift(x), lift(y)).type == type_of(op(x, y))
        assert not op(lift(np.int32(1)), y).type.weak


@pytest.mark.parametrize("op", UNARY)
def test_operators_on_one_array_are_numpys_for_every_dtype(op: Operator) -> None:
    for x in ONES:
        if x.__class__ is not bool or op is not operator.invert:  # deprecated in Python
            check_operator(op, (x,), (lift(x),))


@pytest.mark.parametrize("x", [7, -7, 7.5, np.int8(-7), np.array([7.5, -7.5])])
@pytest.mark.parametrize("y", [2, -2, 2.5, np.array([2, -3])])
def test_whole_quotient_and_remainder_are_numpys(x: Value, y: Value) -> None:
    for op in (operator.floordiv, operator.mod):
        check_operator(op, (x, y), (lift(x), lift(y)))
    results, expected = divmod(lift(x), y), divmod(x, y)
    for result, reference in zip(results, expected, strict=True):
        assert result.type == type_of(reference)
        assert np.array_equal(result._value, reference)


@pytest.mark.parametrize("exponent", [-2, -1, 0, 1, 2, 3, 0.5, 2.0, -1.0])
def test_powers_by_python_numbers_are_numpys(exponent: float) -> None:
    for base in (2.5, 3, np.float32(2.5), np.array([0.5, 4.0], "f4"), np.complex64(2j), 2j):
        check_operator(operator.pow, (base, exponent), (lift(base), exponent))
        if exponent > 0:  # the powers of a negative Python number are real here
            check_operator(operator.pow, (exponent, base), (exponent, lift(base)))


def test_augmented_assignment_rebinds() -> None:
    x = before = lift(np.array([1.0, 2.0]))
    x += 1
    np.testing.assert_array_equal(x._value, [2.0, 3.0])
    np.testing.assert_array_equal(before._value, [1.0, 2.0])


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x + np.ones(4),
        lambda x: np.ones((4, 4)) @ x,
        lambda x: pb.reshape(x, (4, 4)),
        lambda x: pb.where(x > 0, x, np.ones(4)),
    ],
)
def test_error_about_shapes_does_not_print_numpys_errors_before_it(operation: Operator) -> None:
    with pytest.raises(ShapeError) as caught:
        operation(lift(np.ones(3)))
    assert "During handling" not in "".join(traceback.format_exception(caught.value))


def test_warning_that_is_an_error_is_printed_once() -> None:
    with np.errstate(all="raise"), pytest.raises(FloatingPointError) as caught:
        lift(np.ones(3)) / lift(np.zeros(3))
    text = "".join(traceback.format_exception(caught.value))
    assert text.count("divide by zero encountered") == 1


def test_lists_of_arrays_under_differentiation_are_operands() -> None:
    def f(x: Value) -> Value:
        return pb.sum([x[0], 3.0 * x[1]]) + ((2.0, x[1]) * x).sum() + np.dot(x, [x[1], 0.0])

    # f = x0 + 3 x1 + 2 x0 + x1² + x0 x1
    np.testing.assert_array_equal(pb.grad(f)(np.array([2.0, 5.0])), [8.0, 15.0])
