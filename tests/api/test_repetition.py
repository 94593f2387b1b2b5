"""Elements repeated, shifted round or padded.

Each case is one call, made of NumPy's namespace and of ours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array, Trace, lift, make_node
from pullback.errors import ConversionError, ShapeError, UnsupportedError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.types import ArrayType
from tests.api.agreement import Call, check_call, check_derivatives
from tests.primitives.pointwise import slope_at

Shape = tuple[int, ...]

REPETITIONS: list[tuple[Call, Shape]] = [
    (lambda m, x: m.tile(x, 2), (3,)),
    (lambda m, x: m.tile(x, (2, 1)), (3,)),
    (lambda m, x: m.tile(x, (2,)), (2, 3)),
    (lambda m, x: m.tile(x, (2, 3, 1)), (2, 3)),
    (lambda m, x: m.tile(x, (2, 0)), (2, 3)),
    (lambda m, x: m.tile(x, ()), (2, 3)),
    (lambda m, x: m.tile(x, 3), ()),
    (lambda m, x: m.tile(x, np.int64(2)), (2, 0)),
    (lambda m, x: m.repeat(x, 2), (2, 3)),
    (lambda m, x: m.repeat(x, 2), ()),
    (lambda m, x: m.repeat(x, 3, axis=0), (2, 3)),
    (lambda m, x: m.repeat(x, 3, -1), (2, 3)),
    (lambda m, x: m.repeat(x, [3], axis=1), (2, 3)),
    (lambda m, x: m.repeat(x, [2, 0, 1], axis=1), (2, 3)),
    (lambda m, x: m.repeat(x, np.array([1, 2]), axis=0), (2, 3)),
    (lambda m, x: m.repeat(x, [0, 1, 2, 3, 4, 5]), (2, 3)),
    (lambda m, x: m.repeat(x, 0, axis=0), (2, 3)),
    (lambda m, x: m.repeat(x, 2, axis=1), (2, 0)),
    (lambda m, x: m.roll(x, 1), (5,)),
    (lambda m, x: m.roll(x, -7), (2, 3)),
    (lambda m, x: m.roll(x, 1, axis=1), (2, 3)),
    (lambda m, x: m.roll(x, (1, -1), axis=(0, 1)), (2, 3)),
    (lambda m, x: m.roll(x, 2, axis=(0, 1)), (3, 3)),
    (lambda m, x: m.roll(x, (1, 1), axis=0), (3, 2)),
    (lambda m, x: m.roll(x, (1, 2), axis=(0, 0)), (5,)),
    (lambda m, x: m.roll(x, (1, 2)), (2, 3)),
    (lambda m, x: m.roll(x, 6), (2, 3)),
    (lambda m, x: m.roll(x, 1, 0), (0, 3)),
    (lambda m, x: m.roll(x, 1), ()),
    (lambda m, x: m.pad(x, 2), (3,)),
    (lambda m, x: m.pad(x, (1, 2)), (2, 3)),
    (lambda m, x: m.pad(x, ((1, 0), (0, 2))), (2, 3)),
    (lambda m, x: m.pad(x, ((1,), (2,))), (2, 3)),
    (lambda m, x: m.pad(x, 0), (2, 3)),
    (lambda m, x: m.pad(x, 1), (0, 3)),
    (lambda m, x: m.pad(x, 1), ()),
    (lambda m, x: m.pad(x, 1, constant_values=1), (2, 3)),
    (lambda m, x: m.pad(x, 2, "constant", constant_values=((1, 0), (1, 1))), (2, 3)),
    (lambda m, x: m.pad(x, ((2, 1), (0, 1)), constant_values=(0, 1)), (2, 3)),
    (lambda m, x: m.pad(x, (1, 2), mode="edge"), (2, 3)),
    (lambda m, x: m.pad(x, ((0, 3), (1, 0)), "reflect"), (2, 3)),
    (lambda m, x: m.pad(x, 5, "reflect"), (3,)),
    (lambda m, x: m.pad(x, 2, "reflect"), (1,)),
    (lambda m, x: m.pad(x, (2, 7), "symmetric"), (3,)),
    (lambda m, x: m.pad(x, ((1, 2), (4, 0)), "wrap"), (2, 3)),
    (lambda m, x: m.pad(x, ((0, 0), (1, 1)), "edge"), (0, 3)),
]


@pytest.mark.parametrize(("call", "shape"), REPETITIONS)
def test_agrees_with_numpy(call: Call, shape: Shape) -> None:
    check_call(call, shape)


@pytest.mark.parametrize(("call", "shape"), REPETITIONS)
def test_derivatives(call: Call, shape: Shape) -> None:
    check_derivatives(call, shape)


def test_repeats_may_be_an_array_of_known_value() -> None:
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(pb.repeat(x, pb.asarray([2, 1]))._value, [1, 1, 2])
    unknown = make_node(ArrayType((2,), np.dtype("i8")), Input(), (), frozenset({Trace()}))
    with pytest.raises(ConversionError, match=r"repeat: the value of Array\(int64\[2\], input\)"):
        pb.repeat(x, unknown)


def test_gradient_of_padding_with_constants_is_that_of_the_inside() -> None:
    x = np.array([1.0, 2.0])
    weights = np.array([5.0, 2.0, 3.0, 5.0])
    gradient = slope_at(lambda x: lift(pb.pad(x, 1, constant_values=np.inf) * weights), x)
    np.testing.assert_array_equal(gradient, [2, 3])
    with_minus = pb.pad(np.array([-0.0]), 1, constant_values=1.0)
    assert np.signbit(with_minus._value[1])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: pb.tile(x, (1, -1)), r"tile: repetitions are not negative, unlike \(1, -1\)"),
        (lambda x: pb.repeat(x, -1), r"repeat: repeats are not negative, unlike -1"),
        (lambda x: pb.repeat(x, [1, 2], axis=1), r"repeat: one integer or 3, one for each element"),
        (lambda x: pb.repeat(x, 1.5), r"repeat: one integer or 6, one for each element of axis 0"),
        (lambda x: pb.repeat(x, 1, axis=2), r"repeat: axis 2 is out of range"),
        (lambda x: pb.roll(x, 1, axis=2), r"roll: axis 2 is out of range"),
        (
            lambda x: pb.roll(x, (1, 2, 3), axis=(0, 1)),
            r"roll: 3 shifts, \(1, 2, 3\), along 2 axes",
        ),
        (lambda x: pb.pad(x, -1), r"pad: widths are not negative, unlike -1"),
        (lambda x: pb.pad(x, (1, 2, 3)), r"pad: pad_width of shape \(3,\) for 2 axes: give one"),
        (
            lambda x: pb.pad(x, 1, constant_values=(1, 2, 3)),
            r"pad: constant_values of shape \(3,\)",
        ),
        (lambda x: pb.pad(x[:0], 1, "edge"), r"pad: mode 'edge' repeats elements, and axis 0 of"),
    ],
)
def test_errors_name_what_does_not_fit(call: Callable[[Value], Array], text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        call(np.ones((2, 3)))


def test_unknown_mode_is_refused() -> None:
    text = "pad: mode 'mean' is none of constant, edge, reflect, symmetric, wrap"
    with pytest.raises(UnsupportedError, match=text):
        pb.pad([1.0], 1, "mean")  # type: ignore[arg-type]  # the error is the subject
