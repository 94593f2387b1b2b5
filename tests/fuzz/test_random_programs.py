"""Random programs: values against NumPy's, derivatives against central differences.

The programs are smooth almost everywhere. At a point near a kink, where two differences of
different steps disagree, no derivative is compared.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import Array
from pullback.primitives.quantity import Value
from tests.fuzz.programs import Program, numbers, random_program

Point = tuple[Value, ...]
STEP = 1e-5
TOLERANCE = 1e-5  # of differences, relative to the larger of 1 and the derivative

fuzz = settings(max_examples=150, derandomize=True, deadline=None)
# Seeds, for numbers in general position: hypothesis' own random numbers are often 0, at a kink.
randoms = st.integers(0, 2**32).map(random.Random)
lengths = st.integers(1, 7)


def direction(r: random.Random, x: Value) -> Value:
    """A random change of the value's own type."""
    drawn = numbers(r, np.shape(x), complex_=np.iscomplexobj(x))
    return float(drawn) if x.__class__ is float else drawn


def inner(xs: Sequence[Value], ys: Sequence[Value]) -> float:
    """The real inner product of two points."""
    return sum(float(np.sum(np.real(np.conj(x) * y))) for x, y in zip(xs, ys, strict=True))


def along(f: Callable[[Point], Value], direction: Sequence[Value]) -> Callable[[Point], Array]:
    """The derivative of a function in a direction, which differentiates again."""

    def slope(point: Point) -> Array:
        gradient = pb.grad(f)(point)
        terms = [pb.sum(pb.real(g * np.conj(v))) for g, v in zip(gradient, direction, strict=True)]
        return terms[0] + terms[1]

    return slope


def difference(f: Callable[[Point], Value], point: Point, change: Sequence[Value]) -> float | None:
    """The central difference of a function in a direction; None where a kink is near."""

    def quotient(step: float) -> float:
        ahead, behind = (
            float(f(tuple(x + s * v for x, v in zip(point, change, strict=True))))
            for s in (step, -step)
        )
        return (ahead - behind) / (2 * step)

    coarse, fine = quotient(STEP), quotient(STEP / 3)
    return fine if close(coarse, fine) else None


def close(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE * max(1, abs(b))


def cotangents(program: Program, outputs: Sequence[Value]) -> list[Value]:
    """The program's weights as cotangents of its outputs."""
    weights = [w for w in program.weights if w is not None]
    return [np.asarray(w, out.dtype)[()] for w, out in zip(weights, outputs, strict=True)]


@fuzz
@given(randoms, lengths)
def test_values_and_types_are_those_of_numpy(r: random.Random, length: int) -> None:
    program = random_program(r, length)
    expected = program.values(np, program.inputs)
    found = program.values(pb, [pb.asarray(x) for x in program.inputs])
    single = any(np.asarray(v).dtype in {np.dtype("f4"), np.dtype("c8")} for v in expected)
    for value, reference in zip(found, expected, strict=True):
        array = np.asarray(value)
        assert array.shape == np.shape(reference)
        if isinstance(reference, (np.ndarray, np.generic)):
            assert array.dtype == reference.dtype
        np.testing.assert_allclose(array, reference, rtol=1e-4 if single else 1e-9, atol=1e-7)


@fuzz
@given(randoms, lengths)
def test_gradients_are_those_of_differences(r: random.Random, length: int) -> None:
    program = random_program(r, length)
    point = program.inputs
    found = pb.grad(lambda x: program.loss(pb, x))(point)
    for x, g in zip(point, found, strict=True):
        assert type(g) is type(x)
        assert np.shape(g) == np.shape(x)
        assert np.asarray(g).dtype == np.asarray(x).dtype
    v = [direction(r, x) for x in point]
    expected = difference(lambda x: program.loss(np, x), point, v)
    assert expected is None or close(inner(found, v), expected)


@fuzz
@given(randoms, lengths)
def test_second_derivatives_are_those_of_differences(r: random.Random, length: int) -> None:
    program = random_program(r, length)
    point = program.inputs
    v, w = ([direction(r, x) for x in point] for _ in range(2))

    def loss(x: Point) -> Value:
        return program.loss(pb, x)

    expected = difference(lambda x: inner(pb.grad(loss)(x), v), point, w)
    found = inner(pb.grad(along(loss, v))(point), w)
    assert expected is None or close(found, expected)
    assert close(found, inner(pb.grad(along(loss, w))(point), v)), "the Hessian is not symmetric"


@fuzz
@given(randoms, lengths)
def test_closures_see_what_an_outer_transform_differentiates(r: random.Random, length: int) -> None:
    program = random_program(r, length)
    x, y = program.inputs
    v = direction(r, y)

    def mixed(x: Value) -> Array:
        inner_gradient = pb.grad(lambda y: program.loss(pb, (x, y)))(y)
        return pb.sum(pb.real(inner_gradient * np.conj(v)))

    zero: Value = x * 0
    whole = pb.grad(along(lambda point: program.loss(pb, point), (zero, v)))((x, y))
    np.testing.assert_allclose(pb.grad(mixed)(x), whole[0], rtol=1e-8, atol=1e-8)


@fuzz
@given(randoms, lengths)
def test_pullbacks_agree_with_gradients_and_share_no_memory(r: random.Random, length: int) -> None:
    program = random_program(r, length)
    point = program.inputs
    outputs, pullback = pb.vjp(lambda x: program.outputs(pb, x), point)
    bars = cotangents(program, [np.asarray(out) for out in outputs])
    found = pullback(bars)
    expected = pb.grad(lambda x: program.loss(pb, x))(point)
    arrays = [a for a in (*found, *point, *bars, *outputs) if isinstance(a, np.ndarray)]
    for i, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in arrays[:i] if b is not a)
    for g, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(g, reference, rtol=1e-9, atol=1e-9)
        if isinstance(g, np.ndarray):
            g[...] = np.nan
    for g, reference in zip(pullback(bars), expected, strict=True):
        np.testing.assert_allclose(g, reference, rtol=1e-9, atol=1e-9)
