"""A service that fits a model for each request, in 32 threads at once, and shares nothing.

Gradients are values and nothing is global, so that threads answer what one thread answers, bit
for bit. The model is a frozen dataclass, its gradient another; the loss is Huber's, which outliers
in the data do not impress.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import pullback as pb
from pullback import optim

Array = npt.NDArray[np.float64]

REQUESTS = 32


@dataclass(frozen=True)
class Line:
    """y = slope·x + offset."""

    slope: float
    offset: float


def huber(residuals: Array) -> Array:
    """Return the loss of each residual r: r²/2 within ±1, |r| - 1/2 beyond (Huber, 1964)."""
    size = np.abs(residuals)
    return np.where(size <= 1, residuals**2 / 2, size - 0.5)


def loss(line: Line, x: Array, y: Array) -> np.floating:
    """Return the mean loss over the data."""
    return np.mean(huber(line.slope * x + line.offset - y))


def answer(number: int) -> Line:
    """Fit a line to the data of a request, every seventh of which is an outlier."""
    x = np.linspace(-1.0, 1.0, 50)
    y = number / 10 * x + 1.0
    y[::7] += 100.0
    init, update = optim.sgd(1.5)
    line = Line(0.0, 0.0)
    state = init(line)
    for _ in range(40):
        line, state = update(line, pb.grad(loss)(line, x, y), state)
    return line


def main() -> None:
    """Answer all requests, first in threads and then one by one."""
    with ThreadPoolExecutor(32) as pool:
        threaded = list(pool.map(answer, range(REQUESTS)))
    print(f"request 30: {threaded[30].slope:.4f}·x + {threaded[30].offset:.4f}")
    print(f"one thread answers the same: {threaded == [answer(i) for i in range(REQUESTS)]}")


if __name__ == "__main__":
    main()
