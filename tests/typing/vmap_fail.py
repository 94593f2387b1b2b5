"""`vmap`, `map_chunked`, `associative_scan`: what type checkers must reject."""

from __future__ import annotations

from attrs import frozen

import pullback as pb
from pullback import Array, associative_scan, map_chunked


@frozen
class Model:
    weight: Array


def loss(model: Model, x: Array, *, scale: float = 1.0) -> Array:
    raise NotImplementedError


def longest(a: str, b: str) -> str:
    raise NotImplementedError


def arguments_are_checked(model: Model, x: Array) -> None:
    pb.vmap(loss)(model)  # E: call-arg
    pb.vmap(loss)(x, model)  # E: arg-type
    pb.vmap(loss)(model, "text")  # E: arg-type
    pb.vmap(loss, (None, 0))(model, x, scale="text")  # E: arg-type
    pb.vmap(loss)(model, x, size=3)  # E: call-arg
    pb.vmap(loss, 0, 0, 3)  # E: call-arg
    pb.vmap(loss, size=2.5)  # E: arg-type
    pb.vmap(3)  # E: arg-type


def results_are_checked(model: Model, x: Array) -> None:
    text: str = pb.vmap(loss)(model, x)  # E: assignment
    vector: Array = pb.vmap(pb.grad(loss))(model, x)  # E: assignment


def chunks_are_checked(model: Model, x: Array) -> None:
    map_chunked(loss)  # E: call-arg
    map_chunked(loss, "ten")  # E: arg-type
    map_chunked(loss, 10)(model)  # E: call-arg
    map_chunked(loss, 10)(x, model)  # E: arg-type


def elements_are_checked(x: Array) -> None:
    associative_scan(longest, x)  # E: arg-type
    associative_scan(pb.add, x, axis="rows")  # E: arg-type
    associative_scan(pb.add, x, True)  # E: call-arg
    associative_scan(pb.sin, x)  # E: arg-type
