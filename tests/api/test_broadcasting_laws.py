"""Laws of broadcasting, for any shapes that broadcast and any values."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.primitives.quantity import Value
from tests.checks import pullback_of

Partials = Callable[[Value, Value], tuple[Value, Value]]

#: Function, NumPy's, and the partial derivatives as the textbook has them.
LAWS: list[tuple[Callable[..., pb.Array], Callable[..., Value], Partials]] = [
    (pb.add, np.add, lambda x, y: (1.0, 1.0)),
    (pb.multiply, np.multiply, lambda x, y: (y, x)),
    (pb.divide, np.divide, lambda x, y: (1 / y, -x / y**2)),
    (pb.pow, np.power, lambda x, y: (y * x ** (y - 1), x**y * np.log(x))),
]


@st.composite
def broadcasting_operands(draw: st.DrawFn) -> tuple[Value, Value]:
    """Draw two arrays of shapes that broadcast, of positive numbers away from 0."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
    elements = st.floats(0.25, 4.0)
    x, y = (draw(hnp.arrays(np.float64, s, elements=elements)) for s in shapes.input_shapes)
    return x[()], y[()]


def summed_to(shape: tuple[int, ...], array: Value) -> Value:
    """Sum, one element at a time, what broadcasting from ``shape`` repeated."""
    result = np.zeros(shape)
    for index in np.ndindex(array.shape):
        trailing = index[len(index) - len(shape) :]
        place = tuple(0 if n == 1 else i for i, n in zip(trailing, shape, strict=True))
        result[place] += array[index]
    return result


@pytest.mark.parametrize(("ours", "numpys", "partials"), LAWS)
@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(operands=broadcasting_operands())
def test_values_are_numpys_and_gradients_are_summed_to_the_operands(
    ours: Callable[..., pb.Array],
    numpys: Callable[..., Value],
    partials: Partials,
    operands: tuple[Value, Value],
) -> None:
    x, y = operands
    out = ours(x, y)
    expected = numpys(x, y)
    assert out.shape == expected.shape
    np.testing.assert_allclose(out._value, expected, rtol=1e-14)

    cotangent = np.cos(np.arange(expected.size)).reshape(expected.shape)
    bars = pullback_of(ours, [x, y], cotangent[()])
    for bar, operand, partial in zip(bars, (x, y), partials(x, y), strict=True):
        product = np.broadcast_to(cotangent * partial, expected.shape)
        np.testing.assert_allclose(
            bar, summed_to(np.shape(operand), product), rtol=1e-12, atol=1e-12
        )
