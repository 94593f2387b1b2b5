"""Rounding, signs, and quotients with an integer result or remainder, with NumPy's rules."""

from __future__ import annotations

import math

from pullback.compiler.llvm.mathematics.pairs import residual
from pullback.compiler.llvm.mathematics.real import Real, where


def rint(x: Real) -> Real:
    """Round to the nearest integer, to the even one of two."""
    if x.scope.fused:  # such a machine has an instruction; SSE2 has not, and LLVM would call libm
        return x.intrinsic("rint")
    unit = 2.0**x.form.fraction
    size = abs(x)
    return where(size < unit, (size + unit - unit).copysign(x), x)


def floor(x: Real) -> Real:
    """Round downwards."""
    if x.scope.fused:
        return x.intrinsic("floor")
    near = rint(x)
    return where(near > x, near - 1.0, near).copysign(x)


def ceil(x: Real) -> Real:
    """Round upwards."""
    if x.scope.fused:
        return x.intrinsic("ceil")
    near = rint(x)
    return where(near < x, near + 1.0, near).copysign(x)


def trunc(x: Real) -> Real:
    """Round towards zero."""
    if x.scope.fused:
        return x.intrinsic("trunc")
    size = abs(x)
    near = rint(size)
    return where(near > size, near - 1.0, near).copysign(x)


def sign(x: Real) -> Real:
    """Return -1, 0 or 1; nan of nan."""
    return where(x > 0.0, x.of(1.0), where(x < 0.0, x.of(-1.0), where(x.equals(0.0), x.of(0.0), x)))


def copysign(x: Real, y: Real) -> Real:
    """Return the magnitude of x with the sign of y."""
    return x.copysign(y)


def fmod(x: Real, y: Real) -> Real:
    """Return x - y·trunc(x / y), which is exact; the sign is that of x.

    Below 2ᵖ (p the precision) the rounded quotient is at most 1 too large, and the remainder of
    either is exact. Beyond, and without a fused multiply-add, LLVM's `frem` calls the C library.
    """
    scope = x.scope
    if scope.guards is None or not scope.fused:
        return x % y
    size, divisor = abs(x), abs(y)
    whole = trunc(size / divisor)
    scope.guards.append((whole >= 2.0**x.form.precision).value)
    rest = residual(size, whole, divisor)
    rest = where(rest < 0.0, rest + divisor, rest)
    beyond = divisor.equals(math.inf) & (size < math.inf)
    return where(beyond, size, rest).copysign(x)


def remainder(x: Real, y: Real) -> Real:
    """Return x - y·floor(x / y); the sign is that of y."""
    rest = fmod(x, y)
    apart = (rest < 0.0) ^ (y < 0.0)
    return where(rest.equals(0.0), rest.copysign(y), where(apart, rest + y, rest))


def floor_divide(x: Real, y: Real) -> Real:
    """Return floor(x / y) as NumPy does: the exact quotient's, rounded."""
    rest = fmod(x, y)
    apart = (rest < 0.0) ^ (y < 0.0)
    quotient = (x - rest) / y
    quotient = where(apart & ~rest.equals(0.0), quotient - 1.0, quotient)
    whole = floor(quotient)
    whole = where(quotient - whole > 0.5, whole + 1.0, whole)
    ratio = x / y
    whole = where(quotient.equals(0.0), quotient.copysign(ratio), whole)
    return where(y.equals(0.0), ratio, whole)
