"""What `checkpoint` computes again, counted; what it holds, in bytes; and what it refuses."""

from __future__ import annotations

import gc
import re
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any  # noqa: TID251 - functions of arrays or numbers

import numpy as np
import pytest

import pullback as pb
from pullback import checkpoint, checkpoint_name
from pullback.errors import DifferentiationError
from pullback.primitives.hyperbolic import Tanh
from pullback.primitives.quantity import Value
from tests.lambdas import of

Function = Callable[..., Any]
X = np.linspace(-1.0, 1.0, 6)


def smallest(f: Function, x: Value) -> int:
    """The smallest budget, as the error about a smaller one says."""
    with pytest.raises(DifferentiationError) as caught:
        pb.vjp(checkpoint(f, budget=0), x)
    return int(str(caught.value).rpartition(" ")[2])


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[None]]:
    """A list that grows by one for each tanh that is computed."""
    calls: list[None] = []
    compute = Tanh.evaluate

    def counted(self: Tanh, *values: Value) -> Value:
        calls.append(None)
        return compute(self, *values)

    monkeypatch.setattr(Tanh, "evaluate", counted)
    return iter([calls])


def deep(x: Value) -> Value:
    for _ in range(8):
        x = checkpoint_name(np.tanh(np.tanh(x)), "h")
    return np.sum(x)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"save": "everything"}, 16),
        ({"save": "nothing"}, 32),  # the outcome is no tanh, but the sum
        ({"save": ("h",)}, 24),  # one of two is kept
        ({"budget": 10**6}, 16),
        ({"budget": 17 * 48}, 16),  # all results: 16 of 6 doubles, and the sum
    ],
)
def test_kept_values_are_not_computed_again(
    options: dict[str, Value], expected: int, computed: Iterator[list[None]]
) -> None:
    calls = next(computed)
    pb.grad(checkpoint(deep, **options))(X)
    assert len(calls) == expected


def test_smaller_budget_computes_more_again(computed: Iterator[list[None]]) -> None:
    least = smallest(deep, X)
    calls = next(computed)
    counts = []
    for budget in (16 * 48 + 8, 14 * 48, 12 * 48, 10 * 48, least):
        calls.clear()
        pb.grad(checkpoint(deep, budget=budget))(X)
        counts.append(len(calls))
    assert counts == sorted(counts)
    assert counts[0] == 16
    assert counts[0] < counts[1] < counts[-1] < 32


def test_value_alone_is_computed_once(computed: Iterator[list[None]]) -> None:
    calls = next(computed)
    checkpoint(deep, budget=1)(X)
    assert len(calls) == 16


SIZE = 2**17
MEGABYTE = 2**20
LAYERS = 64


def layers(x: Value) -> Value:
    for _ in range(LAYERS):
        x = checkpoint_name(np.tanh(x + x * x), "h")  # three arrays of a megabyte
    return np.sum(x)


def peak(f: Function) -> float:
    """The megabytes that the gradient takes at its peak, beside its result and its argument."""
    x = np.linspace(0.0, 1.0, SIZE)
    gc.collect()
    tracemalloc.start()
    try:
        pb.grad(f)(x)
        return tracemalloc.get_traced_memory()[1] / MEGABYTE - 2
    finally:
        tracemalloc.stop()


SLACK = 6  # a copy of the argument, and the cotangents on their way


def test_peak_of_everything_and_of_nothing_is_all_values() -> None:
    for f in (layers, checkpoint(layers)):
        assert 3 * LAYERS - 4 < peak(f) < 3 * LAYERS + SLACK


def test_peak_of_names_is_one_value_a_layer() -> None:
    assert LAYERS - 4 < peak(checkpoint(layers, save=("h",))) < LAYERS + SLACK


def test_peak_of_a_checkpoint_for_each_layer_is_one_value_a_layer() -> None:
    layer = checkpoint(lambda x: np.tanh(x + x * x))

    def f(x: Value) -> Value:
        for _ in range(LAYERS):
            x = layer(x)
        return np.sum(x)

    assert LAYERS - 4 < peak(f) < LAYERS + SLACK


