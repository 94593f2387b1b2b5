"""Loops and branches beside JAX's, for functions written once.

On top of the comparison with plain Python loops in tests/control, never in place of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any  # noqa: TID251 - see AnyArray

import numpy as np
import pytest

import pullback as pb
from pullback import cond, fori_loop, scan, switch, tree, while_loop

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
lax: Any = jax.lax
jax.config.update("jax_enable_x64", True)

#: An array of whichever library computes with it, or the library: no one type fits them all.
AnyArray = Any


class Ours:
    """The names of JAX, for our functions."""

    numpy: AnyArray = pb
    scan: AnyArray = staticmethod(scan)
    fori_loop: AnyArray = staticmethod(fori_loop)
    while_loop: AnyArray = staticmethod(while_loop)
    cond: AnyArray = staticmethod(cond)
    switch: AnyArray = staticmethod(switch)
    grad: AnyArray = staticmethod(pb.grad)
    vmap: AnyArray = staticmethod(pb.vmap)

    @staticmethod
    def jvp(f: AnyArray, x: AnyArray, v: AnyArray) -> AnyArray:
        return pb.jvp(f, x, v)[1]


class Jax:
    """JAX's functions, under the same names."""

    numpy: AnyArray = jnp
    scan: AnyArray = staticmethod(lax.scan)
    fori_loop: AnyArray = staticmethod(lax.fori_loop)
    while_loop: AnyArray = staticmethod(lax.while_loop)
    cond: AnyArray = staticmethod(lax.cond)
    switch: AnyArray = staticmethod(lax.switch)
    grad: AnyArray = staticmethod(jax.grad)
    vmap: AnyArray = staticmethod(jax.vmap)

    @staticmethod
    def jvp(f: AnyArray, x: AnyArray, v: AnyArray) -> AnyArray:
        return jax.jvp(f, (x,), (v,))[1]


Library = type[Ours] | type[Jax]
RNG = np.random.default_rng(0)
P = {
    "h": RNG.uniform(0.2, 0.9, 3),
    "w": RNG.uniform(-0.7, 0.7, (3, 3)),
    "xs": RNG.uniform(0.2, 0.9, (6, 3)),
}
V = {name: RNG.standard_normal(x.shape) for name, x in P.items()}


def network(lib: Library, p: AnyArray) -> AnyArray:
    xp = lib.numpy

    def step(h: AnyArray, x: AnyArray) -> AnyArray:
        gate = 1 / (1 + xp.exp(-(p["w"] @ h)))
        h = gate * h + (1 - gate) * xp.tanh(p["w"].T @ x + h)
        return h, {"sum": xp.sum(h), "h": h * x}

    h, ys = lib.scan(step, p["h"], p["xs"], reverse=True)
    return xp.sum(h * h) + xp.sum(ys["h"]) * xp.sum(xp.sin(ys["sum"]))


def nested(lib: Library, p: AnyArray) -> AnyArray:
    xp = lib.numpy

    def inner(g: AnyArray, x: AnyArray) -> AnyArray:
        return xp.sin(g) * x + g, xp.sum(g)

    def step(h: AnyArray, x: AnyArray) -> AnyArray:
        g, sums = lib.scan(inner, h * x, p["w"])
        return g, sums

    h, ys = lib.scan(step, p["h"], p["xs"])
    return xp.sum(h) + xp.sum(xp.cos(ys))


def branching(lib: Library, p: AnyArray) -> AnyArray:
    xp = lib.numpy

    def step(h: AnyArray, x: AnyArray) -> AnyArray:
        h = lib.cond(xp.sum(x) > 1.6, lambda h: xp.tanh(h + x), lambda h: p["w"] @ h, h)
        return h, lib.switch(
            xp.asarray(xp.floor(x[0] * 3), dtype=int),
            [lambda h: h, lambda h: h * x, lambda h: xp.exp(-h)],
            h,
        )

    h, ys = lib.scan(step, p["h"], p["xs"])
    return xp.sum(h) + xp.sum(ys)


