"""Programs cut into pieces: the same results for all cuts, and the cheapest cuts under a budget."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Sequence

import numpy as np
import pytest

import pullback as pb
from pullback import scan
from pullback.control.budgets import choose
from pullback.control.checkpointing import Named, Remat
from pullback.control.cutting import allowed_cuts, apply_pieces, last_steps, prepare
from pullback.core import (
    Array,
    Program,
    Trace,
    apply,
    constant,
    make_node,
    topological,
    trace_program,
)
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.identity import Input
from pullback.primitives.primitive import PLAIN_PRODUCT
from pullback.primitives.quantity import Value
from pullback.primitives.shape import BroadcastTo, Sum
from pullback.transforms.vjp import sweep
from pullback.types import ArrayType, Bundle, type_of
from tests.checks import check_primitive
from tests.core.nodes import traced

VECTOR = ArrayType((6,), np.dtype(float))
X = np.linspace(0.5, 1.5, 6)


def loops(number: int) -> Program:
    """A program with scans of two results, of which one is used late."""

    def f(nodes: list[Array]) -> list[Array]:
        (x,) = nodes
        late: list[Value] = []
        for i in range(number):
            x = apply(Named("h"), pb.sin(x) * x)
            carry, ys = scan(lambda c, y: (pb.tanh(c * y), c + y), pb.sum(x), x)
            late.append(ys)
            x = x * carry + i
        total = x
        for ys in late:
            total = total * ys
        return [total, nodes[0], total, constant(np.arange(2.0)), pb.argmax(x)]

    return trace_program(f, [VECTOR])[0]


def gradient(outputs: Sequence[Array], x: Array) -> Value:
    """The gradient of the sum of three outputs."""
    (trace,) = x.sources
    bars = [constant(np.ones(out.shape)) for out in outputs[:3]]
    return sweep(trace, outputs[:3], bars)[x]._value


def test_cuts_change_neither_values_nor_gradients() -> None:
    program, names = prepare(loops(2))
    places = [place for place, allowed in enumerate(allowed_cuts(program)) if allowed]
    assert len(places) > 8
    assert set(names) == {"h"}
    x = traced(X)
    expected = program.apply([x])
    rng = np.random.default_rng(0)
    cuts: list[list[int]] = [*([place] for place in places), places]
    cuts += [[int(place) for place in rng.choice(places, 4)] for _ in range(20)]
    for chosen in cuts:
        y = traced(X)
        outputs = apply_pieces(program, chosen, [y])
        for out, want in zip(outputs, expected, strict=True):
            np.testing.assert_array_equal(out._value, want._value)
        np.testing.assert_allclose(gradient(outputs, y), gradient(expected, x), rtol=1e-13)


def test_prepared_program_does_the_same_without_names() -> None:
    program = loops(3)
    prepared, names = prepare(program)
    prepared.type_check()
    assert not any(isinstance(primitive, Named) for primitive, _ in prepared.steps)
    assert len(prepared.steps) == len(program.steps) - 3
    assert len(names["h"]) == 3
    for out, want in zip(prepared.evaluate([X]), program.evaluate([X]), strict=True):
        np.testing.assert_array_equal(out, want)


def test_bundles_are_unpacked_where_they_are_made_and_no_cut_keeps_one() -> None:
    program, _ = prepare(loops(3))
    allowed = allowed_cuts(program)
    last = last_steps(program)
    bundles = [i for i, type_ in enumerate(program.types) if type_.parts is not None]
    assert len(bundles) == 6
    for i in bundles:
        assert last[i] - i <= 2
        assert not any(allowed[i + 1 : last[i] + 1])
    assert sum(allowed) == len(allowed) - sum(last[i] - i for i in bundles)


def test_named_value_is_kept_right_after_its_step() -> None:
    def f(nodes: list[Array]) -> list[Array]:
        y = pb.sin(nodes[0])
        z = pb.cos(nodes[0]) * y
        return [apply(Named("late"), y) + z, apply(Named("input"), nodes[0])]

    program, names = prepare(trace_program(f, [VECTOR])[0])
    sine = [primitive.name for primitive, _ in program.steps].index("sin")
    assert names == {"late": [sine + 1], "input": [0]}


# ---------------------------------------------------------------------------------- the call


def chain(number: int) -> Program:
    def f(nodes: list[Array]) -> list[Array]:
        (x,) = nodes
        for _ in range(number):
            x = pb.tanh(x + x * x)
        return [x]

    return trace_program(f, [VECTOR])[0]


def test_call_keeps_its_operands_and_results_alone() -> None:
    x = traced(X)
    bundle = apply(Remat(chain(10), (True,)), apply(Pack(), x))
    y = apply(Unpack(0), bundle)
    assert y.type == VECTOR
    assert len(topological([y])) == 5  # what x stands for, x, the bundles, y


def test_derivative_of_a_call_is_a_call() -> None:
    def graph(length: int) -> list[str]:
        """The names of the steps of a gradient of a gradient's graph."""
        call = Remat(chain(length), (True,))
        x = traced(X)
        (outer,) = x.sources
        z = make_node(X, Input(), (x,), frozenset({outer, Trace()}))
        y = apply(Unpack(0), apply(call, apply(Pack(), z)))
        (inner,) = z.sources - {outer}
        found = sweep(inner, [y], [constant(np.ones(6))])[z]
        nodes = topological([found], outer)
        return [node.primitive.name for node in nodes if node.primitive is not None]

    assert graph(3) == graph(30)
    assert graph(3).count("remat") == 1


