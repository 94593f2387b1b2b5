"""The two floating-point formats, and coefficients for each."""

from __future__ import annotations

import math
from typing import Final, final

from attrs import frozen
from llvmlite import ir


@final
@frozen(eq=False, repr=False)
class Format:
    """A floating-point format of IEEE 754."""

    type: ir.Type
    integer: ir.IntType
    width: int  #: all bits
    fraction: int  #: bits of the significand that are stored
    bias: int

    @property
    def precision(self) -> int:
        """Bits of the significand, with the hidden one."""
        return self.fraction + 1

    @property
    def smallest_normal(self) -> float:
        """The least positive number of full precision."""
        return math.ldexp(1, 1 - self.bias)


SINGLE: Final = Format(ir.FloatType(), ir.IntType(32), 32, 23, 127)
DOUBLE: Final = Format(ir.DoubleType(), ir.IntType(64), 64, 52, 1023)


@final
@frozen
class Coefficients:
    """The coefficients of a polynomial, lowest first, for each format."""

    single: tuple[float, ...]
    double: tuple[float, ...]

    def of(self, form: Format) -> tuple[float, ...]:
        """Return the coefficients for a format."""
        return self.single if form is SINGLE else self.double
