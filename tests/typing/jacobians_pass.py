"""Jacobians and Hessians: what must type-check, and to which types."""

from __future__ import annotations

from typing import TypeAlias, assert_type

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
    jacfwd,
    jacobian,
    jacrev,
    laplacian,
    value_and_jacobian,
)

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Single: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float32]]
Singles: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@frozen
class Model:
    weight: Array


def cube(x: float) -> float:
    return x * x * x


def curve(t: float) -> Vector:
    raise NotImplementedError


def field(x: Array, n: int = 0, *, scale: float = 1.0) -> Array:
    return scale * x * n


def plain(x: Vector, y: Vector) -> Vector:
    return x * y


def total(x: Vector) -> np.float64:
    raise NotImplementedError


def single(x: Single) -> Single:
    return x


def predict(model: Model, x: Array) -> Array:
    return pb.sum(model.weight * x)


def predict_all(model: Model) -> dict[str, Array]:
    raise NotImplementedError


def loss(y: dict[str, Array]) -> Array:
    raise NotImplementedError


def one_array_has_an_array(x: Array, v: Vector, s: Single) -> None:
    assert_type(jacobian(field)(x), Array)
    assert_type(jacobian(field)(x, 2, scale=3.0), Array)
    assert_type(jacobian(field, mode="reverse", chunk_size=10)(x, n=2), Array)
    assert_type(jacobian(plain)(v, v), Vector)
    assert_type(jacobian(plain, 1)(v, v), Vector)
    assert_type(jacobian(total)(v), Vector)
    assert_type(jacobian(cube)(2.0), float)
    assert_type(jacobian(curve)(2.0), Vector)
    assert_type(jacobian(single)(s), Singles)
    assert_type(jacfwd(field)(x), Array)
    assert_type(jacrev(total)(v), Vector)
    assert_type(value_and_jacobian(field)(x), tuple[Array, Array])
    assert_type(value_and_jacobian(total)(v), tuple[np.float64, Vector])
    assert_type(hessian(total)(v), Vector)
    assert_type(hessian(field)(x, scale=3.0), Array)
    assert_type(hessian(cube)(1.0), float)


def transforms_stack(x: Array, v: Vector) -> None:
    assert_type(jacobian(jacobian(field))(x, scale=2.0), Array)
    assert_type(jacobian(hessian(total))(v), Vector)
    assert_type(pb.vmap(hessian(field))(x), Array)
    assert_type(hessian(pb.grad(cube))(1.0), float)
    assert_type(jacobian(pb.grad(total))(v), Vector)


def trees_are_objects(model: Model, x: Array) -> None:
    assert_type(jacobian(predict)(model, x), object)
    assert_type(jacobian(predict, 1)(model, x), Array)
    assert_type(jacobian(predict, (0, 1))(model, x), object)
    assert_type(hessian(predict)(model, x), object)
    assert_type(value_and_jacobian(predict_all)(model), tuple[dict[str, Array], object])


def products_have_the_type_of_the_point(model: Model, x: Array, v: Vector) -> None:
    assert_type(hvp(total, v, v), Vector)
    assert_type(hvp(cube, 1.0, 2.0), float)
    assert_type(hvp(lambda m: predict(m, x), model, model), Model)
    assert_type(gauss_newton_product(predict_all, loss, model, model), Model)


def fields_keep_their_signature(x: Array, v: Vector) -> None:
    assert_type(laplacian(total)(v), np.float64)
    assert_type(laplacian(field)(x, 1, scale=2.0), Array)
    assert_type(divergence(plain)(v, v), np.float64)
    assert_type(divergence(field)(x, scale=2.0), Array)
    assert_type(divergence(cube)(1.0), float)
    assert_type(curl(field)(x), Array)
    assert_type(curl(plain)(v, v), Vector | np.float64)
