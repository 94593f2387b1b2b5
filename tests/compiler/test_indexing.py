"""Indexing with arrays as native code, against NumPy bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.executable import compile_program
from pullback.compiler.kinds import Kind
from pullback.errors import IndexingError
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.scatter import ScatterExtreme, ScatterSet
from tests.compiler.steps import agree, native, native_step, step

DTYPES: Final = ("f4", "f8", "i8", "?")
INTEGERS: Final = ("i1", "i2", "i4", "i8", "u1", "u4")


def filled(dtype: str, shape: tuple[int, ...]) -> Value:
    """Return numbers of which some are equal; floats with nan, infinities and -0.0 among them."""
    r = np.random.default_rng(len(shape))
    x = r.integers(-3, 4, shape).astype(dtype)
    if x.dtype.kind == "f" and x.size > 4:
        x.flat[:4] = [np.nan, np.inf, -np.inf, -0.0]
        r.shuffle(x)
    return x


def places(shape: tuple[int, ...], size: int, dtype: str = "i8") -> Value:
    """Return indices, from the end too, most of them several times."""
    r = np.random.default_rng(size)
    low = 0 if dtype[0] == "u" else -size
    return r.integers(low, size, shape).astype(dtype)[()]


#: The shape of the array, the indexed axes, the position of theirs in the result, the index arrays.
SELECTIONS: Final[list[tuple[tuple[int, ...], Gather, tuple[tuple[int, ...], ...]]]] = [
    ((5,), Gather((0,), 0), ((7,),)),
    ((5,), Gather((0,), 0), ((),)),
    ((5,), Gather((0,), 0), ((0,),)),
    ((5,), Gather((0,), 0), ((1,),)),
    ((1,), Gather((0,), 0), ((4,),)),
    ((5, 3), Gather((0,), 0), ((7,),)),
    ((5, 3), Gather((0,), 0), ((2, 4),)),
    ((5, 3), Gather((1,), 1), ((4,),)),
    ((5, 3), Gather((1,), 0), ((4,),)),
    ((5, 3), Gather((0, 1), 0), ((6,), (6,))),
    ((5, 3), Gather((0, 1), 0), ((6, 1), (4,))),
    ((2, 5, 3), Gather((0, 2), 0), ((4,), (4,))),
    ((2, 5, 3), Gather((0, 2), 1), ((4, 1), (3,))),
    ((2, 1, 3), Gather((1,), 1), ((2, 2),)),
    ((4, 0), Gather((0,), 0), ((3,),)),
]


@pytest.mark.parametrize(("shape", "at", "blocks"), SELECTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_selections_agree(
    shape: tuple[int, ...], at: Gather, blocks: tuple[tuple[int, ...], ...], dtype: str
) -> None:
    indices = [places(b, shape[axis]) for axis, b in zip(at.axes, blocks, strict=True)]
    native_step(at, filled(dtype, shape), *indices)


@pytest.mark.parametrize(("shape", "at", "blocks"), SELECTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_additions_and_replacements_agree(
    shape: tuple[int, ...], at: Gather, blocks: tuple[tuple[int, ...], ...], dtype: str
) -> None:
    indices = [places(b, shape[axis]) for axis, b in zip(at.axes, blocks, strict=True)]
    x = filled(dtype, shape)
    updates = at.evaluate(filled(dtype, shape[::-1]).reshape(shape), *indices)
    native_step(ScatterAdd(shape, at), updates, *indices)
    native_step(ScatterSet(at), x, updates, *indices)
    for least in (False, True):
        native_step(ScatterExtreme(at, least), x, updates, *indices)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_indices_may_have_any_integer_dtype(dtype: str) -> None:
    at = Gather((0,), 0)
    index = places((9,), 5, dtype)
    native_step(at, filled("f8", (5, 3)), index)
    native_step(ScatterAdd((5, 3), at), filled("f8", (9, 3)), index)


FUNCTIONS: Final[list[Callable[[Value, Value], object]]] = [
    lambda x, i: x[i] * 2,
    lambda x, i: (x * 2)[i] + x[i],
    lambda x, i: pb.sum(x[i], axis=-1),
    lambda x, i: pb.take_along_axis(x, pb.broadcast_to(i[:, None], (len(i), 2))[: len(x)], axis=1),
    lambda x, i: x[pb.reshape(i, (2, -1)), 1],
    lambda x, i: x[i + 0],
    lambda x, i: pb.matrix_transpose(x)[:, i],
    lambda x, i: pb.reshape(x, (-1,))[i],
    lambda x, i: x.at[i].add(pb.exp(x)[i]),
    lambda x, i: x.at[i, 1].set(1.5),
    pb.grad(lambda x, i: pb.sum(x[i] ** 2)),
    pb.grad(lambda x, i: pb.sum(pb.take_along_axis(x, i[: len(x), None], axis=1) ** 2)),
    pb.grad(lambda x, i: pb.sum(pb.sin(x).at[i].max(0.5) ** 2)),
    lambda x, i: pb.sum(pb.take_along_axis(x, i[: len(x), None], axis=1)) + pb.sum(x),
    lambda x, i: pb.sum(x[[0, -1, 2]]) + x[np.array([[1], [2]]), np.array([0, -1, 1])],
    pb.grad(lambda x, i: pb.sum(x[[0, 0, 2]] * x[i[0]])),
]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("shape", [(3, 3), (4, 17)])
def test_indexing_fuses_with_what_is_around_it(
    function: Callable[[Value, Value], object], shape: tuple[int, ...]
) -> None:
    x = np.random.default_rng(0).random(shape)
    native(function, x, np.array([0, -1, 2, 2, 1, 0]), tolerance=1e-14)


@pytest.mark.parametrize(
    "primitive",
    [
        Gather((0,), 0),
        ScatterAdd((4, 3), Gather((0,), 0)),
        ScatterSet(Gather((0,), 0)),
        ScatterExtreme(Gather((0,), 0), least=False),
    ],
)
@pytest.mark.parametrize("bad", [4, -5, 2**40])
def test_an_index_out_of_range_is_the_error_of_numpy_and_does_no_harm(
    primitive: Primitive, bad: int
) -> None:
    x, updates = np.ones((4, 3)), np.ones((2, 3))
    before = {Gather: (x,), ScatterAdd: (updates,)}.get(type(primitive), (x, updates))
    good = np.array([1, 2])
    program = step(primitive, *before, good)
    compiled = agree(program, *before, good)
    with pytest.raises(IndexingError, match=rf"gather: index {bad} is out of range for axis 0"):
        compiled.run([*before, np.array([1, bad])])
    agree(program, *before, good)


def test_an_index_out_of_range_is_found_where_nothing_is_read_at_it() -> None:
    x, i = np.ones((4, 3)), np.array([[0], [1], [2], [0]])
    program = pb.trace(pb.grad(lambda x, i: pb.sum(pb.take_along_axis(x, i, axis=1) * 2)), x, i)
    compiled = agree(program, x, i)
    with pytest.raises(IndexingError, match="index 3 is out of range for axis 1 of size 3"):
        compiled.run([x, i + 1])


def test_an_index_out_of_range_is_found_where_nothing_is_selected() -> None:
    x: Value = np.zeros((4, 0))
    good = np.array([1, 2])
    compiled = native_step(Gather((0,), 0), x, good)
    with pytest.raises(IndexingError, match="index 6 is out of range for axis 0 of size 4"):
        compiled.run([x, good + 5])


def test_known_indices_out_of_range_are_left_to_numpy() -> None:
    x: Value = np.ones(3)
    program = step(Gather((0,), 0), x, np.array([0, 1]))
    constant = np.array([0, 7])
    known = pb.Program(program.inputs[:1], (constant,), program.steps, program.types, (2,))
    with pytest.raises(IndexingError, match="index 7 is out of range"):
        compile_program(known).run([x])


def test_the_gradient_of_a_selection_along_an_axis_is_a_comparison() -> None:
    x, i = np.ones((40, 30)), np.zeros((40, 1), np.int64)
    f = pb.grad(lambda x, i: pb.sum(pb.take_along_axis(x, i, axis=1) ** 2))
    compiled = native(f, x, i)
    assert Kind.SCATTER not in {kernel.kind for kernel in compiled.plan.kernels}
