"""`vmap` with the other transforms in any order, over control flow, and over closures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.testing as npt
import pytest

import pullback as pb
from pullback import hessian, hvp, jacobian
from pullback.primitives.quantity import Value
from tests.one_by_one import check_vmap, count_evaluations, grad, vmap

Function = Callable[..., Value]

RNG: Final = np.random.default_rng(0)
XS: Final = RNG.uniform(0.2, 0.9, (4, 3))
WS: Final = RNG.standard_normal((4, 3))
A: Final = RNG.standard_normal((3, 3))
NS: Final = np.array([3, 0, 7, 1])
SIGNS: Final = np.array([True, False, False, True])


def energy(x: Value) -> Value:
    return pb.sum(pb.tanh(A @ x) ** 2) + pb.prod(x) * pb.max(x)


def field(x: Value) -> Value:
    return pb.sort(pb.sin(A @ x)) * x[0] + pb.cumsum(x)[::-1]


def chosen(x: Value) -> Value:
    return pb.sum(pb.where(x > 0.5, pb.sqrt(x - 0.5), 0.0)) + x[pb.argmin(x)] ** 2


SCALARS: Final[list[Function]] = [energy, chosen, lambda x: pb.sum(field(x) ** 2)]

DERIVED: Final[dict[str, Callable[[Function], Function]]] = {
    "grad": grad,
    "value_and_grad": pb.value_and_grad,
    "grad of a part of grad": lambda f: grad(lambda x: pb.sum(grad(f)(x)[:2])),
    "jvp": lambda f: lambda x: pb.jvp(f, x, x * x),
    "jvp of grad": lambda f: lambda x: pb.jvp(grad(f), x, x * x),
    "grad of jvp": lambda f: grad(lambda x: pb.jvp(f, x, x[::-1])[1]),
    "vjp": lambda f: lambda x: pb.vjp(f, x)[1](1.5),
    "linearize": lambda f: lambda x: pb.linearize(f, x)[1](x + 1.0),
    "linear_transpose": lambda f: lambda x: pb.linear_transpose(lambda y: y * f(x), x)(x),
    "hessian": hessian,
    "hvp": lambda f: lambda x: hvp(f, x, x[::-1]),
    "jacobian of grad": lambda f: jacobian(grad(f)),
    "third order": lambda f: lambda x: pb.jvp(lambda y: pb.jvp(grad(f), y, x)[1], x, x)[1],
    "grad of vmap": lambda f: grad(lambda x: pb.sum(vmap(lambda s: f(x * s))(x))),
    "vmap": lambda f: lambda x: vmap(lambda s: f(x * s))(x),
    "vmap of grad": lambda f: lambda x: vmap(grad(lambda s: f(x * s)))(x),
}


@pytest.mark.parametrize("f", SCALARS)
@pytest.mark.parametrize("name", DERIVED)
def test_derivatives_of_each_example(name: str, f: Function) -> None:
    check_vmap(DERIVED[name](f), XS)


@pytest.mark.parametrize("f", SCALARS)
@pytest.mark.parametrize("name", DERIVED)
def test_derivatives_in_batches_of_batches(name: str, f: Function) -> None:
    batches = np.stack([XS, XS[::-1] * 0.9])
    check_vmap(vmap(DERIVED[name](f)), batches)


@np.errstate(all="ignore")
@pytest.mark.parametrize("f", SCALARS)
def test_the_gradient_of_a_batch_is_the_batch_of_gradients(f: Function) -> None:
    weights = np.array([1.0, -2.0, 0.5, 3.0])
    found = grad(lambda xs: pb.sum(vmap(f)(xs) * weights))(XS)
    singles = [weight * grad(f)(x) for weight, x in zip(weights, XS, strict=True)]
    npt.assert_allclose(found, np.stack(singles), rtol=1e-12)


@np.errstate(all="ignore")
@pytest.mark.parametrize("f", SCALARS)
def test_derivatives_of_a_batch_are_those_of_its_examples(f: Function) -> None:
    value, slope = pb.jvp(vmap(f), XS, WS)
    y, pushforward = pb.linearize(vmap(f), XS)
    pairs = [pb.jvp(f, x, w) for x, w in zip(XS, WS, strict=True)]
    npt.assert_allclose(value, [v for v, _ in pairs], rtol=1e-12)
    npt.assert_allclose(slope, [d for _, d in pairs], rtol=1e-12)
    npt.assert_allclose(y, value, rtol=1e-12)
    npt.assert_allclose(pushforward(WS), slope, rtol=1e-12)
    second = pb.jvp(grad(lambda xs: pb.sum(vmap(f)(xs))), XS, WS)[1]
    npt.assert_allclose(
        second, [pb.jvp(grad(f), x, w)[1] for x, w in zip(XS, WS, strict=True)], rtol=1e-10
    )


# ------------------------------------------------------------------------------------ closures


def test_what_an_outer_gradient_differentiates_is_seen_inside() -> None:
    def outer(w: Value) -> Value:
        return pb.sum(vmap(lambda x: pb.sum(w * x) ** 2)(XS))

    w = np.array([1.0, -1.0, 2.0])
    npt.assert_allclose(grad(outer)(w), 2 * XS.T @ (XS @ w), rtol=1e-12)
    curvature = pb.jvp(grad(outer), w, np.ones(3))[1]
    npt.assert_allclose(curvature, 2 * XS.T @ (XS @ np.ones(3)), rtol=1e-12)


def test_perturbations_are_not_confused() -> None:
    def outer(w: Value) -> Value:
        return pb.sum(vmap(lambda x: w * grad(lambda y: w * y * y)(x))(np.arange(3.0)))

    assert grad(outer)(2.0) == pytest.approx(2 * 2 * 2.0 * 3)  # Σ 2 w² x


def test_what_an_outer_batch_maps_is_seen_inside() -> None:
    def outer(w: Value) -> Value:
        return vmap(grad(lambda y: pb.sum(pb.sin(w * y))))(XS)

    check_vmap(outer, WS)


def test_a_branch_on_what_is_known_outside_is_taken() -> None:
    def outer(w: Value) -> Value:
        return pb.sum(vmap(lambda x: x * w if w > 0 else -x)(XS))

    npt.assert_allclose(grad(outer)(2.0), XS.sum(), rtol=1e-12)
    assert grad(outer)(-2.0) == 0.0


def test_the_axes_of_nested_maps_are_independent() -> None:
    a, b = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((4, 2))
    for first in (0, 1, 2):
        for second in (0, 1):
            inner = vmap(pb.multiply, in_axes=(second, None), out_axes=1)
            found = vmap(inner, in_axes=(first, None))(a, 3.0)
            npt.assert_array_equal(found, 3 * np.moveaxis(np.moveaxis(a, first, 0), 1 + second, 2))
    products = vmap(vmap(pb.multiply, (None, 0)), (0, None))(a[0, 0], b[:, 0])
    npt.assert_array_equal(products, np.outer(a[0, 0], b[:, 0]))


# -------------------------------------------------------------------------------- control flow


def total(x: Value) -> Value:
    carry, ys = pb.scan(lambda c, y: (c * 0.5 + pb.sin(y), c * y), pb.asarray(0.0), x)
    return carry + pb.sum(ys)


def power(x: Value) -> Value:
    return pb.sum(pb.fori_loop(0, 3, lambda i, y: y * x + i, x))


def either(x: Value) -> Value:
    return pb.cond(x[0] > 0.5, lambda y: pb.sum(y * y), lambda y: pb.sum(pb.sin(y)), x)


def one_of_three(x: Value) -> Value:
    branches = [pb.sum, pb.prod, lambda y: pb.sum(pb.exp(y))]
    return pb.switch(pb.argmax(x), branches, x)


def halved(x: Value) -> Value:
    """The norm, halved while above its bound."""
    return pb.while_loop(lambda s: s > 0.3, lambda s: s * 0.5 * x[0], pb.sum(x), max_steps=20)


LOOPS: Final = [total, power, either, one_of_three, halved]


@pytest.mark.parametrize("f", LOOPS)
def test_control_flow_of_each_example(f: Function) -> None:
    check_vmap(f, XS)
    check_vmap(vmap(f), np.stack([XS, XS[::-1]]))


@pytest.mark.parametrize("f", LOOPS)
@pytest.mark.parametrize(
    "name", ["grad", "value_and_grad", "jvp", "vjp", "linearize", "jvp of grad"]
)
def test_derivatives_of_control_flow(name: str, f: Function) -> None:
    check_vmap(DERIVED[name](f), XS)


@pytest.mark.parametrize("f", LOOPS)
def test_the_gradient_of_control_flow_in_a_batch(f: Function) -> None:
    found = grad(lambda xs: pb.sum(vmap(f)(xs)))(XS)
    npt.assert_allclose(found, np.stack([grad(f)(x) for x in XS]), rtol=1e-12)


@pytest.mark.parametrize("batched", [(True, False), (False, True), (True, True)])
def test_a_scan_batches_the_carry_or_the_slices(batched: tuple[bool, bool]) -> None:
    def running(c: Value, x: Value) -> Value:
        return pb.scan(lambda c, y: (c * y, c + y), c, x)

    args = [WS[:, 0] if batched[0] else WS[0, 0], XS if batched[1] else XS[0]]
    check_vmap(running, *args, in_axes=[0 if flag else None for flag in batched])


def test_a_scan_over_a_shared_array_with_a_batched_closure() -> None:
    check_vmap(lambda w: pb.scan(lambda c, y: (c + w * y, w[0]), pb.zeros(3), A), WS)


def test_loops_with_batched_bounds() -> None:
    check_vmap(lambda n: pb.fori_loop(0, n, lambda i, c: c * 2 + i, n), NS)
    check_vmap(lambda n, x: pb.fori_loop(n, 5, lambda i, c: c * x, x), NS, XS)


def test_examples_that_are_done_stay() -> None:
    def collatz(n: Value) -> Value:
        def step(state: Value) -> Value:
            n, steps = state
            return pb.where(n % 2 == 0, n // 2, 3 * n + 1), steps + 1

        return pb.while_loop(lambda state: state[0] != 1, step, (n, 0))

    final, steps = vmap(collatz)(np.array([1, 7, 27, 2]))
    npt.assert_array_equal(final, 1)
    npt.assert_array_equal(steps, [0, 16, 111, 1])


def test_a_loop_whose_test_is_shared_runs_as_often_as_it_does_for_one() -> None:
    check_vmap(
        lambda x: pb.while_loop(lambda s: s[0] < 4, lambda s: (s[0] + 1, s[1] * x), (0, x)), XS
    )


def test_a_shared_predicate_stays_a_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Value, flags: Value) -> Value:
        return pb.scan(lambda c, flag: (pb.cond(flag, pb.exp, pb.sin, c * x), c), x, flags)

    counts = count_evaluations(monkeypatch)
    carry, _ = vmap(f, (0, None))(XS, np.array([True, True, False]))
    assert (counts["exp"], counts["sin"]) == (2, 1)
    npt.assert_allclose(carry, np.sin(np.exp(np.exp(XS * XS) * XS) * XS), rtol=1e-12)


def test_a_batched_predicate_selects_without_warnings() -> None:
    def root(x: Value, sign: Value) -> Value:
        return pb.cond(sign, pb.sqrt, lambda y: pb.log(pb.negative(y)), x)

    xs = np.where(SIGNS, 2.0, -3.0)
    check_vmap(root, xs, SIGNS)
    slopes = vmap(grad(root))(xs, SIGNS)
    npt.assert_allclose(slopes, np.where(SIGNS, 0.5 / np.sqrt(2.0), -1 / 3), rtol=1e-12)


def test_a_switch_clamps_a_batched_index() -> None:
    branches = [lambda x: x, lambda x: x * 2, lambda x: x * 3]
    found = vmap(lambda i, x: pb.switch(i, branches, x))(np.array([-5, 0, 1, 9]), np.ones(4))
    npt.assert_array_equal(found, [1.0, 1.0, 2.0, 3.0])
