"""What a compiled function read from its surroundings: every change is noticed, and no other."""

from __future__ import annotations

import argparse
import ast
import copy
import dis
import importlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Final

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.api.captured_code import _named, _parts
from pullback.api.captures import Captures, capture

#: What a script defines, how it changes, and what is said of that: None if nothing.
CHANGES: Final[list[tuple[str, str, str | None]]] = [
    # Globals
    ("rate = 0.1\ndef f(x): return x * rate", "rate = 0.2", "the global `rate` was 0.1 and is 0.2"),
    ("rate = 0.1\ndef f(x): return x * rate", "rate = float('0.1')", None),
    ("rate = 1\ndef f(x): return x * rate", "rate = True", "`rate` was 1 and is True"),
    ("rate = 1\ndef f(x): return x * rate", "rate = 1.0", "`rate` was 1 and is 1.0"),
    ("rate = 0.0\ndef f(x): return x * rate", "rate = -0.0", "`rate` was 0.0 and is -0.0"),
    ("rate = 0j\ndef f(x): return x * rate", "rate = -0j", "`rate` was 0j"),
    ("rate = np.nan\ndef f(x): return x * rate", "rate = float('nan')", None),
    ("n = np.float32(1)\ndef f(x): return x * n", "n = np.float32(1)", None),
    ("n = np.float32(1)\ndef f(x): return x * n", "n = np.float64(1)", "`n` was np.float32(1.0)"),
    ("d = np.dtype('f4')\ndef f(x): return d", "d = np.dtype('f8')", "`d` was dtype('float32')"),
    ("s = 'relu'\ndef f(x): return s", "s = 'tanh'", "the global `s` was 'relu' and is 'tanh'"),
    ("def f(x): return x * late", "late = 3", "the global `late` was not there and is 3"),
    ("k = 3\ndef f(x): return x * k", "del k", "the global `k` was 3 and is not there"),
    ("def f(x): return abs(x)", "abs = 3", "the global `abs` was not there and is 3"),
    ("k = 3\ndef f(x): return x", "k = 4", None),
    ("k = 3\ndef f(x): return x.k", "k = 4", None),
    ("k = 3\ndef f(x):\n  k = 1\n  return x * k", "k = 4", None),
    ("k = 3\ndef f(x): return [x * k for _ in x]", "k = 4", "the global `k` was 3 and is 4"),
    ("k = 3\ndef f(x):\n  def g(): return x * k\n  return g()", "k = 4", "`k` was 3 and is 4"),
    ("k = 3\ndef f(x): return (lambda y: y * k)(x)", "k = 4", "`k` was 3 and is 4"),
    ("k = 3\ndef f(x): yield x * k", "k = 4", "`k` was 3 and is 4"),
    ("k = 3\ndef f(x):\n  class A: c = k\n  return A.c", "k = 4", "`k` was 3 and is 4"),
    # Functions
    ("def g(x): return x\ndef f(x): return g(x)", "\n\ndef g(x): return x", None),
    ("def g(x): return x\ndef f(x): return g(x)", "def g(x): return 2 * x", "`g` was a function"),
    ("def g(x): return 1\ndef f(x): return g(x)", "def g(x): return 1.0", "`g` was a function"),
    ("k = 3\ndef g(x): return x * k\ndef f(x): return g(x)", "k = 4", "`k` was 3 and is 4"),
    ("k = 3\ndef f(x): return f(x - k) if x else x", "k = 4", "`k` was 3 and is 4"),
    ("def f(x): return g(x)\ndef g(x): return f(x) + k\nk = 1", "k = 2", "`k` was 1 and is 2"),
    ("f = lambda x, k=3: x * k", "f.__defaults__ = (4,)", "`k`, a default of `<lambda>`, was 3"),
    ("def f(x, k=[1]): return k", "f.__defaults__[0].append(2)", "`k`, a default of `f`, was"),
    ("def f(x, *, k=3): return k", "f.__kwdefaults__['k'] = 4", "`k`, a default of `f`, was 3"),
    ("def f(x): return x", "f.__code__ = (lambda x: x + 1).__code__", "`f` was a function and is"),
    ("def f(x): return f.k\nf.k = 1", "f.k = 2", "`f.k` was 1 and is 2"),
    ("def f(x): return x\nf.calls = 1", "f.calls = 2", None),
    ("f = partial(lambda x, k: x, k=[1])", "f.keywords['k'][0] = 2", "keywords['k'][0]` was 1"),
    ("@lru_cache\ndef g(): return k\nk = 1\ndef f(x): return g()", "k = 2", "`k` was 1 and is 2"),
    ("d = {'k': 1}\nget = d.get\ndef f(x): return get('k')", "d['k'] = 2", "__self__['k']` was 1"),
    ("h = np.vectorize(lambda x: x * k)\nk = 1\ndef f(x): return h(x)", "k = 2", "`k` was 1"),
    # Closures
    ("def m(k): return lambda x: x * k\nf = m(1)", "f.__closure__[0].cell_contents = 2",
     "`k`, captured by `<lambda>`, was 1 and is 2"),
    ("def m(k): return lambda x: x * k\nf = m(1)\ndel f.__closure__[0].cell_contents",
     "f.__closure__[0].cell_contents = 2", "`k`, captured by `<lambda>`, was not there and is 2"),
    ("def m(d): return lambda x: x * d[0]\nd = np.ones(3)\nf = m(d)", "d[1] = 2",
     "`d`, captured by `<lambda>`, was changed in place"),
    # Arrays
    ("d = np.ones(3)\ndef f(x): return d", "d = np.ones(3)", None),
    ("d = np.ones(3)\ndef f(x): return d", "d = np.ones(4)",
     "`d` was an ndarray, float64[3] and is an ndarray, float64[4]"),
    ("d = np.ones(3)\ndef f(x): return d", "d = np.zeros(3)", "float64[3] and is another"),
    ("d = np.ones(3)\ndef f(x): return d", "d = np.ones(3, 'f4')", "and is an ndarray, float32[3]"),
    ("d = np.ones((3, 4)).T\ndef f(x): return d", "d[1, 2] = 0", "changed in place"),
    ("d = np.ones((9, 9))[::2, ::3]\ndef f(x): return d", "d[1, 2] = 0", "changed in place"),
    ("d = np.ones(())\ndef f(x): return d", "d[...] = 0", "changed in place"),
    ("d = np.ones((0, 3))\ndef f(x): return d", "pass", None),
    ("d = np.array(['2020'], 'M8[D]')\ndef f(x): return d", "d[0] = '2021'", "changed in place"),
    ("d = np.array([0.0])\ndef f(x): return d", "d[0] = -0.0", "changed in place"),
    ("d = np.array([np.nan])\ndef f(x): return d", "pass", None),
    ("d = np.array([[1], None], object)\ndef f(x): return d", "d[0][0] = 2", "was 1 and is 2"),
    ("d = np.ma.array([1, 2], mask=[0, 1])\ndef f(x): return d", "d.mask[0] = 1", "d.mask`"),
    ("b = np.ones(3)\nd = b[:2]\nd.flags.writeable = False\ndef f(x): return d", "b[0] = 2",
     "the global `d` was changed in place"),
    ("d = np.ones(3)\nd.flags.writeable = False\ndef f(x): return d", "d = np.ones(3)", None),
    ("d = pb.asarray([1.0])\ndef f(x): return d", "d = pb.asarray([1.0])", None),
    ("d = pb.asarray([1.0])\ndef f(x): return d", "d = pb.asarray([2.0])", "`d` was an Array, "),
    ("d = np.poly1d([1.0, 2.0])\ndef f(x): return d(x)", "d.coeffs[1] = 3", "changed in place"),
    # Containers
    ("c = [1, [2.0]]\ndef f(x): return c", "c[1][0] = 3.0", "`c[1][0]` was 2.0 and is 3.0"),
    ("c = [1, [2.0]]\ndef f(x): return c", "c = [1, [2.0]]", None),
    ("c = [1]\ndef f(x): return c", "c.append(2)", "`c` was a list of 1 and is a list of 2"),
    ("c = [1]\ndef f(x): return c", "c.append(2); c.pop()", None),
    ("c = (1,)\ndef f(x): return c", "c = [1]", "`c` was a tuple of 1 and is a list of 1"),
    ("c = {'w': 1}\ndef f(x): return c", "c['w'] = 2", "the global `c['w']` was 1 and is 2"),
    ("c = {'w': 1}\ndef f(x): return c", "c['b'] = 2", "`c` was the keys of a dict of 1"),
    ("c = {'w': 1, 'b': 1}\ndef f(x): return c", "c['w'] = c.pop('w')", "was 'w' and is 'b'"),
    ("c = {1, 2}\ndef f(x): return c", "c.add(3)", "`c` was a set of 2 and is a set of 3"),
    ("c = {1, 2}\ndef f(x): return c", "c = {2, 1}", None),
    ("c = {1, 2}\ndef f(x): return c", "c = {1, 2.0}", "was a set of 2 and is another"),
    ("c = deque([1])\ndef f(x): return c", "c[0] = 2", "`c[0]` was 1 and is 2"),
    ("d = {}\nc = MappingProxyType(d)\ndef f(x): return c", "d[1] = 1", "keys of a mappingproxy"),
    ("c = []\nc.append(c)\ndef f(x): return c", "pass", None),
    ("c = []\nc.append(c)\ndef f(x): return c", "c.append(1)", "a list of 1 and is a list of 2"),
    ("c = pyrsistent.pmap({'w': [1]})\ndef f(x): return c", "c['w'][0] = 2", "`c['w'][0]` was 1"),
    ("c = pyrsistent.v(1)\ndef f(x): return c", "c = pyrsistent.v(2)", "`c[0]` was 1 and is 2"),
    ("class L(list): k = 1\nc = L()\ndef f(x): return c.k", "c.k = 2", "`c.k` was not there"),
    # Instances and classes
    ("class A: pass\na = A()\na.k = 1\ndef f(x): return a.k", "a.k = 2", "`a.k` was 1 and is 2"),
    ("class A: pass\na = A()\na.k = 1\ndef f(x): return a.k", "a.n = 2", None),
    ("class A: pass\na = A()\na.k = 1\ndef f(x): return a.k", "a.__dict__ = {'k': 2}", "was 1 and"),
    ("class A: __slots__ = 'k'\na = A()\na.k = 1\ndef f(x): return a.k", "a.k = 2", "`a.k` was 1"),
    ("class A: __slots__ = 'k'\na = A()\ndef f(x): return a.k", "a.k = 2", "`a.k` was not there"),
    ("class A:\n  k = 1\n  def m(self, x): return self.k\na = A()\nf = a.m", "a.k = 2",
     "`self.k`, read by `m`, was"),
    ("class A:\n  k = 1\n  def m(self, x): return self.k\na = A()\nf = a.m", "A.k = 2",
     "the class `A.k` was 1 and is 2"),
    ("class A: k = 1\nclass B(A): pass\nb = B()\ndef f(x): return b.k", "B.k = 2", "class `B.k`"),
    ("class A: k = 1\ndef f(x): return A.k", "A.k = 2", "the global `A.k` was 1 and is 2"),
    ("class A: k = 1\ndef f(x): return A.k", "class A: k = 1", None),
    ("class A:\n  @property\n  def k(self): return self.n\na = A()\na.n = 1\ndef f(x): return a.k",
     "a.n = 2", "`a.n` was 1 and is 2"),
    ("class A:\n  @staticmethod\n  def g(x): return x\ndef f(x): return A.g(x)",
     "A.g = staticmethod(lambda x: 2 * x)", "`A.g` was a function"),
    ("class A:\n  def __call__(self, x): return x * self.k\nf = A()\nf.k = 1", "f.k = 2", "f"),
    ("class A:\n  def __add__(self, x): return k\na = A()\nk = 1\ndef f(x): return a + x", "k = 2",
     "`k` was 1 and is 2"),
    ("class A: pass\na = A()\na.k = 1\ndef f(x): return getattr(a, 'k')", "a.k = 2", "was 1"),
    ("class A: pass\na = A()\na.k = 1\ndef f(x): return getattr(a, chr(107))", "a.k = 2", "was 1"),
    ("a = SimpleNamespace(k=1, n=1)\ndef f(x): return a.k", "a.k = 2", "`a.k` was 1 and is 2"),
    ("a = SimpleNamespace(k=1, n=1)\ndef f(x): return a.k", "a.n = 2", None),
    ("@attrs.define\nclass A: w: object\na = A([1])\ndef f(x): return pb.tree.leaves(a)",
     "a.w[0] = 2", "the global `a.w[0]` was 1 and is 2"),
    ("@dataclass\nclass A: w: float\na = A(1.0)\ndef f(x): return pb.tree.leaves(a)",
     "a.w = 2.0", "the global `a.w` was 1.0 and is 2.0"),
    ("@dataclass\nclass A: w: float\na = A(1.0)\ndef f(x): return pb.tree.leaves(a)",
     "a = A(1.0)", None),
    ("class E(enum.Enum): P = 1; Q = 2\ne = E.P\ndef f(x): return e", "e = E.Q", "another"),
    # Transforms
    ("k = 1.0\nf = pb.grad(lambda x: x * k)", "k = 2.0", "the global `k` was 1.0 and is 2.0"),
    ("k = 1.0\nf = pb.value_and_grad(pb.vmap(lambda x: x * k))", "k = 2.0", "`k` was 1.0"),
    ("k = 1.0\nf = partial(pb.jvp, lambda x: x * k)", "k = 2.0", "`k` was 1.0"),
    ("k = 1.0\nf = pb.checkpoint(lambda x: x * k)", "k = 2.0", "`k` was 1.0"),
    ("k = 1.0\nf = pb.jacobian(lambda x: x * k)", "k = 2.0", "`k` was 1.0"),
    ("k = 1.0\nf = pb.grad(lambda x: x * k)", "f = pb.grad(lambda x: x * k)", None),
    ("p = pb.trace(lambda x: x, 1.0)\ndef f(x): return p(x)", "p = pb.trace(abs, 1.0)", "p"),
]  # fmt: skip

