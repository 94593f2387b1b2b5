"""Native convolution and pooling against `Program.evaluate`: tables, and the ugly cases."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Final, final

import numpy as np
import pytest
from attrs import frozen

import pullback as pb
from pullback import nn
from pullback.compiler import convolutions
from pullback.compiler.executable import Executable, compile_program
from pullback.compiler.kinds import Kind
from pullback.compiler.threads import parts
from pullback.primitives.convolution import Convolve
from pullback.primitives.quantity import Value
from pullback.primitives.windows import Relation

TOLERANCE: Final = {"f4": 3e-5, "f8": 1e-13}
Sizes = tuple[int, ...]


@final
@frozen
class Case:
    """A convolution: shapes of x and the kernel, and its options."""

    x: Sizes
    kernel: Sizes
    stride: int | Sizes = 1
    padding: int | tuple[int | tuple[int, int], ...] = 0
    dilation: int | Sizes = 1
    groups: int = 1

    def __call__(self, x: Value, kernel: Value) -> pb.Array:
        return nn.conv(
            x,
            kernel,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )


CASES: Final = [
    Case((2, 3, 9, 11), (4, 3, 3, 3)),
    Case((2, 3, 9, 11), (4, 3, 3, 3), padding=1),
    Case((2, 3, 9, 11), (4, 3, 3, 3), padding=((0, 2), (3, 1))),
    Case((5, 2, 16, 16), (5, 2, 5, 5), stride=2, padding=2),
    Case((2, 2, 16, 15), (3, 2, 3, 2), stride=(3, 1), padding=1, dilation=(1, 2)),
    Case((3, 6, 8, 8), (6, 1, 3, 3), padding=1, groups=6),
    Case((3, 6, 8, 8), (4, 3, 3, 3), padding=1, groups=2),
    Case((4, 7, 6, 10), (9, 7, 1, 1)),
    Case((4, 7, 6, 10), (9, 7, 1, 1), stride=2),
    Case((3, 4, 200), (5, 4, 5), padding=2),
    Case((3, 4, 33), (5, 4, 4), stride=3, dilation=2, padding=((1, 4),)),
    Case((2, 2, 5, 6, 7), (3, 2, 3, 2, 3), padding=1),
    Case((1, 2, 5, 6, 7), (3, 2, 2, 2, 2), stride=2, dilation=2, padding=1),
    Case((2, 3, 5, 5), (4, 3, 5, 5)),  # one position
    Case((2, 3, 4, 4), (4, 3, 9, 9), padding=4),  # a kernel larger than x
    Case((2, 3, 2, 2), (4, 3, 3, 3), padding=6),  # more padding than the kernel reaches
    Case((1, 1, 1, 1), (1, 1, 1, 1)),
    Case((1, 1, 4), (2, 1, 3)),
    Case((70, 3, 4, 4), (8, 3, 3, 3), padding=1),  # rows shorter than vectors
    Case((61, 2, 3, 2), (5, 2, 3, 3), padding=1),
    Case((67, 8, 12, 12), (13, 8, 3, 3), padding=1),  # several blocks, the last begins early
    Case((0, 3, 9, 9), (4, 3, 3, 3)),
    Case((2, 0, 9, 9), (4, 0, 3, 3)),
    Case((2, 3, 9, 9), (0, 3, 3, 3)),
]


def agree(function: Callable[..., object], *values: Value, tolerance: float) -> Executable:
    """Trace, compile and run twice; compare with NumPy."""
    program = pb.trace(function, *values)
    compiled = compile_program(program)
    assert Kind.HOST not in {kernel.kind for kernel in compiled.plan.kernels}
    with np.errstate(all="ignore"):
        expected = program.evaluate(values)
        first, second = compiled.run(values), compiled.run(values)
    for x, y, again in zip(first, expected, second, strict=True):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        finite = np.abs(y[np.isfinite(y)])
        scale = max(1.0, float(finite.max())) if finite.size else 1.0
        np.testing.assert_allclose(x, y, 10 * tolerance, tolerance * scale)
        np.testing.assert_array_equal(x, again)
    return compiled


def numbers(seed: int, shape: Sequence[int], dtype: str) -> Value:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def check(f: Callable[..., object], *values: Value, dtype: str) -> None:
    """Compare values, and what the pullback of a cotangent is."""
    tolerance = TOLERANCE[dtype]
    agree(f, *values, tolerance=tolerance)
    cotangent = numbers(3, pb.trace(f, *values).types[-1].shape, dtype)

    def pulled(w: Value, *arguments: Value) -> object:
        return pb.vjp(lambda a: f(*a), arguments)[1](w)

    agree(pulled, cotangent, *values, tolerance=tolerance)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolutions_and_their_pullbacks_agree(case: Case, dtype: str) -> None:
    check(case, numbers(1, case.x, dtype), numbers(2, case.kernel, dtype), dtype=dtype)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("dilation", "dtype"), [(1, "f4"), (2, "f8")])
@pytest.mark.parametrize("shapes", [((3, 4, 17), (4, 5, 3)), ((2, 4, 6, 5), (4, 6, 3, 4))])
def test_transposed_convolutions_agree(
    shapes: tuple[Sizes, Sizes], stride: int, dilation: int, dtype: str
) -> None:
    x, kernel = (numbers(k, shape, dtype) for k, shape in enumerate(shapes))

    def f(x: Value, kernel: Value) -> object:
        return nn.conv_transpose(x, kernel, stride=stride, dilation=dilation, padding=1)

    check(f, x, kernel, dtype=dtype)


@pytest.mark.parametrize(("size", "dtype"), [(9, "f8"), (40, "f4")])
@pytest.mark.parametrize(
    ("window", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (3, 3, 1)]
)
def test_average_pooling_agrees(
    window: int, stride: int, padding: int, size: int, dtype: str
) -> None:
    def f(x: Value) -> object:
        return nn.avg_pool(x, window, stride=stride, padding=padding)

    check(f, numbers(1, (3, 2, size, size + 1), dtype), dtype=dtype)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("case", CASES[1:13:3], ids=str)
def test_what_is_not_finite_stays_where_it_belongs(case: Case, value: float, which: int) -> None:
    operands = [numbers(1, case.x, "f8"), numbers(2, case.kernel, "f8")]
    operands[which].flat[operands[which].size // 3] = value
    check(case, *operands, dtype="f8")


@pytest.mark.parametrize("case", CASES[1:13:4], ids=str)
def test_zeros_annihilate_below_a_selection(case: Case) -> None:
    x, kernel = numbers(1, case.x, "f8"), numbers(2, case.kernel, "f8")
    kernel.flat[0] = np.inf

    def f(x: Value, kernel: Value) -> pb.Array:
        out = case(x, kernel)
        return pb.sum(pb.where(pb.isfinite(out), out, 0.0))

    def slope(x: Value, kernel: Value) -> object:
        return pb.grad(f, argnums=(0, 1))(x, kernel)

    agree(slope, x, kernel, tolerance=1e-12)


def test_second_derivatives_and_batches_agree() -> None:
    x, kernel = numbers(1, (4, 2, 3, 7, 7), "f8"), numbers(2, (3, 3, 3, 3), "f8")

    def f(x: Value, kernel: Value) -> pb.Array:
        return pb.sum(pb.tanh(nn.conv(x, kernel, stride=2, padding=1)))

    def batched(x: Value, kernel: Value) -> object:
        return pb.vmap(lambda y: pb.grad(f, argnums=1)(y, kernel))(x)

    def twice(x: Value, kernel: Value) -> object:
        return pb.grad(lambda k: pb.sum(pb.grad(f, argnums=1)(x[0], k) ** 2))(kernel)

    agree(batched, x, kernel, tolerance=1e-12)
    agree(twice, x, kernel, tolerance=1e-11)


STEPS: Final = [
    Relation(x, y, out, offset, 6)
    for x, y, out, offset in itertools.product((1, -2), (-1, 3), (1, 2), (0, -3))
]


@pytest.mark.parametrize("relation", STEPS, ids=str)
@pytest.mark.parametrize("sizes", [(40, 5), (7, 31)])
def test_any_relation_agrees(relation: Relation, sizes: tuple[int, int]) -> None:
    """Every order of the three arrays' sizes, with steps that no public function makes."""
    primitive = Convolve((0, 1, 2), (1, 2, 3), (3, 0, 1), (relation,))
    x, y = numbers(1, (5, 2, 6, sizes[0]), "f8"), numbers(2, (2, 6, 4, sizes[1]), "f8")

    def f(a: Value, b: Value) -> object:
        return primitive(a, b)

    program = pb.trace(f, x, y)
    (found,), (expected,) = compile_program(program).run((x, y)), program.evaluate((x, y))
    np.testing.assert_allclose(found, expected, 1e-12, 1e-12)


