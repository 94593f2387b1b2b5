"""The rates of the Lotka-Volterra equations, fitted to data through the steps of their solver.

The solver is an ordinary loop of Runge-Kutta steps, and `value_and_grad` goes through all of them.
The rates are fitted as logarithms, which keeps them positive.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize

import pullback as pb

Array = npt.NDArray[np.float64]

STEP = 0.1
STEPS = 60
START = np.array([10.0, 5.0])


class Rates(NamedTuple):
    """How fast prey are born and hunted, and predators feed and die."""

    birth: float
    hunt: float
    feed: float
    death: float


TRUTH = Rates(birth=1.1, hunt=0.4, feed=0.1, death=0.4)
GUESS = Rates(birth=1.0, hunt=0.3, feed=0.12, death=0.5)


def slope(rates: Rates, state: Array) -> Array:
    """Return the derivative of (prey, predators) by time."""
    prey, predators = state
    met = prey * predators
    return np.stack(
        [rates.birth * prey - rates.hunt * met, rates.feed * met - rates.death * predators]
    )


def simulate(rates: Rates) -> Array:
    """Return the populations after each step of the classical Runge-Kutta method."""
    state, path = START, []
    for _ in range(STEPS):
        k1 = slope(rates, state)
        k2 = slope(rates, state + STEP / 2 * k1)
        k3 = slope(rates, state + STEP / 2 * k2)
        k4 = slope(rates, state + STEP * k3)
        state = state + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        path.append(state)
    return np.stack(path)


def loss(logarithms: Array, data: Array) -> np.float64:
    """Return the sum of squared errors of the populations' logarithms."""
    errors = np.log(simulate(Rates(*np.exp(logarithms)))) - np.log(data)
    total: np.float64 = np.sum(errors**2)
    return total


def main() -> None:
    """Recover the rates from the populations that they produce."""
    data, start = simulate(TRUTH), np.log(GUESS)
    print("gradient at the guess:", " ".join(f"{g:.4f}" for g in pb.grad(loss)(start, data)))
    fit = optimize.minimize(pb.value_and_grad(loss), start, args=(data,), jac=True)
    for name, rate in zip(Rates._fields, np.exp(fit.x), strict=True):
        print(f"{name}: {rate:.4f}")


if __name__ == "__main__":
    main()
