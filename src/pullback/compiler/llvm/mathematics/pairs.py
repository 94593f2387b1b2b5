"""Numbers of twice the precision: unevaluated sums of a number and a much smaller one.

Reference: T. J. Dekker, "A floating-point technique for extending the available precision" (1971);
J.-M. Muller et al., "Handbook of Floating-Point Arithmetic" (2nd ed. 2018), chapters 4 and 5.
"""

from __future__ import annotations

from typing import final

from attrs import frozen

from pullback.compiler.llvm.mathematics.real import Real, muladd


@final
@frozen(eq=False, repr=False)
class Pair:
    """The number hi + lo, where |lo| is at most a few units in the last place of hi."""

    hi: Real
    lo: Real


def fast_sum(x: Real, y: Real | float) -> Pair:
    """Return x + y exactly, where |x| ≥ |y| or x = 0."""
    total = x + y
    return Pair(total, y - (total - x))


def exact_sum(x: Real, y: Real) -> Pair:
    """Return x + y exactly."""
    total = x + y
    part = total - x
    return Pair(total, (x - (total - part)) + (y - part))


def exact_product(x: Real, y: Real | float) -> Pair:
    """Return x·y, exactly with a fused multiply-add, else to about twice the precision."""
    y = y if isinstance(y, Real) else x.of(y)
    product = x * y
    if x.scope.fused:
        return Pair(product, x.intrinsic("fma", y, -product))
    # Halves by masking, not by Veltkamp's multiplication, which overflows.
    (xh, xl), (yh, yl) = _halves(x), _halves(y)
    return Pair(product, ((xh * yh - product) + xh * yl + xl * yh) + xl * yl)


def residual(x: Real, quotient: Real, divisor: Real) -> Real:
    """Return x - quotient·divisor, where the product is close to x."""
    if x.scope.fused:
        return (-quotient).intrinsic("fma", divisor, x)
    product = exact_product(quotient, divisor)
    return (x - product.hi) - product.lo


def multiply(x: Pair, y: Pair) -> Pair:
    """Return x·y; the low part may be a few units of the high part."""
    product = exact_product(x.hi, y.hi)
    return Pair(product.hi, product.lo + muladd(x.hi, y.lo, x.lo * y.hi))


def quotient(x: Pair, y: Pair) -> Pair:
    """Return x / y, by one division and a correction.

    The low part may be a few units of the high part.
    """
    inverse = 1.0 / y.hi
    ratio = x.hi * inverse
    rest = residual(x.hi, ratio, y.hi) + (x.lo - ratio * y.lo)
    return Pair(ratio, rest * inverse)


def _halves(x: Real) -> tuple[Real, Real]:
    low = (x.form.precision + 1) // 2
    high = (x.bits() & ((1 << x.form.width) - (1 << low))).real()
    return high, x - high
