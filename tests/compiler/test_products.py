"""Contractions in native code: every layout, every size, both formats, against NumPy."""

from __future__ import annotations

import itertools
import math
from typing import Final

import numpy as np
import pytest
from attrs import frozen

from pullback.compiler import kernels, straight, threads
from pullback.compiler.contractions import Axis, axes, terms
from pullback.compiler.executable import compile_program
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm import panels, scalars, vectors
from pullback.core import Program
from pullback.primitives.contraction import Contract
from pullback.primitives.quantity import Value
from pullback.types import type_of

Labels = tuple[int, ...]

#: Label 0 is that of rows, 1 is summed over, 2 is that of columns, 3 of a batch.
LAYOUTS: Final[dict[str, tuple[Labels, Labels, Labels]]] = {
    "x y": ((0, 1), (1, 2), (0, 2)),
    "xT y": ((1, 0), (1, 2), (0, 2)),
    "x yT": ((0, 1), (2, 1), (0, 2)),
    "xT yT": ((1, 0), (2, 1), (0, 2)),
    "(x y)T": ((0, 1), (1, 2), (2, 0)),
    "(xT yT)T": ((1, 0), (2, 1), (2, 0)),
    "batch first": ((3, 0, 1), (3, 1, 2), (3, 0, 2)),
    "batch first, transposed": ((3, 0, 1), (3, 2, 1), (3, 0, 2)),
    "batch inside": ((0, 3, 1), (2, 3, 1), (3, 0, 2)),
    "batch last": ((0, 1, 3), (1, 2, 3), (0, 2, 3)),
    "batch alone": ((3, 1), (3, 1), (3,)),
    "rows around the batch": ((0, 3, 1), (1, 2, 3), (0, 2, 3)),
    "two sums": ((0, 1, 3), (3, 1, 2), (0, 2)),
    "two sums, one run": ((0, 1, 3), (1, 3, 2), (0, 2)),
    "two rows": ((0, 3, 1), (1, 2), (0, 3, 2)),
    "rows apart": ((0, 3, 1), (1, 2), (0, 2, 3)),
    "matrix and vector": ((0, 1), (1,), (0,)),
    "transposed and vector": ((1, 0), (1,), (0,)),
    "vector and matrix": ((1,), (1, 2), (2,)),
    "outer": ((0,), (2,), (0, 2)),
    "outer, transposed": ((0,), (2,), (2, 0)),
    "dot": ((1,), (1,), ()),
    "dot of matrices": ((0, 1), (0, 1), ()),
    "dot with a transposed one": ((0, 1), (1, 0), ()),
    "diagonal": ((0, 1), (1, 0), (0,)),
    "scaled": ((0, 1), (0,), (0, 1)),
    "by a number": ((0,), (), (0,)),
    "numbers": ((), (), ()),
}
SIZES: Final = [
    (1, 1, 1, 2),
    (3, 1, 1, 2),
    (3, 1, 2, 2),
    (1, 2, 3, 2),
    (5, 7, 9, 2),
    (17, 15, 33, 3),
    (4, 130, 2, 1),
    (70, 20, 41, 2),
    (0, 3, 2, 1),
    (3, 0, 2, 2),
    (3, 2, 0, 1),
]
TOLERANCE: Final = {"f4": 2e-6, "f8": 5e-15}


def sample(dtype: str, labels: Labels, sizes: Labels, seed: int) -> Value:
    shape = tuple(sizes[label] for label in labels)
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)[()]


def one_step(contract: Contract, x: Value, y: Value) -> Program:
    types = type_of(x), type_of(y)
    return Program(types, (), ((contract, (0, 1)),), (contract.infer(*types),), (2,))


