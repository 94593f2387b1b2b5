"""Programs: what must type-check, and to which types."""

from __future__ import annotations

from typing import assert_type

import numpy as np

import pullback as pb
from pullback import Array, Program
from pullback.types import ArrayType


def cube(x: float) -> float:
    return x * x * x


def model(x: Array, *, scale: float = 1.0) -> dict[str, Array]:
    return {"y": x * scale}


program = pb.trace(cube, 2.0)
assert_type(program(3.0), float)
assert_type(program.inputs, tuple[ArrayType, ...])
assert_type(str(program), str)

of_type = pb.trace(model, ArrayType((3,), np.dtype("f8")), scale=2.0)
assert_type(of_type(pb.ones(3), scale=1.0), dict[str, Array])
assert_type(pb.vmap(of_type)(pb.ones((2, 3))), dict[str, Array])


def steps(program: Program) -> int:
    """Take a program of any parameters."""
    assert_type(program(1.0, "text", key=None), object)
    return len(program.steps)


steps(program)
steps(of_type)
