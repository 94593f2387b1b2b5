"""Scalars of LLVM's IR as Python values, so that a formula reads as it does in the book.

A `Real` is a floating-point scalar of the code that is being built: `x * y + 1` appends the
instructions that compute it. `Bits` is the integer with the same bits, `Truth` a comparison's
outcome. Everything is straight-line code (a choice is a `where`), so that LLVM's loop vectoriser
can turn a loop around it into vector code of any width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.llvm.lanes import constant, lanes
from pullback.compiler.llvm.mathematics.formats import DOUBLE, SINGLE, Format

Relation = Literal["<", "<=", "==", ">=", ">"]


@final
@frozen(eq=False, repr=False)
class Scope:
    """Where code goes, and what it may assume.

    `fused`: the machine has a fused multiply-add; without one, exact products are made of halves.
    `guards`: see `pullback.compiler.llvm.mathematics.emit`.
    `lanes`: how many numbers are computed side by side.
    """

    builder: ir.IRBuilder
    fused: bool = True
    guards: list[ir.Value] | None = None
    lanes: int = 1

    def wide(self, kind: ir.Type) -> ir.Type:
        """Return the type of a number in each lane."""
        return lanes(kind, self.lanes)

    def each(self, x: ir.Value, function: Callable[[ir.Value], ir.Value]) -> ir.Value:
        """Return what a function of scalars, of the same type, gives for each lane."""
        if self.lanes == 1:
            return function(x)
        result: ir.Value = ir.Constant(x.type, ir.Undefined)
        for k in range(self.lanes):
            place = ir.Constant(ir.IntType(32), k)
            element = function(self.builder.extract_element(x, place))
            result = self.builder.insert_element(result, element, place)
        return result


@final
@frozen(eq=False, repr=False)
class Truth:
    """The outcome of a comparison."""

    scope: Scope
    value: ir.Value

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.scope, self.scope.builder.and_(self.value, other.value))

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.scope, self.scope.builder.or_(self.value, other.value))

    def __xor__(self, other: Truth) -> Truth:
        return Truth(self.scope, self.scope.builder.xor(self.value, other.value))

    def __invert__(self) -> Truth:
        return Truth(self.scope, self.scope.builder.not_(self.value))


@final
@frozen(eq=False, repr=False)
class Bits:
    """An unsigned integer as wide as a number of its format; arithmetic wraps."""

    scope: Scope
    form: Format
    value: ir.Value

    def __add__(self, other: Bits | int) -> Bits:
        return self._wrap(self.scope.builder.add(self.value, self._of(other)))

    def __sub__(self, other: Bits | int) -> Bits:
        return self._wrap(self.scope.builder.sub(self.value, self._of(other)))

    def __and__(self, other: Bits | int) -> Bits:
        return self._wrap(self.scope.builder.and_(self.value, self._of(other)))

    def __or__(self, other: Bits | int) -> Bits:
        return self._wrap(self.scope.builder.or_(self.value, self._of(other)))

    def __xor__(self, other: Bits | int) -> Bits:
        return self._wrap(self.scope.builder.xor(self.value, self._of(other)))

    def __lshift__(self, count: Bits | int) -> Bits:
        return self._wrap(self.scope.builder.shl(self.value, self._of(count)))

    def __rshift__(self, count: Bits | int) -> Bits:
        return self._wrap(self.scope.builder.lshr(self.value, self._of(count)))

    def equals(self, other: int) -> Truth:
        """Compare for equality."""
        compare = self.scope.builder.icmp_unsigned
        return Truth(self.scope, compare("==", self.value, self._of(other)))

    def where(self, test: Truth, otherwise: int) -> Bits:
        """Return this where the test holds."""
        return self._wrap(
            self.scope.builder.select(test.value, self.value, self._of(otherwise)),
        )

    def real(self) -> Real:
        """Return the number with these bits."""
        builder = self.scope.builder
        kind = self.scope.wide(self.form.type)
        return Real(self.scope, self.form, builder.bitcast(self.value, kind))

    def _of(self, other: Bits | int) -> ir.Value:
        if isinstance(other, Bits):
            return other.value
        return constant(self.scope.wide(self.form.integer), other)

    def _wrap(self, value: ir.Value) -> Bits:
        return Bits(self.scope, self.form, value)


@final
@frozen(eq=False, repr=False)
class Real:
    """A floating-point number of the code that is being built."""

    scope: Scope
    form: Format
    value: ir.Value

    def __add__(self, other: Real | float) -> Real:
        return self._wrap(self.scope.builder.fadd(self.value, self._of(other)))

    def __sub__(self, other: Real | float) -> Real:
        return self._wrap(self.scope.builder.fsub(self.value, self._of(other)))

    def __rsub__(self, other: float) -> Real:
        return self.of(other) - self

    def __mul__(self, other: Real | float) -> Real:
        return self._wrap(self.scope.builder.fmul(self.value, self._of(other)))

    def __rmul__(self, other: float) -> Real:
        return self * other

    def __truediv__(self, other: Real | float) -> Real:
        return self._wrap(self.scope.builder.fdiv(self.value, self._of(other)))

    def __rtruediv__(self, other: float) -> Real:
        return self.of(other) / self

    def __mod__(self, other: Real) -> Real:
        """Return C's `fmod`: LLVM's `frem`, exact, and a call."""
        return self._wrap(self.scope.builder.frem(self.value, other.value))

    def __neg__(self) -> Real:
        return self._wrap(self.scope.builder.fneg(self.value))

    def __abs__(self) -> Real:
        return self.intrinsic("fabs")

    def __lt__(self, other: Real | float) -> Truth:
        return self._compare("<", other)

    def __le__(self, other: Real | float) -> Truth:
        return self._compare("<=", other)

    def __gt__(self, other: Real | float) -> Truth:
        return self._compare(">", other)

    def __ge__(self, other: Real | float) -> Truth:
        return self._compare(">=", other)

    def equals(self, other: Real | float) -> Truth:
        """Compare for equality; false where one is nan."""
        return self._compare("==", other)

    def is_nan(self) -> Truth:
        """Tell whether this is nan."""
        return Truth(self.scope, self.scope.builder.fcmp_unordered("uno", self.value, self.value))

    def negative(self) -> Truth:
        """Tell whether the sign bit is set."""
        return ~((self.bits() >> (self.form.width - 1)).equals(0))

    def of(self, number: float) -> Real:
        """Return a constant of the same format."""
        return self._wrap(constant(self.scope.wide(self.form.type), number))

    def bits(self) -> Bits:
        """Return the integer with the same bits."""
        builder = self.scope.builder
        kind = self.scope.wide(self.form.integer)
        return Bits(self.scope, self.form, builder.bitcast(self.value, kind))

    def copysign(self, sign: Real) -> Real:
        """Return this magnitude with another's sign."""
        return self.intrinsic("copysign", sign)

    def sqrt(self) -> Real:
        """Return the square root, correctly rounded."""
        return self.intrinsic("sqrt")

    def at_most(self, bound: float) -> Real:
        """Return the lesser of this and the bound; nan of nan."""
        return where(self > bound, self.of(bound), self)

    def at_least(self, bound: float) -> Real:
        """Return the greater of this and the bound; nan of nan."""
        return where(self < bound, self.of(bound), self)

    def widened(self) -> Real:
        """Return this in double precision."""
        if self.form is DOUBLE:
            return self
        builder = self.scope.builder
        return Real(self.scope, DOUBLE, builder.fpext(self.value, self.scope.wide(DOUBLE.type)))

    def narrowed(self) -> Real:
        """Return a number in double precision rounded to single."""
        builder = self.scope.builder
        return Real(self.scope, SINGLE, builder.fptrunc(self.value, self.scope.wide(SINGLE.type)))

    def intrinsic(self, name: str, *more: Real) -> Real:
        """Return an intrinsic function of this and other numbers."""
        builder = self.scope.builder
        count = 1 + len(more)
        type_ = self.scope.wide(self.form.type)
        kind = ir.FunctionType(type_, [type_] * count)
        function = builder.module.declare_intrinsic(f"llvm.{name}", [type_], kind)
        return self._wrap(builder.call(function, [self.value, *(x.value for x in more)]))

    def _compare(self, relation: Relation, other: Real | float) -> Truth:
        compare = self.scope.builder.fcmp_ordered
        return Truth(self.scope, compare(relation, self.value, self._of(other)))

    def _of(self, other: Real | float) -> ir.Value:
        if isinstance(other, Real):
            return other.value
        return constant(self.scope.wide(self.form.type), other)

    def _wrap(self, value: ir.Value) -> Real:
        return Real(self.scope, self.form, value)


