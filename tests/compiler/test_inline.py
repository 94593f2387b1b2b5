"""Calls written out, wherever they stand."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.call import Compiled
from pullback.compiler.control import everywhere
from pullback.compiler.executable import compile_program
from pullback.compiler.passes.inline import inline
from pullback.control.custom import Custom, Residuals
from pullback.control.parts import call_bundled
from pullback.core import Array, Program
from pullback.core.program import held_programs
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value

POINT = np.linspace(0.5, 1.5, 3)


def compiled(program: Program, *nodes: Array) -> list[Array]:
    """Call a program as a compiled function that is traced does."""
    return call_bundled(Compiled(program, (True,) * len(nodes)), nodes)


INNER = pb.trace(lambda x: (pb.sin(x) * 2, x + 3), POINT)
OUTER = pb.trace(lambda x: compiled(INNER, compiled(INNER, x)[0] * 5)[1], POINT)


doubled = pb.custom_vjp(
    pb.sin, lambda x: (pb.sin(x), pb.cos(x)), lambda slope, y_bar: (slope * y_bar,)
)


def nested(x: Value) -> object:
    def step(carry: Array, row: Array) -> tuple[Array, Array]:
        a, b = compiled(INNER, carry * row)
        return a, b

    return pb.scan(step, x, pb.stack([x, x + 1]))


CASES = {
    "two results": lambda x: compiled(INNER, x),
    "one of two": lambda x: compiled(INNER, x)[1],
    "calls in a call": lambda x: compiled(OUTER, x)[0] + 1,
    "in a loop": nested,
    "a loop in a call": lambda x: compiled(pb.trace(nested, POINT), x),
    "a custom function": doubled,
    "its derivative": pb.grad(lambda x: pb.sum(doubled(x) ** 2)),
    "the derivative of a call": pb.grad(lambda x: pb.sum(compiled(INNER, x)[0])),
}


def primitives(program: Program) -> list[Primitive]:
    """All primitives of a program and of those that it holds."""
    found = [primitive for primitive, _ in program.steps]
    for primitive in list(found):
        for _, inner in held_programs(primitive):
            found += primitives(inner)
    return found


@pytest.mark.parametrize("name", CASES)
def test_no_call_is_left_and_the_result_is_the_same(name: str) -> None:
    program = pb.trace(CASES[name], POINT)
    written = everywhere(inline)(program)
    written.type_check()
    assert not any(isinstance(p, (Compiled, Custom, Residuals)) for p in primitives(written))
    for found in (written.evaluate([POINT]), compile_program(program).run([POINT])):
        for x, y in zip(found, program.evaluate([POINT]), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-14)
