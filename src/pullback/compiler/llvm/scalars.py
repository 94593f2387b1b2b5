"""Elementwise primitives as instructions on scalars: the closed list of what is native.

What is not on the list is computed by NumPy, between kernels.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from llvmlite import ir

from pullback.compiler.kinds import IDENTITIES, has_scalar
from pullback.compiler.llvm import mathematics as m
from pullback.compiler.llvm.integers import integer
from pullback.compiler.llvm.lanes import like
from pullback.primitives import arithmetic as ar
from pullback.primitives import bitwise as bw
from pullback.primitives import comparison as cp
from pullback.primitives import exponential as ex
from pullback.primitives import extremum as em
from pullback.primitives import hyperbolic as hy
from pullback.primitives import power as pw
from pullback.primitives import rounding as ro
from pullback.primitives import special as sp
from pullback.primitives import trigonometric as tr
from pullback.primitives.cast import Cast
from pullback.primitives.complex import Conjugate, Real
from pullback.primitives.primitive import Primitive
from pullback.primitives.reduction import Magnitude
from pullback.primitives.selection import MultiplyNoNan, Where
from pullback.types import ArrayType, promote
from pullback.types.promotion import DType

FLAG: Final = ir.IntType(1)
BYTE: Final = ir.IntType(8)
INDEX: Final = ir.IntType(64)
POINTER: Final = ir.PointerType()
DOUBLE: Final = ir.DoubleType()
SINGLE: Final = ir.FloatType()
BOOL: Final[DType] = np.dtype(np.bool_)
_DECIMALS: Final = 22  # the largest power of ten that is a double

#: Formulas of one or two floats.
FORMULAS: Final[dict[type[Primitive], m.Formula]] = {
    ex.Exp: m.exp,
    ex.Exp2: m.exp2,
    ex.Expm1: m.expm1,
    ex.Log: m.log,
    ex.Log2: m.log2,
    ex.Log10: m.log10,
    ex.Log1p: m.log1p,
    ex.Sqrt: m.sqrt,
    ex.Cbrt: m.cbrt,
    ex.Logaddexp: m.logaddexp,
    ex.Logaddexp2: m.logaddexp2,
    tr.Sin: m.sin,
    tr.Cos: m.cos,
    tr.Tan: m.tan,
    tr.Asin: m.asin,
    tr.Acos: m.acos,
    tr.Atan: m.atan,
    tr.Atan2: m.atan2,
    tr.Hypot: m.hypot,
    hy.Sinh: m.sinh,
    hy.Cosh: m.cosh,
    hy.Tanh: m.tanh,
    hy.Asinh: m.asinh,
    hy.Acosh: m.acosh,
    hy.Atanh: m.atanh,
    sp.Erf: m.erf,
    sp.Erfc: m.erfc,
    sp.Expit: m.sigmoid,
    sp.Softplus: m.softplus,
    sp.Logit: m.logit,
    sp.Ndtr: m.ndtr,
    sp.Xlogy: m.xlogy,
    ro.Nextafter: m.nextafter,
    pw.Power: m.pow,
    Magnitude: m.sqrt,
    ro.Floor: m.floor,
    ro.Ceil: m.ceil,
    ro.Trunc: m.trunc,
    ro.Copysign: m.copysign,
    ro.Fmod: m.fmod,
    ro.Remainder: m.remainder,
    ro.FloorDivide: m.floor_divide,
}

Relation = Literal["<", "<=", "==", "!=", ">=", ">"]

COMPARISONS: Final[dict[type[Primitive], Relation]] = {
    cp.Equal: "==",
    cp.NotEqual: "!=",
    cp.Less: "<",
    cp.LessEqual: "<=",
    cp.Greater: ">",
    cp.GreaterEqual: ">=",
}


class NoInstructionError(Exception):
    """A primitive is not on the list for these dtypes. Never seen outside the compiler."""


def computed(dtype: DType) -> ir.Type:
    """Return the type in which an element is computed."""
    if dtype.kind == "b":
        return FLAG
    if dtype.kind == "f":
        return DOUBLE if dtype.itemsize == 8 else SINGLE
    return ir.IntType(8 * dtype.itemsize)


def stored(dtype: DType) -> ir.Type:
    """Return the type of an element in memory."""
    return BYTE if dtype.kind == "b" else computed(dtype)


def literal(value: complex | np.generic, dtype: DType) -> ir.Constant:
    """Return a number as a constant of the code."""
    element = np.asarray(value).astype(dtype)
    number = float(element) if dtype.kind == "f" else int(element)
    return ir.Constant(computed(dtype), number)


def intrinsic(builder: ir.IRBuilder, name: str, *operands: ir.Value) -> ir.Value:
    """Append a call of an intrinsic function of floats."""
    kind = operands[0].type
    function_type = ir.FunctionType(kind, [kind] * len(operands))
    full = f"llvm.{name}.{kind.intrinsic_name}"
    found = builder.module.globals.get(full)
    function = found or ir.Function(builder.module, function_type, full)
    return builder.call(function, operands)


def cast(b: ir.IRBuilder, x: ir.Value, have: DType, want: DType) -> ir.Value:
    """Append the conversion of an element to another dtype."""
    if have == want:
        return x
    target = like(computed(want), x)
    if have.kind == "f":
        return _cast_float(b, x, have, want)
    if want.kind == "b":
        return b.icmp_unsigned("!=", x, ir.Constant(x.type, 0))
    unsigned = have.kind in "bu"
    if want.kind == "f" and have.kind == "b":
        return b.select(x, ir.Constant(target, 1.0), ir.Constant(target, 0.0))
    if want.kind == "f":
        return b.uitofp(x, target) if unsigned else b.sitofp(x, target)
    width = 1 if have.kind == "b" else 8 * have.itemsize
    if 8 * want.itemsize <= width:
        return b.trunc(x, target) if 8 * want.itemsize < width else x
    return b.zext(x, target) if unsigned else b.sext(x, target)


def _cast_float(b: ir.IRBuilder, x: ir.Value, have: DType, want: DType) -> ir.Value:
    target = like(computed(want), x)
    if want.kind == "b":
        return b.fcmp_unordered("!=", x, ir.Constant(x.type, 0.0))
    if want.kind == "f":
        if isinstance(x, ir.Constant):  # the same in all lanes
            number: object = x.constant
            if isinstance(number, (list, tuple)):
                number = number[0].constant
            with np.errstate(over="ignore"):
                return ir.Constant(target, float(np.asarray(number).astype(want)))
        return b.fptrunc(x, target) if want.itemsize < have.itemsize else b.fpext(x, target)
    if want.kind == "u" and want.itemsize > 2:
        raise NoInstructionError
    # The smallest integer where it does not fit, as x86 has it; by way of 32 bits to fewer.
    bits = 64 if want.itemsize == 8 else 32
    limit = ir.Constant(x.type, 2.0 ** (bits - 1))
    least = ir.Constant(x.type, -(2.0 ** (bits - 1)))
    fits = b.and_(b.fcmp_ordered("<", x, limit), b.fcmp_ordered(">=", x, least))
    whole = like(ir.IntType(bits), x)
    safe = b.select(fits, x, ir.Constant(x.type, 0.0))
    value = b.select(fits, b.fptosi(safe, whole), ir.Constant(whole, -(2 ** (bits - 1))))
    return value if whole == target else b.trunc(value, target)


def apply(
    b: ir.IRBuilder,
    primitive: Primitive,
    operands: Sequence[ir.Value],
    types: Sequence[ArrayType],
    out: DType,
    *,
    guards: list[ir.Value] | None = None,
) -> ir.Value:
    """Append the instructions of a primitive.

    Args:
        b: Where they go.
        primitive: An elementwise primitive.
        operands: An element of each operand.
        types: The operands' types.
        out: The dtype of the result.
        guards: As `mathematics.emit` takes them.

    Raises:
        NoInstructionError: The primitive is not native on these dtypes.
    """
    dtypes = [t.dtype for t in types]
    match primitive:
        case Cast() | Real() | Conjugate():
            return cast(b, operands[0], dtypes[0], out)
        case Where():
            flag = cast(b, operands[0], dtypes[0], BOOL)
            x, y = (cast(b, v, d, out) for v, d in zip(operands[1:], dtypes[1:], strict=True))
            return b.select(flag, x, y)
        case ro.Signbit():
            return _signbit(b, operands[0], dtypes[0])
        case cp.Isnan() | cp.Isfinite() | cp.Isinf():
            return _classify(b, primitive, operands[0], dtypes[0])
        case bw.LogicalAnd() | bw.LogicalOr() | bw.LogicalXor() | bw.LogicalNot():
            return _logical(
                b, primitive, [cast(b, v, d, BOOL) for v, d in zip(operands, dtypes, strict=True)]
            )
        case _:
            pass
    relation = COMPARISONS.get(type(primitive))
    if relation is not None:
        return _compare(b, relation, operands, types)
    if _overflows(types, out):
        raise NoInstructionError
    if isinstance(primitive, IDENTITIES):
        return cast(b, operands[0], dtypes[0], out)
    converted = [cast(b, v, d, out) for v, d in zip(operands, dtypes, strict=True)]
    if out.kind == "f":
        return _floating(b, primitive, converted, guards)
    found = integer(b, primitive, converted, out)
    if found is None:
        raise NoInstructionError
    return found


def _overflows(types: Sequence[ArrayType], out: DType) -> bool:
    """Return whether a Python integer may be out of the result's range, which is an error."""
    wide = out == np.dtype(np.int64) or out.kind == "f"
    return not wide and any(t.weak and t.dtype.kind == "i" for t in types)


