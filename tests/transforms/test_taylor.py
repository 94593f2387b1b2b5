"""Taylor coefficients of every primitive, compared with interpolation of its values.

The reference knows no derivatives: a polynomial through values on a short stretch of the curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pytest
from numpy.polynomial import chebyshev

import pullback as pb
from pullback.core import Array, Trace, apply, constant, freeze_value, make_node
from pullback.primitives.arithmetic import Add, Divide, Multiply, Negative, Positive, Subtract
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.cast import Cast
from pullback.primitives.complex import Conjugate, Imag, Real
from pullback.primitives.contraction import Contract
from pullback.primitives.convolution import Convolve
from pullback.primitives.cumulative import Cumprod, Cumsum, Recurrence
from pullback.primitives.exponential import (
    Cbrt,
    Exp,
    Exp2,
    Expm1,
    Log,
    Log1p,
    Log2,
    Log10,
    Logaddexp,
    Logaddexp2,
    Sqrt,
)
from pullback.primitives.extremum import Maximum, Minimum
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.hyperbolic import Acosh, Asinh, Atanh, Cosh, Sinh, Tanh
from pullback.primitives.identity import Input
from pullback.primitives.joining import Concat
from pullback.primitives.pooling import MaxPool, MaxPoolShare
from pullback.primitives.power import IntegerPower, Power, Reciprocal, Square
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.reduction import Logsumexp, Magnitude, Max, Min, Prod, Softmax
from pullback.primitives.rounding import Abs, Copysign, Fmod, Nextafter, Remainder
from pullback.primitives.scatter import ScatterExtreme, ScatterSet
from pullback.primitives.selection import MultiplyNoNan, Where
from pullback.primitives.shape import BroadcastTo, Flip, Reshape, Sum, Transpose
from pullback.primitives.slicing import PadSlice, Slice, SliceSet
from pullback.primitives.solve import Solve
from pullback.primitives.sorting import Sort
from pullback.primitives.special import (
    Erf,
    Erfc,
    Erfcx,
    Erfinv,
    Expit,
    Gammaln,
    Logit,
    LogNdtr,
    Ndtr,
    Polygamma,
    Softplus,
    Xlogy,
)
from pullback.primitives.trigonometric import Acos, Asin, Atan, Atan2, Cos, Hypot, Sin, Tan
from pullback.primitives.windows import Relation
from pullback.transforms.taylor import expand
from pullback.types import ArrayType, type_of
from tests.checks import direction, inexact
from tests.primitives.classes import concrete_primitives

ORDER: Final = 5
RADIUS: Final = 0.25
NODES: Final = 24

X: Final = np.array([[0.3, 0.6, 0.45], [0.2, 0.7, 0.55]])
Z: Final = X + 1j * X[::-1] - 0.3
ROW: Final = np.array([1.7, 2.2, 1.9])
HERE: Final = (slice(0, 1, 1), slice(1, 3, 1))
AT: Final = Gather((1,), 1)
INDEX: Final = np.array([2, 0, 2])

REAL_FUNCTIONS: Final = (
    *(Sin(), Cos(), Tan(), Asin(), Acos(), Atan(), Sinh(), Cosh(), Tanh(), Asinh(), Atanh()),
    *(Exp(), Exp2(), Expm1(), Log(), Log2(), Log10(), Log1p(), Sqrt(), Cbrt(), Square()),
    *(Erf(), Erfc(), Erfcx(), Erfinv(), Ndtr(), LogNdtr(), Gammaln(), Polygamma(0), Polygamma(2)),
    *(Expit(), Logit(), Softplus(), Magnitude(), Reciprocal(), Abs(), Negative(), Positive()),
    *(IntegerPower(n) for n in range(-4, 8)),
)
COMPLEX_FUNCTIONS: Final = (
    *(Sin(), Cos(), Tan(), Asin(), Acos(), Atan(), Sinh(), Cosh(), Tanh(), Asinh(), Acosh()),
    *(Exp(), Log(), Sqrt(), Square(), Reciprocal(), Abs(), IntegerPower(3), IntegerPower(-2)),
    *(Atanh(), Conjugate(), Real(), Imag(), Expit(), Erf(), Logsumexp((1,)), Softmax((0,))),
    *(Prod((0, 1)), Cumprod(1), Input(), Sum((1,))),
)
BINARY: Final = (
    *(Add(), Subtract(), Multiply(), Divide(), Power(), Hypot(), Atan2(), Logaddexp()),
    *(Logaddexp2(), Maximum(), Minimum(), Copysign(), Xlogy()),
    *(MultiplyNoNan(), MultiplyNoNan(symmetric=True)),
)
#: Windows of 2 that move by 1, along an axis of 3.
PAIRS: Final = (Relation(1, -1, 1, 0, 2),)
ROWS: Final[list[tuple[Primitive, tuple[Value, ...]]]] = [
    *((p, (X,)) for p in REAL_FUNCTIONS),
    *((p, (X[0, 1],)) for p in REAL_FUNCTIONS),
    *((p, (Z,)) for p in COMPLEX_FUNCTIONS),
    (Acosh(), (ROW,)),
    (LogNdtr(), (np.array([-12.0, 3.0]),)),
    *((p, operands) for p in BINARY for operands in ((X, X[::-1] + 1), (X, ROW), (ROW, X[:, :1]))),
    *((p, (X[0, 0], ROW)) for p in BINARY),
    *((p, (0.4, 1.7)) for p in BINARY),
    *((p, (Z, Z[0])) for p in (Multiply(), Divide(), Power(), Add(), MultiplyNoNan())),
    *((p, (X, Z[0])) for p in (Multiply(), Divide(), Add(), Subtract())),
    *((p, (np.array([3.5, -3.6]), np.array([[-1.0], [1.4]]))) for p in (Remainder(), Fmod())),
    (Where(), (X > 0.5, X, ROW)),
    (Where(), (True, X[0], Z)),
    *((p, (X,)) for p in (Prod((1,)), Prod((0, 1)), Max((0,)), Min((0, 1)), Logsumexp((0, 1)))),
    *((p, (X,)) for p in (Softmax((1,)), Softmax((0, 1)), Cumprod(1), Cumprod(0, reverse=True))),
    (Prod((0,)), (np.array([0.0, 2.0, 0.0, 3.0]),)),
    (Recurrence(1), (X, X[::-1])),
    (Recurrence(0, reverse=True), (Z, X + 0j)),
    *((p, (X,)) for p in (Cumsum(0), Cumsum(1, reverse=True), Sum((0, 1)), Flip((0,)))),
    *((p, (X,)) for p in (Reshape((3, 2)), Transpose((1, 0)), BroadcastTo((2, 2, 3)))),
    *((p, (X,)) for p in (Slice(HERE), Cast(np.dtype("complex128")), Input("x"))),
    (Cast(np.dtype("float64"), weak=True), (X[0, 0],)),
    (PadSlice((3, 3), HERE), (X[:1, :2],)),
    (SliceSet(HERE), (X, ROW[None, :2])),
    (Concat(1, (0, 3, 4, 6)), (X, X[:, :1], X[:, 1:])),
    (Sort(1, descending=True), (X,)),
    (Sort(0, descending=False), (X,)),
    (AT, (X, INDEX)),
    (ScatterAdd((2, 3), AT), (X, INDEX)),
    (ScatterSet(AT), (X, X + 1, INDEX)),
    (ScatterExtreme(AT, least=True), (X, X[::-1] + 0.13, INDEX)),
    (ScatterExtreme(AT, least=False), (X, X[::-1] + 0.13, INDEX)),
    (Contract((0, 1), (1, 2), (0, 2)), (X, X.T)),
    (Solve(), (X[:, :2] + 3 * np.eye(2), X)),
    (Contract((0, 1), (0, 1), ()), (X, Z)),
    (Contract((0,), (1,), (0, 1)), (ROW, X[0])),
    (Convolve((0,), (0,), (0,), PAIRS), (X, Z[:, :2])),
    (MaxPool(PAIRS, (2,)), (X,)),
]


def curves_through(values: Sequence[Value], degree: int = 3) -> list[list[Value]]:
    """For each value the coefficients of a curve of a degree; none for what does not move."""
    return [
        [value, *[direction(value, 10 * i + k) * 0.1 for k in range(degree)]]
        if inexact(value)
        else [value]
        for i, value in enumerate(values)
    ]


def point(curve: Sequence[Value], t: float) -> Value:
    """The point of a curve."""
    return sum((x * t**k for k, x in enumerate(curve[1:], 1)), curve[0])


def interpolated(f: Callable[[float], Value]) -> list[Value]:
    """The Taylor coefficients at 0 of a function of t, from values at Chebyshev points."""
    points = chebyshev.chebpts1(NODES)
    values = np.array([f(RADIUS * t) for t in points])
    flat = values.reshape(NODES, -1)
    series = np.linalg.solve(chebyshev.chebvander(points, NODES - 1), flat)
    found = []
    for k in range(ORDER + 1):
        at_zero = chebyshev.chebval(0.0, chebyshev.chebder(series, k))
        found.append((at_zero / (math.factorial(k) * RADIUS**k)).reshape(values.shape[1:]))
    return found


def expanded(
    f: Callable[..., Array], curves: Sequence[Sequence[Value]], order: int = ORDER
) -> list[Value]:
    """The coefficients of ``f`` along curves, as values of the result's type."""
    trace = Trace()
    nodes = [constant(freeze_value(curve[0])) for curve in curves]
    given: dict[Array, list[Array]] = {}
    for i, curve in enumerate(curves):
        if len(curve) > 1:
            nodes[i] = make_node(nodes[i]._value, Input(), (nodes[i],), frozenset({trace}))
            given[nodes[i]] = [constant(freeze_value(x)) for x in curve[1:]]
    out = f(*nodes)
    found = expand(trace, [out], given, order)
    zero = np.zeros(out.shape, out.dtype)
    for terms in found:
        for term in terms.values():
            assert type_of(term).shape == out.shape, "a coefficient of another shape"
            assert type_of(term).dtype == out.dtype, "a coefficient of another dtype"
    return [out._value, *[terms.get(out, zero) for terms in found]]


