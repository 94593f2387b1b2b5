"""What `jit` once did wrong, found by fuzzing and by hand: each test is one claim."""

from __future__ import annotations

import operator
from array import array
from collections import ChainMap
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

import pullback as pb
from pullback.primitives.quantity import Value
from tests.fuzz.native import report
from tests.lambdas import of

X = np.array([1.0, 2.0, 3.0])

# ---------------------------------------------------------------------------------- random programs


@pytest.mark.parametrize(
    "seed",
    [
        501805, 501861, 502328, 500728, 701123,  # products of several layouts
        917330,  # the smaller of a number and a row, in lanes
        1200024,  # a step dropped by `simplify`, and steps that use it by its old number
    ],
)  # fmt: skip
def test_cases_of_the_fuzzer(seed: int) -> None:
    assert report(seed) is None


# ------------------------------------------------------------------------------ absent zeros, calls

CALLS: dict[str, Callable[[Value], Value]] = {
    "jit": pb.jit(of(lambda x: pb.sqrt(x) * x[::-1])),
    "jit of a product": pb.jit(of(lambda x: pb.ones((3, 3)) @ pb.sqrt(x))),
    "checkpoint": pb.checkpoint(of(lambda x: pb.sqrt(x) * x[::-1])),
    "cond": of(lambda x: pb.cond(x[1] > 0, pb.sqrt, of(lambda a: a), x)),
    "scan": of(lambda x: pb.scan(lambda c, y: (c + pb.sqrt(y), c * y), 0.0, x)[1]),
    "fori_loop": of(lambda x: pb.fori_loop(0, 2, lambda _, c: pb.sqrt(c), x)),
    "jit of a scan": pb.jit(of(lambda x: pb.scan(lambda c, y: (c + pb.sqrt(y), c), 0.0, x)[1])),
    "jit of jit": pb.jit(pb.jit(of(pb.sqrt))),
}


@pytest.mark.parametrize("f", [pb.sign, abs, of(lambda x: pb.clip(x, -1.0, 2.0)), pb.square])
def test_a_number_in_all_lanes_goes_through_every_instruction(f: Callable[[Value], Value]) -> None:
    def g(x: Value, y: Value) -> Value:
        return pb.minimum(f(pb.maximum(x, x - 1)), y)

    y = np.linspace(-3, 3, 85, dtype=np.float32).reshape(5, 17)
    assert np.array_equal(pb.jit(g)(np.array(-1.5), y), np.minimum(np.asarray(f(-1.5)), y))


@pytest.mark.parametrize("name", CALLS)
def test_zeros_of_unit_vectors_are_absent_in_calls(name: str) -> None:
    f, x = CALLS[name], np.array([0.0, 1.0, 4.0])
    backward = pb.jacobian(f, mode="reverse")(x)
    assert not np.isnan(backward).any()
    assert np.isinf(backward).any()
    for forward in (pb.jacobian(f, mode="forward"), pb.jit(pb.jacobian(f, mode="forward"))):
        np.testing.assert_allclose(forward(x), backward, rtol=1e-14)


def test_forward_jacobian_of_a_jitted_one_has_no_nan_that_eager_has_not() -> None:
    def f(x: Value) -> Value:
        return pb.sum((x * x) ** 1.5)

    x = np.array([-0.4, 0.0, 2.0])
    functions: list[Callable[[Value], Value]] = [f, pb.jit(f), pb.jit(pb.jit(f))]
    for g in functions:
        twice = pb.jacobian(pb.jacobian(g, mode="forward"), mode="forward")
        np.testing.assert_allclose(pb.jit(twice)(x), np.diag([2.4, 0.0, 12.0]), rtol=1e-12)


def test_absent_zeros_cost_no_native_code_at_each_call() -> None:
    f = pb.jit(of(lambda x: pb.sqrt(x) * 3.0))
    jacobian: Callable[[Value], Value] = pb.jacobian(f, mode="forward")
    jacobian(X)
    call = next(iter(f._traces.values()))[0]._calls
    derived = [len(each._derived) for each, _ in call.values()]
    jacobian(X)
    assert derived == [len(each._derived) for each, _ in call.values()]


# --------------------------------------------------------------------------------- stale functions


class Config:
    """An object whose class is changed in place."""

    k = 2.0


class Other:
    """The other class."""

    k = 3.0


def test_replaced_defaults_of_keywords_are_seen() -> None:
    def f(x: Value, *, k: float = 2.0) -> Value:
        return x * k

    jitted = pb.jit(f)
    assert jitted(1.0) == 2.0
    f.__kwdefaults__ = {"k": 9.0}
    assert jitted(1.0) == 9.0


