"""``x[key]`` for every key that NumPy takes, and the functions that take an axis."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pullback as pb
from pullback.core import Array, Trace, apply, constant, lift, make_node
from pullback.errors import ConversionError, DTypeError, IndexingError, PullbackError, ShapeError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.primitives.selection import Where
from pullback.primitives.slicing import Slice
from pullback.types import ArrayType, type_of
from tests.checks import check_function, pullback_of

#: One entry of a key each, to be mixed in every way.
ENTRIES: Final[tuple[Value, ...]] = (
    0,
    -1,
    1,
    np.int32(1),
    np.array(1),
    np.uint8(0),
    slice(None),
    slice(1, None),
    slice(None, None, -1),
    slice(-2, -20, -2),
    slice(-20, None, -1),
    slice(3, 1),
    None,
    Ellipsis,
    [0, 1],
    [[0], [1]],
    (1, 0, 1),
    range(2),
    np.array([-1, 0], np.int8),
    np.array([[0, 1]]),
    np.array([1, 0], np.uint64),
    [],
    True,
    np.bool_(False),
    [True, False],
    np.array([True, False, True]),
    np.array([[True, False, True], [True, True, False]]),
    7,
    -9,
    [0, 5],
)
SHAPES: Final = ((), (2,), (2, 3), (3, 2), (2, 3, 4), (0,), (2, 0, 3), (2, 3, 2, 3))


def numbers(shape: tuple[int, ...]) -> Value:
    """Return distinct numbers."""
    return np.arange(np.prod(shape, dtype=int)).reshape(shape) + 0.5


def unknown(shape: tuple[int, ...], dtype: str = "f8") -> Array:
    """Return a node of unknown value."""
    return make_node(ArrayType(shape, np.dtype(dtype)), Input(), (), frozenset({Trace()}))


def check_key(x: Value, key: Value) -> None:
    """Check that a key selects what it selects in NumPy, or is an error as there."""
    try:
        expected = x[key]
    except IndexError:
        with pytest.raises(IndexingError):
            lift(x)[key]
        return
    actual = lift(x)[key]
    assert actual.type == type_of(expected[()]), key
    np.testing.assert_array_equal(actual._value, expected, err_msg=str(key))
    assert unknown(x.shape)[key].shape == expected.shape, key


@pytest.mark.parametrize("shape", SHAPES)
def test_keys_of_up_to_two_entries_select_what_numpy_selects(shape: tuple[int, ...]) -> None:
    x = numbers(shape)
    for key in ENTRIES:
        check_key(x, key)
    for length in range(3):
        for entries in itertools.product(ENTRIES, repeat=length):
            check_key(x, entries)


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(SHAPES), st.lists(st.sampled_from(ENTRIES), min_size=3, max_size=6))
def test_longer_keys_select_what_numpy_selects(shape: tuple[int, ...], key: list[Value]) -> None:
    check_key(numbers(shape), tuple(key))


@settings(deadline=None)
@given(st.data())
def test_basic_keys_select_what_numpy_selects(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6))
    check_key(
        numbers(shape),
        data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True)),
    )


@settings(deadline=None)
@given(st.data())
def test_integer_arrays_select_what_numpy_selects(data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(max_dims=4, max_side=5))
    check_key(numbers(shape), data.draw(hnp.integer_array_indices(shape)))


def test_arrays_index_as_numpys_arrays_do() -> None:
    x = numbers((2, 3, 4))
    check_key(x, (slice(None), lift([2, 0]), lift(1)))
    y = lift(x)
    np.testing.assert_array_equal(y[lift([1, 0, 1])]._value, x[[1, 0, 1]])
    np.testing.assert_array_equal(y[:, lift([2, 0]), lift(1)]._value, x[:, [2, 0], 1])
    np.testing.assert_array_equal(y[lift(1) :]._value, x[1:])
    np.testing.assert_array_equal(y[y > 3]._value, x[x > 3])
    np.testing.assert_array_equal(y[lift(True)]._value, x[True])


@pytest.mark.parametrize("key", [(), Ellipsis, None, True, False, (None, ...)])
def test_number_is_indexed_as_an_array_of_rank_zero(key: Value) -> None:
    expected = np.array(2.5)[key]
    np.testing.assert_array_equal(lift(2.5)[key]._value, expected)
    assert lift(2.5)[key].shape == np.shape(expected)


#: shape, and a key that selects with repeats, in part, reversed, or moves axes
DIFFERENTIATED: Final[list[tuple[tuple[int, ...], Value]]] = [
    ((), ()),
    ((), None),
    ((), True),
    ((4,), 2),
    ((4,), slice(None, None, -2)),
    ((4,), slice(2, 2)),
    ((4,), [1, 1, 3, -3]),
    ((4,), [[0, 0], [3, 0]]),
    ((4,), []),
    ((4,), [False, True, True, False]),
    ((0,), slice(None)),
    ((2, 3), (slice(None), None, 1)),
    ((2, 3), np.array([[True, False, True], [False, False, True]])),
    ((2, 3), ([1, 1, 0], [2, 2, 0])),
    ((2, 3, 4), (slice(None), [0, 0], slice(3, 0, -1))),
    ((2, 3, 4), ([1, 1], slice(None), [3, 3])),
    ((2, 3, 4), (0, slice(None), [3, 3])),
    ((2, 3, 4), (Ellipsis, [3, 3], None)),
    ((2, 3, 4), ([True, False], slice(1, None), [0, 0])),
    ((2, 3, 4), (slice(1, None), [[1], [1]], [2, 2])),
]


@pytest.mark.parametrize(("shape", "key"), DIFFERENTIATED)
def test_derivatives_agree_with_differences(shape: tuple[int, ...], key: Value) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape)[()]
    check_function(lambda x: (x * x)[key], x)
    check_function(lambda x: (x * x)[key], x + 1j * rng.standard_normal(shape)[()])


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8"])
@pytest.mark.parametrize(("shape", "key"), DIFFERENTIATED)
def test_pullback_adds_where_the_key_selects(
    shape: tuple[int, ...], key: Value, dtype: str
) -> None:
    x = numbers(shape).astype(dtype)
    selected = np.asarray(x[key])
    cotangent = (np.arange(selected.size).reshape(selected.shape) + 1).astype(dtype)[()]
    expected = np.zeros(shape, dtype)
    np.add.at(expected, key, cotangent)
    (bar,) = pullback_of(lambda x: x[key], [x[()]], cotangent)
    np.testing.assert_array_equal(bar, expected)


def test_what_is_not_selected_keeps_a_zero_cotangent_below() -> None:
    x = np.array([0.0, 4.0])
    (bar,) = pullback_of(lambda x: pb.sqrt(x)[1], [x], 1.0)
    np.testing.assert_array_equal(bar, [0.0, 0.25])
    (bar,) = pullback_of(lambda x: pb.sqrt(x)[x > 0], [x], np.ones(1))
    np.testing.assert_array_equal(bar, [0.0, 0.25])


def test_known_mask_selects_under_a_trace() -> None:
    (bar,) = pullback_of(lambda x: pb.square(x[x > 1]), [np.array([1.0, 2.0, 3.0])], np.ones(2))
    np.testing.assert_array_equal(bar, [0.0, 4.0, 6.0])


def test_integers_and_slices_make_one_node() -> None:
    x = unknown((4, 5))
    for key in (1, slice(1, 3), (2, 3), (slice(None), -1), np.int64(1)):
        assert isinstance(x[key].primitive, Slice)
        assert x[key].operands == (x,)


def test_indices_may_be_unknown() -> None:
    x, i, j = lift(numbers((3, 4))), unknown((), "i8"), unknown((5, 1), "i4")
    assert x[i].type == ArrayType((4,), np.dtype("f8"))
    assert x[:, i].shape == (3,)
    assert x[j].shape == (5, 1, 4)
    assert x[i, j].shape == (5, 1)
    assert pb.take(x, j, axis=1).shape == (3, 5, 1)
    assert pb.take(x, j, axis=1, mode="wrap").shape == (3, 5, 1)
    assert pb.take_along_axis(x, unknown((3, 2), "i8")).shape == (3, 2)
    assert pb.scatter_add(x, j, unknown((5, 1, 4))).shape == (3, 4)


def test_unknown_mask_is_an_error_that_names_where() -> None:
    text = r"x\[mask\]: .* is not known while .* traces .* use where\(mask, x, other\)"
    with pytest.raises(ConversionError, match=text):
        lift(numbers((3,)))[unknown((3,), "?")]


def test_slice_by_an_unknown_bound_is_an_error() -> None:
    with pytest.raises(ConversionError, match="is not known"):
        lift(numbers((3,)))[: unknown((), "i8")]


@pytest.mark.parametrize(
    ("shape", "key", "text"),
    [
        ((3,), 3, r"x\[key\]: index 3 is out of range for axis 0 of size 3"),
        ((3, 2), (0, -3), "index -3 is out of range for axis 1 of size 2"),
        ((3, 2), (np.int8(1), np.int8(5)), "index 5 is out of range for axis 1 of size 2"),
        ((3, 2), (..., 2), "index 2 is out of range for axis 1 of size 2"),
        ((3, 2), [0, 3], "index 3 is out of range for axis 0 of size 3"),
        ((3, 2, 4), (0, slice(None), [0, 9]), "index 9 is out of range for axis 2 of size 4"),
        ((3, 2, 4), (0, [0, 1], [0, 9]), "index 9 is out of range for axis 2 of size 4"),
        ((2, 2, 4), (np.ones((2, 2), bool), [9]), "index 9 is out of range for axis 2 of size 4"),
        ((0,), [0], "index 0 is out of range for axis 0 of size 0"),
        ((3,), (0, 0), r"2 indices for an array of 1 axes, shape \(3,\)"),
        ((3,), np.ones((3, 1), bool), r"2 indices for an array of 1 axes, shape \(3,\)"),
        ((), 0, r"1 indices for an array of 0 axes, shape \(\)"),
        ((3,), 1.0, "a float64 array cannot index; a key is made of integers, slices, None"),
        ((3,), [0.0, 1.0], "a float64 array cannot index"),
        ((3,), np.empty(0), "a float64 array cannot index"),
        ((3,), "a", "a str cannot index"),
        ((3,), {}, "a dict cannot index"),
        ((3,), [[0], [1, 2]], "a list cannot index"),
        ((3,), (..., ...), "an ellipsis stands twice in the key"),
        ((3,), slice(0.5, None), r"slice\(0.5, None, None\): slice indices must be integers"),
        ((3,), slice(None, None, 0), "slice step cannot be zero"),
        ((3,), np.ones(2, bool), r"a mask of shape \(2,\) does not fit \(3,\), the sizes of the"),
        ((3, 2), (slice(None), [True]), r"\(1,\) does not fit \(2,\), .* from 1 on in shape \(3,"),
        ((3, 3), ([0, 1], [0, 1, 2]), r"shapes \(2,\) and \(3,\) do not broadcast"),
    ],
)
def test_key_that_does_not_fit_is_an_error(shape: tuple[int, ...], key: Value, text: str) -> None:
    with pytest.raises(IndexingError, match=text):
        lift(numbers(shape))[key]


@pytest.mark.parametrize("mode", ["raise", "clip", "wrap"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("indices", [1, [0, 1, 1], [[0], [-1]], np.empty((0, 2), int)])
def test_take_is_numpys(indices: Value, axis: int | None, mode: Value) -> None:
    x = numbers((2, 3))
    expected = np.take(x, indices, axis=axis, mode=mode)
    np.testing.assert_array_equal(pb.take(x, indices, axis=axis, mode=mode)._value, expected)
    check_function(lambda x: pb.take(x * x, indices, axis=axis, mode=mode), x)


def test_take_out_of_range_clips_or_wraps() -> None:
    x, indices = numbers((4,)), [-9, -1, 0, 3, 4, 100]
    for mode in ("clip", "wrap"):
        expected = np.take(x, indices, mode=mode)
        np.testing.assert_array_equal(pb.take(x, indices, mode=mode)._value, expected)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_take_and_put_along_axis_are_numpys(axis: int) -> None:
    rng = np.random.default_rng(0)
    x, indices, values = (
        numbers((3, 4)),
        rng.integers(-3, 3, (3, 4) if axis else (2, 4)),
        rng.standard_normal((3, 4) if axis else (2, 4)),
    )
    np.testing.assert_array_equal(
        pb.take_along_axis(x, indices, axis)._value, np.take_along_axis(x, indices, axis)
    )
    expected = x.copy()
    np.put_along_axis(expected, indices, values, axis)
    np.testing.assert_array_equal(pb.put_along_axis(x, indices, values, axis)._value, expected)
    check_function(lambda x: pb.take_along_axis(x * x, indices, axis), x)
    check_function(lambda x, v: pb.put_along_axis(x * x, indices, v * v, axis), x, values)


def test_take_along_axis_broadcasts_the_other_axes() -> None:
    x = numbers((1, 3))
    indices = np.array([[0, 0], [2, 1]])
    np.testing.assert_array_equal(
        pb.take_along_axis(x, indices)._value, np.take_along_axis(x, indices, -1)
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_scatter_add_adds_every_value(axis: int) -> None:
    x, indices = numbers((2, 3)), np.array([[0, 1], [1, -1]])
    values = np.take(x, indices, axis) * 2
    expected = x.copy()
    place: Value = (slice(None),) * axis + (indices,)
    np.add.at(expected, place, values)
    np.testing.assert_array_equal(pb.scatter_add(x, indices, values, axis)._value, expected)
    check_function(lambda x, v: pb.scatter_add(x * x, indices, v * v, axis), x, values)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda x: pb.take(x, np.array([0, 3]), axis=1),
            IndexingError,
            "take: index 3 is out of range for axis 1 of size 3",
        ),
        (
            lambda x: pb.take(x, np.array([0.0])),
            DTypeError,
            "take: indices are integers, not float64",
        ),
        (
            lambda x: pb.take(x, np.array([True])),
            DTypeError,
            "take: indices are integers, not bool",
        ),
        (lambda x: pb.take(x, 0, axis=2), ShapeError, "take: axis 2 is out of range"),
        (
            lambda x: pb.take_along_axis(x, np.array([[0], [3]])),
            IndexingError,
            "take_along_axis: index 3 is out of range for axis 1 of size 3",
        ),
        (
            lambda x: pb.take_along_axis(x, np.array([0])),
            ShapeError,
            r"take_along_axis: indices of shape \(1,\) for an array of shape \(2, 3\)",
        ),
        (
            lambda x: pb.put_along_axis(x, np.array([[0], [-4]]), 1.0),
            IndexingError,
            "put_along_axis: index -4 is out of range for axis 1 of size 3",
        ),
        (
            lambda x: pb.put_along_axis(x, np.array([[0], [1]]), 1j),
            DTypeError,
            "put_along_axis: values of dtype complex128 do not fit into an array of dtype float64",
        ),
        (
            lambda x: pb.scatter_add(x, np.array([0, 2]), 1.0),
            IndexingError,
            "scatter_add: index 2 is out of range for axis 0 of size 2",
        ),
        (
            lambda x: pb.scatter_add(x, np.array([0, 1]), np.array([1.0, 2.0])),
            ShapeError,
            r"scatter_add: a value of shape \(2,\) does not broadcast .* shape \(2, 3\)",
        ),
    ],
)
def test_call_that_does_not_fit_is_an_error(
    call: Callable[[Value], Array], error: type[PullbackError], text: str
) -> None:
    with pytest.raises(error, match=text):
        call(numbers((2, 3)))


def test_selection_holds_no_part_that_can_be_written_to() -> None:
    x = lift(numbers((2, 3)))
    for key in (0, slice(1, None), [0, 1], np.ones((2, 3), bool)):
        assert not np.asarray(x[key]).flags.writeable


def test_index_array_that_is_written_to_later_does_not_matter() -> None:
    indices = np.array([0, 1])
    x = make_node(numbers((3,)), Input(), (), frozenset({Trace()}))
    node = x[indices]
    indices[:] = 2
    assert [i.item() for i in node.operands[1]._value] == [0, 1]


def test_selection_of_a_selection_is_a_view_of_the_same_elements() -> None:
    x = constant(numbers((4, 4)))
    assert np.shares_memory(x[1:][:, 2]._value, x._value)


def test_where_on_the_whole_agrees_with_a_mask() -> None:
    x = lift(numbers((3, 4)))
    total = apply(Where(), x > 4, x, constant(0.0))
    assert np.sum(total._value) == np.sum(x[x > 4]._value)
