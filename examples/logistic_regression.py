"""Logistic regression by `scipy.optimize.minimize`, with standard errors from the Hessian.

`value_and_grad` gives the optimiser value and gradient in one call (``jac=True``). At the optimum
the inverse of the Hessian of the negative log-likelihood estimates the covariance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

import pullback as pb

Array = npt.NDArray[np.float64]

NAMES = ("intercept", "dose", "age")


def observations() -> tuple[Array, Array]:
    """Return made-up data: a design matrix and outcomes 0 and 1."""
    rng = np.random.default_rng(1)
    design = np.column_stack([np.ones(400), rng.normal(size=(400, 2))])
    chance = special.expit(design @ np.array([-0.5, 2.0, -1.0]))
    return design, (rng.random(400) < chance).astype(np.float64)


def loss(weights: Array, design: Array, outcomes: Array) -> np.float64:
    """Return the negative log-likelihood, stable for any weights."""
    scores = design @ weights
    return np.sum(np.logaddexp(0.0, scores) - outcomes * scores)


def hessian(weights: Array, design: Array, outcomes: Array) -> Array:
    """Return the second derivatives of the loss, one row for each weight."""

    def slope(weights: Array, i: int) -> np.float64:
        component: np.float64 = pb.grad(loss)(weights, design, outcomes)[i]
        return component

    return np.stack([pb.grad(slope)(weights, i) for i in range(len(weights))])


def main() -> None:
    """Fit and print."""
    data = observations()
    fit = optimize.minimize(pb.value_and_grad(loss), np.zeros(3), args=data, jac=True)
    errors = np.sqrt(np.diag(np.linalg.inv(hessian(fit.x, *data))))
    for name, weight, error in zip(NAMES, fit.x, errors, strict=True):
        print(f"{name}: {weight:.4f} ± {error:.4f}")


if __name__ == "__main__":
    main()
