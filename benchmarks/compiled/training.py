"""Training steps of perceptrons: the tutorial's, the moons' and one of the size of MNIST's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

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
    tensors,
    torch_compiled,
    torch_descent,
    torch_jobs,
    torch_step,
    train,
)
from benchmarks.compiled.rows import AnyArray, Bar, Effort, Row, agree, measure
from benchmarks.timing import Job
from pullback.cli import INPUTS, TARGETS

RATE: Final = 0.1


def perceptron(sizes: Sequence[int], dtype: str = "f8") -> AnyArray:
    """Return weights and biases, as a tuple of pairs."""
    r = np.random.default_rng(0)
    return tuple(
        (r.uniform(-1, 1, (n, m)).astype(dtype) * np.sqrt(3 / n).astype(dtype), np.zeros(m, dtype))
        for n, m in pairwise(sizes)
    )


def pairs(parameters: list[AnyArray]) -> list[tuple[AnyArray, AnyArray]]:
    """Return weights and biases of a list in which they take turns."""
    return list(zip(parameters[::2], parameters[1::2], strict=True))


# ------------------------------------------------------------------------------------- tutorial

TUTORIAL: Final = perceptron((3, 4, 4, 1))
X: Final = np.array(INPUTS)
Y: Final = np.array(TARGETS)


def tutorial_loss(library: Library) -> Function:
    """Return the tutorial's loss, which closes over its samples."""
    xp, inputs, targets = library.xp, library.arrays(X), library.arrays(Y)

    def loss(layers: AnyArray) -> AnyArray:
        h = inputs
        for weight, bias in layers:
            h = xp.tanh(h @ weight + bias)
        return xp.sum((h[:, 0] - targets) ** 2)

    return loss


def tutorial_step(library: Library) -> Function:
    """Return the tutorial's step, compiled."""
    return library.jit(descent(library, tutorial_loss(library), RATE))


def tutorial_scan(library: Library) -> Function:
    """Return 100 steps as one loop, compiled."""
    step = descent(library, tutorial_loss(library), RATE)

    def run(layers: AnyArray) -> AnyArray:
        last, values = library.scan(lambda now, _: step(now)[::-1], layers, None, 100)
        return values[-1], last

    return library.jit(run)


def numpy_tutorial() -> AnyArray:
    """Take 100 steps of the tutorial, derivatives by hand."""
    (w1, b1), (w2, b2), (w3, b3) = TUTORIAL
    loss = 0.0
    for _ in range(100):
        h1 = np.tanh(X @ w1 + b1)
        h2 = np.tanh(h1 @ w2 + b2)
        out = np.tanh(h2 @ w3 + b3)[:, 0]
        error = out - Y
        loss = error @ error
        d3 = (2 * error * (1 - out * out))[:, None]
        d2 = (d3 @ w3.T) * (1 - h2 * h2)
        d1 = (d2 @ w2.T) * (1 - h1 * h1)
        w1, b1 = w1 - RATE * (X.T @ d1), b1 - RATE * d1.sum(axis=0)
        w2, b2 = w2 - RATE * (h1.T @ d2), b2 - RATE * d2.sum(axis=0)
        w3, b3 = w3 - RATE * (h2.T @ d3), b3 - RATE * d3.sum(axis=0)
    return loss, ((w1, b1), (w2, b2), (w3, b3))


def torch_tutorial_loss(parameters: list[AnyArray], x: AnyArray, y: AnyArray) -> AnyArray:
    """Return the tutorial's loss of tensors."""
    h = x
    for weight, bias in pairs(parameters):
        h = torch.tanh(torch.addmm(bias, h, weight))
    return torch.sum((h[:, 0] - y) ** 2)