def test_rules_of_the_call_hold_on_values() -> None:
    def both(nodes: list[Array]) -> list[Array]:
        x, y, n = nodes
        return [pb.sin(x) * y, x, pb.where(n > 0, y, x), n + 1]

    whole = ArrayType((2, 3), np.dtype(int))
    x, y = np.arange(6.0).reshape(2, 3), np.linspace(1, 2, 3)
    values: Value = Bundle((x, y, np.array([[1, 0, 1], [0, 0, 2]])))
    program = trace_program(both, [type_of(x), type_of(y), whole])[0]
    call = Remat(program, (True, True, False))
    out = call.evaluate(values)
    assert call.infer(type_of(values)) == type_of(out)
    dots = Bundle((np.cos(x), None, None))
    bars = Bundle((np.ones((2, 3)), x, None, None))
    forward = call.pushforward(0, dots, out, (values,))
    backward = call.pullback(0, bars, out, (values,), PLAIN_PRODUCT)
    np.testing.assert_allclose(forward.parts[0], np.cos(x) ** 2 * y)
    np.testing.assert_array_equal(forward.parts[1], np.cos(x))
    assert forward.parts[3] is None
    np.testing.assert_allclose(backward.parts[0], np.cos(x) * y + x)
    np.testing.assert_allclose(backward.parts[1], np.sin(x).sum(0))
    assert backward.parts[2] is None


def test_operand_that_is_not_active_has_no_cotangent() -> None:
    call = Remat(chain(2), (False,))
    bundle: Value = Bundle((X,))
    out = call.evaluate(bundle)
    assert call.pullback(0, out, out, (bundle,), PLAIN_PRODUCT).parts == (None,)


def test_call_selects_if_its_program_does() -> None:
    selecting = trace_program(lambda nodes: [pb.max(nodes[0])], [VECTOR])[0]
    assert Remat(selecting, (True,)).selects
    assert not Remat(chain(1), (True,)).selects


def test_call_compares_pickles_and_prints_with_its_program() -> None:
    call = Remat(chain(2), (True,))
    again = pickle.loads(pickle.dumps(call))  # noqa: S301 - our own
    assert again == call == Remat(chain(2), (True,))
    assert hash(again) == hash(call)
    assert call != Remat(chain(3), (True,))
    program = trace_program(
        lambda nodes: [apply(Unpack(0), apply(call, apply(Pack(), nodes[0])))], [VECTOR]
    )[0]
    program.type_check()
    assert "remat(" in str(program)
    assert str(program).count("tanh(") == 2


