"""Systems of linear equations: values, derivatives, batches, stacks, singular matrices."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import pytest

from pullback.core import apply, constant
from pullback.errors import DTypeError, PullbackError, ShapeError, SingularMatrixError
from pullback.primitives.primitive import PLAIN_PRODUCT
from pullback.primitives.quantity import Value
from pullback.primitives.selection import MultiplyNoNan
from pullback.primitives.solve import Solve
from pullback.types import ArrayType, type_of
from tests.checks import check_batch, check_primitive
from tests.primitives.pointwise import complexes, reals

N: Final = 3
A: Final[Value] = reals((N, N), -1, 1) + 3 * np.eye(N)
B: Final[Value] = reals((N, 2), -1, 1, seed=1)
Z: Final = complexes((N, N), -1, 1) + 3 * np.eye(N)
STACK: Final = reals((2, N, N), -1, 1, seed=2) + 3 * np.eye(N)
RIGHT: Final = reals((2, N, 4), -1, 1, seed=3)
SINGULAR: Final = np.array([[1.0, 2.0], [2.0, 4.0]])
EYE: Final[Value] = np.eye(2)

CASES: Final[list[tuple[Value, Value]]] = [
    (A, B),
    (A, B[:, :1]),
    (A[:1, :1], B[:1]),
    (STACK, RIGHT),
    (STACK[None], RIGHT[None]),
    (Z, B),
    (A, Z),
    (Z, Z),
]
EMPTY: Final[list[tuple[Value, Value]]] = [
    (np.zeros((0, 0)), np.zeros((0, 2))),
    (A, np.zeros((N, 0))),
    (np.zeros((0, N, N)), np.zeros((0, N, 1))),
]


@pytest.mark.parametrize(("a", "b"), CASES)
def test_all_rules_hold(a: Value, b: Value) -> None:
    check_primitive(Solve(), a, b)


@pytest.mark.parametrize(("a", "b"), EMPTY)
def test_empty_systems_have_empty_solutions(a: Value, b: Value) -> None:
    out = Solve().evaluate(a, b)
    assert type_of(out) == Solve().infer(type_of(a), type_of(b)) == type_of(b)
    check_batch(Solve(), a, b)


@pytest.mark.parametrize("dtypes", [*itertools.product("fdFD", repeat=2)])
def test_the_solution_satisfies_the_equations_in_each_dtype(dtypes: tuple[str, str]) -> None:
    a, b = A.astype(dtypes[0]), B.astype(dtypes[1])
    x = Solve().evaluate(a, b)
    assert type_of(x) == Solve().infer(type_of(a), type_of(b))
    tolerance = 1e-5 if set(dtypes) & set("fF") else 1e-12
    np.testing.assert_allclose(a @ x, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["f4", "c8"])
def test_cotangents_have_the_dtypes_of_the_operands(dtype: str) -> None:
    a, b = A.astype(dtype), B
    out = Solve().evaluate(a, b)
    for index, operand in enumerate((a, b)):
        bar: Value = Solve().pullback(index, np.ones_like(out), out, (a, b), PLAIN_PRODUCT)
        assert type_of(bar) == type_of(operand)


def test_integers_have_no_cotangent() -> None:
    a: Value = np.array([[2, 1], [0, 3]])
    out = Solve().evaluate(a, EYE)
    assert Solve().pullback(0, out, out, (a, EYE), PLAIN_PRODUCT) is None


def test_many_right_hand_sides_of_one_matrix_are_solved_at_once() -> None:
    batch: Value = reals((5, N, 2), -1, 1, seed=4)
    out: Value = Solve().batch((A, batch), (False, True), 5)
    np.testing.assert_allclose(out, np.linalg.solve(A, batch), rtol=1e-12)


# ---------------------------------------------------------------------------------------- singular


def test_a_singular_matrix_is_an_error() -> None:
    with pytest.raises(SingularMatrixError, match=r"solve: the matrix is singular \(shape \(2, 2"):
        apply(Solve(), constant(SINGULAR), constant(EYE))


def test_it_is_an_error_of_numpy_and_of_ours() -> None:
    assert issubclass(SingularMatrixError, np.linalg.LinAlgError)
    assert issubclass(SingularMatrixError, PullbackError)


def test_the_error_says_which_matrix_of_a_stack_is_singular() -> None:
    stack = np.stack([EYE, SINGULAR])[None]
    with pytest.raises(SingularMatrixError, match=r"matrix \(0, 1\) of the stack is singular"):
        Solve().evaluate(stack, np.stack([EYE, EYE])[None])


def test_in_a_batch_a_singular_matrix_has_nan_for_its_solution() -> None:
    stack: Value = np.stack([EYE, SINGULAR])
    out: Value = Solve().batch((stack, EYE), (True, False), 2)
    np.testing.assert_array_equal(out[0], EYE)
    assert np.isnan(out[1]).all()


@pytest.mark.parametrize("index", [0, 1])
def test_columns_that_nothing_selected_stay_silent_beside_nan(index: int) -> None:
    a: Value = np.array([[np.nan, 1.0], [0.0, 1.0]])
    out = Solve(nan=True).evaluate(a, EYE)
    bar: Value = Solve().pullback(index, 0 * EYE, out, (a, EYE), MultiplyNoNan())
    np.testing.assert_array_equal(bar, np.zeros((2, 2)))


# ------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ((2, 3), (2, 1), r"expected square matrices, not an array of shape \(2, 3\)"),
        ((3,), (3,), r"expected square matrices, not an array of shape \(3,\)"),
        ((2, 2), (3, 1), r"shape \(2, 2\) and right-hand sides of shape \(3, 1\) do not fit"),
        ((2, 2), (2,), r"do not fit; expected \(2,\), and an axis of columns behind"),
        ((4, 2, 2), (3, 2, 1), r"do not fit; expected \(4, 2\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(
    a: tuple[int, ...], b: tuple[int, ...], text: str
) -> None:
    with pytest.raises(ShapeError, match=f"solve: .*{text}"):
        apply(Solve(), constant(np.ones(a)), constant(np.ones(b)))


@pytest.mark.parametrize("dtype", ["?", "f2"])
def test_dtypes_without_systems_of_equations_are_named(dtype: str) -> None:
    type_ = ArrayType((2, 2), np.dtype(dtype))
    with pytest.raises(DTypeError, match=f"solve: no systems of equations of dtype {type_.dtype}"):
        Solve().infer(type_, type_)