def tutorial(effort: Effort) -> Iterator[Row]:
    """Measure the tutorial's steps, one call each, and 100 of them in one call."""
    loop: dict[str, Job] = {
        name: train(library, tutorial_step(library), TUTORIAL, (), 100)
        for name, library in LIBRARIES.items()
    }
    loop["NumPy"] = numpy_tutorial
    loop |= torch_jobs(torch_descent(torch_tutorial_loss, TUTORIAL, (X, Y), RATE, 100))
    loop |= torch_compiled(effort, torch_step(torch_tutorial_loss, RATE), TUTORIAL, (X, Y), 100)
    agree(loop, 1e-9)
    title = "tutorial step (4 samples, 3-4-4-1), called from Python"
    yield Row(title, measure(loop, effort, per=100), "us", (Bar(0.6, ("JAX",)),))
    scan: dict[str, Job] = {
        "pullback": train(PULLBACK, tutorial_scan(PULLBACK), TUTORIAL, (), 1),
        "JAX, scan": train(JAX, tutorial_scan(JAX), TUTORIAL, (), 1),
        "JAX, Python's loop": loop["JAX"],
        "NumPy": numpy_tutorial,
    }
    agree(scan, 1e-9)
    bars = Bar(1.5e-6), Bar(0.05, ("JAX, Python's loop",))
    yield Row("a step of 100 inside one scan", measure(scan, effort, per=100), "us", bars)


# ---------------------------------------------------------------------------------------- moons

DECAY: Final = 1e-4
MOONS: Final = perceptron((2, 16, 16, 1))


def moons_data() -> tuple[AnyArray, AnyArray]:
    """Return 100 points of two half circles that reach into each other, and their sides, ±1."""
    r = np.random.default_rng(1)
    angle = np.linspace(0, np.pi, 50)
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    points = np.concatenate([upper, lower]) + r.normal(0, 0.1, (100, 2))
    return points, np.repeat([-1.0, 1.0], 50)


def moons_loss(library: Library) -> Function:
    """Return the mean hinge loss of a rectified network, and the squares of its weights."""
    xp, relu = library.xp, library.nn.relu

    def loss(layers: AnyArray, x: AnyArray, y: AnyArray) -> AnyArray:
        *hidden, (last, offset) = layers
        h = x
        for weight, bias in hidden:
            h = relu(h @ weight + bias)
        scores = (h @ last + offset)[:, 0]
        squares = sum(xp.sum(p * p) for layer in layers for p in layer)
        return xp.mean(relu(1 - y * scores)) + DECAY * squares

    return loss


def moons_step(library: Library) -> Function:
    """Return a step of the moons' demo, compiled."""
    return library.jit(descent(library, moons_loss(library), RATE))


def torch_moons_loss(parameters: list[AnyArray], x: AnyArray, y: AnyArray) -> AnyArray:
    """Return the same of tensors."""
    *hidden, (last, offset) = pairs(parameters)
    h = x
    for weight, bias in hidden:
        h = torch.relu(torch.addmm(bias, h, weight))
    scores = torch.addmm(offset, h, last)[:, 0]
    squares = sum(torch.sum(p * p) for p in parameters)
    return torch.mean(torch.relu(1 - y * scores)) + DECAY * squares


def numpy_moons(data: tuple[AnyArray, AnyArray], count: int) -> AnyArray:
    """Take steps of the moons' demo, derivatives by hand."""
    x, y = data
    (w1, b1), (w2, b2), (w3, b3) = MOONS
    loss = 0.0
    for _ in range(count):
        h1 = np.maximum(x @ w1 + b1, 0.0)
        h2 = np.maximum(h1 @ w2 + b2, 0.0)
        margin = 1 - y * (h2 @ w3 + b3)[:, 0]
        squares = sum([float(np.vdot(p, p)) for p in (w1, b1, w2, b2, w3, b3)])
        loss = np.maximum(margin, 0.0).mean() + DECAY * squares
        d3 = (np.where(margin > 0, -y, 0.0) / len(y))[:, None]
        d2 = (d3 @ w3.T) * (h2 > 0)
        d1 = (d2 @ w2.T) * (h1 > 0)
        decay = 2 * DECAY
        w1, b1 = w1 - RATE * (x.T @ d1 + decay * w1), b1 - RATE * (d1.sum(axis=0) + decay * b1)
        w2, b2 = w2 - RATE * (h1.T @ d2 + decay * w2), b2 - RATE * (d2.sum(axis=0) + decay * b2)
        w3, b3 = w3 - RATE * (h2.T @ d3 + decay * w3), b3 - RATE * (d3.sum(axis=0) + decay * b3)
    return loss, ((w1, b1), (w2, b2), (w3, b3))


