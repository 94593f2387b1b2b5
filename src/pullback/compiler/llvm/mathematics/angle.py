"""Reduction of angles: x = n·π/2 + r with |r| ≤ π/4, for every x.

Two reductions. The quick one takes multiples of three parts of π/2 from x (W. J. Cody and W. Waite,
"Software Manual for the Elementary Functions", 1980) and is right for |x| below `BOUND`. The
complete one multiplies x by the bits of 2/π that matter (M. H. Payne and R. N. Hanek, "Radian
reduction for trigonometric functions", 1983): bits of so great a weight that the product with x is
a multiple of 4 are left out, and so are those beyond the precision. They are gathered from a table
of 176 bytes, from any bit on, in pieces that are numbers of 48 bits; so this too is straight-line
code.
"""

from __future__ import annotations

import math
from typing import Final

from llvmlite import ir

from pullback.compiler.llvm.mathematics.formats import DOUBLE, SINGLE
from pullback.compiler.llvm.mathematics.pairs import (
    Pair,
    exact_product,
    exact_sum,
    fast_sum,
    multiply,
)
from pullback.compiler.llvm.mathematics.real import Bits, Real, muladd, nearest, where
from pullback.compiler.llvm.mathematics.rounding import rint

#: Below this the quick reduction is right: n has at most 20 bits.
BOUND: Final = 2.0**20
TWO_OVER_PI: Final = 0.6366197723675814
#: π/2 in parts: the first of 33 bits, so that its products with n are exact.
PARTS: Final = (1.5707963267341256, 6.077100506506192e-11, 3.5215598651832e-27)
#: π/2 to twice the precision.
HALF_PI: Final = (1.5707963267948966, 6.123233995736766e-17)

#: How many zeros stand before the bits of 2/π: a piece may start before its first bit.
_ZEROS: Final = 56
#: The sign and the fraction of a double.
_NO_EXPONENT: Final = (1 << 63) | ((1 << 52) - 1)
_TABLE: Final = "pullback.two_over_pi"
_TABLE_BYTES: Final = 176


def reduce(x: Real) -> tuple[Bits, Pair]:
    """Return n modulo 4, in the lowest bits, and r in double precision; nan for infinite x."""
    scope = x.scope
    if scope.guards is None:
        return _complete(x.widened(), single=x.form is SINGLE)
    scope.guards.append((abs(x) > BOUND).value)
    return _quick(x.widened(), single=x.form is SINGLE)


def _quick(x: Real, *, single: bool) -> tuple[Bits, Pair]:
    first, second, third = PARTS
    n, bits = nearest(x, TWO_OVER_PI)
    top = muladd(n, -first, x)  # exact
    if single:
        return bits, Pair(muladd(n, -second, top), x.of(0.0))
    part = exact_product(n, second)
    r = fast_sum(top, -part.hi)
    return bits, Pair(r.hi, r.lo - muladd(n, third, part.lo))


def _complete(x: Real, *, single: bool) -> tuple[Bits, Pair]:
    """Multiply the significand m by pieces of 2/π, scaled by x's exponent."""
    fraction = 23 if single else 52
    exponent = (x.bits() >> 52) & 0x7FF
    above = exponent - (DOUBLE.bias - 1)
    small = abs(x) < 0.75
    above = above.where(~small, 0)
    m = ((x.bits() & _NO_EXPONENT) | (DOUBLE.bias << 52)).real()
    # The first piece starts after the bit of weight 2^(e - fraction - 2) in 2/π, e of x = m·2ᵉ:
    # times x, the bits before it are multiples of 4. Its last bit thus weighs 2^(fraction - 46).
    start = above + (_ZEROS - 1 - fraction - 2)
    weight = fraction + 2 - 48
    pieces = [_piece(start, 6 * k, weight - 48 * k) for k in range(2 if single else 4)]
    n, turn = _single_turn(m, pieces) if single else _double_turn(m, pieces)
    valid = where(abs(x) < math.inf, x.of(0.0), math.nan)
    if single:
        return n.where(~small, 0), Pair(where(small, x, turn.hi * HALF_PI[0]) + valid, valid)
    half_pi = Pair(x.of(HALF_PI[0]), x.of(HALF_PI[1]))
    r = multiply(turn, half_pi)
    return n.where(~small, 0), Pair(where(small, x, r.hi) + valid, where(small, valid, r.lo))