def check(f: Callable[..., Array], *values: Value, rtol: float = 1e-6) -> None:
    """Compare the coefficients along a curve with those of an interpolation."""
    curves = curves_through(values)

    def value_at(t: float) -> Value:
        moved = [point(curve, t) for curve in curves]
        return f(*[constant(freeze_value(x)) for x in moved])._value

    reference = interpolated(value_at)
    for k, (ours, theirs) in enumerate(zip(expanded(f, curves), reference, strict=True)):
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-7, err_msg=f"order {k}")


def applying(primitive: Primitive) -> Callable[..., Array]:
    return lambda *nodes: apply(primitive, *nodes)


@pytest.mark.parametrize(("primitive", "operands"), ROWS, ids=repr)
def test_every_primitive_has_the_coefficients_of_its_values(
    primitive: Primitive, operands: tuple[Value, ...]
) -> None:
    check(applying(primitive), *operands)


@pytest.mark.parametrize(
    ("primitive", "operands", "fixed"),
    [
        (p, values, i)
        for p, values in ROWS
        for i in (0, 1)
        if len(values) == 2 and inexact(values[1])
    ],
    ids=repr,
)
def test_one_operand_may_stay_fixed(
    primitive: Primitive, operands: tuple[Value, ...], fixed: int
) -> None:
    held = constant(freeze_value(operands[fixed]))

    def f(x: Array) -> Array:
        return apply(primitive, held, x) if fixed == 0 else apply(primitive, x, held)

    check(f, operands[1 - fixed])