def moons(effort: Effort) -> Iterator[Row]:
    """Measure a step of the moons' demo."""
    data, count = moons_data(), 10
    jobs: dict[str, Job] = {
        name: train(library, moons_step(library), MOONS, data, count)
        for name, library in LIBRARIES.items()
    }
    jobs["NumPy"] = lambda: numpy_moons(data, count)
    jobs |= torch_jobs(torch_descent(torch_moons_loss, MOONS, data, RATE, count))
    jobs |= torch_compiled(effort, torch_step(torch_moons_loss, RATE), MOONS, data, count)
    agree(jobs, 1e-9)
    bars = Bar(0.33, ("JAX",)), Bar(0.2, ("NumPy",))
    title = "moons step (100 x 2-16-16-1, hinge loss, f64)"
    yield Row(title, measure(jobs, effort, per=count), "us", bars)


# ----------------------------------------------------------------------- a perceptron with Adam

SLOPE: Final = 1e-3  # Adam's step size
BETAS: Final = (0.9, 0.999)
EPSILON: Final = 1e-8


def adam_state(params: AnyArray) -> AnyArray:
    """Return the parameters, both moments and the number of steps taken."""
    zeros = [tuple((0 * weight, 0 * bias) for weight, bias in params) for _ in range(2)]
    return (params, *zeros, np.float32(0))


def cross_entropy(library: Library) -> Function:
    """Return the mean cross-entropy of a rectified network with labels, one-hot."""
    xp = library.xp

    def loss(layers: AnyArray, x: AnyArray, labels: AnyArray) -> AnyArray:
        *hidden, (last, offset) = layers
        h = x
        for weight, bias in hidden:
            h = library.nn.relu(h @ weight + bias)
        return -xp.mean(xp.sum(library.nn.log_softmax(h @ last + offset) * labels, axis=1))

    return loss


def adam_step(library: Library) -> Function:
    """Return a step by Adam (Kingma and Ba, 2015, algorithm 1), compiled."""
    value_and_grad = library.value_and_grad(cross_entropy(library))
    (fast, slow), xp = BETAS, library.xp

    def step(state: AnyArray, x: AnyArray, labels: AnyArray) -> AnyArray:
        params, first, second, count = state
        value, grads = value_and_grad(params, x, labels)
        count = count + 1
        first = library.map(lambda m, g: fast * m + (1 - fast) * g, first, grads)
        second = library.map(lambda v, g: slow * v + (1 - slow) * g * g, second, grads)
        rate, spread = SLOPE / (1 - fast**count), 1 / xp.sqrt(1 - slow**count)
        params = library.map(
            lambda p, m, v: p - rate * m / (xp.sqrt(v) * spread + EPSILON), params, first, second
        )
        return value, (params, first, second, count)

    return library.jit(step)


def torch_cross_entropy(parameters: list[AnyArray], x: AnyArray, labels: AnyArray) -> AnyArray:
    """Return the same of tensors and of labels as numbers."""
    *hidden, (last, offset) = pairs(parameters)
    h = x
    for weight, bias in hidden:
        h = torch.relu(torch.addmm(bias, h, weight))
    return functional.cross_entropy(torch.addmm(offset, h, last), labels)


def torch_adam(params: AnyArray, x: AnyArray, labels: AnyArray, count: int) -> Job:
    """Return steps by PyTorch's Adam, from the same start."""
    start, (inputs, classes) = tensors(params), tensors((x, labels))

    def run() -> AnyArray:
        now = [p.clone().requires_grad_() for p in start]
        optimiser = torch.optim.Adam(now, SLOPE, BETAS, EPSILON, fused=True)
        loss = None
        for _ in range(count):
            loss = torch_cross_entropy(now, inputs, classes)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return loss, now

    return run


