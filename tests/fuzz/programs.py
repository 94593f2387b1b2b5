"""Random programs: straight-line code over the public functions, that NumPy can run as well."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Final, final

import numpy as np
from attrs import frozen

from pullback.primitives.quantity import Value
from tests.fuzz.operations import BINARY, UNARY, Operation

_SHAPES: Final = [
    (),
    (),
    (1,),
    (3,),
    (3,),
    (2, 3),
    (3, 3),
    (3, 3),
    (1, 3),
    (2, 1),
    (0,),
    (2, 0),
    (2, 1, 3),
]
_LARGEST: Final = 60  # elements of a value


@final
@frozen
class Program:
    """Inputs, steps that each make a value from earlier ones, and weights of what is returned."""

    inputs: tuple[Value, ...]
    constants: tuple[Value, ...]
    steps: tuple[tuple[Operation, tuple[int, ...]], ...]
    #: How the elements of the last values enter the result; None for those that do not.
    weights: tuple[Value | None, ...]

    def values(self, xp: ModuleType, inputs: Sequence[Value]) -> list[Value]:
        """Run the program: inputs, constants and the results of all steps."""
        values = [*inputs, *self.constants]
        with np.errstate(all="ignore"):  # a branch that is not taken may leave the reals
            for operation, operands in self.steps:
                values.append(operation(xp, *[values[i] for i in operands]))
        return values

    def outputs(self, xp: ModuleType, inputs: Sequence[Value]) -> list[Value]:
        """Run the program for its inexact results, which its weights go with."""
        values = self.values(xp, inputs)
        return [v for v, w in zip(values, self.weights, strict=True) if w is not None]

    def loss(self, xp: ModuleType, inputs: Sequence[Value]) -> Value:
        """Run the program and add up its results, each element with its weight."""
        outputs = self.outputs(xp, inputs)
        weights = [w for w in self.weights if w is not None]
        terms = [xp.sum(xp.real(v * np.conj(w))) for v, w in zip(outputs, weights, strict=True)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total


def numbers(r: random.Random, shape: tuple[int, ...], *, complex_: bool = False) -> Value:
    """Numbers between -1 and 1."""
    count = int(np.prod(shape))
    x = np.array([r.uniform(-1, 1) for _ in range(count)], np.float64).reshape(shape)
    return x + 1j * numbers(r, shape) if complex_ else x[()]


def random_program(r: random.Random, length: int) -> Program:
    """Draw a program."""
    complex_ = r.random() < 0.25
    inputs = [
        numbers(r, r.choice(_SHAPES), complex_=complex_ and r.random() < 0.7) for _ in range(2)
    ]
    if r.random() < 0.3:
        inputs[0] = r.uniform(-1, 1)
    constants: list[Value] = [
        numbers(r, r.choice(_SHAPES)),
        r.choice([2, 0.5, True, -1, 1.0]),
        r.choice([np.array([1, 0, 2]), np.array([[True], [False]]), np.int32(2), np.float64(-0.5)]),
    ]
    if isinstance(inputs[0], np.ndarray):
        constants.append(numbers(r, r.choice(_SHAPES)).astype(np.float32))
    values = [*inputs, *constants]
    steps: list[tuple[Operation, tuple[int, ...]]] = []
    while len(steps) < length:
        makers = r.choice([UNARY, BINARY])
        # Late values more often than early ones.
        operands = tuple(
            max(r.randrange(len(values)), r.randrange(len(values)))
            for _ in range(1 if makers is UNARY else 2)
        )
        drawn = r.choice(makers)(r, *[values[i] for i in operands])
        operation = drawn and _bounded(r, drawn, [values[i] for i in operands])
        if operation is not None:
            steps.append((operation, operands))
            with np.errstate(all="ignore"):
                values.append(operation(np, *[values[i] for i in operands]))
    weights = [
        _weights(r, v) if k >= len(values) - 3 or k == 0 else None for k, v in enumerate(values)
    ]
    return Program(tuple(inputs), tuple(constants), tuple(steps), tuple(weights))


def _weights(r: random.Random, value: Value) -> Value | None:
    kind = np.asarray(value).dtype.kind
    return numbers(r, np.shape(value), complex_=kind == "c") if kind in "fc" else None


def _bounded(r: random.Random, operation: Operation, operands: Sequence[Value]) -> Operation | None:
    """Return an operation that NumPy can do, with its result scaled to be below 1; else None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = np.asarray(operation(np, *operands))
    except (TypeError, ValueError, IndexError):
        return None
    largest = np.abs(result).max(initial=0) if result.dtype.kind in "fc" else 0
    if result.size > _LARGEST or not np.isfinite(largest) or result.dtype == np.float16:
        return None
    if largest < 1:
        return operation
    scale = r.uniform(0.7, 1) / float(largest)  # a random one, lest two results tie at 1
    return lambda xp, *operands: operation(xp, *operands) * scale
