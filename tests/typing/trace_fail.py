"""Programs: what must not type-check."""

from __future__ import annotations

import pullback as pb
from pullback import Array


def cube(x: float) -> float:
    return x * x * x


def model(x: Array, *, scale: float = 1.0) -> dict[str, Array]:
    return {"y": x * scale}


program = pb.trace(cube, 2.0)
program("text")  # E: arg-type
program()  # E: call-arg
program(1.0, scale=2.0)  # E: call-arg
text: str = program(1.0)  # E: assignment
program.outputs = ()  # E: misc
pb.trace(pb.ones(3))  # E: arg-type
of_model = pb.trace(model, pb.ones(3), scale=2.0)
of_model(pb.ones(3), size=2.0)  # E: call-arg
of_model(pb.ones(3))["y"].undefined  # E: attr-defined
