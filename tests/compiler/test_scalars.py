"""Instructions of elementwise primitives against NumPy, bit for bit."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import pytest

from pullback.primitives import arithmetic as ar
from pullback.primitives import bitwise as bw
from pullback.primitives import power as pw
from pullback.primitives import rounding as ro
from pullback.primitives.cast import Cast
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.selection import MultiplyNoNan
from tests.compiler.steps import native_step

INTEGERS: Final = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
FLOATS: Final = ("f4", "f8")
UNARY: Final[list[Primitive]] = [
    ro.Sign(),
    ro.Floor(),
    ro.Ceil(),
    ro.Trunc(),
    ro.Round(0),
    ro.Round(2),
    ro.Signbit(),
    ro.Abs(),
    ar.Negative(),
    pw.Square(),
    *(pw.IntegerPower(exponent) for exponent in (0, 1, 2, 3, 7)),
]
BINARY: Final[list[Primitive]] = [
    ro.FloorDivide(),
    ro.Remainder(),
    ro.Fmod(),
    bw.LeftShift(),
    bw.RightShift(),
    MultiplyNoNan(),
]


def edges(dtype: str) -> Value:
    """Return what is special: the ends of the range, zeros, what is near them."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        numbers = [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, 1e30, np.inf, -np.inf, np.nan, -1.2345]
        return np.array(numbers, kind)
    info = np.iinfo(kind)
    numbers = [info.min, info.min + 1, -65, -8, -7, -1, 0, 1, 2, 3, 7, 8, 31, 64, info.max]
    return np.array([n for n in numbers if info.min <= n <= info.max], kind)


@pytest.mark.parametrize("primitive", UNARY)
@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_functions_of_one_number_agree(primitive: Primitive, dtype: str) -> None:
    x = edges(dtype)
    inexact = isinstance(primitive, pw.IntegerPower) and dtype in FLOATS
    native_step(primitive, x, tolerance=1e-6 if inexact else 0.0)


@pytest.mark.parametrize("primitive", BINARY)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_functions_of_two_integers_agree(primitive: Primitive, dtype: str) -> None:
    pairs = np.array(list(itertools.product(edges(dtype), edges(dtype))), dtype)
    native_step(primitive, pairs[:, 0].copy(), pairs[:, 1].copy())


@pytest.mark.parametrize("primitive", BINARY[:3])
@pytest.mark.parametrize("dtypes", [("?", "?"), ("i1", "u1"), ("u4", "i8"), ("i2", "u2")])
def test_dtypes_may_differ(primitive: Primitive, dtypes: tuple[str, str]) -> None:
    x, y = (np.arange(-3, 4).astype(dtype) for dtype in dtypes)
    native_step(primitive, x, y[::-1].copy())


@pytest.mark.parametrize("decimals", [-3, -1, 1, 2, 8])
@pytest.mark.parametrize("dtype", FLOATS)
def test_rounding_to_decimals_agrees(decimals: int, dtype: str) -> None:
    x = np.random.default_rng(0).normal(size=200, scale=100).astype(dtype)
    native_step(ro.Round(decimals), np.concatenate([x, edges(dtype)]))


@pytest.mark.parametrize("have", FLOATS)
@pytest.mark.parametrize("want", ["i1", "u1", "i2", "u2", "i4", "i8"])
def test_conversions_of_floats_to_integers_cut(have: str, want: str) -> None:
    info = np.iinfo(want)
    x = np.array([0.0, -0.0, 0.9, -0.9, 1.5, 100.99, info.max // 2, info.max // 3], have)
    native_step(Cast(np.dtype(want)), x)
    if info.min < 0:
        native_step(Cast(np.dtype(want)), -x)
