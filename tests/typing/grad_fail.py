"""The transforms: what must not type-check."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from attrs import frozen

import pullback as pb
from pullback import Array

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@frozen
class MLP:
    weight: Array


@frozen
class Other:
    weight: Array


def cube(x: float) -> float:
    return x * x * x


def loss(model: MLP, x: Array, *, scale: float = 1.0) -> Array:
    return pb.sum(model.weight * x) * scale


def with_aux(x: float) -> tuple[float, str]:
    return x, "aux"


def text(x: float) -> str:
    return str(x)


def imaginary(x: float) -> complex:
    return 1j * x


def pair(x: float, y: Vector) -> float:
    raise NotImplementedError


def main(model: MLP, other: Other, x: Array, vector: Vector) -> None:
    # The signature of the function stays.
    pb.grad(loss)(other, x)  # E: arg-type
    pb.grad(loss)(model)  # E: call-arg
    pb.grad(loss)(model, x, scalee=2.0)  # E: call-arg
    pb.grad(loss)(model, x, scale="large")  # E: arg-type
    pb.grad(loss)(model, x, 2.0)  # E: call-arg
    pb.value_and_grad(loss)(other, x)  # E: arg-type
    pb.value_and_grad(loss)(model)  # E: call-arg
    pb.grad(pb.grad(cube))("text")  # E: arg-type
    pb.grad(cube)(x=3.0)  # E: call-arg

    # The gradient has the type of the argument.
    wrong: Other = pb.grad(loss)(model, x)  # E: assignment
    pb.grad(loss)(model, x).bias  # E: attr-defined
    value, _ = pb.value_and_grad(loss)(model, x)
    loss(value, x)  # E: arg-type
    numbers: float = pb.value_and_grad(cube)(3.0)  # E: assignment
    pb.grad(pair, (0, 1))(1.0, vector)[2]  # E: misc
    pb.grad(pair, 1)(1.0, vector).upper()  # E: attr-defined

    # A function with a gradient returns a number.
    pb.grad(text)  # E: type-var
    pb.grad(imaginary)  # E: type-var
    pb.grad(with_aux)  # E: type-var
    pb.grad(cube, has_aux=True)  # E: call-overload
    pb.grad(pb.grad(loss))  # E: type-var
    pb.value_and_grad(text)  # E: type-var

    # Positions exist, and what to do about unused leaves is one of two words.
    pb.grad(cube, 1)  # E: call-overload
    pb.grad(pair, 2)  # E: call-overload
    pb.grad(cube, unused="warn")  # E: call-overload
    pb.grad(loss, argnames=3)  # E: call-overload

    # No Any: what has no known type has to be asked for it.
    pb.grad(loss, argnames="scale")(model, x).real  # E: attr-defined
    pb.grad(loss, argnames=("scale",))(model, x)["scale"] + 1.0  # E: operator

    # The pullback takes what the function returns.
    _, pullback = pb.vjp(cube, 2.0)
    pullback("text")  # E: arg-type
    pullback(1.0).weight  # E: attr-defined
    pb.vjp(cube, "text")  # E: arg-type

    pb.gradients(2.0, [x])  # E: arg-type
    pb.gradients(x, [2.0])  # E: list-item
    pb.stop_gradient(model).bias  # E: attr-defined
    pb.variable("text")  # E: arg-type
