"""`jit`: what must type-check, and to which types."""

from __future__ import annotations

from typing import assert_type

import numpy as np
from attrs import frozen

import pullback as pb
from pullback import Array, CompiledFunction, Jitted, Lowered, Program


@frozen
class Model:
    w: Array
    b: Array

    @pb.jit
    def apply(self, x: Array, scale: float = 1.0) -> Array:
        return (x @ self.w + self.b) * scale


def loss(model: Model, x: Array, *, penalty: float) -> Array:
    return pb.sum(model.apply(x) ** 2) + penalty


def cube(x: float) -> float:
    return x * x * x


@pb.jit
def square(x: float, y: str = "text") -> float:
    return x * len(y)


@pb.jit(static_argnames="n", donate_argnums=0)
def power(x: float, n: int) -> float:
    return x**n


model = Model(pb.ones((3, 2)), pb.zeros(2))
x = pb.ones(3)

assert_type(pb.jit(cube)(2.0), float)
assert_type(square(2.0, y="a"), float)
assert_type(power(2.0, n=3), float)
assert_type(pb.jit(loss)(model, x, penalty=0.1), Array)
assert_type(pb.jit(pb.value_and_grad(loss))(model, x, penalty=0.1), tuple[Array, Model])
assert_type(pb.grad(pb.jit(loss))(model, x, penalty=0.1), Model)
assert_type(pb.grad(pb.jit(cube))(2.0), float)
assert_type(pb.vmap(pb.jit(cube))(2.0), float)
assert_type(pb.jit(pb.jit(cube))(2.0), float)

assert_type(model.apply(x), Array)
assert_type(model.apply(x, scale=2.0), Array)
assert_type(Model.apply(model, x), Array)

lowered = pb.jit(cube).lower(2.0)
assert_type(lowered.program(2.0), float)
assert_type(lowered.compile()(2.0), float)
assert_type(square.explain(2.0), str)
assert_type([record.reason for record in square.traces], list[str])


def report(function: Jitted[[float], float]) -> str:
    low: Lowered[[float], float] = function.lower(np.float64(1.0))
    program: Program[[float], float] = low.program
    compiled: CompiledFunction[[float], float] = low.compile()
    return f"{program}{compiled.times}{compiled.assembly}"


report(pb.jit(cube))
