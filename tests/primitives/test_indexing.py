"""Selecting a part or elements, the adjoints, and replacing what is selected."""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import pytest

from pullback.core import Trace, apply, constant, make_node
from pullback.errors import DTypeError, IndexingError, ShapeError
from pullback.primitives.gather import Gather, ScatterAdd, grids
from pullback.primitives.identity import Input
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value, quantity_type
from pullback.primitives.scatter import ScatterExtreme, ScatterSet
from pullback.primitives.slicing import PadSlice, Slice, SliceSet, Slots, sliced_shape
from pullback.types import type_of
from tests.checks import check_adjoint, check_primitive, check_type, inner, pullback_of

RNG = np.random.default_rng(0)
DTYPES = ("?", "i1", "u2", "i8", "f4", "f8", "c8", "c16")

#: slots, and the shape that they select from
SLOTS: list[tuple[Slots, tuple[int, ...]]] = [
    ((0,), (3,)),
    ((slice(0, 3, 1),), (3,)),
    ((slice(1, 3, 1), 2), (4, 5)),
    ((slice(4, None, -2), slice(0, 1, 3)), (5, 2)),
    ((1, 2, 3), (2, 3, 4)),
    ((slice(0, 2, 1), 1, slice(3, 0, -1)), (2, 3, 4)),
    ((slice(0, 0, 1), slice(0, 2, 1)), (3, 2)),
    ((slice(0, 0, 1),), (0,)),
]

#: a gather, the shape it selects from, the index arrays, and NumPy's way to say the same
GATHERS: list[tuple[Gather, tuple[int, ...], tuple[Value, ...], Callable[..., Value]]] = [
    (Gather((0,), 0), (4,), (np.array([3, 0, 0, -1]),), lambda x, i: x[i]),
    (Gather((0,), 0), (4,), (np.array([[1, 1], [2, -4]], "i1"),), lambda x, i: x[i]),
    (Gather((0,), 0), (4,), (np.int64(2),), lambda x, i: x[i]),
    (Gather((0,), 0), (4,), (np.empty(0, "i8"),), lambda x, i: x[i]),
    (Gather((0,), 0), (0,), (np.empty((2, 0), "i8"),), lambda x, i: x[i]),
    (Gather((0,), 0, unique=True), (4,), (np.array([2, -4]),), lambda x, i: x[i]),
    (Gather((1,), 1), (2, 3), (np.array([2, 2, 0, 1]),), lambda x, i: x[:, i]),
    (Gather((1,), 0), (2, 3), (np.array([2, 2]),), lambda x, i: np.moveaxis(x[:, i], 1, 0)),
    (Gather((0,), 1), (2, 3), (np.array([1, 1]),), lambda x, i: np.moveaxis(x[i], 0, 1)),
    (Gather((0,), 1), (2, 3), (np.int64(-1),), lambda x, i: x[i]),
    (
        Gather((0, 1), 0),
        (2, 3),
        (np.array([1, 1, 0]), np.array([2, 2, 0])),
        lambda x, i, j: x[i, j],
    ),
    (Gather((0, 1), 0), (2, 3), (np.array([[1], [0]]), np.array([2, 2])), lambda x, i, j: x[i, j]),
    (Gather((0, 1), 0), (2, 3), (np.int64(1), np.int64(-1)), lambda x, i, j: x[i, j]),
    (
        Gather((0, 2), 0),
        (2, 3, 4),
        (np.array([1, 1, 0]), np.array([3, 3, 0])),
        lambda x, i, j: x[i, :, j],
    ),
    (
        Gather((0, 2), 1),
        (2, 3, 4),
        (np.array([1, 1]), np.array([3, 3])),
        lambda x, i, j: np.moveaxis(x[i, :, j], 0, 1),
    ),
    (
        Gather((1, 2), 1),
        (2, 3, 2, 2),
        (np.array([[-1], [-1]]), np.array([0, 1])),
        lambda x, i, j: x[:, i, j],
    ),
    (
        Gather((1, 2), 1, unique=True),
        (2, 3, 2, 2),
        (np.array([[-1], [0]]), np.array([0, 1])),
        lambda x, i, j: x[:, i, j],
    ),
]


def sample(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Value:
    """Return distinct numbers in a random order, of the dtype."""
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(int(np.prod(shape))).reshape(shape) + 0.25
    return np.asarray(numbers * (1 - 0.5j) if dtype[0] == "c" else numbers).astype(dtype)[()]


def positions(gather: Gather, shape: tuple[int, ...], indices: tuple[Value, ...]) -> Value:
    """Return the row-major positions that a gather selects, by gathering them."""
    return gather.evaluate(np.arange(np.prod(shape, dtype=int)).reshape(shape), *indices)


def same(actual: Value, expected: Value) -> None:
    """Check that two values have the same type and elements."""
    assert type_of(actual) == type_of(expected)
    np.testing.assert_array_equal(actual, expected)


def check(primitive: Primitive, expected: Value, *values: Value) -> None:
    """Check the value, its type, and the derivatives, of an operation that is linear."""
    if type_of(values[0]).dtype.char in "dD":
        check_primitive(primitive, *values)
    else:
        check_type(primitive, *values)
        check_adjoint(primitive, *values)
    same(primitive.evaluate(*values), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("slots", "shape"), SLOTS)
def test_slice_is_numpys_and_its_adjoint_pads(
    slots: Slots, shape: tuple[int, ...], dtype: str
) -> None:
    x = sample(shape, dtype)
    check(Slice(slots), x[slots], x)
    padded = np.zeros(shape, dtype)
    padded[slots] = x[slots]
    check(PadSlice(shape, slots), padded, x[slots])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("slots", "shape"), SLOTS)