def test_a_slice_that_takes_the_place_of_another_is_seen() -> None:
    where = [slice(0, 2)]
    jitted = pb.jit(lambda x: x[where[0]])
    assert jitted(X).tolist() == [1.0, 2.0]
    where[0] = slice(1, 3)
    assert jitted(X).tolist() == [2.0, 3.0]
    where[0] = slice(1, 3)
    assert jitted(X).tolist() == [2.0, 3.0]
    assert len(jitted.traces) == 2


def test_a_library_object_that_takes_the_place_of_another_is_seen() -> None:
    parts = [Fraction(1, 2)]
    jitted = pb.jit(lambda x: x * float(parts[0]))
    assert jitted(1.0) == 0.5
    parts[0] = Fraction(1, 4)
    assert jitted(1.0) == 0.25


def test_containers_of_libraries_are_looked_into() -> None:
    low = {"k": 1.0}
    both = ChainMap({}, low)
    jitted = pb.jit(lambda x: x * both["k"])
    assert jitted(1.0) == 1.0
    low["k"] = 2.0
    assert jitted(1.0) == 2.0


@pytest.mark.parametrize("memory", [array("d", [1.0, 2.0]), bytearray(b"ab")])
def test_memory_that_is_no_ndarray_is_seen_to_change(memory: Value) -> None:
    view = memoryview(memory)
    direct, through = pb.jit(lambda x: x * memory[0]), pb.jit(lambda x: x * view[0])
    before = memory[0]
    assert direct(1.0) == through(1.0) == before
    memory[0] = type(before)(7)
    assert direct(1.0) == through(1.0) == 7


def test_captured_memory_may_grow() -> None:
    memory = bytearray(b"a")
    jitted = pb.jit(lambda x: x * len(memory))
    assert jitted(1.0) == 1.0
    memory.append(1)
    assert jitted(1.0) == 2.0


@pytest.mark.parametrize(
    "get", [operator.attrgetter("k"), operator.methodcaller("__getattribute__", "k")]
)
def test_getters_mention_attributes(get: Callable[[object], float]) -> None:
    config = Config()
    jitted = pb.jit(lambda x: x * get(config))
    assert jitted(1.0) == 2.0
    config.k = 4.0
    assert jitted(1.0) == 4.0


def test_globals_in_strings_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "FACTOR", 2.0)
    quoted, evaluated = (
        pb.jit(lambda x: x * globals()["FACTOR"]),
        pb.jit(lambda x: x * eval("FACTOR + 1.0")),  # noqa: S307 - what is tested
    )
    assert (quoted(1.0), evaluated(1.0)) == (2.0, 3.0)
    monkeypatch.setitem(globals(), "FACTOR", 4.0)
    assert (quoted(1.0), evaluated(1.0)) == (4.0, 5.0)


def test_another_class_of_the_same_object_is_seen() -> None:
    config: Value = Config()
    jitted = pb.jit(lambda x: x * config.k)
    assert jitted(1.0) == 2.0
    config.__class__ = Other
    assert jitted(1.0) == 3.0


def test_repeated_literals_of_a_tape_stay_with_their_steps() -> None:
    count = 1500
    numbers = [0.0, *[1.0] * (count - 2), 0.0]

    def function(x: Value) -> list[Value]:
        return [(x - float(k)) * (x - float(k)) + numbers[k] for k in range(count)]

    assert pb.jit(function)(0.01) == function(0.01)


def test_a_literal_before_the_first_arguments_is_none_of_them() -> None:
    def function(*x: Value) -> list[Value]:
        values = list(x)
        found = [x[0] * 1.5] + [x[0] * each for each in x]
        for _ in range(6000 // len(x)):
            values = [pb.sin(value) for value in values]
        return found + values

    given = np.linspace(0.1, 0.9, 9).tolist()
    np.testing.assert_allclose(pb.jit(function)(*given), function(*given), rtol=1e-13)


@pytest.mark.parametrize("shape", [(0, 15), (0, 100), (2, 0, 100), (16, 0, 15), (0, 2, 100)])
@pytest.mark.parametrize("fold", [pb.sum, pb.prod, pb.any, pb.all])
def test_folds_of_nothing_into_long_rows(fold: Callable[..., Value], shape: Value) -> None:
    axis = shape.index(0)
    x = np.zeros(shape)
    found, expected = pb.jit(lambda x: fold(x, axis=axis))(x), fold(x, axis=axis)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_the_other_integer_of_64_bits_leaves_no_trace() -> None:
    doubled = pb.jit(lambda x: x * 2)
    assert doubled(np.longlong(3)) == 6
    assert type(doubled(np.int64(3))) is np.int64
    assert doubled(np.arange(3)).dtype is np.dtype(np.int64)
