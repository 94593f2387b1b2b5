"""What is not selected contributes nothing to a derivative of any order.

The reference for a function that selects is the same function of the selected elements alone, with
the others left out before anything is computed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pytest

from pullback.api.linear_algebra import matmul
from pullback.api.reductions import logsumexp, max, prod, sum
from pullback.api.selection import clip, maximum, minimum, where
from pullback.api.statistics import std, var
from pullback.core import Array, Trace, apply, constant, freeze_value, make_node, topological
from pullback.primitives.cumulative import Cumprod, Cumsum
from pullback.primitives.exponential import Cbrt, Exp, Log, Log1p, Sqrt
from pullback.primitives.hyperbolic import Acosh, Atanh, Tanh
from pullback.primitives.identity import Input
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.reduction import Softmax
from pullback.primitives.rounding import Abs
from pullback.primitives.shape import Transpose
from pullback.primitives.special import Erfinv, Expit, Gammaln, Logit, LogNdtr, Softplus
from pullback.primitives.trigonometric import Asin, Sin
from tests.primitives.pointwise import applying, held, slope

Function = Callable[[Array], Array]
INF: Final = float("inf")
NAN: Final = float("nan")

exp, log, sin, sqrt, tanh = (applying(p()) for p in (Exp, Log, Sin, Sqrt, Tanh))


def derivative_along(f: Function, direction: Value) -> Function:
    """Return the gradient of ⟨∇f, direction⟩, by reverse mode over reverse mode."""
    return slope(lambda x: sum(slope(f)(x) * direction))


def forward_along(f: Function, x: Value, direction: Value) -> Value:
    """Return the derivative of ``f`` along a direction, by the pushforwards of its primitives."""
    trace = Trace()
    node = make_node(freeze_value(x), Input(), (held(x),), frozenset({trace}))
    out = f(node)
    moved: dict[Array, Value] = {node: direction}
    for y in topological([out]):
        values = tuple(operand._value for operand in y.operands)
        for index, operand in enumerate(y.operands):
            if y is not node and operand in moved and y.primitive is not None:
                change: Value = y.primitive.pushforward(index, moved[operand], y._value, values)
                if change is not None:
                    moved[y] = moved[y] + change if y in moved else change
    return moved.get(out, np.zeros_like(out._value))


def derivatives(f: Function, x: Value, direction: Value) -> list[Value]:
    """Return ∇f, ∇²f·v both ways, and ∇³f·v·v."""
    second = derivative_along(f, direction)
    third = derivative_along(lambda x: sum(slope(f)(x) * direction), direction)
    with np.errstate(all="ignore"):
        return [
            slope(f)(held(x))._value,
            second(held(x))._value,
            forward_along(slope(f), x, direction),
            third(held(x))._value,
        ]


BELOW: Final[dict[str, Function]] = {
    "sqrt": sqrt,
    "log": log,
    "log of a negative": lambda x: log(-1 - x * x),
    "reciprocal": lambda x: 1 / x,
    "0/0": lambda x: x / x,
    "x/0": lambda x: 1 / (x - x),
    "negative power": lambda x: x**-1.5,
    "negative whole power": lambda x: x**-2,
    "root as a power": lambda x: x**0.5,
    "power of itself": lambda x: (x - x) ** x,
    "tanh of log": lambda x: tanh(log(x)),
    "exp of reciprocal": lambda x: exp(1 / x),
    "log of log": lambda x: log(log(x)),
    "product of roots": lambda x: sqrt(x) * sqrt(x),
    "square of root": lambda x: sqrt(x) ** 2,
    "nan": lambda x: x * NAN,
    "infinite times zero": lambda x: (x - x) * INF * x,
    "reshape and slice": lambda x: log(x)[None][0],
}
ORDERED: Final[dict[str, Function]] = {
    "maximum": lambda x: maximum(sqrt(x), log(x)),
    "another where": lambda x: where(x > 1, sqrt(x), 1 / x),
    "clip": lambda x: clip(log(x), -1.0, 1.0),
    "minimum of nan": lambda x: minimum(log(-1 - x * x), x),
}
POINTS: Final = [
    *(0.0, -1.0, np.float64(0), np.float32(0), np.float32(-1)),
    *(np.zeros(2), np.array([0.0, -1.0]), np.zeros((2, 1), np.float32), np.zeros(0)),
]
COMPLEX_POINTS: Final = [0j, np.complex128(0), np.zeros(2, np.complex64)]


def reverse_orders(f: Function, x: Value) -> list[Value]:
    """Return the first three derivatives of an elementwise function, and the second by forward."""
    with np.errstate(all="ignore"):
        orders = [f, slope(f), slope(slope(f)), slope(slope(slope(f)))]
        reverse = [g(held(x))._value for g in orders[1:]]
        return [*reverse, forward_along(orders[1], x, np.ones_like(x)[()])]


CASES: Final = [
    *((name, x) for name in {**BELOW, **ORDERED} for x in POINTS),
    *((name, x) for name in BELOW for x in COMPLEX_POINTS),
]


@pytest.mark.parametrize(("name", "x"), CASES)
def test_a_branch_that_is_not_taken_contributes_nothing(name: str, x: Value) -> None:
    below = {**BELOW, **ORDERED}[name]
    never = np.zeros(np.shape(x), bool)[()]
    for derivative in reverse_orders(lambda x: where(never, below(x), 0.0), x):
        assert np.array_equal(derivative, np.zeros_like(x))
    half_square = reverse_orders(lambda x: where(never, below(x), x * x * 0.5), x)
    expected = [np.conj(x), np.ones_like(x), np.zeros_like(x), np.ones_like(x)]
    for derivative, exact in zip(half_square, expected, strict=True):
        assert np.array_equal(derivative, exact)


@pytest.mark.parametrize("x", [0.0, -1.0, np.array([0.0, -1.0])])
def test_the_guarded_root_is_flat_where_it_is_not_taken(x: Value) -> None:
    for derivative in reverse_orders(lambda x: where(x > 0, sqrt(x), 0.0), x):
        assert np.array_equal(derivative, np.zeros_like(x))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: maximum(sqrt(x), 1.0),
        lambda x: minimum(2.0, 1 / x),
        lambda x: clip(log(x), -1.0, 1.0),
        lambda x: clip(0.5, sqrt(x), 1.0),
    ],
)
def test_an_extremum_that_is_not_attained_contributes_nothing(f: Function) -> None:
    for derivative in reverse_orders(f, np.zeros(2)):
        assert np.array_equal(derivative, np.zeros(2))


def test_a_scalar_condition_silences_a_whole_reduction() -> None:
    x = np.array([0.0, -1.0, 2.0])

    def guarded(x: Array) -> Array:
        return where(sum(x) > 10, sum(log(x)) * prod(x) / max(x), 0.0)

    for derivative in derivatives(guarded, x, np.array([1.0, 2.0, 3.0])):
        assert np.array_equal(derivative, np.zeros(3))


Step = Callable[[Array, Array], Array]


def unary(primitive: Primitive) -> Step:
    return lambda y, x: apply(primitive, y)


STEPS: Final[list[Step]] = [
    *map(unary, (Sqrt(), Log(), Exp(), Tanh(), Log1p(), Cbrt(), Asin(), Acosh(), Atanh(), Sin())),
    *map(unary, (Abs(), Expit(), Gammaln(), Erfinv(), Logit(), LogNdtr(), Softplus())),
    lambda y, x: 1 / y,
    lambda y, x: y**1.5,
    lambda y, x: abs(y) ** x,
    lambda y, x: y * x / (1 - y),
    maximum,
    lambda y, x: y - 1,
    lambda y, x: where(y > 0.5, y, x),
]
ELEMENTS: Final = np.array([0.0, -1.0, 1.0, 2.0, 0.3, -0.5, INF, NAN, 0.7, 1.3, -INF])


def chain(steps: Sequence[Step]) -> Function:
    def f(x: Array) -> Array:
        y = x
        for step in steps:
            y = step(y, x)
        return y

    return f


def bent(y: Array, weights: Value) -> Array:
    """Return a scalar whose cotangents depend on y at every order."""
    total = sum(y * weights)
    return sin(total) * total


def smooth_elements(f: Function) -> Value:
    """Return at which of ELEMENTS an elementwise function has finite derivatives."""
    wavy = lambda x: sin(f(x))  # noqa: E731
    with np.errstate(all="ignore"):
        found = [g(held(ELEMENTS))._value for g in (f, slope(wavy), slope(slope(wavy)))]
    return np.isfinite(found).all(axis=0)


SELECTIONS: Final[dict[str, Callable[[Array, Value], Array]]] = {
    "where": lambda y, chosen: where(chosen, y, 0.0)[np.flatnonzero(chosen)],
    "integer index": lambda y, chosen: y[np.flatnonzero(chosen)],
    "boolean mask": lambda y, chosen: y[chosen],
    "reversed slice": lambda y, chosen: y[::-1][np.flatnonzero(chosen[::-1])[::-1]],
    "index twice": lambda y, chosen: y[np.argsort(~chosen, kind="stable")][: chosen.sum()],
}


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("seed", range(12))
def test_a_chain_below_a_selection_has_the_derivatives_of_the_selected_elements(
    seed: int, selection: str
) -> None:
    rng = random.Random(seed)  # noqa: S311 - a fixed choice of cases
    f = chain(rng.choices(STEPS, k=rng.randint(1, 4)))
    chosen = smooth_elements(f)
    select = SELECTIONS[selection]
    weights = np.linspace(0.5, 1.5, chosen.sum())
    direction = np.random.default_rng(seed).standard_normal(ELEMENTS.size)
    whole = derivatives(lambda x: bent(select(f(x), chosen), weights), ELEMENTS, direction)
    alone = derivatives(lambda x: bent(f(x), weights), ELEMENTS[chosen], direction[chosen])
    assert_embedded(whole, alone, chosen)


def assert_embedded(whole: list[Value], alone: list[Value], chosen: Value) -> None:
    """Check that derivatives are those of what is chosen, and zero elsewhere."""
    for actual, part in zip(whole, alone, strict=True):
        if np.isfinite(part).all():
            expected = np.zeros(actual.shape)
            expected[chosen] = part
            scale = np.abs(part).max(initial=1)
            np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-10 * scale)


def test_most_chains_are_tested_to_the_third_order() -> None:
    finite = 0
    for seed in range(12):
        rng = random.Random(seed)  # noqa: S311 - the cases of the test above
        f = chain(rng.choices(STEPS, k=rng.randint(1, 4)))
        chosen = smooth_elements(f)
        x = ELEMENTS[chosen]
        found = derivatives(lambda x, f=f: bent(f(x), 1.0), x, np.ones(x.size))  # type: ignore[misc]
        finite += 0 < x.size < ELEMENTS.size and bool(np.isfinite(found).all())
    assert finite >= 8


ROW_STEPS: Final[dict[str, Step]] = {
    "matmul": matmul,
    "matmul on the left": lambda x, w: transposed(matmul(w, transposed(x))),
    "contraction with itself": lambda x, w: x * sum(matmul(x * w[0], w), axis=1, keepdims=True),
    "prod": lambda x, w: x * prod(x, axis=1, keepdims=True),
    "logsumexp": lambda x, w: x - logsumexp(x, axis=1, keepdims=True),
    "softmax": lambda x, w: apply(Softmax((1,)), x),
    "max": lambda x, w: x - max(x, axis=1, keepdims=True),
    "normalise": lambda x, w: x / sum(x, axis=1, keepdims=True),
    "cumsum": lambda x, w: apply(Cumsum(1), x),
    "cumprod": lambda x, w: apply(Cumprod(1), x),
    "slice": lambda x, w: x[:, ::-1],
    "gather": lambda x, w: x[:, np.array([0, 0, 2])],
    "var": lambda x, w: x - var(x, axis=1, keepdims=True),
    "std": lambda x, w: x - std(x, axis=1, keepdims=True),
}
ROWS: Final = np.array(
    [[0.0, 1, 2], [-1, 0.5, 1], [1, 2, 3], [INF, 1, 1], [NAN, 1, 2], [2, 1.5, 1.2], [0, 0, 0]]
)
CHOSEN: Final = np.array([False, False, True, False, False, True, False])
WEIGHTS: Final = np.array([[1.0, 0.5, -0.3], [0.2, -1, 0.4], [0, 0.3, 0.7]])
OUTER: Final[list[Callable[[Array], Array]]] = [lambda x: x, log, sqrt, lambda x: 1 / x]


def transposed(x: Array) -> Array:
    return apply(Transpose((1, 0)), x)


@pytest.mark.parametrize("step", ROW_STEPS)
@pytest.mark.parametrize("before", range(len(OUTER)))
def test_rows_below_a_where_have_the_derivatives_of_the_selected_rows(
    step: str, before: int
) -> None:
    rng = np.random.default_rng(before)
    out_weights, direction = rng.uniform(0.5, 1, ROWS.shape), rng.standard_normal(ROWS.shape)
    weight_direction = rng.standard_normal(WEIGHTS.shape)

    def row_wise(x: Array, w: Array) -> Array:
        return ROW_STEPS[step](OUTER[before](x), w)

    def whole(x: Array, w: Array) -> Array:
        return bent(where(CHOSEN[:, None], row_wise(x, w), 0.0), out_weights)

    def alone(x: Array, w: Array) -> Array:
        return bent(row_wise(x, w), out_weights[CHOSEN])

    weights, rows, few = held(WEIGHTS), held(ROWS), held(ROWS[CHOSEN])
    assert_embedded(
        derivatives(lambda x: whole(x, weights), ROWS, direction),
        derivatives(lambda x: alone(x, weights), ROWS[CHOSEN], direction[CHOSEN]),
        CHOSEN,
    )
    # The weights meet every row; so do mixed derivatives, in both orders.
    everything = np.ones(3, bool)
    assert_embedded(
        derivatives(lambda w: whole(rows, w), WEIGHTS, weight_direction),
        derivatives(lambda w: alone(few, w), WEIGHTS, weight_direction),
        everything,
    )
    for swapped, chosen in ((False, CHOSEN), (True, everything)):
        assert_embedded(
            [mixed(whole, rows, weights, direction, weight_direction, swapped=swapped)],
            [mixed(alone, few, weights, direction[CHOSEN], weight_direction, swapped=swapped)],
            chosen,
        )


def mixed(
    f: Step, x: Array, w: Array, x_direction: Value, w_direction: Value, *, swapped: bool
) -> Value:
    """Return the gradient in x of the derivative in w along a direction; swapped, the other way."""
    with np.errstate(all="ignore"):
        if swapped:
            return slope(lambda w: sum(slope(lambda x: f(x, w))(x) * x_direction))(w)._value
        return slope(lambda x: sum(slope(lambda w: f(x, w))(w) * w_direction))(x)._value


@pytest.mark.parametrize("select", [lambda y: where(y > -9, y, 0.0), lambda y: maximum(y, -1.0)])
def test_a_residual_of_zero_keeps_its_curvature(select: Function) -> None:
    def loss(x: Array) -> Array:
        return select((x - 1) ** 2 * 0.5)

    first, second, third, forward = reverse_orders(loss, np.ones(2))
    assert first.tolist() == [0, 0]
    assert second.tolist() == [1, 1]
    assert third.tolist() == [0, 0]
    assert forward.tolist() == [1, 1]


def test_a_zero_factor_keeps_its_mixed_derivative() -> None:
    def f(x: Array, y: Array) -> Array:
        return where(x > -1, x * exp(y), 0.0)

    x, y = held(np.zeros(1)), held(np.ones(1))
    assert slope(lambda y: f(x, y))(y)._value[0] == 0
    assert slope(lambda x: slope(lambda y: f(x, y))(y))(x)._value[0] == np.exp(1)


def test_an_infinite_derivative_of_the_selected_branch_stays_infinite() -> None:
    x = np.array([0.0, 4.0])
    for f in (lambda x: where(x >= 0, sqrt(x), 0.0), lambda x: sqrt(x)[::-1]):
        assert slope(f)(held(x))._value.tolist() == [INF, 0.25]
    guarded_matrix = slope(lambda x: where(True, matmul(np.eye(2) + 1, sqrt(x)), 0.0))
    with np.errstate(all="ignore"):
        assert guarded_matrix(held(x))._value.tolist() == [INF, 0.75]


def test_nan_in_the_selected_branch_stays_nan() -> None:
    with np.errstate(all="ignore"):
        found = slope(lambda x: where(x < 0, sqrt(x), 0.0))(held(np.array([-1.0, 1.0])))
    assert np.isnan(found._value[0])
    assert found._value[1] == 0


def test_a_branch_with_an_unmasked_consumer_keeps_its_infinite_derivative() -> None:
    def f(x: Array) -> Array:
        root = sqrt(x)
        return where(x > 0, root, 0.0) + root * 3

    assert slope(f)(held(np.array([0.0, 4.0])))._value.tolist() == [INF, 1.0]


def test_products_above_every_selection_are_plain() -> None:
    with np.errstate(all="ignore"):
        found = slope(lambda x: sqrt(x) * 0.0)(held(np.zeros(1)))
    assert np.isnan(found._value).all()


def test_below_a_selection_a_zero_made_by_a_factor_annihilates_too() -> None:
    # The one price: which zero it was cannot be told from the number. 0·∞ is nan above.
    found = slope(lambda x: where(x >= 0, sqrt(x) * 0.0, 1.0))(held(np.zeros(1)))
    assert found._value.tolist() == [0]


def test_the_reverse_sweep_is_silent(recwarn: pytest.WarningsRecorder) -> None:
    with np.errstate(divide="ignore"):
        slope(slope(lambda x: where(x > 0, 1 / sqrt(x), 0.0)))(held(np.zeros(2)))
    slope(lambda x: where(x > 0, sqrt(x), 0.0))(constant(0.0))
    assert not recwarn.list
