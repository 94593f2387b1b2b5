"""Concatenation, and taking out or placing a stretch along an axis."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.core import Array, apply, lift
from pullback.errors import ShapeError
from pullback.primitives.joining import concat_along, place, stretch
from pullback.primitives.quantity import Value
from pullback.types import type_of
from tests.checks import check_function, check_primitive, check_type, pullback_of
from tests.primitives.pointwise import DTYPES, applying, check_unknown

RNG = np.random.default_rng(0)
PARTS: list[Value] = [RNG.standard_normal((3, n, 2)) for n in (2, 0, 1, 4)]


@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_derivatives_of_parts_of_several_sizes(dtype: str) -> None:
    parts = [part.astype(dtype) * (1 + 1j if dtype == "c16" else 1) for part in PARTS]
    check_primitive(concat_along(1, [part.shape for part in parts]), *parts)


def test_derivatives_of_mixed_dtypes_keep_each_ones_own() -> None:
    parts = [PARTS[0], PARTS[2].astype("f4"), PARTS[3] * 1j, np.ones((3, 1, 2), "i4")]
    concat = concat_along(1, [part.shape for part in parts])
    check_type(concat, *parts)
    w = RNG.standard_normal((3, 8, 2)) + 1j
    bars = pullback_of(applying(concat), parts, w)
    expected = (w[:, :2].real, w[:, 2:3].real.astype("f4"), w[:, 3:7])
    for bar, exact in zip(bars, expected, strict=True):
        np.testing.assert_array_equal(bar, exact, strict=True)


@pytest.mark.parametrize("one", DTYPES)
@pytest.mark.parametrize("other", DTYPES)
def test_dtypes_promote_as_in_numpy(one: str, other: str) -> None:
    x, y = np.ones(2, one), np.zeros(1, other)
    concat = concat_along(0, [(2,), (1,)])
    np.testing.assert_array_equal(concat.evaluate(x, y), np.concatenate([x, y]), strict=True)
    check_type(concat, x, y)


def test_rules_need_no_values() -> None:
    check_unknown(concat_along(1, [part.shape for part in PARTS]), *PARTS)


def test_one_array_may_stand_several_times() -> None:
    def twice(x: Array) -> Array:
        return apply(concat_along(0, [(3,), (3,)]), x, x)

    (bar,) = pullback_of(twice, [np.zeros(3)], np.arange(6.0))
    np.testing.assert_array_equal(bar, [3, 5, 7])


@pytest.mark.parametrize(
    ("axis", "shapes", "text"),
    [
        (0, [], r"concat: no arrays were given; at least one is needed"),
        (
            0,
            [()],
            r"concat: array 0 has shape \(\), and no axis to join along; stack joins scalars",
        ),
        (
            0,
            [(2, 3), (3,)],
            r"array 0 has shape \(2, 3\) and array 1 has shape \(3,\): they need the same number",
        ),
        (
            0,
            [(2, 3), (1, 3), (2, 4)],
            r"concat: sizes differ on axis 1: 3 in array 0, shape \(2, 3\), and 4 in array 2, sh",
        ),
    ],
)
def test_what_does_not_fit_is_named(axis: int, shapes: list[tuple[int, ...]], text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        concat_along(axis, shapes)


def test_operands_that_do_not_fit_the_bounds_are_named() -> None:
    concat = concat_along(0, [(2,), (1,)])
    with pytest.raises(ShapeError, match=r"concat: bounds \(0, 2, 3\) on axis 0 do not fit shapes"):
        concat.infer(type_of(np.ones(1)), type_of(np.ones(2)))


def test_stretch_and_place_are_adjoint_and_differentiable() -> None:
    x: Value = RNG.standard_normal((2, 5))
    np.testing.assert_array_equal(stretch(x, 1, 1, 3), x[:, 1:3])
    np.testing.assert_array_equal(place(x[:, 1:3], 1, 1, 5), np.where([0, 1, 1, 0, 0], x, 0))
    check_function(lambda node: lift(stretch(node, 1, 1, 3)), x)
    check_function(lambda node: lift(place(node, 0, 2, 5)), x)
