"""Larger networks: a small convolutional one and a block of a transformer, single precision."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional

from benchmarks.compiled.libraries import (
    JAX,
    LIBRARIES,
    PULLBACK,
    Function,
    Library,
    descent,
    torch_compiled,
    torch_descent,
    torch_jobs,
    torch_step,
    train,
)
from benchmarks.compiled.rows import AnyArray, Bar, Effort, Row, agree, measure
from benchmarks.timing import Job
from pullback import nn

RATE: Final = 0.1


def normal(r: np.random.Generator, *shape: int, scale: float = 1.0) -> AnyArray:
    """Return normal numbers of single precision."""
    return (r.standard_normal(shape) * scale).astype("f4")


# -------------------------------------------------------------------------------- convolutions


def cnn_parameters() -> AnyArray:
    """Return kernels and biases of two convolutions, and weights and biases of a dense layer."""
    r = np.random.default_rng(0)
    return (
        (normal(r, 16, 1, 3, 3, scale=1 / 3), np.zeros(16, "f4")),
        (normal(r, 32, 16, 3, 3, scale=1 / 12), np.zeros(32, "f4")),
        (normal(r, 32 * 7 * 7, 10, scale=1 / 40), np.zeros(10, "f4")),
    )


def cnn_loss(library: Library, conv: Function, pool: Function) -> Function:
    """Return the mean cross-entropy of the network with labels, one-hot."""
    xp = library.xp

    def loss(params: AnyArray, images: AnyArray, labels: AnyArray) -> AnyArray:
        *convolutions, (weight, bias) = params
        h = images
        for kernel, offset in convolutions:
            h = pool(library.nn.relu(conv(h, kernel) + offset[:, None, None]))
        scores = xp.reshape(h, (h.shape[0], -1)) @ weight + bias
        return -xp.mean(xp.sum(library.nn.log_softmax(scores) * labels, axis=1))

    return loss


def jax_conv(x: AnyArray, kernel: AnyArray) -> AnyArray:
    """Return JAX's convolution of images that keep their size."""
    axes = ("NCHW", "OIHW", "NCHW")
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=axes)


