"""Control flow twice: the library's, and plain Python loops and branches of public functions.

A test writes a program once, as a function of which of the two it is to use, and compares what
every composition of transforms makes of both. Plain Python cannot branch on a batch; its batches
are single calls, stacked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

import pullback as pb
from pullback import cond, fori_loop, scan, switch, tree, while_loop
from pullback.primitives.quantity import Value

#: A function of a pytree.
Function: TypeAlias = Callable[[Value], Value]


class Control(NamedTuple):
    """Which control flow a program uses."""

    scan: Callable[..., Value]
    fori_loop: Callable[..., Value]
    while_loop: Callable[..., Value]
    cond: Callable[..., Value]
    switch: Callable[..., Value]


Program: TypeAlias = Callable[[Control, Value], Value]


def leaves(values: Value) -> list[Value]:
    """The leaves of a tree, as values of any kind."""
    return list(tree.leaves(values))


def stacked(rows: Sequence[Value]) -> Value:
    """A tree of what the leaves of several are when stacked."""

    def stack(*parts: Value) -> Value:
        return pb.stack(parts)

    return tree.map(stack, *rows)


def slice_of(xs: Value, i: int) -> Value:
    """A tree of slices."""

    def take(x: Value) -> Value:
        return x[i]

    return tree.map(take, xs)


def python_scan(
    f: Value,
    init: Value,
    xs: Value,
    length: int | None = None,
    *,
    reverse: bool = False,
    **_: Value,
) -> Value:
    steps = len(leaves(xs)[0]) if length is None else length
    carry, ys = init, []
    for i in range(steps)[::-1] if reverse else range(steps):
        carry, y = f(carry, slice_of(xs, i))
        ys.append(y)
    if not ys:
        return carry, None
    return carry, stacked(ys[::-1] if reverse else ys)


def python_fori_loop(lower: Value, upper: Value, body: Value, init: Value, **_: Value) -> Value:
    value = init
    for i in range(int(lower), int(upper)):
        value = body(i, value)
    return value


def python_while_loop(
    test: Value, body: Value, init: Value, *, max_steps: int | None = None
) -> Value:
    value, steps = init, 0
    while steps != max_steps and test(value):
        value = body(value)
        steps += 1
    return value


def python_cond(pred: Value, f: Value, g: Value, *args: Value, **kwargs: Value) -> Value:
    return f(*args, **kwargs) if pred else g(*args, **kwargs)


def python_switch(index: Value, branches: Sequence[Value], *args: Value, **kwargs: Value) -> Value:
    return branches[min(max(int(index), 0), len(branches) - 1)](*args, **kwargs)


OURS = Control(scan, fori_loop, while_loop, cond, switch)
PYTHON = Control(python_scan, python_fori_loop, python_while_loop, python_cond, python_switch)


def python_vmap(f: Function, axes: Value) -> Function:
    """Call a function for each row, and stack the results."""

    def mapped(p: Value) -> Value:
        sizes = [len(x) for x, axis in zip(p.values(), axes.values(), strict=True) if axis == 0]
        rows = [
            {name: p[name] if axis is None else p[name][i] for name, axis in axes.items()}
            for i in range(sizes[0])
        ]
        return stacked([f(row) for row in rows])

    return mapped


def vmap(f: Function, axes: Value) -> Function:
    return pb.vmap(f, in_axes=(axes,))


def inner(a: Value, b: Value) -> Value:
    """The inner product of two trees."""
    pairs = zip(leaves(a), leaves(b), strict=True)
    terms: list[Value] = [pb.sum(x * y) for x, y in pairs]
    total: Value = sum(terms)
    return total


def direction(p: Value, seed: int) -> Value:
    """A fixed random tree like another."""
    rng = np.random.default_rng(seed)
    return tree.map(lambda x: rng.standard_normal(np.shape(x)), p)


def compositions(p: Value) -> dict[str, Callable[[Function, Value], Value]]:
    """What is compared: transforms of a function of ``p`` that gives a scalar.

    Each takes the function, and the `vmap` that belongs to its control flow.
    """
    v, w = direction(p, 1), direction(p, 2)
    all_axes = dict.fromkeys(p, 0)

    def batch(axes: Value) -> Value:
        return {
            name: p[name] if axis is None else np.stack([p[name], p[name] + 0.1 * v[name]])
            for name, axis in axes.items()
        }

    def over(axes: Value) -> Callable[[Function, Value], Value]:
        return lambda f, vmap: vmap(f, axes)(batch(axes))

    found: dict[str, Callable[[Function, Value], Value]] = {
        "value": lambda f, _: f(p),
        "grad": lambda f, _: pb.grad(f)(p),
        "jvp": lambda f, _: pb.jvp(f, p, v),
        "linearize": lambda f, _: pb.linearize(f, p)[1](v),
        "jvp of jvp": lambda f, _: pb.jvp(lambda p: pb.jvp(f, p, v)[1], p, w),
        "grad of grad": lambda f, _: pb.grad(lambda p: inner(pb.grad(f)(p), v))(p),
        "jvp of grad": lambda f, _: pb.jvp(pb.grad(f), p, v),
        "grad of jvp": lambda f, _: pb.grad(lambda p: pb.jvp(f, p, v)[1])(p),
        "grad of grad of grad": lambda f, _: pb.grad(
            lambda p: inner(pb.grad(lambda p: inner(pb.grad(f)(p), v))(p), w)
        )(p),
        "vmap of grad": lambda f, vmap: vmap(pb.grad(f), all_axes)(batch(all_axes)),
        "vmap of jvp": lambda f, vmap: vmap(lambda p: pb.jvp(f, p, v)[1], all_axes)(
            batch(all_axes)
        ),
        "grad of vmap": lambda f, vmap: pb.grad(
            lambda batch: pb.sum(pb.sin(vmap(f, all_axes)(batch)))
        )(batch(all_axes)),
        "vmap of pullback": lambda f, vmap: vmap(
            lambda bars: pb.vjp(lambda p: f(p) * np.ones(2), p)[1](bars["bar"]), {"bar": 0}
        )({"bar": np.eye(2)}),
    }
    for name in p:
        axes: Value = {**dict.fromkeys(p), name: 0}
        found[f"vmap over {name}"] = over(axes)
    return found


def check(program: Program, p: Value, what: str, rtol: float = 1e-10) -> None:
    """Compare what a composition makes of the library's control flow and of Python's."""
    composition = compositions(p)[what]
    actual = composition(lambda p: program(OURS, p), vmap)
    expected = composition(lambda p: program(PYTHON, p), python_vmap)
    close(actual, expected, rtol)


def close(actual: Value, expected: Value, rtol: float = 1e-10) -> None:
    """Compare two trees, in structure, shapes and numbers; nan is not close to anything."""
    assert tree.structure(actual) == tree.structure(expected)
    for a, b in zip(leaves(actual), leaves(expected), strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol, 1e-12, equal_nan=False)


def check_differences(program: Program, p: Value) -> None:
    """Compare the gradient with a central difference along a direction."""
    v, step = direction(p, 3), 1e-6

    def at(t: float) -> Value:
        return program(OURS, tree.map(lambda x, dot: x + t * dot, p, v))

    slope = (at(step) - at(-step)) / (2 * step)
    exact = inner(pb.grad(lambda p: program(OURS, p))(p), v)
    np.testing.assert_allclose(exact, slope, 1e-6, 1e-7)
