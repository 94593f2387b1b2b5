"""`jit`: results are those of the function, in values, types and structure."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import threading
import weakref
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple  # noqa: TID251 - functions of whatever pytrees a row has

import numpy as np
import pyrsistent
import pytest
from attrs import frozen

import pullback as pb
from pullback import Array, jit, tree
from pullback.errors import ProgramError, PullbackError
from pullback.primitives.quantity import Value
from tests.lambdas import of

Function = Callable[..., Any]
X = np.linspace(-1.0, 1.0, 6)
M = np.arange(6.0).reshape(2, 3)


@frozen
class Model:
    w: Value
    b: Value
    name: str = tree.static(default="model")

    def __call__(self, x: Value) -> Value:
        return pb.tanh(x @ self.w + self.b)


class Pair(NamedTuple):
    first: Value
    second: Value


def several(x: Value) -> Value:
    a, b = np.sin(x), np.cos(x)
    return {"in": x, "sum": a + b, "same": [a, a], "n": 7, "s": "text", "f": np.sin, "none": None}


#: A function and arguments; each is called with plain arguments and with arrays of ours.
CASES: dict[str, tuple[Function, tuple[Value, ...]]] = {
    "elementwise": (lambda x: np.sin(x) * 2 + 1, (X,)),
    "python number": (lambda x: x * x + 1, (3.0,)),
    "python int": (lambda x: x * x + 1, (3,)),
    "python bool": (lambda x: x + 1, (True,)),
    "python complex": (lambda x: x * x, (1 + 2j,)),
    "true division of ints": (lambda x, y: x / y, (3, 4)),
    "numpy scalar": (lambda x: x * 2, (np.float32(1.5),)),
    "integer scalar": (lambda x: x * 2, (np.int8(3),)),
    "weak against float32": (lambda x, y: x * y, (np.float32(2.0), 3.0)),
    "weak against float32 array": (lambda x, y: x * y, (X.astype("f4"), 3.0)),
    "float32": (pb.exp, (X.astype("f4"),)),
    "int8": (lambda x: x + x, (np.arange(5, dtype="i1"),)),
    "bool": (lambda x: ~x, (np.array([True, False]),)),
    "complex": (lambda x: x * (1 + 2j), (X.astype(complex),)),
    "empty": (lambda x: x + 1, (np.zeros((0, 3)),)),
    "sum of empty": (lambda x: x.sum(), (np.zeros((0,)),)),
    "size 1": (lambda x: x * x, (np.ones((1, 1)),)),
    "broadcast both ways": (lambda x, y: x + y, (np.ones((3, 1)), np.ones((1, 4)))),
    "nan and inf": (lambda x: x * 0 + x, (np.array([np.nan, np.inf, -np.inf, -0.0]),)),
    "identity": (lambda x: x, (X,)),
    "identity of a number": (lambda x: x, (2.0,)),
    "view": (lambda x: x[::-2], (X,)),
    "transposed argument": (lambda x: x + 1, (M.T,)),
    "strided argument": (lambda x: x * 3, (np.arange(20.0)[::3],)),
    "read-only argument": (lambda x: x * 3, (np.broadcast_to(2.0, (3,)),)),
    "big-endian argument": (lambda x: x * 3, (np.arange(4.0).astype(">f8"),)),
    "constant": (lambda x: pb.ones(3), (X,)),
    "constant ndarray": (lambda x: np.arange(3), (X,)),
    "nothing": (lambda x: None, (X,)),
    "no arguments": (lambda: pb.ones(2) * 2, ()),
    "text": (lambda x: "text", (X,)),
    "several": (several, (X,)),
    "reduction": (lambda x: (x.sum(), x.mean(axis=0), x.max(), x.argmax()), (M,)),
    "comparison": (lambda x: (x > 0, pb.where(x > 0, x, 0.0)), (X,)),
    "matmul": (lambda x, y: x @ y, (M, M.T)),
    "dict": (lambda d: {k: v * 2 for k, v in d.items()}, ({"b": X, "a": 2.0},)),
    "ordered dict": (lambda d: d, (OrderedDict(b=X, a=2.0),)),
    "default dict": (lambda d: d, (defaultdict(list, b=X, a=2.0),)),
    "nested": (lambda t: [t[0] + 1, (t[1]["x"], None)], (([X][0], {"x": M, "none": None}),)),
    "named tuple": (lambda p: Pair(p.second, p.first * 2), (Pair(1.0, X),)),
    "model": (lambda m, x: (m(x), m), (Model(np.ones((6, 2)), np.zeros(2)), X)),
    "persistent": (lambda m: m.set("c", m["a"] * 2), (pyrsistent.pmap({"a": X, "b": 1.0}),)),
    "vector": (lambda v: v.append(v[0] * 2), (pyrsistent.pvector([X, 1.0]),)),
    "strings": (lambda x, how: x * 2 if how == "double" else x, (X, "double")),
    "function": (lambda f, x: f(x), (np.sin, X)),
    "the same twice": (lambda x, y: x * 2 + y, (X, X)),
    "sorting": (pb.sort, (X[::-1],)),
    "loop": (lambda x: pb.fori_loop(0, 3, lambda i, c: c * 2 + i, x), (X,)),
    "branch": (lambda x: pb.cond(x > 0, lambda v: v * 2, lambda v: -v, x), (np.float64(-2.0),)),
    "while": (lambda x: pb.while_loop(lambda c: c < 100, lambda c: c * 2, x), (3.0,)),
    "scan": (lambda x: pb.scan(lambda c, v: (c + v, c * v), 0.0, x), (X,)),
    "callback": (lambda x: pb.pure_callback(np.sort, x, x), (X[::-1],)),
    "checkpoint": (pb.checkpoint(of(lambda x: np.sin(np.cos(x)))), (X,)),
    "random": (lambda k: pb.random.normal(k, (3,)), (pb.random.key(3),)),
    "random split": (lambda k: pb.random.split(k, 3), (pb.random.key(3),)),
}


def as_arrays(value: Value) -> Value:
    numeric = (int, float, complex, np.ndarray, np.generic)
    return tree.map(lambda x: pb.asarray(x) if isinstance(x, numeric) else x, value)


def check_same(got: Value, expected: Value, *, arrays: bool) -> None:
    """Check that two trees agree; where arguments are plain, an Array stands for its value."""
    mine, structure = tree.flatten(got)
    theirs, wanted = tree.flatten(expected)
    assert structure == wanted
    assert structure.insertion_orders() == wanted.insertion_orders()
    for a, b in zip(mine, theirs, strict=True):
        if not arrays and isinstance(b, Array):
            check_leaf(a, b._value)
        elif isinstance(b, Array):
            assert isinstance(a, Array)
            assert a.type == b.type
            assert not a.sources
            check_leaf(a._value, b._value)
        else:
            check_leaf(a, b)


def check_leaf(a: Value, b: Value) -> None:
    assert type(a) is type(b), (a, b)
    if hasattr(b, "dtype"):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        eps = np.finfo(a.dtype).eps if a.dtype.kind in "fc" else 0.0
        np.testing.assert_allclose(a, b, rtol=8 * eps, atol=eps)
    elif isinstance(b, (float, complex)):
        np.testing.assert_allclose(a, b, rtol=1e-15)
    else:
        assert a is b or a == b


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("arrays", [False, True])
def test_result_is_that_of_the_function(name: str, *, arrays: bool) -> None:
    f, args = CASES[name]
    if arrays:
        args = as_arrays(args)
    some = any(isinstance(leaf, Array) for leaf in tree.leaves(args))
    jitted = jit(f)
    with np.errstate(invalid="ignore"):
        expected = f(*args)
    for _ in range(3):  # traced, recognised, recognised again
        check_same(jitted(*args), expected, arrays=some)
    assert len(jitted.traces) == 1


def test_python_integers_have_no_end() -> None:
    jitted = jit(lambda x: x * x + 1)
    for x in (3, 10**30, -(2**63), 4):
        assert jitted(x) == x * x + 1


@pytest.mark.parametrize("name", CASES)
def test_results_share_no_memory(name: str) -> None:
    f, args = CASES[name]
    jitted = jit(f)
    first, second = (
        [leaf for leaf in tree.leaves(jitted(*args)) if isinstance(leaf, np.ndarray)]
        for _ in range(2)
    )
    given = [leaf for leaf in tree.leaves(args) if isinstance(leaf, np.ndarray)]
    for i, a in enumerate(first):
        assert a.flags.writeable
        others = [*second, *given, *first[:i], *first[i + 1 :]]
        assert not any(np.shares_memory(a, b) for b in others)


def test_containers_in_a_result_are_new_each_time() -> None:
    f = jit(lambda x: (x, {1}, bytearray(b"a"), np.array([1.0])))
    for _ in range(3):
        _, numbers, data, array = f(1.0)
        assert (numbers, data, array) == ({1}, bytearray(b"a"), np.array([1.0]))
        numbers.add(2)
        data += b"b"
        array += 1.0


class Holder:
    """What is no pytree."""

    def __init__(self, held: object) -> None:
        self.held = held


UNFIT_RESULTS: dict[str, tuple[Callable[[Any], object], str]] = {
    "attribute": (lambda x: Holder([x]), "a Holder holds arrays whose values are known to nobody"),
    "set": (lambda x: [1.0, {2 * x}], "a set holds arrays"),
    "closure": (lambda x: lambda y: x * y, "a function holds arrays"),
    "partial": (lambda x: functools.partial(np.add, x), "a partial holds arrays"),
    "view": (lambda x: {"a": x}.values(), "a dict_values holds arrays"),
    "iterator": (lambda x: map(abs, [1.0]), "a map can be read once"),
}


@pytest.mark.parametrize("name", UNFIT_RESULTS)
def test_results_that_later_calls_cannot_give(name: str) -> None:
    f, text = UNFIT_RESULTS[name]
    jitted = jit(f)
    for _ in range(2):
        with pytest.raises(ProgramError, match=f"jit: in the result of <lambda>, {text}"):
            jitted(2.0)
    assert not jitted.traces


def test_objects_that_hold_no_arrays_of_the_trace_are_returned() -> None:
    holder = Holder(np.ones(3))
    assert jit(lambda x: (x, holder, len, Holder))(2.0) == (2.0, holder, len, Holder)


def test_functions_that_run_later_are_refused() -> None:
    async def wait(x: Value) -> Value:
        return x

    def each(x: Value) -> Iterator[Value]:
        yield x

    async def both(x: Value) -> AsyncIterator[Value]:
        yield x

    for f, text in ((wait, "a coroutine"), (each, "a generator"), (both, "a generator")):
        with pytest.raises(ProgramError, match=f"jit: {f.__name__} is {text} function"):
            jit(f)


def test_what_was_written_to_a_result_is_not_seen_later() -> None:
    jitted = jit(lambda x: (x, np.arange(3.0), pb.ones(2)))
    for part in jitted(X):
        part[:] = 99
    check_same(jitted(X), (X, np.arange(3.0), np.ones(2)), arrays=False)


def test_function_is_called_once_for_each_structure_and_types() -> None:
    jitted = jit(lambda x: tree.map(lambda leaf: leaf * 2, x))
    different = [
        2.0,
        3,
        True,
        1j,
        np.float64(2.0),
        np.float32(2.0),
        X,
        X[:3],
        X.astype("f4"),
        M,
        [X],
        (X,),
        {"a": X},
        {"a": X, "b": X},
        {"b": X, "a": X},
        [X, X],
        None,
    ]
    for _ in range(3):
        for x in different:
            jitted(x)
    assert len(jitted.traces) == len(different)


def test_changing_numbers_do_not_trace_again() -> None:
    jitted = jit(lambda x, n: x * n)
    assert [jitted(2.0, n) for n in range(20)] == [2.0 * n for n in range(20)]
    assert len(jitted.traces) == 1


def test_more_kinds_of_calls_than_are_recognised_at_once() -> None:
    jitted = jit(lambda x: x + 1)
    for _ in range(2):
        for size in range(20):
            assert jitted(np.zeros(size)).shape == (size,)
    assert len(jitted.traces) == 20


class Meters(np.ndarray):
    pass


class Celsius(float):
    pass


def test_leaves_that_have_to_be_converted_are_told_apart() -> None:
    jitted = jit(lambda x: x * 2)
    for _ in range(3):
        for x in (
            np.array(1.5),
            np.ones(3),
            np.ones(3, ">f8"),
            np.ones((3, 1)),
            np.ones((2, 3)).view(Meters),
            Celsius(3.0),
            3.0,
            np.float64(3.0),
        ):
            got = jitted(x)
            np.testing.assert_array_equal(got, np.asarray(x) * 2)
            assert type(got) in {float, np.float64, np.ndarray}
            assert got.__class__ is float or got.dtype == np.dtype("f8")


def test_order_of_a_dict_is_seen() -> None:
    jitted = jit(lambda d: next(iter(d.values())))
    assert jitted({"a": 1.0, "b": 2.0}) == 1.0
    assert jitted({"b": 2.0, "a": 1.0}) == 2.0
    assert jitted({"a": 1.0, "b": 2.0}) == 1.0


def test_order_of_keywords_is_seen() -> None:
    jitted = jit(lambda **k: next(iter(k.values())))
    assert jitted(a=1.0, b=2.0) == 1.0
    assert jitted(b=2.0, a=1.0) == 2.0
    assert jitted(a=1.0, b=2.0) == 1.0


def test_positional_keyword_and_default_arguments() -> None:
    def f(a: Value, b: Value = 2.0, *rest: Value, c: Value = 3.0, **more: Value) -> Value:
        return a + 10 * b + 100 * c + sum(rest) + sum(more.values())

    jitted = jit(f)
    for _ in range(2):
        assert jitted(1.0) == f(1.0)
        assert jitted(1.0, 4.0) == f(1.0, 4.0)
        assert jitted(1.0, b=4.0) == f(1.0, b=4.0)
        assert jitted(1.0, 4.0, 5.0, 6.0) == f(1.0, 4.0, 5.0, 6.0)
        assert jitted(1.0, c=7.0) == f(1.0, c=7.0)
        assert jitted(1.0, z=7.0, y=1.0) == f(1.0, z=7.0, y=1.0)


# ------------------------------------------------------------------------------ what is a function


class Multiplier:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, x: Value) -> Value:
        return x * self.factor

    def method(self, x: Value) -> Value:
        return x * self.factor

    @jit
    def jitted(self, x: Value, n: Value = 1.0) -> Value:
        return x * self.factor * n

    @staticmethod
    @jit
    def static(x: Value) -> Value:
        return x * 2

    @classmethod
    def made(cls, x: Value) -> Value:
        return x * 3


FUNCTIONS: dict[str, tuple[Function, Value]] = {
    "lambda": (lambda x: x * 2, 4.0),
    "partial": (functools.partial(lambda a, x: x * a, 3.0), 6.0),
    "partial of a keyword": (functools.partial(lambda x, a: x * a, a=3.0), 6.0),
    "bound method": (Multiplier(3.0).method, 6.0),
    "instance": (Multiplier(4.0), 8.0),
    "class method": (Multiplier.made, 6.0),
    "pytree": (Model(np.ones((1, 1)), np.zeros(1)), None),
    "class": (Model, None),
    "ufunc": (np.sin, None),
    "built-in": (abs, 2.0),
    "operator": (pb.negative, -2.0),
    "jitted": (jit(lambda x: x * 2), 4.0),
    "grad": (pb.grad(of(lambda x: x * x)), 4.0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_kinds_of_functions(name: str) -> None:
    f, expected = FUNCTIONS[name]
    args = (X, X) if f is Model else (np.ones((1, 1)),) if name == "pytree" else (2.0,)
    jitted = jit(f)
    for _ in range(2):
        got = jitted(*args)
        if expected is not None:
            assert got == expected
        check_same(got, f(*args), arrays=False)


def test_methods() -> None:
    a, b = Multiplier(2.0), Multiplier(3.0)
    for _ in range(2):
        assert a.jitted(1.0) == 2.0
        assert b.jitted(1.0) == 3.0
        assert a.jitted(1.0, n=5.0) == 10.0
        assert Multiplier.jitted(a, 1.0) == 2.0
        assert Multiplier.static(4.0) == 8.0
        assert a.static(4.0) == 8.0  # type: ignore[call-arg]  # mypy binds what is no function


def test_method_of_a_pytree_takes_its_numbers_as_arguments() -> None:
    @frozen
    class Line:
        slope: float

        @jit
        def at(self, x: float) -> float:
            return self.slope * x

    assert [Line(s).at(2.0) for s in (1.0, 2.0, 3.0)] == [2.0, 4.0, 6.0]
    assert len(Line.at.traces) == 1


def test_name_and_documentation_are_those_of_the_function() -> None:
    def f(x: float) -> float:
        """Double."""
        return 2 * x

    jitted = jit(f)
    assert jitted.__doc__ == "Double."
    assert vars(jitted)["__name__"] == "f"
    assert vars(jitted)["__wrapped__"] is f
    assert "f" in repr(jitted)


@jit
def decorated(x: float) -> float:
    return x * 2


def undecorated(x: float, n: int) -> float:
    return x * n


def test_pickles_like_a_function() -> None:
    assert pickle.loads(pickle.dumps(decorated)) is decorated  # noqa: S301
    again = pickle.loads(pickle.dumps(jit(undecorated, static_argnames="n")))  # noqa: S301
    assert again(2.0, n=3) == 6.0
    assert copy.deepcopy(decorated) is decorated


# --------------------------------------------------------------------------------------- decorator


def test_decorator_with_options_and_without() -> None:
    @jit
    def one(x: float) -> float:
        return x + 1

    @jit()
    def two(x: float) -> float:
        return x + 2

    @jit(static_argnames="n")
    def many(x: float, n: int) -> float:
        for _ in range(n):
            x = x + 1
        return x

    assert (one(1.0), two(1.0), many(1.0, 3), many(1.0, n=4)) == (2.0, 3.0, 4.0, 5.0)


@pytest.mark.parametrize(
    "options",
    [
        {"static_argnums": 1},
        {"static_argnums": (1,)},
        {"static_argnames": "n"},
        {"static_argnames": ("n",)},
        {"static_argnums": 1, "static_argnames": "n"},
    ],
)
def test_static_arguments_are_values(options: dict[str, Any]) -> None:
    def f(x: Value, n: Value, y: Value) -> Value:
        assert type(n) is int
        return [x * y] * n

    jitted = jit(f, **options)
    for _ in range(2):
        assert jitted(2.0, 1, 5.0) == [10.0]
        assert jitted(2.0, 2, 5.0) == [10.0, 10.0]
        assert jitted(2.0, n=2, y=5.0) == [10.0, 10.0]
        assert jitted(y=2.0, n=1, x=5.0) == [10.0]
    assert len(jitted.traces) == 4


def test_static_arguments_that_are_equal_but_not_the_same() -> None:
    jitted = jit(lambda x, n: (x, repr(n)), static_argnums=1)
    for n in (1, 1.0, True, 0.0, -0.0, (1, 2), (1.0, 2), 1 + 0j) * 2:
        assert jitted(2.0, n) == (2.0, repr(n))
    assert len(jitted.traces) == 8


def test_static_default_is_used() -> None:
    jitted = jit(lambda x, n=3: x**n, static_argnames="n")
    assert jitted(2.0) == 8.0
    assert jitted(2.0, n=2) == 4.0


STATIC_ERRORS: dict[str, tuple[Callable[[], object], str]] = {
    "list": (
        lambda: jit(lambda x, n: x, static_argnums=1)(1.0, [1]),
        "the static argument n is a list of 1, which cannot be hashed, .*; use a tuple in place",
    ),
    "ndarray": (
        lambda: jit(lambda x, n: x, static_argnames="n")(1.0, n=X),
        "the static argument n is an array; pass it as an ordinary argument",
    ),
    "array": (
        lambda: jit(lambda x, n: x, static_argnames="n")(1.0, n=pb.ones(3)),
        "the static argument n is an array; pass it as an ordinary argument",
    ),
    "leaf": (
        lambda: jit(lambda d: d["x"])({"x": 1.0, "tags": {1}}),
        r"d\['tags'\] is a set, which is no number or array and cannot be hashed",
    ),
    "texts": (
        lambda: jit(lambda d, x: x)({"p": [np.array(["a"])]}, 1.0),
        r"jit: d\['p'\]\[0\]: asarray: arrays hold booleans, .* not dtype <U1",
    ),
    "position": (
        lambda: jit(lambda x: x, static_argnums=1),
        "static_argnums: no parameter has the position 1; there are 1",
    ),
    "negative": (
        lambda: jit(lambda x: x, static_argnums=-1),
        "static_argnums: expected a position from 0, or a tuple of positions, not -1",
    ),
    "name": (
        lambda: jit(lambda x, y: x, static_argnames="z"),
        "static_argnames: no parameter is called 'z'; there are x, y",
    ),
    "no name": (
        lambda: jit(lambda x, y: x, static_argnames=1),  # type: ignore[call-overload]
        "static_argnames: expected the name of a parameter, or a tuple of names, not 1",
    ),
    "donated": (
        lambda: jit(lambda x, y: x, static_argnums=1, donate_argnums=(0, 1)),
        "donate_argnums: argument 1 is static",
    ),
    "no function": (
        lambda: jit(3),  # type: ignore[call-overload]
        "jit: f: expected a function, not an int",
    ),
}


@pytest.mark.parametrize("name", STATIC_ERRORS)
def test_errors_about_arguments(name: str) -> None:
    call, text = STATIC_ERRORS[name]
    with pytest.raises(PullbackError, match=text):
        call()


# ---------------------------------------------------------------------------------------- donation


def step(w: Value, g: Value) -> Value:
    return w - 0.1 * g


def test_results_lie_in_donated_memory() -> None:
    jitted = jit(step, donate_argnums=0)
    for _ in range(3):
        w, g = np.ones(1000), np.full(1000, 2.0)
        result = jitted(w, g)
        assert result is w
        np.testing.assert_allclose(result, np.full(1000, 0.8))
        np.testing.assert_array_equal(g, np.full(1000, 2.0))


def test_arrays_of_ours_are_donated() -> None:
    jitted = jit(step, donate_argnums=0)
    for _ in range(3):
        w, g = pb.ones(1000) * 1.0, pb.full(1000, 2.0)
        place = w._value.__array_interface__["data"]
        w = jitted(w, g)
        assert w._value.__array_interface__["data"] == place
        np.testing.assert_allclose(np.asarray(w), np.full(1000, 0.8))


@pytest.mark.parametrize("arrays", [False, True])
def test_donated_memory_that_is_shared_is_not_written_to(*, arrays: bool) -> None:
    jitted = jit(lambda w, g: (w - 0.1 * g[0], g[::-1] * 2), donate_argnums=0)
    for _ in range(3):
        w: Value = pb.arange(6.0) if arrays else np.arange(6.0)
        first = jitted(w, w)
        np.testing.assert_array_equal(np.asarray(first[1]), np.arange(6.0)[::-1] * 2)
        w = pb.arange(6.0) if arrays else np.arange(6.0)
        second = jitted(w, w[:])
        np.testing.assert_array_equal(np.asarray(second[1]), np.arange(6.0)[::-1] * 2)


def test_donated_array_with_a_view_of_ours_leaves_the_view_alone() -> None:
    jitted = jit(step, donate_argnums=0)
    for _ in range(3):
        w = pb.ones(1000) * 1.0
        view, table = w.reshape(10, 100), np.asarray(w)
        jitted(w, pb.full(1000, 2.0))
        np.testing.assert_array_equal(np.asarray(view), np.ones((10, 100)))
        np.testing.assert_array_equal(table, np.ones(1000))


def test_donation_of_a_tree() -> None:
    jitted = jit(lambda p, g: tree.map(step, p, g), donate_argnums=0)
    for _ in range(3):
        params: Value = {"a": np.ones(100), "b": [np.ones((10, 10))], "n": 1.0}
        grads: Value = tree.map(lambda x: x * 2, params)
        result = jitted(params, grads)
        assert result["a"] is params["a"]
        assert result["b"][0] is params["b"][0]
        assert result["n"] == 0.8
        np.testing.assert_allclose(result["a"], 0.8)


# ---------------------------------------------------------------------------------- faults, threads


def test_exception_while_tracing_leaves_later_calls_unharmed() -> None:
    fail = [True]

    def f(x: Value) -> Value:
        if fail[0]:
            raise ZeroDivisionError
        return x * 2

    jitted = jit(f)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            jitted(X)
    fail[0] = False
    np.testing.assert_array_equal(jitted(X), X * 2)


def test_exception_while_running_leaves_later_calls_unharmed() -> None:
    def host(x: Value) -> Value:
        if x[0] < 0:
            raise ZeroDivisionError
        return x * 2

    jitted = jit(lambda x: pb.pure_callback(host, x, x) + 1)
    for sign in (1.0, -1.0, 1.0, -1.0, 1.0):
        x = np.full(3, sign)
        if sign < 0:
            with pytest.raises(ZeroDivisionError):
                jitted(x)
        else:
            np.testing.assert_array_equal(jitted(x), x * 2 + 1)


def test_threads_calling_at_once_trace_once() -> None:
    calls = []

    def f(x: Value, k: Value) -> Value:
        calls.append(1)
        return np.sin(x) * k

    jitted = jit(f)
    barrier = threading.Barrier(8)
    results: dict[int, Value] = {}

    def work(number: int) -> None:
        barrier.wait()
        for _ in range(50):
            results[number] = jitted(X, float(number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    for number, result in results.items():
        np.testing.assert_allclose(result, np.sin(X) * number, rtol=1e-14)


def test_threads_with_different_arguments_and_derivatives() -> None:
    jitted = jit(lambda x, k: pb.sum(pb.tanh(x) * k))
    faults: list[BaseException] = []

    def work(k: float) -> None:
        try:
            for number in range(40):
                x = np.full(int(k + number) % 5 + 1, number / 10)
                np.testing.assert_allclose(jitted(x, k), np.sum(np.tanh(x) * k), rtol=1e-12)
                if number % 10 == 0:
                    np.testing.assert_allclose(pb.grad(jitted)(x, k), k / np.cosh(x) ** 2)
        except BaseException as error:  # noqa: BLE001 - a thread's error is shown by the test
            faults.append(error)

    threads = [threading.Thread(target=work, args=(float(k),)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(jitted.traces) == 5


def test_function_that_calls_itself() -> None:
    @jit(static_argnames="n")
    def power(x: float, n: int) -> float:
        return x * power(x, n - 1) if n else x * 0 + 1

    assert power(2.0, 5) == 32.0


def test_traces_go_with_the_function() -> None:
    def f(x: Value) -> Value:
        return x * 2

    jitted = jit(f)
    jitted(X)
    gone = weakref.ref(f)
    del f, jitted
    gc.collect()
    assert gone() is None


def test_constants_survive_changes_to_what_was_returned() -> None:
    table = np.arange(3.0)
    jitted = jit(lambda x: (x, table))
    jitted(1.0)[1][:] = 7
    np.testing.assert_array_equal(jitted(1.0)[1], [0.0, 1.0, 2.0])
