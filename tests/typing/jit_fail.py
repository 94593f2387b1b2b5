"""`jit`: what must not type-check."""

from __future__ import annotations

from attrs import frozen

import pullback as pb
from pullback import Array


@frozen
class Model:
    w: Array

    @pb.jit
    def apply(self, x: Array) -> Array:
        return x @ self.w


def loss(model: Model, x: Array, *, penalty: float) -> Array:
    return pb.sum(model.apply(x) ** 2) + penalty


@pb.jit(static_argnums=1)
def power(x: float, n: int) -> float:
    return x**n


model = Model(pb.ones((3, 2)))
x = pb.ones(3)
step = pb.jit(pb.value_and_grad(loss))
step(x, model, penalty=0.1)  # E: arg-type
step(model, x)  # E: call-arg
step(model, x, penality=0.1)  # E: call-arg
model.apply("text")  # E: arg-type
model.apply()  # E: call-arg
power("text", 2)  # E: arg-type
power(2.0)  # E: call-arg
text: str = power(2.0, 3)  # E: assignment
pb.jit(3)  # E: call-overload
pb.jit(loss, static_argnums="n")  # E: call-overload
pb.jit(loss).lower(model).compile()(model)  # E: call-arg
step.missing  # E: attr-defined
