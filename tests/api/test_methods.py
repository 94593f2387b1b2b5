"""ndarray's attributes and methods on our arrays: what NumPy gives, with its derivatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array, lift
from pullback.errors import ImmutabilityError, UnsupportedError
from pullback.primitives.quantity import Value
from tests.checks import check_function
from tests.core.nodes import unknown

RNG = np.random.default_rng(2)
M = RNG.uniform(0.3, 0.9, (3, 4))
V = RNG.uniform(0.3, 0.9, 4)
T = RNG.uniform(0.3, 0.9, (2, 1, 3))
C = RNG.normal(size=(2, 3)) + 1j * RNG.normal(size=(2, 3))
I = np.array([[3, 1, 2], [6, 5, 4]])  # noqa: E741 - integers
MASK = np.array([True, False, True, True])

CASES: dict[str, tuple[Callable[[Value], Value], Value]] = {
    "T": (lambda x: x.T, T),
    "T of rank 0": (lambda x: x.T, np.array(2.0)),
    "T of rank 1": (lambda x: x.T, V),
    "all": (lambda x: (x > 0.5).all(axis=0), M),
    "any": (lambda x: (x > 0.5).any(1, keepdims=True), M),
    "argmax": (lambda x: x.argmax(), M),
    "argmax axis": (lambda x: x.argmax(0), M),
    "argmin": (lambda x: x.argmin(axis=1, keepdims=True), M),
    "argsort": (lambda x: x.argsort(), M),
    "argsort axis": (lambda x: x.argsort(axis=0), M),
    "argsort flat": (lambda x: x.argsort(None), M),
    "astype": (lambda x: x.astype(np.float32), M),
    "astype complex": (lambda x: x.astype(complex), M),
    "astype int": (lambda x: x.astype(int), M * 3),
    "astype of bool": (lambda x: (x > 0.5).astype(float), M),
    "clip": (lambda x: x.clip(0.4, 0.6), M),
    "clip max": (lambda x: x.clip(max=0.6), M),
    "conj": (lambda x: x.conj(), C),
    "conjugate": (lambda x: x.conjugate(), C),
    "copy": (lambda x: x.copy(), M),
    "cumprod": (lambda x: x.cumprod(axis=1), M),
    "cumprod flat": (lambda x: x.cumprod(), M),
    "cumsum": (lambda x: x.cumsum(0), M),
    "cumsum flat": (lambda x: x.cumsum(), M),
    "diagonal": (lambda x: x.diagonal(1), M),
    "diagonal axes": (lambda x: x.diagonal(0, 0, 2), T),
    "dot": (lambda x: x.dot(V), M),
    "flatten": (lambda x: x.flatten(), M),
    "imag": (lambda x: x.imag, C),
    "imag of real": (lambda x: x.imag, M),
    "mT": (lambda x: x.mT, T),
    "max": (lambda x: x.max(), M),
    "max axis": (lambda x: x.max(0, keepdims=True), M),
    "max initial": (lambda x: x.max(axis=1, initial=0.7), M),
    "mean": (lambda x: x.mean(), M),
    "mean axis": (lambda x: x.mean((0, 1)), M),
    "mean of integers": (lambda x: x.mean(0), I),
    "mean where": (lambda x: x.mean(1, where=MASK), M),
    "min": (lambda x: x.min(axis=-1), M),
    "min where": (lambda x: x.min(where=MASK, initial=1.0), M),
    "prod": (lambda x: x.prod(axis=0), M),
    "ravel": (lambda x: x.ravel(), M),
    "real": (lambda x: x.real, C),
    "repeat": (lambda x: x.repeat(2, axis=1), M),
    "repeat flat": (lambda x: x.repeat(3), M),
    "reshape": (lambda x: x.reshape(4, 3), M),
    "reshape of rank 0": (lambda x: x.reshape(()), np.array([2.0])),
    "reshape one": (lambda x: x.reshape(-1), M),
    "reshape tuple": (lambda x: x.reshape((2, -1)), M),
    "round": (lambda x: x.round(), M),
    "round decimals": (lambda x: x.round(1), M),
    "searchsorted": (lambda x: x.cumsum().searchsorted([0.5, 1.1]), V),
    "searchsorted right": (lambda x: x.searchsorted([1, 2], side="right"), np.array([1, 2, 3])),
    "squeeze": (lambda x: x.squeeze(), T),
    "squeeze axis": (lambda x: x.squeeze(1), T),
    "std": (lambda x: x.std(axis=0), M),
    "std ddof": (lambda x: x.std(ddof=1), M),
    "sum": (lambda x: x.sum(), M),
    "sum axis": (lambda x: x.sum(axis=0), M),
    "sum dtype": (lambda x: x.sum(0, np.float32), M),
    "sum of bools": (lambda x: (x > 0.5).sum(), M),
    "sum of integers": (lambda x: x.sum(1, keepdims=True), I),
    "sum where": (lambda x: x.sum(where=MASK, initial=3.0), M),
    "swapaxes": (lambda x: x.swapaxes(0, -1), T),
    "take": (lambda x: x.take([0, 0, 2], axis=0), M),
    "take flat": (lambda x: x.take([[0, 5], [1, 1]]), M),
    "trace": (lambda x: x.trace(), M),
    "trace offset": (lambda x: x.trace(1), M),
    "transpose": (lambda x: x.transpose(), T),
    "transpose None": (lambda x: x.transpose(None), T),
    "transpose axes": (lambda x: x.transpose(2, 0, 1), T),
    "transpose tuple": (lambda x: x.transpose((1, 2, 0)), T),
    "var": (lambda x: x.var(1, ddof=1, keepdims=True), M),
    "var of complex": (lambda x: x.var(), C),
}


@pytest.mark.parametrize(("f", "x"), CASES.values(), ids=CASES)
def test_method_gives_what_numpy_gives(f: Callable[[Value], Value], x: Value) -> None:
    ours, theirs = f(lift(x)), f(x)
    assert isinstance(ours, Array)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    single = theirs.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-6 if single else 1e-13)


@pytest.mark.parametrize(("f", "x"), CASES.values(), ids=CASES)
def test_method_differentiates(f: Callable[[Value], Value], x: Value) -> None:
    if f(x).dtype == np.float32:
        check_function(f, x, order=1, rtol=1e-2, step=1e-2)
    else:
        check_function(f, x)


@pytest.mark.parametrize(("f", "x"), CASES.values(), ids=CASES)
def test_method_infers_the_type_where_values_are_unknown(
    f: Callable[[Value], Value], x: Value
) -> None:
    actual, expected = f(unknown(*x.shape, dtype=str(x.dtype))), f(lift(x))
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)


@pytest.mark.parametrize("x", [M, C, I, T, np.array(1.0), np.zeros((0, 3), np.float32)])
def test_attributes_are_those_of_numpy(x: Value) -> None:
    for array in (lift(x), unknown(*x.shape, dtype=str(x.dtype))):
        for name in ("shape", "dtype", "ndim", "size", "itemsize", "nbytes"):
            assert getattr(array, name) == getattr(x, name)
        assert type(array.size) is int


def test_nonzero_gives_one_array_for_each_axis() -> None:
    rows, columns = lift(M > 0.5).nonzero()
    expected = (M > 0.5).nonzero()
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_array_equal(columns, expected[1])


def test_the_only_device_is_the_cpu() -> None:
    x = lift(M)
    assert x.device == "cpu"
    assert x.to_device("cpu") is x
    with pytest.raises(UnsupportedError, match=r"'gpu'.*'cpu'"):
        x.to_device("gpu")  # type: ignore[arg-type]  # the claim


def test_what_needs_no_copy_returns_the_array_itself() -> None:
    x = lift(M)
    assert x.copy() is x
    assert x.astype(np.float64) is x


def test_methods_of_rank_0_work() -> None:
    x = pb.asarray(2.5)
    assert x.sum() == 2.5
    assert x.reshape(1, 1).shape == (1, 1)
    assert x.ravel().tolist() == [2.5]
    assert x.round() == 2.0
    assert x.astype(int).item() == 2


def test_flat_and_view_say_what_to_use_instead() -> None:
    x = lift(M)
    with pytest.raises(UnsupportedError, match=r"x\.ravel\(\)"):
        x.flat  # noqa: B018 - it raises
    with pytest.raises(UnsupportedError, match=r"x\.astype\(dtype\)"):
        x.view(np.int64)


def test_sort_in_place_names_the_functions_that_return() -> None:
    with pytest.raises(ImmutabilityError, match=r"pullback\.sort\(x\) or np\.sort\(x\)"):
        lift(V).sort()
    np.testing.assert_array_equal(np.sort(lift(V)), np.sort(V))


def test_at_sets_elements_in_a_new_array() -> None:
    x = lift([1.0, 2.0, 3.0])
    assert x.at[0].set(9.0).tolist() == [9.0, 2.0, 3.0]
    assert x.at[[0, 0]].add(1.0).tolist() == [3.0, 2.0, 3.0]
    assert x.tolist() == [1.0, 2.0, 3.0]
