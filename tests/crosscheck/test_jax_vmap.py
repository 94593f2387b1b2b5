"""`vmap` and `associative_scan` beside JAX's, for functions written once.

On top of the comparisons with single calls in the other tests, never in place of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any  # noqa: TID251 - see AnyArray

import numpy as np
import pytest

import pullback as pb
from pullback import associative_scan
from tests.one_by_one import grad, values_of, vmap

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
jax.config.update("jax_enable_x64", True)

#: An array of whichever library computes with it: no one type fits them all.
AnyArray = Any

Function = Callable[..., AnyArray]
RNG = np.random.default_rng(0)
XS = RNG.uniform(0.2, 0.9, (4, 3))
CUBE = RNG.standard_normal((4, 3, 3))
INDICES = np.array([2, 0, 1, 0])
FLAGS = np.array([True, False, False, True])

CASES: list[tuple[str, Function, tuple[AnyArray, ...], AnyArray]] = [
    ("matmul", lambda xp, a, x: a @ x, (CUBE, XS), (0, 0)),
    ("matmul shared", lambda xp, a, x: a @ x, (CUBE, XS[0]), (0, None)),
    ("einsum", lambda xp, a, x: xp.einsum("ij,jk,k->i", a, a, x), (CUBE, XS[0]), (0, None)),
    ("index", lambda xp, x, i: x[i] * xp.take(x, i), (XS, INDICES), 0),
    ("index of shared", lambda xp, x, i: xp.asarray(x)[i], (XS[0], INDICES), (None, 0)),
    ("update", lambda xp, x, i: x.at[i].add(2.0).at[0].set(x[1]), (XS, INDICES), 0),
    ("sort", lambda xp, x: (xp.sort(x), xp.argsort(-x)), (XS,), 0),
    ("norms", lambda xp, x: xp.sqrt(xp.sum(x * x)) + xp.max(x), (XS,), 0),
    ("outer", lambda xp, x, y: xp.outer(x, y) - x[:, None], (XS, XS.T), (0, 1)),
    ("where", lambda xp, f, x: xp.where(f, xp.log(x), x), (FLAGS, XS), 0),
    ("cumulative", lambda xp, x: xp.cumsum(x) * xp.flip(x), (XS,), 0),
    ("search", lambda xp, x: xp.searchsorted(xp.sort(x), x), (XS,), 0),  # the last: no gradient
]


@pytest.mark.parametrize(("f", "args", "axes"), [pytest.param(*c[1:], id=c[0]) for c in CASES])
def test_batches_are_those_of_jax(f: Function, args: tuple[AnyArray, ...], axes: AnyArray) -> None:
    found = vmap(lambda *xs: f(pb, *xs), axes)(*args)
    expected = jax.vmap(lambda *xs: f(jnp, *xs), axes)(*args)
    for one, other in zip(values_of(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize(("f", "args", "axes"), [pytest.param(*c[1:], id=c[0]) for c in CASES[:-1]])
def test_gradients_of_batches_are_those_of_jax(
    f: Function, args: tuple[AnyArray, ...], axes: AnyArray
) -> None:
    number = next(i for i, x in enumerate(args) if x.dtype == np.float64)

    def loss(xp: AnyArray, map_over: Function) -> Function:
        def total(*xs: AnyArray) -> AnyArray:
            result = map_over(lambda *one: f(xp, *one), axes)(*xs)
            first = result[0] if isinstance(result, tuple) else result
            return xp.sum(first * xp.sin(first * 1.0))

        return total

    found = grad(loss(pb, vmap), number)(*args)
    expected = jax.grad(loss(jnp, jax.vmap), number)(*args)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("out_axis", [0, 1, -1])
@pytest.mark.parametrize("in_axis", [0, 1, -1, -3])
def test_axes_are_those_of_jax(in_axis: int, out_axis: int) -> None:
    np.testing.assert_array_equal(
        vmap(lambda x: x * x[0], in_axis, out_axis)(CUBE),
        jax.vmap(lambda x: x * x[0], in_axis, out_axis)(CUBE),
    )


def test_control_flow_is_that_of_jax() -> None:
    def f(xp: AnyArray, x: AnyArray, n: AnyArray) -> AnyArray:
        scan = pb.scan if xp is pb else jax.lax.scan
        cond = pb.cond if xp is pb else jax.lax.cond
        loop = pb.while_loop if xp is pb else jax.lax.while_loop
        _, ys = scan(lambda c, y: (c * y + 1.0, c), xp.asarray(1.0), x)
        _, power = loop(lambda s: s[0] < n, lambda s: (s[0] + 1, s[1] * x), (n * 0, x))
        return cond(xp.sum(x) > 1.5, lambda y: y * 2, lambda y: -y, ys + power)

    found = vmap(lambda *args: f(pb, *args))(XS, INDICES)
    np.testing.assert_allclose(found, jax.vmap(lambda *args: f(jnp, *args))(XS, INDICES))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [0, 1, 2, 5, 8, 13])
@pytest.mark.parametrize("axis", [0, 1])
def test_running_combinations_are_those_of_jax(axis: int, length: int, *, reverse: bool) -> None:
    shape = (length, 2, 2) if axis == 0 else (2, length)
    a = RNG.standard_normal(shape)
    combine: Function = (lambda x, y: x @ y) if axis == 0 else (lambda x, y: x * y)
    np.testing.assert_allclose(
        associative_scan(combine, a, reverse=reverse, axis=axis),
        jax.lax.associative_scan(combine, a, reverse=reverse, axis=axis),
        rtol=1e-10,
    )
