"""The contraction: values against einsum, derivatives, and the form below a selection."""

from __future__ import annotations

import itertools
import pickle
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback.core import apply, constant
from pullback.errors import ShapeError
from pullback.primitives.contraction import Contract, contraction
from pullback.primitives.contraction_plan import Labels
from pullback.primitives.primitive import PLAIN_PRODUCT
from pullback.primitives.quantity import Value
from pullback.primitives.selection import MultiplyNoNan
from tests.api.agreement import DTYPES, sample
from tests.checks import check_adjoint, check_primitive, check_type
from tests.primitives.pointwise import check_single, check_unknown, complexes, reals

INF: Final = float("inf")
NAN: Final = float("nan")

#: Contractions of each kind: the matrix products, their adjoints, and tensors in awkward orders.
SPECS: Final = [
    "i,i->",
    "i,ij->j",
    "ij,j->i",
    "ij,jk->ik",
    "ji,jk->ik",
    "ij,kj->ki",
    "i,j->ij",
    "i,j->ji",
    ",->",
    ",ij->ij",
    "ij,->ij",
    "ij,ij->",
    "ij,ji->",
    "ij,ij->ij",
    "ij,ji->ji",
    "bi,bi->b",
    "bij,bjk->bik",
    "bij,jk->bik",
    "ij,bjk->bik",
    "bij,j->bi",
    "ibj,kjb->kib",
    "abij,acjk->acbik",
    "abc,dcb->ad",
    "aib,cbjd->cjaid",
    "abij,jk->abik",
    "ij,abjk->abik",
    "acij,abjk->acbik",
]


def contract(spec: str, *, no_nan: bool = False, symmetric: bool = False) -> Contract:
    """The contraction that subscripts describe."""
    x, y, out = (tuple(map(ord, part)) for part in spec.replace("->", ",").split(","))
    return contraction(x, y, out, no_nan=no_nan, symmetric=symmetric)


