"""The elementwise functions of the namespace: NumPy's values and dtypes, for whatever is given.

The derivatives are tested with the primitives; here those that a function composes or chooses.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.core import Trace, apply, lift, make_node
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.identity import Input
from pullback.primitives.power import IntegerPower
from pullback.primitives.quantity import Value
from pullback.primitives.selection import Where
from pullback.types import ArrayType
from tests.checks import check_function
from tests.primitives.pointwise import (
    DTYPES,
    PYTHON_ONES,
    complexes,
    held,
    ones,
    reals,
    second_at,
    slope_at,
)

Unary = Callable[[pb.ArrayLike], pb.Array]
Binary = Callable[[pb.ArrayLike, pb.ArrayLike], pb.Array]
Reference = Callable[..., Value]

UNARY: list[tuple[Unary, Reference]] = [
    (pb.abs, np.abs),
    (pb.acos, np.arccos),
    (pb.acosh, np.arccosh),
    (pb.asin, np.arcsin),
    (pb.asinh, np.arcsinh),
    (pb.atan, np.arctan),
    (pb.atanh, np.arctanh),
    (pb.bitwise_invert, np.bitwise_invert),
    (pb.cbrt, np.cbrt),
    (pb.ceil, np.ceil),
    (pb.cos, np.cos),
    (pb.cosh, np.cosh),
    (pb.exp, np.exp),
    (pb.exp2, np.exp2),
    (pb.expm1, np.expm1),
    (pb.floor, np.floor),
    (pb.isfinite, np.isfinite),
    (pb.isinf, np.isinf),
    (pb.isnan, np.isnan),
    (pb.log, np.log),
    (pb.log10, np.log10),
    (pb.log1p, np.log1p),
    (pb.log2, np.log2),
    (pb.logical_not, np.logical_not),
    (pb.negative, np.negative),
    (pb.positive, np.positive),
    (pb.reciprocal, np.reciprocal),
    (pb.round, np.round),
    (pb.sign, np.sign),
    (pb.signbit, np.signbit),
    (pb.sin, np.sin),
    (pb.sinh, np.sinh),
    (pb.sqrt, np.sqrt),
    (pb.square, np.square),
    (pb.tan, np.tan),
    (pb.tanh, np.tanh),
    (pb.trunc, np.trunc),
]
BINARY: list[tuple[Binary, Reference]] = [
    (pb.add, np.add),
    (pb.atan2, np.arctan2),
    (pb.bitwise_and, np.bitwise_and),
    (pb.bitwise_left_shift, np.bitwise_left_shift),
    (pb.bitwise_or, np.bitwise_or),
    (pb.bitwise_right_shift, np.bitwise_right_shift),
    (pb.bitwise_xor, np.bitwise_xor),
    (pb.copysign, np.copysign),
    (pb.divide, np.divide),
    (pb.equal, np.equal),
    (pb.floor_divide, np.floor_divide),
    (pb.fmod, np.fmod),
    (pb.greater, np.greater),
    (pb.greater_equal, np.greater_equal),
    (pb.hypot, np.hypot),
    (pb.less, np.less),
    (pb.less_equal, np.less_equal),
    (pb.logaddexp, np.logaddexp),
    (pb.logaddexp2, np.logaddexp2),
    (pb.logical_and, np.logical_and),
    (pb.logical_or, np.logical_or),
    (pb.logical_xor, np.logical_xor),
    (pb.multiply, np.multiply),
    (pb.nextafter, np.nextafter),
    (pb.not_equal, np.not_equal),
    (pb.pow, np.power),
    (pb.remainder, np.remainder),
    (pb.subtract, np.subtract),
]
ONES = [*(v for dtype in DTYPES for v in ones(dtype)), *PYTHON_ONES]


def check_against_numpy(ours: Callable[..., pb.Array], numpys: Reference, *values: Value) -> None:
    """Check one call: the same value and dtype, or a dtype refused by both."""
    with np.errstate(all="ignore"):
        try:
            expected = numpys(*values)
        except TypeError:
            with pytest.raises(DTypeError):
                ours(*values)
            return
        result = ours(*values)
    assert not result.type.weak, values
    assert result.dtype == expected.dtype, values
    assert result.shape == expected.shape, values
    np.testing.assert_allclose(result._value, expected, rtol=1e-15)


@pytest.mark.parametrize(("ours", "numpys"), UNARY)
def test_functions_of_one_operand_are_numpys_for_every_dtype(
    ours: Unary, numpys: Reference
) -> None:
    for value in ONES:
        check_against_numpy(ours, numpys, value)


@pytest.mark.parametrize(("ours", "numpys"), BINARY)
def test_functions_of_two_operands_are_numpys_for_every_dtype(
    ours: Binary, numpys: Reference
) -> None:
    for x, y in itertools.product(ONES, repeat=2):
        if (numpys, y.__class__) == (np.power, int) and np.asarray(x).dtype == bool:
            continue  # NumPy's operator and function differ; ours are the operator's
        if (x.__class__, y.__class__) != (complex, np.float64):  # see check_every_dtype
            check_against_numpy(ours, numpys, x, y)


@pytest.mark.parametrize(("ours", "numpys"), UNARY)
def test_functions_take_lists_and_empty_arrays(ours: Unary, numpys: Reference) -> None:
    if numpys is not np.bitwise_invert:
        check_against_numpy(ours, numpys, [0.25, 0.5])
        check_against_numpy(ours, numpys, np.ones((2, 0)))
    check_against_numpy(ours, numpys, [[1, 1], [1, 1]])


@pytest.mark.parametrize(("ours", "numpys"), BINARY)
def test_operands_broadcast_both_ways(ours: Binary, numpys: Reference) -> None:
    x, y = np.array([[3], [5]]), np.array([1, 2, 3])
    for values in [(x, y), (y, x), (x, 2), (2, y), (x[:0], y), (x[:1, :1], y)]:
        check_against_numpy(ours, numpys, *values)


@pytest.mark.parametrize(("ours", "_"), BINARY)
def test_shapes_that_do_not_broadcast_are_named(ours: Binary, _: Reference) -> None:
    x, y = np.ones(2, int), np.ones(3, int)
    with pytest.raises(ShapeError, match=r": shapes \(2,\) and \(3,\) do not broadcast"):
        ours(x, y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy's, at 0
@pytest.mark.parametrize(("ours", "numpys"), [*UNARY, *BINARY])
def test_functions_work_where_values_are_unknown(
    ours: Callable[..., pb.Array], numpys: Reference
) -> None:
    name = numpys.__name__
    bits = "bitwise" in name or "shift" in name or "invert" in name
    dtype = np.dtype("int32" if bits else "float32")
    traced = make_node(ArrayType((2, 3), dtype), Input(), (), frozenset({Trace()}))
    arity = 1 if (ours, numpys) in UNARY else 2
    expected = numpys(*(np.zeros((2, 3), dtype),) * arity)
    result = ours(*(traced,) * arity)
    assert not result.known
    assert result.type == ArrayType(expected.shape, expected.dtype)


def test_other_names_are_the_same_functions() -> None:
    assert pb.mod is pb.remainder
    assert pb.arctan2 is pb.atan2


def test_divmod_is_the_quotient_and_the_remainder() -> None:
    pairs: list[tuple[Value, Value]] = [
        (7, 4),
        (np.array([7.5, -7.5]), 4),
        (np.int8(-7), np.int8(2)),
    ]
    for x, y in pairs:
        results, expected = pb.divmod(x, y), np.divmod(x, y)
        for result, reference in zip(results, expected, strict=True):
            assert result.dtype == reference.dtype
            np.testing.assert_array_equal(result._value, reference)


def test_angles_convert_as_in_numpy() -> None:
    for value in (1.0, 30, np.float32(2.5), np.array([0.0, 90.0, -720.0])):
        for ours, numpys in [(pb.deg2rad, np.deg2rad), (pb.rad2deg, np.rad2deg)]:
            result, expected = ours(value), numpys(value)
            assert result.dtype == expected.dtype
            tolerance = 4 * np.finfo(expected.dtype).eps
            np.testing.assert_allclose(result._value, expected, rtol=tolerance)
    assert slope_at(pb.rad2deg, 1.0) == 180 / math.pi


@pytest.mark.parametrize("decimals", [0, 1, -1])
def test_rounding_to_decimals_is_numpys(decimals: int) -> None:
    for value in (15, 0.25, np.array([1.25, 1.35, -15.0]), np.complex64(1.25 - 2.35j)):
        check_against_numpy(lambda x: pb.round(x, decimals), lambda x: np.round(x, decimals), value)


# ---------------------------------------------------------------------- powers, as a function


@pytest.mark.parametrize("exponent", [-2, 0, 1, 2, 5, 2.0, 0.5, -1.0])
def test_powers_by_python_numbers_are_numpys(exponent: float) -> None:
    for base in (2.0, np.float32(2), np.array([0.5, 3.0]), np.complex64(1 + 2j), 1j):
        check_against_numpy(pb.pow, np.power, base, exponent)


def test_a_python_integer_exponent_is_part_of_the_primitive() -> None:
    x = make_node(2.0, Input(), (), frozenset({Trace()}))
    assert pb.pow(x, 3).primitive == IntegerPower(3)
    assert pb.pow(x, True).primitive != IntegerPower(1)


def test_powers_of_negative_numbers_have_exact_derivatives() -> None:
    assert slope_at(lambda x: pb.pow(x, 3), -2.0) == 12
    assert slope_at(lambda x: pb.pow(x, 3.0), -2.0) == 12
    assert second_at(lambda x: pb.pow(x, 3), -2.0) == -12


# ----------------------------------------------------------------------- unselected branches


@pytest.mark.parametrize(
    "branch",
    [
        pb.sqrt,
        pb.cbrt,
        pb.log,
        pb.log2,
        pb.log10,
        pb.reciprocal,
        pb.acosh,
        lambda x: pb.log1p(x - 1),
        lambda x: pb.asin(x + 1),
        lambda x: pb.atanh(x + 1),
        lambda x: 1 / x,
        lambda x: x / x,
        lambda x: x**-2,
        lambda x: x**0.5,
        lambda x: x ** (x - 1),
        lambda x: x % x,
        lambda x: pb.log(pb.sqrt(x) * 3) ** -1.5,
    ],
)
@pytest.mark.parametrize("form", [float, np.float64, lambda x: np.array([x, 4.0])])
def test_a_branch_that_is_not_taken_contributes_nothing_to_second_order(
    branch: Unary, form: Callable[[float], Value]
) -> None:
    def safe(x: pb.Array) -> pb.Array:
        return apply(Where(), x > 0, branch(x), lift(0.0))

    for x in (0.0, -1.0):
        with np.errstate(all="ignore"):
            assert np.ravel(slope_at(safe, form(x)))[0] == 0
            assert np.ravel(second_at(safe, form(x)))[0] == 0


# --------------------------------------------------------------------------- complex signs


def test_the_sign_of_a_complex_number_is_differentiated_as_a_direction() -> None:
    check_function(pb.sign, complexes((2, 3), -2.0, 2.0))
    check_function(pb.sign, 3.0 - 4j)


def test_the_sign_of_complex_zero_is_zero_and_flat() -> None:
    for zero in (0j, np.complex64(0), np.zeros(2, complex)):
        check_against_numpy(pb.sign, np.sign, zero)
        assert np.all(slope_at(pb.sign, zero) == 0)


def test_the_real_sign_has_no_derivative() -> None:
    assert np.all(slope_at(pb.sign, reals((3,), -1.0, 1.0)) == 0)
    assert pb.sign(held(-0.0)) == 0


def test_complex_signs_are_numpys() -> None:
    for value in (3 + 4j, np.complex64(-2j), complexes((2, 3), -2.0, 2.0)):
        check_against_numpy(pb.sign, np.sign, value)
