"""`checkpoint`: derivatives are those of the function, and it holds what it says."""

from __future__ import annotations

import operator
import pickle
import threading
from collections.abc import Callable
from typing import Any  # noqa: TID251 - functions of whatever pytrees a row has

import numpy as np
import pytest

import pullback as pb
from pullback import (
    Array,
    checkpoint,
    checkpoint_name,
    cond,
    fori_loop,
    jvp,
    linearize,
    scan,
    vmap,
    while_loop,
)
from pullback.errors import ConversionError, DifferentiationError, PullbackError, ShapeError
from pullback.primitives.quantity import Value
from pullback.tree import leaves
from tests.lambdas import of

Function = Callable[..., Any]
X = np.linspace(-1.0, 1.0, 6)
W = np.random.default_rng(0).standard_normal((4, 3, 3)) / 2


def chain(x: Value) -> Value:
    for _ in range(5):
        x = checkpoint_name(np.tanh(x + x * x), "h")
    return x


def network(params: dict[str, Value], x: Value) -> Value:
    for number in range(4):
        x = checkpoint_name(pb.tanh(x @ params["w"][number] + params["b"]), "h")
    return pb.sum(x * x)


def residual(x: Value) -> Value:
    for number in range(3):
        x = x + checkpoint_name(np.sin(x) * (number + 1), "h")
    return np.sum(x**3)


def selecting(x: Value) -> Value:
    root = checkpoint_name(np.sqrt(x), "h")
    return np.where(x > 0, np.exp(root) * root, x * x)


def gathering(x: Value) -> Value:
    order = pb.argsort(x)
    largest = pb.argmax(checkpoint_name(x * x, "h"))
    return pb.take(np.sin(x), order) * x[largest] + x[0]


def several(x: Value) -> Value:
    a, b = np.sin(x), checkpoint_name(np.cos(x), "h")
    return {"in": x, "sum": a + b, "same": [a, a], "constant": np.arange(3.0), "count": 7}


def scanning(x: Value) -> Value:
    def step(carry: Value, w: Value) -> tuple[Value, Value]:
        carry = pb.tanh(carry @ w)
        return carry, pb.sum(carry)

    carry, ys = scan(step, checkpoint_name(x[:3], "h"), W)
    return pb.sum(carry * carry) + pb.sum(ys**2)


def branching(x: Value) -> Value:
    y = checkpoint_name(x * x, "h")
    return np.sin(y) if np.sum(y) > 1 else np.cos(y)


def complex_(x: Value) -> Value:
    z = checkpoint_name(np.exp(1j * x) * x, "h")
    return np.real(z * z) + np.abs(z + 2)


FUNCTIONS: dict[str, tuple[Function, tuple[Value, ...]]] = {
    "chain": (chain, (X,)),
    "network": (network, ({"w": W, "b": np.ones(3)}, np.eye(3))),
    "residual": (residual, (X,)),
    "selecting": (selecting, (np.array([0.0, 4.0, 0.0, 0.25]),)),
    "gathering": (gathering, (X,)),
    "several": (several, (X,)),
    "scanning": (scanning, (X,)),
    "branching": (branching, (X,)),
    "complex": (complex_, (X,)),
    "a number": (chain, (0.5,)),
    "float32": (chain, (X.astype("f4"),)),
    "empty": (chain, (np.zeros(0),)),
}
POLICIES = ("nothing", "names", "least", "half", "everything")


def smallest(f: Function, args: tuple[Value, ...]) -> int:
    """The smallest budget, as the error about a smaller one says; 0 if there is none."""
    try:
        pb.vjp(of(lambda a: checkpoint(f, budget=0)(*a)), args)
    except DifferentiationError as error:
        return int(str(error).rpartition(" ")[2])
    return 0


