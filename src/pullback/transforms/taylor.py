"""Taylor mode: whole curves carried from the inputs of a trace to outputs.

An input moves along ``x(t) = x + x_1 t + ... + x_K tᴷ``; each node of the graph becomes a power
series in t, operands before what they make. As in the other sweeps, coefficients are bare values
where nothing but this trace is involved; otherwise they are nodes, of what the outside world sees.

References:
    J. Karczmarczuk, "Generating power of lazy semantics", Theoretical Computer Science 187, 1997;
    M. D. McIlroy, "Power series, power serious", Journal of Functional Programming 9, 1999.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, final

import numpy as np
from attrs import Factory, frozen

from pullback.core import Array, Trace, topological
from pullback.primitives.arithmetic import Divide, Multiply, Negative, Positive
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.identity import Input
from pullback.primitives.power import IntegerPower, Reciprocal, Square
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import NUMBERS, Quantity, Value
from pullback.primitives.slicing import zeros_like
from pullback.transforms.programs import Composite
from pullback.transforms.recurrences import Derivative, Integral, Polynomial, Termwise, rule_for
from pullback.transforms.series import Series, coefficient, extend, first, moves
from pullback.transforms.vjp import outside

#: What `_handed_on` and `_simpler` know of: to ask for classes one by one takes a while.
_HANDING_ON: Final[frozenset[type[Primitive]]] = frozenset(
    {Input, Positive, Negative, IntegerPower, Unpack}
)
_POWERS: Final[frozenset[type[Primitive]]] = frozenset({Square, Reciprocal, IntegerPower})


@final
@frozen(eq=False, repr=False)
class Algebra:
    """The series of one expansion: what is the same is made once.

    That closes the circles among derivatives. The sine of x needs the cosine, which needs the sine
    of x: the same series, not another one for each order.
    """

    #: The result of a primitive, by the identities of its operands, which it keeps alive.
    _results: dict[tuple[object, ...], tuple[Series, tuple[Value, ...]]] = Factory(dict)
    #: By the identity of x, and of the result.
    _derivatives: dict[int, Series] = Factory(dict)
    _slopes: dict[int, Value] = Factory(dict)

    def apply(
        self, primitive: Primitive, operands: tuple[Value, ...], value: Value = None
    ) -> Series:
        """Return the series of a primitive's result.

        Args:
            primitive: The primitive.
            operands: Series; what is none is constant.
            value: The result at t = 0, where it is known.
        """
        if primitive.__class__ in _HANDING_ON:
            handed_on = _handed_on(primitive, operands[0])
            if handed_on is not None:
                return handed_on
        key = (primitive, *map(id, operands))
        if key not in self._results:
            if isinstance(primitive, Composite) and moves(operands[0]):
                return self.apply(Pack(), tuple(primitive.expand(_packed(operands[0]))))
            simpler, factors = primitive, operands
            if primitive.__class__ in _POWERS:
                simpler, factors = _simpler(primitive, operands)
            if value is None:
                value = simpler(*[first(factor) for factor in factors])
            self._results[key] = Series([value], rule_for(simpler, factors), self), operands
        return self._results[key][0]

    def derivative(self, x: Series) -> Series:
        """Return dx/dt. The coefficient ``x_1`` must be known."""
        if id(x) not in self._derivatives:
            slope = coefficient(x, 1)
            start = zeros_like(first(x)) if slope is None else slope
            self._derivatives[id(x)] = Series([start], Derivative(x), self)
        return self._derivatives[id(x)]

    def slope(self, out: Series, rule: Integral) -> Value:
        """Return what the rule gives for the derivative of its result."""
        if id(out) not in self._slopes:
            self._slopes[id(out)] = rule.slope(out)
        return self._slopes[id(out)]

    def forget(self) -> None:
        """Let go of all series. They refer to each other in circles through here alone."""
        self._results.clear()
        self._derivatives.clear()
        self._slopes.clear()


def _handed_on(primitive: Primitive, x: Value) -> Series | None:
    """Return the operand, if the primitive's result is the operand; else None."""
    if not isinstance(x, Series):
        return None
    match primitive:
        case Unpack(index) if moves(x):
            part = _packed(x)[index]
            return part if isinstance(part, Series) else Series([part], None, x.algebra)
        case Input() | Positive() | IntegerPower(1):
            return x
        case Negative() if isinstance(x.rule, Termwise) and isinstance(x.rule.primitive, Negative):
            twice: Series = x.rule.operands[0]  # so that f(-(-x)) is f(x)
            return twice
    return None


def _packed(bundle: Series) -> tuple[Value, ...]:
    """Return the parts of a bundle, some of which move."""
    rule = bundle.rule
    assert isinstance(rule, Termwise), "a bundle is what was packed, or what control flow gave"
    return rule.operands


def _simpler(
    primitive: Primitive, operands: tuple[Value, ...]
) -> tuple[Primitive, tuple[Value, ...]]:
    """Return a power with a whole exponent as a product or quotient, which is exact, at 0 too."""
    x = operands[0]
    match primitive:
        case Square():
            return Multiply(), (x, x)
        case Reciprocal():
            return Divide(), (1, x)
        case IntegerPower(n) if n > 1:
            return Multiply(), (IntegerPower(n // 2)(x), IntegerPower(n - n // 2)(x))
        case IntegerPower(n) if n < 0:
            return Divide(), (1, IntegerPower(-n)(x))
    return primitive, operands


@np.errstate(all="ignore")  # an unselected branch may divide by zero
def expand(
    trace: Trace,
    outputs: Sequence[Array],
    curves: Mapping[Array, Sequence[Array]],
    order: int,
    views: Mapping[Array, Array] | None = None,
) -> list[dict[Array, Quantity]]:
    """Carry curves from inputs of the trace to outputs.

    Args:
        trace: The trace.
        outputs: Nodes.
        curves: The coefficients ``x_1, x_2, ...`` of each input, of its type.
        order: Up to which order coefficients are wanted.
        views: What stands for each node that depends on the trace, as `outside` gives it, where
            the caller has it already.

    Returns:
        For each order from 1 on, the coefficient of each output for which it is not zero.
    """
    if views is None and (
        any(len(out.sources) > 1 for out in outputs if trace in out.sources)
        or any(x.sources for curve in curves.values() for x in curve)
    ):
        views = outside(outputs, trace)
    algebra = Algebra()
    series: dict[Array, Value] = {}
    for node in topological(outputs, trace):
        value = node._value if views is None else views[node]
        if node in curves:
            rest = [x._value if views is None else x for x in curves[node]]
            series[node] = Series([value, *rest], Polynomial(), algebra)
        else:
            for operand in node.operands:
                if operand not in series:
                    series[operand] = _constant(operand, algebra, bare=views is None)
            primitive = node.primitive
            assert primitive is not None, "a node that depends on a trace is no constant"
            operands = tuple([series[operand] for operand in node.operands])
            series[node] = algebra.apply(primitive, operands, value)
        extend(series[node], order)
    algebra.forget()
    return [
        {
            out: term
            for out in outputs
            if out in series and (term := coefficient(series[out], n)) is not None
        }
        for n in range(1, order + 1)
    ]


def _constant(node: Array, algebra: Algebra, *, bare: bool) -> Value:
    """Return a node that does not depend on the trace as an operand beside series."""
    if bare or (not node.sources and node._value.__class__ in NUMBERS):
        return node._value
    return Series([node], None, algebra)
