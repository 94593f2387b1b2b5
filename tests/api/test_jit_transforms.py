"""`jit` composes with every transform, in both orders, and agrees with plain evaluation."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any  # noqa: TID251 - functions of whatever pytrees a row has

import numpy as np
import pytest

import pullback as pb
from pullback import Array, jit, tree
from pullback.primitives.quantity import Value
from tests.lambdas import of

# Eager code computes the branch that is not taken.
pytestmark = [
    pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning"),
]

Function = Callable[..., Any]
X = np.linspace(0.3, 1.7, 4)
V = np.array([1.0, -2.0, 0.5, 3.0])
W = np.random.default_rng(0).standard_normal((4, 4)) / 2


def smooth(x: Value) -> Value:
    return np.tanh(x @ W) * x + np.exp(-x)


def scalar(x: Value) -> Value:
    return pb.sum(smooth(x) ** 2)


def selecting(x: Value) -> Value:
    return pb.sum(pb.where(x > 1, pb.sqrt(x - 1.0) * x, x**2))  # nan where it is not taken


def gathering(x: Value) -> Value:
    return pb.sum(pb.sort(x) * W[0]) * x[pb.argmax(x)]


def looping(x: Value) -> Value:
    carry, ys = pb.scan(lambda c, w: (np.tanh(c @ W + w), pb.sum(c)), x, W)
    return pb.sum(carry**2) + pb.sum(ys)


def branching(x: Value) -> Value:
    return pb.cond(pb.sum(x) > 0, of(lambda y: pb.sum(y**3)), of(pb.sum), x)


def iterating(x: Value) -> Value:
    return pb.sum(pb.fori_loop(0, 3, lambda i, c: np.sin(c) * (i + 1), x))


def thrifty(x: Value) -> Value:
    return pb.sum(pb.checkpoint(smooth)(x))


ruled = pb.custom_vjp(of(np.sin), of(lambda x: (np.sin(x), x)), lambda x, bar: (np.cos(x) * bar,))


def custom(x: Value) -> Value:
    return pb.sum(ruled(x) * x)


def nested(x: Value) -> Value:
    inner = jit(lambda y: np.sin(y) * x)  # closes over x
    return pb.sum(inner(x * 2) + jit(smooth)(x))


SCALAR: dict[str, Function] = {
    "smooth": scalar,
    "selecting": selecting,
    "gathering": gathering,
    "looping": looping,
    "branching": branching,
    "iterating": iterating,
    "thrifty": thrifty,
    "custom": custom,
    "nested": nested,
}
TRANSFORMS: dict[str, Callable[[Function], Function]] = {
    "nothing": lambda f: f,
    "grad": pb.grad,
    "value_and_grad": pb.value_and_grad,
    "vjp": lambda f: lambda x: pb.vjp(f, x)[1](1.0),
    "jvp": lambda f: lambda x: pb.jvp(f, x, V),
    "linearize": lambda f: lambda x: pb.linearize(f, x)[1](V),
    "vmap": lambda f: lambda x: pb.vmap(f)(pb.stack([x, x * 1.1, x + 0.1])),
    "vmap of grad": lambda f: lambda x: pb.vmap(pb.grad(f))(pb.stack([x, x * 1.1])),
    "grad of vmap": lambda f: pb.grad(lambda x: pb.sum(pb.vmap(f)(pb.stack([x, x * 1.1])))),
    "jacrev": lambda f: pb.jacrev(lambda x: f(x) * x),
    "checkpoint": lambda f: pb.grad(pb.checkpoint(f)),
    "scan": lambda f: lambda x: pb.scan(lambda c, v: (f(c * v) * c, f(c)), x, X)[1],
    "cond": lambda f: lambda x: pb.cond(x[0] > 0, f, of(lambda y: f(y) * 2), x),
    "while_loop": lambda f: lambda x: pb.while_loop(lambda c: c[0] < 5, lambda c: c + f(x) ** 2, x),
}
HIGHER: dict[str, Callable[[Function], Function]] = {
    "hessian": pb.hessian,
    "hvp": lambda f: lambda x: pb.hvp(f, x, V),
    "grad of grad": lambda f: pb.grad(lambda x: pb.sum(pb.grad(f)(x) ** 2)),
    "jvp of grad": lambda f: lambda x: pb.jvp(pb.grad(f), x, V),
    "jacfwd": lambda f: pb.jacfwd(lambda x: f(x) * x),
    "taylor": lambda f: lambda x: pb.taylor(f, x, (V, V)),
}


def bare(value: Value) -> Value:
    return value._value if isinstance(value, Array) else value


def check(got: Value, expected: Value) -> None:
    mine, structure = tree.flatten(got)
    theirs, wanted = tree.flatten(expected)
    assert structure == wanted
    for a, b in zip(mine, theirs, strict=True):
        assert type(a) is type(b)
        np.testing.assert_allclose(bare(a), bare(b), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("arrays", [False, True])
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", SCALAR)
def test_jit_and_transform_in_both_orders(name: str, transform: str, *, arrays: bool) -> None:
    f, change = SCALAR[name], TRANSFORMS[transform]
    x = pb.asarray(X) if arrays else X
    expected = change(f)(x)
    if not arrays:
        expected = tree.map(bare, expected)
    for composed in (jit(change(f)), change(jit(f)), jit(change(jit(f)))):
        for _ in range(2):
            got = composed(x)
            check(got if arrays else tree.map(bare, got), expected)


@pytest.mark.parametrize("transform", HIGHER)
@pytest.mark.parametrize("name", ["smooth", "selecting", "looping", "branching", "nested"])
def test_jit_and_higher_derivatives(name: str, transform: str) -> None:
    f, change = SCALAR[name], HIGHER[transform]
    expected = change(f)(X)
    for composed in (jit(change(f)), change(jit(f))):
        check(composed(X), expected)


def test_derivatives_of_a_jitted_function_are_traced_once() -> None:
    jitted = jit(scalar)
    gradient = pb.grad(jitted)
    first = gradient(X)
    (traced,) = next(iter(jitted._traces.values()))
    ((call, _),) = traced._calls.values()
    (derived,) = call._derived.values()
    check(gradient(X * 2), pb.grad(scalar)(X * 2))
    assert [*call._derived.values()] == [derived]
    assert len(jitted.traces) == 1
    check(first, pb.grad(scalar)(X))


def test_gradient_in_each_of_several_arguments() -> None:
    def f(a: Value, b: Value, c: Value) -> Value:
        return a * b**2 + pb.sin(b * c)

    jitted = jit(f)
    for argnums in (0, 1, 2, (0, 1), (0, 1, 2)):
        expected = pb.grad(f, argnums)(1.5, 2.5, 0.5)
        check(pb.grad(jitted, argnums)(1.5, 2.5, 0.5), expected)
    assert len(jitted.traces) == 1


def test_auxiliary_results_and_integers_of_a_jitted_function_are_constants() -> None:
    def f(x: Value, n: Value) -> tuple[Value, Value]:
        return pb.sum(x**2), {"largest": pb.argmax(x), "n": n * 2, "text": "aux"}

    (value, aux), gradient = pb.value_and_grad(jit(f), has_aux=True)(X, 3)
    assert aux == {"largest": 3, "n": 6, "text": "aux"}
    check(value, np.sum(X**2))
    check(gradient, 2 * X)


def test_closure_over_a_differentiated_value() -> None:
    def outer(x: Value) -> Value:
        inner = jit(lambda y: x * y + np.sin(x))
        return inner(3.0) + inner(4.0) * inner(x)

    check(pb.grad(outer)(2.0), pb.grad(_plain_outer)(2.0))
    check(pb.grad(pb.grad(outer))(2.0), pb.grad(pb.grad(_plain_outer))(2.0))
    check(jit(pb.grad(outer))(2.0), pb.grad(_plain_outer)(2.0))


def _plain_outer(x: Value) -> Value:
    def inner(y: Value) -> Value:
        return x * y + np.sin(x)

    return inner(3.0) + inner(4.0) * inner(x)


def test_function_of_a_closure_that_outlives_the_transform() -> None:
    held: dict[str, Value] = {}
    jitted = jit(lambda y: held["x"] * y)

    def f(x: Value) -> Value:
        held["x"] = x
        return jitted(3.0)

    for x in (1.0, 2.0, 5.0):
        assert pb.grad(f)(x) == 3.0
        assert pb.value_and_grad(f)(x)[0] == 3.0 * x
    held["x"] = 7.0
    assert jitted(2.0) == 14.0


def test_result_that_is_not_traced_may_leave_the_graph() -> None:
    def f(x: float) -> Value:
        a, b = jit(lambda p, q: (p * 2, q * 3))(x, 5.0)
        assert float(b) == 15.0
        return a * b

    assert pb.grad(f)(1.0) == 30.0


def test_jitted_program_of_values_from_a_pickle() -> None:
    program = pb.trace(jit(scalar), X)
    again = pickle.loads(pickle.dumps(program))  # noqa: S301
    assert again == program
    np.testing.assert_allclose(again(X), scalar(X)._value, rtol=1e-14)
    assert "compiled" in str(program)


def test_random_keys() -> None:
    def f(key: Value, x: Value) -> Value:
        a, b = pb.random.split(key)
        return pb.random.normal(a, (3,)) * x + pb.random.uniform(b, (3,))

    key = pb.random.key(1)
    check(jit(f)(key, 2.0), f(key, 2.0))
    check(pb.grad(lambda x: pb.sum(jit(f)(key, x)))(2.0), pb.grad(lambda x: pb.sum(f(key, x)))(2.0))


def test_infinite_derivatives_below_a_selection() -> None:
    root = jit(lambda x: pb.sqrt(x) + pb.log(x))

    def f(x: Value) -> Value:
        return pb.sum(pb.where(x > 0, root(x), 0.0))

    x = np.array([0.0, 1.0, 4.0])
    np.testing.assert_allclose(pb.grad(f)(x), [0.0, 1.5, 0.5])
    np.testing.assert_allclose(jit(pb.grad(f))(x), [0.0, 1.5, 0.5])
