"""Means, deviations and averages: NumPy's values and dtypes, exact derivatives."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array
from pullback.errors import ShapeError
from pullback.primitives.quantity import Value
from tests.api.agreement import DTYPES, check_agreement, distinct, sample
from tests.checks import check_function
from tests.primitives.pointwise import second_at, slope_at

Function = Callable[..., Array]
PAIRS: list[tuple[Function, Callable[..., Value]]] = [
    (pb.mean, np.mean),
    (pb.var, np.var),
    (pb.std, np.std),
]
AXES = [None, 0, -1, (0, 2), (2, 1, 0), ()]
MASK = np.array([[True, False, True], [False, True, True]])
NAN = np.nan


@pytest.mark.parametrize("dtype", [*DTYPES, "f2"])
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
        rtol={"f2": 2e-3, "f4": 3e-7, "c8": 3e-7}.get(dtype, 1e-15),
    )


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_mean_has_the_bits_of_numpys(axis: int | None, dtype: str) -> None:
    x = np.random.default_rng(0).standard_normal((1000, 37)).astype(dtype)
    check_agreement(pb.mean, np.mean, x, axis=axis)


@pytest.mark.parametrize("number", [True, 3, 2.5, 1 + 1j, np.float32(2)])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_rank_0_agrees_with_numpy(
    ours: Function, theirs: Callable[..., Value], number: complex
) -> None:
    check_agreement(ours, theirs, number)


@pytest.mark.parametrize("dtype", ["f4", "c16"])
@pytest.mark.parametrize("correction", [0, 1, 0.5])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS[1:])
def test_correction_and_ddof_agree_with_numpy(
    ours: Function, theirs: Callable[..., Value], correction: float, dtype: str
) -> None:
    x = sample((4, 3), dtype)
    for name in ("correction", "ddof"):
        check_agreement(
            ours,
            theirs,
            x,
            axis=0,
            **{name: correction},
            rtol=3e-7,
        )


@pytest.mark.parametrize("dtype", ["i1", "f4", "f8", "c8"])
@pytest.mark.parametrize("axis", [None, 1])
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_where_and_dtype_agree_with_numpy(
    ours: Function, theirs: Callable[..., Value], axis: int | None, dtype: str
) -> None:
    x = sample((2, 3), dtype)
    for mask in (MASK, MASK[0]):
        check_agreement(
            ours,
            theirs,
            x,
            axis=axis,
            where=mask,
            rtol=3e-7,
        )
    if dtype != "c8":  # the variance of complex numbers has a real dtype here, whatever is asked
        check_agreement(ours, theirs, x, axis=axis, dtype="f8", rtol=3e-7)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_statistics_of_nothing_are_nan_as_in_numpy(
    ours: Function, theirs: Callable[..., Value]
) -> None:
    check_agreement(ours, theirs, np.zeros(0))
    check_agreement(ours, theirs, np.zeros((0, 2), "f4"), axis=0)
    if ours is not pb.mean:
        check_agreement(ours, theirs, np.ones(2), ddof=3)
        check_agreement(ours, theirs, np.arange(2.0), ddof=2)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("axis", AXES[:-1])
@pytest.mark.parametrize(("f", "_"), PAIRS)
def test_derivatives(f: Function, _: object, axis: object, dtype: str) -> None:
    check_function(lambda x: f(x, axis), distinct((2, 3, 2), dtype))
    check_function(lambda x: f(x, axis=axis, keepdims=True), distinct((2, 3, 2), dtype))


@pytest.mark.parametrize(("f", "_"), PAIRS)
def test_derivatives_with_a_mask(f: Function, _: object) -> None:
    check_function(lambda x: f(x, 1, where=MASK), distinct((2, 3)))
    with np.errstate(divide="ignore"):
        inverse = slope_at(lambda x: f(1 / x, where=x != 0), np.array([0.0, 3.0, 4.0]))
    assert np.isfinite(inverse).all()
    assert inverse[0] == 0


@pytest.mark.parametrize("equal", [[2.0, 2.0, 2.0], [0.0], [-1e-200, -1e-200]])
def test_std_of_equal_elements_has_gradient_0_to_second_order(equal: list[float]) -> None:
    x = np.array(equal)
    np.testing.assert_array_equal(slope_at(pb.std, x), np.zeros(len(x)))
    np.testing.assert_array_equal(second_at(pb.std, x), np.zeros(len(x)))
    np.testing.assert_array_equal(slope_at(pb.std, x * (1 + 1j)), np.zeros(len(x)))


def test_std_is_differentiated_in_the_slices_where_elements_differ() -> None:
    x = np.array([[1.0, 1.0], [1.0, 3.0]])
    np.testing.assert_array_equal(slope_at(lambda x: pb.std(x, 1), x), [[0, 0], [-0.5, 0.5]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("axis", "shape"),
    [(None, None), (None, (2, 3, 4)), (0, (2,)), (-1, (4,)), (1, (2, 3, 4)), ((2, 0), (4, 2))],
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_average_agrees_with_numpy(
    axis: object, shape: tuple[int, ...] | None, dtype: str, *, keepdims: bool
) -> None:
    weights = None if shape is None else np.random.default_rng(1).uniform(0.5, 1, shape)
    check_agreement(
        pb.average,
        np.average,
        sample((2, 3, 4), dtype),
        axis=axis,
        weights=weights,
        keepdims=keepdims,
        rtol=1e-6,
    )


@pytest.mark.parametrize("weights", [np.array([1, 2]), np.array([1, 2], "f4"), np.array([1j, 2])])
def test_average_promotes_the_weights_as_numpy_does(weights: Value) -> None:
    for x in (sample((2,), "i4"), sample((2,), "f4")):
        check_agreement(pb.average, np.average, x, weights=weights)


def test_derivatives_of_average_by_elements_and_weights() -> None:
    x, w = distinct((2, 3)), np.random.default_rng(1).uniform(0.5, 1, (2, 3))
    check_function(lambda x, w: pb.average(x, 1, w), x, w)
    check_function(lambda x, w: pb.average(x, 1, w), x, w[0])


@pytest.mark.parametrize("weights", [np.ones(2), np.ones((3, 2)), np.float64(1)])
def test_average_names_weights_that_do_not_fit(weights: Value) -> None:
    text = f"average: weights of shape {weights.shape} for x of shape (2, 3), axis 1"
    with pytest.raises(ShapeError, match=re.escape(text)):
        pb.average(np.ones((2, 3)), 1, weights)


@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
@pytest.mark.parametrize("dtype", ["i1", "f4", "f8"])
def test_ptp_agrees_with_numpy(axis: object, dtype: str) -> None:
    x = sample((3, 4), dtype)
    check_agreement(pb.ptp, np.ptp, x, axis=axis)


def test_derivatives_of_ptp() -> None:
    check_function(lambda x: pb.ptp(x, 1, keepdims=True), distinct((3, 4)))


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("dtype", ["i4", "f4", "f8", "c16"])
@pytest.mark.parametrize(("ours", "theirs"), [(pb.nansum, np.nansum), (pb.nanmean, np.nanmean)])
def test_reductions_that_pass_over_nan_agree_with_numpy(
    ours: Function, theirs: Callable[..., Value], axis: int | None, dtype: str
) -> None:
    x = sample((3, 4), dtype)
    if dtype != "i4":
        x[0, 1] = x[2, 1] = x[2, 2] = NAN
    for keepdims in (False, True):
        check_agreement(
            ours,
            theirs,
            x,
            axis=axis,
            keepdims=keepdims,
            rtol=3e-7,
        )


@pytest.mark.parametrize("f", [pb.nansum, pb.nanmean])
def test_elements_that_are_nan_have_gradient_0(f: Function) -> None:
    share = 1 if f is pb.nansum else 1 / 2
    np.testing.assert_array_equal(slope_at(f, np.array([1.0, NAN, 2.0])), [share, 0, share])
    with np.errstate(invalid="ignore"):
        root = slope_at(lambda x: f(pb.sqrt(x)), np.array([4.0, -1.0]))
    np.testing.assert_array_equal(root, [0.25, 0])
