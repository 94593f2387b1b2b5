"""`vmap`, `map_chunked`, `associative_scan`: what must type-check, and to which types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, assert_type

import numpy as np
from attrs import frozen

import pullback as pb
from pullback import Array, associative_scan, map_chunked

Vector: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@frozen
class Model:
    weight: Array

    def __call__(self, x: Array) -> Array:
        return pb.sum(self.weight * x)


def loss(model: Model, x: Array, *, scale: float = 1.0) -> Array:
    return model(x) * scale


def pair(x: float, n: int) -> tuple[float, str]:
    raise NotImplementedError


def signature_stays(model: Model, x: Array, vector: Vector) -> None:
    assert_type(pb.vmap(loss)(model, x), Array)
    assert_type(pb.vmap(loss, (None, 0))(model, x, scale=2.0), Array)
    assert_type(pb.vmap(loss, in_axes=(None, -1), out_axes=1)(model, x=x), Array)
    assert_type(pb.vmap(pair, size=3)(1.0, n=2), tuple[float, str])
    assert_type(pb.vmap(model)(x), Array)
    assert_type(pb.vmap(lambda: vector, size=3)(), Vector)


def axes_are_trees(model: Model, x: Array) -> None:
    assert_type(pb.vmap(loss, ({"weight": 0}, None))(model, x), Array)
    assert_type(pb.vmap(loss, [None, 0], out_axes=None)(model, x), Array)


def transforms_stack(model: Model, x: Array) -> None:
    assert_type(pb.vmap(pb.grad(loss), (None, 0))(model, x), Model)
    assert_type(pb.vmap(pb.vmap(loss, (None, 0)), (0, None))(model, x), Array)
    assert_type(pb.vmap(pb.value_and_grad(loss))(model, x, scale=1.0), tuple[Array, Model])
    mapped: Callable[[float, int], tuple[float, str]] = pb.vmap(pair)


def chunks_keep_the_signature(model: Model, x: Array) -> None:
    assert_type(map_chunked(loss, 10)(model, x, scale=2.0), Array)
    assert_type(map_chunked(loss, 10, in_axes=(None, 0))(model, x), Array)
    assert_type(map_chunked(pair, size=2)(1.0, n=2), tuple[float, str])


def elements_keep_their_type(x: Array, vector: Vector) -> None:
    assert_type(associative_scan(pb.add, x), Array)
    assert_type(associative_scan(lambda a, b: a + b, vector, reverse=True, axis=-1), Vector)
    assert_type(
        associative_scan(lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1]), (x, x)),
        tuple[Array, Array],
    )
