"""Creation functions: what NumPy makes, as constants; differentiable where numbers go in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array, lift
from pullback.errors import (
    ConversionError,
    DTypeError,
    PullbackError,
    ShapeError,
    UnsupportedError,
)
from pullback.primitives.quantity import Value
from tests.checks import check_function
from tests.core.nodes import traced, unknown

LIKE = np.array([[1, 2, 3], [4, 5, 6]], np.int16)

MADE: dict[str, tuple[Array, Value]] = {
    "arange": (pb.arange(5), np.arange(5)),
    "arange down": (pb.arange(5, 0, -2), np.arange(5, 0, -2)),
    "arange dtype": (pb.arange(3, dtype=pb.float32), np.arange(3, dtype=np.float32)),
    "arange empty": (pb.arange(3, 1), np.arange(3, 1)),
    "arange floats": (pb.arange(0.5, 2.0, 0.25), np.arange(0.5, 2.0, 0.25)),
    "arange of arrays": (pb.arange(pb.asarray(1), pb.asarray(4)), np.arange(1, 4)),
    "asarray bool": (pb.asarray(True), np.asarray(True)),
    "asarray complex": (pb.asarray(1j), np.asarray(1j)),
    "asarray dtype": (pb.asarray([1, 2], dtype="float32"), np.asarray([1, 2], "float32")),
    "asarray empty": (pb.asarray([]), np.asarray([])),
    "asarray float": (pb.asarray(2.5), np.asarray(2.5)),
    "asarray int": (pb.asarray(2), np.asarray(2)),
    "asarray nested": (pb.asarray(((1, 2.5), [3, 4])), np.asarray([[1, 2.5], [3, 4]])),
    "asarray of a large int": (pb.asarray(2**63), np.asarray(2**63)),
    "asarray of a scalar": (pb.asarray(np.float32(2.5)), np.asarray(np.float32(2.5))),
    "asarray of big-endian": (pb.asarray(np.arange(3, dtype=">f4")), np.arange(3, dtype="f4")),
    "asarray of range": (pb.asarray(range(3)), np.asarray(range(3))),
    "empty": (pb.empty((2, 3)), np.zeros((2, 3))),
    "empty_like": (pb.empty_like(LIKE), np.zeros_like(LIKE)),
    "eye": (pb.eye(3), np.eye(3)),
    "eye k": (pb.eye(2, 4, k=-1, dtype=pb.int8), np.eye(2, 4, -1, np.int8)),
    "from_dlpack": (pb.from_dlpack(LIKE), LIKE),
    "full": (pb.full((2, 2), 3), np.full((2, 2), 3)),
    "full broadcast": (
        pb.full((2, 3), np.array([1.0, 2.0, 3.0])),
        np.full((2, 3), [1.0, 2.0, 3.0]),
    ),
    "full dtype": (pb.full(3, 2, dtype=pb.complex64), np.full(3, 2, np.complex64)),
    "full rank 0": (pb.full((), 2.0), np.full((), 2.0)),
    "full_like": (pb.full_like(LIKE, 2.5), np.full_like(LIKE, 2.5)),
    "full_like dtype": (pb.full_like(LIKE, 2.5, dtype=float), np.full_like(LIKE, 2.5, float)),
    "linspace": (pb.linspace(0, 1, 5), np.linspace(0, 1, 5)),
    "linspace complex": (pb.linspace(0, 1j, 3), np.linspace(0, 1j, 3)),
    "linspace dtype": (pb.linspace(0, 4, 5, dtype=int), np.linspace(0, 4, 5, dtype=int)),
    "linspace endpoint": (pb.linspace(1.0, 2.0, 3, endpoint=False), np.linspace(1, 2, 3, False)),
    "linspace of arrays": (pb.linspace(np.array([0.0, 1.0]), 3, 4), np.linspace([0.0, 1.0], 3, 4)),
    "linspace of one": (pb.linspace(pb.asarray(2.0), 3.0, 1), np.linspace(2.0, 3.0, 1)),
    "ones": (pb.ones((2, 1)), np.ones((2, 1))),
    "ones_like": (pb.ones_like(LIKE), np.ones_like(LIKE)),
    "zeros": (pb.zeros(4), np.zeros(4)),
    "zeros dtype": (pb.zeros((0, 2), dtype=bool), np.zeros((0, 2), bool)),
    "zeros rank 0": (pb.zeros(()), np.zeros(())),
    "zeros_like": (pb.zeros_like(LIKE, dtype=pb.uint8), np.zeros_like(LIKE, np.uint8)),
    "zeros_like of a number": (pb.zeros_like(2.5), np.zeros_like(2.5)),
}


@pytest.mark.parametrize(("ours", "theirs"), MADE.values(), ids=MADE)
def test_creation_function_makes_what_numpy_makes(ours: Array, theirs: Value) -> None:
    assert isinstance(ours, Array)
    assert not ours.type.weak
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-15)
    assert not ours.sources


@pytest.mark.parametrize(
    ("f", "values"),
    [
        (lambda x: pb.full((2, 3), x), [2.0]),
        (lambda x: pb.full((2, 3), x), [np.array([1.0, 2.0, 3.0])]),
        (lambda x: pb.full_like(np.zeros((2, 2)), x), [2.0]),
        (lambda x, y: pb.linspace(x, y, 5), [1.0, 3.0]),
        (lambda x, y: pb.linspace(x, y, 4, endpoint=False), [np.array([1.0, 2.0]), 3.0]),
        (lambda x: pb.linspace(0, x, 3), [1.0 + 2.0j]),
        (lambda x, y: pb.asarray([[x, y], [2.0, x]]), [np.float64(1.0), np.float64(2.0)]),
        (lambda x: pb.asarray([x, (1.0, 2.0)]), [np.array([3.0, 4.0])]),
        (lambda x, y: pb.meshgrid(x, y)[0], [np.array([1.0, 2.0]), np.array([3.0])]),
    ],
)
def test_numbers_that_go_into_an_array_keep_their_gradient(
    f: Callable[..., Array], values: list[Value]
) -> None:
    assert f(*map(traced, values)).sources
    check_function(f, *values)


@pytest.mark.parametrize("dtype", [pb.float32, pb.complex64])
def test_linspace_keeps_the_precision_of_its_ends(dtype: np.dtype[np.generic]) -> None:
    x = pb.asarray(1.0, dtype=dtype)
    assert pb.linspace(x, 2.0, 3).dtype == dtype
    assert pb.linspace(0, x, 3).dtype == dtype


def test_linspace_hits_its_ends_exactly() -> None:
    x = pb.linspace(pb.asarray(0.1), pb.asarray(0.7), 7)
    assert x[0] == 0.1
    assert x[-1] == 0.7


def test_asarray_of_an_array_is_the_array_itself() -> None:
    x = pb.asarray([1.0, 2.0])
    assert pb.asarray(x) is x
    assert pb.asarray(x, dtype=pb.float64, copy=True, device="cpu") is x
    assert pb.from_dlpack(x) is x


def test_asarray_of_a_number_is_strong() -> None:
    assert (pb.asarray([1.0], dtype="float32") * pb.asarray(2.0)).dtype == pb.float64
    assert (pb.asarray([1.0], dtype="float32") * 2.0).dtype == pb.float32


def test_asarray_of_lists_of_arrays_stacks_and_promotes() -> None:
    x = pb.asarray([1.0, 2.0], dtype="float32")
    assert pb.asarray([x, x]).dtype == pb.float32
    assert pb.asarray([[x], [x]]).shape == (2, 1, 2)
    assert pb.asarray([unknown(2), unknown(2)]).shape == (2, 2)
    with pytest.raises(ShapeError):
        pb.asarray([x, [1.0, 2.0, 3.0]])


def test_empty_is_the_same_in_every_run() -> None:
    assert not np.any(np.asarray(pb.empty((100, 100))))


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("vectors", [[], [[1, 2]], [[1, 2], [3, 4, 5]], [[1, 2], 3.5, [4, 5, 6]]])
def test_meshgrid_is_numpys(vectors: list[Value], indexing: str) -> None:
    ours = pb.meshgrid(*vectors, indexing=indexing)  # type: ignore[arg-type]  # one of the two
    theirs = np.meshgrid(*vectors, indexing=indexing)  # type: ignore[call-overload]  # the same
    assert len(ours) == len(theirs)
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(x, y)
        assert x.dtype == y.dtype


def test_dlpack_goes_both_ways() -> None:
    x = pb.asarray([[1.0, 2.0], [3.0, 4.0]])
    y = pb.from_dlpack(np.from_dlpack(x))
    assert y is not x
    np.testing.assert_array_equal(x, y)
    data = np.arange(3.0)
    z = pb.from_dlpack(data)
    data[:] = 7
    assert z.tolist() == [0.0, 1.0, 2.0]


def test_creation_from_an_unknown_value_needs_its_type_only() -> None:
    x = unknown(2, 3, dtype="float32")
    for made in (pb.zeros_like(x), pb.ones_like(x), pb.empty_like(x), pb.full_like(x, 2)):
        assert made.dtype == pb.float32
        assert made.shape == (2, 3)
        assert not made.sources
    assert pb.linspace(unknown(), 2.0, 5).shape == (5,)
    assert pb.full((2, 2), unknown()).shape == (2, 2)


ERRORS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "objects": (lambda: pb.asarray(object()), DTypeError, "asarray: cannot make an array from ob"),  # type: ignore[arg-type]  # the claim
    "strings": (lambda: pb.asarray("text"), DTypeError, "asarray: arrays hold booleans, integers"),
    "ragged": (lambda: pb.asarray([[1, 2], [3]]), DTypeError, "asarray: .*inhomogeneous"),
    "matrix": (lambda: pb.asarray(np.eye(2).view(np.matrix)), DTypeError, "asarray: a matrix"),
    "masked": (lambda: pb.asarray(np.ma.masked_array([1])), DTypeError, "asarray: a masked array"),
    "complex": (
        lambda: pb.asarray([1j], dtype=float),
        DTypeError,
        r"astype: complex128 to float64 would lose the imaginary part; use real\(x\)",
    ),
    "no copy": (lambda: pb.asarray([1.0], copy=False), ValueError, "asarray: .*always copied"),
    "no dlpack copy": (lambda: pb.from_dlpack(LIKE, copy=False), ValueError, "always copied"),
    "device": (
        lambda: pb.asarray(1.0, device="gpu"),
        UnsupportedError,
        "asarray: device 'gpu' is unknown; the only device is 'cpu'",
    ),
    "device of zeros": (lambda: pb.zeros(2, device="gpu"), UnsupportedError, "zeros: device"),
    "device of ones": (lambda: pb.ones(2, device="gpu"), UnsupportedError, "ones: device"),
    "device of eye": (lambda: pb.eye(2, device="gpu"), UnsupportedError, "eye: device"),
    "device of arange": (lambda: pb.arange(2, device="gpu"), UnsupportedError, "arange: device"),
    "device of linspace": (
        lambda: pb.linspace(0, 1, 2, device="gpu"),
        UnsupportedError,
        "linspace: device",
    ),
    "dtype of zeros": (lambda: pb.zeros(2, dtype="U3"), DTypeError, "zeros: arrays hold"),
    "dtype of arange": (lambda: pb.arange(2, dtype="O"), DTypeError, "arange: arrays hold"),
    "traced arange": (lambda: pb.arange(traced(2.0)), ConversionError, "arange: .*plain numbers"),
    "unknown arange": (lambda: pb.arange(unknown()), ConversionError, "arange: .*not known"),
    "full": (lambda: pb.full((2,), np.arange(3)), ShapeError, "broadcast_to: "),
    "linspace shapes": (
        lambda: pb.linspace(np.arange(2), np.arange(3), 4),
        ShapeError,
        "linspace: shapes",
    ),
    "meshgrid": (lambda: pb.meshgrid(LIKE), ShapeError, r"meshgrid: expected vectors.*\(2, 3\)"),
    "indexing": (
        lambda: pb.meshgrid([1], indexing="yx"),  # type: ignore[arg-type]  # the claim
        UnsupportedError,
        "meshgrid: indexing is 'xy' or 'ij', not 'yx'",
    ),
}


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS.values(), ids=ERRORS)
def test_creation_error_says_what_was_expected(
    call: Callable[[], object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_errors_of_creation_are_pullback_errors() -> None:
    for _, kind, _ in ERRORS.values():
        assert issubclass(kind, PullbackError) or kind is ValueError


def test_arrays_are_made_by_asarray_only() -> None:
    with pytest.raises(TypeError, match=r"pullback\.asarray"):
        Array()
    assert lift(2.0).type.weak
