"""A value seen in another shape is no copy, and what a reader needs is written as it needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.executable import Executable
from pullback.compiler.kinds import Kind
from pullback.errors import IndexingError
from pullback.primitives.quantity import Value
from tests.compiler.steps import agree

Function = Callable[..., object]


def numbers(*shape: int, dtype: str = "f8") -> Value:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)[()]


def compiled(function: Function, *values: Value, tolerance: float = 1e-12) -> Executable:
    return agree(pb.trace(function, *values), *values, tolerance=tolerance)


def kernels(executable: Executable) -> Counter[Kind]:
    return Counter(kernel.kind for kernel in executable.plan.kernels)


def pairs(x: Value) -> Value:
    return pb.sum(x[:2] @ x[2:4]) + pb.sum(x[4:] @ x[4:])


X, Y = numbers(6, 4, 10), numbers(10, 12)

#: Functions without copies, and how many products and other kernels they have.
SAME: Final[dict[str, tuple[Function, tuple[Value, ...], int, int]]] = {
    "an input": (lambda x, y: pb.reshape(x, (24, 10)) @ y, (X, Y), 1, 0),
    "a product": (lambda x, y, z: pb.reshape(x @ y, (6, 48)) @ z, (X, Y, numbers(48, 7)), 2, 0),
    "a map, of which another shape is read, too": (
        lambda x, y: [pb.reshape(pb.exp(x), (24, 10)) @ y, pb.exp(x)], (X, Y), 1, 1,
    ),
    "an axis of one element moved": (
        lambda x, y: pb.permute_dims(x[:, :, None], (2, 0, 1, 3)) @ y, (X, Y), 1, 0,
    ),
    "rows side by side": (lambda x, y: x[2:5] @ y, (X, Y), 1, 0),
    "one row of rows": (lambda x, y: x[3] @ y, (X, Y), 1, 0),
    "a view of a view": (lambda x, y: pb.reshape(x[2:4], (8, 10))[2:7] @ y, (X, Y), 1, 0),
    "two views of one value": (
        lambda x: pb.reshape(x, (24, 10)).T @ pb.reshape(x, (24, 10)), (X,), 1, 0,
    ),
    "a result": (lambda x, y: pb.reshape(x @ y, (-1,)), (X, Y), 1, 0),
    "a transposed product": (lambda x, y: pb.permute_dims(x @ y, (2, 0, 1)), (X, Y), 1, 0),
    "a transposed product in another shape": (
        lambda x, y, z: pb.reshape(pb.permute_dims(x @ y, (0, 2, 1)), (6, 48)) @ z,
        (X, Y, numbers(48, 7)), 2, 0,
    ),
    "parts beside each other": (pb.grad(pairs), (numbers(6, 8, 8),), 4, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_value_in_another_shape_is_no_copy(name: str) -> None:
    function, values, products, others = SAME[name]
    found = kernels(compiled(function, *values))
    assert found[Kind.PRODUCT] == products
    assert found.total() == products + others


def test_results_share_no_memory() -> None:
    x = numbers(6, 40)

    def function(x: Value) -> object:
        y = pb.exp(x)
        flat = pb.reshape(y, (-1,))
        return x, pb.reshape(x, (-1,)), y, flat, pb.reshape(y, (40, 6)), flat, y[2:5]

    program = pb.trace(function, x)
    executable = agree(program, x, tolerance=1e-15)
    found = executable.run([x])
    for k, one in enumerate(found):
        assert not np.shares_memory(one, x)
        assert not any(np.shares_memory(one, other) for other in found[k + 1 :])


def test_one_result_lies_where_it_is_computed() -> None:
    executable = compiled(lambda x, y: (pb.reshape(x @ y, (-1,)), pb.sum(x @ y)), X, Y)
    assert executable.memory.size < X.shape[0] * X.shape[1] * Y.shape[1] * 8


def test_constants_are_seen_in_another_shape() -> None:
    found = kernels(compiled(lambda y: pb.reshape(pb.asarray(X), (24, 10)) @ y, Y))
    assert found == {Kind.PRODUCT: 1}


def test_a_view_outlives_other_readers_of_its_memory() -> None:
    def function(x: Value, y: Value) -> object:
        first = pb.exp(x)  # what follows has to leave its memory alone
        total = pb.sum(first)
        for _ in range(4):
            x = pb.cumulative_sum(x * total, axis=2)
        return x, pb.reshape(first, (24, 10)) @ y

    compiled(function, X * 0.01, Y, tolerance=1e-10)


def test_views_in_a_loop() -> None:
    weight = numbers(20, 20) * 0.1

    def function(carry: Value, rows: Value) -> object:
        def body(carry: Value, row: Value) -> tuple[Value, Value]:
            new = pb.tanh(pb.reshape(carry, (8, 20)) @ weight + pb.reshape(row, (8, 20)))
            return pb.reshape(new, (4, 40)), pb.reshape(carry, (-1,))

        return pb.scan(body, carry, rows)

    compiled(function, numbers(4, 40), numbers(5, 160))


def test_what_numpy_computes_is_seen_in_another_shape() -> None:
    def function(x: Value) -> object:
        first = pb.sort(x)
        flat = pb.reshape(pb.sort(pb.reshape(x @ x, (24, 6))), (8, 18))
        return pb.reshape(first, (24, 6)) @ x[:6], flat, flat @ numbers(18, 3)

    assert Kind.HOST in kernels(compiled(function, numbers(12, 12)))


@pytest.mark.parametrize("bad", [24, -25])
def test_indices_in_another_shape_are_looked_at(bad: int) -> None:
    rows, x = np.arange(24).reshape(4, 6), numbers(24, 5)
    executable = compiled(lambda i, x: pb.take(x, pb.reshape(i[1:], (-1,)), axis=0), rows, x)
    with pytest.raises(IndexingError, match=f"index {bad} is out of range"):
        executable.run([np.where(rows == 15, bad, rows), x])


@pytest.mark.parametrize("x", [-0.0, 0.0, np.nan, -np.inf])
def test_parts_side_by_side_keep_the_sign_of_zero(x: float) -> None:
    part = np.full((3, 20), x)

    def function(x: Value, y: Value) -> object:
        whole = pb.asarray(np.zeros((6, 20)))
        _, pullback = pb.vjp(lambda w: (w[:2], w[2:5], w[5]), whole)
        return pullback((x[:2], y, y[0] * -1.0))

    agree(pb.trace(function, part, part), part, part)


@pytest.mark.parametrize(
    "slots",
    [
        lambda w: (w[:3], w[2:]),
        lambda w: (w[:3], w[4:]),
        lambda w: (w[::2], w[1::2]),
        lambda w: (w[:3, :10], w[3:, 10:]),
        lambda w: (w[:, :7], w[:, 7:]),
        lambda w: (w[:, 3:], w[:, :3]),
        lambda w: tuple(w[k] for k in range(6)),
        lambda w: (w[:3], w[:3], w[3:]),
        lambda w: (w, w[3:]),
    ],
    ids=["overlap", "gap", "steps", "corners", "columns", "turned", "rows", "twice", "whole"],
)
def test_cotangents_of_parts_add_up(slots: Callable[[Value], tuple[Value, ...]]) -> None:
    def function(x: Value) -> object:
        return pb.grad(lambda x: sum(pb.sum(pb.sin(k * p)) for k, p in enumerate(slots(x), 2)))(x)

    compiled(function, numbers(6, 20))
