"""Sums of products by subscripts, against NumPy's einsum."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.api.einsum import Optimize, einsum
from pullback.core import Array, constant, topological
from pullback.errors import ShapeError
from pullback.primitives.quantity import Value
from tests.api.agreement import DTYPES, check_agreement, distinct, sample
from tests.checks import check_function, pullback_of

Shape = tuple[int, ...]

CASES: Final[list[tuple[str, list[Shape]]]] = [
    # one operand
    ("->", [()]),
    ("i", [(3,)]),
    ("ij", [(2, 3)]),
    ("ji", [(2, 3)]),
    ("ij->ji", [(2, 3)]),
    ("ij->", [(2, 3)]),
    ("ij->j", [(2, 3)]),
    ("ii", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("iij->j", [(2, 2, 3)]),
    ("iji->ij", [(2, 3, 2)]),
    ("iijj->ij", [(2, 2, 3, 3)]),
    ("ijij->ji", [(2, 3, 2, 3)]),
    ("iii->i", [(2, 2, 2)]),
    ("iijii", [(2, 2, 3, 2, 2)]),
    ("...", [(2, 3)]),
    ("...ij->...ji", [(4, 2, 3)]),
    ("i...->...", [(3, 2)]),
    ("i...i->...", [(3, 2, 3)]),
    ("...i->i...", [(4, 2, 3)]),
    ("...->...", [()]),
    ("ii->", [(0, 0)]),
    # two operands
    (",", [(), ()]),
    (",i", [(), (3,)]),
    ("i,i", [(3,), (3,)]),
    ("i,i->i", [(3,), (3,)]),
    ("i,j", [(2,), (3,)]),
    ("i,j->ji", [(2,), (3,)]),
    ("ij,jk", [(2, 3), (3, 2)]),
    ("ij,jk->ki", [(2, 3), (3, 2)]),
    ("ij,ij->", [(2, 3), (2, 3)]),
    ("ij,kj->k", [(2, 3), (4, 3)]),
    ("ij,kl->", [(2, 3), (4, 2)]),
    ("ij,k->i", [(2, 3), (4,)]),
    ("bij,bjk->bik", [(2, 2, 3), (2, 3, 2)]),
    ("ii,ij->j", [(3, 3), (3, 2)]),
    ("ij,jj->i", [(2, 3), (3, 3)]),
    ("ii,ii->", [(3, 3), (3, 3)]),
    ("...ij,...jk", [(4, 2, 3), (5, 1, 3, 2)]),
    ("...ij,jk->...ik", [(5, 4, 2, 3), (3, 2)]),
    ("i...,...i->...", [(3, 2, 2), (2, 2, 3)]),
    ("...,...", [(2, 1), (1, 3)]),
    ("ij,jk->ik", [(2, 1), (3, 2)]),
    ("ij,jk->ijk", [(2, 3), (1, 2)]),
    ("ij,jk->ik", [(2, 1), (1, 2)]),
    ("ii,i->i", [(1, 1), (3,)]),
    ("i,ii->i", [(3,), (1, 1)]),
    ("ij,jk->ik", [(2, 0), (0, 3)]),
    ("ij,jk->ik", [(2, 1), (0, 3)]),
    # more operands
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]),
    ("i,ij,j", [(2,), (2, 3), (3,)]),
    ("i,i,i->i", [(3,), (3,), (3,)]),
    ("i,i,i", [(3,), (3,), (3,)]),
    ("i,j,k->kji", [(2,), (3,), (2,)]),
    ("ij,ik,il->jkl", [(2, 3), (2, 2), (2, 3)]),
    ("ij,jk,ki", [(2, 3), (3, 2), (2, 2)]),
    ("bi,bj,ijk,b->bk", [(2, 3), (2, 2), (3, 2, 2), (2,)]),
    ("...i,ij,...j->...", [(4, 2), (2, 3), (4, 3)]),
    (",,i->i", [(), (), (3,)]),
    ("ij,jk,kl->", [(2, 1), (3, 2), (1, 2)]),
    ("ab,bc,cd,de,ef->af", [(2, 2)] * 5),
    ("Aa,aA->Aa", [(2, 3), (3, 2)]),
    ("bA", [(2, 3)]),
]


def filled(shapes: list[Shape], dtype: str = "f8") -> list[Value]:
    return [np.asarray(distinct(s, dtype, seed=i))[()] for i, s in enumerate(shapes)]


# ------------------------------------------------------------------------------ values, derivatives


@pytest.mark.parametrize(("subscripts", "shapes"), CASES)
def test_einsum_has_numpys_value_and_exact_derivatives(
    subscripts: str, shapes: list[Shape]
) -> None:
    values = filled(shapes)
    check_agreement(
        lambda *x: einsum(subscripts, *x), lambda *x: np.einsum(subscripts, *x), *values, rtol=1e-13
    )
    check_function(lambda *x: einsum(subscripts, *x), *values)


@pytest.mark.parametrize(("subscripts", "shapes"), CASES)
def test_complex_and_real_operands_mix(subscripts: str, shapes: list[Shape]) -> None:
    first, *rest = filled(shapes)
    for values in ([first * (1 + 2j), *rest], [first, *(x * (2 - 1j) for x in rest)]):
        check_function(lambda *x: einsum(subscripts, *x), *values)
        expected = np.einsum(subscripts, *values)
        np.testing.assert_allclose(einsum(subscripts, *values)._value, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("i->", [(9,)]),
        ("ii->", [(3, 3)]),
        ("i,j->", [(9,), (2,)]),
        ("ij,jk->ik", [(2, 3), (3, 2)]),
        ("i,i->i", [(3,), (1,)]),
        (",i->i", [(), (3,)]),
    ],
)
def test_every_pair_of_dtypes_promotes_as_numpys(subscripts: str, shapes: list[Shape]) -> None:
    for dtypes in itertools.product(DTYPES, repeat=len(shapes)):
        values = [sample(s, d, seed=5) for s, d in zip(shapes, dtypes, strict=True)]
        check_agreement(
            lambda *x: einsum(subscripts, *x),
            lambda *x: np.einsum(subscripts, *x),
            *values,
            rtol=1e-6,
        )


def test_small_integers_wrap_as_numpys() -> None:
    x = np.full(3, 100, np.int8)
    assert einsum("i->", x)._value == np.einsum("i->", x) == 44
    assert einsum("i->", x).dtype == np.int8
    assert einsum("i,j->", x, np.array([1]))._value == 300


def test_python_numbers_count_as_arrays() -> None:
    single = np.ones(2, np.float32)
    assert einsum(",i->i", 2.0, single).dtype == np.einsum(",i->i", 2.0, single).dtype
    assert einsum("->", 3).dtype == np.int64


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, list[Shape]]:
    """Subscripts that fit shapes: repeated labels, ellipses, size 1 in place of others."""
    sizes = {label: draw(st.integers(0, 3)) for label in "abcdA"}
    wide = draw(st.lists(st.integers(1, 3), max_size=2))
    parts, shapes = [], []
    for _ in range(draw(st.integers(1, 4))):
        labels = draw(st.lists(st.sampled_from("abcdA"), max_size=4))
        stretch = {label for label in labels if draw(st.integers(0, 5)) == 0}
        shape = [1 if label in stretch else sizes[label] for label in labels]
        if draw(st.booleans()):
            place, first = draw(st.integers(0, len(labels))), draw(st.integers(0, len(wide)))
            own = [draw(st.sampled_from([1, n])) for n in wide[first:]]
            labels.insert(place, "...")
            shape[place:place] = own
        parts.append("".join(labels))
        shapes.append(tuple(shape))
    text = ",".join(parts)
    if draw(st.booleans()):
        known = sorted(set(text) & set("abcdA"))
        kept = draw(st.lists(st.sampled_from(known), unique=True)) if known else []
        if "..." in text:
            kept.insert(draw(st.integers(0, len(kept))), "...")
        text += "->" + "".join(kept)
    return text, shapes


@settings(max_examples=400, deadline=None)
@given(calls(), st.sampled_from([True, False, "optimal"]))
def test_any_subscripts_give_numpys_sum(call: tuple[str, list[Shape]], optimize: Optimize) -> None:
    subscripts, shapes = call
    values = filled(shapes)
    expected = np.einsum(subscripts, *values)
    result = einsum(subscripts, *values, optimize=optimize)._value
    assert np.shape(result) == np.shape(expected)
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(calls())
def test_any_subscripts_have_exact_derivatives(call: tuple[str, list[Shape]]) -> None:
    subscripts, shapes = call
    check_function(lambda *x: einsum(subscripts, *x), *filled(shapes), order=1, atol=1e-6)


def test_an_operand_may_stand_twice() -> None:
    x = distinct((3, 3))
    check_function(lambda x: einsum("ij,jk,ki->", x, x, x), x)


def test_a_diagonal_ignores_what_lies_beside_it() -> None:
    x = np.array([[1.0, np.nan], [np.inf, 2.0]])
    assert einsum("ii->i", x)._value.tolist() == [1, 2]
    (bar,) = pullback_of(lambda x: einsum("ii->", x), [x], np.float64(3))
    assert bar.tolist() == [[3, 0], [0, 3]]


# -------------------------------------------------------------------------------- forms of the call


def test_labels_may_be_lists_of_integers() -> None:
    x, y = distinct((2, 3)), distinct((3, 4))
    wide = distinct((5, 2, 3))
    calls: list[tuple[object, ...]] = [
        (x, [0, 1], y, [1, 2], [2, 0]),
        (x, [0, 1], y, [1, 2]),
        (x, [7, 3]),
        (x, (1, 0)),
        (wide, [..., 0, 1], y, [1, 2], [..., 2]),
        (wide, [0, ...], [..., 0]),
        (x, [0, 1], []),
    ]
    for call in calls:
        given: Value = call
        np.testing.assert_allclose(einsum(*given)._value, np.einsum(*given), rtol=1e-14)


def test_spaces_mean_nothing() -> None:
    x = distinct((2, 3))
    assert np.array_equal(einsum(" i j -> j i ", x)._value, x.T)


def test_the_order_of_contraction_avoids_the_large_intermediate() -> None:
    vector, wide = constant(np.ones(50)), constant(np.ones((50, 50)))

    def largest(optimize: Optimize) -> int:
        sizes: list[int] = []

        def f(x: Array) -> Array:
            out = einsum("i,j,ij->", x, vector, wide, optimize=optimize)
            sizes.extend(int(np.prod(node.shape)) for node in topological([out]) if node.operands)
            return out

        bars = pullback_of(f, [np.ones(50)], np.float64(1))
        assert np.array_equal(bars[0], np.full(50, 50.0))
        return max(sizes)

    assert largest(optimize=True) == largest(optimize="optimal") == 50
    assert largest(optimize=["einsum_path", (0, 2), (0, 1)]) == 50
    assert largest(optimize=False) == 2500


def test_more_labels_than_letters_contract_from_left_to_right() -> None:
    x = distinct((1,) * 30)
    first, second, third = (list(range(n, n + 30)) for n in (0, 20, 40))
    result = einsum(x, first, x, second, x, third, [0])
    assert result.shape == (1,)
    np.testing.assert_allclose(result._value, x.ravel() ** 3, rtol=1e-14)


# ------------------------------------------------------------------------------------------- errors

MISTAKES: Final[list[tuple[str, list[Shape], str]]] = [
    (
        "ij,jk",
        [(2, 3), (4, 5)],
        (
            r"einsum: sizes of 'j' differ: 3 \(axis 1 of operand 0, shape \(2, 3\)\) "
            r"and 4 \(axis 0 of operand 1, shape \(4, 5\)\)"
        ),
    ),
    ("ii", [(2, 3)], r"sizes of 'i' differ: 2 \(axis 0 of operand 0.* and 3 \(axis 1 of operand 0"),
    ("ii->i", [(1, 3)], r"einsum: sizes of 'i' differ: 1 \(axis 0 of operand 0"),
    ("ii->i", [(3, 1)], r"einsum: sizes of 'i' differ: 3 \(axis 0 of operand 0"),
    ("a,aa", [(3,), (1, 3)], r"einsum: sizes of 'a' differ: 1 \(axis 0 of operand 1"),
    ("i,ii->i", [(3,), (3, 1)], r"einsum: sizes of 'i' differ: 3 \(axis 0 of operand"),
    ("i,ii->i", [(3,), (1, 3)], r"einsum: sizes of 'i' differ: "),
    ("...,...", [(2,), (3,)], r"einsum: sizes of '...' differ: 2"),
    ("ij->ik", [(2, 3)], r"einsum: label 'k' of the result 'ik' stands in no operand"),
    ("ij->ii", [(2, 3)], r"einsum: label 'i' stands 2 times in the result 'ii'"),
    ("ij,jk", [(2, 3)], r"einsum: subscripts for 2 operands, but 1 operand"),
    ("ij", [(2, 3), (3, 2)], r"einsum: subscripts for 1 operands, but 2 operands"),
    ("ij", [(2,)], r"einsum: operand 0 has 1 axes \(shape \(2,\)\), its subscripts 'ij' are for 2"),
    (
        "i,i",
        [(2,), (2, 3)],
        r"einsum: operand 1 has 2 axes \(shape \(2, 3\)\), its subscripts 'i' are for 1",
    ),
    (
        "ij...",
        [(2,)],
        r"einsum: operand 0 has 1 axes \(shape \(2,\)\), its subscripts 'ij...' are for 2",
    ),
    ("...i->i", [(2, 3)], r"einsum: '...' has 1 axes, the result 'i' no '...' for them"),
    ("i-j", [(2,)], r"einsum: cannot read 'i-j' in subscripts 'i-j': expected letters"),
    ("i->j->i", [(2,)], r"einsum: cannot read 'j->i'"),
    ("i1", [(2, 2)], r"einsum: cannot read 'i1'"),
    ("i..", [(2,)], r"einsum: cannot read 'i..'"),
    ("...i...", [(2,)], r"einsum: cannot read '...i...'"),
    ("i->j,k", [(2,)], r"einsum: cannot read 'j,k'"),
]


@pytest.mark.parametrize(("subscripts", "shapes", "message"), MISTAKES)
def test_mistakes_in_subscripts_are_named(
    subscripts: str, shapes: list[Shape], message: str
) -> None:
    values = [np.ones(shape) for shape in shapes]
    with pytest.raises(ValueError, match=r"."):
        np.einsum(subscripts, *values)
    with pytest.raises(ShapeError, match=message):
        einsum(subscripts, *values)


BAD_LISTS: Final[list[Callable[[], Array]]] = [
    lambda: einsum(np.ones(2), "i"),
    lambda: einsum(np.ones((2, 2)), [..., ...]),
    lambda: einsum(np.ones(2), [0.5]),
    lambda: einsum(np.ones(2)),
    einsum,
]


@pytest.mark.parametrize("call", BAD_LISTS)
def test_mistakes_in_lists_of_labels_are_named(call: Callable[[], Array]) -> None:
    with pytest.raises(ShapeError, match=r"einsum: cannot read subscripts|einsum: no operands"):
        call()


def test_labels_that_are_integers_are_named_as_such() -> None:
    with pytest.raises(ShapeError, match=r"einsum: sizes of 5 differ: 3 .* and 4"):
        einsum(np.ones((2, 3)), [0, 5], np.ones((4, 5)), [5, 1])
    with pytest.raises(ShapeError, match=r"label 9 of the result \[9\] stands in no operand"):
        einsum(np.ones(2), [0], [9])
