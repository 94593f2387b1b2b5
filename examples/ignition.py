"""Bratu's equation of ignition, Δu + λ·exp(u) = 0 on the unit square, with u = 0 on its border.

Newton's method solves it on a grid. The Jacobian of its thousand equations has five entries in a
row; their places are found once, and so are the colours that tell which columns one product gives
together. `custom_root` then makes the whole solver a function of λ that can be differentiated.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import spsolve

import pullback as pb

Vector = npt.NDArray[np.float64]

SIDE = 32
UNKNOWNS = SIDE * SIDE


def residual(u: Vector, strength: float) -> Vector:
    """Return what the five-point stencil leaves of the equation at each point of the grid."""
    v = np.pad(u.reshape(SIDE, SIDE), 1)
    neighbours = v[2:, 1:-1] + v[:-2, 1:-1] + v[1:-1, 2:] + v[1:-1, :-2]
    curvature = (neighbours - 4 * v[1:-1, 1:-1]) * (SIDE + 1) ** 2
    return np.ravel(curvature + strength * np.exp(v[1:-1, 1:-1]))


COLORING = pb.color_jacobian(pb.jacobian_sparsity(residual)(np.zeros(UNKNOWNS), 1.0))


def newton(u: Vector, strength: float) -> Vector:
    """Return the solution next to a guess."""
    jacobian = pb.sparse_jacobian(residual, coloring=COLORING)
    u, strength = np.asarray(u), float(strength)
    for _ in range(8):
        step: Vector = spsolve(jacobian(u, strength).tocsc(), residual(u, strength))
        u = u - step
    return u


def solve_sparse(operator: Callable[[Vector], Vector], b: Vector) -> Vector:
    """Return v with operator(v) = b, for the Jacobian or its transpose: both have this pattern."""
    matrix = pb.sparse_jacobian(operator, coloring=COLORING)(np.zeros(UNKNOWNS))
    v: Vector = spsolve(matrix.tocsc(), np.asarray(b))
    return v


solution = pb.custom_root(residual, newton, solve=solve_sparse)


def hottest(strength: float) -> np.float64:
    """Return the maximum of the solution."""
    temperature: np.float64 = np.max(solution(np.zeros(UNKNOWNS), strength))
    return temperature


def main() -> None:
    """Print how hot it gets, and how that depends on λ."""
    temperature, slope = pb.value_and_grad(hottest)(5.0)
    print(f"products for each Jacobian of {UNKNOWNS} equations: {COLORING.number}")
    print(f"highest temperature: {temperature:.8f}")
    print(f"its derivative by the strength: {slope:.6f}")


if __name__ == "__main__":
    main()