def test_name_is_a_linear_primitive() -> None:
    check_primitive(Named("h"), X)
    check_primitive(Named("h"), np.float64(2.0))
    assert Named("h") != Named("g")


# --------------------------------------------------------------------------------- the budget


def random_program(seed: int, length: int) -> Program:
    """A program of steps that give scalars and vectors of two sizes."""
    rng = np.random.default_rng(seed)

    def f(nodes: list[Array]) -> list[Array]:
        values = list(nodes)
        while len(values) <= length:
            x, y = values[rng.integers(max(0, len(values) - 4), len(values))], values[-1]
            if rng.random() < 0.3 and x.ndim:
                values.append(apply(Sum((0,)), x))
            elif rng.random() < 0.4 and not x.ndim:
                values.append(apply(BroadcastTo((int(rng.choice([6, 20])),)), x))
            elif x.shape == y.shape or not (x.ndim and y.ndim):
                values.append(x * y + 0.0 if rng.random() < 0.2 else x * y)
            else:
                values.append(pb.sin(x))
        return values[-2:]

    return prepare(trace_program(f, [VECTOR])[0])[0]


def held(program: Program, cuts: Sequence[int]) -> int:
    """The bytes that are held at once with these cuts, from the definition."""
    sizes = [int(np.prod(type_.shape, dtype=int)) * 8 for type_ in program.types]
    last = last_steps(program)
    end = max(cuts, default=0)
    before = [i for i in range(len(sizes)) if i < end]
    kept = {i for i in before if any(i < cut <= last[i] for cut in cuts)}
    bounds = [0, *sorted(cuts)]
    pieces = [
        sum(sizes[i] for i in range(a, b) if last[i] < b) for a, b in itertools.pairwise(bounds)
    ]
    return sum(sizes[i] for i in kept) + sum(sizes[end:]) + max(pieces, default=0)


@pytest.mark.parametrize("seed", range(12))
def test_chosen_cuts_are_the_best_of_all(seed: int) -> None:
    program = random_program(seed, 9)
    places = range(1, len(program.steps) + 1)
    choices = [
        cuts for number in range(len(places) + 1) for cuts in itertools.combinations(places, number)
    ]
    costs = {cuts: held(program, cuts) for cuts in choices}
    least, most = min(costs.values()), costs[()]
    for budget in {0, least - 1, *range(least, most + 9, 8)}:
        plan = choose(program, budget)
        assert plan.held == held(program, sorted(plan.cuts))
        if budget < least:
            assert plan.held == least
        else:
            assert plan.held <= budget
            fitting = [max(cuts, default=0) for cuts, cost in costs.items() if cost <= budget]
            assert max(plan.cuts, default=0) == min(fitting)


@pytest.mark.parametrize("seed", range(3))
def test_long_program_is_cut_within_the_budget(seed: int) -> None:
    program = random_program(seed, 1500)
    whole = choose(program, 10**9)
    assert whole.cuts == ()
    least = choose(program, 0).held
    assert least < whole.held / 4
    ends = []
    for budget in np.linspace(least, whole.held, 5, dtype=int).tolist():
        plan = choose(program, budget)
        assert held(program, sorted(plan.cuts)) <= plan.held <= budget
        ends.append(max(plan.cuts, default=0))
    assert ends == sorted(ends, reverse=True)
    assert ends[0] > ends[2] > ends[-1] == 0


def test_program_without_steps_needs_no_cuts() -> None:
    program = trace_program(list, [VECTOR])[0]
    assert choose(program, 0).cuts == ()
    x = traced(X)
    assert apply_pieces(program, [0], [x]) == [x]
