"""What the outside world sees of a trace, and the sweep that is made of it."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback import Array
from pullback.core import Trace, constant, make_node, topological
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.transforms.gradients import cotangents
from pullback.transforms.vjp import outside, pull, sweep


def alias(outer: Array, trace: Trace) -> Array:
    """Return an input of a trace that stands for a node."""
    return make_node(outer._value, Input(), (outer,), outer.sources | {trace})


def test_node_that_depended_on_the_trace_alone_is_a_constant_outside() -> None:
    trace = Trace()
    x = alias(constant(2.0), trace)
    y = x * 3.0
    views = outside([y], trace)
    assert views[y].sources == frozenset()
    assert views[y].primitive is None
    assert views[y]._value == 6.0


def test_input_is_the_node_it_stands_for_outside() -> None:
    x = pb.variable(2.0)
    trace = Trace()
    inner = alias(x, trace)
    y = inner * inner
    views = outside([y], trace)
    assert views[inner] is x
    assert views[y].operands == (x, x)
    assert views[y].sources == x.sources


def test_input_of_an_inner_trace_keeps_standing_for_the_same_node_outside() -> None:
    x = pb.variable(2.0)
    outer, inner = Trace(), Trace()
    a = alias(x, outer)
    b = alias(a * a, inner)
    views = outside([b * a], outer)
    assert views[b].sources == x.sources | {inner}
    assert isinstance(views[b].primitive, Input)
    assert views[b].operands[0].operands == (x, x)


def test_view_does_not_reach_above_the_trace() -> None:
    x = pb.variable(1.5)
    history = x
    for _ in range(100):
        history = history * 1.01
    trace = Trace()
    inner = alias(history, trace)
    y = pb.sin(inner) * x
    assert len(topological([y])) > 200
    assert len(topological([y], trace)) == 3
    assert set(outside([y], trace)) == set(topological([y], trace))


def test_walk_within_a_trace_leaves_out_roots_that_do_not_depend_on_it() -> None:
    x = pb.variable(1.0)
    assert topological([x * x], Trace()) == []


def test_sweep_of_values_returns_cotangents_of_the_type_of_their_input() -> None:
    trace = Trace()
    weak, strong = alias(constant(2.0), trace), alias(constant(np.float64(3.0)), trace)
    out = weak * strong + weak * weak
    bars = sweep(trace, [out], [constant(np.float64(1.0))])
    assert bars[weak].type == weak.type
    assert bars[strong].type == strong.type
    assert (bars[weak]._value, bars[strong]._value) == (7.0, 2.0)


def test_sweep_adds_the_cotangents_of_an_output_that_stands_twice() -> None:
    trace = Trace()
    x = alias(constant(2.0), trace)
    y = x * x
    bars = sweep(trace, [y, y, x], [constant(1.0), constant(10.0), constant(100.0)])
    assert bars[x]._value == 11 * 4.0 + 100.0


def test_sweep_with_a_traced_cotangent_is_differentiable_in_it() -> None:
    trace = Trace()
    x, w = alias(constant(3.0), trace), pb.variable(2.0)
    bar = sweep(trace, [x * x], [w])[x]  # 2 x w
    assert bar.sources == w.sources
    assert cotangents(bar, constant(1.0), [w])[w]._value == 6.0


@pytest.mark.filterwarnings("error")
def test_sweep_is_silent_where_a_branch_not_taken_is_singular() -> None:
    def f(x: Value) -> Value:
        return pb.sum(pb.where(x > 0, 1.0 / x, 0.0) * x)

    with np.errstate(divide="ignore"):
        found = pb.grad(f)(np.array([0.0, 2.0]))
    np.testing.assert_array_equal(found, [0.0, 0.0])


def test_pull_uses_the_views_it_is_given() -> None:
    trace = Trace()
    x = alias(constant(3.0), trace)
    seen = pb.variable(3.0)
    y = x * x
    bar: Value = pull(trace, {y: constant(1.0)}, {x: seen, y: seen * seen})[x]
    assert isinstance(bar, Array)
    assert bar.sources == seen.sources


def test_cotangents_of_nodes_that_are_not_reached_are_absent() -> None:
    x, other = pb.variable(3.0), pb.variable(1.0)
    assert set(cotangents(x * x, constant(1.0), [x, other])) == {x}
    assert cotangents(x * x, constant(1.0), [other]) == {}
