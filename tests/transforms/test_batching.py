"""The batching walk: what becomes batched and what stays, bundles, programs, memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.testing as npt
import pytest

import pullback as pb
from pullback.core import Array, Program, Trace, apply, constant, trace_program, unknown
from pullback.errors import IndexingError
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.quantity import Value
from pullback.transforms import batching
from pullback.transforms.batching import batch_program
from pullback.types import ArrayType

F8: Final = np.dtype("f8")
#: With quantities of any kind.
batch: Final[Callable[..., list[tuple[Value, Value]]]] = batching.batch
with_batch_axis: Final[Callable[..., Value]] = batching.with_batch_axis
VECTOR: Final = ArrayType((3,), F8)
XS: Final[Value] = np.arange(6.0).reshape(2, 3)


def opened(number: int = 1) -> tuple[Trace, list[Array]]:
    trace = Trace()
    return trace, [unknown(VECTOR, frozenset((trace,)), f"x{i}") for i in range(number)]


def test_only_what_depends_on_a_batched_input_is_batched() -> None:
    trace, (x, y) = opened(2)
    shared = np.array([1.0, 2.0, 3.0])
    found = batch(
        trace, {x: (XS, True), y: (shared, False)}, [x * y, y * 2, x, y, constant(5.0)], 2
    )
    assert [flag for _, flag in found] == [True, False, True, False, False]
    npt.assert_array_equal(found[0][0], XS * shared)
    npt.assert_array_equal(found[1][0], shared * 2)
    assert found[2][0] is XS
    assert found[4][0] == 5.0


def test_an_output_may_be_asked_for_twice_and_be_needed_by_another() -> None:
    trace, (x,) = opened()
    y = x + 1
    found = batch(trace, {x: (XS, True)}, [y, y * y, y], 2)
    npt.assert_array_equal(found[0][0], XS + 1)
    npt.assert_array_equal(found[1][0], (XS + 1) ** 2)
    assert found[0][0] is found[2][0]


def test_the_parts_of_a_bundle_are_batched_one_by_one() -> None:
    trace, (x, y) = opened(2)
    packed = apply(Pack(), x, y, constant(2.0))
    parts = [apply(Unpack(i), packed) for i in range(3)]
    shared = np.ones(3)
    found = batch(trace, {x: (XS, True), y: (shared, False)}, parts, 2)
    assert [flag for _, flag in found] == [True, False, False]
    npt.assert_array_equal(found[0][0], XS)
    npt.assert_array_equal(found[1][0], shared)


def test_nodes_of_an_outer_trace_are_recorded() -> None:
    trace, (x,) = opened()
    outer = Trace()
    w = unknown(VECTOR, frozenset((outer,)))
    (found, flag), (same, unbatched) = batch(trace, {x: (XS, True)}, [x * w, w], 2)
    assert isinstance(found, Array)
    assert (found.shape, found.sources) == ((2, 3), frozenset((outer,)))
    assert flag
    assert same is w
    assert not unbatched


def test_a_weak_element_makes_a_strong_batch() -> None:
    trace = Trace()
    x = unknown(ArrayType((), F8, weak=True), frozenset((trace,)))
    ((y, _),) = batch(trace, {x: (np.array([1.0, 2.0]), True)}, [x * 2], 2)
    assert y.dtype == F8
    ((y, _),) = batch(trace, {x: (np.array([1.0, 2.0]), True)}, [x * constant(np.float32(2.0))], 2)
    assert y.dtype == np.float32


def test_a_deep_graph_is_walked_without_recursion_and_freed_on_the_way() -> None:
    trace = Trace()
    x = unknown(ArrayType((10_000,), F8), frozenset((trace,)))
    y = x
    for _ in range(5000):
        y = y + 1.0
    whole = np.zeros((2, 10_000))
    tracemalloc.start()
    ((found, _),) = batch(trace, {x: (whole, True)}, [y], 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[1, 1] == 5000.0
    assert peak < 50 * whole.nbytes


def test_an_error_keeps_its_text_and_says_that_it_is_of_a_batch() -> None:
    trace, (x,) = opened()
    i = unknown(ArrayType((), np.dtype("i8")), frozenset((trace,)))
    with pytest.raises(IndexingError, match="index 5 is out of range") as caught:
        batch(trace, {x: (XS, True), i: (np.array([0, 5]), True)}, [x[i]], 2)
    assert caught.value.__notes__ == ["vmap: in gather of a batch, whose axis stands in front"]


def program() -> Program:
    """Two vectors to their product, the sine of the second, and a constant."""

    def call(nodes: list[Array]) -> list[Array]:
        x, y = nodes
        return [x * y, pb.sin(y), constant(2.0)]

    return trace_program(call, [VECTOR, VECTOR])[0]


@pytest.mark.parametrize("flags", [(True, True), (True, False), (False, True), (False, False)])
def test_a_program_for_a_batch(flags: tuple[bool, bool]) -> None:
    made, batched = batch_program(program(), flags, 2)
    made.type_check()
    assert batched == [any(flags), flags[1], False]
    values: list[Value] = [XS if flag else XS[0] for flag in flags]
    product, sine, number = made.evaluate(values)
    npt.assert_array_equal(product, values[0] * values[1])
    npt.assert_array_equal(sine, np.sin(values[1]))
    assert number == 2.0


def test_outputs_that_must_be_batched_are_repeated() -> None:
    made, batched = batch_program(program(), (True, False), 2, (False, True, True))
    assert batched == [True, True, True]
    _, sine, number = made.evaluate([XS, XS[0]])
    npt.assert_array_equal(sine, np.sin(XS[[0, 0]]))
    npt.assert_array_equal(number, [2.0, 2.0])


def test_a_batch_axis_repeats_a_value_or_a_node() -> None:
    npt.assert_array_equal(with_batch_axis(XS[0], 3), XS[[0, 0, 0]])
    npt.assert_array_equal(with_batch_axis(2.0, 3), np.full(3, 2.0))
    _, (x,) = opened()
    repeated = with_batch_axis(x, 4)
    assert repeated.shape == (4, 3)