def _single_turn(m: Real, pieces: list[Real]) -> tuple[Bits, Pair]:
    """Return m·Σ pieces as a whole number and a fraction; 24 bits of m, two pieces."""
    top = exact_product(m, pieces[0])
    n, bits = nearest(top.hi)
    return bits, Pair((top.hi - n) + muladd(m, pieces[1], top.lo), m.of(0.0))


def _double_turn(m: Real, pieces: list[Real]) -> tuple[Bits, Pair]:
    """Return m·Σ pieces as a whole number modulo 4 and a fraction; 53 bits of m, four pieces.

    The first product is below 2^56. Its low part and the second product are below 2^9, and of the
    others' sum the fraction needs about 62 bits more than it has itself.
    """
    first, second, third = (exact_product(m, piece) for piece in pieces[:3])
    quarters = first.hi - rint(first.hi * 0.25) * 4.0
    total = exact_sum(quarters + first.lo, second.hi)
    n, bits = nearest(total.hi)
    middle = exact_sum(second.lo, third.hi)
    rest = exact_sum(middle.hi, total.lo)
    tail = middle.lo + rest.lo + muladd(m, pieces[3], third.lo)
    turn = exact_sum(total.hi - n, rest.hi)
    return bits, fast_sum(turn.hi, turn.lo + tail)


def _piece(start: Bits, offset: int, weight: int) -> Real:
    """Return 48 bits of the table from bit `start` and byte `offset` on, the last weighing 2ʷ."""
    scope = start.scope
    builder = scope.builder
    # Bytes stand in reverse, so that a load has the first one at the top.
    end = ir.Constant(scope.wide(DOUBLE.integer), _TABLE_BYTES - 8 - offset)
    index = builder.sub(end, (start >> 3).value)
    word = Bits(scope, DOUBLE, scope.each(index, lambda i: _word(builder, i)))
    number = (word << (start & 7)) >> 16
    # Under the exponent of 2^(52 + w) an integer in the fraction weighs 2ʷ.
    unit = 2.0 ** (DOUBLE.fraction + weight)
    return (number | ((DOUBLE.bias + DOUBLE.fraction + weight) << 52)).real() - unit


def _word(builder: ir.IRBuilder, index: ir.Value) -> ir.Value:
    address = builder.gep(_table(builder.module), [index], source_etype=ir.IntType(8))
    return builder.load(address, align=1, typ=DOUBLE.integer)


def _table(module: ir.Module) -> ir.GlobalValue:
    if _TABLE in module.globals:
        return module.globals[_TABLE]
    kind = ir.ArrayType(ir.IntType(8), _TABLE_BYTES)
    table = ir.GlobalVariable(module, kind, _TABLE)
    table.linkage, table.global_constant, table.unnamed_addr = "internal", True, True
    table.initializer = ir.Constant(kind, bytearray(_two_over_pi()))
    return table


def _two_over_pi() -> bytes:
    """Return the bits of 2/π after zeros, in reverse.

    π = 16·artan(1/5) - 4·artan(1/239) (J. Machin, 1706), in integers.
    """
    count = 8 * _TABLE_BYTES - _ZEROS
    one = 1 << (count + 64)

    def artan(inverse: int) -> int:
        term, total, k = one // inverse, 0, 0
        while term:
            total += (-1) ** k * (term // (2 * k + 1))
            term //= inverse * inverse
            k += 1
        return total

    pi = 16 * artan(5) - 4 * artan(239)
    return ((2 * one << count) // pi).to_bytes(_TABLE_BYTES, "little")
