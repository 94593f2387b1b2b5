"""Native code against `Program.evaluate`: random programs, tables of steps, and the ugly cases."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.compiler.executable import Executable, compile_program, pack, unpack
from pullback.compiler.kinds import Kind
from pullback.compiler.report import memory_report
from pullback.core import Program
from pullback.errors import DTypeError, ProgramError
from pullback.primitives.contraction import Contract
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.types import type_of
from tests.fuzz.programs import random_program

FLOATS: Final = ("f4", "f8")
REALS: Final = ("?", "i1", "u1", "i4", "i8", "u8", *FLOATS)
TOLERANCE: Final = {"f4": 1e-5, "c8": 1e-4, "f2": 1e-2}


def sample(dtype: str, shape: tuple[int, ...] = (7,)) -> Value:
    r = np.random.default_rng(len(shape))
    if np.dtype(dtype).kind in "fc":
        return r.standard_normal(shape).astype(dtype)[()]
    return r.integers(0 if dtype[0] == "u" else -4, 5, shape).astype(dtype)[()]


def assert_same(found: Value, expected: Value, tolerance: float | None = None) -> None:
    """The same class, dtype and shape; the same numbers, exactly if no tolerance is given."""
    assert type(found) is type(expected)
    a, b = np.asarray(found), np.asarray(expected)
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    if tolerance is None or a.dtype.kind in "biuO":
        np.testing.assert_array_equal(a, b)
    else:
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def agree(
    function: Callable[..., object], *values: Value, tolerance: float | None = None
) -> Executable:
    """Trace, compile and run twice; compare with NumPy."""
    program = pb.trace(function, *values)
    compiled = compile_program(program)
    with np.errstate(all="ignore"):
        expected = program.evaluate(values)
        for found in (compiled.run(values), compiled.run(values)):
            for x, y in zip(found, expected, strict=True):
                assert_same(x, y, tolerance)
    return compiled


def kinds(compiled: Executable) -> list[Kind]:
    return [kernel.kind for kernel in compiled.plan.kernels]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(0, 2**32).map(random.Random), st.integers(1, 7), st.booleans())
def test_random_programs_agree_with_numpy(r: random.Random, length: int, gradient: bool) -> None:  # noqa: FBT001 - drawn
    drawn = random_program(r, length)
    point = drawn.inputs

    def values(x: tuple[Value, ...]) -> object:
        return drawn.values(pb, x)[len(point) :]

    def slope(x: tuple[Value, ...]) -> object:
        return pb.grad(lambda y: drawn.loss(pb, y))(x)

    program = pb.trace(slope if gradient else values, point)
    single = any(np.asarray(c).dtype.char in "fF" for c in program.constants)
    with np.errstate(all="ignore"):
        expected = program.evaluate(point)
        found = compile_program(program).run(point)
    for x, y in zip(found, expected, strict=True):
        assert_same(x, y, 1e-4 if single or np.asarray(y).dtype.char in "fF" else 1e-9)


def exact(x: Value, y: Value) -> object:
    """Operations with one right answer."""
    compared = x < y, x <= y, x == y, x != y, x >= y, x > y
    logical = pb.logical_and(x, y), pb.logical_or(x, y), pb.logical_xor(x, y)
    return x + y, x * y, pb.maximum(x, y), pb.where(x > y, x, y), compared, logical


@pytest.mark.parametrize("dtypes", [*itertools.product(REALS, REALS)])
def test_exact_operations_agree_bit_for_bit(dtypes: tuple[str, str]) -> None:
    agree(exact, *map(sample, dtypes))


@pytest.mark.parametrize("have", REALS)
def test_conversions_agree_bit_for_bit(have: str) -> None:
    def convert(x: Value) -> object:
        return [pb.astype(pb.abs(x) if have[0] == "f" else x, np.dtype(want)) for want in REALS]

    agree(convert, sample(have))


VIEWS: Final[list[Callable[[Value], object]]] = [
    lambda x: pb.permute_dims(x, (2, 0, 1)) + 1,
    lambda x: pb.reshape(pb.permute_dims(x, (1, 0, 2)), (-1,)) * 2,
    lambda x: pb.flip(x, axis=(0, 2)),
    lambda x: (x[1:, ::-2], x[..., 0], x[:, None, 0, ::2]),
    lambda x: pb.broadcast_to(x[:1], (4, *x.shape[1:])) * x[:1],
    lambda x: pb.concat([x, pb.flip(x * 2, axis=1)], axis=1),
    lambda x: x.at[1:, 0].set(x[:-1, 0]),
    pb.grad(lambda z: pb.sum(z[1:, ::2] * z[:-1, ::2])),
    lambda x: pb.reshape(x + x[:, :1], (x.shape[1], -1)) - 1,
    lambda x: pb.sum(x, axis=0) + pb.max(pb.flip(x, axis=1), axis=0),
]


@pytest.mark.parametrize("function", VIEWS)
@pytest.mark.parametrize("shape", [(2, 3, 4), (5, 3, 1), (3, 2, 17)])
def test_views_agree(function: Callable[[Value], object], shape: tuple[int, ...]) -> None:
    compiled = agree(function, sample("f8", shape), tolerance=1e-14)
    assert Kind.HOST not in kinds(compiled)


@pytest.mark.parametrize("dtype", REALS)
def test_reductions_agree(dtype: str) -> None:
    def reduce(x: Value) -> object:
        axes: tuple[int | tuple[int, ...] | None, ...] = None, 0, 1, 2, (0, 2), (1, 2)
        functions = pb.sum, pb.prod, pb.max, pb.min, pb.any, pb.all
        return [f(x, axis=axis) for f, axis in itertools.product(functions, axes)]

    agree(reduce, sample(dtype, (3, 5, 6)), tolerance=TOLERANCE.get(dtype, 1e-13))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (1, 0, 2)])
def test_empty_arrays_agree(shape: tuple[int, ...]) -> None:
    def f(x: Value) -> object:
        return x + 1, pb.sum(x), pb.sum(x, axis=-1), pb.concat([x, x]), pb.flip(pb.exp(x))

    agree(f, np.zeros(shape))


@pytest.mark.parametrize("size", [1, 127, 257, 1000, 100_003])
@pytest.mark.parametrize("dtype", FLOATS)
def test_long_sums_are_as_accurate_as_pairwise_ones(size: int, dtype: str) -> None:
    x = np.random.default_rng(size).random(size).astype(dtype)
    compiled = compile_program(pb.trace(pb.sum, x))
    exact = math.fsum(map(float, x))
    unit = float(np.finfo(dtype).eps) * exact
    assert abs(float(compiled.run([x])[0]) - exact) <= max(abs(float(x.sum()) - exact), 2 * unit)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_long_sums_keep_what_is_not_finite(bad: float) -> None:
    x = np.ones(1000)
    x[300] = bad
    agree(pb.sum, x)


LABELS: Final = [
    ((0, 1), (1, 2), (0, 2)),
    ((1, 0), (1, 2), (0, 2)),
    ((0, 1), (2, 1), (0, 2)),
    ((1, 0), (2, 1), (0, 2)),
    ((0, 1), (1, 2), (2, 0)),
    ((3, 0, 1), (3, 1, 2), (3, 0, 2)),
    ((0, 3, 1), (1, 2, 3), (0, 2, 3)),
    ((0, 1), (1,), (0,)),
    ((0,), (1,), (0, 1)),
    ((0,), (0,), ()),
    ((0, 1), (0, 1), (0,)),
    ((0,), (), (0,)),
]


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("sizes", [(3, 4, 5, 2), (1, 1, 1, 1), (9, 17, 33, 3), (40, 50, 60, 2)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_contractions_agree(
    labels: tuple[tuple[int, ...], ...], sizes: tuple[int, ...], dtype: str
) -> None:
    x, y = (sample(dtype, tuple(sizes[i] for i in axes)) for axes in labels[:2])
    check_step(
        Contract(labels[0], labels[1], labels[2]), x, y, tolerance=TOLERANCE.get(dtype, 1e-12) * 10
    )


def check_step(primitive: Primitive, *values: Value, tolerance: float | None = None) -> None:
    types = tuple(map(type_of, values))
    numbers = tuple(range(len(values)))
    program = Program(
        types, (), ((primitive, numbers),), (primitive.infer(*types),), (len(values),)
    )
    (found,) = compile_program(program).run(values)
    with np.errstate(all="ignore"):
        assert_same(found, primitive.evaluate(*values), tolerance)


@pytest.mark.parametrize("symmetric", [False, True])
def test_contractions_below_a_selection_annihilate(symmetric: bool) -> None:  # noqa: FBT001 - a case
    x, y = np.eye(3), np.full((3, 2), np.inf)
    y[1] = 0.0
    contract = Contract((0, 1), (1, 2), (0, 2), no_nan=True, symmetric=symmetric)
    check_step(contract, x, y)
    check_step(contract, np.zeros((3, 3)), y * np.nan)


def test_one_value_may_be_both_factors() -> None:
    x = sample("f8", (3,))
    agree(lambda x: pb.tensordot(x, x, axes=0), x, tolerance=1e-14)


def test_what_is_not_native_goes_to_the_host() -> None:
    x = sample("c16", (3, 3))
    compiled = agree(lambda x: (pb.sin(x) @ x, pb.sort(pb.real(x), axis=0) + 1), x, tolerance=1e-12)
    assert Kind.HOST in kinds(compiled)


def test_control_flow_agrees() -> None:
    def f(x: Value) -> object:
        last, ys = pb.scan(lambda c, y: (c * pb.sin(y), c + 1), x[0], x)
        return pb.cond(last > 0, lambda: last, lambda: -last), ys

    agree(f, sample("f8", (5,)), tolerance=1e-14)


def test_python_numbers_stay_weak_and_without_end() -> None:
    program = pb.trace(lambda n, x: (n * n, n + 1, x * n, n * 0.5), 3, np.float32(2))
    compiled = compile_program(program)
    for n in (3, 2**40, 2**70, -(2**63)):
        for found, expected in zip(
            compiled.run([n, np.float32(2)]), program.evaluate([n, np.float32(2)]), strict=True
        ):
            assert_same(found, expected, 1e-6)


def test_results_share_no_memory() -> None:
    constant = np.arange(3.0)
    x = np.ones(3)
    program = pb.trace(lambda x: (x, pb.asarray(constant), x + 1, x + 1, x), x)
    compiled = compile_program(program)
    first, second = compiled.run([x]), compiled.run([x])
    arrays = [x, *first, *second, *program.constants]
    for a, b in itertools.combinations([a for a in arrays if isinstance(a, np.ndarray)], 2):
        assert not np.shares_memory(a, b)
    for a in first:
        a[...] = np.nan
    for a, b in zip(compiled.run([x]), second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_arguments_may_lie_anyhow() -> None:
    x = sample("f8", (4, 3))

    def double(x: Value) -> object:
        return pb.matrix_transpose(x) * 2

    compiled = compile_program(pb.trace(double, x))
    for same in (x[::-1].copy()[::-1], np.asfortranarray(x), x.astype(">f8"), x.T.copy().T):
        np.testing.assert_array_equal(compiled.run([same])[0], x.T * 2)


def test_wrong_arguments_are_refused_and_do_no_harm() -> None:
    x: Value = np.ones(3)
    compiled = compile_program(pb.trace(pb.exp, x))
    with pytest.raises(ProgramError, match=r"shape \(4,\) in place of float64\[3\]"):
        compiled.run([np.ones(4)])
    with pytest.raises(ProgramError, match="2 values for 1 inputs"):
        compiled.run([x, x])
    np.testing.assert_allclose(compiled.run([x])[0], np.exp(x), rtol=1e-15)


def test_an_error_of_the_host_reaches_the_caller_and_does_no_harm() -> None:
    x, y = np.arange(3), np.array([1, 2, 3])
    program = pb.trace(lambda x, y: pb.sin(x**y + 1), x, y)
    compiled = compile_program(program)
    with pytest.raises(DTypeError, match="negative integer powers"):
        compiled.run([x, -y])
    assert_same(compiled.run([x, y])[0], program.evaluate([x, y])[0], 1e-15)


def test_threads_do_not_disturb_each_other() -> None:
    x = sample("f8", (50, 50))

    def f(x: Value) -> object:
        return pb.sort(pb.tanh(x @ x + x), axis=0) @ pb.sin(x), pb.sum(x)

    compiled = compile_program(pb.trace(f, x))
    points = [x * k for k in range(20)]
    expected = [compiled.run([point]) for point in points]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda point: compiled.run([point]), points * 10))
    for k, results in enumerate(found):
        for a, b in zip(results, expected[k % 20], strict=True):
            np.testing.assert_array_equal(a, b)


def test_native_code_runs_again_without_a_compiler() -> None:
    x = sample("f8", (60, 60))
    program = pb.trace(lambda x: pb.sort(x @ x, axis=0), x)
    first = compile_program(program)
    data = pack(first)
    assert data is not None
    second = unpack(data, program)
    assert "generate" in first.times
    assert "generate" not in second.times
    np.testing.assert_array_equal(first.run([x])[0], second.run([x])[0])


def test_long_chains_compile_in_pieces() -> None:
    def f(x: Value) -> Value:
        for _ in range(3000):
            x = x * 1.0001 + 1e-4
        return x

    agree(f, sample("f8"))
    agree(f, np.float64(0.5))


def test_inspection_shows_every_stage() -> None:
    x = sample("f8", (70,))
    compiled = agree(lambda x: pb.sum(pb.sin(x) + pb.sin(x)), x, tolerance=1e-14)
    names = ["traced", "inline", "expand", "split", "uniform", "simplify", "share", "layout"]
    assert [name for name, _ in compiled.passes] == names
    assert [len(program.steps) for _, program in compiled.passes] == [4, 4, 4, 4, 4, 4, 3, 3]
    assert "define" in compiled.llvm_ir
    assert "run" in compiled.assembly
    assert "arena" in str(memory_report(compiled.plan, compiled.memory))
    assert str(compiled.plan).endswith("= sum of x")


def names(program: Program) -> Sequence[str]:
    return [primitive.name for primitive, _ in program.steps]


def test_special_powers_are_those_of_numpy() -> None:
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 2.0])
    compiled = agree(lambda x: (x**0.5, pb.sign(x**0.5), x**-1, x**2.0), x)
    assert "power" not in names(compiled.plan.program)


def test_simplification_folds_transpositions_and_negations() -> None:
    x = sample("f8", (3, 3))
    compiled = agree(lambda x: (x.T @ x.T, x + -x, pb.negative(-x)), x, tolerance=1e-14)
    assert names(compiled.plan.program) == ["matmul", "subtract"]
