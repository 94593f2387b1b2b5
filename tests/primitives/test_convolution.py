"""The convolution: values against a sum over all pairs of positions, derivatives, infinities."""

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
from pullback.primitives import convolution_plan, convolution_products
from pullback.primitives.convolution import Convolve
from pullback.primitives.primitive import PLAIN_PRODUCT
from pullback.primitives.quantity import Value
from pullback.primitives.selection import MultiplyNoNan
from pullback.primitives.windows import Relation, meeting
from tests.checks import check_adjoint, check_primitive, check_type
from tests.primitives.pointwise import check_single, check_unknown, complexes, reals

INF: Final = float("inf")
NAN: Final = float("nan")


def convolve(spec: str, *relations: tuple[int, ...], no_nan: bool = False) -> Convolve:
    """The convolution with the labels of subscripts, and relations (x, y, out, offset, size)."""
    x, y, out = (tuple(map(ord, part)) for part in spec.replace("->", ",").split(","))
    return Convolve(x, y, out, tuple(Relation(*r) for r in relations), no_nan=no_nan)


def pair_by_pair(primitive: Convolve, x: Value, y: Value) -> Value:
    """The convolution as a sum over all pairs of positions; below a selection, of silent terms."""
    labels = sorted({*primitive.x, *primitive.y})
    product = MultiplyNoNan(symmetric=primitive.symmetric) if primitive.no_nan else np.multiply
    sizes = dict(
        zip(
            (*primitive.x, *primitive.y),
            (*x.shape[: len(primitive.x)], *y.shape[: len(primitive.y)]),
            strict=True,
        )
    )
    sums = [n for n in labels if n not in primitive.out]
    out: Value = np.zeros(
        [sizes[n] for n in (*primitive.out, *sums)] + [r.size for r in primitive.relations],
        np.result_type(x, y),
    )
    order = [*primitive.out, *sums]

    def spread(part: Value, own: tuple[int, ...]) -> Value:
        moved = np.transpose(part, [own.index(n) for n in order if n in own])
        return moved.reshape([sizes[n] if n in own else 1 for n in order])

    for i in np.ndindex(x.shape[len(primitive.x) :]):
        for j in np.ndindex(y.shape[len(primitive.y) :]):
            places = [
                divmod(r.x * a + r.y * b + r.offset, r.out)
                for r, a, b in zip(primitive.relations, i, j, strict=True)
            ]
            if all(
                not rest and 0 <= k < r.size
                for (k, rest), r in zip(places, primitive.relations, strict=True)
            ):
                term = product(spread(x[(..., *i)], primitive.x), spread(y[(..., *j)], primitive.y))
                out[(..., *(k for k, _ in places))] += term
    return out.sum(tuple(range(len(primitive.out), len(order)))).astype(out.dtype)


def check_value(primitive: Convolve, x: Value, y: Value) -> None:
    np.testing.assert_allclose(
        primitive.evaluate(x, y), pair_by_pair(primitive, x, y), rtol=1e-12, atol=1e-12
    )


