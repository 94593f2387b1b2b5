"""Which kernels there are: straight-line code for few elements, loops in vectors, none twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.executable import Executable, compile_program
from pullback.compiler.kinds import Kind
from pullback.compiler.straight import Pieces
from pullback.compiler.tape import Tape
from pullback.primitives.quantity import Value


def assert_agrees(function: Callable[..., object], *values: Value, tolerance: float) -> Executable:
    program = pb.trace(function, *values)
    compiled = compile_program(program)
    with np.errstate(all="ignore"):
        expected = program.evaluate(values)
        found = compiled.run(values)
    for x, y in zip(found, expected, strict=True):
        assert np.asarray(x).dtype == np.asarray(y).dtype
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)
    return compiled


def kinds(compiled: Executable) -> list[Kind]:
    return [kernel.kind for kernel in compiled.plan.kernels]


def numbers(*shape: int, dtype: str = "f8") -> Value:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype)[()]


def loss(weights: list[Value], x: Value) -> Value:
    for weight in weights:
        x = pb.tanh(x @ weight)
    return pb.sum(x * x)


FEW: Final[list[Callable[[Value], object]]] = [
    lambda x: pb.permute_dims(x, (2, 0, 1)) + 1,
    lambda x: pb.flip(x, axis=(0, 2)) * 2,
    lambda x: (x[1:, ::-2], x[..., 0], x[:, None, 0, ::2]),
    lambda x: x * x[:1] + x[..., :1],
    lambda x: pb.concat([x, pb.flip(x * 2, axis=1)], axis=1),
    lambda x: (x.at[1:, 0].set(x[:-1, 0]), x.at[0].set(3.0)),
    pb.grad(lambda z: pb.sum(z[1:, ::2] * z[:-1, ::2])),
    lambda x: [
        f(x, axis=a) for f in (pb.sum, pb.prod, pb.max, pb.min) for a in (None, 0, 1, (0, 2))
    ],
    lambda x: [f(x > 0, axis=a) for f in (pb.any, pb.all, pb.sum) for a in (None, 1)],
    lambda x: (pb.tensordot(x, x, axes=((0, 2), (0, 2))), pb.vecdot(x, x), x @ x[0].T),
    lambda x: (pb.where(x > 0, x, -x), pb.sin(x), pb.exp(x), pb.astype(x, np.dtype("i4")), x > 0),
    lambda x: pb.maximum(x, pb.reshape(x, (-1,))[0]),
]


@pytest.mark.parametrize("function", FEW)
@pytest.mark.parametrize("shape", [(2, 3, 2), (2, 1, 1), (2, 2, 3)])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_few_elements_are_one_straight_kernel(
    function: Callable[[Value], object], shape: tuple[int, ...], dtype: str
) -> None:
    tolerance = 1e-14 if dtype == "f8" else 1e-5
    compiled = assert_agrees(function, numbers(*shape, dtype=dtype), tolerance=tolerance)
    assert kinds(compiled) == [Kind.STRAIGHT]


def test_a_small_training_step_is_one_straight_kernel() -> None:
    weights = [numbers(3, 4), numbers(4, 4), numbers(4, 1)]

    def step(*weights: Value) -> object:
        value, slopes = pb.value_and_grad(loss)([*weights], numbers(4, 3))
        return value, [w - 0.1 * slope for w, slope in zip(weights, slopes, strict=True)]

    assert kinds(assert_agrees(step, *weights, tolerance=1e-13)) == [Kind.STRAIGHT]


def test_the_sum_of_negative_zeros_is_zero() -> None:
    (total,) = compile_program(pb.trace(pb.sum, np.zeros(3))).run([np.full(3, -0.0)])
    assert not np.signbit(total)


def test_straight_steps_before_all_loops_part_none_of_them() -> None:
    def f(x: Value, y: Value) -> object:
        scale = pb.exp(y)
        return pb.sin(x * 2), scale + 1, pb.cos(x) * scale, scale * scale

    compiled = assert_agrees(f, numbers(100), numbers(), tolerance=1e-14)
    assert kinds(compiled) == [Kind.STRAIGHT, Kind.MAP]


def test_straight_steps_wait_until_a_loop_needs_one() -> None:
    def f(x: Value) -> object:
        total = pb.sum(x)
        return x / total, total + 1, total * total

    compiled = assert_agrees(f, numbers(100), tolerance=1e-13)
    assert kinds(compiled) == [Kind.ROWS, Kind.STRAIGHT]


@pytest.mark.parametrize("length", [1999, 2001, 4100])
def test_a_long_graph_of_scalars_is_cut(length: int) -> None:
    def f(x: Value, y: Value) -> object:
        early = flag = x < y
        for k in range(length // 2):
            x, y = y * 0.5 + x, pb.maximum(x, 0.25)
            flag = x > y if k == 700 else flag
        return x, y, early, flag

    compiled = assert_agrees(f, np.float64(0.3), np.float64(-0.7), tolerance=0.0)
    (kernel,) = compiled.plan.kernels
    pieces = len(kernel.pieces.steps) if isinstance(kernel.pieces, Pieces) else 1
    assert pieces == -(-len(kernel.values) // 2000)


def test_scratch_memory_of_pieces_is_used_again() -> None:
    def f(x: Value) -> Value:
        for _ in range(5000):
            x = x * 0.5 + 1.0
        return x

    (kernel,) = compile_program(pb.trace(f, 0.0)).plan.kernels
    assert isinstance(kernel.pieces, Pieces)
    assert kernel.pieces.scratch <= 8 * len(kernel.pieces.steps)


@pytest.mark.parametrize("size", [33, 64, 127, 4099, 100_003])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "u1"])
def test_maps_in_vectors_agree(size: int, dtype: str) -> None:
    def f(x: Value, y: Value) -> object:
        return x * y[3] + x, x > y, pb.where(x > y[0], x, y), pb.astype(x, np.dtype("f4")) * 0.5

    r = np.random.default_rng(size)
    x, y = ((10 * r.random(size)).astype(dtype) for _ in range(2))
    assert_agrees(f, x, y, tolerance=0.0)


@pytest.mark.parametrize("columns", [1, 2, 7, 16, 33])
def test_maps_over_rows_agree(columns: int) -> None:
    def f(x: Value, bias: Value, scale: Value) -> object:
        return pb.exp(x + bias) * scale, (x + bias).T

    shape = 50, columns
    assert_agrees(f, numbers(*shape), numbers(columns), numbers(50, 1), tolerance=1e-14)


def test_layers_of_one_shape_share_their_code() -> None:
    def functions(layers: int) -> int:
        weights = [numbers(40, 40) for _ in range(layers)]
        return compile_program(pb.trace(loss, weights, numbers(40, 40))).llvm_ir.count("define")

    assert functions(3) == functions(6)


def many(x: Value, y: Value, k: Value) -> tuple[Value, ...]:
    """Return what a few hundred steps in each of some layers make of a vector of single numbers."""
    wide = [x * (0.01 * n) + y for n in range(300)]
    for _ in range(4):
        left = [pb.maximum(a, b) * 0.5 for a, b in zip(wide, wide[1:] + wide[:1], strict=True)]
        wide = [pb.where(a > 0.1, a - 1.0, pb.sin(a)) for a in left]
    counted = [k + n for n in range(300)]
    flags = [a > 0.2 for a in wide]
    return sum(wide), sum(counted), flags[0] | flags[1], pb.astype(wide[0], np.dtype("f4"))


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_very_many_single_numbers_are_one_tape(dtype: str) -> None:
    x, y = (np.dtype(dtype).type(value) for value in (0.3, -0.7))
    compiled = assert_agrees(many, x, y, np.int32(7), tolerance=1e-6 if dtype == "f4" else 1e-13)
    (kernel,) = compiled.plan.kernels
    assert isinstance(kernel.pieces, Tape)
    assert len(kernel.pieces.runs) * 8 <= len(kernel.values)
    assert kernel.pieces.places.max() * 8 < kernel.pieces.scratch


def test_a_tape_in_a_loop_agrees() -> None:
    def f(x: Value) -> object:
        return pb.fori_loop(0, 3, lambda _, c: many(c, 0.1 * c, np.int32(1))[0] * 1e-3, x)

    assert_agrees(f, np.float64(0.3), tolerance=1e-13)