def where(test: Truth, yes: Real, no: Real | float) -> Real:
    """Return `yes` where the test holds, else `no`; both are computed."""
    other = no if isinstance(no, Real) else yes.of(no)
    value = yes.scope.builder.select(test.value, yes.value, other.value)
    return Real(yes.scope, yes.form, value)


def muladd(x: Real, y: Real | float, z: Real | float) -> Real:
    """Return x·y + z, rounded once or twice, whichever the machine does fast."""
    if not x.scope.fused:
        return x * y + z
    y, z = (v if isinstance(v, Real) else x.of(v) for v in (y, z))
    return x.intrinsic("fma", y, z)


def horner(x: Real, coefficients: tuple[float, ...]) -> Real:
    """Return the polynomial Σ cₖ·xᵏ."""
    *lower, top = coefficients
    total = muladd(x, top, lower.pop())
    for coefficient in reversed(lower):
        total = muladd(total, x, coefficient)
    return total


def nearest(x: Real, scale: float = 1.0, offset: int = 0) -> tuple[Real, Bits]:
    """Round x·scale to an integer n by adding a number so large that its unit is 1.

    Args:
        x: A number; |x·scale| below a quarter of 2 to the power of the precision.
        scale: What multiplies it.
        offset: A small integer.

    Returns:
        n, to the nearest but for a rounding error of the product, and bits whose lowest eleven
        (single: eight) are those of n + offset.
    """
    large = 1.5 * 2.0**x.form.fraction + offset
    shifted = x + large if scale == 1.0 else muladd(x, scale, large)
    return shifted - large, shifted.bits()


def power_of_two(bits: Bits) -> Real:
    """Return 2ⁿ of bits whose low part is n + bias; the power must be a normal number."""
    return (bits << bits.form.fraction).real()
