"""Elementwise primitives on integers and booleans: NumPy's wrapping, its answers for zero."""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from pullback.primitives import arithmetic as ar
from pullback.primitives import bitwise as bw
from pullback.primitives import extremum as em
from pullback.primitives import power as pw
from pullback.primitives import rounding as ro
from pullback.primitives.primitive import Primitive
from pullback.primitives.selection import MultiplyNoNan
from pullback.types.promotion import DType


def integer(
    b: ir.IRBuilder, primitive: Primitive, operands: Sequence[ir.Value], out: DType
) -> ir.Value | None:
    """Append the instructions of a primitive; return None if there are none.

    Args:
        b: Where they go.
        primitive: An elementwise primitive.
        operands: An element of each operand, in the dtype of the result.
        out: That dtype.
    """
    x, y = operands[0], operands[-1]
    signed = out.kind == "i"
    match primitive:
        case bw.BitwiseAnd():
            return b.and_(x, y)
        case bw.BitwiseOr():
            return b.or_(x, y)
        case bw.BitwiseXor():
            return b.xor(x, y)
        case bw.BitwiseInvert():
            return b.not_(x)
        case em.Maximum() | em.Minimum():
            less = (b.icmp_signed if signed else b.icmp_unsigned)("<", x, y)
            larger, smaller = b.select(less, y, x), b.select(less, x, y)
            return larger if isinstance(primitive, em.Maximum) else smaller
        case ar.Add():
            return b.or_(x, y) if out.kind == "b" else b.add(x, y)
        case ar.Multiply() | MultiplyNoNan():
            return b.and_(x, y) if out.kind == "b" else b.mul(x, y)
        case ro.Floor() | ro.Ceil() | ro.Trunc():
            return x
        case ro.Abs() if not signed:
            return x
        case _:
            pass
    return None if out.kind == "b" else _number(b, primitive, x, y, signed=signed)


def _number(
    b: ir.IRBuilder, primitive: Primitive, x: ir.Value, y: ir.Value, *, signed: bool
) -> ir.Value | None:
    zero = ir.Constant(x.type, 0)
    match primitive:
        case ar.Subtract():
            return b.sub(x, y)
        case ar.Negative():
            return b.sub(zero, x)
        case pw.Square():
            return b.mul(x, x)
        case pw.IntegerPower(exponent) if exponent >= 0:
            return _power(b, x, exponent)
        case ro.Abs():
            return b.select(b.icmp_signed("<", x, zero), b.sub(zero, x), x)
        case ro.Sign():
            positive = b.zext(b.icmp_unsigned("!=", x, zero), x.type)
            if not signed:
                return positive
            return b.select(b.icmp_signed("<", x, zero), ir.Constant(x.type, -1), positive)
        case ro.Round(decimals) if decimals >= 0:
            return x
        case ro.FloorDivide() | ro.Remainder() | ro.Fmod():
            return _divided(b, primitive, x, y, signed=signed)
        case bw.LeftShift() | bw.RightShift():
            return _shifted(b, primitive, x, y, signed=signed)
        case _:
            return None


def _power(b: ir.IRBuilder, x: ir.Value, exponent: int) -> ir.Value:
    """Append repeated squaring."""
    result: ir.Value = ir.Constant(x.type, 1)
    while exponent:
        if exponent & 1:
            result = b.mul(result, x)
        exponent >>= 1
        if exponent:
            x = b.mul(x, x)
    return result


def _divided(
    b: ir.IRBuilder, primitive: Primitive, x: ir.Value, y: ir.Value, *, signed: bool
) -> ir.Value:
    """Append a division; NumPy's answer for a divisor of 0 is 0.

    The smallest integer divided by -1 is itself, as if divided by 1: it would trap.
    """
    zero, one = ir.Constant(x.type, 0), ir.Constant(x.type, 1)
    nothing = b.icmp_unsigned("==", y, zero)
    unsafe = nothing
    if signed:
        least = ir.Constant(x.type, -(2 ** (_width(x.type) - 1)))
        traps = b.and_(
            b.icmp_signed("==", x, least), b.icmp_signed("==", y, ir.Constant(x.type, -1))
        )
        unsafe = b.or_(nothing, traps)
    divisor = b.select(unsafe, one, y)
    quotient = (b.sdiv if signed else b.udiv)(x, divisor)
    rest = b.sub(x, b.mul(quotient, divisor))
    if signed and not isinstance(primitive, ro.Fmod):
        opposite = b.icmp_signed("<", b.xor(rest, divisor), zero)
        below = b.and_(opposite, b.icmp_signed("!=", rest, zero))
        quotient = b.select(below, b.sub(quotient, one), quotient)
        rest = b.select(below, b.add(rest, divisor), rest)
    return b.select(nothing, zero, quotient if isinstance(primitive, ro.FloorDivide) else rest)


def _shifted(
    b: ir.IRBuilder, primitive: Primitive, x: ir.Value, y: ir.Value, *, signed: bool
) -> ir.Value:
    """Append a shift; by a negative count, or by all bits or more, nothing but the sign is left."""
    width = _width(x.type)
    zero = ir.Constant(x.type, 0)
    fits = b.icmp_unsigned("<", y, ir.Constant(x.type, width))
    count = b.select(fits, y, zero)
    if isinstance(primitive, bw.LeftShift):
        return b.select(fits, b.shl(x, count), zero)
    if not signed:
        return b.select(fits, b.lshr(x, count), zero)
    return b.ashr(x, b.select(fits, y, ir.Constant(x.type, width - 1)))


def _width(kind: ir.Type) -> int:
    """Return the bits of an integer, or of each of a vector's."""
    element = kind.element if isinstance(kind, ir.VectorType) else kind
    assert isinstance(element, ir.IntType), "this is integer code"
    return element.width
