"""The coefficients of a primitive's result, from those of its operands.

Products, quotients and linear recurrences have recurrences of their own, and what is linear goes
term by term. Everything else integrates its pushforward, which is the differential equation that
the textbooks solve for each function.

References:
    A. Griewank and A. Walther, "Evaluating Derivatives", 2nd ed., 2008, section 13.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, final

import numpy as np
from attrs import frozen

from pullback.core import Array
from pullback.errors import DifferentiationError
from pullback.primitives.arithmetic import Add, Divide, Multiply, Negative, Subtract, divide
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.cast import spread
from pullback.primitives.contraction import Contract
from pullback.primitives.convolution import Convolve
from pullback.primitives.cumulative import Recurrence, preceding
from pullback.primitives.extremum import Extremum
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.joining import Concat
from pullback.primitives.linear import Linear
from pullback.primitives.pooling import MaxPool, MaxPoolShare
from pullback.primitives.power import Power
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value, is_complex, quantity_type
from pullback.primitives.reduction import Extreme
from pullback.primitives.rounding import Abs, Copysign, Fmod, Nextafter, Remainder
from pullback.primitives.scatter import ScatterExtreme, ScatterSet
from pullback.primitives.selection import MultiplyNoNan, Where
from pullback.primitives.slicing import SliceSet, zeros_like
from pullback.primitives.sorting import Sort
from pullback.transforms.series import Rule, Series, coefficient, first, moves
from pullback.types import ArrayType

#: Primitives whose result is linear, near a point, in all operands that move together. Those that
#: select do so by the values at t = 0.
_LOCALLY_LINEAR: Final = (
    *(Linear, Add, Subtract, Negative, Remainder, Fmod, Copysign, Nextafter),
    *(Where, Extremum, Extreme, Sort, Gather, ScatterAdd, ScatterSet, ScatterExtreme),
    *(SliceSet, Concat, Pack, Unpack, MaxPool, MaxPoolShare),
)


@final
class Polynomial(Rule):
    """A series that was given: what coefficients there are are known."""

    __slots__ = ()

    def needs(self, out: Series, n: int) -> Iterator[tuple[Value, int]]:
        """Yield nothing."""
        yield from ()

    def __call__(self, out: Series, n: int) -> None:
        """Return nothing: the coefficient is zero."""


@final
@frozen(eq=False, repr=False)
class Derivative(Rule):
    """``y = dx/dt``: ``y_n = (n + 1)·x_{n+1}``."""

    x: Series

    def needs(self, out: Series, n: int) -> Iterator[tuple[Value, int]]:
        """Yield x, one coefficient ahead."""
        yield self.x, n + 1

    def __call__(self, out: Series, n: int) -> Value:
        """Return the multiple of the coefficient of x."""
        x = coefficient(self.x, n + 1)
        return None if x is None else x * (n + 1)


@frozen(eq=False, repr=False)
class Application(Rule):
    """A primitive applied to operands."""

    primitive: Primitive
    operands: tuple[Value, ...]

    def needs(self, out: Series, n: int) -> Iterator[tuple[Value, int]]:
        """Yield the operands; of the result itself all coefficients before are known."""
        for operand in self.operands:
            yield operand, n


@final
class Termwise(Application):
    """What is linear near t = 0: each coefficient is made of the operands' like a tangent."""

    __slots__ = ()

    def __call__(self, out: Series, n: int) -> Value:
        """Return the result for the coefficients in place of the operands."""
        firsts = tuple([first(operand) for operand in self.operands])
        terms = [coefficient(operand, n) for operand in self.operands]
        if isinstance(self.primitive, Concat):  # one by one, many parts would take quadratic time
            if all(x is None for x in terms):
                return None
            pairs = zip(terms, firsts, strict=True)
            return self.primitive(*[zeros_like(x0) if x is None else x for x, x0 in pairs])
        push = self.primitive.pushforward
        return _total(push(i, x, first(out), firsts) for i, x in enumerate(terms) if x is not None)


@final
class Convolution(Application):
    """``z = x·y``: ``z_n = Σ x_j·y_{n-j}``."""

    __slots__ = ()

    def __call__(self, out: Series, n: int) -> Value:
        """Return the sum of the products."""
        x, y = self.operands
        pairs = _present((coefficient(x, j), coefficient(y, n - j)) for j in range(n + 1))
        return _total(self.primitive(a, b) for a, b in pairs)


@final
class Quotient(Application):
    """``z = x/y``: from ``x = y·z`` follows ``z_n = (x_n - Σ y_j·z_{n-j}) / y_0``, j from 1 on."""

    __slots__ = ()

    def __call__(self, out: Series, n: int) -> Value:
        """Return what remains of the numerator, divided."""
        x, y = self.operands
        pairs = _present((coefficient(y, j), out.known[n - j]) for j in range(1, n + 1))
        numerator = _total([coefficient(x, n), *[-(a * b) for a, b in pairs]])
        return None if numerator is None else divide(numerator, first(y))


