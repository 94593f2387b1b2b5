"""The tutorial once more, with scalars only: every weight is a number of its own.

The same network, data and steps as the command ``pullback tutorial``, written the way micrograd
writes it: a `Neuron` is a vector of numbers and a bias, a `Layer` a vector of neurons, an `MLP` a
vector of layers. All are immutable; each step builds a new model. It prints the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias, final

from attrs import frozen
from pyrsistent import PVector, pvector

import pullback as pb
from pullback import nn, tree
from pullback.cli import INPUTS, TARGETS
from pullback.random import key

SIZES = (3, 4, 4, 1)
LEARNING_RATE = 0.1
EPOCHS = 100

#: A number: a float where the model is used, a node of the graph where it is differentiated.
Scalar: TypeAlias = float | pb.Array


@final
@frozen
class Neuron:
    """tanh(w·x + b)."""

    weights: PVector[float]
    bias: float

    def __call__(self, xs: Sequence[Scalar]) -> Scalar:
        """Return the activation."""
        total: Scalar = self.bias
        for weight, x in zip(self.weights, xs, strict=True):
            total = total + weight * x
        return pb.tanh(total)


@final
@frozen
class Layer:
    """Neurons side by side."""

    neurons: PVector[Neuron]

    def __call__(self, xs: Sequence[Scalar]) -> list[Scalar]:
        """Return the activation of each neuron."""
        return [neuron(xs) for neuron in self.neurons]


@final
@frozen
class MLP:
    """Layers one after the other."""

    layers: PVector[Layer]

    def __call__(self, xs: Sequence[Scalar]) -> Scalar:
        """Return the prediction for one sample."""
        for layer in self.layers:
            xs = layer(xs)
        (prediction,) = xs
        return prediction


def create(seed: int, sizes: Sequence[int]) -> MLP:
    """Return the network that the tutorial starts from, its arrays taken apart into numbers."""
    arrays = nn.MLP.create(key(seed), sizes)
    layers = []
    for (n, m), linear in zip(pairwise(sizes), arrays.layers, strict=True):
        weight = linear.weight
        neurons = [Neuron(pvector(float(weight[i, j]) for i in range(n)), 0.0) for j in range(m)]
        layers.append(Layer(pvector(neurons)))
    return MLP(pvector(layers))


def loss(model: MLP) -> Scalar:
    """Return the sum of squared errors."""
    return sum((model(xs) - y) ** 2 for xs, y in zip(INPUTS, TARGETS, strict=True))


def print_predictions(title: str, model: MLP) -> None:
    """Print the prediction for each sample."""
    print(title)
    for i, xs in enumerate(INPUTS):
        print(f"Sample {i}: Prediction = {model(xs):.6f}")


def main() -> None:
    """Train and print."""
    model = create(0, SIZES)
    step = pb.value_and_grad(loss)
    print_predictions("First predictions:", model)
    for epoch in range(EPOCHS + 1):
        value, grads = step(model)
        if epoch % 10 == 0:
            print(f"Epoch {epoch}: Loss = {value:.6f}")
        if epoch < EPOCHS:
            model = tree.map(lambda p, g: p - LEARNING_RATE * g, model, grads)
    print_predictions("Final predictions:", model)


if __name__ == "__main__":
    main()
