"""Maps in the kernels of products: the same bits as in kernels of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.compiler import epilogues, kernels, threads
from pullback.compiler.executable import Executable, compile_program
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm import epilogues as emitted
from pullback.core import Program
from pullback.primitives.contraction import Contract
from pullback.primitives.quantity import Value
from tests.compiler.test_products import (
    LAYOUTS,
    SIZES,
    Labels,
    Limits,
    always_tiles,
    limits,
    sample,
    silent,
)

__all__ = ["always_tiles", "limits"]  # fixtures

Layout = tuple[Labels, Labels, Labels]
Function = Callable[..., object]
Activation = Callable[[Value], Value]

TOLERANCE: Final = {4: 1e-4, 8: 1e-10}


def without(program: Program) -> Executable:
    """Return the program compiled in kernels that each do one thing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "merge_epilogues", lambda *arguments: arguments[-1])
        return compile_program(program)


def assert_same(function: Function, *values: Value) -> Executable:
    """Compile a function; its bits are those of separate kernels, and nearly those of NumPy."""
    program = pb.trace(function, *values)
    merged = compile_program(program)
    with np.errstate(all="ignore"):
        expected = program.evaluate(values)
    found, apart = merged.run(values), without(program).run(values)
    for new, old, plain in zip(found, apart, expected, strict=True):
        np.testing.assert_array_equal(new, old)
        assert new.dtype == old.dtype == plain.dtype
        if new.dtype.kind == "f":
            error = TOLERANCE[new.dtype.itemsize]
            np.testing.assert_allclose(new, plain, rtol=error, atol=error)
    return merged


def products(executable: Executable) -> list[int]:
    """Return how many values the kernels of products have."""
    found = executable.plan.kernels
    return [len(kernel.values) for kernel in found if kernel.kind is Kind.PRODUCT]


def kinds(executable: Executable) -> list[Kind]:
    return [kernel.kind for kernel in executable.plan.kernels]


def factors(dtype: str, rows: int = 37, terms: int = 20, columns: int = 43) -> list[Value]:
    """Return the factors of a product, a number for each column, for each row and each element."""
    shapes = (rows, terms), (terms, columns), (columns,), (rows, 1), (rows, columns)
    r = np.random.default_rng(0)
    return [r.standard_normal(shape).astype(dtype) for shape in shapes]