def test_scratch_memory_is_that_of_a_block() -> None:
    """A thousand samples are packed some at a time."""
    few, many = (
        pb.trace(CASES[1], numbers(1, (n, 3, 9, 11), "f8"), numbers(2, (4, 3, 3, 3), "f8"))
        for n in (100, 1000)
    )
    number = len(few.inputs) + len(few.constants)
    needed = [convolutions.scratch_bytes(program, number) for program in (few, many)]
    assert 0 < needed[1] < 2 * needed[0]


POOLINGS: Final = [
    (1, 1, 0, 1),
    (2, 2, 0, 1),
    (2, 1, 1, 1),
    (2, 3, 0, 1),
    (2, 1, 0, 2),
    (3, 1, 1, 1),
    (3, 2, 1, 1),
    (3, 2, 0, 2),
    (3, 3, 0, 1),
    (2, 6, 0, 1),
    (5, 2, 2, 1),
    (5, 5, 0, 1),
]


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((2, 3, 9), "f4"),
        ((1, 2, 9, 70), "f4"),
        ((2, 1, 5, 6, 5), "f8"),
        ((0, 3, 9, 9), "f8"),
        ((2, 2, 10, 70), "f8"),
    ],
)
@pytest.mark.parametrize("options", POOLINGS)
def test_max_pooling_and_its_derivatives_agree(
    options: tuple[int, int, int, int], shape: Sizes, dtype: str
) -> None:
    window, stride, padding, dilation = options
    ties = np.random.default_rng(1).integers(-2, 3, shape).astype(dtype)

    def f(x: Value) -> pb.Array:
        return nn.max_pool(x, window, stride=stride, padding=padding, dilation=dilation)

    check(f, ties, dtype=dtype)

    def pushed(x: Value, tangent: Value) -> object:
        return pb.jvp(f, x, tangent)[1]

    agree(pushed, ties, numbers(2, shape, dtype), tolerance=TOLERANCE[dtype])


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 1), (3, 2)])
def test_max_pooling_of_what_is_not_finite_agrees(window: int, stride: int, value: float) -> None:
    x = np.random.default_rng(1).integers(-2, 3, (2, 3, 20, 20)).astype("f8")
    x.flat[::7] = value

    def f(x: Value) -> object:
        return nn.max_pool(x, window, stride=stride)

    check(f, x, dtype="f8")


