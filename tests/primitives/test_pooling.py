"""Max pooling: values against loops, shares at ties, infinities and nan, windows of nothing."""

from __future__ import annotations

import operator
from typing import Final

import numpy as np
import pytest

from pullback.core import apply, constant
from pullback.errors import ShapeError
from pullback.primitives import pooling
from pullback.primitives.pooling import MaxPool, MaxPoolShare
from pullback.primitives.quantity import Value
from pullback.primitives.reduction import Max
from pullback.primitives.windows import Relation
from pullback.types import type_of
from tests.checks import check_adjoint, check_primitive, check_type
from tests.primitives.pointwise import check_single, check_unknown, reals

INF: Final = float("inf")
NAN: Final = float("nan")


def pool(*axes: tuple[int, ...]) -> MaxPool:
    """Max pooling with a window, stride, dilation, padding in front and size for each axis."""
    relations = tuple(Relation(1, -d, s, low, size) for _, s, d, low, size in axes)
    return MaxPool(relations, tuple(axis[0] for axis in axes))


def windows(primitive: MaxPool, x: Value) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
    """The positions of x that each window holds."""
    rank = len(primitive.window)
    sizes = x.shape[-rank:]
    found: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for k in np.ndindex(*(r.size for r in primitive.relations)):
        found[k] = []
        for j in np.ndindex(*primitive.window):
            triples = zip(primitive.relations, k, j, strict=True)
            i = tuple(r.out * a - r.y * b - r.offset for r, a, b in triples)
            if all(0 <= n < size for n, size in zip(i, sizes, strict=True)):
                found[k].append(i)
    return found


#: Poolings and the shape of what they pool.
CASES: Final = {
    "pairs": (pool((2, 2, 1, 0, 3)), (2, 6)),
    "overlapping": (pool((3, 1, 1, 0, 4)), (2, 6)),
    "apart": (pool((2, 4, 1, 0, 2)), (2, 6)),
    "padded": (pool((3, 2, 1, 1, 3)), (2, 6)),
    "padded behind": (pool((3, 2, 1, 0, 3)), (2, 5)),
    "cut": (pool((2, 1, 1, -1, 3)), (2, 6)),
    "dilated": (pool((2, 1, 3, 2, 5)), (2, 6)),
    "of one": (pool((1, 1, 1, 0, 6)), (6,)),
    "of all": (pool((6, 1, 1, 0, 1)), (2, 3, 6)),
    "in the plane": (pool((2, 2, 1, 0, 2), (3, 1, 1, 1, 5)), (2, 4, 5)),
    "in space": (pool((2, 1, 1, 0, 2), (2, 2, 1, 0, 1), (2, 1, 2, 1, 4)), (2, 3, 2, 4)),
    "of no samples": (pool((2, 2, 1, 0, 3)), (0, 6)),
    "of size one": (pool((1, 1, 1, 0, 1)), (1, 1)),
}


@pytest.fixture(autouse=True, params=["whole", "in small blocks"])
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "whole":
        monkeypatch.setattr(pooling, "_BLOCK", 7)


@pytest.mark.parametrize("name", CASES)
def test_pooling_finds_the_largest_and_has_exact_derivatives(name: str) -> None:
    primitive, shape = CASES[name]
    x: Value = np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape) / 3.0
    out = primitive.evaluate(x)
    for k, held in windows(primitive, x).items():
        elements: list[Value] = [x[(..., *i)] for i in held]
        expected = np.max(elements, axis=0)
        np.testing.assert_array_equal(out[(..., *k)], expected)
    check_primitive(primitive, x)
    check_unknown(primitive, x)
    check_single(primitive, x)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("adjoint", [False, True])
def test_the_derivative_of_pooling_is_linear_in_its_first_operand(
    name: str, *, adjoint: bool
) -> None:
    primitive, shape = CASES[name]
    x: Value = np.random.default_rng(0).permutation(int(np.prod(shape))).reshape(shape) / 3.0
    out = primitive.evaluate(x)
    share = MaxPoolShare(primitive.relations, primitive.window, adjoint)
    change = reals((out if adjoint else x).shape, -1, 1)
    check_type(share, change, x, out)
    check_adjoint(share, change, x, out)
    assert share.pushforward(1, x, out, (change, x, out)) is None
    assert share.pullback(2, change, out, (change, x, out), operator.mul) is None


