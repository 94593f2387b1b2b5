"""The examples run, and what they print agrees with computations that differentiate nothing."""

from __future__ import annotations

import cmath
import math
import re
import runpy
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import sparse
from scipy.integrate import solve_ivp
from scipy.sparse.linalg import spsolve

Vector = npt.NDArray[np.float64]

FOLDER = Path(__file__).parent.parent / "examples"


def printed(name: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run an example and return the lines it prints."""
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out.splitlines()


def numbers(line: str) -> list[float]:
    """Return the numbers with a decimal point that stand in a line."""
    return [float(text) for text in re.findall(r"-?\d+\.\d+", line)]


def test_every_example_is_checked_here_or_with_the_command_line() -> None:
    checked = {"tutorial_scalar"}  # in test_cli.py
    checked |= {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in FOLDER.glob("*.py")} <= checked


def test_black_scholes(capsys: pytest.CaptureFixture[str]) -> None:
    spot, strike, years, rate, volatility = 100.0, 110.0, 0.5, 0.02, 0.25
    root = math.sqrt(years)
    d1 = (math.log(spot / strike) + (rate + volatility**2 / 2) * years) / (volatility * root)
    below1, below2 = (0.5 * math.erfc(-d / math.sqrt(2)) for d in (d1, d1 - volatility * root))
    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    present = strike * math.exp(-rate * years) * below2
    wanted = {
        "price": spot * below1 - present,
        "delta": below1,
        "gamma": density / (spot * volatility * root),
        "theta": -spot * density * volatility / (2 * root) - rate * present,
        "rho": years * present,
        "vega": spot * density * root,
    }
    lines = printed("black_scholes", capsys)
    assert lines == [f"{name} {value:.6f}" for name, value in wanted.items()]


def pendulum_by_the_book(_: float, state: Vector) -> list[float]:
    """Return the motion of a double pendulum of unit masses and rods, solved by hand."""
    p, q, v, w = (float(number) for number in state)
    g, s, c = 9.81, math.sin(p - q), math.cos(p - q)
    scale = 2 - c * c  # the determinant of the mass matrix
    first = -2 * g * math.sin(p) - w * w * s
    second = v * v * s - g * math.sin(q)
    return [v, w, (first - c * second) / scale, (2 * second - c * first) / scale]


def test_double_pendulum(capsys: pytest.CaptureFixture[str]) -> None:
    start = np.array([2.0, 1.0, 0.0, 0.0])
    path = solve_ivp(pendulum_by_the_book, (0.0, 1.0), start, rtol=1e-10, atol=1e-10)
    accelerations, angles, kept = printed("double_pendulum", capsys)
    np.testing.assert_allclose(
        numbers(accelerations), pendulum_by_the_book(0.0, start)[2:], atol=1e-6
    )
    np.testing.assert_allclose(numbers(angles), path.y[:2, -1], atol=1e-4)
    assert kept.endswith("True")


def test_gradient_service(capsys: pytest.CaptureFixture[str]) -> None:
    fit, same = printed("gradient_service", capsys)
    # Where outliers r << -1 pull with -1 each, Huber's loss is least where r, linear in what the
    # fit is off by, balances them: Σ r = k and Σ r x = Σ' x, the sums over inliers and outliers.
    x = np.linspace(-1.0, 1.0, 50)
    outlier = np.arange(50) % 7 == 0
    near, far = x[~outlier], x[outlier]
    normal = [[near @ near, near.sum()], [near.sum(), near.size]]
    off = np.linalg.solve(normal, [far.sum(), far.size])
    np.testing.assert_allclose(numbers(fit), np.array([3.0, 1.0]) + off, atol=1e-4)
    assert same == "one thread answers the same: True"


def test_logistic_regression(capsys: pytest.CaptureFixture[str]) -> None:
    example = runpy.run_path(str(FOLDER / "logistic_regression.py"))
    design, outcomes = example["observations"]()
    weights, covariance = np.zeros(3), np.zeros((3, 3))
    for _ in range(20):  # Newton's method, with the derivatives from the book
        chance = 1 / (1 + np.exp(-design @ weights))
        covariance = np.linalg.inv((design.T * (chance * (1 - chance))) @ design)
        weights += covariance @ (design.T @ (outcomes - chance))
    errors = np.sqrt(np.diag(covariance))
    lines = printed("logistic_regression", capsys)
    assert [line.split(":")[0] for line in lines] == ["intercept", "dose", "age"]
    np.testing.assert_allclose(
        [numbers(line) for line in lines], np.stack([weights, errors], axis=1), atol=1e-4
    )


def test_ignition(capsys: pytest.CaptureFixture[str]) -> None:
    side = 32
    along = sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(side, side))
    one = sparse.eye_array(side)
    laplacian = (sparse.kron(along, one) + sparse.kron(one, along)) * (side + 1) ** 2

    def hottest(strength: float) -> float:
        """Return the highest temperature, by Newton's method with the Jacobian from the book."""
        u = np.zeros(side * side)
        for _ in range(8):
            heat = strength * np.exp(u)
            jacobian = (laplacian + sparse.diags_array(heat)).tocsc()
            u = u - np.asarray(spsolve(jacobian, laplacian @ u + heat), np.float64)
        return float(u.max())

    colors, temperature, slope = printed("ignition", capsys)
    assert colors.startswith("products for each Jacobian of 1024 equations: ")
    assert int(colors.split()[-1]) < 10
    np.testing.assert_allclose(numbers(temperature), hottest(5.0), atol=1e-7)
    # Differences at ±h and ±h/2, of which Richardson's extrapolation takes the error of order h².
    wide, near = ((hottest(5 + h) - hottest(5 - h)) / (2 * h) for h in (0.1, 0.05))
    np.testing.assert_allclose(numbers(slope), (4 * near - wide) / 3, atol=2e-5)


def test_poisson_network(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed("poisson_network", capsys)
    assert len(lines) == 3
    for line in lines:
        x, y, found = numbers(line)
        assert found == pytest.approx(math.sin(math.pi * x) * math.sin(math.pi * y), abs=5e-3)


def populations(rates: list[complex]) -> list[tuple[complex, complex]]:
    """Return prey and predators after each Runge-Kutta step, in plain complex arithmetic."""
    birth, hunt, feed, death = rates

    def moved(x: complex, y: complex, by: tuple[complex, complex], h: float) -> tuple[complex, ...]:
        return x + h * by[0], y + h * by[1]

    def slope(x: complex, y: complex) -> tuple[complex, complex]:
        return birth * x - hunt * x * y, feed * x * y - death * y

    x, y, h = 10.0 + 0j, 5.0 + 0j, 0.1
    path = []
    for _ in range(60):
        k1 = slope(x, y)
        k2 = slope(*moved(x, y, k1, h / 2))
        k3 = slope(*moved(x, y, k2, h / 2))
        k4 = slope(*moved(x, y, k3, h))
        total = [a + 2 * b + 2 * c + d for a, b, c, d in zip(k1, k2, k3, k4, strict=True)]
        x, y = x + h / 6 * total[0], y + h / 6 * total[1]
        path.append((x, y))
    return path


def test_predator_prey(capsys: pytest.CaptureFixture[str]) -> None:
    truth, guess = [1.1, 0.4, 0.1, 0.4], [1.0, 0.3, 0.12, 0.5]
    data = populations([complex(rate) for rate in truth])

    def slope(varied: int) -> float:
        """Return ∂loss/∂log(rate) by a complex step, which has no error of cancellation."""
        rates = [rate * cmath.exp(1e-20j * (i == varied)) for i, rate in enumerate(guess)]
        pairs = zip(populations(rates), data, strict=True)
        errors = [
            cmath.log(p) - cmath.log(q) for ps, qs in pairs for p, q in zip(ps, qs, strict=True)
        ]
        return sum(error * error for error in errors).imag / 1e-20

    gradient, *fitted = printed("predator_prey", capsys)
    np.testing.assert_allclose(numbers(gradient), [slope(i) for i in range(4)], atol=1e-4)
    names = ("birth", "hunt", "feed", "death")
    assert fitted == [f"{name}: {rate:.4f}" for name, rate in zip(names, truth, strict=True)]
