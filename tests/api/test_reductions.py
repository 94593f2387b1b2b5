"""Reductions: NumPy's values and dtypes, exact derivatives, errors."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import logsumexp as scipy_logsumexp

import pullback as pb
from pullback.core import Array, apply
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.quantity import Value
from pullback.primitives.selection import Where
from tests.api.agreement import DTYPES, check_agreement, distinct, sample
from tests.checks import check_function
from tests.primitives.pointwise import held, second_at, slope_at

Function = Callable[..., Array]
PAIRS: list[tuple[Function, Callable[..., Value]]] = [
    (pb.sum, np.sum),
    (pb.prod, np.prod),
    (pb.max, np.max),
    (pb.min, np.min),
    (pb.any, np.any),
    (pb.all, np.all),
    (pb.count_nonzero, np.count_nonzero),
]
POSITIONS: list[tuple[Function, Callable[..., Value]]] = [
    (pb.argmax, np.argmax),
    (pb.argmin, np.argmin),
]
SMOOTH: list[Function] = [pb.sum, pb.prod, pb.max, pb.min, pb.logsumexp]
AXES = [None, 0, -1, (0, 2), (-1, 0), (), (2, 1, 0)]
INF = math.inf


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_agrees_with_numpy(
    ours: Function, theirs: Callable[..., Value], axis: object, dtype: str, *, keepdims: bool
) -> None:
    check_agreement(
        ours,
        theirs,
        sample((2, 3, 2), dtype),
        axis=axis,
        keepdims=keepdims,
        rtol=1e-6,
    )


@pytest.mark.parametrize("number", [True, 3, 2.5, 1j, np.float32(2), np.int8(3)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("ours", "theirs"), [*PAIRS, *POSITIONS])
def test_rank_0_agrees_with_numpy(
    ours: Function, theirs: Callable[..., Value], number: complex, *, keepdims: bool
) -> None:
    check_agreement(ours, theirs, number, keepdims=keepdims)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
@pytest.mark.parametrize("axis", [None, 0])
@pytest.mark.parametrize(("ours", "theirs"), [*PAIRS[:2], *PAIRS[4:]])
def test_reduction_of_nothing_agrees_with_numpy(
    ours: Function, theirs: Callable[..., Value], axis: int | None, shape: tuple[int, ...]
) -> None:
    check_agreement(ours, theirs, np.zeros(shape), axis=axis)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("f", SMOOTH)
def test_derivatives(f: Function, axis: object, dtype: str, *, keepdims: bool) -> None:
    check_function(lambda x: f(x, axis=axis, keepdims=keepdims), distinct((2, 3, 2), dtype))


@pytest.mark.parametrize("f", SMOOTH)
def test_derivative_of_a_python_number_is_one(f: Function) -> None:
    assert slope_at(f, 2.5) == 1
    assert isinstance(slope_at(f, 2.5), float)


@pytest.mark.parametrize("dtype", ["i4", "f4", "f8", "c8"])
@pytest.mark.parametrize("given", ["i1", "f4", "c16"])
@pytest.mark.parametrize(("ours", "theirs"), [(pb.sum, np.sum), (pb.prod, np.prod)])
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_dtype_is_summed_in_and_returned(
    ours: Function, theirs: Callable[..., Value], dtype: str, given: str
) -> None:
    x = sample((3, 2), given)
    if given == "c16" and dtype != "c8":
        with pytest.raises(DTypeError, match="would lose the imaginary part"):
            ours(x, dtype=dtype)
        return
    check_agreement(ours, theirs, x, rtol=1e-6, axis=0, dtype=dtype)


def test_small_dtype_wraps_as_in_numpy() -> None:
    x = np.array([100, 100], "i1")
    assert pb.sum(x).dtype == np.int64
    assert pb.sum(x, dtype="i1")._value == np.sum(x, dtype="i1")
    assert pb.sum(x, dtype="i1").dtype == np.int8


MASK = np.array([[True, False, True], [False, False, True]])


@pytest.mark.parametrize("mask", [MASK, MASK[0], MASK[:, :1], np.True_, np.False_, True])
@pytest.mark.parametrize("axis", [None, 1])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS[:-1])
def test_where_agrees_with_numpy(
    ours: Function, theirs: Callable[..., Value], mask: Value, axis: int | None
) -> None:
    start = {"initial": 0.5} if ours in {pb.max, pb.min, pb.sum, pb.prod} else {}
    for dtype in ("f4", "f8"):
        check_agreement(
            ours,
            theirs,
            sample((2, 3), dtype),
            axis=axis,
            where=mask,
            **start,
            rtol=1e-6,
        )


@pytest.mark.parametrize("f", [pb.sum, pb.prod, pb.max, pb.min])
def test_what_does_not_count_contributes_nothing(f: Function) -> None:
    x = distinct((2, 3))
    check_function(lambda x: f(x, 1, where=MASK, initial=-0.01), x)
    with np.errstate(divide="ignore"):
        bar = slope_at(lambda x: f(1 / x, where=x != 0, initial=0.2), np.array([0.0, 3.0]))
    assert np.isfinite(bar).all()
    assert bar[0] == 0


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize(("ours", "theirs"), [(pb.max, np.max), (pb.min, np.min)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_initial_takes_part_also_where_there_is_nothing(
    ours: Function, theirs: Callable[..., Value], axis: int | None, *, keepdims: bool
) -> None:
    for x in (np.zeros((0, 3)), np.zeros((2, 0), "f4"), np.array([[1.0, 3.0]]), np.array([[4]])):
        check_agreement(
            ours,
            theirs,
            x,
            axis=axis,
            initial=2,
            keepdims=keepdims,
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize(("ours", "theirs"), POSITIONS)
def test_positions_agree_with_numpy(
    ours: Function,
    theirs: Callable[..., Value],
    axis: int | None,
    dtype: str,
    *,
    keepdims: bool,
) -> None:
    check_agreement(
        ours,
        theirs,
        sample((2, 3, 2), dtype),
        axis=axis,
        keepdims=keepdims,
    )


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "i4"])
def test_logsumexp_agrees_with_scipy(axis: object, dtype: str, *, keepdims: bool) -> None:
    check_agreement(
        pb.logsumexp,
        scipy_logsumexp,
        sample((2, 3, 2), dtype) * (200 if dtype != "i4" else 1),
        axis=axis,
        keepdims=keepdims,
        rtol=1e-5,
    )


def test_logsumexp_where_all_is_masked_out_has_gradient_0_to_second_order() -> None:
    def masked(x: Array) -> Array:
        return pb.logsumexp(apply(Where(), held(np.array([False, False])), x, held(-INF)))

    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(slope_at(masked, x), [0, 0])
    np.testing.assert_array_equal(second_at(masked, x), [0, 0])


def test_shared_gradient_of_ties() -> None:
    np.testing.assert_array_equal(slope_at(pb.max, np.array([1.0, 5.0, 5.0])), [0, 0.5, 0.5])
    np.testing.assert_array_equal(slope_at(pb.min, np.array([1.0, 1.0, 5.0])), [0.5, 0.5, 0])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: pb.sum(x, 2), r"sum: axis 2 is out of range for an array with 2 axes"),
        (lambda x: pb.prod(x, -3), r"prod: axis -3 is out of range"),
        (lambda x: pb.max(x, (0, 0)), r"max: an axis stands twice in \(0, 0\)"),
        (lambda x: pb.any(x, (0, -2)), r"any: an axis stands twice in \(0, -2\)"),
        (lambda x: pb.argmax(x, 5), r"argmax: axis 5 is out of range"),
        (lambda x: pb.logsumexp(x, 3), r"logsumexp: axis 3 is out of range"),
        (lambda x: pb.max(x[:0]), r"max: an empty reduction has no identity: axis 0 of shape "),
        (lambda x: pb.min(x[:0], 0), r"min: an empty reduction has no identity: axis 0 of shape "),
        (lambda x: pb.argmin(x[:0]), r"argmin: axis 0 of shape \(0,\) has size 0"),
        (lambda x: pb.max(x, where=x > 0), r"max: where may leave no elements; give a value"),
        (
            lambda x: pb.sum(x, where=np.ones((4, 1), bool)),
            r"sum: shapes \(4, 1\) and \(2, 3\) do not broadcast",
        ),
        (
            lambda x: pb.sum(x, where=np.ones((4, 2, 3), bool)),
            r"sum: where, of shape \(4, 2, 3\), does not broadcast to shape \(2, 3\)",
        ),
    ],
)
def test_errors_name_what_does_not_fit(call: Callable[[Value], Array], text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        call(np.ones((2, 3)))