def torch_adam_step(state: AnyArray, x: AnyArray, labels: AnyArray) -> AnyArray:
    """Take a step by Adam as a function of lists of tensors, to be compiled."""
    size = (len(state) - 1) // 3
    params, first, second = (state[k * size : (k + 1) * size] for k in range(3))
    grads, value = torch.func.grad_and_value(torch_cross_entropy)(params, x, labels)
    (fast, slow), count = BETAS, state[-1] + 1
    first = [fast * m + (1 - fast) * g for m, g in zip(first, grads, strict=True)]
    second = [slow * v + (1 - slow) * g * g for v, g in zip(second, grads, strict=True)]
    rate, spread = SLOPE / (1 - fast**count), 1 / torch.sqrt(1 - slow**count)
    params = [
        p - rate * m / (torch.sqrt(v) * spread + EPSILON)
        for p, m, v in zip(params, first, second, strict=True)
    ]
    return value, [*params, *first, *second, count]


def numpy_adam(params: AnyArray, x: AnyArray, hot: AnyArray, count: int) -> AnyArray:
    """Take steps by Adam, derivatives by hand."""
    now = [p for layer in params for p in layer]
    first, second = [0 * p for p in now], [0 * p for p in now]
    fast, slow = map(np.float32, BETAS)
    loss = np.float32(0)
    for t in range(1, count + 1):
        w1, b1, w2, b2, w3, b3 = now
        h1 = np.maximum(x @ w1 + b1, 0)
        h2 = np.maximum(h1 @ w2 + b2, 0)
        z = h2 @ w3 + b3
        z -= z.max(axis=1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        loss = -np.mean(np.sum((z - np.log(total)) * hot, axis=1))
        d3 = (e / total - hot) / np.float32(len(x))
        d2 = (d3 @ w3.T) * (h2 > 0)
        d1 = (d2 @ w2.T) * (h1 > 0)
        grads = [x.T @ d1, d1.sum(axis=0), h1.T @ d2, d2.sum(axis=0), h2.T @ d3, d3.sum(axis=0)]
        first = [fast * m + (1 - fast) * g for m, g in zip(first, grads, strict=True)]
        second = [slow * v + (1 - slow) * g * g for v, g in zip(second, grads, strict=True)]
        rate = np.float32(SLOPE / (1 - BETAS[0] ** t))
        spread = np.float32(1 / np.sqrt(1 - BETAS[1] ** t))
        now = [
            p - rate * m / (np.sqrt(v) * spread + np.float32(EPSILON))
            for p, m, v in zip(now, first, second, strict=True)
        ]
    return loss, now


def without_moments(job: Callable[[], AnyArray]) -> Job:
    """Return a job that gives the loss and the parameters only: the moments are tiny."""

    def run() -> AnyArray:
        value, state = job()
        return value, state[:6] if isinstance(state, list) else state[0]

    return run


def mlp(effort: Effort) -> Iterator[Row]:
    """Measure a step by Adam of a network 784-512-256-10, batch 128, f32."""
    r = np.random.default_rng(2)
    params = perceptron((784, 512, 256, 10), "f4")
    x = r.standard_normal((128, 784)).astype("f4")
    labels = r.integers(0, 10, 128)
    hot, count = np.eye(10, dtype="f4")[labels], 3

    state = adam_state(params)
    jobs: dict[str, Job] = {
        name: without_moments(train(library, adam_step(library), state, (x, hot), count))
        for name, library in LIBRARIES.items()
    }
    jobs["NumPy"] = lambda: numpy_adam(params, x, hot, count)
    jobs |= torch_jobs(torch_adam(params, x, labels, count))
    compiled = torch_compiled(effort, torch_adam_step, state, (x, labels), count)
    for name, job in compiled.items():
        jobs[name] = without_moments(job)
    agree(jobs, 2e-3)
    title = "784-512-256-10, batch 128, f32, Adam step"
    yield Row(title, measure(jobs, effort, per=count), "us", (Bar(0.8, ("JAX", "PyTorch")),))
