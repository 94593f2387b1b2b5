"""Products of vectors, matrices and tensors, against NumPy's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pytest

from pullback.api.linear_algebra import (
    dot,
    inner,
    kron,
    matmul,
    matvec,
    outer,
    tensordot,
    vdot,
    vecdot,
    vecmat,
)
from pullback.core import Array, constant
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.quantity import Value
from tests.api.agreement import DTYPES, check_agreement, distinct, sample
from tests.checks import check_function

Shape = tuple[int, ...]
#: A function with NumPy's of the same name, which may be newer than the oldest NumPy supported.
PRODUCTS: Final[dict[str, tuple[Callable[..., Array], Callable[..., Value]]]] = {
    "matmul": (matmul, np.matmul),
    "matvec": (matvec, lambda x, y: np.matmul(x, y[..., None])[..., 0]),
    "vecmat": (vecmat, lambda x, y: np.matmul(x.conj()[..., None, :], y)[..., 0, :]),
    "vecdot": (vecdot, np.vecdot),
    "dot": (dot, np.dot),
    "inner": (inner, np.inner),
    "vdot": (vdot, np.vdot),
    "outer": (outer, np.outer),
    "kron": (kron, np.kron),
    "tensordot": (lambda x, y: tensordot(x, y, 1), lambda x, y: np.tensordot(x, y, 1)),
}
RANKS: Final = {"matvec": (2, 1), "vecmat": (1, 2), "vecdot": (1, 1), "tensordot": (1, 1)}
#: Shapes that fit each product, for derivatives and dtypes.
FITTING: Final[dict[str, Sequence[tuple[Shape, Shape]]]] = {
    "matmul": [
        ((3,), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3,)),
        ((2, 3), (3, 2)),
        ((4, 2, 3), (4, 3, 2)),
        ((4, 2, 3), (3, 2)),
        ((2, 3), (4, 3, 2)),
        ((3,), (4, 3, 2)),
        ((4, 2, 3), (3,)),
        ((1, 2, 3), (4, 3, 2)),
        ((4, 2, 3), (1, 3, 2)),
        ((2, 1, 2, 3), (4, 3, 2)),
        ((2, 1, 2, 3), (1, 4, 3, 2)),
        ((1, 1, 3), (1, 3, 1)),
        ((4, 1, 1), (1, 1)),
        ((2, 0), (0, 3)),
        ((0, 2, 3), (3, 2)),
        ((1, 2, 3), (0, 3, 2)),
    ],
    "matvec": [((2, 3), (3,)), ((4, 2, 3), (4, 3)), ((2, 3), (4, 3)), ((5, 1, 2, 3), (4, 3))],
    "vecmat": [((3,), (3, 2)), ((4, 3), (4, 3, 2)), ((4, 3), (3, 2)), ((4, 3), (5, 1, 3, 2))],
    "vecdot": [((3,), (3,)), ((4, 3), (4, 3)), ((4, 3), (3,)), ((4, 1, 3), (1, 5, 3))],
    "dot": [
        ((), ()),
        ((), (2, 3)),
        ((3,), ()),
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((2, 3), (3, 4)),
        ((3,), (2, 3, 4)),
        ((5, 2, 3), (4, 3, 2)),
    ],
    "inner": [((), (3,)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 3), (4, 5, 3))],
    "vdot": [((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((2, 3), (3, 2)), ((6,), (2, 3))],
    "outer": [((), (3,)), ((2,), (3,)), ((2, 2), (3,)), ((2,), (0,)), ((1,), (2, 1))],
    "kron": [((), (3,)), ((2,), (3,)), ((2, 2), (3,)), ((2,), (3, 2)), ((2, 3), (3, 2))],
    "tensordot": [((3,), (3,)), ((2, 3), (3, 2)), ((4, 2, 3), (3, 5))],
}
CASES: Final = [(name, shapes) for name, pairs in FITTING.items() for shapes in pairs]


def small_shapes(highest: int) -> list[Shape]:
    """Every shape with sizes 0, 1 and 2, up to a rank."""
    return [s for rank in range(highest + 1) for s in itertools.product((0, 1, 2), repeat=rank)]


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_pair_of_small_shapes_gives_numpys_product_or_an_error(name: str) -> None:
    ours, theirs = PRODUCTS[name]
    least = RANKS.get(name, (0, 0))
    fitted = 0
    for shapes in itertools.product(small_shapes(3), repeat=2):
        x, y = sample(shapes[0], "f8"), sample(shapes[1], "f8", seed=1)
        try:
            if any(len(s) < rank for s, rank in zip(shapes, least, strict=True)):
                raise ValueError  # noqa: TRY301 - the stand-ins for NumPy's do not check
            expected = theirs(x, y)
        except ValueError:
            with pytest.raises(ShapeError, match=name):
                ours(constant(x), constant(y))
            continue
        fitted += 1
        result = ours(constant(x), constant(y))._value
        assert np.shape(result) == np.shape(expected), shapes
        assert np.array_equal(result, expected), shapes
    assert fitted > 100


@pytest.mark.parametrize(("name", "shapes"), CASES)
def test_products_agree_with_numpy_in_every_pair_of_dtypes(
    name: str, shapes: tuple[Shape, Shape]
) -> None:
    ours, theirs = PRODUCTS[name]
    for a, b in itertools.product(DTYPES, repeat=2):
        x, y = sample(shapes[0], a), sample(shapes[1], b, seed=1)
        check_agreement(ours, theirs, x, y, rtol=1e-6)


@pytest.mark.parametrize(("name", "shapes"), CASES)
@pytest.mark.parametrize("dtypes", [("f8", "f8"), ("c16", "c16"), ("f8", "c16"), ("c16", "f8")])
def test_derivatives_agree_with_differences(
    name: str, shapes: tuple[Shape, Shape], dtypes: tuple[str, str]
) -> None:
    x, y = (distinct(s, d, seed=i) for i, (s, d) in enumerate(zip(shapes, dtypes, strict=True)))
    check_function(PRODUCTS[name][0], np.asarray(x)[()], np.asarray(y)[()])


@pytest.mark.parametrize("name", PRODUCTS)
def test_integers_take_part_without_derivatives(name: str) -> None:
    x_shape, y_shape = FITTING[name][-1]
    x, n = distinct(x_shape), sample(y_shape, "i8", seed=3)
    check_function(PRODUCTS[name][0], x, n)
    check_function(lambda x: PRODUCTS[name][0](x, n), x)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (4, 2, 3)])
def test_a_product_of_an_array_with_itself_has_exact_derivatives(shape: Shape) -> None:
    x = distinct(shape)
    square = np.swapaxes(distinct(shape), -1, -2) if len(shape) > 1 else distinct(shape)
    check_function(lambda x: outer(x, x), x)
    check_function(lambda x: vdot(x, x), x)
    check_function(lambda x: inner(x, x), x)
    if shape:
        check_function(lambda x: matmul(x, square), x)


# ------------------------------------------------------------------------------------------ matmul


@pytest.mark.parametrize("flip", [False, True])
def test_the_operator_is_matmul_on_either_side(*, flip: bool) -> None:
    a, b = distinct((2, 3)), distinct((3, 2))
    x = constant(a) @ b.tolist() if not flip else a.tolist() @ constant(b)
    assert np.array_equal(x._value, a @ b)


@pytest.mark.parametrize(("x", "y", "name"), [(2.0, [1.0], "x"), ([1.0], 2.0, "y"), (2, 3, "x")])
def test_matmul_with_a_scalar_points_to_the_operator(x: Value, y: Value, name: str) -> None:
    with pytest.raises(ShapeError, match=rf"matmul: {name} is a scalar; multiply .* with \*"):
        matmul(x, y)


MISFITS: Final[list[tuple[Callable[..., Array], Shape, Shape, str]]] = [
    (
        matmul,
        (2, 3),
        (4, 5),
        (
            r"matmul: contracted sizes differ: 3 \(axis 1 of x, shape \(2, 3\)\) "
            r"and 4 \(axis 0 of y, shape \(4, 5\)\)"
        ),
    ),
    (matmul, (3,), (4,), r"matmul: .*: 3 \(axis 0 of x.* and 4 \(axis 0 of y"),
    (matmul, (7, 2, 3), (1, 4, 5), r"3 \(axis 2 of x, shape \(7, 2, 3\)\) and 4 \(axis 1 of y"),
    (matmul, (7, 2, 3), (4, 5), r"matmul: .*: 3 \(axis 2 of x.* and 4 \(axis 0 of y"),
    (matmul, (2, 2, 3), (4, 3, 5), r"matmul \(batch axes\): shapes \(2,\) and \(4,\) do not bro"),
    (matvec, (3,), (3,), r"matvec: expected at least 2 and 1 axes, got x of shape \(3,\)"),
    (vecmat, (3,), (3,), r"vecmat: expected at least 1 and 2 axes, got x of shape \(3,\)"),
    (vecdot, (), (3,), r"vecdot: axis -1 is out of range for an array with 0 axes"),
    (vecdot, (2,), (3,), r"vecdot: contracted sizes differ: 2 \(axis 0 of x"),
    (vdot, (2,), (3,), r"vdot: x of shape \(2,\) has 2 elements, y of shape \(3,\) has 3"),
    (dot, (2, 3), (4, 5), r"dot: .*: 3 \(axis 1 of x.* and 4 \(axis 0 of y"),
    (dot, (2, 3), (7, 4, 5), r"dot: .*: 3 \(axis 1 of x.* and 4 \(axis 1 of y"),
    (inner, (2, 3), (4, 5), r"inner: .*: 3 \(axis 1 of x.* and 5 \(axis 1 of y"),
    (tensordot, (2, 3), (3, 2), r"tensordot: .*: 2 \(axis 0 of x.* and 3 \(axis 0 of y"),
    (tensordot, (2, 1), (2, 3), r"tensordot: .*: 1 \(axis 1 of x.* and 3 \(axis 1 of y"),
]


@pytest.mark.parametrize(("f", "x", "y", "message"), MISFITS)
def test_shapes_that_do_not_fit_are_named(
    f: Callable[..., Array], x: Shape, y: Shape, message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        f(np.ones(x), np.ones(y))


# -------------------------------------------------------------------------------- axes, and scalars


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_vecdot_sums_along_any_axis(axis: int) -> None:
    x, y = distinct((3, 3), "c16"), distinct((3, 3), "c16", seed=1)
    expected = np.sum(x.conj() * y, axis)
    np.testing.assert_allclose(vecdot(x, y, axis=axis)._value, expected, rtol=1e-14)
    check_function(lambda x, y: vecdot(x, y, axis=axis), x, y)
    with pytest.raises(ShapeError, match="vecdot: axis 2 is out of range"):
        vecdot(x, y, axis=2)


@pytest.mark.parametrize(
    ("x", "y", "axes"),
    [
        ((2, 3, 4), (3, 4, 5), 2),
        ((2, 3), (4, 5), 0),
        ((2, 3), (2, 3), ([0, 1], [0, 1])),
        ((2, 3), (3, 2), ([0, 1], [1, 0])),
        ((2, 3, 4), (3, 5), (1, 0)),
        ((2, 3, 4), (3, 5, 4), ((1, -1), (0, -1))),
        ((2, 3, 4), (4, 2, 3), ([2, 0], [0, 1])),
        ((2, 3), (3, 2), (np.int64(1), np.int64(0))),
        ((2, 0), (0, 3), 1),
        ((), (2,), 0),
        ((2, 3), (4,), ([], [])),
    ],
)
def test_tensordot_takes_axes_as_numpy_does(x: Shape, y: Shape, axes: int) -> None:
    a, b = np.asarray(distinct(x))[()], distinct(y, seed=1)
    check_agreement(
        lambda x, y: tensordot(x, y, axes), lambda x, y: np.tensordot(x, y, axes), a, b, rtol=1e-14
    )
    check_function(lambda x, y: tensordot(x, y, axes), a, b)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (3, r"tensordot: axes=3, but x has 2 axes \(shape \(2, 3\)\) and y has 2"),
        (-1, r"tensordot: axes=-1"),
        (([0], [0, 1]), r"tensordot: 1 axes of x for 2 axes of y"),
        (([0, 0], [0, 1]), r"tensordot: an axis stands twice in \(0, 0\)"),
        (([2], [0]), r"tensordot: axis 2 is out of range"),
        ((0, 1, 2), r"tensordot: axes \(0, 1, 2\): expected an integer, or axes of x and axes"),
    ],
)
def test_axes_that_tensordot_cannot_take_are_named(axes: int, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        tensordot(np.ones((2, 3)), np.ones((2, 3)), axes)


@pytest.mark.parametrize("f", [dot, inner, vdot, outer, kron])
def test_python_numbers_count_as_arrays(f: Callable[..., Array]) -> None:
    theirs: Callable[..., Value] = getattr(np, f.__name__)
    for x, y in ((2.0, 3.0), (2, True), (1j, 2.0), (2.0, np.ones(1, "f4")), (np.ones(1, "f4"), 2)):
        result, expected = f(x, y), theirs(x, y)
        assert result.dtype == np.asarray(expected).dtype
        assert np.array_equal(result._value, expected)


def test_what_is_no_array_of_numbers_is_refused() -> None:
    words: Value = "x"
    for f in (matmul, dot, vdot, outer, kron, tensordot):
        with pytest.raises(DTypeError, match="asarray: "):
            f(words, np.ones(1))
