"""What `jit` tells: why it traced, what it compiled, and the errors about it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any  # noqa: TID251 - functions of whatever pytrees a row has

import numpy as np
import pytest

import pullback as pb
from pullback import Array, jit
from pullback.errors import ConversionError, ProgramError
from pullback.primitives.quantity import Value
from pullback.types import ArrayType

Function = Callable[..., Any]
X = np.linspace(-1.0, 1.0, 6)


def double(x: Value) -> Value:
    return pb.sum(np.tanh(x) * 2)


#: A first call, another one, and why it needs a trace.
REASONS: dict[str, tuple[tuple[Value, ...], tuple[Value, ...], str]] = {
    "shape": ((X,), (X[:3],), "x: float64[6] → float64[3]"),
    "dtype": ((X,), (X.astype("f4"),), "x: float64[6] → float32[6]"),
    "weak": ((1.0,), (np.float64(1.0),), "x: weak float64 → float64[]"),
    "leaf": (([X, X],), ([X, 1.0],), "x[1]: float64[6] → weak float64"),
    "length": (([X],), ([X, X],), "x: [*] → [*, *]"),
    "keys": (({"a": X},), ({"b": X},), "x: {'a': *} → {'b': *}"),
    "order": (({"a": X, "b": X},), ({"b": X, "a": X},), "x: the keys of a dict in another order"),
    "text": ((("a", X),), (("b", X),), "x[0]: 'a' → 'b'"),
    "more": ((X,), (X, 1.0), "args[1] was not given"),
    "fewer": ((X, 1.0), (X,), "args[1] was given and is not"),
}


@pytest.mark.parametrize("name", REASONS)
def test_reason_of_a_trace_is_told(name: str) -> None:
    first, second, text = REASONS[name]

    @jit
    def f(x: Value, *rest: Value) -> None: ...

    assert f.explain(*first) == "a trace is needed: the first call"
    f(*first)
    assert f.explain(*first) == "no trace is needed"
    assert f.explain(*second) == f"a trace is needed: {text}"
    f(*second)
    assert [record.reason for record in f.traces] == ["the first call", text]
    f(*first)
    f(*second)
    assert len(f.traces) == 2


def test_reason_compares_with_the_nearest_trace() -> None:
    jitted = jit(lambda x, y: x)
    jitted(X, X)
    jitted([X, X], {"a": 1.0})
    assert jitted.explain(X, 1.0) == "a trace is needed: y: float64[6] → weak float64"


def test_changed_surroundings_are_a_reason() -> None:
    rate = 0.5
    jitted = jit(lambda x: x * rate)
    assert jitted(2.0) == 1.0
    rate = 0.25
    assert "rate" in jitted.explain(2.0)
    assert jitted(2.0) == 0.5
    assert "rate" in jitted.traces[1].reason
    assert "-    a: weak float64 = multiply(x, 0.5)" in jitted.traces[1].difference
    assert "+    a: weak float64 = multiply(x, 0.25)" in jitted.traces[1].difference


def test_objects_that_changed_are_called_as_the_argument_is() -> None:
    class Settings:
        scale = 1.0

    settings, other = Settings(), Settings()
    settings.scale = other.scale = 2.0
    jitted = jit(lambda a, s: a * s.scale * other.scale, static_argnames="s")
    leaf = jit(lambda a, s: a * s[0].scale)
    assert jitted(1.0, settings) == 4.0
    assert leaf(1.0, [settings]) == 2.0
    settings.scale = 3.0
    assert jitted(1.0, settings) == 6.0
    assert leaf(1.0, [settings]) == 3.0
    assert jitted.traces[1].reason == "`s.scale` was 2.0 and is 3.0"
    assert leaf.traces[1].reason == "`s[0].scale` was 2.0 and is 3.0"


def test_passing_by_name_is_a_reason() -> None:
    jitted = jit(lambda x, y: x - y)
    assert jitted(3.0, 1.0) == jitted(3.0, y=1.0) == jitted(x=3.0, y=1.0) == 2.0
    assert [record.reason for record in jitted.traces[1:]] == [
        "y was passed by position and is passed by name",
        "x was passed by position and is passed by name",
    ]


def test_surroundings_that_change_back_and_forth_do_not_trace_again() -> None:
    rate = 0.5
    jitted = jit(lambda x: x * rate)
    for _ in range(5):
        for rate in (0.5, 0.25):
            assert jitted(2.0) == 2.0 * rate
    assert len(jitted.traces) == 2


def test_changed_static_objects_are_seen() -> None:
    class Settings:
        scale = 1.0

    settings = Settings()
    jitted = jit(lambda x, s: x * s.scale, static_argnums=1)
    assert jitted(2.0, settings) == 2.0
    settings.scale = 3.0
    assert jitted(2.0, settings) == 6.0


def test_attributes_of_a_plain_object_are_seen_by_its_method() -> None:
    class Scaler:
        def __init__(self) -> None:
            self.factor = 2.0

        @jit
        def __call__(self, x: Value) -> Value:
            return x * self.factor

    scaler = Scaler()
    assert scaler(3.0) == 6.0
    scaler.factor = 5.0
    assert scaler(3.0) == 15.0


@pytest.mark.parametrize(
    ("trace", "text"),
    [
        ("captured", "pass what changes as an argument"),
        ("static", "pass a number or an array as an ordinary argument"),
        ("function", "define a function once"),
    ],
)
def test_endless_tracing_warns_once(trace: str, text: str) -> None:
    rate = 0.0
    functions: dict[str, Function] = {
        "captured": jit(lambda x: x * rate),
        "static": jit(lambda x, n: x * n, static_argnums=1),
        "function": jit(lambda x, f: f(x)),
    }
    jitted = functions[trace]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(40):
            rate = float(number)
            n = number
            others = {"captured": (), "static": (n,), "function": (lambda x, n=n: x * n,)}[trace]
            assert jitted(2.0, *others) == 2.0 * number
    (warning,) = caught
    assert text in str(warning.message)
    assert "traced 9 times" in str(warning.message)
    assert warning.filename == __file__


def test_texts_of_traces() -> None:
    jitted = jit(double)
    jitted(X)
    (record,) = jitted.traces
    assert str(record).startswith("trace 1 for (x: float64[6]): the first call; 3 steps in ")
    assert record.difference == ""
    assert record.seconds > 0
    assert str(record.program) == str(pb.trace(double, X))


# ------------------------------------------------------------------------------------ ahead of time


def test_lowered_program_is_that_of_trace() -> None:
    lowered = jit(double).lower(X)
    assert lowered.program == pb.trace(double, X)
    assert str(lowered) == str(lowered.program)
    assert lowered.program(X) == pytest.approx(double(X)._value)


def test_types_stand_for_arrays() -> None:
    jitted = jit(double)
    compiled = jitted.lower(ArrayType((6,), np.dtype("f8"))).compile()
    assert compiled(X) == jitted(X)
    assert len(jitted.traces) == 1


def test_compiled_function_is_called_as_the_function_is() -> None:
    def f(x: Value, how: str, *, n: int, y: Value) -> Value:
        return {"sum": x["a"] + y * n, "how": how, "same": x}

    x = {"a": X}
    lowered = jit(f, static_argnames="n").lower(x, "text", y=2.0, n=3)
    compiled = lowered.compile()
    for _ in range(2):
        for got in (compiled(x, "text", n=3, y=5.0), lowered.program(x, "text", n=3, y=5.0)):
            np.testing.assert_allclose(got["sum"], X + 15)
            assert got["how"] == "text"
    assert isinstance(compiled({"a": pb.asarray(X)}, "text", n=3, y=5.0)["sum"], Array)
    with pytest.raises(ProgramError, match=r"compiled for other arguments: n: 3 → 4"):
        compiled(x, "text", n=4, y=5.0)
    with pytest.raises(ProgramError, match=r"x\['a'\]: float64\[6\] → float64\[3\]"):
        compiled({"a": X[:3]}, "text", n=3, y=5.0)


def test_compiled_function_is_differentiated() -> None:
    compiled = jit(double).lower(X).compile()
    np.testing.assert_allclose(pb.grad(compiled)(X), pb.grad(double)(X))
    assert compiled(X) == pytest.approx(double(X)._value)


def test_stale_compiled_function_refuses() -> None:
    rate = 2.0
    compiled = jit(lambda x: x * rate).lower(1.0).compile()
    assert compiled(3.0) == 6.0
    rate = 3.0
    with pytest.raises(ProgramError, match=r"stale: .*rate.*; lower it again"):
        compiled(3.0)


def test_what_is_compiled_ahead_of_time_is_closed() -> None:
    def f(x: Value) -> Value:
        jit(lambda y: x * y).lower(1.0)
        return x

    with pytest.raises(ProgramError, match="uses a value of an outer transform"):
        pb.grad(f)(1.0)


def test_inspection() -> None:
    compiled = jit(double).lower(X).compile()
    assert compiled.passes[0].name == "traced"
    assert str(compiled.passes[0].program) == str(compiled.program)
    for step in compiled.passes:
        assert str(step).startswith(f"after {step.name}:\nprogram(")
    assert "define" in compiled.llvm_ir
    assert "define" in compiled.optimised_llvm_ir
    assert ".section" in compiled.assembly
    assert "arena" in str(compiled.memory_plan)
    assert "tanh" in str(compiled.kernels)
    assert compiled.times.total == pytest.approx(sum(s for _, s in compiled.times.stages))
    assert "total" in str(compiled.times)
    report = str(compiled)
    for part in (compiled.passes[0], compiled.kernels, compiled.memory_plan, compiled.times):
        assert str(part) in report
    texts = [str(step.program) for step in compiled.passes]
    for step, before, now in zip(compiled.passes[1:], texts, texts[1:], strict=False):
        assert (f"after {step.name}: the same" if now == before else str(step)) in report


# ------------------------------------------------------------------------------------------ errors

ASKING: dict[str, Function] = {
    "if": lambda x: x if x > 0 else -x,
    "float": float,
    "range": lambda x: list(range(x)),
    "asarray": np.asarray,
    "item": lambda x: x.item(),
}


@pytest.mark.parametrize("name", ASKING)
def test_values_are_not_known(name: str) -> None:
    jitted = jit(ASKING[name])
    for _ in range(2):
        with pytest.raises(ConversionError, match="is not known while jit traces the function"):
            jitted(2)
    assert jitted.traces == ()
