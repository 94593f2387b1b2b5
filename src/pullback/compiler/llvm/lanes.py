"""Types of several numbers side by side, so that code for scalars is code for vectors, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from llvmlite import ir


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


def lanes(kind: ir.Type, count: int) -> ir.Type:
    """Return the type of so many elements; one alone is a scalar."""
    return kind if count == 1 else Lanes(kind, count)


def like(kind: ir.Type, x: ir.Value) -> ir.Type:
    """Return the type of as many elements as a value has."""
    return Lanes(kind, x.type.count) if isinstance(x.type, ir.VectorType) else kind