@final
class LinearRecurrence(Application):
    """``h(i) = a(i)·h(i-1) + b(i)`` along an axis; of the terms of order n, only h_n is unknown.

    So ``h_n(i) = a_0(i)·h_n(i-1) + c(i)`` with ``c(i) = b_n(i) + Σ a_j(i)·h_{n-j}(i-1)``, j from 1
    on: the same recurrence.
    """

    __slots__ = ()

    def __call__(self, out: Series, n: int) -> Value:
        """Return the solution of the recurrence."""
        a, b = self.operands
        recurrence = self.primitive
        assert isinstance(recurrence, Recurrence)
        axis, reverse = recurrence.axis, recurrence.reverse
        pairs = _present((coefficient(a, j), out.known[n - j]) for j in range(1, n + 1))
        product = MultiplyNoNan()
        terms = [product(preceding(h, axis, 0, reverse=reverse), a_j) for a_j, h in pairs]
        forcing = _total([coefficient(b, n), *terms])
        return None if forcing is None else recurrence(first(a), forcing)


@final
class Integral(Application):
    """``z = f(x)``, of any f, by the pushforward of f as a function of series.

        dz/dt = Σ_i pushforward_i(dx_i/dt; z, x)        z_n = (dz/dt)_{n-1} / n

    The right-hand side may contain z: of z it needs what is known before z_n is.
    """

    __slots__ = ()

    def needs(self, out: Series, n: int) -> Iterator[tuple[Value, int]]:
        """Yield the operands, and then the right-hand side, which is one coefficient behind."""
        for operand in self.operands:
            yield operand, n
        yield out.algebra.slope(out, self), n - 1

    def __call__(self, out: Series, n: int) -> Value:
        """Return the coefficient of the right-hand side, divided."""
        slope = coefficient(out.algebra.slope(out, self), n - 1)
        return None if slope is None else slope / n

    def slope(self, out: Series) -> Value:
        """Return the right-hand side, or None if it is zero."""
        return _total(self._terms(out))

    def _terms(self, out: Value) -> Iterator[Value]:
        for i, operand in enumerate(self.operands):
            if not moves(operand):
                continue
            tangent: Value = out.algebra.derivative(operand)
            if i == 0 and isinstance(self.primitive, Power) and _nowhere_zero(first(operand)):
                x, y = self.operands  # y·x^(y-1) would lead on to x^(y-2), and so forth
                yield spread(tangent * (y * out / x), out)
            else:
                yield self.primitive.pushforward(i, tangent, out, self.operands)


def rule_for(primitive: Primitive, operands: tuple[Value, ...]) -> Rule | None:
    """Return the rule for a primitive applied to operands; None if the result is constant.

    Raises:
        DifferentiationError: The primitive is the call of a function with rules of its own.
    """
    if not primitive.differentiable or not any(moves(operand) for operand in operands):
        return None
    if primitive.__class__ is Abs and not is_complex(operands[0]):
        return Termwise(primitive, operands)
    family = _family(primitive.__class__)
    if family is Integral and quantity_type(operands[0]).parts is not None:
        # A call, whose rules are for tangents alone: control flow has been written out.
        msg = (
            f"taylor: {primitive.name} calls have no Taylor series, only tangents; nest jvp in "
            "place of taylor"
        )
        raise DifferentiationError(msg)
    return family(primitive, operands)


@lru_cache(maxsize=256)  # to ask for an abstract base class takes a while
def _family(kind: type[Primitive]) -> type[Application]:
    """Return the class of the rules for a class of primitives."""
    if issubclass(kind, (Multiply, MultiplyNoNan, Contract, Convolve)):
        return Convolution
    if kind is Divide:
        return Quotient
    if kind is Recurrence:
        return LinearRecurrence
    return Termwise if issubclass(kind, _LOCALLY_LINEAR) else Integral


def _present(pairs: Iterable[tuple[Value, Value]]) -> list[tuple[Value, Value]]:
    """Return the pairs of factors of which neither is zero."""
    return [(x, y) for x, y in pairs if x is not None and y is not None]


def _total(terms: Iterable[Value]) -> Value:
    """Add terms, of which any may be absent."""
    total: Value = None
    for term in terms:
        total = term if total is None else total if term is None else total + term
    return total


def _nowhere_zero(quantity: Value) -> bool:
    """Return whether a quantity is known to have no element 0."""
    value = quantity._value if isinstance(quantity, Array) else quantity
    return value.__class__ is not ArrayType and bool(np.all(value != 0))
