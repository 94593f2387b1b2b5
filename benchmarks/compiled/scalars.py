"""A large graph of numbers: micrograd's demo of the moons, without an array."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import casadi
import numpy as np
from micrograd.engine import Value

import pullback as pb
from benchmarks.compiled.rows import AnyArray, Bar, Effort, Row, agree, measure
from benchmarks.compiled.training import DECAY, MOONS, moons_data
from benchmarks.timing import Job, Timing
from pullback import nn

Rectifier = Callable[[AnyArray], AnyArray]

#: Weights and bias of each neuron of each layer, one after the other.
START: Final = [
    float(number)
    for weight, bias in MOONS
    for column, offset in zip(weight.T, bias, strict=True)
    for number in (*column, offset)
]


def loss(parameters: Sequence[AnyArray], relu: Rectifier) -> AnyArray:
    """Return the loss of the demo, of numbers and of whatever behaves like them."""
    x, y = moons_data()
    hinges = (
        relu(1 - side * score(parameters, point, relu))
        for point, side in zip(x.tolist(), y.tolist(), strict=True)
    )
    return sum(hinges) * 0.01 + DECAY * sum(p * p for p in parameters)


def score(parameters: Sequence[AnyArray], point: list[float], relu: Rectifier) -> AnyArray:
    """Return what the network gives for one point."""
    numbers, values = iter(parameters), point
    for width in (16, 16, 1):
        outs = []
        for _ in range(width):
            products = [next(numbers) * value for value in values]
            total = sum(products[1:], products[0]) + next(numbers)
            outs.append(total if width == 1 else relu(total))
        values = outs
    return values[0]


def nodes() -> int:
    """Return how many operations the loss takes."""
    count = 0

    class Counted:
        """A number that counts what is done with it."""

        def _count(self, other: object = None) -> Counted:
            nonlocal count
            count += 1
            return self

        __add__ = __radd__ = __mul__ = __rmul__ = __rsub__ = _count

    loss([Counted()] * len(START), lambda x: x + 0)
    return count


def of_numbers(parameters: Sequence[AnyArray]) -> AnyArray:
    """Return the loss of numbers."""
    return loss(parameters, nn.relu)


def of_vector(parameters: AnyArray) -> AnyArray:
    """Return the loss of an array, taken apart into numbers."""
    return loss(pb.unstack(parameters), nn.relu)


def casadi_function() -> AnyArray:
    """Return value and gradient as a function of CasADi's virtual machine."""
    parameters = casadi.SX.sym("p", len(START))
    value = loss(casadi.vertsplit(parameters), lambda x: casadi.fmax(x, 0))
    return casadi.Function("f", [parameters], [value, casadi.gradient(value, parameters)])


def casadi_job(function: AnyArray) -> Job:
    """Return a call of a function that reads and writes arrays in place."""
    given: AnyArray = np.array(START)
    value, slopes = np.zeros_like(given[:1]), np.zeros_like(given)
    buffer, run = function.buffer()
    buffer.set_arg(0, memoryview(given))
    buffer.set_res(0, memoryview(value))
    buffer.set_res(1, memoryview(slopes))

    def job(_held: object = (buffer, given)) -> AnyArray:  # it has their addresses alone
        run()
        return value[0], slopes

    return job


def micrograd() -> AnyArray:
    """Return the same by micrograd."""
    parameters = [Value(number) for number in START]
    total = loss(parameters, lambda x: x.relu())
    total.backward()
    return total.data, np.array([p.grad for p in parameters])


def timed(job: Job) -> tuple[Timing, AnyArray]:
    """Call a job once."""
    start = time.perf_counter()
    result = job()
    seconds = time.perf_counter() - start
    return Timing(seconds, seconds), result


def scalars(effort: Effort) -> Iterator[Row]:
    """Measure compiling of 65,000 operations with their derivatives, and a step."""
    title = f"{nodes():,} operations on scalars, value and gradient"
    building, other = timed(casadi_function)
    rivals: dict[str, Job] = {"CasADi SX": casadi_job(other)}
    eager, _ = timed(micrograd)
    eager = Timing(eager.median / nodes(), eager.minimum / nodes())
    forms: dict[str, tuple[Callable[..., AnyArray], AnyArray]] = {
        f"{len(START)} floats": (of_numbers, tuple(START)),
        "one array": (of_vector, pb.asarray(np.array(START))),
    }
    for form, (f, weights) in forms.items():
        function = partial(pb.jit(pb.value_and_grad(f)), weights)
        figures = {"pullback": timed(function)[0], "CasADi SX": building}
        yield Row(f"{title}, of {form}: compile", figures, "s", (Bar(3.0),))
        jobs = {"pullback": lambda run=function: together(run())} | rivals
        agree(jobs | {"micrograd": micrograd}, 1e-9)
        figures = measure(jobs | {"pullback": function}, effort, per=nodes())
        figures["micrograd"] = eager
        yield Row(f"{title}, of {form}: an operation", figures, "ns", (Bar(1.5e-9),))


def together(result: AnyArray) -> AnyArray:
    """Return a value, and a gradient as one array."""
    value, gradient = result
    return value, np.array([float(slope) for slope in gradient])
