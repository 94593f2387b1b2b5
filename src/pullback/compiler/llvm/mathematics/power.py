"""Powers: 2^(y·log₂ |x|), with the logarithm as a pair; and repeated products of pairs.

For 2 units in the last place of a large power the logarithm needs about 11 bits more than the
format has (single: 8, so that a double is enough).
"""

from __future__ import annotations

import math
from typing import Final

from pullback.compiler.llvm.mathematics.exponential import EXPONENTIAL, near_one, scale
from pullback.compiler.llvm.mathematics.formats import SINGLE, Coefficients
from pullback.compiler.llvm.mathematics.logarithm import split
from pullback.compiler.llvm.mathematics.pairs import (
    Pair,
    exact_product,
    fast_sum,
    multiply,
    quotient,
    residual,
)
from pullback.compiler.llvm.mathematics.real import (
    Real,
    Truth,
    horner,
    muladd,
    nearest,
    power_of_two,
    where,
)

#: log₂ m = s·(l₀ + l₁·z + l₂·z² + ...) with s = (m - 1)/(m + 1), z = s², √½ ≤ m ≤ √2. Minimax in
#: the relative error. Of the double's coefficients the first two are 2/ln 2 and 2/(3·ln 2), to
#: twice the precision; the others follow, below 2^-65.6. The single's (in double): below 2^-37.6.
LEADING: Final = (2.8853900817779268, 4.0710547481862066e-17)
SECOND: Final = (0.9617966939259756, 5.0577616648125907e-17)
LOGARITHM: Final = Coefficients(
    double=(
        0.577078016355619,
        0.41219858309141955,
        0.32059890237167493,
        0.2623076921226941,
        0.22198443016918915,
        0.19124471173068747,
        0.19048567724056392,
    ),
    single=(
        2.8853900817779268,
        0.9617966789389182,
        0.5770829168014833,
        0.4117018303400458,
        0.3403107724880311,
    ),
)


def pow(x: Real, y: Real) -> Real:
    """Return xʸ, with the special cases of IEEE 754 and C."""
    single = x.form is SINGLE
    base, exponent = abs(x).widened(), y.widened()
    power = (_single_power if single else _double_power)(base, exponent)
    size = power.narrowed() if single else power
    whole, odd = _parity(y)
    negative = x < 0.0
    size = where(negative & ~whole & (x > -math.inf), x.of(math.nan), size)
    size = where(odd, size.copysign(x), size)
    one = x.equals(1.0) | y.equals(0.0) | (x.equals(-1.0) & abs(y).equals(math.inf))
    return where(one, x.of(1.0), size)


def integer_power(x: Real, exponent: int) -> Real:
    """Return x to a fixed integer power, by repeated multiplication."""
    if -2 <= exponent <= 4:
        return _small_power(x, exponent)
    many = abs(exponent) > 2**16
    if x.form is SINGLE:
        wide = x.widened()
        if many:
            return integer_power(wide, exponent).narrowed()
        wide = _repeated(wide, abs(exponent))
        return (1.0 / wide if exponent < 0 else wide).narrowed()
    base = Pair(x, x.of(0.0))
    if exponent < 0:  # not 1 / xⁿ, which is 0 where xⁿ overflows, and may be subnormal
        inverse = 1.0 / x
        base = Pair(inverse, residual(x.of(1.0), inverse, x) * inverse)
    power = base
    *steps, last = [*bin(abs(exponent))[3:].replace("1", "sm").replace("0", "s")]
    for step in steps:
        power = multiply(power, power if step == "s" else base)
        power = fast_sum(power.hi, power.lo) if many else power  # the low parts would grow
    other = power if last == "s" else base
    cross = muladd(power.hi, other.lo, power.lo * other.hi)
    total = muladd(power.hi, other.hi, cross)
    # Errors of infinite products are no numbers, and those of zeros hide the sign.
    ordinary = (abs(total) > 0.0) & (abs(total) < math.inf)
    return where(ordinary, total, _repeated(base.hi, abs(exponent)))


def _small_power(x: Real, exponent: int) -> Real:
    """Return a power of two or three roundings, from -2 to 4."""
    if exponent == 0:
        return x.of(1.0)
    return _repeated(1.0 / x if exponent < 0 else x, abs(exponent))


def _repeated(x: Real, exponent: int) -> Real:
    """Return a positive power of x by multiplication alone."""
    power = x
    for bit in bin(exponent)[3:]:
        power = power * power
        if bit == "1":
            power = power * x
    return power


def _double_power(x: Real, y: Real) -> Real:
    m, e = split(x)
    logarithm = _logarithm(m, e)
    special = where(x.equals(0.0), x.of(-math.inf), x)  # log ∞ = ∞; log nan = nan
    high = where((x > 0.0) & (x < math.inf), logarithm.hi, special)
    product = exact_product(high, y)
    # Beyond ±1100 the power is 0 or infinite, and the low part of the product may be nan.
    rest = where(abs(product.hi) < 1100.0, muladd(logarithm.lo, y, product.lo), 0.0)
    exponent = product.hi.at_most(1100.0).at_least(-1100.0)
    n, bits = nearest(exponent, offset=2 * x.form.bias)
    return scale(near_one((exponent - n + rest) * math.log(2)), bits)


def _logarithm(m: Real, e: Real) -> Pair:
    """Return e + log₂ m."""
    s = quotient(Pair(m - 1.0, m.of(0.0)), fast_sum(m.of(1.0), m))
    z = multiply(s, s)
    second = fast_sum(m.of(SECOND[0]), z.hi * horner(z.hi, LOGARITHM.double))
    product = multiply(z, Pair(second.hi, second.lo + SECOND[1]))
    series = fast_sum(m.of(LEADING[0]), product.hi)
    fraction = multiply(s, Pair(series.hi, series.lo + (product.lo + LEADING[1])))
    total = fast_sum(e, fraction.hi)
    return Pair(total.hi, total.lo + fraction.lo)


def _single_power(x: Real, y: Real) -> Real:
    """Return the power of numbers in single precision, computed in double."""
    m, e = split(x)
    s = (m - 1.0) / (m + 1.0)
    inside = muladd(s, horner(s * s, LOGARITHM.single), e)
    special = where(x.equals(0.0), x.of(-math.inf), x)
    high = where((x > 0.0) & (x < math.inf), inside, special)
    product = (high * y).at_most(200.0).at_least(-200.0)
    n, bits = nearest(product, offset=x.form.bias)
    r = (product - n) * math.log(2)
    return horner(r, (1.0, 1.0, 0.5, *EXPONENTIAL.single)) * power_of_two(bits)


def _parity(y: Real) -> tuple[Truth, Truth]:
    """Tell whether y is an integer, and whether it is an odd one."""
    size = abs(y)
    whole = _is_integer(size)
    return whole, whole & ~_is_integer(size * 0.5)


def _is_integer(size: Real) -> Truth:
    unit = 2.0**size.form.fraction
    return (size + unit - unit).equals(size) | (size >= unit)
