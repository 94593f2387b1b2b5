"""Constant arrays with the same number everywhere: elementwise steps take the number.

Such arrays come from the derivative of a sum. As numbers they stand in the code; as arrays they
would be read from memory.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import evolve

from pullback.core.program import Program
from pullback.primitives.elementwise import Elementwise
from pullback.primitives.quantity import Value

_FIRST: Final = 64  # elements that are looked at before all are


def uniform(program: Program) -> Program:
    """Put a number in the place of an array, where all that reads it is elementwise.

    Before -> after:
        c: float64[3] = [2., 2., 2.], b = c * a  ->  c: float64[] = 2., b = c * a

    It stays an array where a result has its shape from it alone.
    """
    first = len(program.inputs)
    found = {
        number: element
        for number, value in enumerate(program.constants, first)
        if isinstance(value, np.ndarray)
        and number not in program.outputs
        and (element := _element(value)) is not None
    }
    if not found:
        return program
    for (primitive, operands), type_ in zip(program.steps, program.types, strict=True):
        inner = found.keys() & operands
        if inner and not (
            isinstance(primitive, Elementwise)
            and any(program.type_at(n).shape == type_.shape for n in operands if n not in found)
        ):
            for number in inner:
                del found[number]
    values = enumerate(program.constants, first)
    return evolve(program, constants=tuple([found.get(n, value) for n, value in values]))


def _element(array: np.ndarray) -> Value | None:
    """Return the number that all elements are, bit for bit; None if they are not."""
    if array.size < 2 or array.itemsize > 8 or array.dtype.kind not in "biuf":
        return None
    once = array[tuple([slice(None if step else 1) for step in array.strides])].reshape(-1)
    bits = once.view(f"u{array.itemsize}")
    same = (bits[:_FIRST] == bits[0]).all() and (bits == bits[0]).all()
    return once[0] if same else None
