"""Shapes and the order of axes.

Each case is one call, made of NumPy's namespace and of ours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array
from pullback.errors import ShapeError, UnsupportedError
from pullback.primitives.quantity import Value
from pullback.types import ArrayType
from tests.api.agreement import Call, check_call, check_derivatives
from tests.primitives.pointwise import slope_at

Shape = tuple[int, ...]

SHAPES: list[tuple[Call, Shape]] = [
    (lambda m, x: m.reshape(x, (4, 3)), (2, 3, 2)),
    (lambda m, x: m.reshape(x, -1), (2, 3)),
    (lambda m, x: m.reshape(x, (2, -1, 2)), (4, 3)),
    (lambda m, x: m.reshape(x, [np.int64(3), 2]), (2, 3)),
    (lambda m, x: m.reshape(x, np.int64(6)), (2, 3)),
    (lambda m, x: m.reshape(x, ()), (1, 1)),
    (lambda m, x: m.reshape(x, (1, 1)), ()),
    (lambda m, x: m.reshape(x, (0, 7)), (3, 0)),
    (lambda m, x: m.reshape(x, (2, -1)), (2, 0)),
    (lambda m, x: m.reshape(x, (2, 3), copy=True), (2, 3)),
    (lambda m, x: m.reshape(x, (3, 2), "C"), (2, 3)),
    (lambda m, x: m.ravel(x), (2, 3)),
    (lambda m, x: m.ravel(x), ()),
    (lambda m, x: m.expand_dims(x, 0), (2, 3)),
    (lambda m, x: m.expand_dims(x, axis=-1), (2, 3)),
    (lambda m, x: m.expand_dims(x, axis=(0, -1, 2)), (2, 3)),
    (lambda m, x: m.expand_dims(x, axis=()), (2, 3)),
    (lambda m, x: m.expand_dims(x, axis=0), ()),
    (lambda m, x: m.squeeze(x), (1, 2, 1)),
    (lambda m, x: m.squeeze(x, -1), (1, 2, 1)),
    (lambda m, x: m.squeeze(x, axis=(0, 2)), (1, 2, 1)),
    (lambda m, x: m.squeeze(x), (1, 1)),
    (lambda m, x: m.squeeze(x, ()), (1, 1)),
    (lambda m, x: m.atleast_1d(x), ()),
    (lambda m, x: m.atleast_1d(x), (2, 3)),
    (lambda m, x: m.atleast_2d(x), ()),
    (lambda m, x: m.atleast_2d(x), (3,)),
    (lambda m, x: m.atleast_2d(x), (2, 3, 1)),
    (lambda m, x: m.atleast_3d(x), ()),
    (lambda m, x: m.atleast_3d(x), (3,)),
    (lambda m, x: m.atleast_3d(x), (2, 3)),
    (lambda m, x: m.atleast_3d(x), (2, 3, 1, 2)),
    (lambda m, x: m.broadcast_to(x, (4, 2, 3)), (2, 1)),
    (lambda m, x: m.broadcast_to(x, 3), ()),
    (lambda m, x: m.broadcast_to(x, (2, 3)), (2, 3)),
    (lambda m, x: m.broadcast_to(x, (0, 3)), (1, 3)),
    (lambda m, x: m.broadcast_arrays(x, x[:, None], x[0]), (3,)),
    (lambda m, x: m.broadcast_arrays(x, 2.5), (2, 3)),
]

ORDERS: list[tuple[Call, Shape]] = [
    (lambda m, x: m.transpose(x), (2, 3, 4)),
    (lambda m, x: m.transpose(x), (3,)),
    (lambda m, x: m.transpose(x), ()),
    (lambda m, x: m.transpose(x, (2, 0, 1)), (2, 3, 4)),
    (lambda m, x: m.transpose(x, (-1, 0, -2)), (2, 3, 4)),
    (lambda m, x: m.transpose(x, axes=(0, 1)), (2, 3)),
    (lambda m, x: m.permute_dims(x, (1, 0)), (2, 3)),
    (lambda m, x: m.matrix_transpose(x), (4, 2, 3)),
    (lambda m, x: m.swapaxes(x, 0, -1), (2, 3, 4)),
    (lambda m, x: m.swapaxes(x, axis1=1, axis2=1), (2, 3)),
    (lambda m, x: m.moveaxis(x, 0, -1), (2, 3, 4)),
    (lambda m, x: m.moveaxis(x, (0, 1), (-1, -2)), (2, 3, 4)),
    (lambda m, x: m.moveaxis(x, [0, 3], [2, 0]), (2, 3, 4, 1)),
    (lambda m, x: m.moveaxis(x, source=2, destination=0), (2, 3, 4)),
    (lambda m, x: m.rot90(x), (2, 3)),
    (lambda m, x: m.rot90(x, 2), (2, 3)),
    (lambda m, x: m.rot90(x, -1), (2, 3)),
    (lambda m, x: m.rot90(x, 4), (2, 3)),
    (lambda m, x: m.rot90(x, 1, (2, 0)), (2, 3, 4)),
    (lambda m, x: m.flip(x), (2, 3)),
    (lambda m, x: m.flip(x, 0), (2, 3)),
    (lambda m, x: m.flip(x, axis=(0, -1)), (2, 3, 2)),
    (lambda m, x: m.flip(x, ()), (2, 3)),
    (lambda m, x: m.flip(x), ()),
    (lambda m, x: m.flip(x, 1), (2, 0)),
]
CASES = [*SHAPES, *ORDERS]


@pytest.mark.parametrize(("call", "shape"), CASES)
def test_agrees_with_numpy(call: Call, shape: Shape) -> None:
    check_call(call, shape)


@pytest.mark.parametrize(("call", "shape"), CASES)
def test_derivatives(call: Call, shape: Shape) -> None:
    check_derivatives(call, shape)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: pb.reshape(x, (2, -1)),
        pb.squeeze,
        lambda x: pb.expand_dims(x, ()),
        pb.atleast_2d,
        lambda x: pb.broadcast_to(x, (2, 3)),
        lambda x: pb.transpose(x, (0, -1)),
        lambda x: pb.moveaxis(x, 1, 1),
        lambda x: pb.rot90(x, 4),
        lambda x: pb.flip(x, ()),
    ],
)
def test_what_changes_nothing_makes_no_node(call: Callable[[Array], Array]) -> None:
    x = pb.asarray(np.ones((2, 3)))
    assert call(x) is x


def test_python_number_becomes_a_strong_scalar() -> None:
    assert pb.reshape(2, ()).type == ArrayType((), np.dtype("i8"))
    assert isinstance(slope_at(lambda x: pb.broadcast_to(x, (2,)), 1.5), float)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda x: pb.reshape(x, (4, 2)),
            r"reshape: shape \(2, 3\) has 6 elements, shape \(4, 2\) has 8",
        ),
        (
            lambda x: pb.reshape(x, (4, -1)),
            r"reshape: shape \(2, 3\) has 6 elements, which \(4, -1\) cannot hold for any -1",
        ),
        (
            lambda x: pb.reshape(x, (0, -1)),
            r"reshape: shape \(2, 3\) has 6 elements, which \(0, -1",
        ),
        (
            lambda x: pb.reshape(x, (-1, -1)),
            r"reshape: shape \(-1, -1\): sizes are not negative, b",
        ),
        (
            lambda x: pb.reshape(x, (-2, 3)),
            r"reshape: shape \(-2, 3\): sizes are not negative, but",
        ),
        (
            lambda x: pb.expand_dims(x, 3),
            r"expand_dims: axis 3 is out of range for an array with 3",
        ),
        (lambda x: pb.expand_dims(x, (0, -4)), r"expand_dims: an axis stands twice in \(0, -4\)"),
        (lambda x: pb.squeeze(x, 1), r"squeeze: axis 1 of shape \(2, 3\) has size 3, not 1"),
        (lambda x: pb.squeeze(x, 2), r"squeeze: axis 2 is out of range"),
        (lambda x: pb.broadcast_to(x, (3,)), r"broadcast_to: shape \(2, 3\) does not broadcast to"),
        (
            lambda x: pb.broadcast_to(x, (2, 4)),
            r"broadcast_to: shapes \(2, 3\) and \(2, 4\) do not",
        ),
        (
            lambda x: pb.broadcast_arrays(x, np.ones(2)),
            r"broadcast_arrays: shapes \(2, 3\) and \(2,\) do not broadcast: sizes 2 and 3 on axis",
        ),
        (lambda x: pb.transpose(x, (0, 0)), r"transpose: an axis stands twice in \(0, 0\)"),
        (
            lambda x: pb.transpose(x, (0,)),
            r"transpose: axes \(0,\) do not permute the axes of shape",
        ),
        (lambda x: pb.permute_dims(x, (0, 2)), r"permute_dims: axis 2 is out of range"),
        (lambda x: pb.matrix_transpose(x[0]), r"matrix_transpose: shape \(3,\) is no matrix"),
        (lambda x: pb.swapaxes(x, 0, 2), r"swapaxes: axis 2 is out of range"),
        (
            lambda x: pb.moveaxis(x, (0, 1), 0),
            r"moveaxis: 2 axes \(0, 1\) to 1 places 0: the numbers",
        ),
        (lambda x: pb.moveaxis(x, (0, -2), (0, 1)), r"moveaxis: an axis stands twice in \(0, -2\)"),
        (lambda x: pb.rot90(x, 1, (0,)), r"rot90: two axes make a plane, not \(0,\)"),
        (lambda x: pb.flip(x, 2), r"flip: axis 2 is out of range"),
    ],
)
def test_errors_name_what_does_not_fit(call: Callable[[Value], object], text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        call(np.ones((2, 3)))


@pytest.mark.parametrize("f", [lambda x: pb.reshape(x, 6, "F"), lambda x: pb.ravel(x, "F")])
def test_column_major_order_is_refused(f: Callable[[Value], Array]) -> None:
    with pytest.raises(UnsupportedError, match=r"order 'F': the order is always 'C', row-major"):
        f(np.ones((2, 3)))