def test_slice_set_replaces_the_part_in_a_copy(
    slots: Slots, shape: tuple[int, ...], dtype: str
) -> None:
    x, part = sample(shape, dtype), sample(sliced_shape("test", slots, shape), dtype, 1)
    before, expected = x.copy(), x.copy()
    expected[slots] = part
    check(SliceSet(slots), expected, x, part)
    same(x, before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("gather", "shape", "indices", "reference"), GATHERS)
def test_gather_is_numpys(
    gather: Gather,
    shape: tuple[int, ...],
    indices: tuple[Value, ...],
    reference: Callable[..., Value],
    dtype: str,
) -> None:
    x = sample(shape, dtype)
    check(gather, reference(x, *indices), x, *indices)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("gather", "shape", "indices"), [case[:3] for case in GATHERS])
def test_scatter_add_adds_every_value(
    gather: Gather, shape: tuple[int, ...], indices: tuple[Value, ...], dtype: str
) -> None:
    places = positions(gather, shape, indices)
    values = sample(np.shape(places), dtype)
    expected = np.zeros(shape, dtype)
    for place, value in zip(np.ravel(places), np.ravel(values), strict=True):
        expected.flat[place] += value
    check(ScatterAdd(shape, gather), expected, values, *indices)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("gather", "shape", "indices"), [case[:3] for case in GATHERS])
def test_scatter_set_keeps_the_last_value(
    gather: Gather, shape: tuple[int, ...], indices: tuple[Value, ...], dtype: str
) -> None:
    places = positions(gather, shape, indices)
    x, values = sample(shape, dtype), sample(np.shape(places), dtype, 1)
    expected = x.copy()
    # In the order of the index arrays, whatever axes stand before theirs.
    rank = np.broadcast(*indices).ndim
    source, target = range(gather.position, gather.position + rank), range(rank)
    ordered = (np.ravel(np.moveaxis(a, source, target)) for a in (places, values))
    for place, value in zip(*ordered, strict=True):
        expected.flat[place] = value
    check(ScatterSet(gather), expected, x, values, *indices)


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda i: np.flip(np.flip(i).copy())])
def test_the_last_value_stays_whatever_the_layout_in_memory(
    layout: Callable[[Value], Value],
) -> None:
    indices, values = np.array([[0, 1, 0], [1, 0, 1]]), np.arange(6.0).reshape(2, 3)
    at = Gather((0,), 0)
    out = ScatterSet(at).evaluate(np.zeros(2), layout(values), layout(indices))
    same(out, np.array([4.0, 5.0]))


@pytest.mark.parametrize("least", [False, True])
@pytest.mark.parametrize("dtype", ["i8", "u2", "f4", "f8"])
@pytest.mark.parametrize(("gather", "shape", "indices"), [case[:3] for case in GATHERS])
def test_scatter_extreme_keeps_the_extreme_value(
    gather: Gather, shape: tuple[int, ...], indices: tuple[Value, ...], dtype: str, *, least: bool
) -> None:
    places = positions(gather, shape, indices)
    x = sample(shape, dtype)
    values = sample(np.shape(places), dtype, 1) + np.dtype(dtype).type(0.5)
    expected, choose = x.copy(), (min if least else max)
    for place, value in zip(np.ravel(places), np.ravel(values), strict=True):
        expected.flat[place] = choose(expected.flat[place], value)
    check(ScatterExtreme(gather, least), expected, x, values, *indices)


def test_elements_that_share_a_maximum_share_its_cotangent_equally() -> None:
    primitive = ScatterExtreme(Gather((0,), 0), least=False)
    x, values, indices = np.array([2.0, 5.0]), np.array([2.0, 1.0, 2.0]), np.array([0, 0, 0])
    bars = pullback_of(
        lambda x, v: apply(primitive, x, v, constant(indices)), [x, values], np.array([6.0, 1.0])
    )
    same(bars[0], np.array([2.0, 1.0]))
    same(bars[1], np.array([2.0, 0.0, 2.0]))


def test_of_a_nan_no_element_loses() -> None:
    primitive = ScatterExtreme(Gather((0,), 0), least=True)
    x, values, indices = np.array([2.0, 5.0]), np.array([np.nan, 9.0]), np.array([0, 1])
    assert np.isnan(primitive.evaluate(x, values, indices)[0])
    bars = pullback_of(
        lambda x, v: apply(primitive, x, v, constant(indices)), [x, values], np.array([6.0, 1.0])
    )
    same(bars[0], np.array([3.0, 1.0]))
    same(bars[1], np.array([3.0, 0.0]))


