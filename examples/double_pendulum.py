"""A double pendulum whose equations of motion are derivatives of its Lagrangian.

Lagrange's equations, d/dt ∂L/∂v = ∂L/∂q, solved for the accelerations a:

    M a = ∂L/∂q - C v,   with M = ∂²L/∂v∂v and C = ∂²L/∂v∂q.

Only L is written down; M and C come from `grad` of `grad`, a row at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp

import pullback as pb

Vector = npt.NDArray[np.floating]

GRAVITY = 9.81


def kinetic(q: Vector, v: Vector) -> np.floating:
    """Return the kinetic energy: unit masses on unit rods, angles q at angular velocities v."""
    energy: np.floating = v[0] ** 2 + v[1] ** 2 / 2 + v[0] * v[1] * np.cos(q[0] - q[1])
    return energy


def potential(q: Vector) -> np.floating:
    """Return the potential energy."""
    energy: np.floating = -GRAVITY * (2 * np.cos(q[0]) + np.cos(q[1]))
    return energy


def lagrangian(q: Vector, v: Vector) -> np.floating:
    """Return L = T - V."""
    return kinetic(q, v) - potential(q)


def jacobian(f: Callable[[Vector], Vector], x: Vector) -> Vector:
    """Return the matrix of ∂f[i]/∂x[j]."""

    def component(x: Vector, i: int) -> np.floating:
        y: np.floating = f(x)[i]
        return y

    return np.stack([pb.grad(component)(x, i) for i in range(len(x))])


def acceleration(q: Vector, v: Vector) -> Vector:
    """Return what Lagrange's equations say."""
    force, momentum = pb.grad(lagrangian, argnums=0), pb.grad(lagrangian, argnums=1)
    mass = jacobian(lambda v: momentum(q, v), v)
    drift = jacobian(lambda q: momentum(q, v), q)
    return np.linalg.solve(mass, force(q, v) - drift @ v)


def motion(_: float, state: Vector) -> Vector:
    """Return the derivative of (q, v) by time."""
    q, v = state[:2], state[2:]
    return np.concatenate([v, acceleration(q, v)])


def main() -> None:
    """Let it swing for a second, and print where it is and how well the energy was kept."""
    start = np.array([2.0, 1.0, 0.0, 0.0])
    path = solve_ivp(motion, (0.0, 1.0), start, rtol=1e-6, atol=1e-6)
    energies = [kinetic(s[:2], s[2:]) + potential(s[:2]) for s in path.y.T]
    first, second = acceleration(start[:2], start[2:])
    print(f"accelerations at the start: {first:.6f} {second:.6f}")
    print(f"angles after one second: {path.y[0, -1]:.4f} {path.y[1, -1]:.4f}")
    print(f"energy kept to 1e-4: {np.ptp(energies) < 1e-4}")


if __name__ == "__main__":
    main()
