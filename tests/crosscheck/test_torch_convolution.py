"""Convolution and pooling, and their derivatives, beside PyTorch's, in random configurations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any  # noqa: TID251 - see AnyArray

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.compiler.executable import compile_program

torch = pytest.importorskip("torch")

#: An array of whichever library computes with it: no one type fits them all.
AnyArray = Any
Function = Callable[..., AnyArray]

SEEDS = range(60)


def random_sizes(rng: np.random.Generator, low: int, high: int, rank: int) -> tuple[int, ...]:
    return tuple(rng.integers(low, high + 1, rank).tolist())


def compare(ours: Function, theirs: Function, *arrays: AnyArray, tolerance: float = 1e-9) -> None:
    """Compare values, first derivatives, and the derivative of their squares' sum."""
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    out = theirs(*tensors)
    np.testing.assert_allclose(
        np.asarray(ours(*arrays)), out.detach().numpy(), tolerance, tolerance
    )
    weights = np.random.default_rng(1).standard_normal(out.shape).astype(arrays[0].dtype)

    def loss(xp: AnyArray, f: Function, w: AnyArray, *args: AnyArray) -> AnyArray:
        return xp.sum(xp.sin(f(*args)) * w)

    numbers = tuple(range(len(arrays)))
    found: AnyArray = pb.grad(lambda *a: loss(pb, ours, weights, *a), argnums=numbers)(*arrays)
    total = loss(torch, theirs, torch.tensor(weights), *tensors)
    expected = torch.autograd.grad(total, tensors, create_graph=True)
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other.detach().numpy(), tolerance, tolerance)

    def squares(*args: AnyArray) -> AnyArray:
        inner: AnyArray = pb.grad(lambda *a: loss(pb, ours, weights, *a), argnums=numbers)
        grads: AnyArray = inner(*args)
        return sum(pb.sum(g * g) for g in grads)

    found = pb.grad(squares, argnums=numbers)(*arrays)
    expected = torch.autograd.grad(sum((g * g).sum() for g in expected), tensors)
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other.numpy(), 100 * tolerance, 100 * tolerance)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_convolution_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    groups, channels, filters = random_sizes(rng, 1, 3, 3)
    window, dilation, stride = (random_sizes(rng, 1, 3, rank) for _ in range(3))
    padding = random_sizes(rng, 0, 3, rank)
    more = random_sizes(rng, 0, 4, rank)
    sizes = [
        max(1, d * (k - 1) + 1 - 2 * p) + m
        for d, k, p, m in zip(dilation, window, padding, more, strict=True)
    ]
    x = rng.standard_normal((int(rng.integers(1, 4)), groups * channels, *sizes))
    kernel = rng.standard_normal((groups * filters, channels, *window))
    bias = rng.standard_normal(groups * filters)
    options: dict[str, AnyArray] = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }
    theirs = getattr(torch.nn.functional, f"conv{rank}d")
    compare(
        lambda x, k, b: nn.conv(x, k, bias=b, **options),
        lambda x, k, b: theirs(x, k, b, **options),
        x,
        kernel,
        bias,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_transposed_convolution_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    groups, channels, filters = random_sizes(rng, 1, 3, 3)
    window, dilation, stride = (random_sizes(rng, 1, 3, rank) for _ in range(3))
    wide = [d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True)]
    padding = tuple(int(rng.integers(0, (w + 1) // 2)) for w in wide)
    further = tuple(int(rng.integers(0, max(s, d))) for s, d in zip(stride, dilation, strict=True))
    x = rng.standard_normal((2, groups * channels, *random_sizes(rng, 1, 5, rank)))
    kernel = rng.standard_normal((groups * channels, filters, *window))
    bias = rng.standard_normal(groups * filters)
    options: dict[str, AnyArray] = {
        "stride": stride,
        "padding": padding,
        "output_padding": further,
        "groups": groups,
        "dilation": dilation,
    }
    theirs = getattr(torch.nn.functional, f"conv_transpose{rank}d")
    compare(
        lambda x, k, b: nn.conv_transpose(x, k, bias=b, **options),
        lambda x, k, b: theirs(x, k, b, **options),
        x,
        kernel,
        bias,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_convolution_that_keeps_the_size_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    window, dilation = (random_sizes(rng, 1, 4, rank) for _ in range(2))
    x = rng.standard_normal((2, 3, *random_sizes(rng, 1, 6, rank)))
    kernel = rng.standard_normal((2, 3, *window))
    ends = [d * (k - 1) for d, k in zip(dilation, window, strict=True)]
    flat = [side for end in reversed(ends) for side in (end // 2, end - end // 2)]
    convolve = getattr(torch.nn.functional, f"conv{rank}d")
    compare(
        lambda x, k: nn.conv(x, k, padding="same", dilation=dilation),
        lambda x, k: convolve(torch.nn.functional.pad(x, flat), k, dilation=dilation),
        x,
        kernel,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_max_pooling_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    window, stride, dilation = (random_sizes(rng, 1, 3, rank) for _ in range(3))
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in window)
    sizes = [
        d * (k - 1) + 1 + int(rng.integers(0, 4)) for d, k in zip(dilation, window, strict=True)
    ]
    x = rng.permutation(6 * int(np.prod(sizes))).reshape(2, 3, *sizes) / 7.0  # no ties
    options: dict[str, AnyArray] = {"stride": stride, "padding": padding, "dilation": dilation}
    theirs = getattr(torch.nn.functional, f"max_pool{rank}d")
    compare(lambda x: nn.max_pool(x, window, **options), lambda x: theirs(x, window, **options), x)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("count_include_pad", [True, False])
def test_average_pooling_agrees(seed: int, *, count_include_pad: bool) -> None:
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    window, stride = (random_sizes(rng, 1, 4, rank) for _ in range(2))
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in window)
    sizes = [k + int(rng.integers(0, 4)) for k in window]
    x = rng.standard_normal((2, 3, *sizes))
    options: dict[str, AnyArray] = {
        "stride": stride,
        "padding": padding,
        "count_include_pad": count_include_pad,
    }
    theirs = getattr(torch.nn.functional, f"avg_pool{rank}d")
    compare(lambda x: nn.avg_pool(x, window, **options), lambda x: theirs(x, window, **options), x)


def test_single_precision_agrees() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 6, 9, 10)).astype(np.float32)
    kernel = rng.standard_normal((8, 6, 3, 3)).astype(np.float32) / 8
    compare(
        lambda x, k: nn.max_pool(nn.conv(x, k, padding=1), 2),
        lambda x, k: torch.nn.functional.max_pool2d(torch.nn.functional.conv2d(x, k, padding=1), 2),
        x,
        kernel,
        tolerance=1e-3,
    )
    assert nn.conv(x, kernel).dtype == np.float32


@pytest.mark.parametrize("seed", SEEDS[::10])
def test_native_code_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((5, 4, 13, 12)).astype(np.float32)
    kernel = rng.standard_normal((6, 2, 3, 3)).astype(np.float32) / 4
    stride, padding = random_sizes(rng, 1, 2, 2), random_sizes(rng, 0, 2, 2)

    def pooled(x: AnyArray, kernel: AnyArray) -> AnyArray:
        out = nn.conv(x, kernel, stride=stride, padding=padding, groups=2)
        return nn.max_pool(nn.relu(out), 2)

    def loss(x: AnyArray, kernel: AnyArray) -> AnyArray:
        return pb.sum(pb.sin(pooled(x, kernel)))

    program = pb.trace(pb.grad(loss, argnums=(0, 1)), x, kernel)
    found = compile_program(program).run((x, kernel))
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, kernel)]
    out = torch.nn.functional.conv2d(*tensors, None, stride, padding, 1, 2)
    total = torch.nn.functional.max_pool2d(torch.relu(out), 2).sin().sum()
    for mine, other in zip(found, torch.autograd.grad(total, tensors), strict=True):
        np.testing.assert_allclose(mine, other.numpy(), 1e-4, 1e-4)