def thrifty(policy: str, f: Function, args: tuple[Value, ...]) -> Function:
    if policy == "names":
        return checkpoint(f, save=("h",))
    if policy == "least":
        return checkpoint(f, budget=smallest(f, args))
    if policy == "half":
        least = smallest(f, args)
        return checkpoint(f, budget=least + least // 2)
    return checkpoint(f, save="everything" if policy == "everything" else "nothing")


def scalar(f: Function) -> Function:
    """The sum of all the results that have derivatives, weighted."""

    def weighted(*args: Value) -> Value:
        total: Value = 0.0
        found: list[Value] = leaves(f(*args))
        for number, leaf in enumerate(found):
            if getattr(leaf, "dtype", np.dtype(type(leaf))).kind == "f":
                total = total + pb.sum(leaf * (number + 1.5))
        return total

    return weighted


def agree(actual: object, expected: object, tolerance: float = 1e-13) -> None:
    found, wanted = leaves(actual), leaves(expected)
    assert [type(a) for a in found] == [type(b) for b in wanted]
    for a, b in zip(found, wanted, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        epsilon = 1e-5 if np.asarray(b).dtype.name == "float32" else tolerance
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), epsilon, epsilon)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_are_those_of_the_function(name: str, policy: str) -> None:
    f, args = FUNCTIONS[name]
    g = thrifty(policy, f, args)
    arrays = pb.tree.map(pb.asarray, args)
    agree(g(*arrays), f(*arrays), 0)
    f, g = scalar(f), scalar(g)
    ones = pb.tree.map(of(np.ones_like), args[0])
    agree(pb.grad(g)(*args), pb.grad(f)(*args))
    agree(jvp(of(lambda x: g(x, *args[1:])), args[0], ones), _jvp(f, args, ones))

    def slope(h: Function) -> Function:
        def total(x: Value) -> Value:
            found: list[Value] = leaves(pb.grad(h)(x, *args[1:]))
            return sum(np.sum(np.sin(d)) for d in found)

        return total

    agree(pb.grad(slope(g))(args[0]), pb.grad(slope(f))(args[0]))
    agree(jvp(slope(g), args[0], ones), jvp(slope(f), args[0], ones))

    def along(h: Function) -> Function:
        return lambda x: _jvp(h, (x, *args[1:]), ones)[1]

    agree(pb.grad(along(g))(args[0]), pb.grad(along(f))(args[0]))


def _jvp(f: Function, args: tuple[Value, ...], dot: Value) -> Value:
    return jvp(of(lambda x: f(x, *args[1:])), args[0], dot)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n not in {"branching", "a number"}])
def test_batches_are_the_single_results_stacked(name: str, policy: str) -> None:
    f, args = FUNCTIONS[name]
    g = scalar(thrifty(policy, f, args))
    xs = pb.tree.map(of(lambda x: np.stack([x, x * 0.5, x * 0])), args[0])
    axes = (0, *(None for _ in args[1:]))
    for h, k in ((g, scalar(f)), (pb.grad(g), pb.grad(scalar(f)))):
        found = vmap(h, axes)(xs, *args[1:])
        rows = [pb.tree.map(operator.itemgetter(i), xs) for i in range(3)]
        singles = [k(row, *args[1:]) for row in rows]
        expected = pb.tree.map(lambda *parts: np.stack([np.asarray(p) for p in parts]), *singles)
        agree(found, expected)
    total = pb.grad(of(lambda x: np.sum(vmap(g, axes)(x, *args[1:]))))
    agree(total(xs), vmap(pb.grad(g), axes)(xs, *args[1:]))


def test_third_derivative_is_that_of_the_function() -> None:
    g = checkpoint(chain, save=("h",))
    third = pb.grad(pb.grad(pb.grad(g)))(0.3)
    assert third == pytest.approx(pb.grad(pb.grad(pb.grad(chain)))(0.3), rel=1e-13)


def test_checkpoints_nest() -> None:
    inner = checkpoint(chain, save=("h",))
    outer = checkpoint(lambda x: np.sum(inner(inner(x) * 2)), budget=10**6)
    whole = checkpoint(lambda x: np.sum(inner(inner(x) * 2)))

    def plain(x: Value) -> Value:
        return np.sum(chain(chain(x) * 2))

    def squared_slope(f: Function) -> Function:
        return lambda x: np.sum(pb.grad(f)(x) ** 2)

    for g in (outer, whole):
        agree(pb.grad(g)(X), pb.grad(plain)(X))
        agree(pb.grad(squared_slope(g))(X), pb.grad(squared_slope(plain))(X))


