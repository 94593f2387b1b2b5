"""The generic checks of a primitive or of a function of arrays.

Every check compares with something independent: NumPy for values, central differences for
derivatives, the adjoint identity for the pullback. None uses another autodiff system.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from pullback.core import Array, Trace, apply, constant, freeze_value, make_node
from pullback.primitives.identity import Input
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import NUMBERS, Value, quantity_type
from pullback.transforms.vjp import sweep
from pullback.types import ArrayType, type_of

Function = Callable[..., Array]
STEP = 1e-6


def inexact(value: Value) -> bool:
    """Whether a value has derivatives."""
    return type_of(value).inexact


def direction(value: Value, seed: int) -> Value:
    """A fixed random direction of the value's own type."""
    rng = np.random.default_rng(seed)
    type_ = type_of(value)
    numbers = rng.standard_normal(type_.shape)
    if type_.dtype.kind == "c":
        numbers = numbers + 1j * rng.standard_normal(type_.shape)
    return np.asarray(numbers).astype(type_.dtype)[()]


def inner(a: Value, b: Value) -> float:
    """The real inner product Re Σ conj(a)·b."""
    return float(np.sum(np.real(np.conj(a) * b)))


def pullback_of(f: Function, values: Sequence[Value], cotangent: Value) -> list[Value]:
    """The cotangents of all inexact operands, by one sweep on values; zeros where absent."""
    trace = Trace()
    nodes = [
        _input(constant(freeze_value(v)), trace) if inexact(v) else constant(v) for v in values
    ]
    out = f(*nodes)
    bars = sweep(trace, [out], [constant(cotangent)])
    result = []
    for value, node in zip(values, nodes, strict=True):
        if inexact(value):
            bar = bars[node]._value if node in bars else np.zeros_like(value)[()]
            assert np.shape(bar) == np.shape(value), (
                f"cotangent {np.shape(bar)} of {np.shape(value)}"
            )
            assert type_of(bar).dtype == type_of(value).dtype, "the cotangent has another dtype"
            result.append(bar)
    return result


def _input(outer: Array, trace: Trace) -> Array:
    return make_node(outer._value, Input(), (outer,), outer.sources | {trace})


def _moved(values: Sequence[Value], directions: Sequence[Value], step: float) -> list[Value]:
    remaining = iter(directions)
    return [value + step * next(remaining) if inexact(value) else value for value in values]


def check_function(
    f: Function,
    *values: Value,
    order: int = 2,
    rtol: float = 1e-6,
    atol: float = 1e-7,
    step: float = STEP,
) -> None:
    """Check the derivatives of a function of arrays at a smooth point, in double precision.

    Order 1: the pullback against a central difference of the values. Order 2: the derivative of
    the pullback against a central difference of the pullback.
    """
    directions = [direction(v, i) for i, v in enumerate(values) if inexact(v)]
    out = f(*[constant(freeze_value(v)) for v in values])._value
    if not inexact(out):
        return
    cotangent = direction(out, 99)

    def value_along(t: float) -> float:
        moved = f(*[constant(freeze_value(v)) for v in _moved(values, directions, t)])
        return inner(cotangent, moved._value)

    numeric = (value_along(step) - value_along(-step)) / (2 * step)
    bars = pullback_of(f, values, cotangent)
    exact = sum(inner(bar, d) for bar, d in zip(bars, directions, strict=True))
    np.testing.assert_allclose(exact, numeric, rtol=rtol, atol=atol, err_msg="first derivative")
    if order > 1:
        _check_second(f, values, directions, cotangent, rtol=rtol, atol=atol, step=step)


def _check_second(
    f: Function,
    values: Sequence[Value],
    directions: Sequence[Value],
    cotangent: Value,
    *,
    rtol: float,
    atol: float,
    step: float,
) -> None:
    def slope(moved: Sequence[Value]) -> float:
        bars = pullback_of(f, moved, cotangent)
        return sum(inner(bar, w) for bar, w in zip(bars, weights, strict=True))

    weights = [direction(v, 50 + i) for i, v in enumerate(v for v in values if inexact(v))]
    numeric = (
        slope(_moved(values, directions, step)) - slope(_moved(values, directions, -step))
    ) / (2 * step)
    outer = Trace()
    nodes = [
        _input(constant(freeze_value(v)), outer) if inexact(v) else constant(v) for v in values
    ]
    trace = Trace()
    inner_nodes = [_input(n, trace) if n.sources else n for n in nodes]
    out = f(*inner_nodes)
    bars = sweep(trace, [out], [constant(cotangent)])
    firsts = [bars[n] for n in inner_nodes if n.sources and n in bars]
    seeds = [
        constant(w)
        for n, w in zip((n for n in inner_nodes if n.sources), weights, strict=True)
        if n in bars
    ]
    seconds = sweep(outer, firsts, seeds)
    traced = [n for n in nodes if n.sources]
    exact = sum(
        inner(seconds[n]._value, d) for n, d in zip(traced, directions, strict=True) if n in seconds
    )
    np.testing.assert_allclose(exact, numeric, rtol=rtol, atol=atol, err_msg="second derivative")


