"""Is eager scalar code as fast as micrograd's?

The gradient of the tutorial's loss, every weight a number of its own: the example
`examples/tutorial_scalar.py` against the same network in micrograd 0.1.0 (given a tanh, which it
lacks, written in its own style).

    python -m benchmarks.scalar
"""

from __future__ import annotations

import math
import runpy
from collections.abc import Sequence
from pathlib import Path

from micrograd.engine import Value

import pullback as pb
from benchmarks.timing import interleave, table
from pullback import tree
from pullback.cli import INPUTS, TARGETS

EXAMPLE = Path(__file__).parent.parent / "examples" / "tutorial_scalar.py"


def tanh(x: Value) -> Value:
    """Return tanh as a micrograd operation."""
    out = Value(math.tanh(x.data), (x,), "tanh")

    def backward() -> None:
        x.grad += (1 - out.data**2) * out.grad

    out._backward = backward  # noqa: SLF001 - micrograd's own way
    return out


def main() -> None:
    """Measure and print."""
    example = runpy.run_path(str(EXAMPLE))
    model = example["create"](0, example["SIZES"])
    ours = pb.value_and_grad(example["loss"])
    theirs = [
        [([Value(w) for w in neuron.weights], Value(neuron.bias)) for neuron in layer.neurons]
        for layer in model.layers
    ]
    parameters = [p for layer in theirs for weights, bias in layer for p in (*weights, bias)]

    def predict(inputs: Sequence[float]) -> Value:
        xs: list[Value] = list(inputs)
        for layer in theirs:
            outs: list[Value] = []
            for weights, bias in layer:
                total = bias
                for weight, x in zip(weights, xs, strict=True):
                    total = total + weight * x
                outs.append(tanh(total))
            xs = outs
        return xs[0]

    def micrograd() -> float:
        loss: Value = sum((predict(xs) - y) ** 2 for xs, y in zip(INPUTS, TARGETS, strict=True))
        for p in parameters:
            p.grad = 0
        loss.backward()
        value: float = loss.data
        return value

    value, grads = ours(model)
    assert math.isclose(value, micrograd())
    for mine, p in zip(tree.leaves(grads), parameters, strict=True):
        assert isinstance(mine, float)
        assert math.isclose(mine, p.grad, rel_tol=1e-9, abs_tol=1e-12)
    jobs = {"pullback": lambda: ours(model), "micrograd": micrograd}
    table("value and gradient of the scalar tutorial, 41 weights", interleave(jobs, rounds=100))


if __name__ == "__main__":
    main()