PRELUDE: Final = """
import enum, attrs, pyrsistent
import numpy as np
import pullback as pb
from collections import deque
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType, SimpleNamespace
"""


def script(source: str) -> dict[str, object]:
    variables: dict[str, object] = {"__name__": "__main__"}
    execute(PRELUDE + source, variables)
    return variables


def execute(source: str, variables: dict[str, object]) -> None:
    code = compile(source, "<script>", "exec", dont_inherit=True)
    exec(code, variables)  # noqa: S102 - a script of the table above


def is_quick(captures: Captures) -> bool:
    return captures._seen.guards.hold()


@pytest.mark.parametrize(("source", "change", "text"), CHANGES)
def test_a_change_is_noticed_and_named(source: str, change: str, text: str | None) -> None:
    variables = script(source)
    captures = capture(variables["f"])
    assert captures.changed() is None
    assert is_quick(captures)
    execute(change, variables)
    reason = captures.changed()
    if text is None:
        assert reason is None
        assert is_quick(captures), "what is equal is then watched itself"
    else:
        assert reason is not None
        assert text in reason
        assert reason == captures.changed()


def test_what_the_function_itself_changes_while_traced_is_no_change() -> None:
    variables = script(
        "n = 0\ntraces = []\nk = 1\nclass A: pass\na = A()\na.count = 0\n"
        "def f(x):\n  global n\n  n += 1; traces.append(x); a.count += 1\n  return x * n * k"
    )
    f = variables["f"]
    assert callable(f)
    captures = capture(f)
    f(1.0)
    captures.settle()
    assert captures.changed() is None
    assert is_quick(captures)
    execute("n = 7", variables)
    assert captures.changed() == "the global `n` was 1 and is 7"


