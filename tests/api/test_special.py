"""The public special functions are scipy.special's, and differentiate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from scipy import special as scipy_special

from pullback.api import special
from pullback.core import Array
from pullback.errors import DTypeError, ShapeError
from pullback.primitives.quantity import Value
from tests.checks import check_function

#: Ours, SciPy's, and where it is smooth.
FUNCTIONS: Final[list[tuple[Callable[..., Array], Value, tuple[float, float]]]] = [
    (special.erf, scipy_special.erf, (-2, 2)),
    (special.erfc, scipy_special.erfc, (-2, 2)),
    (special.erfcx, scipy_special.erfcx, (-2, 2)),
    (special.erfinv, scipy_special.erfinv, (-0.9, 0.9)),
    (special.ndtr, scipy_special.ndtr, (-2, 2)),
    (special.log_ndtr, scipy_special.log_ndtr, (-3, 2)),
    (special.gammaln, scipy_special.gammaln, (0.2, 4)),
    (special.digamma, scipy_special.digamma, (0.2, 4)),
    (special.expit, scipy_special.expit, (-4, 4)),
    (special.logit, scipy_special.logit, (0.1, 0.9)),
]


@pytest.mark.parametrize(("ours", "scipys", "interval"), FUNCTIONS)
def test_a_function_is_scipys_and_differentiates_twice(
    ours: Callable[..., Array], scipys: Value, interval: tuple[float, float]
) -> None:
    x = np.linspace(*interval, 6).reshape(2, 3)
    np.testing.assert_allclose(ours(x)._value, scipys(x), rtol=1e-15)
    np.testing.assert_allclose(ours(x.tolist())._value, scipys(x), rtol=1e-15)
    single = ours(x.astype(np.float32))
    np.testing.assert_allclose(single._value, scipys(x), rtol=1e-5, atol=1e-6)
    assert single.dtype == np.float32
    scalar = ours(float(x[0, 1]))
    assert str(scalar.type) == "float64[]"
    check_function(ours, x, rtol=1e-5, atol=1e-6)


def test_polygamma_is_scipys_at_every_order() -> None:
    x = np.linspace(0.3, 4, 6)
    for order in range(4):
        expected = scipy_special.polygamma(order, x)
        np.testing.assert_allclose(special.polygamma(order, x)._value, expected, rtol=1e-14)
        check_function(lambda x, n=order: special.polygamma(n, x), x, rtol=1e-4, atol=1e-4)
    assert special.polygamma(1, np.float32(2)).dtype == np.float32


def test_polygamma_of_a_negative_order_is_an_error() -> None:
    with pytest.raises(ShapeError, match="polygamma: the order is -1; expected an integer of at"):
        special.polygamma(-1, 1.0)


def test_xlogy_is_scipys() -> None:
    x, y = np.array([[0.0], [0.5]]), np.array([0.0, 1.0, 3.0])
    assert np.array_equal(special.xlogy(x, y)._value, scipy_special.xlogy(x, y))
    assert special.xlogy(0, 0)._value == 0
    check_function(special.xlogy, np.array([[0.2], [0.5]]), np.array([0.3, 1.0, 3.0]))


def test_entropy_at_the_corners_of_the_simplex_is_zero_with_an_infinite_slope() -> None:
    p = np.array([0.0, 0.25, 1.0])
    assert np.array_equal(special.xlogy(p, p)._value, scipy_special.xlogy(p, p))


@pytest.mark.parametrize("f", [special.erfinv, special.gammaln, special.logit])
def test_complex_operands_are_refused_where_there_is_no_function(f: Value) -> None:
    with pytest.raises(DTypeError, match="not defined for dtype complex128; convert the operand"):
        f(np.ones(2, complex))
