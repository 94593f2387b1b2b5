"""What the formulations of a work in pullback and in JAX have in common, and PyTorch's steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, final

import jax
import jax.numpy as jnp
import torch
from attrs import frozen

import pullback as pb
from benchmarks.compiled.rows import AnyArray, Effort
from benchmarks.timing import Job
from pullback import nn, special, tree

Function = Callable[..., AnyArray]
jax.config.update("jax_enable_x64", val=True)


@final
@frozen
class Library:
    """The names under which two libraries have the same functions."""

    xp: AnyArray
    nn: AnyArray
    special: AnyArray
    jit: Callable[[Function], Function]
    grad: Callable[..., Function]
    value_and_grad: Callable[..., Function]
    map: Function
    scan: Function
    #: Return a tree when it is computed.
    wait: Function

    def arrays(self, values: AnyArray) -> AnyArray:
        """Return a tree of NumPy's arrays as arrays of the library."""
        return self.map(self.xp.asarray, values)


PULLBACK: Final = Library(
    pb, nn, special, pb.jit, pb.grad, pb.value_and_grad, tree.map, pb.scan, lambda x: x
)
JAX: Final = Library(
    jnp,
    jax.nn,
    jax.scipy.special,
    jax.jit,
    jax.grad,
    jax.value_and_grad,
    jax.tree.map,
    jax.lax.scan,
    jax.block_until_ready,
)
LIBRARIES: Final = {"pullback": PULLBACK, "JAX": JAX}


def descent(library: Library, loss: Function, rate: float) -> Function:
    """Return a step of gradient descent: the loss, and the new parameters."""
    # What a compiled function captures is looked at in each call: no more of it than is needed.
    value_and_grad, mapped = library.value_and_grad(loss), library.map

    def step(params: AnyArray, *data: AnyArray) -> AnyArray:
        value, grads = value_and_grad(params, *data)
        return value, mapped(lambda p, g: p - rate * g, params, grads)

    return step


def train(library: Library, step: Function, params: AnyArray, data: AnyArray, count: int) -> Job:
    """Return a job that takes steps from Python, always from the same start."""
    start, held = library.arrays(params), library.arrays(data)

    def run() -> AnyArray:
        value, now = step(start, *held)
        for _ in range(count - 1):
            value, now = step(now, *held)
        return library.wait((value, now))

    return run


# ------------------------------------------------------------------------------------ PyTorch


def tensors(arrays: AnyArray) -> list[AnyArray]:
    """Return the leaves of a tree as tensors that have memory of their own."""
    return [torch.tensor(leaf) for leaf in jax.tree.leaves(arrays)]


def torch_descent(
    loss: Function, params: AnyArray, data: Sequence[AnyArray], rate: float, count: int
) -> Job:
    """Return a job that takes eager steps in place, from copies of the same start."""
    start, held = tensors(params), tensors(data)

    def run() -> AnyArray:
        now = [p.clone().requires_grad_() for p in start]
        value = None
        for _ in range(count):
            value = loss(now, *held)
            grads = torch.autograd.grad(value, now)
            with torch.no_grad():
                for p, g in zip(now, grads, strict=True):
                    p.sub_(g, alpha=rate)
        return value, now

    return run


def torch_jobs(job: Job) -> dict[str, Job]:
    """Return an eager job under its names: with one thread and with two."""
    return {"PyTorch, 1 thread": job, "PyTorch, 2 threads": job}


def torch_step(loss: Function, rate: float) -> Function:
    """Return a step of gradient descent as a function of lists of tensors, to be compiled."""
    grad_and_value = torch.func.grad_and_value(loss)

    def step(params: list[AnyArray], *data: AnyArray) -> AnyArray:
        grads, value = grad_and_value(params, *data)
        return value, [p - rate * g for p, g in zip(params, grads, strict=True)]

    return step


def torch_compiled(
    effort: Effort, step: Function, params: AnyArray, data: AnyArray, count: int = 1
) -> dict[str, Job]:
    """Return a job of compiled steps, from the same start, unless there is no time for it."""
    if not effort.compiled:
        return {}
    compiled = torch.compile(step, fullgraph=True)
    start, held = tensors(params), tensors(data)

    def run() -> AnyArray:
        value, now = compiled(start, *held)
        for _ in range(count - 1):
            value, now = compiled(now, *held)
        return value, now

    return {"PyTorch, compiled": run}
