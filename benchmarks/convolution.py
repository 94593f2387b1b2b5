"""How far is a convolution by NumPy from PyTorch's, and pooling?

Values and the cotangents of both operands, in single precision, PyTorch with one thread; run it
with OPENBLAS_NUM_THREADS=1 to give NumPy one too.

    python -m benchmarks.convolution
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final  # noqa: TID251 - see AnyArray

import numpy as np
import torch
from torch.nn import functional

import pullback as pb
from benchmarks.timing import Job, interleave, table
from pullback import nn

#: An array of whichever library computes with it: no one type fits them all.
AnyArray = Any

#: The shapes of x and the kernel, and the options.
CONVOLUTIONS: Final[list[tuple[tuple[int, ...], tuple[int, ...], dict[str, int]]]] = [
    ((64, 32, 28, 28), (64, 32, 3, 3), {"padding": 1}),
    ((64, 1, 28, 28), (32, 1, 3, 3), {"padding": 1}),
    ((64, 32, 28, 28), (32, 1, 3, 3), {"padding": 1, "groups": 32}),
    ((64, 64, 14, 14), (64, 64, 3, 3), {"padding": 1, "stride": 2}),
    ((64, 64, 28, 28), (64, 64, 1, 1), {}),
    ((1, 2, 5, 5), (2, 2, 3, 3), {"padding": 1}),
]
POOLINGS: Final[list[tuple[str, int, dict[str, int]]]] = [
    ("max_pool", 2, {}),
    ("max_pool", 3, {"stride": 2, "padding": 1}),
    ("avg_pool", 2, {}),
]


def random_array(shape: tuple[int, ...], seed: int) -> AnyArray:
    """Return normal numbers of single precision."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def compare(title: str, ours: Job, theirs: Job) -> None:
    """Check that two jobs have one result, and print how long they take."""
    found: AnyArray = ours()
    expected: AnyArray = theirs()
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-2, atol=1e-2)
    table(title, interleave({"pullback": ours, "torch": theirs}, rounds=10))


def convolution(shape: tuple[int, ...], window: tuple[int, ...], options: dict[str, int]) -> None:
    """Compare one convolution, forwards and with respect to each operand."""
    x, kernel, name = random_array(shape, 0), random_array(window, 1), f"{shape} by {window}"
    array, weights = pb.asarray(x), pb.asarray(kernel)
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, kernel)]
    ours: AnyArray = partial(nn.conv, **options)
    out = functional.conv2d(*tensors, **options)
    compare(
        f"{name}, {options}",
        lambda: ours(array, weights),
        lambda: functional.conv2d(*tensors, **options),
    )
    bar = random_array(tuple(out.shape), 2)
    _, pull_x = pb.vjp(lambda x: ours(x, weights), array)
    _, pull_kernel = pb.vjp(lambda kernel: ours(array, kernel), weights)
    cotangents: list[tuple[str, AnyArray]] = [("x", pull_x), ("the kernel", pull_kernel)]
    for (which, pull), tensor in zip(cotangents, tensors, strict=True):
        compare(
            f"{name}, {options}: cotangent of {which}",
            partial(pull, pb.asarray(bar)),
            partial(torch_pull, out, tensor, torch.tensor(bar)),
        )


def torch_pull(out: AnyArray, tensor: AnyArray, bar: AnyArray) -> AnyArray:
    """Return PyTorch's cotangent, and keep its graph."""
    return torch.autograd.grad(out, tensor, bar, retain_graph=True)[0]


def pooling(function: str, window: int, options: dict[str, int]) -> None:
    """Compare one pooling, forwards, and its gradient."""
    x = random_array((64, 32, 28, 28), 0)
    tensor = torch.tensor(x, requires_grad=True)
    ours = partial(getattr(nn, function), **options)
    theirs = partial(getattr(functional, f"{function}2d"), **options)
    name = f"{function} of {x.shape} by {window}, {options}"
    array = pb.asarray(x)
    compare(name, lambda: ours(array, window), lambda: theirs(tensor, window))
    gradient = pb.grad(lambda x: pb.sum(ours(x, window)))
    compare(
        f"{name}: gradient",
        lambda: gradient(array),
        lambda: torch.autograd.grad(theirs(tensor, window).sum(), tensor)[0],
    )


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    for convolved in CONVOLUTIONS:
        convolution(*convolved)
    for pooled in POOLINGS:
        pooling(*pooled)


if __name__ == "__main__":
    main()