def test_every_primitive_has_a_row() -> None:
    elsewhere = {Pack, Unpack, Nextafter, MaxPoolShare}
    rows = {type(primitive) for primitive, _ in ROWS}
    moving = [p for p in concrete_primitives() if p.differentiable]
    assert [p for p in moving if p not in rows | elsewhere] == []


def test_a_bundle_has_the_coefficients_of_its_parts() -> None:
    def f(x: Array, y: Array) -> Array:
        bundle = apply(Pack(), x, constant(3.0), y)
        return apply(Unpack(0), bundle) * apply(Unpack(2), bundle) + apply(Unpack(1), bundle)

    check(f, X, ROW)


def test_nextafter_moves_along_with_its_first_operand() -> None:
    curves = [[1.0, 2.0, 3.0], [5.0, 7.0]]
    assert expanded(applying(Nextafter()), curves, 3)[1:] == [2.0, 3.0, 0.0]


@pytest.mark.parametrize("dtype", ["float32", "complex64", "float16"])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: pb.exp(x) * 2 + x,
        lambda x: pb.sum(x * x) / 3.0,
        lambda x: x[0] ** 2.5 + x[1] ** -2,
        lambda x: pb.prod(1 / (x + 1)) - pb.sqrt(x),
    ],
)
def test_coefficients_have_the_dtype_of_the_result(f: Callable[[Array], Array], dtype: str) -> None:
    x = np.array([0.5, 0.75], dtype)
    curve = [x, x, x[::-1]]
    found = expanded(f, [curve])  # which looks at each dtype
    double = expanded(f, [[v.astype("complex128") for v in curve]])
    tolerance = 2e-2 if dtype == "float16" else 1e-4
    for ours, theirs in zip(found, double, strict=True):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


