"""What the rules of control flow share: the parts of a bundle in groups, those that move, rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias, TypeVar

from pullback.core import Array, Program, lift
from pullback.primitives.quantity import Node, Quantity, Value, shape_of
from pullback.primitives.selection import Where
from pullback.primitives.shape import Reshape, Transpose
from pullback.transforms.programs import bare, zeros
from pullback.transforms.vjp import as_node
from pullback.types import ArrayType

T = TypeVar("T")
Flags: TypeAlias = tuple[bool, ...]


def split(parts: Sequence[T], *sizes: int) -> list[list[T]]:
    """Return groups of parts of the given sizes, and the rest."""
    groups: list[list[T]] = []
    start = 0
    for size in sizes:
        groups.append(list(parts[start : start + size]))
        start += size
    return [*groups, list(parts[start:])]


def pick(parts: Iterable[T], flags: Iterable[bool]) -> list[T]:
    """Return the parts whose flag is set."""
    return [part for part, flag in zip(parts, flags, strict=True) if flag]


def present(parts: Iterable[T | None]) -> list[T]:
    """Return the parts that are there."""
    return [part for part in parts if part is not None]


def place(found: Sequence[T], flags: Iterable[bool]) -> list[T | None]:
    """Return the found parts where a flag is set, in their order, and None elsewhere."""
    rest = iter(found)
    return [next(rest) if flag else None for flag in flags]


def inexact(types: Iterable[ArrayType]) -> list[bool]:
    """Return which types have derivatives."""
    return [type_.inexact for type_ in types]


def filled(part: Value, type_: ArrayType) -> Value:
    """Return a tangent or cotangent, or zeros where it is absent."""
    return zeros(type_) if part is None else part


def filled_nodes(parts: Iterable[Array | None], types: Iterable[ArrayType]) -> list[Array]:
    """Return the tangents or cotangents of what has derivatives, zeros where they are absent."""
    return [
        as_node(filled(part, type_))
        for part, type_ in zip(parts, types, strict=True)
        if type_.inexact
    ]


def swap_leading(quantity: Quantity) -> Quantity:
    """Return a quantity with its first two axes exchanged."""
    return Transpose((1, 0, *range(2, len(shape_of(quantity)))))(quantity)


def select_rows(flags: Value, x: Value, y: Value) -> Quantity:
    """Return ``x`` in the rows where a flag is set, else ``y``."""
    rows = Reshape((*shape_of(flags), *(1,) * (len(shape_of(x)) - 1)))(flags)
    return Where()(rows, x, y)


def call(program: Program, quantities: Sequence[Quantity]) -> list[Quantity]:
    """Return the outputs of a program: values, or nodes where an input is one."""
    if any(isinstance(quantity, Node) for quantity in quantities):
        outputs = program.apply([lift(quantity) for quantity in quantities])
        return [bare(node) for node in outputs]
    return program.evaluate(quantities)
