"""Primitives that move elements, and the sum."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.errors import ShapeError
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.shape import BroadcastTo, Flip, Reshape, Sum, Transpose, sum_to_shape
from pullback.types import type_of
from tests.checks import check_adjoint, check_primitive, check_type, inner
from tests.primitives.pointwise import DTYPES

RNG = np.random.default_rng(0)

#: primitive, shape of the operand, what NumPy does
CASES = [
    (Reshape((6, 4)), (2, 3, 4), lambda x: np.reshape(x, (6, 4))),
    (Reshape((1, 1)), (), lambda x: np.reshape(x, (1, 1))),
    (Reshape(()), (1, 1), lambda x: np.reshape(x, ())[()]),
    (Reshape((0, 5)), (3, 0), lambda x: np.reshape(x, (0, 5))),
    (Transpose((2, 0, 1)), (2, 3, 4), lambda x: np.transpose(x, (2, 0, 1))),
    (Transpose((1, 0)), (0, 3), np.transpose),
    (Transpose(()), (), lambda x: x),
    (BroadcastTo((4, 2, 3)), (2, 1), lambda x: np.broadcast_to(x, (4, 2, 3))),
    (BroadcastTo((2, 3)), (), lambda x: np.broadcast_to(x, (2, 3))),
    (BroadcastTo((0, 3)), (1, 3), lambda x: np.broadcast_to(x, (0, 3))),
    (BroadcastTo(()), (), lambda x: x),
    (Sum((0, 2)), (2, 3, 4), lambda x: np.sum(x, (0, 2))),
    (Sum((1,)), (2, 3, 4), lambda x: np.sum(x, 1)),
    (Sum((1, 0)), (2, 3, 4), lambda x: np.sum(x, (1, 0))),
    (Sum((0, 1)), (2, 3), np.sum),
    (Sum((1,)), (2, 0), lambda x: np.sum(x, 1)),
    (Sum(()), (2, 3), lambda x: np.sum(x, ())),
    (Sum(()), (), np.sum),
    (Flip((0, 2)), (2, 3, 4), lambda x: np.flip(x, (0, 2))),
    (Flip((1,)), (2, 0), lambda x: np.flip(x, 1)),
    (Flip(()), (), lambda x: x),
]
IDS = [f"{primitive}-{shape}" for primitive, shape, _ in CASES]


def sample(shape: tuple[int, ...], dtype: str) -> Value:
    """Return numbers of either sign (but for unsigned dtypes), some of them zero."""
    numbers = RNG.integers(-3, 4, shape) + 0.25
    if dtype[0] == "c":
        numbers = numbers + 1j * RNG.integers(-3, 4, shape)
    return np.asarray(np.abs(numbers) if dtype[0] in "u?" else numbers).astype(dtype)[()]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("primitive", "shape", "reference"), CASES, ids=IDS)
def test_value_and_type_are_numpys(
    primitive: Primitive, shape: tuple[int, ...], reference: object, dtype: str
) -> None:
    assert callable(reference)
    x = sample(shape, dtype)
    out, expected = primitive.evaluate(x), reference(x)
    np.testing.assert_array_equal(out, expected, strict=True)
    check_type(primitive, x)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize(("primitive", "shape", "_"), CASES, ids=IDS)
def test_derivatives(primitive: Primitive, shape: tuple[int, ...], _: object, dtype: str) -> None:
    check_primitive(primitive, sample(shape, dtype))


@pytest.mark.parametrize(("primitive", "shape", "_"), CASES, ids=IDS)
def test_cotangents_keep_single_precision(
    primitive: Primitive, shape: tuple[int, ...], _: object
) -> None:
    check_adjoint(primitive, sample(shape, "f4"))


@pytest.mark.parametrize(
    "primitive", [Reshape(()), Transpose(()), BroadcastTo(()), Sum(()), Flip(())]
)
@pytest.mark.parametrize("number", [True, 2, 2.5, 1j])
def test_python_number_gives_a_numpy_scalar(primitive: Primitive, number: complex) -> None:
    out = primitive.evaluate(number)
    assert isinstance(out, np.generic)
    assert out == number
    assert primitive.infer(type_of(number)) == type_of(out)


@pytest.mark.parametrize(
    ("primitive", "shape", "text"),
    [
        (Reshape((4, 2)), (2, 3), r"reshape: shape \(2, 3\) has 6 elements, shape \(4, 2\) has 8"),
        (Transpose((0, 0)), (2, 3), r"transpose: axes \(0, 0\) do not permute the axes of shape"),
        (Transpose((0,)), (2, 3), r"transpose: axes \(0,\) do not permute the axes of shape"),
        (BroadcastTo((3,)), (2, 3), r"broadcast_to: shape \(2, 3\) does not broadcast to \(3,\)"),
        (BroadcastTo((2, 4)), (2, 3), r"broadcast_to: shapes \(2, 3\) and \(2, 4\) do not"),
        (BroadcastTo((2, 1)), (2, 3), r"broadcast_to: shape \(2, 3\) does not broadcast to"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(
    primitive: Primitive, shape: tuple[int, ...], text: str
) -> None:
    with pytest.raises(ShapeError, match=text):
        primitive.infer(type_of(np.zeros(shape)))


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (1, 1, 1), (4, 1, 3)])
def test_sum_to_shape_is_the_adjoint_of_broadcasting(shape: tuple[int, ...]) -> None:
    wide = (4, 2, 3)
    x: Value = RNG.standard_normal(shape)
    w: Value = RNG.standard_normal(wide)
    summed: Value = sum_to_shape(w, shape)
    assert np.shape(summed) == shape
    np.testing.assert_allclose(inner(w, np.broadcast_to(x, wide)), inner(summed, x), rtol=1e-12)


def test_sum_to_its_own_shape_is_the_same_object() -> None:
    x: Value = np.ones((2, 3))
    assert sum_to_shape(x, (2, 3)) is x


def test_results_share_no_memory_that_can_be_written() -> None:
    x = np.arange(6.0)
    x.setflags(write=False)
    for primitive in (Reshape((2, 3)), Transpose((0,)), BroadcastTo((2, 6)), Flip((0,))):
        result: Value = primitive.evaluate(x)
        assert not (np.shares_memory(result, x) and result.flags.writeable)
