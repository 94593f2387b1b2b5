"""The transforms: what must type-check, and to which types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, assert_type

import numpy as np
from attrs import frozen
from pyrsistent import PMap, PVector

import pullback as pb
from pullback import Array, Pullback

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@frozen
class Layer:
    weight: Array
    bias: Array

    def norm(self, scale: Array) -> Array:
        return scale * pb.sum(self.weight * self.weight)

    @pb.grad
    def slope(self, x: Array) -> Array:
        return pb.sum(self.weight * x)

    def __call__(self, x: Array) -> Array:
        return pb.sum(x)


@frozen
class MLP:
    layers: PVector[Layer]


def cube(x: float) -> float:
    return x * x * x


def loss(model: MLP, x: Array, *, scale: float = 1.0) -> Array:
    raise NotImplementedError


def three(x: float, y: Vector, z: MLP, *, flag: bool = True) -> np.float64:
    raise NotImplementedError


def with_aux(x: float, n: int) -> tuple[float, str]:
    raise NotImplementedError


def signature_stays(model: MLP, x: Array) -> None:
    assert_type(pb.grad(cube)(3.0), float)
    assert_type(pb.grad(cube)(3), float)
    assert_type(pb.grad(loss)(model, x), MLP)
    assert_type(pb.grad(loss)(model, x, scale=2.0), MLP)
    assert_type(pb.grad(loss)(model, x=x), MLP)
    assert_type(pb.grad(loss, 1)(model, x, scale=2.0), Array)
    assert_type(pb.grad(loss, unused="error")(model, x), MLP)
    assert_type(pb.value_and_grad(loss)(model, x), tuple[Array, MLP])
    assert_type(pb.value_and_grad(cube)(3.0), tuple[float, float])


def transforms_stack() -> None:
    assert_type(pb.grad(pb.grad(cube))(3.0), float)
    assert_type(pb.grad(pb.grad(pb.grad(cube)))(3.0), float)
    assert_type(pb.value_and_grad(pb.grad(cube))(3.0), tuple[float, float])
    second: Callable[[float], float] = pb.grad(pb.grad(cube))
    square: Callable[[float], float] = pb.grad(lambda x: x * x)


def literal_positions_select_types(model: MLP, vector: Vector) -> None:
    assert_type(pb.grad(three)(1.0, vector, model), float)
    assert_type(pb.grad(three, 1)(1.0, vector, model), Vector)
    assert_type(pb.grad(three, argnums=2)(1.0, vector, model, flag=False), MLP)
    assert_type(pb.grad(three, (0,))(1.0, vector, model), tuple[float])
    assert_type(pb.grad(three, (0, 1))(1.0, vector, model), tuple[float, Vector])
    assert_type(pb.grad(three, (0, 2))(1.0, vector, model), tuple[float, MLP])
    assert_type(pb.grad(three, (1, 2))(1.0, vector, model), tuple[Vector, MLP])
    assert_type(pb.grad(three, (0, 1, 2))(1.0, vector, model), tuple[float, Vector, MLP])
    assert_type(
        pb.value_and_grad(three, (0, 1))(1.0, vector, model),
        tuple[np.float64, tuple[float, Vector]],
    )
    assert_type(pb.value_and_grad(three, argnums=2)(1.0, vector, model), tuple[np.float64, MLP])


def other_positions_and_names_give_objects(model: MLP, x: Array, vector: Vector) -> None:
    assert_type(pb.grad(three, (2, 0))(1.0, vector, model), tuple[object, ...])
    assert_type(pb.grad(loss, argnames=("scale",))(model, x, scale=1.0), dict[str, object])
    assert_type(pb.grad(loss, argnames="scale")(model, x, scale=1.0), object)
    assert_type(pb.grad(loss, 0, argnames="scale")(model, x, scale=1.0), object)
    assert_type(
        pb.value_and_grad(loss, argnames=("scale",))(model, x, scale=1.0),
        tuple[Array, dict[str, object]],
    )


def auxiliary_results_keep_their_types() -> None:
    assert_type(pb.grad(with_aux, has_aux=True)(1.0, 2), tuple[float, str])
    assert_type(
        pb.value_and_grad(with_aux, has_aux=True)(1.0, n=2), tuple[tuple[float, str], float]
    )
    assert_type(pb.grad(with_aux, (0,), has_aux=True)(1.0, 2), tuple[tuple[float], str])


def methods_and_callable_objects_are_functions(layer: Layer, x: Array) -> None:
    assert_type(pb.grad(layer.norm)(x), Array)
    assert_type(layer.slope(x), Layer)
    assert_type(Layer.slope(layer, x), Layer)
    assert_type(pb.grad(layer)(x), Array)


def pullback_takes_what_the_function_returns(layer: Layer, x: Array) -> None:
    y, pullback = pb.vjp(layer.norm, x)
    assert_type(y, Array)
    assert_type(pullback, Pullback[Array, Array])
    assert_type(pullback(y), Array)
    value, back = pb.vjp(cube, 2.0)
    assert_type(back(value), float)


def explicit_form_is_typed(model: MLP) -> None:
    v = pb.variable(2.0, "v")
    assert_type(v, Array)
    assert_type(pb.gradients(v * v, [v]), PMap[Array, Array])
    assert_type(pb.gradients(v * v, [v])[v], Array)
    assert_type(pb.stop_gradient(model), MLP)
    assert_type(pb.stop_gradient(2.0), float)


@pb.grad
def decorated(x: float, *, power: int) -> float:
    return x**power


assert_type(decorated(2.0, power=3), float)
