"""Elementary and special functions in LLVM's IR, within 2 units in the last place everywhere.

Each is a formula over `Real`, of straight-line code without calls, so that a loop over it
vectorises. `emit` appends one to a builder.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from pullback.compiler.llvm.mathematics.error_function import erf, erfc
from pullback.compiler.llvm.mathematics.exponential import exp, exp2, expm1
from pullback.compiler.llvm.mathematics.formats import DOUBLE, SINGLE
from pullback.compiler.llvm.mathematics.hyperbolic import acosh, asinh, atanh, cosh, sinh, tanh
from pullback.compiler.llvm.mathematics.inverse_trigonometric import acos, asin, atan, atan2
from pullback.compiler.llvm.mathematics.logarithm import log, log1p, log2, log10
from pullback.compiler.llvm.mathematics.logistic import (
    log_sigmoid,
    logaddexp,
    logaddexp2,
    sigmoid,
    softplus,
)
from pullback.compiler.llvm.mathematics.normal import ndtr
from pullback.compiler.llvm.mathematics.power import integer_power, pow
from pullback.compiler.llvm.mathematics.real import Real, Scope
from pullback.compiler.llvm.mathematics.root import cbrt, hypot, rsqrt, sqrt
from pullback.compiler.llvm.mathematics.rounding import (
    ceil,
    copysign,
    floor,
    floor_divide,
    fmod,
    remainder,
    rint,
    sign,
    trunc,
)
from pullback.compiler.llvm.mathematics.special import logit, nextafter, xlogy
from pullback.compiler.llvm.mathematics.trigonometric import cos, sin, tan

__all__ = [
    "Formula",
    "Real",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "copysign",
    "cos",
    "cosh",
    "emit",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "floor_divide",
    "fmod",
    "hypot",
    "integer_power",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_sigmoid",
    "logaddexp",
    "logaddexp2",
    "logit",
    "ndtr",
    "nextafter",
    "pow",
    "remainder",
    "rint",
    "rsqrt",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "tan",
    "tanh",
    "trunc",
    "xlogy",
]

Formula = Callable[..., Real]


def emit(
    builder: ir.IRBuilder,
    formula: Formula,
    *operands: ir.Value,
    fused: bool = True,
    guards: list[ir.Value] | None = None,
) -> ir.Value:
    """Append the instructions of a formula.

    Args:
        builder: Where they go.
        formula: One of the functions of this package, or any function of `Real` numbers.
        operands: Its arguments, all `float` or all `double`, or all vectors of one of them.
        fused: Whether the machine multiplies and adds in one instruction. Without it, `llvm.fma`
            would be a call.
        guards: A list, where the code is to be quick for ordinary arguments and may be wrong for
            rare ones: angles beyond 2^20, and remainders of quotients beyond 2^53 (single: 2^24).
            To it are appended conditions (`i1`) that hold where the result may be wrong. The
            caller combines them over its loop, and where one held runs the loop again, emitted
            without `guards`: that code is always right, and slower. (So the loop must not have
            overwritten its operands.)

    Returns:
        The value of the formula.
    """
    kind = operands[0].type
    element, count = (kind.element, kind.count) if isinstance(kind, ir.VectorType) else (kind, 1)
    form = SINGLE if element == SINGLE.type else DOUBLE
    scope = Scope(builder, fused, guards, count)
    return formula(*(Real(scope, form, operand) for operand in operands)).value