@pytest.mark.parametrize(
    "primitive",
    [ScatterSet(Gather((1,), 1)), ScatterExtreme(Gather((1,), 1), least=True)],
    ids=lambda p: p.name,
)
def test_derivative_needs_no_values(primitive: Primitive) -> None:
    x, values, indices = sample((2, 3), "f8"), sample((2, 4), "f8"), np.array([0, 2, 2, 1])
    source = frozenset({Trace()})
    nodes: list[Value] = [make_node(type_of(v), Input(), (), source) for v in (x, values, indices)]
    out: Value = apply(primitive, *nodes)
    for index, like in enumerate((x, values)):
        bar = primitive.pullback(index, out, out, tuple(nodes), operator.mul)
        dot = primitive.pushforward(index, nodes[index], out, tuple(nodes))
        assert bar is not None
        assert dot is not None
        assert quantity_type(bar) == type_of(like)
        assert quantity_type(dot) == out.type


def test_grids_select_the_same_position_on_other_axes() -> None:
    x, indices = sample((2, 3, 4), "f8"), RNG.integers(0, 3, (2, 5, 4))
    before, after = grids(x.shape, 1)
    out = Gather((0, 1, 2), 0).evaluate(x, *before, indices, *after)
    same(out, np.take_along_axis(x, indices, 1))


def test_scatter_add_of_many_in_one_place_loses_nothing() -> None:
    indices, values = RNG.integers(0, 3, 1000), RNG.standard_normal((2, 1000))
    out = ScatterAdd((2, 3), Gather((1,), 1)).evaluate(values, indices)
    np.testing.assert_allclose(
        out, [[row[indices == i].sum() for i in range(3)] for row in values], rtol=1e-12
    )
    assert inner(out, out) > 0


def test_slots_hash_and_compare_by_what_they_say() -> None:
    one, other = Slice((slice(0, 2, 1), 3)), Slice((slice(0, 2, 1), 3))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Slice((slice(0, 2, 1), slice(3, 4, 1)))


@pytest.mark.parametrize(
    ("primitive", "types", "error", "text"),
    [
        (
            Slice((0, 0)),
            [np.zeros(3)],
            ShapeError,
            r"slice: 2 slots for the 1 axes of shape \(3,\)",
        ),
        (
            PadSlice((4,), (slice(0, 2, 1),)),
            [np.zeros(3)],
            ShapeError,
            r"pad_slice: a part of shape \(3,\) at a place of shape \(2,\) in shape \(4,\)",
        ),
        (
            SliceSet((0,)),
            [np.zeros(4), np.zeros(3)],
            ShapeError,
            r"slice_set: a part of shape \(3,\) at a place of shape \(\) in shape \(4,\)",
        ),
        (
            Gather((0,), 0),
            [np.zeros(4), np.zeros(3)],
            DTypeError,
            "gather: an index array has dtype float64; indices are integers",
        ),
        (
            Gather((1,), 0),
            [np.zeros(4), np.zeros(3, int)],
            ShapeError,
            r"gather: 1 index arrays for the axes \(1,\) of shape \(4,\)",
        ),
        (
            Gather((0, 1), 0),
            [np.zeros((4, 4)), np.zeros(3, int), np.zeros(2, int)],
            ShapeError,
            r"gather: shapes \(3,\) and \(2,\) do not broadcast",
        ),
        (
            ScatterAdd((4,), Gather((0,), 0)),
            [np.zeros(2), np.zeros(3, int)],
            ShapeError,
            r"scatter_add: values of shape \(2,\) where the indices select \(3,\)",
        ),
        (
            ScatterSet(Gather((0,), 0)),
            [np.zeros(4), np.zeros(2), np.zeros(3, int)],
            ShapeError,
            r"scatter_set: values of shape \(2,\) where the indices select \(3,\)",
        ),
    ],
)
def test_types_that_do_not_fit_are_errors(
    primitive: Primitive, types: list[Value], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        primitive.infer(*map(type_of, types))


@pytest.mark.parametrize("unique", [False, True])
@pytest.mark.parametrize("index", [4, -5])
def test_index_out_of_range_is_an_error(index: int, *, unique: bool) -> None:
    gather = Gather((1,), 1, unique)
    text = f"index {index} is out of range for axis 1 of size 4"
    x, values, indices = np.zeros((2, 4)), np.zeros((2, 2)), np.array([0, index])
    with pytest.raises(IndexingError, match=f"gather: {text}"):
        gather.evaluate(x, indices)
    with pytest.raises(IndexingError, match=text):
        ScatterAdd((2, 4), gather).evaluate(values, indices)
    with pytest.raises(IndexingError, match=text):
        ScatterSet(gather).evaluate(x, values, indices)


def test_a_python_float_may_stand_for_a_double() -> None:
    same(PadSlice((2,), (1,)).evaluate(2.5), np.array([0.0, 2.5]))
    for unique in (False, True):
        add = ScatterAdd((2,), Gather((0,), 0, unique))
        same(add.evaluate(2.5, np.int64(-1)), np.array([0.0, 2.5]))