# -------------------------------------------------------------------------------- special points


@pytest.mark.parametrize("n", range(8))
def test_a_whole_power_is_exact_at_zero(n: int) -> None:
    found = expanded(applying(IntegerPower(n)), [[0.0, 2.0]], order=8)
    assert found == [2.0**n if k == n else 0.0 for k in range(9)]


def test_a_power_with_a_floating_exponent_is_exact_at_zero() -> None:
    x, y = np.array([0.0, 3.0]), np.array([3.0, 3.0])
    found = expanded(lambda x: x**y, [[x, np.ones(2)]], order=4)
    expected = [[0, 27], [0, 27], [0, 9], [1, 1], [0, 0]]
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


def test_a_negative_number_has_whole_powers() -> None:
    whole = np.array([2.0, -3.0, 1.0])
    check(lambda x: x**whole, -ROW)


def test_a_root_has_no_series_at_zero() -> None:
    _, first, *_ = expanded(pb.sqrt, [[0.0, 1.0]], order=2)
    assert first == math.inf


def test_a_branch_that_is_not_taken_contributes_nothing() -> None:
    x = np.array([0.0, 4.0])
    found = expanded(lambda x: pb.where(x > 0, pb.sqrt(x), x), [[x, np.ones(2)]], order=2)
    np.testing.assert_array_equal(found, [[0, 2], [1, 0.25], [0, -1 / 64]])


def test_ties_have_the_derivative_of_the_forward_mode() -> None:
    x = np.array([1.0, 1.0, 0.0])
    found = expanded(pb.max, [[x, np.array([1.0, 3.0, 9.0]), np.array([2.0, 4.0, 9.0])]], order=2)
    assert found == [1.0, 2.0, 3.0]
    assert expanded(pb.abs, [[0.0, 1.0]], order=2) == [0.0, 0.0, 0.0]


def test_what_is_constant_has_zero_coefficients() -> None:
    found = expanded(lambda x: pb.floor(x) + pb.stop_gradient(x), [[1.5, 1.0]], order=2)
    assert found == [2.5, 0.0, 0.0]


def test_an_output_that_is_an_input_has_its_coefficients_and_then_zeros() -> None:
    assert expanded(lambda x: x, [[1.0, 2.0, 3.0]], order=4) == [1.0, 2.0, 3.0, 0.0, 0.0]


def test_two_outputs_and_an_output_without_the_input() -> None:
    trace = Trace()
    x = make_node(2.0, Input(), (constant(2.0),), frozenset({trace}))
    square, fixed = x * x, constant(1.0)
    found: Value = expand(trace, [square, fixed, x], {x: [constant(1.0)]}, 2)
    assert found == [{square: 4.0, x: 1.0}, {square: 1.0}]


# ------------------------------------------------------------------------------------- outer traces


def test_coefficients_of_unknown_values_are_nodes() -> None:
    outer, trace = Trace(), Trace()
    type_ = ArrayType((3,), np.dtype("float64"))
    around = make_node(type_, Input(), (), frozenset({outer}))
    x = make_node(type_, Input(), (around,), frozenset({outer, trace}))
    y = pb.sum(pb.sin(x) ** 1.5 / x)
    for terms in expand(trace, [y], {x: [constant(np.ones(3))]}, 2):
        term: Value = terms[y]
        assert isinstance(term, Array)
        assert not term.known
        assert term.type == y.type
        assert term.sources == {outer}


def test_constants_of_an_outer_trace_stand_beside_series() -> None:
    outer, trace = Trace(), Trace()
    a = make_node(3.0, Input(), (), frozenset({outer}))
    x = make_node(2.0, Input(), (constant(2.0),), frozenset({trace}))
    y = pb.where(a > x, a * pb.exp(a * x), a)
    (terms,) = expand(trace, [y], {x: [constant(1.0)]}, 1)
    first: Value = terms[y]
    assert isinstance(first, Array)
    assert first.sources == {outer}
    np.testing.assert_allclose(first._value, 9 * math.exp(6))