def jax_pool(x: AnyArray) -> AnyArray:
    """Return the largest of each square of four."""
    n, c, height, width = x.shape
    return jnp.max(x.reshape(n, c, height // 2, 2, width // 2, 2), axis=(3, 5))


def jax_window_pool(x: AnyArray) -> AnyArray:
    """Return the same, by JAX's own windows."""
    window = (1, 1, 2, 2)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")


def torch_cnn_loss(params: list[AnyArray], images: AnyArray, labels: AnyArray) -> AnyArray:
    """Return the same of tensors and of labels as numbers."""
    h = images
    for k in (0, 2):
        h = functional.conv2d(h, params[k], params[k + 1], padding=1)
        h = functional.max_pool2d(torch.relu(h), 2)
    return functional.cross_entropy(torch.addmm(params[5], h.flatten(1), params[4]), labels)


def cnn(effort: Effort) -> Iterator[Row]:
    """Measure a step of gradient descent of a network of two convolutions."""
    r = np.random.default_rng(1)
    params, images = cnn_parameters(), normal(r, 64, 1, 28, 28)
    labels = r.integers(0, 10, 64)
    hot = np.eye(10, dtype="f4")[labels]

    def job(library: Library, conv: Function, pool: Function) -> Job:
        step = library.jit(descent(library, cnn_loss(library, conv, pool), RATE))
        return train(library, step, params, (images, hot), 1)

    jobs: dict[str, Job] = {
        "pullback": job(
            PULLBACK, lambda x, k: nn.conv(x, k, padding=1), lambda x: nn.max_pool(x, 2)
        ),
        "JAX": job(JAX, jax_conv, jax_window_pool),
        "JAX, pooling by max": job(JAX, jax_conv, jax_pool),
    }
    jobs |= torch_jobs(torch_descent(torch_cnn_loss, params, (images, labels), RATE, 1))
    step = torch_step(torch_cnn_loss, RATE)
    jobs |= torch_compiled(effort, step, params, (images, labels))
    agree(jobs, 1e-3)
    title = "two 3x3 convolutions, 28 x 28, batch 64, f32, step"
    yield Row(title, measure(jobs, effort), "us", (Bar(1.0, ("JAX", "PyTorch")),))


# --------------------------------------------------------------------------------- transformer

WIDTH: Final = 128
HEADS: Final = 4
LENGTH: Final = 128
BATCH: Final = 8


def block_parameters() -> AnyArray:
    """Return gains, weights and biases of a block, by name."""
    r = np.random.default_rng(0)
    wide = 4 * WIDTH

    def dense(n: int, m: int) -> tuple[AnyArray, AnyArray]:
        return normal(r, n, m, scale=1 / math.sqrt(n)), np.zeros(m, "f4")

    def norm() -> tuple[AnyArray, AnyArray]:
        return np.ones(WIDTH, "f4"), np.zeros(WIDTH, "f4")

    return (
        *(norm(), dense(WIDTH, 3 * WIDTH), dense(WIDTH, WIDTH)),
        *(norm(), dense(WIDTH, wide), dense(wide, WIDTH)),
    )


def block_loss(library: Library) -> Function:
    """Return the mean square of what a block gives: norm and attention, norm and perceptron."""
    xp = library.xp

    def norm(x: AnyArray, gain: AnyArray, bias: AnyArray) -> AnyArray:
        centred = x - xp.mean(x, axis=-1, keepdims=True)
        variance = xp.mean(centred * centred, axis=-1, keepdims=True)
        return centred / xp.sqrt(variance + 1e-5) * gain + bias

    def attention(h: AnyArray, mixed: AnyArray, out: AnyArray) -> AnyArray:
        weight, bias = mixed
        parts = xp.reshape(h @ weight + bias, (BATCH, LENGTH, 3, HEADS, -1))
        query, keys, values = (xp.permute_dims(parts[:, :, k], (0, 2, 1, 3)) for k in range(3))
        scores = query @ xp.matrix_transpose(keys) * (HEADS / WIDTH) ** 0.5
        heads = xp.permute_dims(library.nn.softmax(scores) @ values, (0, 2, 1, 3))
        return xp.reshape(heads, (BATCH, LENGTH, WIDTH)) @ out[0] + out[1]

    def loss(params: AnyArray, x: AnyArray) -> AnyArray:
        first, mixed, out, second, up, down = params
        x = x + attention(norm(x, *first), mixed, out)
        h = library.nn.gelu(norm(x, *second) @ up[0] + up[1], approximate=False)
        y = x + h @ down[0] + down[1]
        return xp.mean(y * y)

    return loss


def torch_block_loss(params: list[AnyArray], x: AnyArray) -> AnyArray:
    """Return the same of tensors, with PyTorch's own norm and attention."""

    def norm(x: AnyArray, k: int) -> AnyArray:
        return functional.layer_norm(x, (WIDTH,), params[k], params[k + 1])

    def dense(x: AnyArray, k: int) -> AnyArray:
        return x @ params[k] + params[k + 1]

    parts = dense(norm(x, 0), 2).view(BATCH, LENGTH, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
    heads = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
    x = x + dense(heads.transpose(1, 2).reshape(BATCH, LENGTH, WIDTH), 4)
    y = x + dense(functional.gelu(dense(norm(x, 6), 8)), 10)
    return torch.mean(y * y)


def block_step(library: Library) -> Function:
    """Return a step of gradient descent of a block, compiled."""
    return library.jit(descent(library, block_loss(library), RATE))


def block_input() -> AnyArray:
    """Return a batch of sequences."""
    return normal(np.random.default_rng(1), BATCH, LENGTH, WIDTH)


def transformer(effort: Effort) -> Iterator[Row]:
    """Measure a step of gradient descent of a block of a transformer."""
    params, data = block_parameters(), (block_input(),)
    jobs: dict[str, Job] = {
        name: train(library, block_step(library), params, data, 1)
        for name, library in LIBRARIES.items()
    }
    jobs |= torch_jobs(torch_descent(torch_block_loss, params, data, RATE, 1))
    jobs |= torch_compiled(effort, torch_step(torch_block_loss, RATE), params, data)
    agree(jobs, 1e-3)
    title = "transformer block (width 128, 4 heads, length 128, batch 8), step"
    yield Row(title, measure(jobs, effort), "us", (Bar(1.0, ("JAX", "PyTorch")),))