@pytest.mark.parametrize("change", ["k = 2", "def g(): return 3", "del a.v", "class A: c = 2"])
def test_what_somebody_else_rebinds_while_the_function_is_traced_is_a_change(change: str) -> None:
    variables = script(
        "n = 0\nk = 1\ndef g(): return 2\nclass A: c = 1\na = A()\na.v = 1\n"
        "def f(x):\n  global n\n  n += 1\n  return x * n * k * a.v * A.c * g()"
    )
    f = variables["f"]
    assert callable(f)
    captures = capture(f)
    f(1.0)
    execute(change, variables)
    captures.settle()
    assert captures.changed() is not None


def test_a_variable_of_the_function_around_is_watched() -> None:
    rate = 0.1

    def f(x: float) -> float:
        return x * rate if x else later()

    captures = capture(f)
    assert captures.changed() is None

    def later() -> float:
        return 1.0

    reason = captures.changed()
    assert reason == "`later`, captured by `f`, was not there and is a function"
    captures = capture(f)
    rate = 0.2
    assert captures.changed() == "`rate`, captured by `f`, was 0.1 and is 0.2"


def named_by_dis(code: CodeType) -> Iterator[str]:
    yield from (i.argval for i in dis.get_instructions(code) if i.opcode in dis.hasname)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from named_by_dis(constant)