def _classify(b: ir.IRBuilder, primitive: Primitive, x: ir.Value, dtype: DType) -> ir.Value:
    if dtype.kind != "f":
        return ir.Constant(like(FLAG, x), int(isinstance(primitive, cp.Isfinite)))
    if isinstance(primitive, cp.Isnan):
        return b.fcmp_unordered("uno", x, x)
    relation: Relation = "<" if isinstance(primitive, cp.Isfinite) else "=="
    return b.fcmp_ordered(relation, intrinsic(b, "fabs", x), ir.Constant(x.type, float("inf")))


def _signbit(b: ir.IRBuilder, x: ir.Value, dtype: DType) -> ir.Value:
    if dtype.kind in "bu":
        return ir.Constant(like(FLAG, x), 0)
    if dtype.kind == "f":
        x = b.bitcast(x, like(ir.IntType(8 * dtype.itemsize), x))
    return b.icmp_signed("<", x, ir.Constant(x.type, 0))


def _logical(b: ir.IRBuilder, primitive: Primitive, flags: Sequence[ir.Value]) -> ir.Value:
    match primitive:
        case bw.LogicalAnd():
            return b.and_(flags[0], flags[1])
        case bw.LogicalOr():
            return b.or_(flags[0], flags[1])
        case bw.LogicalXor():
            return b.xor(flags[0], flags[1])
        case _:
            return b.not_(flags[0])


