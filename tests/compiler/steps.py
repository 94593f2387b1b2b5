"""One step, or one function, as native code and by NumPy: what the tables of native rules share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import pullback as pb
from pullback.compiler.executable import Executable, compile_program
from pullback.compiler.kinds import Kind
from pullback.core import Program
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.types import type_of


def step(primitive: Primitive, *values: Value) -> Program:
    """Return the program of one step."""
    types = tuple(map(type_of, values))
    numbers = tuple(range(len(values)))
    return Program(types, (), ((primitive, numbers),), (primitive.infer(*types),), (len(values),))


def assert_native(compiled: Executable) -> None:
    """NumPy has no part in it."""
    assert Kind.HOST not in {kernel.kind for kernel in compiled.plan.kernels}


def agree(program: Program, *values: Value, tolerance: float = 0.0) -> Executable:
    """Compile and run twice; compare class, dtype and shape, and the numbers bit for bit.

    With a tolerance the numbers are close; nan and infinities are in the same places, always.
    """
    compiled = compile_program(program)
    with np.errstate(all="ignore"):
        expected = program.evaluate(values)
        for found in (compiled.run(values), compiled.run(values)):
            for x, y in zip(found, expected, strict=True):
                _compare(x, y, tolerance)
    return compiled


def native(function: Callable[..., object], *values: Value, tolerance: float = 0.0) -> Executable:
    """Do the same with a function; NumPy has no part in its native code."""
    compiled = agree(pb.trace(function, *values), *values, tolerance=tolerance)
    assert_native(compiled)
    return compiled


def native_step(primitive: Primitive, *values: Value, tolerance: float = 0.0) -> Executable:
    """Do the same with one step."""
    compiled = agree(step(primitive, *values), *values, tolerance=tolerance)
    assert_native(compiled)
    return compiled


def _compare(found: Value, expected: Value, tolerance: float) -> None:
    assert type(found) is type(expected)
    x, y = np.asarray(found), np.asarray(expected)
    assert (x.dtype, x.shape) == (y.dtype, y.shape)
    if tolerance == 0.0:
        np.testing.assert_array_equal(x, y)
        if x.dtype.kind == "f":
            zero = y == 0
            np.testing.assert_array_equal(np.signbit(x[zero]), np.signbit(y[zero]))
    else:
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)