@pytest.mark.parametrize("module", [argparse, ast, copy, inspect, threading])
def test_names_are_read_from_code_as_dis_does(module: ModuleType) -> None:
    for f in vars(module).values():
        if isinstance(f, FunctionType):
            named = [pair for part in _parts(f.__code__) for pair in _named(part)]
            found = {name for name, operation in named if operation != "STORE_DEREF"}
            assert found == set(named_by_dis(f.__code__))


def test_arguments_that_are_functions_are_looked_into() -> None:
    variables = script("k = 1\ndef g(x): return x * k\ndef f(g, x): return g(x)")
    captures = capture(variables["f"], variables["g"])
    execute("k = 2", variables)
    assert captures.changed() == "the global `k` was 1 and is 2"


@pytest.mark.parametrize("wrap", ["f", "pb.jit(f)", "pb.grad(f)", "pb.vmap(f, size=2)"])
def test_a_compiled_function_is_never_stale(wrap: str) -> None:
    variables = script(
        "k = 2.0\nw = np.ones(3)\nn = 0\ndef g(x): return x * k\n"
        "def f(x=1.0):\n  global n\n  n += 1\n  return g(x) * pb.sum(w)"
    )
    execute(f"h = pb.jit({wrap})", variables)
    given = "()" if "vmap" in wrap else "(1.0)"
    step = f"a, before = h{given}, n; b, after = h{given}, n; c = ({wrap}){given}"
    for change in ("pass", "k = 3.0", "w[1] = 5.0", "def g(x): return x * k + x", "del w; w = 1.0"):
        execute(change, variables)
        execute(step, variables)
        assert np.array_equal(variables["a"], variables["c"])  # type: ignore[arg-type]
        assert np.array_equal(variables["b"], variables["c"])  # type: ignore[arg-type]
        assert variables["before"] == variables["after"], "the second call is no trace"