#: Convolutions, plain and transposed, with strides, dilations, groups and odd paddings; pooling;
#: their adjoints; and tensors in awkward orders. With the shapes of x and y.
CASES: Final = {
    "valid": (convolve("nc,oc->no", (1, -1, 1, 0, 3)), (2, 3, 5), (2, 3, 3)),
    "padded": (convolve("nc,oc->no", (1, -1, 1, 2, 7)), (2, 3, 5), (2, 3, 3)),
    "padded before": (convolve("nc,oc->no", (1, -1, 1, 1, 4)), (2, 1, 5), (3, 1, 3)),
    "cut": (convolve("nc,oc->no", (1, -1, 1, -1, 2)), (2, 3, 5), (2, 3, 2)),
    "padded by more": (convolve("nc,oc->no", (1, -1, 1, 4, 10)), (2, 2, 3), (2, 2, 2)),
    "flipped": (convolve("nc,oc->no", (1, 1, 1, 0, 7)), (2, 3, 5), (2, 3, 3)),
    "strided": (convolve("nc,oc->no", (1, -1, 2, 1, 3)), (2, 3, 5), (2, 3, 3)),
    "strides beyond the kernel": (convolve("nc,oc->no", (1, -1, 4, 0, 3)), (2, 3, 10), (2, 3, 2)),
    "dilated": (convolve("nc,oc->no", (1, -3, 1, 0, 2)), (1, 3, 8), (2, 3, 3)),
    "transposed": (convolve("nc,co->no", (2, 1, 1, -1, 8)), (2, 3, 4), (3, 2, 3)),
    "transposed and dilated": (convolve("nc,co->no", (2, 3, 1, 0, 12)), (2, 3, 4), (3, 2, 2)),
    "all steps": (convolve("nc,oc->no", (2, -3, 2, 1, 5)), (2, 3, 6), (2, 3, 3)),
    "only negative steps": (convolve("nc,oc->no", (-1, -2, 3, 8, 3)), (2, 2, 6), (2, 2, 3)),
    "of one element": (convolve("nc,oc->no", (1, -1, 1, 0, 6)), (2, 3, 6), (4, 3, 1)),
    "as wide as x": (convolve("nc,oc->no", (1, -1, 1, 0, 1)), (2, 3, 6), (4, 3, 6)),
    "in groups": (convolve("ngc,goc->ngo", (1, -1, 1, 1, 5)), (2, 3, 2, 5), (3, 2, 2, 3)),
    "depthwise": (convolve("ng,g->ng", (1, -1, 1, 1, 5)), (2, 3, 5), (3, 3)),
    "depthwise with stride": (convolve("ng,g->ng", (1, -1, 2, 0, 2)), (2, 3, 5), (3, 3)),
    "of sums": (convolve("nc,->nc", (1, -1, 2, 0, 2)), (2, 3, 5), (2,)),
    "without labels": (convolve(",->", (1, -1, 1, 1, 5)), (5,), (3,)),
    "of many kernels": (convolve("bnc,boc->bno", (1, -1, 1, 0, 3)), (2, 2, 3, 4), (2, 2, 3, 2)),
    "in awkward orders": (convolve("cgn,ogc->ogn", (1, -1, 1, 0, 3)), (2, 2, 3, 4), (3, 2, 2, 2)),
    "that sums over samples": (convolve("nc,no->oc", (1, -1, 1, 0, 3)), (3, 2, 5), (3, 2, 3)),
    "in the plane": (
        convolve("nc,oc->no", (1, -1, 1, 1, 4), (1, -2, 2, 2, 3)), (2, 2, 4, 5), (3, 2, 3, 3),
    ),
    "transposed in the plane": (
        convolve("nc,co->no", (2, 1, 1, 0, 7), (1, 1, 1, -1, 4)), (2, 2, 3, 4), (2, 3, 3, 3),
    ),
    "in space": (
        convolve("nc,oc->no", *[(1, -1, 1, 1, 3)] * 2, (1, -1, 2, 0, 2)),
        (1, 2, 2, 3, 4), (2, 2, 2, 3, 2),
    ),
    "of nothing": (convolve("nc,oc->no", (1, -1, 1, 0, 3)), (0, 3, 5), (2, 3, 3)),
    "of no channels": (convolve("nc,oc->no", (1, -1, 1, 0, 3)), (2, 0, 5), (2, 0, 3)),
    "to nothing": (convolve("nc,oc->no", (1, -1, 1, 0, 0)), (2, 3, 2), (2, 3, 3)),
    "of one": (convolve("nc,oc->no", (1, -1, 1, 0, 1)), (1, 1, 1), (1, 1, 1)),
    "beyond": (convolve("nc,oc->no", (1, -1, 1, 9, 3)), (2, 3, 5), (2, 3, 3)),
}  # fmt: skip


@pytest.fixture(autouse=True, params=["whole", "in small blocks"])
def _blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "whole":
        monkeypatch.setattr(convolution_products, "_BLOCK", 7)
        monkeypatch.setattr(convolution_products, "_THIN", 0)


def operands(name: str) -> tuple[Value, Value]:
    _, x, y = CASES[name]
    return reals(x, -1, 1), reals(y, -1, 1, seed=1)


# ------------------------------------------------------------------------------ values, derivatives


@pytest.mark.parametrize("name", CASES)
def test_a_convolution_sums_over_pairs_and_has_exact_derivatives(name: str) -> None:
    primitive, (x, y) = CASES[name][0], operands(name)
    check_value(primitive, x, y)
    check_primitive(primitive, x, y)
    silent = Convolve(primitive.x, primitive.y, primitive.out, primitive.relations, no_nan=True)
    check_primitive(silent, x, y)
    check_unknown(primitive, x, y)
    check_unknown(silent, x, y)


