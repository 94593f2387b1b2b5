"""Agreement of a public function with its NumPy namesake, in value, dtype and inferred type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

import pullback as pb
from pullback.core import Array, Trace, make_node
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.types import type_of
from tests.checks import check_function
from tests.primitives.pointwise import slope_at

#: A call of a function that a namespace, NumPy's or ours, has; on an operand.
Call: TypeAlias = Callable[[Value, Value], Value]

DTYPES = ["?", "i1", "u1", "i4", "i8", "u8", "f4", "f8", "c8", "c16"]


def sample(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Value:
    """Return numbers of either sign (but for unsigned dtypes), some equal and some zero."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-3, 4, shape) * 0.75
    if dtype[0] == "c":
        numbers = numbers + 1j * rng.integers(-3, 4, shape)
    return np.asarray(np.abs(numbers) if dtype[0] in "u?" else numbers).astype(dtype)[()]


def distinct(shape: tuple[int, ...], dtype: str = "f8", seed: int = 0) -> Value:
    """Return numbers that are all different and not zero: where derivatives exist."""
    rng = np.random.default_rng(seed)
    numbers = rng.standard_normal(shape)
    if dtype[0] == "c":
        numbers = numbers + 1j * rng.standard_normal(shape)
    return np.asarray(numbers).astype(dtype)[()]


def check_agreement(
    ours: Callable[..., Array | Sequence[Array]],
    theirs: Callable[..., Value],
    *values: Value,
    rtol: float = 0,
    **parameters: object,
) -> None:
    """Check that a function gives NumPy's values and dtypes, and their types without values."""
    expected = theirs(*values, **parameters)
    out = ours(*values, **parameters)
    trace = Trace()
    unknown = [make_node(type_of(v), Input(), (), frozenset({trace})) for v in values]
    typed = ours(*unknown, **parameters)
    if isinstance(expected, (list, tuple)):
        assert not isinstance(out, Array)
        assert not isinstance(typed, Array)
        for part, exact, type_ in zip(out, expected, typed, strict=True):
            _check(part, exact, type_, rtol)
    else:
        assert isinstance(out, Array)
        assert isinstance(typed, Array)
        _check(out, expected, typed, rtol)


def _check(out: Array, expected: Value, typed: Array, rtol: float) -> None:
    assert out.dtype == np.asarray(expected).dtype
    assert out.shape == np.shape(expected)
    np.testing.assert_allclose(out._value, expected, rtol=rtol, atol=rtol)
    assert typed.type == out.type, f"without values {typed.type}, with values {out.type}"


def check_call(call: Call, shape: tuple[int, ...]) -> None:
    """Check that a call gives the same in NumPy's namespace as in ours, for every dtype."""
    for dtype in DTYPES:
        check_agreement(partial(call, pb), partial(call, np), sample(shape, dtype))


def check_derivatives(call: Call, shape: tuple[int, ...]) -> None:
    """Check the derivatives of a call of ours, real and complex; and that float32 stays."""
    for dtype in ("f8", "c16"):
        check_function(lambda x: joined(call(pb, x)), distinct(shape, dtype))
    assert slope_at(lambda x: joined(call(pb, x)), distinct(shape, "f4")).dtype == np.float32


def joined(result: Array | Sequence[Array]) -> Array:
    """Return the arrays that a call returned as one, each with a weight of its own."""
    if isinstance(result, Array):
        return result
    parts = [pb.ravel(part) * (i + 1.0) for i, part in enumerate(result)]
    return pb.concat(parts) if parts else pb.zeros(0)