def _compare(
    b: ir.IRBuilder, relation: Relation, operands: Sequence[ir.Value], types: Sequence[ArrayType]
) -> ir.Value:
    dtypes = [t.dtype for t in types]
    whole = all(d.kind in "biu" for d in dtypes)
    common: DType = np.result_type(*dtypes) if whole else promote(types)
    if (whole and common.kind == "f") or not has_scalar(common):
        raise NoInstructionError
    x, y = (cast(b, v, d, common) for v, d in zip(operands, dtypes, strict=True))
    return compare(b, relation, x, y, common)


def compare(
    b: ir.IRBuilder, relation: Relation, x: ir.Value, y: ir.Value, dtype: DType
) -> ir.Value:
    """Append a comparison of two elements of one dtype; with nan only != holds."""
    if dtype.kind == "f":
        return (b.fcmp_unordered if relation == "!=" else b.fcmp_ordered)(relation, x, y)
    return (b.icmp_signed if dtype.kind == "i" else b.icmp_unsigned)(relation, x, y)


def _floating(
    b: ir.IRBuilder,
    primitive: Primitive,
    operands: Sequence[ir.Value],
    guards: list[ir.Value] | None,
) -> ir.Value:
    x, y = operands[0], operands[-1]
    one, zero = ir.Constant(x.type, 1.0), ir.Constant(x.type, 0.0)
    match primitive:
        case ar.Add():
            return b.fadd(x, y)
        case ar.Subtract():
            return b.fsub(x, y)
        case ar.Multiply():
            return b.fmul(x, y)
        case ar.Divide():
            return b.fdiv(x, y)
        case ar.Negative():
            return b.fneg(x)
        case pw.Square():
            return b.fmul(x, x)
        case pw.Reciprocal():
            return b.fdiv(one, x)
        case pw.IntegerPower(exponent):
            return m.emit(b, functools.partial(m.integer_power, exponent=exponent), x)
        case ro.Abs():
            return intrinsic(b, "fabs", x)
        case ro.Round(0):
            return intrinsic(b, "roundeven", x)
        case ro.Round(decimals) if abs(decimals) <= _DECIMALS:
            return _rounded(b, x, decimals)
        case ro.Sign():
            unsigned = b.fcmp_unordered("==", x, zero)  # or nan
            return b.select(unsigned, b.fmul(x, x), intrinsic(b, "copysign", one, x))
        case em.Maximum():
            return intrinsic(b, "maximum", x, y)
        case em.Minimum():
            return intrinsic(b, "minimum", x, y)
        case MultiplyNoNan(symmetric):
            return multiply_no_nan(b, x, y, symmetric=symmetric)
        case _:
            pass
    formula = FORMULAS.get(type(primitive))
    if formula is None:
        raise NoInstructionError
    return m.emit(b, formula, *operands, guards=guards)


