"""Batching rules: one row for each primitive, batches of batches, indices, searching in rows.

The tables of the other files are checked for batches too, by `check_type` and `check_primitive`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import pytest

from pullback.core import Array, Trace, constant, make_node, topological
from pullback.errors import DTypeError, IndexingError
from pullback.primitives import bundle
from pullback.primitives.arithmetic import Divide
from pullback.primitives.cast import Cast
from pullback.primitives.comparison import Less
from pullback.primitives.complex import Conjugate, Imag, Real
from pullback.primitives.contraction import Contract
from pullback.primitives.convolution import Convolve
from pullback.primitives.cumulative import Cumprod, Cumsum, Recurrence
from pullback.primitives.elementwise import Elementwise
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.hyperbolic import Acosh
from pullback.primitives.identity import Input, StopGradient
from pullback.primitives.joining import Concat
from pullback.primitives.pooling import MaxPool, MaxPoolShare
from pullback.primitives.power import IntegerPower
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.reduction import (
    All,
    Any,
    Argmax,
    Argmin,
    Logsumexp,
    Max,
    Min,
    Prod,
    Softmax,
)
from pullback.primitives.rounding import Round
from pullback.primitives.scatter import ScatterExtreme, ScatterSet
from pullback.primitives.selection import MultiplyNoNan, Where
from pullback.primitives.shape import BroadcastTo, Flip, Reshape, Sum, Transpose
from pullback.primitives.slicing import PadSlice, Slice, SliceSet
from pullback.primitives.solve import Solve
from pullback.primitives.sorting import ArgSort, SearchSorted, Sort
from pullback.primitives.special import Polygamma
from pullback.primitives.windows import Relation
from pullback.types import ArrayType, type_of
from tests.checks import check_batch, check_batch_of, check_close, pullback_of, varied
from tests.primitives.classes import concrete_primitives, operand_count, pointwise_primitives
from tests.primitives.pointwise import complexes, pairs, reals

X: Final = reals((2, 3), 0.1, 0.9)
V: Final = reals((3,), 0.1, 0.9, seed=1)
Z: Final = complexes((2, 3), 0.1, 0.9)
N: Final = np.arange(1, 7).reshape(2, 3)
#: Windows of 2 that move by 1, along an axis of 3.
PAIRS: Final = (Relation(1, -1, 1, 0, 2),)
ROWS: Final[list[tuple[Primitive, tuple[Value, ...]]]] = [
    (Acosh(), (X + 2,)),
    (All((0,)), (N > 3,)),
    (Any((0, 1)), (N > 3,)),
    (ArgSort(1, descending=True), (X,)),
    (Argmax(0), (X,)),
    (Argmin(1), (X,)),
    (BroadcastTo((2, 2, 3)), (V,)),
    (BroadcastTo((2, 3)), (np.float64(2),)),
    (Cast(np.dtype("f4")), (X,)),
    (Cast(np.dtype("f4")), (Z,)),
    (Concat(0, (0, 2, 4)), (X, Z)),
    (Concat(1, (0, 3, 6, 9)), (X, N, X)),
    (Conjugate(), (Z,)),
    (Contract((0, 1), (1,), (0,)), (X, V)),
    (Contract((4, 1), (4, 1), (1, 4)), (X, Z)),
    (Contract((0, 1), (1, 2), (0, 2), no_nan=True), (X - X[:1], X.T * np.inf)),
    (Contract((), (0,), (0,)), (np.float64(2), V)),
    (Convolve((0,), (0,), (0,), PAIRS), (X, Z[:, :2])),
    (Convolve((0,), (1,), (0, 1), PAIRS, no_nan=True), (X, X[:, 1:] - X[0, 1])),
    (Cumprod(1), (X,)),
    (Cumsum(0, reverse=True), (X,)),
    (Flip((1,)), (X,)),
    (Gather((1,), 1), (X, np.array([2, -3, 0, 0]))),
    (Imag(), (Z,)),
    (Input("x"), (X,)),
    (IntegerPower(2), (np.bool_(True),)),
    (IntegerPower(3), (X,)),
    (Logsumexp((0,)), (X,)),
    (Max((1,)), (X,)),
    (MaxPool(PAIRS, (2,)), (X,)),
    (MaxPoolShare(PAIRS, (2,)), (X, X, np.maximum(X[:, 1:], X[:, :2]))),
    (MaxPoolShare(PAIRS, (2,), adjoint=True), (X[:, 1:], X, np.maximum(X[:, 1:], X[:, :2]))),
    (Min((0, 1)), (X,)),
    (MultiplyNoNan(symmetric=True), (X - X[:1], V * np.inf)),
    (PadSlice((4, 3), (slice(3, None, -2), slice(0, 3, 1))), (X,)),
    (Polygamma(1), (X,)),
    (Prod((0,)), (X,)),
    (Real(), (Z,)),
    (Recurrence(1, reverse=True), (X, Z.real)),
    (Reshape((3, 1, 2)), (X,)),
    (Round(1), (X,)),
    (ScatterAdd((3, 2), Gather((0,), 1)), (X, np.array([2, -3, 0]))),
    (ScatterExtreme(Gather((1,), 0), least=True), (X, X.T, np.array([1, -1, 1]))),
    (ScatterSet(Gather((1,), 1)), (X, X, np.array([1, -1, 1]))),
    (Slice((1, slice(2, None, -1))), (X,)),
    (SliceSet((slice(0, 2, 1), 1)), (X, X[:, 0])),
    (Softmax((1,)), (X,)),
    (Solve(), (X[:, :2] + 2 * np.eye(2), X)),
    (Sort(0, descending=False), (X,)),
    (StopGradient(), (X,)),
    (Sum((0,)), (X,)),
    (Transpose((1, 0)), (X,)),
    (Where(), (N > 3, X, V)),
    (Where(), (np.bool_(True), V, np.float64(2))),
    (Where(), (V > 0.5, 1.0, X)),
]


LISTED: Final = {type(primitive) for primitive, _ in ROWS}
POINTWISE: Final = [p for p in pointwise_primitives() if type(p) not in LISTED]
#: What the pointwise primitives are given, those of one operand and those of two.
UNARY: Final = [(x,) for x in (X, X[0, 0], N, Z, V.astype("f4"), N > 3)]
BINARY: Final = [*pairs(0.1, 0.9), (N, N[0]), (N, X), (N > 3, V > 0.5), (Z, V.astype("c8"))]


def name(primitive: Primitive) -> str:
    return primitive.name


def defined(primitive: Primitive, operands: Sequence[Value]) -> bool:
    """Return whether the primitive takes operands of these dtypes."""
    try:
        primitive.infer(*map(type_of, operands))
    except DTypeError:
        return False
    return True


def test_every_primitive_is_checked() -> None:
    checked = LISTED | {type(p) for p in POINTWISE} | {SearchSorted}
    missing = [p for p in concrete_primitives() if p not in checked]
    assert all(p.__module__ == bundle.__name__ for p in missing), missing


@pytest.mark.parametrize(("primitive", "operands"), ROWS)
def test_a_batch_has_the_results_of_its_elements(
    primitive: Primitive, operands: tuple[Value, ...]
) -> None:
    check_batch(primitive, *operands)


@pytest.mark.parametrize("primitive", POINTWISE, ids=name)
def test_a_pointwise_batch_has_the_results_of_its_elements(primitive: Elementwise) -> None:
    rows = UNARY if operand_count(primitive) == 1 else BINARY
    taken = [operands for operands in rows if defined(primitive, operands)]
    assert taken
    for operands in taken:
        check_batch(primitive, *operands)


# ------------------------------------------------------------------------------ batches of batches


@np.errstate(invalid="ignore")  # inf - inf
@pytest.mark.parametrize(("primitive", "operands"), [*ROWS, (Divide(), (X, V)), (Less(), (V, X))])
def test_a_batch_of_batches_has_the_batches_of_its_elements(
    primitive: Primitive, operands: tuple[Value, ...]
) -> None:
    strong = [(False,) if isinstance(v, float) else (False, True) for v in operands]
    for inner, outer in itertools.product(itertools.product(*strong), repeat=2):
        if any(inner) and any(outer):
            rows = [varied(v, 3) if flag else v for v, flag in zip(operands, inner, strict=True)]
            whole = [varied(v, 2) if flag else v for v, flag in zip(rows, outer, strict=True)]
            out = batch_of_batches(primitive, rows, whole, inner, outer)
            for i, result in enumerate(out):
                each = tuple(v[i] if flag else v for v, flag in zip(whole, outer, strict=True))
                check_close(result, primitive.batch(each, inner, 3))


def batch_of_batches(
    primitive: Primitive,
    rows: Sequence[Value],
    whole: Sequence[Value],
    inner: tuple[bool, ...],
    outer: tuple[bool, ...],
) -> Value:
    """Return the batch, over the ``outer`` operands, of the graph that the rule makes."""
    trace = Trace()
    nodes: list[Value] = [make_node(type_of(v), Input(), (), frozenset({trace})) for v in rows]
    root: Value = primitive.batch(tuple(nodes), inner, 3)
    found: dict[Array, tuple[Value, bool]] = dict(
        zip(nodes, zip(whole, outer, strict=True), strict=True)
    )
    for node in topological([root]):
        if node in found:
            continue
        if node.primitive is None:
            found[node] = node._value, False
            continue
        values, flags = zip(*(found[operand] for operand in node.operands), strict=True)
        if any(flags):
            found[node] = node.primitive.batch(values, flags, 2), True
        else:
            found[node] = node.primitive.evaluate(*values), False
    result, flag = found[root]
    assert flag
    return result


# ------------------------------------------------------------------------------------------ indices

#: An index of rank 0 for each of three elements, and the sizes of three axes.
INDEX: Final[Value] = np.array([2, -3, 2])
CUBE: Final = reals((3, 3, 3), -1, 1)


@pytest.mark.parametrize("dtype", ["i8", "f4", "c16"])
@pytest.mark.parametrize("flags", [(False, True), (True, False), (True, True)])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_each_element_may_have_its_own_index(
    axis: int, position: int, flags: tuple[bool, bool], dtype: str
) -> None:
    at = Gather((axis,), position)
    x = (CUBE * 8).astype(dtype)
    part = at.evaluate(x, INDEX[0]) * 2
    whole, parts = (varied(v, 3) if flags[0] else v for v in (x, part))
    index = INDEX if flags[1] else INDEX[0]
    check_batch_of(at, [whole, index], flags, 3)
    check_batch_of(ScatterAdd(x.shape, at), [parts, index], flags, 3)
    check_batch_of(ScatterSet(at), [x, parts, index], (False, *flags), 3)
    if dtype != "c16":
        check_batch_of(
            ScatterExtreme(at, least=True), [whole, part, index], (flags[0], False, flags[1]), 3
        )


def test_index_arrays_of_different_ranks_line_up_behind_the_batch() -> None:
    at = Gather((0, 2), 1)
    rows, columns = np.array([[0], [-1]]), np.array([1, 1, -2])
    for flags in itertools.product((False, True), repeat=3):
        if any(flags):
            values = (CUBE, columns, rows)
            operands = [varied(v, 4) if f else v for v, f in zip(values, flags, strict=True)]
            check_batch_of(at, operands, flags, 4)


def test_an_element_selected_by_several_of_a_batch_gathers_all_their_cotangents() -> None:
    at = Gather((0,), 0, unique=True)
    indices: Value = constant(np.array([[0, 2], [2, 1], [2, 0]]))

    def select(x: Value) -> Value:
        return at.batch((x, indices), (False, True), 3)

    (bar,) = pullback_of(select, [V], np.array([[1.0, 2.0], [4.0, 8.0], [16.0, 32.0]]))
    np.testing.assert_array_equal(bar, [33.0, 8.0, 22.0])


def test_a_batch_keeps_the_selection_unique_where_each_has_its_own_elements() -> None:
    at = Gather((0,), 0, unique=True)
    indices: Value = np.array([[0, 2]])
    for flags in ([True], [False]):
        batched, _, _ = at.in_batch([indices], flags, 1)
        assert batched.unique


def test_an_index_out_of_range_is_named_in_a_batch_too() -> None:
    indices: Value = np.array([0, 2, 1])
    with pytest.raises(IndexingError, match="gather: index 2 is out of range for axis 1 of size 2"):
        Gather((0,), 0).batch((X.T, indices), (True, True), 3)


# ------------------------------------------------------------------------- searching, weak results


def in_order(x: Value) -> Value:
    return np.sort(x, -1)


RNG: Final = np.random.default_rng(0)
NANS: Final = np.array([0.5, np.nan, -np.inf, np.inf, 1.0, -0.0, 0.5, np.nan])
COMPLEX_NANS: Final[Value] = np.array([complex(x, y) for x in NANS[:5] for y in NANS[:5]])
#: Sorted arrays, one in each row, and values for each.
SEARCHES: Final[list[tuple[Value, Value]]] = [
    (in_order(RNG.integers(0, 5, (4, 7))), RNG.integers(-1, 6, (4, 2, 3))),
    (in_order(RNG.integers(0, 5, (4, 8)).astype("u1")), RNG.uniform(-1, 6, (4, 9))),
    (in_order(RNG.standard_normal((3, 1))), RNG.standard_normal(3)),
    (in_order(RNG.permuted(np.tile(NANS, (3, 1)), axis=1)), np.tile(NANS, (3, 1))),
    (in_order(np.tile(NANS[:4].astype("f4"), (2, 1))), np.tile(NANS, (2, 1))),
    (in_order(np.stack([COMPLEX_NANS, COMPLEX_NANS.conj()])), np.stack([COMPLEX_NANS] * 2)),
    (np.zeros((3, 0)), np.ones((3, 2))),
    (np.zeros((3, 2)), np.ones((3, 0))),
    (np.zeros((0, 2)), np.ones((0, 2))),
    (np.zeros((0, 0)), np.ones(0)),
]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("x", "values"), SEARCHES)
def test_each_row_is_searched_as_numpy_searches_one(
    x: Value, values: Value, side: Literal["left", "right"]
) -> None:
    primitive, size = SearchSorted(side), len(x)
    check_batch_of(primitive, [x, values], (True, True), size)
    for row, found in zip(x, values, strict=True):
        check_batch_of(primitive, [x, found], (True, False), size)
        check_batch_of(primitive, [row, values], (False, True), size)


@pytest.mark.parametrize("flags", [(True, True), (True, False), (False, True)])
def test_rows_of_rows_are_searched_for_their_values(flags: tuple[bool, bool]) -> None:
    x, values = in_order(RNG.standard_normal((2, 3, 5))), RNG.standard_normal((2, 3, 4))
    operands = [v if flag else v[0] for v, flag in zip((x, values), flags, strict=True)]
    check_batch_of(SearchSorted("left", rows=1), operands, flags, 2)


def test_a_batch_of_numbers_made_weak_has_their_dtype() -> None:
    out = Cast(np.dtype("f8"), weak=True).batch((V.astype("f4"),), (True,), 3)
    assert type_of(out) == ArrayType((3,), np.dtype("f8"))
