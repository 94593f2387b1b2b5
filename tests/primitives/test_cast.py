"""Conversion between dtypes: values, types, derivatives that come back in the operand's type."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.core import Trace, apply, constant, make_node
from pullback.primitives.cast import Cast, conform, spread
from pullback.primitives.identity import Input, StopGradient
from pullback.primitives.quantity import Value
from pullback.transforms.vjp import sweep
from pullback.types import type_of
from tests.checks import check_adjoint, check_primitive, check_type, pullback_of

DTYPES = [np.dtype(t) for t in ("?", "i1", "u4", "i8", "f4", "f8", "c8", "c16")]
RNG = np.random.default_rng(0)
REAL = RNG.standard_normal((2, 3))
COMPLEX = REAL + 1j * RNG.standard_normal((2, 3))


@pytest.mark.parametrize("target", DTYPES, ids=str)
@pytest.mark.parametrize("source", DTYPES, ids=str)
def test_values_and_types_are_numpys(
    source: np.dtype[np.generic], target: np.dtype[np.generic]
) -> None:
    x = np.array([0, 1, 3, 5]).astype(source)
    real = x.real if source.kind == "c" and target.kind != "c" else x
    np.testing.assert_array_equal(Cast(target).evaluate(x), real.astype(target))
    check_type(Cast(target), x)
    check_type(Cast(target), x[1])


@pytest.mark.parametrize("target", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("x", [REAL, COMPLEX, REAL.astype("f4"), COMPLEX.astype("c8"), 1.5, 1 + 2j])
def test_pullback_is_the_adjoint_and_has_the_operands_type(x: Value, target: str) -> None:
    check_adjoint(Cast(np.dtype(target)), x)


@pytest.mark.parametrize("x", [REAL, COMPLEX, REAL[0, 0], 1.5])
@pytest.mark.parametrize("target", ["f8", "c16"])
def test_derivatives_agree_with_differences(x: Value, target: str) -> None:
    check_primitive(Cast(np.dtype(target)), x)


def test_a_weak_target_gives_a_python_number() -> None:
    assert type(Cast(np.dtype("f8"), weak=True).evaluate(np.float32(1.5))) is float
    assert type(Cast(np.dtype("c16"), weak=True).evaluate(1.5)) is complex
    assert type(Cast(np.dtype("i8"), weak=True).evaluate(np.int32(3))) is int


@pytest.mark.parametrize("target", ["?", "i4", "u8"])
def test_a_cast_to_integers_or_booleans_is_a_constant(target: str) -> None:
    x = make_node(REAL, Input(), (), frozenset({Trace()}))
    assert not apply(Cast(np.dtype(target)), x).sources
    assert apply(Cast(np.dtype("f4")), x).sources


def test_the_gradient_through_lower_precision_comes_back_in_the_higher() -> None:
    (bar,) = pullback_of(lambda x: apply(Cast(np.dtype("f4")), x), [REAL], np.ones((2, 3), "f4"))
    assert bar.dtype == np.float64
    np.testing.assert_array_equal(bar, np.ones((2, 3)))


@pytest.mark.parametrize(
    ("bar", "like"),
    [
        (np.ones((4, 2, 3)), np.ones((2, 3))),
        (np.ones((4, 2, 3)), np.ones((1, 3), "f4")),
        (np.ones((2, 3)), 2.0),
        (np.ones((2, 3)) + 1j, np.float32(2)),
        (np.ones((0, 3)), np.ones((1, 3))),
        (np.float32(1), 2.0),
    ],
)
def test_conform_sums_and_converts_to_the_operands_type(bar: Value, like: Value) -> None:
    result: Value = conform(bar, like)
    assert type_of(result) == type_of(like)
    total: Value = np.sum(bar)
    np.testing.assert_allclose(np.sum(result), total.real)


@pytest.mark.parametrize("tangent", [2.0, np.float32(2), np.ones(3, "f4"), np.ones((2, 1))])
def test_spread_converts_and_repeats_to_the_results_type(tangent: Value) -> None:
    out: Value = np.ones((4, 2, 3), complex)
    assert type_of(spread(tangent, out)) == type_of(out)


def test_stop_gradient_hands_on_the_value_and_no_derivative() -> None:
    stop = StopGradient()
    check_type(stop, REAL)
    assert stop.evaluate(REAL) is REAL
    assert pullback_of(lambda x: apply(stop, x) + x, [REAL], REAL)[0] is REAL
    assert not apply(stop, make_node(REAL, Input(), (), frozenset({Trace()}))).sources
    unknown = make_node(type_of(REAL), Input(), (), frozenset({Trace()}))
    assert apply(stop, unknown).sources
    assert not apply(stop, constant(REAL)).sources


def test_an_integer_cast_cuts_the_gradient_of_nodes_without_value_as_well() -> None:
    outer, trace = Trace(), Trace()
    x = make_node(type_of(REAL), Input(), (), frozenset({outer}))
    inner = make_node(x._value, Input(), (x,), frozenset({outer, trace}))
    cut = apply(Cast(np.dtype("f8")), apply(Cast(np.dtype("i8")), inner))
    assert inner not in sweep(trace, [cut], [constant(REAL)])
    assert inner in sweep(trace, [apply(Cast(np.dtype("f4")), inner)], [constant(REAL)])
