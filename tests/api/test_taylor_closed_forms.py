"""`taylor` against closed forms and mpmath, and in the solution of differential equations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import mpmath
import numpy as np
import pytest
from scipy import special as sp

import pullback as pb
from pullback import taylor
from pullback.primitives.quantity import Value

ORDER: Final = 12


def coefficients(f: Callable[[Value], Value], x: Value, order: int = ORDER) -> list[Value]:
    """The coefficients of f(x + t), the one of order 0 included."""
    value, rest = taylor(f, x, (1.0,), order=order)
    return [value, *rest]


CLOSED: Final[dict[str, tuple[Callable[[Value], Value], float, Callable[[int], float]]]] = {
    "exp": (pb.exp, 1.0, lambda k: math.e / math.factorial(k)),
    "sin": (pb.sin, 0.0, lambda k: (0, 1, 0, -1)[k % 4] / math.factorial(k)),
    "geometric": (lambda x: 1 / (1 - x), 0.0, lambda k: 1.0),
    "log1p": (pb.log1p, 0.0, lambda k: 0.0 if k == 0 else (-1) ** (k + 1) / k),
    "sqrt": (pb.sqrt, 1.0, lambda k: float(sp.binom(0.5, k))),
    "power": (lambda x: x**2.5, 1.0, lambda k: float(sp.binom(2.5, k))),
    "cube": (lambda x: x**3, 2.0, lambda k: math.comb(3, k) * 2.0 ** (3 - k) if k < 4 else 0.0),
    "inverse square": (lambda x: x**-2, 1.0, lambda k: (-1) ** k * (k + 1.0)),
    "atan": (pb.atan, 0.0, lambda k: (0, 1, 0, -1)[k % 4] / k if k else 0.0),
    # tan x = Σ T_k x^k / k! with the tangent numbers, sec x = Σ |E_k| x^k / k! with Euler's.
    "tan": (pb.tan, 0.0, lambda k: tangent_number(k) / math.factorial(k)),
    "sec": (
        lambda x: 1 / pb.cos(x),
        0.0,
        lambda k: abs(float(mpmath.eulernum(k)) / math.factorial(k)),
    ),
    "product": (lambda x: x * pb.exp(x), 0.0, lambda k: 1 / math.factorial(k - 1) if k else 0.0),
    "gaussian": (
        lambda x: pb.exp(-x * x),
        0.0,
        lambda k: 0.0 if k % 2 else (-1) ** (k // 2) / math.factorial(k // 2),
    ),
    "legendre": (
        lambda x: (1 - 2 * 0.3 * x + x * x) ** -0.5,
        0.0,
        lambda k: float(sp.eval_legendre(k, 0.3)),
    ),
}


def tangent_number(k: int) -> float:
    """The coefficient T_k of x^k/k! in tan x, from Bernoulli's numbers."""
    if k % 2 == 0:
        return 0.0
    n = (k + 1) // 2
    bernoulli = float(mpmath.bernoulli(2 * n))
    return -math.cos(math.pi * n) * 4.0**n * (4.0**n - 1) * bernoulli / (2 * n)


@pytest.mark.parametrize("name", CLOSED)
def test_closed_form(name: str) -> None:
    f, x, expected = CLOSED[name]
    found = coefficients(f, x)
    np.testing.assert_allclose(found, [expected(k) for k in range(ORDER + 1)], 1e-12, 1e-14)


AGAINST_MPMATH: Final[list[tuple[Callable[[Value], Value], Callable[..., object], float]]] = [
    (pb.tan, mpmath.tan, 0.7),
    (pb.asin, mpmath.asin, 0.4),
    (pb.acos, mpmath.acos, -0.3),
    (pb.acosh, mpmath.acosh, 2.5),
    (pb.asinh, mpmath.asinh, 0.5),
    (pb.atanh, mpmath.atanh, 0.3),
    (pb.tanh, mpmath.tanh, 0.5),
    (pb.cbrt, mpmath.cbrt, 2.0),
    (pb.special.erf, mpmath.erf, 0.6),
    (pb.special.erfinv, mpmath.erfinv, 0.4),
    (pb.special.gammaln, mpmath.loggamma, 2.3),
    (pb.special.digamma, mpmath.digamma, 2.3),
    (pb.special.expit, lambda x: 1 / (1 + mpmath.exp(-x)), 0.8),
    (pb.special.log_ndtr, lambda x: mpmath.log(mpmath.ncdf(x)), -1.5),
    (lambda x: x**x, lambda x: x**x, 1.5),
    (
        lambda x: pb.sin(pb.exp(x)) / pb.sqrt(x),
        lambda x: mpmath.sin(mpmath.exp(x)) / mpmath.sqrt(x),
        1.2,
    ),
    (
        lambda x: pb.hypot(x, x * x) * pb.log2(x),
        lambda x: mpmath.hypot(x, x * x) * mpmath.log(x, 2),
        1.4,
    ),
]


@pytest.mark.parametrize("row", range(len(AGAINST_MPMATH)))
def test_agrees_with_mpmath(row: int) -> None:
    f, reference, x = AGAINST_MPMATH[row]
    with mpmath.workdps(40):
        expected = [float(c) for c in mpmath.taylor(reference, mpmath.mpf(x), ORDER)]
    np.testing.assert_allclose(coefficients(f, x), expected, rtol=1e-9, atol=1e-12)


def solve(f: Callable[[Value], Value], y: Value, order: int) -> list[Value]:
    """The series of the solution of dy/dt = f(y), a coefficient from those before it."""
    series: list[Value] = []
    for k in range(order):
        value, rest = taylor(f, y, series, order=k)
        last = rest[-1] if rest else value
        series.append(last / (k + 1))
    return series


def at(y: Value, series: Sequence[Value], t: float) -> Value:
    return y + sum(c * t**k for k, c in enumerate(series, 1))


def test_an_equation_with_a_pole_is_solved_by_its_series() -> None:
    assert solve(lambda y: y * y, 1.0, 20) == [1.0] * 20  # 1/(1 - t)


def test_a_pendulum_keeps_its_energy_and_reaches_the_exact_angle() -> None:
    def pendulum(y: Value) -> Value:
        return pb.stack([y[1], -pb.sin(y[0])])

    amplitude, end, steps = 1.2, 3.0, 12
    y = np.array([amplitude, 0.0])
    for _ in range(steps):
        y = at(y, solve(pendulum, y, 18), end / steps)
    m = math.sin(amplitude / 2) ** 2
    sn, _, _, _ = sp.ellipj(float(sp.ellipk(m)) - end, m)
    assert y[0] == pytest.approx(2 * math.asin(math.sqrt(m) * sn), rel=1e-12)
    energy = y[1] ** 2 / 2 - math.cos(y[0])
    assert energy == pytest.approx(-math.cos(amplitude), rel=1e-13)
