"""Poisson's equation Δu = f on the unit square, solved by a small neural network.

The network is zero on the border whatever its weights. They are fitted such that its Laplacian is
f at random points: derivatives by the point, of second order, inside a gradient by the weights.
Nothing is told about the solution, which is sin(πx)·sin(πy) for this f.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import optimize

import pullback as pb

Array = npt.NDArray[np.float64]


def network(point: Array, weights: Array) -> Array:
    """Return u at a point: a layer of neurons, each of which has four weights."""
    neurons = weights.reshape(-1, 4)
    hidden = np.tanh(neurons[:, :2] @ point + neurons[:, 2])
    u: Array = np.prod(point * (1 - point)) * (neurons[:, 3] @ hidden)
    return u


def source(points: Array) -> Array:
    """Return f at each of several points."""
    f: Array = -2 * np.pi**2 * np.prod(np.sin(np.pi * points), axis=-1)
    return f


def loss(weights: Array, points: Array) -> np.floating:
    """Return the mean squared error of the equation."""
    curvature = pb.vmap(pb.laplacian(network), in_axes=(0, None))(points, weights)
    return np.mean((curvature - source(points)) ** 2)


def main() -> None:
    """Fit, and print u where it is known."""
    rng = np.random.default_rng(0)
    points, start = rng.random((100, 2)), rng.normal(size=4 * 16)
    fit = optimize.minimize(
        pb.value_and_grad(loss), start, args=(points,), jac=True, options={"maxiter": 200}
    )
    for point in np.array([[0.5, 0.5], [0.25, 0.5], [0.1, 0.8]]):
        print(f"u({point[0]}, {point[1]}) = {network(point, fit.x):.4f}")


if __name__ == "__main__":
    main()