def test_a_step_of_a_network_has_no_call_of_the_host() -> None:
    x, first, second = (
        numbers(k, shape, "f4")
        for k, shape in enumerate([(8, 1, 28, 28), (4, 1, 3, 3), (6, 4, 3, 3)])
    )

    def loss(weights: tuple[Value, Value], x: Value) -> pb.Array:
        hidden = nn.max_pool(nn.relu(nn.conv(x, weights[0], padding=1)), 2)
        return pb.mean(nn.avg_pool(nn.relu(nn.conv(hidden, weights[1], padding=1)), 2) ** 2)

    agree(lambda x, a, b: pb.grad(loss)((a, b), x), x, first, second, tolerance=1e-5)


@pytest.mark.parametrize("weight", [1.0, np.nan])
def test_what_threads_share_is_what_numpy_computes(weight: float) -> None:
    """Large enough to be cut; with a weight that is not finite, one part computes all."""
    x, kernel = numbers(1, (300, 4, 18, 17), "f4"), numbers(2, (6, 4, 3, 3), "f4")
    kernel.flat[5] *= weight

    def f(x: Value, kernel: Value) -> object:
        return nn.max_pool(nn.conv(x, kernel, padding=1), 3, stride=1)

    compiled = agree(f, x, kernel, tolerance=TOLERANCE["f4"])
    cut = [parts(compiled.plan, kernel) for kernel in compiled.plan.kernels]
    assert min(cut) > 1


def test_a_pulled_back_pooling_is_cut() -> None:
    x = np.random.default_rng(1).integers(-2, 3, (150, 4, 31, 30)).astype("f4")

    def f(x: Value) -> pb.Array:
        return nn.max_pool(x, 3, stride=2)

    def pulled(x: Value, w: Value) -> object:
        return pb.vjp(f, x)[1](w)

    compiled = agree(pulled, x, numbers(3, (150, 4, 15, 14), "f4"), tolerance=TOLERANCE["f4"])
    assert min(parts(compiled.plan, kernel) for kernel in compiled.plan.kernels) > 1
