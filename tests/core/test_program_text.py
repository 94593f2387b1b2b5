"""Programs print as code: a dozen of them, compared with files in ``tests/golden``.

To write the files anew after a change of the text, and then look at what changed:

    PULLBACK_RENEW_GOLDEN=1 pytest tests/core/test_program_text.py; git diff tests/golden
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

import numpy as np
import pytest
from attrs import frozen

import pullback as pb
from pullback.core import Program, Trace, apply, build_program, constant, unknown
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.cast import Cast
from pullback.primitives.elementwise import Unary
from pullback.primitives.gather import Gather
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Quantity, Value
from pullback.types import ArrayType

GOLDEN: Final = Path(__file__).parent.parent / "golden"
X: Final = np.ones(3)
M: Final = np.ones((3, 4))
B: Final = np.ones((5, 3))


def mlp(params: dict[str, list[Value]], x: Value) -> dict[str, Value]:
    hidden = np.tanh(x @ params["w"][0] + params["b"][0])
    out = hidden @ params["w"][1] + params["b"][1]
    return {"hidden": hidden, "loss": np.mean((out - 1.0) ** 2)}


PARAMS: Final = {"w": [np.ones((3, 4)), np.ones((4, 1))], "b": [np.ones(4), np.ones(1)]}


def large_constants(x: Value) -> Value:
    table = np.arange(100.0)
    return x * table[:3] + table @ np.ones((100, 3), "f4") + np.arange(3)


def power_iteration(m: Value, x: Value) -> Value:
    def step(x: Value, _: Value) -> tuple[Value, Value]:
        y = m @ x
        size = pb.sqrt(pb.sum(y * y))
        return y / size, size

    return pb.scan(step, x, None, length=10)


def clipped(x: Value) -> Value:
    return pb.cond(pb.sum(x) > 1, lambda x: x / pb.sum(x), lambda x: x, x)


PROGRAMS: Final[dict[str, Callable[[], Program]]] = {
    "elementwise": lambda: pb.trace(lambda x, y: np.sin(x) * y - np.exp(-x) / 2, X, X),
    "matmul": lambda: pb.trace(lambda x, w: pb.tanh(x @ w) * 2.0, X, M),
    "contractions": lambda: pb.trace(
        lambda x, y: (x.T @ y, np.einsum("ij,ij->i", x, y), np.outer(x[0], y[0])), M, M
    ),
    "reductions": lambda: pb.trace(
        lambda x: (x.sum(axis=0), x.max(), np.cumsum(x, axis=1), np.argmin(x, axis=-1)), M
    ),
    "slices": lambda: pb.trace(
        lambda x: (x[1:, ::-1], x[0], x[..., -1], x.at[1:, 0].set(0.0), x[::2].T), M
    ),
    "indices": lambda: pb.trace(
        lambda x, i: (x[i], x[:, i], x[i, i], x[[0, 2]], x.at[i].add(1.0)), M, np.array([0, 2])
    ),
    "where": lambda: pb.trace(lambda x: np.where(x > 0, np.log(x), -np.inf), X),
    "pytree": lambda: pb.trace(mlp, PARAMS, B),
    "gradient": lambda: pb.trace(pb.grad(lambda params, x: mlp(params, x)["loss"]), PARAMS, B),
    "batch": lambda: pb.trace(pb.vmap(lambda x, w: np.cos(x) @ w, in_axes=(0, None)), B, M),
    "random": lambda: pb.trace(lambda key: pb.random.uniform(key, (2,)), pb.random.key(0)),
    "integers": lambda: pb.trace(
        lambda i, flags: (i // 2 % 3, i << 1, ~flags & (i == 0), i.astype("f4")),
        np.arange(3, dtype="i2"),
        np.array([True, False, True]),
    ),
    "weak": lambda: pb.trace(lambda x, n: (2 * x**3 + n, np.float32(3.0) * x, x > n), 1.5, 2),
    "complex": lambda: pb.trace(lambda z: (abs(z), z.conj().imag, z * 1j), X + 0j),
    "constants": lambda: pb.trace(large_constants, X),
    "no inputs": lambda: pb.trace(lambda: {"n": 3, "name": "static", "zero": np.zeros((2, 0))}),
    "scan": lambda: pb.trace(power_iteration, M[:, :3], X),
    "scan gradient": lambda: pb.trace(pb.grad(lambda x: power_iteration(M[:, :3], x)[1][-1]), X),
    "cond": lambda: pb.trace(clipped, X),
    "while": lambda: pb.trace(
        lambda x: pb.while_loop(lambda c: c[0] < 100, lambda c: (c[0] * 2, c[1] + 1), (x, 0)),
        np.float64(1.0),
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_text_is_that_of_the_golden_file(name: str) -> None:
    program = PROGRAMS[name]()
    program.type_check()
    path = GOLDEN / f"{name.replace(' ', '_')}.txt"
    if os.environ.get("PULLBACK_RENEW_GOLDEN"):
        path.write_text(f"{program}\n", encoding="utf-8")
    assert f"{program}\n" == path.read_text(encoding="utf-8")


def test_every_golden_file_belongs_to_a_program() -> None:
    names = {name.replace(" ", "_") for name in PROGRAMS}
    assert {path.stem for path in GOLDEN.iterdir()} == names


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ({"w": 1.0, "v": [2.0]}, ["p_v_0", "p_w"]),
        ({"a b": 1.0, "a-b": 2.0}, ["p_a_b", "p_a_b_2"]),
        ({"größe": 1.0}, ["p_größe"]),
        ({1: 1.0, (2, "x"): 2.0}, ["p_1", "p_2_x"]),
    ],
)
def test_paths_become_identifiers(labels: Value, names: list[str]) -> None:
    text = str(pb.trace(lambda p: p, labels))
    assert sorted(line.strip().partition(":")[0] for line in text.splitlines()[1:-2]) == names


def test_names_of_steps_are_no_names_of_inputs_and_no_keywords() -> None:
    def f(a: Value, c: Value) -> Value:
        for _ in range(800):
            a = a + c
        return a

    lines = str(pb.trace(f, 1.0, 2.0)).splitlines()
    names = [line.split(":")[0].strip() for line in lines[1:-1]]
    assert names[:3] == ["b", "d", "e"]
    assert len({*names, "a", "c"}) == 802
    assert not {"as", "if", "in", "is", "or"} & set(names)


def test_letter_for_an_input_without_a_name_is_no_other_inputs_name() -> None:
    trace = Trace()
    type_ = ArrayType((), np.dtype("f8"))
    inputs = [unknown(type_, frozenset({trace}), label) for label in ("", "a", "3")]
    program, _ = build_program(trace, inputs, inputs)
    assert str(program).splitlines()[-1] == "    return (a, a_2, b)"


@pytest.mark.parametrize(
    ("x", "y", "text"),
    [
        ((3,), (3,), "matmul(x, y)"),
        ((2, 3), (3,), "matmul(x, y)"),
        ((5, 2, 3), (5, 3, 4), "matmul(x, y)"),
        ((6, 5, 2, 3), (6, 3, 4), "matmul('ijkl,ilm->ijkm', x, y)"),  # not as NumPy aligns them
    ],
)
def test_matrix_product_shows_its_axes_where_they_are_unusual(
    x: tuple[int, ...], y: tuple[int, ...], text: str
) -> None:
    def product(x: Value, y: Value) -> Value:
        return pb.vmap(pb.matmul)(x, y) if len(x.shape) == 4 else pb.matmul(x, y)

    program = pb.trace(product, np.ones(x), np.ones(y))
    assert str(program).splitlines()[1].endswith(f" = {text}")


def test_parameter_whose_name_is_a_keyword_gets_another() -> None:
    program = pb.trace(
        lambda **options: options["lambda"] + options["a"], **{"lambda": 1.0, "a": 2.0}
    )
    assert str(program).splitlines()[:3] == [
        "program(",
        "    a: weak float64,",
        "    lambda_: weak float64,  # lambda",
    ]


def test_short_text_counts_the_steps() -> None:
    assert repr(pb.trace(lambda x, w: x @ w, X, M)) == (
        "Program((float64[3], float64[3, 4]) -> (float64[4]), 1 step)"
    )
    assert repr(pb.trace(lambda: 1)) == "Program(() -> (weak int64), 0 steps)"


@final
@frozen(eq=False, repr=False)
class Sampled(Unary):
    """A primitive with static parameters of many kinds."""

    rule: Callable[..., object]
    dtype: np.dtype[np.generic]
    other: Primitive
    sizes: tuple[int, ...] = (1,)
    fast: bool = False
    slow: bool = True

    ufunc = np.sin

    def partial(self, out: Quantity, x: Quantity) -> Quantity:
        return x


def test_static_parameters_are_shown_unless_they_are_defaults_or_unset_flags() -> None:
    def applied(primitive: Primitive) -> str:
        return str(pb.trace(lambda x: apply(primitive, x), X)).splitlines()[1]

    f4 = np.dtype("f4")
    assert applied(Sampled(np.cos, f4, Gather((0,), 0))) == (
        "    a: float64[3] = "
        "sampled(x, rule=cos, dtype=float32, other=gather(axes=(0,), position=0))"
    )
    assert applied(Sampled(len, np.dtype("f8"), Cast(f4), (2,), True, False)) == (
        "    a: float64[3] = sampled(x, rule=len, other=cast(dtype=float32), sizes=(2,), fast=True)"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2"),
        (-0.0, "-0.0"),
        (1e-30j, "1e-30j"),
        (np.float32(0.1), "float32(0.1)"),
        (np.bool_(True), "bool(True)"),
        (np.array([1, 2]), "[1, 2]"),
        (np.array([np.nan, 2.5]), "[nan, 2.5]"),
        (np.array([[1, 2], [3, 4]], "i1"), "int8([[1, 2], [3, 4]])"),
        (np.zeros((0, 3)), "float64([])"),
    ],
)
def test_small_constants_stand_where_they_are_used(value: Value, text: str) -> None:
    assert str(pb.trace(lambda: value)).splitlines()[-1] == f"    return {text}"


def test_large_constants_have_lines_of_their_own() -> None:
    table = np.arange(9)
    program = pb.trace(lambda x: x * table + table**2, np.float64(1.0))
    assert str(program).splitlines()[1:] == [
        "    const_0: int64[9] = [0, 1, 2, 3, ...]",
        "    const_1: int64[9] = [0, 1, 4, 9, ...]",
        "    a: float64[9]     = multiply(x, const_0)",
        "    b: float64[9]     = add(a, const_1)",
        "    return b",
    ]


def test_bundles_are_tuples_without_lines_for_packing() -> None:
    trace = Trace()
    x = unknown(ArrayType((), np.dtype("f8")), frozenset({trace}), "x")
    bundle = apply(Pack(), x, constant(2.0))
    whole, _ = build_program(trace, [x], [bundle])
    assert str(whole).splitlines()[1:] == ["    return (x, 2.0)"]
    part, _ = build_program(trace, [x], [apply(Unpack(1), bundle), apply(Unpack(0), bundle)])
    assert str(part).splitlines()[1:] == ["    return (2.0, x)"]
    given = unknown(bundle.type, frozenset({trace}), "pair")
    second, _ = build_program(trace, [given], [apply(Unpack(1), given)])
    assert str(second).splitlines() == [
        "program(pair: (float64[], weak float64)) -> weak float64:",
        "    return pair[1]",
    ]