@pytest.mark.parametrize("name", CASES)
def test_ties_share_the_derivative_equally(name: str) -> None:
    primitive, shape = CASES[name]
    x: Value = np.random.default_rng(0).integers(0, 2, shape).astype(float)
    x[x == 0] = -0.0
    out = primitive.evaluate(x)
    bar = reals(out.shape, -1, 1)
    expected = np.zeros(shape)
    for row in np.ndindex(*shape[: -len(primitive.window)]):
        for k, held in windows(primitive, x).items():
            attaining = [i for i in held if x[(*row, *i)] == out[(*row, *k)]]
            for i in attaining:
                expected[(*row, *i)] += bar[(*row, *k)] / len(attaining)
    found: Value = primitive.pullback(0, bar, out, (x,), operator.mul)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    check_adjoint(primitive, x)


def test_a_window_over_everything_pools_as_the_maximum_does() -> None:
    whole, largest = pool((4, 1, 1, 0, 1)), Max((1,))
    for x in ([[1.0, 3, 3, 2], [-INF] * 4, [NAN, 1, NAN, 0], [INF, INF, 0, 1]],):
        value: Value = np.array(x)
        out = whole.evaluate(value)
        np.testing.assert_array_equal(out[:, 0], largest.evaluate(value))
        bar: Value = np.array([1.0, 2.0, 3.0, 4.0])
        found: Value = whole.pullback(0, bar[:, None], out, (value,), operator.mul)
        expected: Value = largest.pullback(0, bar, out[:, 0], (value,), operator.mul)
        np.testing.assert_array_equal(found, expected)
        moved: Value = whole.pushforward(0, np.ones_like(value), out, (value,))
        same: Value = largest.pushforward(0, np.ones_like(value), out[:, 0], (value,))
        np.testing.assert_array_equal(moved[:, 0], same)


def test_padding_is_never_the_largest() -> None:
    x: Value = np.array([-INF, -2.0, -1.0])
    primitive = pool((2, 1, 1, 1, 4))
    np.testing.assert_array_equal(primitive.evaluate(x), [-INF, -2, -1, -1])
    bar: Value = np.array([1.0, 2.0, 4.0, 8.0])
    found: Value = primitive.pullback(0, bar, primitive.evaluate(x), (x,), operator.mul)
    np.testing.assert_array_equal(found, [1.0, 2.0, 12.0])
    for dtype in ("i1", "i8", "u2", "?"):
        least: Value = np.zeros(3, dtype) if dtype[0] in "u?" else np.full(3, -128, dtype)
        check_type(primitive, least)
        np.testing.assert_array_equal(primitive.evaluate(least), np.append(least, least[0]))


def test_an_infinite_cotangent_is_not_felt_where_it_was_not_selected() -> None:
    x: Value = np.array([1.0, 2.0, 4.0, 3.0])
    primitive = pool((2, 2, 1, 0, 2))
    out = primitive.evaluate(x)
    bar: Value = np.array([INF, NAN])
    found: Value = primitive.pullback(0, bar, out, (x,), operator.mul)
    np.testing.assert_array_equal(found, [0, INF, NAN, 0])


def test_memory_layout_does_not_matter() -> None:
    x = reals((6, 5, 4), -1, 1)
    primitive = pool((2, 2, 1, 0, 2), (2, 1, 1, 0, 4))
    others: list[Value] = [np.asfortranarray(x), x[::-1, ::-1].copy()[::-1, ::-1]]
    for same in others:
        np.testing.assert_array_equal(primitive.evaluate(same), primitive.evaluate(x))
        out = primitive.evaluate(x)
        bars: list[Value] = [primitive.pullback(0, out, out, (v,), operator.mul) for v in (x, same)]
        np.testing.assert_array_equal(*bars)


@pytest.mark.parametrize("axis", [(2, 1, 1, 2, 6), (2, 1, 1, 0, 6), (1, 3, 1, 1, 2)])
def test_a_window_that_holds_padding_only_is_refused(axis: tuple[int, ...]) -> None:
    with pytest.raises(
        ShapeError, match=r"max_pool: a window on axis 1 of x, shape \(2, 4\), holds"
    ):
        pool(axis).infer(type_of(np.zeros((2, 4))))


def test_shapes_of_a_share_that_do_not_fit_are_refused() -> None:
    x = constant(np.zeros((2, 4)))
    share = MaxPoolShare((Relation(1, -1, 2, 0, 2),), (2,))
    for change, out in ((x, x), (x, constant(np.zeros((2, 3))))):
        with pytest.raises(ShapeError, match=r"max_pool_share: shapes .* do not fit the pooling"):
            share.infer(change.type, x.type, out.type)
    assert apply(share, x, x, constant(np.zeros((2, 2)))).shape == (2, 2)