def check_primitive(
    primitive: Primitive, *values: Value, order: int = 2, **tolerance: float
) -> None:
    """Check everything a primitive promises, at a smooth point.

    The inferred type is the actual type, on values and on nodes without values; a batch has the
    results of its elements; pushforward and pullback are adjoint; derivatives of first and second
    order agree with differences.
    """
    check_type(primitive, *values)
    check_adjoint(primitive, *values)
    check_function(lambda *nodes: apply(primitive, *nodes), *values, order=order, **tolerance)


def check_type(primitive: Primitive, *values: Value) -> None:
    """Check that the inferred type is the actual type, of one result and of a batch."""
    out = primitive.evaluate(*values)
    assert not (isinstance(out, np.ndarray) and out.ndim == 0), "a rank-0 value is a scalar"
    inferred = primitive.infer(*[type_of(v) for v in values])
    assert inferred == type_of(out), f"inferred {inferred}, actual {type_of(out)}"
    trace = Trace()
    unknown = [make_node(type_of(v), Input(), (), frozenset({trace})) for v in values]
    assert apply(primitive, *unknown).type == inferred
    check_batch(primitive, *values)


def check_batch(primitive: Primitive, *values: Value) -> None:
    """Check batches of every size and of any of the operands against the single results.

    But not of Python numbers: a batch of them would have another dtype than each.
    """
    choices = [(False,) if value.__class__ in NUMBERS else (False, True) for value in values]
    for flags in itertools.product(*choices):
        if any(flags):
            for size in (3, 1, 0):
                batches = [
                    varied(value, size) if flag else value
                    for value, flag in zip(values, flags, strict=True)
                ]
                check_batch_of(primitive, batches, flags, size)


def check_batch_of(
    primitive: Primitive, operands: Sequence[Value], flags: tuple[bool, ...], size: int
) -> None:
    """Check a batch against the single results.

    On nodes without values the rule builds a node of the same type.
    """
    pairs = list(zip(operands, flags, strict=True))
    types = [element_type(v) if flag else type_of(v) for v, flag in pairs]
    inferred = primitive.infer(*types)
    expected = ArrayType((size, *inferred.shape), inferred.dtype)
    with np.errstate(all="ignore"):
        out: Value = primitive.batch(tuple(operands), flags, size)
        singles = [
            primitive.evaluate(*[v[i] if flag else v for v, flag in pairs]) for i in range(size)
        ]
    assert type_of(out) == expected, f"{type_of(out)} for {expected}, batched: {flags}"
    for result, single in zip(out, singles, strict=True):
        check_close(result, single)
    trace = Trace()
    nodes: list[Value] = [make_node(type_of(v), Input(), (), frozenset({trace})) for v in operands]
    assert quantity_type(primitive.batch(tuple(nodes), flags, size)) == expected


def element_type(batch: Value) -> ArrayType:
    """The type of each element of a batch, which may have none."""
    return ArrayType(batch.shape[1:], batch.dtype)


def varied(value: Value, size: int) -> Value:
    """A batch of distinct elements, the first of which is ``value``.

    Their numbers change places, so that integers stay indices within range, and become smaller
    where they are inexact; what is zero, infinite, nan or tied stays so.
    """
    array = np.asarray(value)
    batch = np.empty((size, *array.shape), array.dtype)
    with np.errstate(all="ignore"):
        for i in range(size):
            batch[i] = np.roll(array, i)
            if inexact(value):
                batch[i] *= 1 - i / 8
    return batch


def check_close(actual: Value, expected: Value) -> None:
    """Check that two values are equal up to the order in which they were rounded."""
    if not inexact(expected):
        np.testing.assert_array_equal(actual, expected)
        return
    largest = np.max(np.abs(expected), initial=0, where=np.isfinite(expected))
    near = 100 * float(np.spacing(np.abs(expected).dtype.type(1)))
    np.testing.assert_allclose(actual, expected, near, near * largest)


def check_adjoint(primitive: Primitive, *values: Value) -> None:
    """Check Re⟨w, J v⟩ = Re⟨Jᵀ w, v⟩ for each operand, in the operand's own dtype."""
    out = primitive.evaluate(*values)
    out_type: ArrayType = type_of(out)
    if not out_type.inexact:
        return
    single = any(type_of(v).dtype.name in {"float32", "complex64"} for v in (*values, out))
    for index, value in enumerate(values):
        if not inexact(value):
            continue
        v, w = direction(value, index), direction(out, 77)
        forward = primitive.pushforward(index, v, out, tuple(values))
        backward = primitive.pullback(index, w, out, tuple(values), lambda a, b: a * b)
        if forward is None or backward is None:
            assert forward is None, "the pushforward exists, the pullback does not"
            assert backward is None, "the pullback exists, the pushforward does not"
            continue
        assert quantity_type(forward).shape == out_type.shape, "tangent of another shape"
        assert quantity_type(forward).dtype == out_type.dtype, "tangent of another dtype"
        assert quantity_type(backward).shape == np.shape(value), "cotangent of another shape"
        assert quantity_type(backward).dtype == type_of(value).dtype, "cotangent of another dtype"
        left, right = inner(w, forward), inner(backward, v)
        tolerance = 1e-4 if single else 1e-10
        np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)
