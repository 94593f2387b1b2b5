"""Jacobians and Hessians: what must not type-check."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from attrs import frozen

import pullback as pb
from pullback import (
    Array,
    curl,
    divergence,
    gauss_newton_product,
    hessian,
    hvp,
    jacobian,
    jacrev,
    laplacian,
    value_and_jacobian,
)

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@frozen
class Model:
    weight: Array


def field(x: Array, *, scale: float = 1.0) -> Array:
    return scale * x


def total(x: Vector) -> np.float64:
    raise NotImplementedError


def predict(model: Model) -> Array:
    return pb.sum(model.weight)


def text(x: float) -> str:
    return str(x)


def main(model: Model, x: Array, v: Vector) -> None:
    # The signature of the function stays.
    jacobian(field)(v)  # E: arg-type
    jacobian(field)(x, 2.0)  # E: call-arg
    jacobian(field)(x, scalee=2.0)  # E: call-arg
    jacobian(field)(x, scale="large")  # E: arg-type
    jacobian(predict)(x)  # E: arg-type
    hessian(total)("text")  # E: arg-type
    laplacian(field)(x, scale="large")  # E: arg-type
    value_and_jacobian(field)()  # E: call-arg

    # What is known of the result is known.
    wrong: float = jacobian(field)(x)  # E: assignment
    jacobian(predict)(model).weight  # E: attr-defined
    hvp(total, v, v).weight  # E: attr-defined

    # Modes and sizes.
    jacobian(field, mode="backward")  # E: call-overload
    jacobian(field, argnums="x")  # E: call-overload
    jacrev(field, chunk_size=0.5)  # E: call-overload
    jacrev(field, holomorphic=True)  # E: call-overload

    # A Hessian is of one number, and a product takes two of a kind.
    hessian(text)  # E: type-var, arg-type
    hvp(total, v, "text")  # E: arg-type
    hvp(text, 1.0, 1.0)  # E: type-var
    gauss_newton_product(predict, total, model, model)  # E: misc

    # A vector field returns what it takes.
    divergence(total)  # E: type-var, arg-type
    curl(predict)  # E: type-var
