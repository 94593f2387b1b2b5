"""A held value cannot be changed through any name."""

from __future__ import annotations

import copy
import ctypes
import pickle
from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array, lift
from pullback.errors import ImmutabilityError
from pullback.primitives.quantity import Value
from tests.core.nodes import traced, unknown

DATA = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def held() -> Array:
    return lift(np.array(DATA))


def test_array_passed_in_is_copied() -> None:
    data = np.array(DATA)
    x = pb.asarray(data)
    data[:] = 0
    assert x.tolist() == DATA


def test_operand_of_an_operator_is_copied() -> None:
    data = np.array(DATA)
    x = traced(DATA)
    y = x * data
    data[:] = 0
    np.testing.assert_array_equal(y.operands[1], DATA)


def test_view_passed_in_is_copied() -> None:
    data = np.array(DATA)
    x = pb.asarray(data.T[::-1])
    before = x.tolist()
    data[:] = 0
    assert x.tolist() == before


def test_readonly_array_passed_in_is_copied() -> None:
    data = np.array(DATA)
    data.setflags(write=False)
    x = pb.asarray(data)
    data.setflags(write=True)
    data[:] = 0
    assert x.tolist() == DATA


EXPORTS: dict[str, Callable[[Array], Value]] = {
    "asarray": np.asarray,
    "asanyarray": np.asanyarray,
    "ascontiguousarray": np.ascontiguousarray,
    "array without a copy": lambda x: np.array(x, copy=False),
    "__array__": lambda x: x.__array__(),
    "__array__ of the same dtype": lambda x: x.__array__(np.dtype("float64")),
    "__array__ without a copy": lambda x: x.__array__(copy=False),
    "a transposed array": lambda x: np.asarray(x.T),
    "a broadcast array": lambda x: np.asarray(pb.broadcast_to(x, (4, 2, 3))),
}


@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
def test_exported_array_cannot_be_written_to(
    export: Callable[[Array], Value],
) -> None:
    x = held()
    out = export(x)
    assert out.shape[-2:] in ((2, 3), (3, 2))
    with pytest.raises(ValueError, match="read-only"):
        out[:] = 0
    with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
        out.setflags(write=True)
    with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
        out.view().T.setflags(write=True)
    with pytest.raises((ValueError, BufferError, TypeError), match=r"read-only|not writable"):
        ctypes.c_double.from_buffer(out)
    assert memoryview(out).readonly
    assert x.tolist() == DATA


@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
def test_base_of_an_exported_array_is_no_array_that_could_be_made_writable(
    export: Callable[[Array], Value],
) -> None:
    out: object = export(held())
    while isinstance(out, np.ndarray):
        assert not out.flags.writeable
        assert not out.flags.owndata
        out = out.base
    with pytest.raises(TypeError, match="bytes-like"):
        memoryview(out)  # type: ignore[arg-type]  # it has no buffer: that is the claim


def test_exported_array_outlives_its_array() -> None:
    out = np.asarray(lift(np.arange(1000.0)))
    np.testing.assert_array_equal(out, np.arange(1000.0))


def test_array_itself_has_no_buffer() -> None:
    with pytest.raises(TypeError, match="bytes-like object is required"):
        memoryview(held())  # type: ignore[arg-type]  # the claim
    with pytest.raises(TypeError, match="bytes-like object is required"):
        np.frombuffer(held())  # type: ignore[call-overload]  # the claim


@pytest.mark.parametrize("change", [np.array, lambda x: x.__array__(copy=True), np.from_dlpack])
def test_copy_that_was_asked_for_is_the_callers_own(
    change: Callable[[Array], Value],
) -> None:
    x = held()
    out = change(x)
    out[:] = 0
    assert x.tolist() == DATA


def test_dlpack_without_a_copy_is_refused() -> None:
    with pytest.raises(BufferError, match="never shares memory"):
        np.from_dlpack(held(), copy=False)


def test_augmented_assignment_rebinds() -> None:
    x = before = held()
    x += 1
    x *= 2
    x @= np.eye(3)
    assert before.tolist() == DATA
    np.testing.assert_array_equal(x, (np.array(DATA) + 1) * 2)