def test_step_of_a_loop_may_be_a_checkpoint() -> None:
    def total(step: Function) -> Function:
        return lambda x: np.sum(fori_loop(0, 4, lambda i, y: step(y) * (i + 1), x))

    agree(pb.grad(total(checkpoint(chain)))(X), pb.grad(total(chain))(X))
    agree(pb.grad(total(checkpoint(chain, save=("h",))))(X), pb.grad(total(chain))(X))


def test_checkpoint_may_stand_in_a_branch_and_in_an_unbounded_loop() -> None:
    f = checkpoint(np.sin)
    choose = vmap(of(lambda x: cond(x > 0, f, np.cos, x)))
    agree(choose(X), np.where(X > 0, np.sin(X), np.cos(X)))
    loop = of(lambda x: while_loop(lambda y: y > 0.8, f, x))
    plain = of(lambda x: while_loop(lambda y: y > 0.8, np.sin, x))
    agree(jvp(loop, 2.0, 1.0), jvp(plain, 2.0, 1.0))


def test_pushforward_of_a_checkpoint_is_reusable() -> None:
    y, push = linearize(checkpoint(chain), X)
    agree(y, chain(X))
    for dot in (X, X * X):
        agree(push(dot), jvp(chain, X, dot)[1])


def test_pullback_of_a_checkpoint_is_reusable_and_pickles() -> None:
    _, pull = pb.vjp(checkpoint(chain, save=("h",)), X)
    _, expected = pb.vjp(chain, X)
    for _ in range(2):
        agree(pull(X), expected(X))
    agree(pickle.loads(pickle.dumps(pull))(X), expected(X))  # noqa: S301 - our own
    agree(vmap(pull)(np.eye(6)), vmap(expected)(np.eye(6)))


def test_selection_above_a_checkpoint_silences_what_is_inside() -> None:
    def f(root: Function) -> Function:
        return lambda x: np.sum(np.where(x > 0, root(x), 0.0))

    x = np.array([0.0, 4.0])
    agree(pb.grad(f(checkpoint(np.sqrt)))(x), np.array([0.0, 0.25]))
    slopes = of(lambda x: np.sum(pb.grad(f(checkpoint(np.sqrt)))(x)))
    agree(pb.grad(slopes)(x), np.array([0.0, -1 / 32]))


def test_selection_inside_a_checkpoint_silences_what_is_below() -> None:
    guard = checkpoint(lambda y: np.where(y > 0, y, 0.0))
    x = np.array([0.0, 4.0])
    agree(pb.grad(of(lambda x: np.sum(guard(np.sqrt(x)))))(x), np.array([0.0, 0.25]))


def test_zeros_outside_every_selection_are_numbers() -> None:
    slope = pb.grad(checkpoint(lambda x: np.sqrt(x) * 0.0))
    with np.errstate(all="ignore"):
        assert np.isnan(slope(0.0))


def test_closures_are_differentiated() -> None:
    def f(w: Value, x: Value) -> Value:
        return np.sum(checkpoint(lambda y: np.sin(y * w) * w)(x * w))

    def g(w: Value, x: Value) -> Value:
        return np.sum(np.sin(x * w * w) * w)

    for argnums in ((0,), (1,), (0, 1)):
        agree(pb.grad(f, argnums)(0.7, X), pb.grad(g, argnums)(0.7, X))
    agree(pb.grad(pb.grad(f))(0.7, X), pb.grad(pb.grad(g))(0.7, X))


def test_closures_with_constant_arguments_are_differentiated() -> None:
    def f(w: Value) -> Value:
        return np.sum(checkpoint(lambda y: np.sin(y * w))(X)) + checkpoint(lambda y: y * w)(2.0)

    assert pb.grad(f)(0.7) == pytest.approx(np.sum(X * np.cos(X * 0.7)) + 2)


def test_keywords_static_leaves_and_integers_are_handed_on() -> None:
    def f(x: Value, *, steps: int, mode: str, index: Value) -> Value:
        for _ in range(steps):
            x = getattr(np, mode)(x)
        return np.sum(x[index])

    index = np.array([0, 0, 3])
    for g in (checkpoint(f), checkpoint(f, budget=10**6)):
        found = pb.grad(g)(X, steps=3, mode="sin", index=index)
        agree(found, pb.grad(f)(X, steps=3, mode="sin", index=index))


