"""What the tests of elementwise primitives share: operands, exact slopes, checks of every dtype.

A `slope` is again a function of arrays, so slopes of slopes are the second derivatives.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import pytest

from pullback.core import Array, Trace, apply, constant, freeze_value, make_node
from pullback.errors import DTypeError
from pullback.primitives.elementwise import Elementwise
from pullback.primitives.identity import Input
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import NUMBERS, Value
from pullback.transforms.vjp import sweep
from pullback.types import ArrayType, type_of
from tests.checks import check_adjoint, check_type, inexact

Function = Callable[..., Array]

DTYPES: Final = (
    "?",
    *(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)),
    "f2",
    "f4",
    "f8",
    "c8",
    "c16",
)
PYTHON_ONES: Final = (True, 1, 1.0, 1 + 0j)

#: Python numbers at which Python's own operators raise, leave the reals or lose signs.
AWKWARD: Final = (0.0, -0.0, 1.0, -1.5, 2, -3, 0, True, False, 1e200, -1e200, 5e-324)
EXTREME: Final = (float("inf"), float("-inf"), float("nan"))
AWKWARD_COMPLEX: Final = (0j, 1j, complex(-2.0, -0.0), 1e308 + 1e308j)


def reals(shape: tuple[int, ...], low: float, high: float, seed: int = 0) -> Value:
    """Return random numbers of a range; of shape (), a NumPy scalar."""
    return np.random.default_rng(seed).uniform(low, high, shape)


def complexes(shape: tuple[int, ...], low: float, high: float, seed: int = 0) -> Value:
    """Return random complex numbers, the imaginary part of the same range as the real one."""
    return reals(shape, low, high, seed) + 1j * reals(shape, low, high, seed + 1)


def pairs(low: float, high: float) -> list[tuple[Value, Value]]:
    """Return pairs of real operands that broadcast in every way."""
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((2, 3), (2, 3)),
        ((2, 3), (3,)),
        ((3,), (2, 3)),
        ((2, 1), (1, 3)),
        ((), ()),
        ((), (2,)),
        ((1,), (2, 2)),
        ((0,), (1,)),
        ((2, 0), ()),
    ]
    found = [(reals(a, low, high), reals(b, low, high, seed=7)) for a, b in shapes]
    x, y = float(reals((), low, high)), float(reals((), low, high, seed=7))
    return [*found, (x, found[0][1]), (found[0][0], y), (x, y), (x, found[4][1])]


def slope(f: Function, index: int = 0) -> Function:
    """Return the function of ∂f/∂x_index, element by element, of an elementwise ``f``."""

    def derivative(*nodes: Array) -> Array:
        trace = Trace()
        inputs = [
            make_node(n._value, Input(), (n,), n.sources | {trace}) if n.type.inexact else n
            for n in nodes
        ]
        out = f(*inputs)
        bars = sweep(trace, [out], [constant(np.ones(out.shape, out.dtype)[()])])
        x = nodes[index]
        return bars.get(inputs[index], constant(np.zeros(x.shape, x.dtype)[()]))

    return derivative


def slope_at(f: Function, *values: Value, index: int = 0) -> Value:
    """Return the value of ∂f/∂x_index."""
    return slope(f, index)(*map(held, values))._value


def second_at(f: Function, *values: Value, first: int = 0, then: int = 0) -> Value:
    """Return the value of ∂/∂x_then ∂f/∂x_first."""
    return slope(slope(f, first), then)(*map(held, values))._value


def held(value: Value) -> Array:
    """Return a value as a constant."""
    return constant(freeze_value(value))


def applying(primitive: Primitive) -> Function:
    """Return the function of arrays that applies a primitive."""
    return lambda *nodes: apply(primitive, *nodes)


def ones(dtype: str) -> Iterator[Value]:
    """Yield a scalar and an array of ones."""
    yield np.dtype(dtype).type(1)
    yield np.ones(1, dtype)


def check_every_dtype(primitive: Elementwise) -> None:
    """Check values and inferred types against NumPy's, for all combinations of dtypes.

    Where every operand is a Python number, the type is the one that Python gives, which is the
    business of `check_type`.
    """
    choices = [*itertools.chain.from_iterable(map(ones, DTYPES)), *PYTHON_ONES]
    for values in itertools.product(choices, repeat=primitive.ufunc.nin):
        if not all(value.__class__ in NUMBERS for value in values):
            _check_against_ufunc(primitive, values)


def _check_against_ufunc(primitive: Elementwise, values: Sequence[Value]) -> None:
    types = [type_of(value) for value in values]
    met = ", ".join(map(str, types))
    with np.errstate(all="ignore"):
        try:
            expected = primitive.ufunc(*values)
        except TypeError:
            with pytest.raises(DTypeError, match="not defined for dtype"):
                primitive.infer(*types)
            return
        actual = primitive.evaluate(*values)
    assert np.array_equal(actual, expected), met
    # Python's complex, which takes a float64 scalar for a float, keeps the result to itself.
    python_result = actual.__class__ in NUMBERS
    assert not python_result or (types[0].dtype.kind == "c" and types[0].weak), met
    assert type_of(actual).dtype == expected.dtype, met
    inferred = primitive.infer(*types)
    assert inferred == ArrayType(expected.shape, expected.dtype), met


def check_single(primitive: Primitive, *values: Value) -> None:
    """Check that single precision stays single, in the value, tangents and cotangents."""
    single = {"f": "float32", "c": "complex64"}
    lower = [
        np.asarray(v, single[np.asarray(v).dtype.kind])[()] if not isinstance(v, float) else v
        for v in values
    ]
    check_type(primitive, *lower)
    check_adjoint(primitive, *lower)
    out = primitive.evaluate(*lower)
    assert type_of(out).dtype in ("float32", "complex64")


def check_unknown(primitive: Primitive, *values: Value) -> None:
    """Check that the rules need no values, to second order: they build nodes of the right type."""
    outer = Trace()
    nodes = [make_node(type_of(v), Input(), (), frozenset({outer})) for v in values]
    for index, value in enumerate(values):
        if inexact(value):
            first = slope(applying(primitive), index)
            assert _strong(first(*nodes).type) == _strong(type_of(value))
            assert _strong(slope(first, index)(*nodes).type) == _strong(type_of(value))


def _strong(type_: ArrayType) -> ArrayType:
    return ArrayType(type_.shape, type_.dtype)


def check_awkward(primitive: Primitive, arity: int, numbers: Sequence[Value]) -> None:
    """Check that no combination of Python numbers makes a value or a rule raise.

    Raises that are no fault: the operation is not defined for the dtypes (DTypeError).
    """
    for values in itertools.product(numbers, repeat=arity):
        try:
            primitive.infer(*map(type_of, values))
        except DTypeError:
            continue
        with np.errstate(all="ignore"):
            out = applying(primitive)(*map(held, values))
        for index, value in enumerate(values):
            if inexact(value) and type_of(out._value).inexact:
                with np.errstate(all="ignore"):
                    first = slope_at(applying(primitive), *values, index=index)
                    second = second_at(applying(primitive), *values, first=index, then=index)
                assert type_of(first).dtype == type_of(value).dtype, values
                assert type_of(second).dtype == type_of(value).dtype, values


def check_branch_cut(primitive: Primitive, point: complex, along: complex) -> None:
    """Check the slope at a point of a branch cut against the difference along the cut.

    Args:
        primitive: A holomorphic function.
        point: A point of the cut, whose zero part tells the side by its sign.
        along: The direction of the cut, 1 or i.
    """
    step = 1e-6
    if along == 1:
        ends = [complex(point.real + t, point.imag) for t in (-step, step)]
    else:
        ends = [complex(point.real, point.imag + t) for t in (-step, step)]
    for form in (complex, np.complex128, lambda z: np.array([z])):
        low, high = (primitive.evaluate(form(end)) for end in ends)
        slope = np.conj(slope_at(applying(primitive), form(point)))
        np.testing.assert_allclose(slope * along, (high - low) / (2 * step), rtol=1e-8)