def test_a_module_reloaded_without_changes_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "rate = 0.1\ndef scaled(x): return x * rate\nclass Config: size = 3\n"
    file = tmp_path / "somebodys_module.py"
    file.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.import_module("somebodys_module")  # noqa: TID251 - made just now
    variables = script("def f(x): return module.scaled(x) * module.Config.size")
    variables["module"] = module
    inside = script("def f(x):\n  from somebodys_module import rate\n  return x * rate")
    both = [capture(variables["f"]), capture(inside["f"])]
    importlib.reload(module)
    assert [captures.changed() for captures in both] == [None, None]
    module.other = 1  # type: ignore[attr-defined]
    assert [captures.changed() for captures in both] == [None, None]
    file.write_text(source.replace("0.1", "0.2001"))
    importlib.reload(module)
    first, second = [captures.changed() for captures in both]
    assert first == "the global `rate` was 0.1 and is 0.2001"
    assert second == "the module `somebodys_module.rate` was 0.1 and is 0.2001"
    del sys.modules["somebodys_module"]


class Odd:
    """Nothing of it can be asked for."""

    hits: int = 0

    def __getattribute__(self, name: str) -> object:
        type(self).hits += 1
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        type(self).hits += 1
        raise RuntimeError

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError


def test_odd_objects_are_neither_called_nor_in_the_way() -> None:
    odd = Odd()
    held: list[object] = [odd, {odd: odd}, {odd}, 1]
    captures = capture(lambda: held)
    before = Odd.hits
    assert captures.changed() is None
    held[3] = 2
    assert captures.changed() == "`held[3]`, captured by `<lambda>`, was 1 and is 2"
    held[3], held[0] = 1, Odd()
    assert captures.changed() is not None
    assert Odd.hits == before == 0