def shapes(spec: str, sizes: str = "31422231") -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of the operands, one size for each label in alphabetical order."""
    size = dict(zip(sorted(set(spec) - set(",->")), map(int, sizes), strict=False))
    x, y = spec.partition("->")[0].split(",")
    return tuple(size[label] for label in x), tuple(size[label] for label in y)


def operands(spec: str, sizes: str = "23423222") -> tuple[Value, Value]:
    """Real operands."""
    x, y = shapes(spec, sizes)
    return reals(x, -1, 1), reals(y, -1, 1, seed=1)


# ------------------------------------------------------------------------------ values, derivatives


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("sizes", ["23423222", "11111111", "31131331", "03202030"])
def test_a_contraction_has_einsums_value_and_exact_derivatives(spec: str, sizes: str) -> None:
    x, y = operands(spec, sizes)
    check_primitive(contract(spec), x, y)
    check_primitive(contract(spec, no_nan=True), x, y)
    np.testing.assert_allclose(contract(spec).evaluate(x, y), np.einsum(spec, x, y), atol=1e-14)


@pytest.mark.parametrize("spec", SPECS)
def test_complex_and_mixed_operands_have_exact_derivatives(spec: str) -> None:
    x_shape, y_shape = shapes(spec)
    x, y = complexes(x_shape, -1, 1), complexes(y_shape, -1, 1, seed=2)
    for a, b in ((x, y), (x.real, y), (x, y.real)):
        a, b = a[()], b[()]  # noqa: PLW2901 - of rank 0, a scalar
        check_primitive(contract(spec), a, b)
        np.testing.assert_allclose(contract(spec).evaluate(a, b), np.einsum(spec, a, b), atol=1e-14)


@pytest.mark.parametrize("spec", SPECS)
def test_single_precision_stays_single(spec: str) -> None:
    check_single(contract(spec), *operands(spec))
    check_single(contract(spec), *(x + 1j * x for x in operands(spec)))


@pytest.mark.parametrize("spec", ["ij,jk->ik", "i,i->", "i,j->ij", "bij,bjk->bik", ",i->i"])
def test_every_pair_of_dtypes_promotes_as_in_einsum(spec: str) -> None:
    for a, b in itertools.product(DTYPES, repeat=2):
        x, y = (sample(s, d) for s, d in zip(shapes(spec), (a, b), strict=True))
        expected = np.einsum(spec, x, y)
        check_type(contract(spec), x, y)
        check_adjoint(contract(spec), x, y)
        actual = contract(spec).evaluate(x, y)
        assert actual.dtype == expected.dtype
        np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_an_integer_operand_gets_no_cotangent() -> None:
    x: Value = np.ones((2, 3))
    y: Value = np.ones((3, 2), int)
    bar: Value = np.ones((2, 2))
    primitive = contract("ij,jk->ik")
    assert primitive.pullback(1, bar, bar, (x, y), PLAIN_PRODUCT) is None
    found = primitive.pullback(0, bar, bar, (x, y), PLAIN_PRODUCT)
    assert np.array_equal(np.asarray(found), np.full((2, 3), 2.0))


@st.composite
def contractions(draw: st.DrawFn) -> tuple[Labels, Labels, Labels, list[int]]:
    """Labels of x, y and the result, each in at least two of them, in any order; and sizes."""
    roles = draw(st.lists(st.sampled_from(["xy", "xo", "yo", "xyo"]), max_size=6))
    parts = [[n for n, role in enumerate(roles) if part in role] for part in "xyo"]
    x, y, out = (tuple(draw(st.permutations(part))) for part in parts)
    return x, y, out, draw(st.lists(st.integers(0, 3), min_size=6, max_size=6))


@settings(max_examples=300, deadline=None)
@given(contractions())
def test_any_labels_contract_as_in_einsum(case: tuple[Labels, Labels, Labels, list[int]]) -> None:
    x_labels, y_labels, out, sizes = case
    x = reals(tuple(sizes[n] for n in x_labels), -1, 1)
    y = reals(tuple(sizes[n] for n in y_labels), -1, 1, seed=1)
    expected = np.einsum(x, list(x_labels), y, list(y_labels), list(out))
    primitive = contraction(x_labels, y_labels, out)
    check_type(primitive, x, y)
    check_adjoint(primitive, x, y)
    check_adjoint(contraction(x_labels, y_labels, out, no_nan=True), x, y)
    np.testing.assert_allclose(primitive.evaluate(x, y), expected, atol=1e-13)


@pytest.mark.parametrize("spec", SPECS)
def test_the_rules_need_no_values(spec: str) -> None:
    for no_nan in (False, True):
        check_unknown(contract(spec, no_nan=no_nan), *operands(spec))


@pytest.mark.parametrize("layout", [np.asfortranarray, lambda x: x[::-1, ::-1], lambda x: x[::2]])
def test_memory_layout_does_not_matter(layout: Value) -> None:
    x, y = layout(reals((4, 6), -1, 1)), reals((6, 5), -1, 1)
    np.testing.assert_allclose(
        contract("ij,jk->ik").evaluate(x, y), np.einsum("ij,jk->ik", x, y), atol=1e-14
    )
    repeated = np.broadcast_to(np.float64(2), (4, 6))
    assert np.array_equal(contract("ij,kj->ik").evaluate(repeated, repeated), np.full((4, 4), 24.0))


def test_a_large_product_agrees_to_rounding() -> None:
    x, y = reals((300, 2000), -1, 1), reals((2000, 100), -1, 1)
    exact = x.astype(np.longdouble) @ y.astype(np.longdouble)
    bound = 2000 * np.finfo(float).eps * (np.abs(x) @ np.abs(y))
    assert np.all(np.abs(contract("ij,jk->ik").evaluate(x, y) - exact) < bound)


@pytest.mark.parametrize(
    "spec", ["ij,jk->ik", "ij,jk->ki", "bij,jk->bik", "ij,bjk->bik", "bij,bjk->bik"]
)
def test_products_of_matrices_come_out_in_row_major_order(spec: str) -> None:
    assert contract(spec).evaluate(*operands(spec)).flags.c_contiguous


# -------------------------------------------------------------------------------------------- types


def test_sizes_that_differ_are_named_with_their_axes_and_shapes() -> None:
    x, y = constant(np.ones((2, 3))), constant(np.ones((4, 5)))
    message = (
        r"matmul: contracted sizes differ: 3 \(axis 1 of x, shape \(2, 3\)\) "
        r"and 4 \(axis 0 of y, shape \(4, 5\)\)"
    )
    with pytest.raises(ShapeError, match=message):
        apply(contraction((0, 1), (1, 2), (0, 2), "matmul"), x, y)


@pytest.mark.parametrize(
    ("spec", "x", "y", "message"),
    [
        ("i,i->", (1,), (2,), "contracted sizes differ: 1"),
        ("i,i->i", (1,), (2,), "batch sizes differ: 1"),
        ("ij,ij->", (2, 3), (3, 2), "contracted sizes differ: 2"),
        ("bij,bjk->bik", (1, 2, 3), (2, 3, 2), "batch sizes differ: 1"),
        ("bi,bi->b", (2, 1), (2, 3), "contracted sizes differ: 1"),
    ],
)
def test_nothing_broadcasts_in_a_contraction(
    spec: str, x: tuple[int, ...], y: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        apply(contract(spec), constant(np.ones(x)), constant(np.ones(y)))


def test_a_contraction_is_a_value() -> None:
    primitive = contraction((0, 1), (1, 2), (0, 2), "matmul")
    assert contraction((0, 1), (1, 2), (0, 2), "matmul") is primitive
    assert pickle.loads(pickle.dumps(primitive)) == primitive  # noqa: S301 - made here
    assert Contract((0, 1), (1, 2), (0, 2), "tensordot") == primitive  # the name means nothing
    assert Contract((0, 1), (1, 2), (0, 2), no_nan=True) != primitive
    assert primitive.name == "matmul"


# ------------------------------------------------------------------------------- below a selection

WILD: Final = (0.0, -0.0, 1.0, -2.0, INF, -INF, NAN)


def term_by_term(spec: str, x: Value, y: Value, *, symmetric: bool) -> Value:
    """The contraction as a sum of products in which a zero annihilates."""
    product = MultiplyNoNan(symmetric=symmetric)
    x_labels, y_labels, out = spec.replace("->", ",").split(",")
    order = sorted({*x_labels, *y_labels})
    spread = [
        np.asarray(np.einsum(f"{labels}->{''.join(sorted(labels))}", value)).reshape(
            [np.shape(value)[labels.index(n)] if n in labels else 1 for n in order]
        )
        for labels, value in ((x_labels, x), (y_labels, y))
    ]
    terms = np.asarray(product.evaluate(*spread))
    total = terms.sum(tuple(i for i, n in enumerate(order) if n not in out))
    have = [n for n in order if n in out]
    return np.transpose(total, [have.index(n) for n in out])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("rare", [1.0, 0.1])
def test_a_zero_annihilates_term_by_term(spec: str, rare: float) -> None:
    weights = np.array([0.3, 0.1, 0.3, 0.3, *[rare / 3] * 3]) / (1 + rare)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x, y = (rng.choice(WILD, shape, p=weights) for shape in shapes(spec, "23423222"))
        for symmetric in (False, True):
            expected = term_by_term(spec, x, y, symmetric=symmetric)
            primitive = contract(spec, no_nan=True, symmetric=symmetric)
            actual = primitive.evaluate(np.asarray(x)[()], np.asarray(y)[()])
            np.testing.assert_array_equal(actual, expected)
            assert np.shape(actual) == expected.shape


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_zero_annihilates_in_single_and_complex_precision() -> None:
    for dtype in ("f2", "f4", "c8", "c16"):
        x, y = np.array([0, 2], dtype), np.array([[NAN, 3], [4, INF]], dtype)
        result = contract("j,jk->k", no_nan=True).evaluate(x, y)
        assert result.dtype == x.dtype
        assert result[0] == 8
        assert not np.isfinite(result[1])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_only_the_cotangents_zeros_annihilate_below_a_selection() -> None:
    x: Value = np.array([0.0, 1.0])
    w: Value = np.array([INF, 2.0])
    zero: Value = np.float64(0)
    one: Value = np.float64(1)
    primitive = contract("i,i->")
    for bar, product, expected in (
        (zero, MultiplyNoNan(), [0, 0]),
        (zero, PLAIN_PRODUCT, [NAN, 0]),
        (one, MultiplyNoNan(), [INF, 2]),
    ):
        found = primitive.pullback(0, bar, zero, (x, w), product)
        np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_derivatives_of_the_annihilating_contraction_annihilate() -> None:
    zero: Value = np.zeros(2)
    wild: Value = np.array([INF, NAN])
    plain = PLAIN_PRODUCT
    for symmetric in (False, True):
        primitive = contract("i,i->i", no_nan=True, symmetric=symmetric)
        assert primitive.selects
        silent = [
            primitive.pushforward(0, zero, zero, (zero, wild)),
            primitive.pushforward(1, wild, zero, (zero, wild)),
            primitive.pullback(0, zero, zero, (zero, wild), plain),
            primitive.pullback(1, wild, zero, (zero, wild), plain),
            primitive.pullback(1, zero, wild, (wild, wild), plain),
        ]
        for derivative in silent:
            assert np.array_equal(np.asarray(derivative), zero)
