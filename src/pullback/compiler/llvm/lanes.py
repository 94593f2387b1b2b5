"""Types of several numbers side by side, so that code for scalars is code for vectors, too."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Final, final

from llvmlite import ir

_INT: Final = ir.IntType(32)


@final
class Lanes(ir.VectorType):
    """A vector's type; a constant of it is given as one number, and written as one."""

    def __init__(self, element: ir.Type, count: int) -> None:
        super().__init__(element, count)
        self.intrinsic_name = f"v{count}{element.intrinsic_name}"

    def format_constant(self, value: Sequence[ir.Constant]) -> str:
        """Write a constant."""
        if all(lane is value[0] for lane in value):
            return f"splat ({self.element} {value[0].get_reference()})"
        text: str = super().format_constant(value)
        return text


@functools.lru_cache(maxsize=1024)  # types and their texts are made once
def lanes(kind: ir.Type, count: int) -> ir.Type:
    """Return the type of so many elements; one alone is a scalar."""
    return kind if count == 1 else Lanes(kind, count)


def like(kind: ir.Type, x: ir.Value) -> ir.Type:
    """Return the type of as many elements as a value has."""
    return lanes(kind, x.type.count) if isinstance(x.type, ir.VectorType) else kind


def constant(kind: ir.Type, number: float) -> ir.Constant:
    """Return a number, in each lane."""
    return _constant(kind, number, math.copysign(1.0, number))


@functools.lru_cache(maxsize=4096, typed=True)
def _constant(kind: ir.Type, number: float, _sign: float) -> ir.Constant:
    return ir.Constant(kind, number)


def half(b: ir.IRBuilder, x: ir.Value, which: int) -> ir.Value:
    """Return the first half of the lanes, or the second."""
    assert isinstance(x.type, ir.VectorType), "several lanes"
    count = x.type.count // 2
    if count == 1:
        return b.extract_element(x, ir.Constant(_INT, which))
    return _shuffled(b, x, x, tuple(range(which * count, (which + 1) * count)))


def widened(b: ir.IRBuilder, x: ir.Value, others: ir.Constant, count: int) -> ir.Value:
    """Return the lanes of a vector, or a number, followed by those of ``others``, up to so many."""
    if not isinstance(x.type, ir.VectorType):
        rest = ir.Constant(lanes(x.type, count), others.constant)
        return b.insert_element(rest, x, ir.Constant(_INT, 0))
    have = x.type.count
    return _shuffled(b, x, others, (*range(have), *[have] * (count - have)))


def _shuffled(b: ir.IRBuilder, x: ir.Value, y: ir.Value, places: tuple[int, ...]) -> ir.Value:
    found = b.shuffle_vector(x, y, _mask(places))
    assert isinstance(x.type, ir.VectorType), "lanes of a vector"
    found.type = lanes(x.type.element, len(places))  # llvmlite has its own type of vectors there
    return found


@functools.lru_cache(maxsize=1024)
def _mask(places: tuple[int, ...]) -> ir.Constant:
    return ir.Constant(ir.VectorType(_INT, len(places)), list(places))
