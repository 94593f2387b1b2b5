"""``x.at[key]``: new arrays that differ from ``x`` in some elements."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array, Trace, lift, make_node
from pullback.errors import ConversionError, DTypeError, IndexingError, PullbackError, ShapeError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.types import ArrayType, type_of
from tests.checks import check_function, pullback_of

#: The methods that take a value, and what each does in NumPy.
UFUNCS: Final[dict[str, np.ufunc]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.true_divide,
    "power": np.power,
    "min": np.minimum,
    "max": np.maximum,
}
METHODS: Final = ("set", *UFUNCS)

#: shape, and a key
KEYS: Final[list[tuple[tuple[int, ...], Value]]] = [
    ((), ()),
    ((), None),
    ((), True),
    ((4,), 2),
    ((4,), slice(None)),
    ((4,), slice(None, None, -2)),
    ((4,), slice(2, 2)),
    ((4,), [2, -4]),
    ((4,), []),
    ((4,), [False, True, True, False]),
    ((0,), slice(None)),
    ((2, 3), (slice(None), None, 1)),
    ((2, 3), np.array([[True, False, True], [False, False, True]])),
    ((2, 3), ([1, 0], [2, 2])),
    ((2, 3, 4), (slice(None), [0, 1], slice(3, 0, -1))),
    ((2, 3, 4), ([1, 0], slice(1, None), [3, 3])),
    ((2, 3, 4), (Ellipsis, [3, 1], None)),
]
#: shape, and a key that selects some elements several times
REPEATED: Final[list[tuple[tuple[int, ...], Value]]] = [
    ((4,), [1, 1, 3, -3, 1]),
    ((4,), [[0, 0], [3, -4]]),
    ((2, 3), [1, 1]),
    ((2, 3), (slice(None), [2, 2, 0])),
    ((2, 3), ([1, 1, 0], [2, 2, 0])),
    ((2, 3), ([[1], [1]], [2, 0, 2])),
    ((2, 3, 4), ([1, 1], slice(1, None), [3, 3])),
    ((2, 3, 4), (slice(None), [0, 0, 2], slice(3, 0, -1))),
    ((2, 3, 4), (slice(1, None), [[1], [1]], [2, 2])),
    ((2, 3, 4), ([True, True], slice(None), [2, 2])),
]


def positive(shape: tuple[int, ...], seed: int) -> Value:
    """Return distinct positive numbers."""
    return np.random.default_rng(seed).uniform(0.5, 2.0, shape)[()]


def updated(method: str, x: Value, key: Value, value: Value) -> Array:
    """Return ``x.at[key].method(value)``."""
    made: Array = getattr(lift(x).at[key], method)(value)
    return made


def by_numpy(method: str, x: Value, key: Value, value: Value) -> Value:
    """Return what NumPy makes of a copy of x, in place."""
    copy = np.array(x)
    if method == "set":
        copy[key] = value
    else:
        UFUNCS[method].at(copy, key, value)
    return copy[()]


def unknown(shape: tuple[int, ...], dtype: str = "f8") -> Array:
    """Return a node of unknown value."""
    return make_node(ArrayType(shape, np.dtype(dtype)), Input(), (), frozenset({Trace()}))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("shape", "key"), KEYS + REPEATED)
def test_update_is_numpys(shape: tuple[int, ...], key: Value, method: str, dtype: str) -> None:
    if method in {"min", "max"} and dtype == "c16":
        dtype = "f2"  # complex numbers have no order
    x = positive(shape, 0).astype(dtype)
    value = positive(np.shape(np.array(x)[key]), 1).astype(dtype)
    before = np.array(x)
    out = updated(method, x, key, value)
    assert out.type == type_of(x)
    np.testing.assert_allclose(
        out._value, by_numpy(method, x, key, value), rtol={"f2": 1e-2, "f4": 1e-6}.get(dtype, 1e-14)
    )
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("shape", "key"), KEYS + REPEATED)
def test_derivatives_agree_with_differences(
    shape: tuple[int, ...], key: Value, method: str
) -> None:
    x = positive(shape, 0)
    value = positive(np.shape(np.array(x)[key]), 1)
    check_function(lambda x, v: getattr((x * x).at[key], method)(v * v), x, value, rtol=1e-5)


@pytest.mark.parametrize("method", ["set", "add", "multiply", "divide"])
@pytest.mark.parametrize(("shape", "key"), [KEYS[3], KEYS[7], *REPEATED[:2]])
def test_complex_derivatives_agree_with_differences(
    shape: tuple[int, ...], key: Value, method: str
) -> None:
    x = positive(shape, 0) + 1j * positive(shape, 2)
    inside = np.shape(x[key])
    value = positive(inside, 1) - 1j * positive(inside, 3)
    check_function(lambda x, v: getattr((x * x).at[key], method)(v * v), x, value)
    check_function(lambda x, v: getattr((x * x).at[key], method)(v * v), x, value.real)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("key", [slice(None), [0, 0, 1]])
def test_value_broadcasts(method: str, key: Value) -> None:
    x = positive((3, 2), 0)
    for value in (0.75, positive((2,), 1), positive((3, 1), 2)):
        out = updated(method, x, key, value)
        np.testing.assert_allclose(out._value, by_numpy(method, x, key, value))
        if isinstance(value, np.ndarray):
            check_function(lambda x, v: getattr(x.at[key], method)(v), x, value)


@pytest.mark.parametrize(
    ("dtype", "method"),
    [
        *itertools.product(["i4", "i8", "u1"], sorted(set(METHODS) - {"divide"})),
        *itertools.product(["?"], sorted(set(METHODS) - {"subtract", "divide", "power"})),
    ],
)
def test_integers_and_booleans_are_updated_as_numpy_does(dtype: str, method: str) -> None:
    x, key, value = np.array([1, 0, 3], dtype), [0, 2, 2], np.array([1, 0, 2], dtype)
    out = updated(method, x, key, value)
    assert out.type == type_of(x)
    np.testing.assert_array_equal(out._value, by_numpy(method, x, key, value))


def test_number_is_updated_as_an_array_of_rank_zero() -> None:
    out = lift(2.0).at[...].add(3)
    assert out.type == ArrayType((), np.dtype("f8"))
    assert out._value == 5.0


def test_set_gives_the_gradient_to_the_value_that_stays() -> None:
    x, values = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    x_bar, values_bar = pullback_of(
        lambda x, v: x.at[[0, 0, 2]].set(v), [x, values], np.array([1.0, 2.0, 3.0])
    )
    np.testing.assert_array_equal(x_bar, [0.0, 2.0, 0.0])
    np.testing.assert_array_equal(values_bar, [0.0, 1.0, 3.0])


@pytest.mark.parametrize("key", [0, [0], [0, 0], [True, False]])
def test_what_is_replaced_keeps_a_zero_cotangent_below(key: Value) -> None:
    (bar,) = pullback_of(lambda x: pb.sqrt(x).at[key].set(1.0), [np.array([0.0, 4.0])], np.ones(2))
    np.testing.assert_array_equal(bar, [0.0, 0.25])


@pytest.mark.parametrize("method", ["min", "max"])
@pytest.mark.parametrize(
    ("key", "value", "x_bar", "value_bar"),
    [
        (slice(0, 1), [2.0], [3.0, 6.0], [3.0]),
        ([0], [2.0], [3.0, 6.0], [3.0]),
        ([0, 0], [2.0, 2.0], [2.0, 6.0], [2.0, 2.0]),
    ],
)
def test_equal_elements_share_the_gradient_equally(
    method: str, key: Value, value: list[float], x_bar: list[float], value_bar: list[float]
) -> None:
    bars = pullback_of(
        lambda x, v: getattr(x.at[key], method)(v),
        [np.array([2.0, 7.0]), np.array(value)],
        np.array([6.0, 6.0]),
    )
    np.testing.assert_array_equal(bars[0], x_bar)
    np.testing.assert_array_equal(bars[1], value_bar)


def test_multiply_by_several_zeros_has_the_exact_gradient() -> None:
    values = np.array([0.0, 3.0, 0.0, 2.0])
    bars = pullback_of(
        lambda x, v: x.at[[0, 0, 1, 1]].multiply(v), [np.array([5.0, 7.0]), values], np.ones(2)
    )
    np.testing.assert_array_equal(bars[0], [0.0, 0.0])
    np.testing.assert_array_equal(bars[1], [15.0, 0.0, 14.0, 0.0])


def test_power_is_taken_in_turn() -> None:
    out = updated("power", np.array([-2.0]), [0, 0], np.array([2.0, 0.5]))
    np.testing.assert_array_equal(out._value, [2.0])


@pytest.mark.parametrize(("shape", "key"), KEYS + REPEATED)
def test_apply_puts_each_occurrence_through_the_function(
    shape: tuple[int, ...], key: Value
) -> None:
    x = positive(shape, 0)
    expected = np.array(x)
    counts = np.zeros(shape, int)
    np.add.at(counts, key, 1)
    while counts.any():
        expected = np.where(counts > 0, expected * expected + 1, expected)
        counts = np.maximum(counts - 1, 0)
    out = lift(x).at[key].apply(lambda v: v * v + 1)
    np.testing.assert_allclose(out._value, expected)
    check_function(lambda x: x.at[key].apply(lambda v: v * v + 1), x, rtol=1e-5)


def test_many_occurrences_are_all_applied() -> None:
    rng = np.random.default_rng(0)
    x, indices, values = np.ones(5), rng.integers(0, 5, 400), rng.uniform(0.9, 1.1, 400)
    np.testing.assert_allclose(
        updated("multiply", x, indices, values)._value,
        by_numpy("multiply", x, indices, values),
        rtol=1e-12,
    )


@pytest.mark.parametrize(
    ("key", "mode", "fill_value", "expected"),
    [
        ([0, 3, -4, 9], "clip", None, [0.5, 2.5, 0.5, 2.5]),
        ([0, 3, -4, 9], "fill", None, [0.5, np.nan, np.nan, np.nan]),
        ([-1, 3], "fill", -1.0, [2.5, -1.0]),
        (-4, "fill", 7, 7.0),
        (3, "clip", None, 2.5),
        (slice(1, None), "fill", None, [1.5, 2.5]),
        ([True, False, True], "fill", None, [0.5, 2.5]),
        (np.uint8(200), "clip", None, 2.5),
    ],
)
def test_get_clips_or_fills(key: Value, mode: Value, fill_value: Value, expected: Value) -> None:
    out = lift([0.5, 1.5, 2.5]).at[key].get(mode=mode, fill_value=fill_value)
    np.testing.assert_array_equal(out._value, expected)


def test_get_fills_in_the_place_of_the_index() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    out = lift(x).at[:, [0, 7], None, 1].get(mode="fill", fill_value=-1.0)
    np.testing.assert_array_equal(out._value, [[[1.0], [13.0]], [[-1.0], [-1.0]]])
    out = lift(x).at[:, [0, 7], 1:3].get(mode="fill", fill_value=-1.0)
    expected = x[:, [0, 0], 1:3].copy()
    expected[:, 1] = -1.0
    np.testing.assert_array_equal(out._value, expected)


def test_get_gives_no_gradient_to_what_fills() -> None:
    (bar,) = pullback_of(
        lambda x: x.at[[0, 3, 0]].get(mode="fill", fill_value=0.0), [np.ones(3)], np.ones(3)
    )
    np.testing.assert_array_equal(bar, [2.0, 0.0, 0.0])


def test_static_keys_need_no_values() -> None:
    x, value = unknown((3, 4)), unknown(())
    for key in (0, slice(1, None), [0, 0, 1], (slice(None), [1, 1]), np.ones((3, 4), bool)):
        for method in METHODS:
            out: Array = getattr(x.at[key], method)(value)
            assert out.type == x.type
        assert x.at[key].apply(pb.sin).type == x.type


def test_unknown_indices_update_where_repeats_are_no_question() -> None:
    x, i, j = unknown((3, 4)), unknown((5,), "i8"), unknown((), "i8")
    for method in ("set", "add", "subtract", "min", "max"):
        out: Array = getattr(x.at[i], method)(1.0)
        assert out.type == x.type
    for method in METHODS:
        out = getattr(x.at[j, 1:], method)(1.0)
        assert out.type == x.type
    assert x.at[i].get(mode="fill").shape == (5, 4)
    text = r"x.at\[key\].multiply: the value of .* is not known .* whether an index occurs twice"
    with pytest.raises(ConversionError, match=text):
        x.at[i].multiply(2.0)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda x: x.at[0].set(1j),
            DTypeError,
            "values of dtype complex128 do not fit into an array of dtype float32; convert one",
        ),
        (
            lambda x: x.astype(int).at[0].add(0.5),
            DTypeError,
            r"x.at\[key\].add: values of dtype float64 do not fit into an array of dtype int64",
        ),
        (
            lambda x: x.astype(int).at[0].divide(2),
            DTypeError,
            r"x.at\[key\].divide: values of dtype float64 do not fit into an array of dtype int64",
        ),
        (
            lambda x: x.astype(int).at[0].apply(pb.sqrt),
            DTypeError,
            r"x.at\[key\].apply: values of dtype float64 do not fit into an array of dtype int64",
        ),
        (
            lambda x: x.astype("u1").at[0].set(np.int64(3)),
            DTypeError,
            "values of dtype int64 do not fit into an array of dtype uint8",
        ),
        (
            lambda x: x.astype("u1").at[0].set(256),
            DTypeError,
            r"x.at\[key\].set: 256 does not fit into an array of dtype uint8",
        ),
        (
            lambda x: x.astype(bool).at[0].set(1),
            DTypeError,
            "values of dtype int64 do not fit into an array of dtype bool",
        ),
        (
            lambda x: x.at[[0, 1]].set([1.0, 2.0, 3.0]),
            ShapeError,
            r"set: a value of shape \(3,\) does not broadcast to the selected shape \(2,\)",
        ),
        (
            lambda x: x.at[0].set([1.0]),
            ShapeError,
            r"a value of shape \(1,\) does not broadcast to the selected shape \(\)",
        ),
        (
            lambda x: x.at[1:].apply(lambda v: v[0:0]),
            ShapeError,
            r"x.at\[key\].apply: a value of shape \(0,\) does not broadcast",
        ),
        (
            lambda x: x.at[0].get(mode="fill").at[3].set(0),
            IndexingError,
            r"x\[key\]: 1 indices for an array of 0 axes",
        ),
        (
            lambda x: x.astype(int).at[3].get(mode="fill"),
            DTypeError,
            r"x.at\[key\].get: values of dtype float64 do not fit into an array of dtype int64",
        ),
        *(
            (
                lambda x, method=method, key=key: getattr(x.at[key], method)(1.0),
                IndexingError,
                "index 3 is out of range for axis 0 of size 3",
            )
            for method in METHODS
            for key in (3, [0, 3])
        ),
    ],
)
def test_update_that_does_not_fit_is_an_error(
    call: Callable[[Array], Array], error: type[PullbackError], text: str
) -> None:
    with pytest.raises(error, match=text):
        call(lift(np.array([1.0, 2.0, 3.0], "f4")))


def test_double_precision_goes_into_single() -> None:
    out = lift(np.array([1.0, 2.0], "f4")).at[0].set(np.float64(0.1))
    assert out.dtype == np.dtype("f4")
    (_, value_bar) = pullback_of(
        lambda x, v: x.at[0].set(v), [np.array([1.0, 2.0], "f4"), np.float64(0.1)], np.ones(2, "f4")
    )
    assert value_bar == 1.0