@pytest.mark.parametrize("name", CASES)
def test_complex_and_mixed_operands_have_exact_derivatives(name: str) -> None:
    primitive, x_shape, y_shape = CASES[name]
    x, y = complexes(x_shape, -1, 1), complexes(y_shape, -1, 1, seed=2)
    for a, b in ((x, y), (x.real, y), (x, y.real)):
        check_value(primitive, a, b)
        check_primitive(primitive, a, b)


@pytest.mark.parametrize("name", CASES)
def test_single_precision_stays_single(name: str) -> None:
    check_single(CASES[name][0], *operands(name))
    check_single(CASES[name][0], *(x + 1j * x for x in operands(name)))


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Convolve, tuple[int, ...], tuple[int, ...]]:
    """A convolution of any labels, steps and offsets, and the shapes of x and y."""
    roles = draw(st.lists(st.sampled_from(["xy", "xo", "yo", "xyo"]), max_size=4))
    parts = [[n for n, role in enumerate(roles) if part in role] for part in "xyo"]
    x, y, out = (tuple(draw(st.permutations(part))) for part in parts)
    size = draw(st.lists(st.integers(0, 3), min_size=4, max_size=4))
    step = st.sampled_from([1, 1, -1, 2, -2, 3])
    positive = st.sampled_from([1, 1, 2, 3])
    relation = st.builds(Relation, step, step, positive, st.integers(-5, 5), st.integers(0, 5))
    relations = draw(st.lists(relation, min_size=1, max_size=2))
    positions = st.lists(st.integers(1, 5), min_size=len(relations), max_size=len(relations))
    x_shape = (*(size[n] for n in x), *draw(positions))
    y_shape = (*(size[n] for n in y), *draw(positions))
    return Convolve(x, y, out, tuple(relations)), x_shape, y_shape


@settings(max_examples=200, deadline=None)
@given(convolutions())
def test_any_labels_and_steps_convolve_pair_by_pair(
    case: tuple[Convolve, tuple[int, ...], tuple[int, ...]],
) -> None:
    primitive, x_shape, y_shape = case
    x, y = reals(x_shape, -1, 1), reals(y_shape, -1, 1, seed=1)
    check_value(primitive, x, y)
    check_type(primitive, x, y)
    check_adjoint(primitive, x, y)


def test_the_positions_that_meet_are_all_there_are() -> None:
    steps = (-4, -3, -2, -1, 1, 2, 3, 6)
    for a, b, shift in itertools.product(steps, steps, range(-7, 8)):
        for sizes in ((5, 7), (1, 4), (0, 3)):
            part, others = meeting(a, shift, b, sizes)
            found = list(zip(range(sizes[0])[part], range(sizes[1])[others], strict=True))
            pairs = itertools.product(*map(range, sizes))
            assert sorted(found) == [(i, k) for i, k in pairs if a * i + shift == b * k]


@pytest.mark.parametrize(
    "dtypes", [("i4", "i4"), ("u1", "i8"), ("?", "?"), ("f2", "f4"), ("i8", "f4")]
)
def test_other_dtypes_promote(dtypes: tuple[str, str]) -> None:
    for name, (primitive, x_shape, y_shape) in CASES.items():
        rng = np.random.default_rng(0)
        x, y = (
            rng.integers(0, 3, s).astype(d) for s, d in zip((x_shape, y_shape), dtypes, strict=True)
        )
        check_type(primitive, x, y)
        expected = pair_by_pair(primitive, x, y)
        np.testing.assert_array_equal(primitive.evaluate(x, y), expected, name)


def test_an_integer_operand_gets_no_cotangent() -> None:
    x: Value = np.ones((1, 1, 3))
    y: Value = np.ones((1, 1, 2), int)
    bar: Value = np.ones((1, 1, 2))
    primitive = convolve("nc,oc->no", (1, -1, 1, 0, 2))
    assert primitive.pullback(1, bar, bar, (x, y), PLAIN_PRODUCT) is None
    found = primitive.pullback(0, bar, bar, (x, y), PLAIN_PRODUCT)
    assert np.array_equal(np.asarray(found), [[[1.0, 2.0, 1.0]]])