WRITES: dict[str, Callable[[Array], object]] = {
    "x.at[0].set(1)": lambda x: x.__setitem__(0, 1),
    "concat": lambda x: x.__delitem__(0),
    "full_like": lambda x: x.fill(0),
    "pullback.sort(x) or np.sort(x)": lambda x: x.sort(),
    "partition": lambda x: x.partition(1),
    "reshape, pad or slice": lambda x: x.resize((3, 2)),
    "x.put(...)": lambda x: x.put([0], [1]),
    "x.itemset(...)": lambda x: x.itemset(0, 1),
    "stays read-only": lambda x: x.setflags(write=True),
    "setfield": lambda x: x.setfield(1, "float64"),
    "byteswap": lambda x: x.byteswap(inplace=True),
    "numpy.copyto": lambda x: np.copyto(x, 0),  # type: ignore[arg-type]  # the claim
    "numpy.put": lambda x: np.put(x, [0], 0),  # type: ignore[arg-type]  # the claim
    "numpy.place": lambda x: np.place(x, np.ones((2, 3), bool), 0),  # type: ignore[arg-type]  # the claim
    "numpy.putmask": lambda x: np.putmask(x, np.ones((2, 3), bool), 0),  # type: ignore[arg-type]  # the claim
    "numpy.fill_diagonal": lambda x: np.fill_diagonal(x, 0),  # type: ignore[arg-type]  # the claim
    "numpy.put_along_axis": lambda x: np.put_along_axis(x, np.zeros((2, 1), int), 0, 1),  # type: ignore[arg-type]  # the claim
    "add: out=": lambda x: np.add(x, 1, out=x),  # type: ignore[call-overload]  # the claim
    "numpy.sum: out=": lambda x: np.sum(x, out=x),  # type: ignore[call-overload]  # the claim
    "add.at": lambda x: np.add.at(x, 0, 1),
}


@pytest.mark.parametrize("remedy", WRITES)
@pytest.mark.parametrize("make", [held, lambda: traced(DATA), lambda: unknown(2, 3)])
def test_writing_is_an_error_that_says_what_to_use_instead(
    remedy: str, make: Callable[[], Array]
) -> None:
    x = make()
    with pytest.raises(ImmutabilityError) as caught:
        WRITES[remedy](x)
    assert remedy in str(caught.value)
    assert isinstance(caught.value, TypeError)


def test_array_added_to_an_ndarray_in_place_is_an_error_with_the_remedy() -> None:
    total = np.zeros(3)
    with pytest.raises(ImmutabilityError, match=r"add: out=.*y = y \+ x in place of y \+= x"):
        total += traced([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(total, np.zeros(3))


@pytest.mark.parametrize("name", ["shape", "T", "real", "dtype", "sources", "_value", "new"])
def test_attribute_cannot_be_assigned_or_deleted(name: str) -> None:
    x = held()
    with pytest.raises(AttributeError):
        setattr(x, name, 0)
    with pytest.raises(AttributeError):
        delattr(x, name)
    assert x.tolist() == DATA


def test_array_has_no_dict_to_write_to() -> None:
    assert not hasattr(held(), "__dict__")


def test_copies_are_the_array_itself() -> None:
    x = held()
    assert copy.copy(x) is x
    assert copy.deepcopy(x) is x
    assert copy.deepcopy({"a": [x]})["a"][0] is x
    assert x.copy() is x


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_array_is_equal_and_cannot_be_written_to(protocol: int) -> None:
    y = pickle.loads(pickle.dumps(held(), protocol))  # noqa: S301 - our own pickle
    assert isinstance(y, Array)
    assert y.tolist() == DATA
    with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
        np.asarray(y).setflags(write=True)


def test_buffers_of_a_pickle_do_not_reach_the_value() -> None:
    x = held()
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(x, 5, buffer_callback=buffers.append)
    assert all(memoryview(buffer).readonly for buffer in buffers)
    own = [bytearray(buffer) for buffer in buffers]
    y = pickle.loads(data, buffers=own)  # noqa: S301 - our own pickle
    for buffer in own:
        buffer[:] = bytes(len(buffer))
    assert len(own) == 1
    assert x.tolist() == y.tolist() == DATA


def test_state_that_pickle_sees_cannot_be_written_to() -> None:
    x = held()
    state: Value = x.__reduce__()
    _, (graph,) = state
    assert not graph.values[0].flags.writeable
    with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
        graph.values[0].setflags(write=True)


def test_result_of_an_operation_shares_no_memory_that_a_caller_can_write() -> None:
    data = np.array(DATA)
    x = pb.asarray(data)
    results = [x.T, x.reshape(3, 2), x[0], x + 0, pb.broadcast_to(x, (2, 2, 3)), x.real]
    before = [result.tolist() for result in results]
    data[:] = 0
    for result in results:
        assert not np.shares_memory(np.asarray(result), data)
    assert [result.tolist() for result in results] == before