def assert_close(contract: Contract, x: Value, y: Value) -> None:
    """Errors are small in terms of the sum of the terms' sizes."""
    program = one_step(contract, x, y)
    compiled = compile_program(program)
    (found,) = compiled.run([x, y])
    with np.errstate(all="ignore"):
        expected = contract.evaluate(x, y)
    assert type(found) is type(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    scale = np.asarray(contract.evaluate(*(np.abs(np.where(np.isfinite(v), v, 0)) for v in (x, y))))
    error = TOLERANCE[found.dtype.str[1:]] * (scale + 1)
    ordinary = np.isfinite(expected)
    np.testing.assert_array_equal(np.where(ordinary, 0, found), np.where(ordinary, 0, expected))
    difference = np.where(ordinary, found, 0) - np.where(ordinary, expected, 0)
    assert np.all(np.abs(difference) <= error), np.max(np.abs(difference))


@pytest.fixture
def always_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Straight-line code computes the smallest; here all are tiles."""
    monkeypatch.setattr(straight, "ELEMENTS", 0)


@frozen
class Limits:
    """Sizes from which something else is done, made small."""

    part: float = math.inf
    panel: int = 1 << 17
    near: int = 1 << 13
    register: int = 0


LIMITS: Final = {
    "as it is": Limits(),
    "in parts": Limits(part=3.0),
    "copied": Limits(near=0),
    "sums in blocks": Limits(panel=1 << 10, near=0),
    "sums in blocks, in parts": Limits(part=30.0, panel=1 << 10, near=0),
    "16 bytes": Limits(register=16),
    "32 bytes": Limits(register=32),
}


@pytest.fixture(params=list(LIMITS))
def limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Limits:
    name: str = request.param
    chosen = LIMITS[name]
    if chosen.part < math.inf:
        monkeypatch.setattr(threads, "_WORTH", 0.0)
        monkeypatch.setattr(threads, "_PART", chosen.part)
    monkeypatch.setattr(panels, "PANEL", chosen.panel)
    monkeypatch.setattr(panels, "_NEAR", chosen.near)
    if chosen.register:
        narrow = vectors.Registers(chosen.register, 12)
        monkeypatch.setattr(vectors, "registers", lambda: narrow)
    return chosen


@pytest.mark.usefixtures("always_tiles")
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_every_layout_agrees_at_every_size(
    layout: tuple[Labels, Labels, Labels], dtype: str
) -> None:
    for sizes in SIZES:
        assert_close(
            Contract(*layout),
            sample(dtype, layout[0], sizes, 0),
            sample(dtype, layout[1], sizes, 1),
        )


@pytest.mark.usefixtures("always_tiles", "limits")
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_agrees_however_it_is_cut(layout: tuple[Labels, Labels, Labels]) -> None:
    for sizes, dtype in (((37, 70, 45, 2), "f4"), ((9, 33, 18, 3), "f8")):
        x, y = (sample(dtype, labels, sizes, k) for k, labels in enumerate(layout[:2]))
        assert_close(Contract(*layout), x, y)


def silent(layout: tuple[Labels, Labels, Labels], sizes: Labels, *, both: bool) -> list[Value]:
    """Return factors full of zeros, infinities and nans."""
    r = np.random.default_rng(5)
    values = []
    for k, labels in enumerate(layout[:2]):
        value = np.array(sample("f8", labels, sizes, k), ndmin=1)
        loud = [np.inf, -np.inf, np.nan] if k or both else [0.0]
        for kind in (loud, [0.0]):
            chosen = r.random(value.shape) < 0.1
            value[chosen] = r.choice(np.array(kind), chosen.sum())
        values.append(value.reshape(tuple(sizes[label] for label in labels))[()])
    return values


@pytest.mark.usefixtures("always_tiles")
@pytest.mark.parametrize("limits", ["as it is", "in parts", "copied"], indirect=True)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("symmetric", [False, True])
def test_zeros_annihilate_in_every_layout(
    layout: tuple[Labels, Labels, Labels],
    symmetric: bool,  # noqa: FBT001 - a case
    limits: Limits,
) -> None:
    contract = Contract(*layout, no_nan=True, symmetric=symmetric)
    for sizes in ((19, 5, 35, 2),) if limits.part < math.inf else ((5, 3, 6, 2), (19, 5, 35, 2)):
        assert_close(contract, *silent(layout, sizes, both=symmetric))


@pytest.mark.parametrize("layout", ["x y", "xT y", "x yT", "xT yT"])
def test_large_products_agree(layout: str) -> None:
    labels = LAYOUTS[layout]
    for sizes, dtype in (((70, 1500, 100), "f4"), ((300, 301, 65), "f8")):
        x, y = (sample(dtype, axes, sizes, k) for k, axes in enumerate(labels[:2]))
        assert_close(Contract(*labels), x, y)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_an_element_does_not_depend_on_what_is_computed_beside_it(dtype: str) -> None:
    """The order of a sum depends on the sizes alone, not on the place in a tile."""
    x, y = sample(dtype, (0, 1), (41, 50), 0), sample(dtype, (0, 1), (50, 67), 1)
    (whole,) = compile_program(one_step(Contract((0, 1), (1, 2), (0, 2)), x, y)).run([x, y])
    turned = x[::-1].copy(), y[:, ::-1].copy()
    (other,) = compile_program(one_step(Contract((0, 1), (1, 2), (0, 2)), *turned)).run(turned)
    np.testing.assert_array_equal(whole, other[::-1, ::-1])


def test_products_without_terms_are_zero() -> None:
    x, y = np.ones((3, 0)), np.ones((0, 4))
    (found,) = compile_program(one_step(Contract((0, 1), (1, 2), (0, 2)), x, y)).run([x, y])
    np.testing.assert_array_equal(found, np.zeros((3, 4)))


def test_all_contractions_of_floats_are_native() -> None:
    for labels, no_nan in itertools.product(LAYOUTS.values(), (False, True)):
        x, y = (sample("f4", axes, (50, 60, 70, 3), 0) for axes in labels[:2])
        program = one_step(Contract(*labels, no_nan=no_nan), x, y)
        plan = kernels.plan_kernels(program, scalars.is_native)
        assert Kind.HOST not in {kernel.kind for kernel in plan.kernels}


def test_axes_that_are_one_run_become_one() -> None:
    contract = Contract((0, 1, 2), (2, 3, 4), (0, 1, 3, 4))
    assert axes(contract, (2, 3, 5), (5, 7, 1)) == (
        Axis(6, 5, 0, 7),
        Axis(7, 0, 1, 1),
        Axis(5, 1, 7, 0),
    )
    assert terms(contract, (2, 3, 5), (5, 7, 1)) == 2 * 3 * 5 * 7


def test_axes_that_lie_apart_stay_two() -> None:
    contract = Contract((0, 3, 1), (1, 2), (0, 2, 3))
    found = axes(contract, (2, 3, 5), (5, 7))
    assert [axis.size for axis in found] == [2, 7, 3, 5]