@pytest.mark.parametrize(
    "layout", [np.asfortranarray, lambda x: x[::-1, :, ::-1], lambda x: x[:, ::2]]
)
def test_memory_layout_does_not_matter(layout: Value) -> None:
    x, y = layout(reals((3, 4, 6), -1, 1)), layout(reals((2, 4, 3), -1, 1))
    check_value(convolve("nc,oc->no", (1, -1, 1, 1, 6)), x, y)
    repeated = np.broadcast_to(np.float64(2), (3, 4, 6))
    check_value(convolve("nc,oc->no", (1, -1, 1, 1, 6)), repeated, repeated[:, :, :3])


def test_the_result_is_in_row_major_order() -> None:
    for name in ("padded", "in groups", "depthwise", "transposed", "in the plane"):
        assert CASES[name][0].evaluate(*operands(name)).flags.c_contiguous, name


# -------------------------------------------------------------------------------------------- types


@pytest.mark.parametrize(
    ("spec", "x", "y", "message"),
    [
        ("nc,oc->no", (2, 3, 5), (2, 4, 3), r"contracted sizes differ: 3 \(axis 1 of x.* and 4"),
        ("ng,g->ng", (2, 3, 5), (2, 3), r"batch sizes differ: 3"),
        ("ngc,goc->ngo", (2, 3, 2, 5), (2, 3, 3, 3), r"batch sizes differ: 3"),
        ("nab,oab->no", (2, 3, 2, 5), (2, 2, 3, 3), r"contracted sizes differ: 3"),
        (
            "nc,oc->no",
            (2, 3),
            (2, 3, 3),
            r"expected 2 axes and 1 to slide along, got shape \(2, 3\)",
        ),
        ("nc,oc->no", (2, 3, 5), (2, 3, 3, 3), "expected 2 axes and 1 to slide along, got shape"),
    ],
)
def test_shapes_that_do_not_fit_are_named(
    spec: str, x: tuple[int, ...], y: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        apply(convolve(spec, (1, -1, 1, 0, 3)), constant(np.ones(x)), constant(np.ones(y)))


def test_a_convolution_is_a_value() -> None:
    primitive = convolve("nc,oc->no", (1, -1, 1, 0, 3))
    again = pickle.loads(pickle.dumps(primitive))  # noqa: S301 - made here
    assert again == primitive
    assert hash(again) == hash(primitive)
    named = Convolve(primitive.x, primitive.y, primitive.out, primitive.relations, "conv")
    assert named == primitive  # the name means nothing
    assert named.name == "conv"
    assert convolve("nc,oc->no", (1, -1, 2, 0, 3)) != primitive


# --------------------------------------------------------------------------------------- infinities


@pytest.mark.parametrize("name", CASES)
def test_what_lies_beyond_the_ends_meets_no_infinity(name: str) -> None:
    primitive, (x, y) = CASES[name][0], operands(name)
    for a, b in ((x, np.full_like(y, INF)), (np.full_like(x, INF), y)):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(primitive.evaluate(a, b), pair_by_pair(primitive, a, b))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("symmetric", [False, True])
def test_a_zero_annihilates_pair_by_pair(name: str, *, symmetric: bool) -> None:
    plain, x_shape, y_shape = CASES[name]
    relations = plain.relations
    primitive = Convolve(plain.x, plain.y, plain.out, relations, no_nan=True, symmetric=symmetric)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        weights = [0.4, 0.1, 0.3, 0.1, 0.04, 0.03, 0.03]
        wild = (0.0, -0.0, 1.0, -2.0, INF, -INF, NAN)
        x, y = (rng.choice(wild, shape, p=weights) for shape in (x_shape, y_shape))
        np.testing.assert_array_equal(primitive.evaluate(x, y), pair_by_pair(primitive, x, y))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_derivatives_of_the_annihilating_convolution_annihilate() -> None:
    zero: Value = np.zeros((1, 3))
    wild: Value = np.array([[INF, NAN, -INF]])
    plain = PLAIN_PRODUCT
    for symmetric in (False, True):
        relations = (Relation(1, -1, 1, 1, 3),)
        primitive = Convolve((0,), (0,), (0,), relations, no_nan=True, symmetric=symmetric)
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


def test_a_kernel_is_planned_once() -> None:
    primitive, (x, y) = CASES["padded"][0], operands("padded")
    primitive.evaluate(x, y)
    before = convolution_plan.convolution_kernel.cache_info().misses
    primitive.evaluate(x, y)
    assert convolution_plan.convolution_kernel.cache_info().misses == before
