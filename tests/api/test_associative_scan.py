"""`associative_scan`: running combinations, against cumulative functions and plain loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.testing as npt
import pytest

import pullback as pb
from pullback.api.associative import associative_scan as typed_scan
from pullback.errors import DTypeError, PullbackError, ShapeError, StructureError
from pullback.primitives.quantity import Value
from tests.checks import check_function
from tests.one_by_one import check_vmap, grad, vmap

#: Of functions whose types are nobody's matter here.
associative_scan: Final[Callable[..., Value]] = typed_scan

RNG: Final = np.random.default_rng(0)
LENGTHS: Final = [*range(18), 31, 32, 33, 100]

Pair = tuple[Value, Value]


def compose(f: Pair, g: Pair) -> Pair:
    """The affine function x ↦ g(f(x)), for pairs of slope and offset."""
    return f[0] * g[0], f[1] * g[0] + g[1]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("f", "ufunc"), [(pb.add, np.add), (pb.multiply, np.multiply), (pb.maximum, np.maximum)]
)
def test_running_combinations_are_cumulative(
    f: Callable[[Value, Value], Value], ufunc: np.ufunc, length: int, *, reverse: bool
) -> None:
    x = RNG.uniform(0.5, 1.5, (2, length, 3))
    expected = ufunc.accumulate(x[:, ::-1], axis=1)[:, ::-1] if reverse else ufunc.accumulate(x, 1)
    for axis in (1, -2):
        found = associative_scan(f, x, reverse=reverse, axis=axis)
        assert type(found) is np.ndarray
        npt.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("dtype", ["f4", "i8", "c16", "?"])
def test_axes_and_dtypes_stay(axis: int, dtype: str) -> None:
    x = RNG.integers(0, 3, (3, 4, 5)).astype(dtype)
    found = associative_scan(pb.maximum if dtype == "?" else pb.add, x, axis=axis)
    assert found.dtype == x.dtype
    ufunc = np.maximum if dtype == "?" else np.add
    npt.assert_array_equal(found, ufunc.accumulate(x, axis=axis))


@pytest.mark.parametrize("length", LENGTHS)
def test_a_linear_recurrence_is_a_composition_of_affine_functions(length: int) -> None:
    a, b = RNG.uniform(-1, 1, (2, length))
    h, expected = 0.0, []
    for slope, offset in zip(a, b, strict=True):
        h = slope * h + offset
        expected.append(h)
    npt.assert_allclose(associative_scan(compose, (a, b))[1], expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("length", [1, 2, 5, 8])
@pytest.mark.parametrize("reverse", [False, True])
def test_products_of_matrices_keep_their_order(length: int, *, reverse: bool) -> None:
    matrices = RNG.standard_normal((length, 2, 2))
    order = range(length - 1, -1, -1) if reverse else range(length)
    running, expected = np.eye(2), np.empty((length, 2, 2))
    for i in order:
        running = running @ matrices[i]
        expected[i] = running
    found = associative_scan(pb.matmul, matrices, reverse=reverse)
    npt.assert_allclose(found, expected, rtol=1e-12)


def test_trees_hold_arrays_of_any_rank_and_what_is_no_array() -> None:
    elems: dict[str, Value] = {
        "sum": RNG.standard_normal((5, 2)),
        "product": RNG.standard_normal(5),
        "name": "text",
    }

    def combine(a: dict[str, Value], b: dict[str, Value]) -> dict[str, Value]:
        assert a["name"] == "text"
        return {"sum": a["sum"] + b["sum"], "product": a["product"] * b["product"], "name": "x"}

    found = associative_scan(combine, elems)
    npt.assert_allclose(found["sum"], np.cumsum(elems["sum"], 0), rtol=1e-12)
    npt.assert_allclose(found["product"], np.cumprod(elems["product"]), rtol=1e-12)
    assert found["name"] == "text"


def test_plain_in_plain_out_and_nothing_shared() -> None:
    for length in (0, 1, 4):
        x = RNG.standard_normal(length)
        assert isinstance(associative_scan(pb.add, pb.asarray(x)), pb.Array)
        found = associative_scan(pb.add, x)
        assert type(found) is np.ndarray
        assert not np.shares_memory(found, x)


@pytest.mark.parametrize("length", [1, 2, 3, 8, 100, 1000])
def test_the_depth_is_logarithmic_and_the_work_linear(length: int) -> None:
    sizes: list[int] = []

    def add(a: Value, b: Value) -> Value:
        sizes.append(len(a))
        return a + b

    associative_scan(add, np.ones(length))
    assert len(sizes) <= 2 * np.log2(length)
    assert sum(sizes) <= 2 * length
    assert 0 not in sizes


@pytest.mark.parametrize("length", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("reverse", [False, True])
def test_derivatives(length: int, *, reverse: bool) -> None:
    a, b = RNG.uniform(0.2, 1, (2, length, 2))
    check_function(lambda a, b: pb.concat(associative_scan(compose, (a, b), reverse=reverse)), a, b)
    check_function(lambda x: associative_scan(pb.multiply, x, axis=1), a)


def test_batches() -> None:
    x = RNG.standard_normal((4, 5, 2))
    check_vmap(lambda x: associative_scan(pb.multiply, x), x)
    check_vmap(lambda x: associative_scan(pb.multiply, x, axis=-1, reverse=True), x)
    check_vmap(grad(lambda x: pb.sum(associative_scan(compose, (x, x * x))[1])), x)
    check_vmap(lambda w: associative_scan(lambda a, b: a + b + w, pb.ones(5)), x[:, 0, 0])
    slope = grad(lambda x: pb.sum(vmap(lambda y: associative_scan(pb.add, y))(x)))(x)
    npt.assert_array_equal(slope, np.broadcast_to(np.arange(5.0, 0, -1)[:, None], x.shape))


ERRORS: Final[list[tuple[Callable[[], object], type[PullbackError], str]]] = [
    (
        lambda: associative_scan(pb.add, 1.0),
        ShapeError,
        "associative_scan: no axis 0 in elems at the root, which has shape ()",
    ),
    (
        lambda: associative_scan(compose, (np.ones((3, 2)), np.ones(3)), axis=1),
        ShapeError,
        "associative_scan: no axis 1 in elems at [1], which has shape (3,)",
    ),
    (
        lambda: associative_scan(compose, (np.ones(3), np.ones(2))),
        ShapeError,
        "associative_scan: the sizes along axis 0 differ: 3 in elems at [0], 2 at [1]",
    ),
    (
        lambda: associative_scan(pb.add, None),
        ShapeError,
        "associative_scan: elems has no arrays to combine the elements of",
    ),
    (
        lambda: associative_scan(lambda a, b: pb.sum(a + b), np.ones(4)),
        ShapeError,
        "<lambda> returned float64[] at the root for elements of type float64[2]; it must combine",
    ),
    (
        lambda: associative_scan(pb.divide, np.arange(4)),
        DTypeError,
        "divide returned float64[2] at the root for elements of type int64[2]",
    ),
    (
        lambda: associative_scan(lambda a, b: (a, b), np.ones(4)),
        StructureError,
        "associative_scan: the elements and what <lambda> returned differ at the root",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS, ids=[text for _, _, text in ERRORS])
def test_errors_say_what_came_and_what_to_do(
    call: Callable[[], object], error: type[PullbackError], text: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)
