"""Programs are closed under transformation: every composition of three transforms is right.

Each transform makes of a vector field another one, so that they compose. The outermost one is
compared with plain evaluations of what is inside: a loop for `vmap`, central differences for the
derivatives. The inner ones are outermost in a shorter composition.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

import pullback as pb

Vector: TypeAlias = npt.NDArray[np.float64]
Field: TypeAlias = Callable[[pb.Array], pb.Array]

X = np.array([0.6, -0.4])
V = np.array([0.7, 1.1])
W = np.array([-0.5, 0.9])
SHIFTS = np.array([[0.1, 0.0], [-0.15, 0.23], [0.05, -0.1]])  # none leads to a tie or a kink
STEP = 1e-5


def elementwise(x: pb.Array) -> pb.Array:
    return pb.sin(x) * pb.exp(-x * x) + pb.tanh(2 * x)


def matrices(x: pb.Array) -> pb.Array:
    a = pb.asarray(np.array([[0.3, -1.0], [0.8, 0.5]]))
    return pb.tanh(a @ x) + pb.outer(x, x) @ x


def indexing(x: pb.Array) -> pb.Array:
    swapped = x[::-1] * x[np.array([0, 0])]
    return x.at[0].add(pb.sin(x[1])) + swapped


def branches(x: pb.Array) -> pb.Array:
    return pb.where(x > 0, pb.sqrt(pb.where(x > 0, x, 1.0)), x * x) * pb.maximum(x, -1.0)


def reductions(x: pb.Array) -> pb.Array:
    return pb.logsumexp(x) * x + pb.cumsum(x * x) + pb.prod(x) / (1 + pb.sum(x * x))


def sorting(x: pb.Array) -> pb.Array:
    return pb.sort(x) * pb.concat([x[1:], pb.cos(x[:1])])


def scanning(x: pb.Array) -> pb.Array:
    def step(carry: pb.Array, row: pb.Array) -> tuple[pb.Array, pb.Array]:
        carry = pb.sin(carry) + row * x
        return carry, carry * carry

    last, rows = pb.scan(step, x, pb.asarray(SHIFTS))
    return last + pb.sum(rows, axis=0)


def looping(x: pb.Array) -> pb.Array:
    def going(state: tuple[pb.Array, pb.Array]) -> pb.Array:
        return state[0] < 3

    def step(state: tuple[pb.Array, pb.Array]) -> tuple[pb.Array, pb.Array]:
        return state[0] + 1, pb.cos(state[1]) * x

    return pb.while_loop(going, step, (pb.asarray(0), x), max_steps=5)[1]


def choosing(x: pb.Array) -> pb.Array:
    return pb.cond(x[0] > 0, lambda y: pb.exp(y) * x, lambda y: y * y, x)


def inner_gradient(x: pb.Array) -> pb.Array:
    def f(y: pb.Array) -> pb.Array:
        return pb.sum(pb.sin(y * x) * y)

    return x * pb.grad(f)(x)


def own_rule(x: pb.Array) -> pb.Array:
    def rule(primals: tuple[pb.Array], tangents: tuple[pb.Array], _: pb.Array) -> pb.Array:
        return tangents[0] * pb.cos(primals[0])

    return pb.custom_jvp(pb.sin, rule)(x) * x


def implicit(x: pb.Array) -> pb.Array:
    def solved(y: pb.Array) -> pb.Array:
        return pb.fori_loop(0, 30, lambda _, z: 0.3 * pb.cos(z) + 0.2 * y, y)

    return solved(x) + x


PROGRAMS = [
    elementwise,
    matrices,
    indexing,
    branches,
    reductions,
    sorting,
    scanning,
    looping,
    choosing,
    inner_gradient,
    own_rule,
    implicit,
]


def jvp(f: Field) -> Field:
    return lambda x: pb.jvp(f, x, pb.asarray(V))[1]


def vjp(f: Field) -> Field:
    return lambda x: pb.vjp(f, x)[1](pb.asarray(W))


def vmap(f: Field) -> Field:
    return lambda x: pb.sum(pb.vmap(f)(x + pb.asarray(SHIFTS)), axis=0)


def linearize(f: Field) -> Field:
    return lambda x: pb.linearize(f, x)[1](pb.asarray(V))


def checkpoint(f: Field) -> Field:
    return pb.checkpoint(f)


def at(f: Field, x: Vector) -> Vector:
    return np.asarray(f(pb.asarray(x)))


def jacobian(f: Field) -> Vector:
    """The Jacobian by central differences, two of them extrapolated: the error is of order h⁴."""

    def slope(direction: Vector, step: float) -> Vector:
        return (at(f, X + step * direction) - at(f, X - step * direction)) / (2 * step)

    columns = [(4 * slope(e, STEP * 50) - slope(e, STEP * 100)) / 3 for e in np.eye(2)]
    return np.stack(columns, axis=1)


EXPECTED: dict[Callable[[Field], Field], Callable[[Field], Vector]] = {
    jvp: lambda f: jacobian(f) @ V,
    vjp: lambda f: jacobian(f).T @ W,
    vmap: lambda f: np.sum([at(f, X + shift) for shift in SHIFTS], axis=0),
    linearize: lambda f: jacobian(f) @ V,
    checkpoint: lambda f: at(f, X),
}
CHAINS = [chain for depth in (1, 2, 3) for chain in product(EXPECTED, repeat=depth)]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "-".join(t.__name__ for t in chain))
def test_every_composition_is_right(
    chain: tuple[Callable[[Field], Field], ...], program: Field
) -> None:
    outer, *inner = chain
    f = program
    for transform in reversed(inner):
        f = transform(f)
    np.testing.assert_allclose(at(outer(f), X), EXPECTED[outer](f), rtol=1e-6, atol=1e-7)
