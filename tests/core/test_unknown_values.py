"""Errors about values that are not known: the line that asked, the transform, the origin, the cure.

Each function asks in the line that says so.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final  # noqa: TID251 - what is wrong is to be so at run time

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array
from pullback.errors import ConversionError

XS: Final = np.ones((3, 4))


def branch(x: Any) -> Any:  # noqa: ANN401 - of any type: transforms have theirs
    total = pb.sum(x * 2)
    if total > 1:  # asks
        return total
    return -total


def loop(x: Array) -> object:
    while pb.sum(x) < 3:  # asks
        x = x + 1
    return x


def count(x: Array) -> object:
    n = pb.argmax(x)
    return sum(x[i] for i in range(n))  # asks


def size(x: Array) -> object:
    n: Any = pb.argmax(x)
    return pb.zeros(n)  # asks


def number(x: Array) -> object:
    return x * float(x[0])  # asks


def whole(x: Array) -> object:
    return x * int(x[0])  # asks


def item(x: Array) -> object:
    return x[0].item()  # asks


def to_numpy(x: Array) -> object:
    return np.linalg.norm(np.asarray(x))  # asks


def mask(x: Array) -> object:
    return x[x > 0]  # asks


def places(x: Array) -> object:
    return pb.nonzero(x)  # asks


def distinct(x: Array) -> object:
    return pb.unique_values(x)  # asks


def repeats(x: Array) -> object:
    return pb.repeat(x, pb.astype(x, int))  # asks


def greater(x: Array) -> object:
    return max(x[0], x[1])  # asks


def inner(x: Array) -> object:
    def helper(y: Array) -> object:
        return y if y[0] > 0 else -y  # asks

    return pb.tree.map(helper, {"a": x})


def differentiated(x: Array) -> object:
    return pb.grad(lambda y: y if y > 0 else -y)(x[0])  # asks


#: The function, and what the error says.
CASES: Final[list[tuple[Callable[[Array], object], list[str]]]] = [
    (
        branch,
        [
            "bool(x): the value of Array(bool[], traced greater) is not known while vmap traces",
            "use where, cond or while_loop in place of a branch on it",
            "program(x: float64[4]) -> bool[]:",
            "a: float64[4] = multiply(x, 2)",
            "b: float64[]  = sum(a, axes=(0,))",
            "c: bool[]     = greater(b, 1)",
        ],
    ),
    (loop, ["bool(x)", "while_loop", "= less(a, 3)"]),
    (count, ["operator.index(x)", "fori_loop and scan take the place of a loop over range(x)"]),
    (size, ["operator.index(x)", "pass sizes and axes as plain integers", "= argmax(a, axis=0)"]),
    (number, ["float(x)", "use the functions of pullback or NumPy", "= x[0]"]),
    (whole, ["int(x)", "pass sizes and axes as plain integers", "= x[0]"]),
    (item, ["x.item()", "use the array itself", "pure_callback", "= x[0]"]),
    (to_numpy, ["np.asarray(x)", "NumPy's functions work on the array itself", "input x"]),
    (mask, ["x[mask]", "the shape of the result depends on it; use where", "= greater(x, 0)"]),
    (places, ["nonzero(x)", "the shape of the result depends on it; use where", "input x"]),
    (distinct, ["unique(x)", "the shape of the result depends on it", "input x"]),
    (repeats, ["repeat", "the shape of the result depends on it", "cast(x"]),
    (greater, ["bool(x)", "minimum or maximum in place of and, or, min and max", "greater"]),
    (inner, ["bool(x)", "in helper\n", "= greater(a, 0)"]),
    (differentiated, ["bool(x)", "not known while vmap traces", "= greater(y, 0)"]),
]


def line_of(f: Callable[..., object]) -> str:
    """Return what an error says about the marked line of a function."""
    lines, first = inspect.getsourcelines(f)
    (number,) = [i for i, line in enumerate(lines) if "# asks" in line]
    return f'File "{__file__}", line {first + number}, in '


@pytest.mark.parametrize(("f", "texts"), CASES, ids=[f.__name__ for f, _ in CASES])
def test_the_error_names_the_line_the_origin_and_the_remedy(
    f: Callable[[Array], object], texts: list[str]
) -> None:
    with pytest.raises(ConversionError) as caught:
        pb.vmap(f)(XS)  # type: ignore[arg-type]  # elements of XS are arrays there
    for text in (line_of(f), *texts):
        assert text in str(caught.value)


TRANSFORMS: Final[list[tuple[str, Callable[[], object]]]] = [
    ("vmap", lambda: pb.vmap(branch)(XS)),
    ("vmap", lambda: pb.vmap(pb.grad(branch))(XS)),
    ("vmap", lambda: pb.grad(lambda x: pb.sum(pb.vmap(branch)(x)))(XS)),
    ("jit", lambda: pb.jit(branch)(XS)),
    ("jit", lambda: pb.jit(pb.grad(branch))(XS)),
    ("jit", lambda: pb.grad(pb.jit(branch))(XS)),
    ("vmap", lambda: pb.jit(pb.vmap(branch))(XS)),
    ("scan", lambda: pb.scan(lambda c, x: (c, branch(x)), XS[0], XS)),
    ("fori_loop", lambda: pb.fori_loop(0, 3, lambda i, x: branch(x), XS)),
    ("while_loop", lambda: pb.while_loop(lambda x: True, branch, XS)),
    ("trace", lambda: pb.trace(branch, XS)),
    ("vmap", lambda: pb.scan(lambda c, x: (c, pb.vmap(branch)(x)), XS[0], XS[None])),
    ("vmap", lambda: pb.vmap(lambda x: pb.vmap(lambda y: branch(x * y))(x))(XS)),
]


@pytest.mark.parametrize(("name", "call"), TRANSFORMS)
def test_the_error_names_the_transform_that_made_the_value_unknown(
    name: str, call: Callable[[], object]
) -> None:
    with pytest.raises(ConversionError, match=f"is not known while {name} traces the function"):
        call()


@pytest.mark.parametrize("f", [size, item, branch])
def test_what_decides_under_jit_may_be_static(f: Callable[[Any], object]) -> None:
    with pytest.raises(ConversionError, match="or name the argument that decides it in static_arg"):
        pb.jit(f)(XS[0])


def test_a_long_history_is_shown_in_part() -> None:
    def f(x: Any) -> object:  # noqa: ANN401 - an element of XS
        for _ in range(100_000):
            x = x + 1
        return float(x)

    with pytest.raises(ConversionError) as caught:
        pb.vmap(f)(XS[0])
    text = str(caught.value)
    assert "program(earlier: float64[]) -> float64[]:" in text
    assert len(text.splitlines()) < 20


def test_an_array_kept_from_a_trace_that_is_over_says_so() -> None:
    kept = []

    def keep(x: Any) -> Any:  # noqa: ANN401 - an element of XS
        kept.append(x * 2)
        return x

    pb.vmap(keep)(XS)
    later = kept[0] + 1
    assert repr(later) == "Array(float64[4], traced add)"
    with pytest.raises(ConversionError) as caught:
        float(later[0])  # asks
    for text in (
        "No such trace runs here: the array was kept from one that is over. Return it from",
        line_of(test_an_array_kept_from_a_trace_that_is_over_says_so),
        "= multiply(x, 2)",
    ):
        assert text in str(caught.value)