def test_arguments_that_need_values_are_seen_with_values() -> None:
    def f(x: Value, mask: Value) -> Value:
        kept = x[mask]  # the shape depends on the values of the mask
        return np.sum(kept**3) if kept[0] < 0 else np.sum(kept)

    g = checkpoint(f)
    mask = X < 0.5
    assert g(X, mask) == f(X, mask)
    agree(pb.grad(g)(X, mask), pb.grad(f)(X, mask))
    agree(pb.grad(g)(X, X > 0), pb.grad(f)(X, X > 0))
    agree(pb.grad(of(lambda x: np.sum(pb.grad(g)(x, mask) ** 2)))(X), 36 * np.where(mask, X**3, 0))
    agree(jvp(of(lambda x: g(x, mask)), X, X), jvp(of(lambda x: f(x, mask)), X, X))


def test_values_asked_for_under_vmap_are_an_error() -> None:
    with pytest.raises(ConversionError, match="not known"):
        vmap(checkpoint(branching))(np.stack([X, X]))


def test_errors_of_the_function_are_its_own() -> None:
    with pytest.raises(ShapeError, match="matmul") as caught:
        pb.grad(checkpoint(lambda x: np.sum(x @ np.ones(5))))(X)
    assert not isinstance(caught.value.__context__, PullbackError)


def test_plain_in_is_plain_out() -> None:
    found = checkpoint(several)(X)
    assert {type(leaf) for leaf in leaves(found)} == {np.ndarray, int}
    assert type(checkpoint(np.sum)(X)) is np.float64
    assert type(checkpoint(lambda x: x * 2)(2.0)) is float
    assert type(checkpoint(of(np.sin))(pb.asarray(X))) is Array
    found["same"][0][:] = 5.0  # the caller's own
    agree(found["same"][1], np.sin(X), 0)


def test_integer_result_is_a_constant_where_its_value_is_known() -> None:
    def f(x: Value) -> Value:
        y, index = checkpoint(lambda x: (np.sin(x), pb.argmax(x)))(x)
        return y[int(index)] * float(index)

    agree(pb.grad(f)(X), np.array([0, 0, 0, 0, 0, 5 * np.cos(1.0)]))


def test_linear_function_is_transposed_through_a_checkpoint() -> None:
    reverse = checkpoint(of(lambda x: 2 * x[::-1]))
    agree(pb.linear_transpose(reverse, X)(X), 2 * X[::-1])


def test_result_that_is_a_plain_constant_stays_what_it_is() -> None:
    _, found = pb.value_and_grad(checkpoint(lambda x: (np.sum(x), (3, "word", X))), has_aux=True)(X)
    assert found.shape == X.shape
    constants: list[object] = []

    def f(x: Value) -> Value:
        y, *rest = checkpoint(lambda x: (np.sum(x), 3, "word", None))(x)
        constants.extend(rest)
        return y

    pb.grad(f)(X)
    assert constants == [3, "word", None]


def test_everything_is_the_function_itself() -> None:
    assert checkpoint(chain, save="everything") is chain


def test_function_keeps_its_name() -> None:
    assert checkpoint(chain).__name__ == "chain"


def test_name_is_the_identity() -> None:
    tree = {"a": X, "b": (2.0, "word", 3)}
    assert checkpoint_name(tree, "h")["b"] == (2.0, "word", 3)
    agree(pb.grad(of(lambda x: np.sum(checkpoint_name([x * x], "h")[0])))(X), 2 * X)
    agree(jvp(of(lambda x: checkpoint_name(x * x, "h")), X, X), (X * X, 2 * X * X))
    agree(vmap(of(lambda x: checkpoint_name(x * x, "h")))(X), X * X)


def test_threads_do_not_meet() -> None:
    g = checkpoint(chain, budget=smallest(chain, (X,)))
    found: list[Value] = []
    jobs = [threading.Thread(target=lambda: found.append(pb.grad(scalar(g))(X))) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    for gradient in found:
        agree(gradient, pb.grad(scalar(chain))(X), 0)
    assert len(found) == 4