def _rounded(b: ir.IRBuilder, x: ir.Value, decimals: int) -> ir.Value:
    """Append rounding to a multiple of a power of ten, with two roundings more, as NumPy does."""
    scale = ir.Constant(x.type, 10.0 ** abs(decimals))
    before, after = (b.fmul, b.fdiv) if decimals > 0 else (b.fdiv, b.fmul)
    return after(intrinsic(b, "roundeven", before(x, scale)), scale)


def multiply_no_nan(b: ir.IRBuilder, x: ir.Value, y: ir.Value, *, symmetric: bool) -> ir.Value:
    """Append a product that is 0, not nan, where ``x`` is 0 (or ``y``, if symmetric)."""
    zero = ir.Constant(x.type, 0.0)
    product = b.fmul(x, y)
    silenced = b.select(b.fcmp_ordered("ord", product, zero), product, zero)
    result = product
    for factor in (x, y) if symmetric else (x,):  # flags are not combined: that compiles slowly
        result = b.select(b.fcmp_ordered("==", factor, zero), silenced, result)
    return result


@functools.lru_cache(maxsize=4096)
def is_native(primitive: Primitive, types: tuple[ArrayType, ...], out: DType) -> bool:
    """Return whether a primitive has instructions for operands of these types."""
    if not all(has_scalar(d) for d in (*(t.dtype for t in types), out)):
        return False
    signature = ir.FunctionType(ir.VoidType(), [computed(t.dtype) for t in types])
    function = ir.Function(ir.Module(), signature, "probe")
    try:
        apply(ir.IRBuilder(function.append_basic_block()), primitive, function.args, types, out)
    except NoInstructionError:
        return False
    return True