def test_a_large_array_is_compared_by_a_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pullback.api.captured_values._COPIED", 100)
    data = np.ones(100)
    captures = capture(lambda: data)
    assert captures.changed() is None
    assert is_quick(captures)
    data[7] = 2
    assert captures.changed() == "`data`, captured by `<lambda>`, was changed in place"


def test_an_array_that_is_reshaped_in_place_has_changed() -> None:
    data = np.ones((2, 3))
    captures = capture(lambda: data)
    data.resize((3, 2), refcheck=False)
    assert captures.changed() == "`data`, captured by `<lambda>`, was changed in place"


def test_threads_may_ask_while_others_write() -> None:
    held = {str(i): [float(i)] for i in range(20)}
    captures = capture(lambda: held)
    stop = threading.Event()

    def write() -> None:
        for number in range(2000):
            held[f"new{number}"] = [1.0]
            held.pop(f"new{number}")
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not stop.is_set():
        captures.changed()
    writer.join()
    assert captures.changed() is None
    held["3"][0] = -1.0
    assert captures.changed() == "`held['3'][0]`, captured by `<lambda>`, was 3.0 and is -1.0"


@attrs.define
class Record:
    first: object
    second: object


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


LEAVES: Final = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(width=16), st.text(max_size=2)
)


def containers(parts: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(
        st.lists(parts, max_size=3),
        st.lists(parts, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), parts, max_size=3),
        st.sets(st.integers(0, 5), max_size=3),
        st.builds(Record, parts, parts),
        st.builds(Slotted, parts),
        st.builds(SimpleNamespace, value=parts),
        st.integers(1, 4).map(np.zeros),
    )


TREES: Final = st.recursive(LEAVES, containers, max_leaves=12)


def inside(thing: object) -> list[object]:
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, (list, tuple)):
        return list(thing)
    if isinstance(thing, Record):
        return [thing.first, thing.second]
    return [thing.value] if isinstance(thing, (Slotted, SimpleNamespace)) else []


def mutations(thing: object) -> list[Callable[[], None]]:
    """Return all ways in which a tree is changed in one place."""
    new: Final = object()
    own: list[Callable[[], None]] = []
    match thing:
        case list():
            own.append(lambda: thing.append(new))
            own += [lambda i=i: thing.__setitem__(i, new) for i in range(len(thing))]  # type: ignore[misc]
        case dict():
            own.append(lambda: thing.update(new=new))
            own += [lambda k=k: thing.__setitem__(k, new) for k in thing]  # type: ignore[misc]
            own += [lambda k=k: thing.__delitem__(k) for k in thing]  # type: ignore[misc]
        case set():
            own.append(lambda: thing.add(99))
        case Record():
            own.append(lambda: setattr(thing, "second", new))
        case Slotted() | SimpleNamespace():
            own.append(lambda: setattr(thing, "value", new))
        case np.ndarray():
            own.append(lambda: thing.__setitem__(-1, 5.0))
        case _:
            pass
    return [*own, *(change for part in inside(thing) for change in mutations(part))]


@given(TREES, st.data())
def test_any_change_of_any_tree_is_noticed_and_nothing_else(
    tree: object, data: st.DataObject
) -> None:
    def f() -> object:
        return tree, tree.value  # type: ignore[attr-defined]  # some have one

    captures = capture(f)
    assert captures.changed() is None
    assert is_quick(captures)
    changes = mutations(tree)
    if changes:
        data.draw(st.sampled_from(changes))()
        assert captures.changed() is not None


@given(TREES)
def test_an_equal_tree_in_the_place_of_another_is_no_change(tree: object) -> None:
    def f() -> object:
        return tree, tree.value  # type: ignore[attr-defined]  # some have one

    captures = capture(f)
    tree = copy.deepcopy(tree)
    assert captures.changed() is None
    assert is_quick(captures)