ACTIVATIONS: Final[dict[str, Activation]] = {
    "nothing": lambda a: a,
    "relu": nn.relu,
    "leaky relu": nn.leaky_relu,
    "tanh": pb.tanh,
    "sigmoid": nn.sigmoid,
    "softplus": nn.softplus,
    "silu": nn.silu,
    "gelu": nn.gelu,
    "exact gelu": lambda a: nn.gelu(a, approximate=False),
    "elu": nn.elu,
    "exp": pb.exp,
    "square root": lambda a: pb.sqrt(pb.abs(a)),
    "clip": lambda a: pb.clip(a, -1, 1),
    "mask": lambda a: a > 0,
    "cast": lambda a: pb.astype(a, np.float32) * np.float32(2),
    "power": lambda a: pb.abs(a) ** 2.5,
    "remainder": lambda a: a % 0.5,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_layer_is_one_kernel(name: str, dtype: str) -> None:
    x, w, b, *_ = factors(dtype)
    found = assert_same(lambda x, w, b: ACTIVATIONS[name](x @ w + b), x, w, b)
    assert kinds(found) == [Kind.PRODUCT]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_derivative_of_a_layer_agrees(name: str) -> None:
    x, w, b, *_ = factors("f8")

    def loss(x: Value, w: Value, b: Value) -> Value:
        return pb.sum(pb.astype(ACTIVATIONS[name](pb.tanh(x @ w + b) @ w.T + b[:20]), "f8"))

    assert_same(pb.grad(loss, (0, 1, 2)) if name != "mask" else loss, x, w, b)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_operands_are_read_along_with_the_product(dtype: str) -> None:
    functions: list[Function] = [
        lambda x, w, b, r, m: x @ w + b,
        lambda x, w, b, r, m: x @ w + r,
        lambda x, w, b, r, m: (x @ w) * m - b * r,
        lambda x, w, b, r, m: x @ w + 2,
        lambda x, w, b, r, m: x @ w + r[0],
        lambda x, w, b, r, m: x @ w + b[::-1],
        lambda x, w, b, r, m: x @ w + m[::-1, ::-1],
        lambda x, w, b, r, m: x @ w + pb.tanh(b) * pb.reshape(r, (-1, 1)),
        lambda x, w, b, r, m: pb.where(m > 0, x @ w, 0),
        lambda x, w, b, r, m: x @ w + b[3],
    ]
    for function in functions:
        found = assert_same(function, *factors(dtype))
        assert products(found) == [2], function
        assert found.plan.kernels[-1].kind is Kind.PRODUCT


def test_operands_may_be_transposed() -> None:
    x, w, *_, m = factors("f8", 20, 31, 20)
    assert products(assert_same(lambda x, w, m: x @ w + m.T, x, w, m)) == [2]


def test_several_maps_are_taken_along() -> None:
    def function(x: Value, w: Value, b: Value, r: Value, m: Value) -> object:
        a = x @ w + b
        h = pb.tanh(a)
        return h, h > r, a * m, 1 - h * h

    assert kinds(assert_same(function, *factors("f8"))) == [Kind.PRODUCT]


def test_a_product_that_somebody_reads_is_kept() -> None:
    def function(x: Value, w: Value, b: Value) -> object:
        p = x @ w
        h = nn.relu(p + b)
        return h, pb.sum(p, axis=0), p

    (first, *_) = assert_same(function, *factors("f8")[:3]).plan.kernels
    assert len(first.writes) == 2
    alone = assert_same(lambda x, w, b: nn.relu(x @ w + b), *factors("f8")[:3])
    assert len(alone.plan.kernels[0].writes) == 1


def test_a_map_of_flags_alone_leaves_the_product_a_place() -> None:
    (kernel,) = assert_same(lambda x, w: x @ w > 0, *factors("f4")[:2]).plan.kernels
    assert len(kernel.writes) == 2


def test_a_map_of_two_products_is_in_the_kernel_of_the_later_one() -> None:
    def function(x: Value, w: Value, b: Value) -> Value:
        return pb.tanh((x @ w) * (pb.sin(x) @ w) + b)

    assert sorted(products(assert_same(function, *factors("f8")[:3]))) == [1, 2]


def test_a_product_waits_for_what_its_maps_read() -> None:
    def function(x: Value, w: Value, b: Value) -> Value:
        p = x @ w
        return p * pb.sum(pb.exp(x)) + b

    found = assert_same(function, *factors("f8")[:3])
    assert found.plan.kernels[-1].kind is Kind.PRODUCT
    assert products(found) == [2]


def test_a_map_that_needs_more_of_the_product_stays_apart() -> None:
    functions: list[Function] = [
        lambda x, w, b: x @ w + pb.sum(x @ w),
        lambda x, w, b: (x @ w)[::-1] + b,
        lambda x, w, b: x @ w + (x @ w)[:1],
        lambda x, w, b: pb.sin(x @ w),
        lambda x, w, b: x @ w + pb.max(pb.exp(x @ w + b)),
    ]
    for function in functions:
        found = assert_same(function, *factors("f8")[:3])
        assert len(found.plan.kernels) > 1, function


def test_a_map_that_would_part_a_loop_stays_apart() -> None:
    x, w, *_ = factors("f8")
    stack, rows = np.stack([x, -x]), np.ones((37, 43))
    assert products(assert_same(lambda x, w, r: pb.tanh(x @ w + r), stack, w, rows)) == [1]
    assert products(assert_same(lambda x, w, r: pb.tanh(x @ w + r), stack, w, rows[:, :1])) == [1]
    assert products(assert_same(lambda x, w, r: pb.tanh(x @ w + r), stack, w, rows[0])) == [2]


def test_what_would_be_far_apart_in_memory_stays_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(x: Value, w: Value, b: Value) -> Value:
        return pb.tanh(x @ w + b)

    arguments = factors("f8")[:3]
    monkeypatch.setattr(epilogues, "_NEAR", 100)
    within = assert_same(lambda *a: pb.sum(hidden(*a), axis=0), *arguments)
    assert 1 in products(within), "what comes after is in another kernel"
    assert products(assert_same(hidden, *arguments)) == [2], "results are worth it"
    monkeypatch.setattr(epilogues, "_FAR", 100)
    assert products(assert_same(hidden, *arguments)) == [1]


def test_updates_are_in_the_kernels_of_gradients() -> None:
    def step(x: Value, w: Value, b: Value) -> object:
        def loss(w: Value) -> Value:
            return pb.sum(nn.relu(x @ w + b) ** 2)

        return w - 0.1 * pb.grad(loss)(w)

    found = assert_same(step, *factors("f8")[:3])
    assert found.plan.kernels[-1].kind is Kind.PRODUCT
    assert Kind.MAP not in kinds(found)


def layer(layout: Layout, *, no_nan: bool = False, symmetric: bool = False) -> Function:
    """Return a contraction and maps of it, with operands of every shape."""
    contract = Contract(*layout, no_nan=no_nan, symmetric=symmetric)

    def function(x: Value, y: Value, whole: Value, last: Value, first: Value) -> object:
        p = contract(x, y)
        a = pb.where(whole > 0, p + last, p * first)
        return a, a > 0, pb.tanh(a) * whole

    return function


def beside(layout: Layout, sizes: Labels, dtype: str) -> list[Value]:
    shape = tuple(sizes[label] for label in layout[2])
    r = np.random.default_rng(7)
    shapes = shape, shape[-1:], shape[:1] + (1,) * (len(shape) - 1)
    return [r.standard_normal(each).astype(dtype)[()] for each in shapes]


def values_of(layout: Layout, sizes: Labels, dtype: str) -> list[Value]:
    pair = [sample(dtype, labels, sizes, k) for k, labels in enumerate(layout[:2])]
    return [*pair, *beside(layout, sizes, dtype)]


@pytest.mark.usefixtures("always_tiles")
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_agrees_at_every_size(layout: Layout) -> None:
    for k, sizes in enumerate(SIZES):
        assert_same(layer(layout), *values_of(layout, sizes, ("f4", "f8")[k % 2]))


@pytest.mark.usefixtures("always_tiles", "limits")
@pytest.mark.parametrize("long", [0, 10**6], ids=["in memory", "in registers"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_agrees_however_it_is_cut(
    layout: Layout, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emitted, "_LONG", long)
    sizes, dtype = ((37, 70, 45, 2), "f4") if long else ((9, 33, 18, 3), "f8")
    found = assert_same(layer(layout), *values_of(layout, sizes, dtype))
    parted = layout == LAYOUTS["two rows"]
    assert layout[2] == () or (max(products(found)) == 1) == parted


@pytest.mark.usefixtures("always_tiles")
@pytest.mark.parametrize("limits", ["as it is", "in parts", "copied"], indirect=True)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_zeros_annihilate_before_the_maps(layout: Layout, limits: Limits) -> None:
    symmetric = limits.near == 0
    sizes = 19, 5, 35, 2
    values = [*silent(layout, sizes, both=symmetric), *beside(layout, sizes, "f8")]
    assert_same(layer(layout, no_nan=True, symmetric=symmetric), *values)


def test_threads_share_products_with_their_maps() -> None:
    x, w, b, *_ = factors("f4", 150, 500, 129)
    found = assert_same(lambda x, w, b: nn.gelu(x @ w + b), x, w, b)
    (kernel,) = found.plan.kernels
    assert threads.parts(found.plan, kernel) > 1


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_maps_follow_sums_of_many_terms(dtype: str) -> None:
    found = assert_same(lambda x, w, b: pb.exp(x @ w + b) > 1, *factors(dtype, 70, 2500, 100)[:3])
    assert Kind.MAP not in kinds(found)


def test_products_without_terms_and_elements_agree() -> None:
    for sizes in ((3, 0, 40), (0, 3, 40), (3, 4, 0)):
        assert_same(lambda x, w, b: pb.tanh(x @ w + b), *factors("f8", *sizes)[:3])
