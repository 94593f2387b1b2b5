"""Programs are values: they compute, compare, hash, pickle and check; nobody can change them."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback import tree
from pullback.control.scan import Scan
from pullback.core import Array, Program, Trace, build_program, constant, lift, unknown
from pullback.errors import ProgramError, PullbackError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Value
from pullback.primitives.trigonometric import Sin
from pullback.types import ArrayType
from tests.core.nodes import traced

F8: Final = np.dtype("f8")
X: Final = np.linspace(0.5, 2.0, 3)
M: Final = np.linspace(-1.0, 1.0, 12).reshape(3, 4)


def pickled(program: Program) -> Program:
    """The program, written and read."""
    read: Program = pickle.loads(pickle.dumps(program))  # noqa: S301 - our own
    return read


def itself(program: Program) -> Program:
    return program


def two(f: Callable[[Value, Value], Value]) -> Program:
    """A program of a vector and a matrix."""
    return pb.trace(f, X, M)


FUNCTIONS: Final[dict[str, Callable[[Value, Value], Value]]] = {
    "elementwise": lambda x, m: np.sin(x) * x + 1,
    "product": lambda x, m: np.tanh(x @ m),
    "reused": lambda x, m: (x * x) @ m + x @ m * 2,
    "one operand three times": lambda x, m: np.where(x > 1, x, x),
    "input": lambda x, m: m,
    "constant": lambda x, m: np.arange(4.0),
    "indices": lambda x, m: m[np.array([2, 0]), 1:] * x[0],
    "scan": lambda x, m: pb.scan(lambda c, r: (c * 0.5 + r.sum(), c), x[0], m)[1],
    "cond": lambda x, m: pb.cond(x[0] > m[0, 0], lambda a: a * 2, lambda a: a, x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_evaluates_as_the_function(name: str) -> None:
    f = FUNCTIONS[name]
    program = two(f)
    (found,) = program.evaluate([X, M])
    np.testing.assert_array_equal(
        found, f(lift(X), lift(M))._value if name != "constant" else f(X, M)
    )
    assert program.output_types == (lift(found).type,)
    program.type_check()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_applied_to_nodes_records_what_the_function_does(name: str) -> None:
    f = FUNCTIONS[name]
    program = two(f)
    (known,) = program.apply([constant(X), constant(M)])
    assert not known.sources
    x, m = traced(X), traced(M)
    for nodes in ([x, m], [x, constant(M)], [constant(X), m]):
        (out,) = program.apply(nodes)
        np.testing.assert_array_equal(out._value, known._value)
        assert out.sources == lift(f(*nodes)).sources
    blank = unknown(x.type, frozenset({Trace()}))
    (out,) = program.apply([blank, m])  # one that is not known, one that is
    assert out.type == known.type
    assert out.sources == lift(f(blank, m)).sources


def test_evaluation_gives_one_value_for_each_output_in_order() -> None:
    program = pb.trace(lambda x, y: (y, x + y, x, y, 3), 1.0, 2.0)
    assert program.evaluate([1.0, 2.0]) == [2.0, 3.0, 1.0, 2.0, 3]


def test_gradient_through_an_applied_program_is_that_of_the_function() -> None:
    f = FUNCTIONS["reused"]
    program = two(f)
    direct = pb.grad(lambda x: f(x, M).sum())(X)
    np.testing.assert_allclose(pb.grad(lambda x: program(x, M).sum())(X), direct)  # type: ignore[attr-defined]


def capture(outer: Array) -> tuple[Program, list[Array]]:
    trace = Trace()
    x = unknown(ArrayType((3,), F8), frozenset({trace}))
    return build_program(trace, [x], [x * outer, pb.sin(outer) + x])


def test_nodes_of_other_traces_are_the_first_inputs() -> None:
    outer = traced(2.0, label="w")
    program, captured = capture(outer)
    assert captured[0] is outer
    assert program.names[0] == "w"
    assert len(program.inputs) == len(captured) + 1
    found = program.apply([*captured, constant(X)])
    np.testing.assert_array_equal(found[0]._value, 2 * X)
    np.testing.assert_array_equal(found[1]._value, math.sin(2.0) + X)
    assert [node.sources for node in found] == [outer.sources] * 2


# ------------------------------------------------------------------------- equality and hash

DIFFERENT: Final[dict[str, Callable[[], Program]]] = {
    "base": lambda: pb.trace(lambda x, y: np.sin(x) * 2.0 + y[0], X, M[0]),
    "another constant": lambda: pb.trace(lambda x, y: np.sin(x) * 2.5 + y[0], X, M[0]),
    "another kind of constant": lambda: pb.trace(lambda x, y: np.sin(x) * 2 + y[0], X, M[0]),
    "a strong constant": lambda: pb.trace(lambda x, y: np.sin(x) * np.float64(2) + y[0], X, M[0]),
    "another static field": lambda: pb.trace(lambda x, y: np.sin(x) * 2.0 + y[1], X, M[0]),
    "another primitive": lambda: pb.trace(lambda x, y: np.cos(x) * 2.0 + y[0], X, M[0]),
    "another order of operands": lambda: pb.trace(lambda x, y: 2.0 * np.sin(x) + y[0], X, M[0]),
    "another shape": lambda: pb.trace(lambda x, y: np.sin(x) * 2.0 + y[0], X[:2], M[0]),
    "another dtype": lambda: pb.trace(
        lambda x, y: np.sin(x) * 2.0 + y[0], X.astype("f4"), M[0].astype("f4")
    ),
    "another unused input": lambda: pb.trace(lambda x, y: np.sin(x) * 2.0, X, M[0]),
    "two outputs": lambda: pb.trace(lambda x, y: (np.sin(x) * 2.0, y[0]), X, M[0]),
    "outputs exchanged": lambda: pb.trace(lambda x, y: (y[0], np.sin(x) * 2.0), X, M[0]),
    "another structure": lambda: pb.trace(lambda x, y: np.sin(x) * 2.0 + y[0][0], X, [M[0]]),
    "another result": lambda: pb.trace(lambda x, y: [np.sin(x) * 2.0 + y[0]], X, M[0]),
    "a keyword": lambda: pb.trace(lambda x, y: np.sin(x) * 2.0 + y[0], X, y=M[0]),
    "another static leaf": lambda: pb.trace(lambda x, y: np.sin(x) * 2.0 + y[0][0], X, (M[0], "s")),
    "zero": lambda: pb.trace(lambda x: x * 0.0, 1.0),
    "negative zero": lambda: pb.trace(lambda x: x * -0.0, 1.0),
    "int": lambda: pb.trace(lambda x: x * 1, 1.0),
    "bool": lambda: pb.trace(lambda x: x * True, 1.0),
    "a long int": lambda: pb.trace(lambda x: x * 10**30, 1.0),
    "another long int": lambda: pb.trace(lambda x: x * (10**30 + 1), 1.0),
    "nan": lambda: pb.trace(lambda x: x * math.nan, 1.0),
    "large": lambda: pb.trace(lambda x: x * np.arange(100.0), 1.0),
    "another large": lambda: pb.trace(lambda x: x * np.arange(100.0)[::-1], 1.0),
    "scan": lambda: pb.trace(lambda x: pb.scan(lambda c, x: (c + x, c), 0.0, x), X),
    "another body": lambda: pb.trace(lambda x: pb.scan(lambda c, x: (c - x, c), 0.0, x), X),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_program_equals_the_same_program_made_again_and_no_other(name: str) -> None:
    first, again = DIFFERENT[name](), DIFFERENT[name]()
    assert first is not again
    assert first == again
    assert hash(first) == hash(again)
    assert [other for other, make in DIFFERENT.items() if make() == first] == [name]


def test_names_of_parameters_do_not_count() -> None:
    assert pb.trace(lambda x: x + 1, 2.0) == pb.trace(lambda other: other + 1, 5.0)


def test_program_is_no_other_thing() -> None:
    assert DIFFERENT["zero"]() != "program"
    assert len({DIFFERENT["zero"](), DIFFERENT["zero"](), DIFFERENT["nan"]()}) == 2


Link: TypeAlias = tuple[str, Value]
CONSTANTS: Final[list[Value]] = [
    0.0, -0.0, math.nan, 1, 1.0, True, 1j, np.float32(1), np.int8(1), np.arange(3.0), np.zeros(3),
]  # fmt: skip
CHAINS: Final = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["+", "*", "+ x"]), st.sampled_from(CONSTANTS)),
        st.tuples(st.sampled_from(["sin", "flip", "+ self"]), st.just(None)),
    ),
    max_size=4,
)


def chain_program(chain: list[Link], size: int) -> Program:
    def f(x: Value) -> Value:
        y = x
        for operation, value in chain:
            match operation:
                case "+":
                    y = y + value
                case "*":
                    y = value * y
                case "+ x":
                    y = y + x * value
                case "+ self":
                    y = y + y
                case "flip":
                    y = pb.flip(y)
                case _:
                    y = pb.sin(y)
        return y

    return pb.trace(f, np.ones(size, "c16"))


@settings(deadline=None)
@given(CHAINS, CHAINS, st.sampled_from([3, 1]), st.sampled_from([3, 1]))
def test_programs_are_equal_if_and_only_if_made_alike(
    first: list[Link], second: list[Link], size: int, other_size: int
) -> None:
    p, q = chain_program(first, size), chain_program(second, other_size)
    alike = (repr(first), size) == (repr(second), other_size)
    assert (p == q) is alike
    assert (q == p) is alike
    assert (p != q) is not alike
    again = chain_program(list(first), size)
    assert p == again
    assert hash(p) == hash(again)
    assert (hash(p) == hash(q)) or p != q
    assert pickled(p) == p


# ---------------------------------------------------------------------------------- pickling

ELSEWHERE: Final = """
import pickle, sys
from tests.core import test_program as here
programs = {name: make() for name, make in here.DIFFERENT.items()}
given = pickle.load(sys.stdin.buffer)
assert given == programs and all(hash(given[name]) == hash(programs[name]) for name in programs)
assert all(str(given[name]) == str(programs[name]) for name in programs)
sys.stdout.buffer.write(pickle.dumps(given))
"""


def test_program_pickled_in_another_process_is_equal() -> None:
    programs = {name: make() for name, make in DIFFERENT.items()}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ELSEWHERE],
        input=pickle.dumps(programs), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert pickle.loads(done.stdout) == programs  # noqa: S301 - our own


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_copies_evaluate_alike(again: Callable[[Program], Program]) -> None:
    program = two(FUNCTIONS["scan"])
    np.testing.assert_array_equal(again(program).evaluate([X, M])[0], program.evaluate([X, M])[0])


# ------------------------------------------------------------------------------ immutability


@pytest.mark.parametrize("again", [itself, pickled])
def test_constants_cannot_be_written_to(again: Callable[[Program], Program]) -> None:
    table = np.arange(4.0)
    f: Callable[[Value], Value] = lambda x: x * table  # noqa: E731 - for its type
    program = again(pb.trace(f, 1.0))
    table[0] = 9.0
    (held,) = program.constants
    with pytest.raises(ValueError, match="read-only"):
        held[0] = 9.0
    with pytest.raises(ValueError, match="WRITEABLE"):
        held.flags.writeable = True
    while isinstance(held, np.ndarray):
        assert not held.flags.writeable
        held = held.base
    np.testing.assert_array_equal(program.evaluate([1.0])[0], np.arange(4.0))


def test_fields_cannot_be_set() -> None:
    with pytest.raises(FrozenInstanceError):
        DIFFERENT["zero"]().outputs = ()  # type: ignore[misc]


def test_program_is_a_leaf_of_a_tree() -> None:
    program = DIFFERENT["zero"]()
    assert tree.leaves([program, ArrayType((), F8)]) == [program, ArrayType((), F8)]


# -------------------------------------------------------------------------------- type check


def broken_body(program: Program) -> Program:
    """A program that holds one whose types are wrong."""
    ((scan, numbers),) = [step for step in program.steps if isinstance(step[0], Scan)]
    assert isinstance(scan, Scan)
    body = evolve(scan.body, types=scan.body.types[::-1] * 2)
    steps = [
        (evolve(scan, body=body), numbers) if step[0] is scan else step for step in program.steps
    ]
    return evolve(program, steps=tuple(steps))


TWO: Final = ArrayType((2,), F8)
BROKEN: Final[dict[str, tuple[Callable[[Program], Program], str]]] = {
    "a wrong type": (
        lambda p: evolve(p, types=(ArrayType((2,), F8), *p.types[1:])),
        r"step 3 \(sin\) states the type float64\[2\], and its operands give float64\[3\]",
    ),
    "a wrong dtype of an input": (
        lambda p: evolve(p, inputs=(ArrayType((3,), np.dtype("f4")),)),
        r"step 3 \(sin\) states the type float64\[3\], and its operands give float32\[3\]",
    ),
    "an operand from later": (
        lambda p: evolve(p, steps=((Sin(), (3,)), *p.steps[1:])),
        r"step 3 \(sin\) has operands \(3,\), of which some are not earlier values",
    ),
    "a negative operand": (
        lambda p: evolve(p, steps=((Sin(), (-1,)), *p.steps[1:])),
        r"step 3 \(sin\) has operands \(-1,\)",
    ),
    "an output that is not there": (
        lambda p: evolve(p, outputs=(40,)),
        r"program: outputs \(40,\), but there are \d+ values",
    ),
    "a step too few": (
        lambda p: evolve(p, steps=p.steps[1:]),
        r"program: \d steps, but \d types of their results",
    ),
    "an unfit operand": (
        lambda p: evolve(p, inputs=(TWO,), types=(TWO, *p.types[1:])),
        r"add: shapes \(2,\) and \(3,\) do not broadcast",
    ),
    "a broken body": (broken_body, r"program: \d steps, but \d types of their results"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_type_check_names_what_is_broken(name: str) -> None:
    def f(x: Value) -> Value:
        y = np.sin(x) + np.arange(3.0)
        return y * pb.scan(lambda c, row: (c + row, None), 0.0, y)[0]

    program = pb.trace(f, X)
    program.type_check()
    change, text = BROKEN[name]
    with pytest.raises(PullbackError, match=text) as caught:
        change(program).type_check()
    assert isinstance(caught.value, ProgramError) or name == "an unfit operand"


# -------------------------------------------------------------------------------------- size


def chain(steps: int) -> Program:
    """A chain of sines, written down by hand."""
    type_ = ArrayType((), F8)
    sines = tuple([(Sin(), (number,)) for number in range(steps)])
    return Program((type_,), (), sines, (type_,) * steps, (steps,), ("x",))


def test_a_hundred_thousand_steps_are_no_recursion() -> None:
    steps = 100_000
    program, again = chain(steps), chain(steps)
    assert program == again
    assert hash(program) == hash(again)
    assert pickled(program) == program
    assert len(str(program).splitlines()) == steps + 2
    (found,) = program.evaluate([np.float64(1.0)])
    assert 0 < found < 0.01
    program.type_check()
    (node,) = program.apply([traced(np.float64(1.0))])
    rebuilt, _ = build_program(next(iter(node.sources)), [], [node])
    assert len(rebuilt.steps) == steps + 1  # the input, too, since it was not said to be one
    assert isinstance(rebuilt.steps[0][0], Input)


def test_values_are_freed_after_their_last_use() -> None:
    alive: list[int] = []
    program = pb.trace(lambda x: np.cos(np.sin(x * 2) + 1) * x, X)
    for ends, (_, numbers) in zip(program._ends, program.steps, strict=True):
        assert set(ends) <= set(numbers)
        alive += ends
    computed = range(len(program.inputs) + len(program.constants), program.outputs[0])
    assert sorted(alive) == list(computed)