def counting(lib: Library, p: AnyArray) -> AnyArray:
    xp = lib.numpy

    def body(i: AnyArray, h: AnyArray) -> AnyArray:
        return xp.sin(p["w"] @ h + i) + p["xs"][0]

    return xp.sum(lib.fori_loop(1, 7, body, p["h"]) ** 2)


def waiting(lib: Library, p: AnyArray) -> AnyArray:
    """For forward mode: JAX has no other."""
    xp = lib.numpy

    def test(s: AnyArray) -> AnyArray:
        return (s[0] < 8) & (xp.sum(s[1]) < 6 + p["w"][0, 0])

    def body(s: AnyArray) -> AnyArray:
        return s[0] + 1, s[1] * 1.3 + xp.abs(p["w"] @ s[1])

    n, h = lib.while_loop(test, body, (0, p["h"]))
    return xp.sum(h) * n + xp.sum(p["xs"])


def total(xp: AnyArray, a: AnyArray, b: AnyArray) -> AnyArray:
    return sum(xp.sum(a[name] * b[name]) for name in sorted(a))


def rows(p: AnyArray) -> AnyArray:
    return {name: np.stack([x, 0.9 * x, x + 0.05]) for name, x in p.items()}


Composition = Callable[[Library, AnyArray], AnyArray]
FORWARD: dict[str, Composition] = {
    "value": lambda lib, f: f(P),
    "jvp": lambda lib, f: lib.jvp(f, P, V),
    "jvp of jvp": lambda lib, f: lib.jvp(lambda p: lib.jvp(f, p, V), P, V),
    "vmap": lambda lib, f: lib.vmap(f)(rows(P)),
    "vmap of jvp": lambda lib, f: lib.vmap(lambda p: lib.jvp(f, p, V))(rows(P)),
}
REVERSE: dict[str, Composition] = {
    "grad": lambda lib, f: lib.grad(f)(P),
    "grad of grad": lambda lib, f: lib.grad(lambda p: total(lib.numpy, lib.grad(f)(p), V))(P),
    "jvp of grad": lambda lib, f: lib.jvp(lib.grad(f), P, V),
    "vmap of grad": lambda lib, f: lib.vmap(lib.grad(f))(rows(P)),
    "grad of vmap": lambda lib, f: lib.grad(lambda p: lib.numpy.sum(lib.vmap(f)(p) ** 2))(rows(P)),
}


def compare(composition: Composition, f: AnyArray) -> None:
    ours, theirs = (composition(lib, lambda p, lib=lib: f(lib, p)) for lib in (Ours, Jax))
    for a, b in zip(tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("composition", [*FORWARD, *REVERSE])
@pytest.mark.parametrize("f", [network, nested, branching, counting])
def test_loops_agree(f: AnyArray, composition: str) -> None:
    compare((FORWARD | REVERSE)[composition], f)


@pytest.mark.parametrize("composition", FORWARD)
def test_while_loops_agree(composition: str) -> None:
    compare(FORWARD[composition], waiting)


@pytest.mark.parametrize("length", [0, 1, 5, 16])
def test_scans_of_any_length_agree(length: int) -> None:
    xs = np.linspace(0.1, 0.9, 2 * length).reshape(length, 2)

    def f(lib: Library, p: AnyArray) -> AnyArray:
        h, ys = lib.scan(lambda h, x: (lib.numpy.sin(h) * x + p["h"], h), p["h"], p["xs"])
        return lib.numpy.sum(h) + lib.numpy.sum(ys * 1.5)

    p = {"h": P["h"][:2], "xs": xs}
    compare(lambda lib, g: lib.grad(g)(p), f)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.complex128, np.int32])
def test_dtypes_agree(dtype: type) -> None:
    xs: AnyArray = (RNG.uniform(0.5, 2.0, (4, 2)) * 3).astype(dtype)
    init: AnyArray = np.ones(2, dtype)
    ours, theirs = (lib.scan(lambda c, x: (c * x, (c + 1, x)), init, xs) for lib in (Ours, Jax))
    for a, b in zip(map(np.asarray, tree.leaves(ours)), jax.tree.leaves(theirs), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-6)