@pytest.mark.parametrize("budget", [150, 96, 48, 30])
def test_peak_stays_within_the_budget(budget: int) -> None:
    found = peak(checkpoint(layers, budget=budget * MEGABYTE))
    assert budget / 2 < found < budget + SLACK


def test_smallest_budget_grows_like_the_square_root() -> None:
    least = smallest(layers, np.linspace(0.0, 1.0, SIZE))
    assert least < 2.1 * np.sqrt(3 * LAYERS) * MEGABYTE
    assert peak(checkpoint(layers, budget=least)) < least / MEGABYTE + SLACK


def test_second_order_stays_within_proportion() -> None:
    def curvature(f: Function) -> Function:
        return lambda x: np.sum(pb.grad(f)(x) ** 2)

    assert peak(curvature(checkpoint(layers, save=("h",)))) < peak(curvature(layers)) / 3


def test_cotangents_of_an_argument_that_all_pieces_take_do_not_pile_up() -> None:
    def f(weights: Value, x: Value, scale: Value) -> Value:
        for number in range(32):
            x = checkpoint_name(np.tanh(x * weights[number]) * scale, "h")
        return np.sum(x)

    thrifty: Function = checkpoint(f, save=("h",))
    rng = np.random.default_rng(0)
    args = rng.random((32, 2**15)), rng.random(2**15), rng.random(2**15)
    expected, slopes = pb.grad(f, (0, 1, 2))(*args), pb.grad(thrifty, (0, 1, 2))
    gc.collect()
    tracemalloc.start()
    try:
        found = slopes(*args)
        most = tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()
    for actual, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(actual, want, rtol=1e-12)
    # The copy of the weights, their gradient, and a quarter of a megabyte for each kept value.
    assert most < 8 + 8 + 8 + 5


def test_result_holds_no_larger_array() -> None:
    f = checkpoint(lambda x: np.outer(x, x)[0, :4])
    x = np.ones(1000)
    gc.collect()
    tracemalloc.start()
    try:
        _, pull = pb.vjp(f, x)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < MEGABYTE / 2
    assert pull(np.ones(4)).shape == x.shape


def test_value_alone_holds_nothing() -> None:
    x = np.linspace(0.0, 1.0, SIZE)
    tracemalloc.start()
    try:
        checkpoint(layers)(x)
        assert tracemalloc.get_traced_memory()[1] < 6 * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"save": "h"}, "save: expected 'nothing', 'everything' or a tuple of names, not 'h'"),
        ({"save": (1,)}, "save: expected 'nothing', 'everything' or a tuple of names"),
        ({"save": ["h"]}, "save: expected 'nothing', 'everything' or a tuple of names"),
        ({"budget": 1.5}, "budget: expected a number of bytes, not 1.5"),
        ({"budget": True}, "budget: expected a number of bytes, not True"),
        ({"budget": -1}, "budget: expected a number of bytes, not -1"),
        ({"budget": 1, "save": ("h",)}, "leave out budget or save=('h',)"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Value], message: str) -> None:
    with pytest.raises(DifferentiationError, match=re.escape(message)):
        checkpoint(deep, **options)


def test_what_is_no_function_is_named() -> None:
    with pytest.raises(DifferentiationError, match="expected a function, not None"):
        checkpoint(None)  # type: ignore[arg-type]  # the error is the test


def test_unknown_name_lists_the_names() -> None:
    def f(x: Value) -> Value:
        return np.sum(checkpoint_name(x * x, "b") + checkpoint_name(x, "a"))

    message = "checkpoint: save: no value of f has the name 'h'; there are 'a', 'b'; mark"
    with pytest.raises(DifferentiationError, match=re.escape(message)):
        pb.grad(checkpoint(f, save=("a", "h")))(X)
    with pytest.raises(DifferentiationError, match="there are no names; mark"):
        pb.grad(checkpoint(of(np.sum), save=("h",)))(X)


def test_budget_that_is_too_small_names_the_smallest() -> None:
    least = smallest(deep, X)
    message = (
        f"checkpoint: deep cannot be differentiated within budget={least - 1} bytes; the smallest "
        f"budget for it is {least}"
    )
    with pytest.raises(DifferentiationError, match=re.escape(message)):
        pb.vjp(checkpoint(deep, budget=least - 1), X)
    pb.vjp(checkpoint(deep, budget=least), X)
