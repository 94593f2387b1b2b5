"""The command ``pullback``; its one job is the tutorial: a small network trained step by step."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Final, NoReturn, final

import numpy as np

import pullback as pb
from pullback.nn import MLP
from pullback.optim import sgd
from pullback.random import key

INPUTS: Final = ((2.0, 3.0, -1.0), (3.0, -1.0, 0.5), (0.5, 1.0, 1.0), (1.0, 1.0, -1.0))
TARGETS: Final = (1.0, -1.0, -1.0, 1.0)
REPORT_EVERY: Final = 10


@final
class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after the command's name; those of the process by default.

    Returns:
        The exit status: 0.

    Raises:
        SystemExit: With status 2 for a bad argument, after one line on standard error.

    Example:
        >>> main(["tutorial", "--epochs", "0"])  # doctest: +ELLIPSIS
        First predictions:
        ...
    """
    parser = _Parser(prog="pullback", description="Differentiate pure Python functions.")
    commands = parser.add_subparsers(title="commands", parser_class=_Parser, metavar="")
    lesson = commands.add_parser(
        "tutorial",
        help="train a small network on four samples and print how it learns (the default)",
        description="Train a multilayer perceptron with tanh on four samples by gradient descent.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for target in (parser, lesson):
        target.set_defaults(seed=0, learning_rate=0.1, epochs=100, sizes=[4, 4])
    lesson.add_argument("--seed", type=int, help="seed of the random weights")
    lesson.add_argument("--learning-rate", type=_rate, metavar="RATE", help="step size, above 0")
    lesson.add_argument("--epochs", type=_epochs, metavar="N", help="steps, 0 or more")
    lesson.add_argument(
        "--sizes", type=_size, nargs="*", metavar="N", help="sizes of the hidden layers"
    )
    options = parser.parse_args(arguments)
    tutorial(options.seed, options.learning_rate, options.epochs, options.sizes)
    return 0


def tutorial(seed: int, learning_rate: float, epochs: int, sizes: Sequence[int]) -> None:
    """Train a perceptron on four samples and print its predictions and losses.

    Args:
        seed: Seed of the random weights.
        learning_rate: The step size.
        epochs: How many steps of gradient descent.
        sizes: The sizes of the hidden layers.

    Returns:
        Nothing; it prints.

    Example:
        >>> tutorial(seed=0, learning_rate=0.1, epochs=0, sizes=[4])  # doctest: +ELLIPSIS
        First predictions:
        ...
    """
    inputs, targets = pb.asarray(np.array(INPUTS)), pb.asarray(np.array(TARGETS))
    model = MLP.create(key(seed), [3, *sizes, 1], last_activation=pb.tanh)
    init, update = sgd(learning_rate)
    state = init(model)

    def loss(model: MLP) -> pb.Array:
        error = model(inputs)[:, 0] - targets
        return pb.sum(error**2)

    step = pb.value_and_grad(loss)
    _print_predictions("First predictions:", model(inputs))
    for epoch in range(epochs + 1):
        value, grads = step(model)
        if epoch % REPORT_EVERY == 0:
            print(f"Epoch {epoch}: Loss = {float(value):.6f}")
        if epoch < epochs:
            model, state = update(model, grads, state)
    _print_predictions("Final predictions:", model(inputs))


def _print_predictions(title: str, predictions: pb.Array) -> None:
    print(title)
    for i, prediction in enumerate(np.asarray(predictions)[:, 0]):
        print(f"Sample {i}: Prediction = {prediction:.6f}")


def _rate(text: str) -> float:
    """Read a step size."""
    value = float(text)
    if not 0 < value < math.inf:
        msg = f"must be finite and above 0: {text}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _epochs(text: str) -> int:
    """Read a number of steps."""
    value = int(text)
    if value < 0:
        msg = f"must not be negative: {text}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _size(text: str) -> int:
    """Read the size of a layer."""
    value = int(text)
    if value < 1:
        msg = f"must be at least 1: {text}"
        raise argparse.ArgumentTypeError(msg)
    return value
