"""What a Taylor expansion costs: polynomial in the order, linear in the graph, no recursion."""

from __future__ import annotations

import gc
import itertools
import math
import sys
from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback import taylor
from pullback.core import Trace, constant, make_node, topological
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.transforms.taylor import expand


def size(f: Callable[[Value], Value], order: int) -> int:
    """How many primitives the coefficients take: the nodes of their graph."""
    outer, trace = Trace(), Trace()
    around = make_node(0.7, Input(), (), frozenset({outer}))
    x = make_node(0.7, Input(), (around,), frozenset({outer, trace}))
    out = f(x)
    found: Value = expand(trace, [out], {x: [constant(1.0), constant(0.5)]}, order)
    return len(topological([term for terms in found for term in terms.values()]))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * x * x,
        lambda x: pb.sin(pb.exp(x)),
        lambda x: pb.tan(x) / pb.sqrt(x),
        lambda x: x**2.5 + x**-3 + pb.log(x),
        lambda x: pb.special.expit(x) * pb.special.erf(x) * pb.atan2(x, x * x),
        lambda x: pb.prod(pb.stack([x, x + 1, x * x])),
        lambda x: pb.logsumexp(pb.stack([x, x * x])),
    ],
)
def test_cost_grows_as_the_square_of_the_order(f: Callable[[Value], Value]) -> None:
    sizes = [size(f, order) for order in (4, 8, 16, 32)]
    growth = [b / a for a, b in itertools.pairwise(sizes)]
    assert max(growth) < 4.3, sizes


@pytest.mark.parametrize("f", [pb.special.gammaln, lambda x: x ** pb.exp(x)])
def test_cost_of_any_function_grows_no_faster_than_the_cube(f: Callable[[Value], Value]) -> None:
    sizes = [size(f, order) for order in (4, 8, 16, 32)]
    growth = [b / a for a, b in itertools.pairwise(sizes)]
    assert max(growth) < 8.3, sizes


def test_a_deep_chain_needs_no_recursion() -> None:
    def chain(x: Value) -> Value:
        for _ in range(10_000):
            x = pb.sin(x) + 1e-4 * x
        return x

    assert sys.getrecursionlimit() < 10_000
    value, (first, second) = taylor(chain, 1.0, (1.0,), order=2)
    step = 1e-4
    ends = [chain(constant(1.0 + s))._value for s in (-step, step)]
    np.testing.assert_allclose(first, (ends[1] - ends[0]) / (2 * step), rtol=1e-6)
    np.testing.assert_allclose(second, (ends[0] + ends[1] - 2 * value) / (2 * step**2), rtol=1e-2)


def test_a_high_order_needs_no_recursion() -> None:
    order = 260
    _, sine = taylor(pb.sin, 0.0, (1.0,), order=order)
    for k in range(1, 170):
        expected = [0, 1, 0, -1][k % 4] / math.factorial(k)
        assert math.isclose(sine[k - 1], expected, rel_tol=1e-12), k
    _, root = taylor(lambda x: x**0.5, np.array([0.0, 1.0]), (np.ones(2),), order=order)
    binomial = 1.0
    for k in range(order):
        binomial *= (0.5 - k) / (k + 1)
        assert math.isclose(root[k][1], binomial, rel_tol=1e-10), k


def test_the_series_are_freed_without_the_garbage_collector() -> None:
    taylor(pb.tan, 0.5, (1.0,), order=3)
    gc.collect()
    gc.disable()
    try:
        taylor(lambda x: pb.tan(pb.sin(x)) / pb.exp(x), 0.5, (1.0,), order=3)
        assert gc.collect() == 0
    finally:
        gc.enable()
