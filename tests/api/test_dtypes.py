"""Data types, questions about them, and conversion between them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import pullback as pb
from pullback.core import lift
from pullback.errors import DTypeError, UnsupportedError
from tests.checks import check_function
from tests.core.nodes import traced, unknown

NAMES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32",
    "float64", "complex64", "complex128",
]  # fmt: skip
DTYPES = {name: np.dtype(name) for name in NAMES}
PAIRS = list(itertools.product(NAMES, NAMES))
KINDS = (
    "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating",
    "numeric",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_dtype_equals_that_of_arrays_and_hashes_alike(name: str) -> None:
    dtype = getattr(pb, name)
    x = pb.ones(2, dtype=dtype)
    assert x.dtype == dtype
    assert x.dtype == np.dtype(name)
    assert {dtype: 1}[x.dtype] == 1
    assert np.ones(2, dtype).dtype == dtype


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [*KINDS, ("bool", "real floating"), np.dtype("float32"), ()])
def test_isdtype_is_numpys(name: str, kind: str | tuple[str, ...] | np.dtype[np.generic]) -> None:
    assert pb.isdtype(getattr(pb, name), kind) is np.isdtype(np.dtype(name), kind)  # type: ignore[arg-type]  # one of the kinds


def test_isdtype_refuses_an_unknown_kind() -> None:
    with pytest.raises(ValueError, match="kind"):
        pb.isdtype(pb.float32, "floating")


@pytest.mark.parametrize(("have", "want"), PAIRS)
def test_astype_is_numpys_but_for_the_loss_of_imaginary_parts(have: str, want: str) -> None:
    x = np.array([0, 1, 3]).astype(have)
    if have.startswith("complex") and not want.startswith(("complex", "bool")):
        with pytest.raises(DTypeError, match=rf"astype: {have} to {want} would lose the imagin"):
            pb.astype(x, want)
    else:
        y = pb.astype(x, want)
        assert y.dtype == want
        np.testing.assert_array_equal(y, x.astype(want))
        assert pb.astype(unknown(3, dtype=have), want).dtype == want


@pytest.mark.parametrize(
    ("have", "want"),
    [*itertools.product(["float32", "float64", "complex64", "complex128"], repeat=2)],
)
def test_astype_between_inexact_dtypes_differentiates(have: str, want: str) -> None:
    if have.startswith("c") and want.startswith("f"):
        return
    x = np.array([0.5, -1.5]).astype(have)
    single = "float32" in (have, want) or "complex64" in (have, want)
    check_function(
        lambda v: pb.astype(v, want), x, order=1 if single else 2, step=1e-2 if single else 1e-6,
        rtol=1e-3 if single else 1e-6,
    )  # fmt: skip


@pytest.mark.parametrize("want", ["bool", "int64", "uint8"])
def test_astype_to_a_step_function_is_a_constant(want: str) -> None:
    assert not pb.astype(traced([0.5, 1.5]), want).sources


def test_astype_makes_a_weak_number_strong() -> None:
    x = pb.astype(lift(2.0), pb.float64)
    assert not x.type.weak
    assert pb.astype(2, pb.float32).dtype == pb.float32


def test_astype_of_the_same_dtype_is_the_array_itself() -> None:
    x = pb.asarray([1.0])
    assert pb.astype(x, float, copy=True, device="cpu") is x


def test_astype_refuses_what_arrays_cannot_hold_and_other_devices() -> None:
    with pytest.raises(DTypeError, match="astype: arrays hold booleans"):
        pb.astype([1.0], "U3")
    with pytest.raises(UnsupportedError, match="astype: device 'gpu'"):
        pb.astype(1.0, float, device="gpu")


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_result_type_and_can_cast_are_numpys(a: str, b: str) -> None:
    assert pb.result_type(getattr(pb, a), getattr(pb, b)) == np.result_type(a, b)
    assert pb.result_type(pb.ones(2, dtype=a), b) == np.result_type(a, b)
    assert pb.can_cast(getattr(pb, a), getattr(pb, b)) is np.can_cast(a, b)
    assert pb.can_cast(pb.ones(2, dtype=a), b) is np.can_cast(a, b)


def test_result_type_knows_python_numbers_as_weak() -> None:
    assert pb.result_type(pb.float32, 1.0) == pb.float32
    assert pb.result_type(pb.int8, 1) == pb.int8
    assert pb.result_type(pb.int8, 1.0) == pb.float64
    assert pb.result_type(lift(1.0), pb.float32) == pb.float32
    assert pb.result_type(traced(1.0) * 2, pb.asarray([1.0], dtype="float32")) == pb.float32
    assert pb.result_type(1j, pb.float32) == pb.complex64


@pytest.mark.parametrize("name", ["float32", "float64", "complex64", "complex128"])
def test_finfo_is_numpys(name: str) -> None:
    for argument in (getattr(pb, name), pb.ones(2, dtype=name), unknown(2, dtype=name)):
        info = pb.finfo(argument)
        assert (info.bits, info.eps, info.max) == (
            np.finfo(name).bits, np.finfo(name).eps, np.finfo(name).max,
        )  # fmt: skip
        assert info.min == np.finfo(name).min
        assert info.smallest_normal == np.finfo(name).smallest_normal


@pytest.mark.parametrize("name", ["int8", "int16", "int32", "int64", "uint8", "uint64"])
def test_iinfo_is_numpys(name: str) -> None:
    for argument in (getattr(pb, name), pb.ones(2, dtype=name)):
        info = pb.iinfo(argument)
        assert (info.bits, info.min, info.max) == (
            np.iinfo(name).bits, np.iinfo(name).min, np.iinfo(name).max,
        )  # fmt: skip


def test_info_of_the_wrong_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="int64"):
        pb.finfo(pb.int64)
    with pytest.raises(ValueError, match="integer"):
        pb.iinfo(pb.float32)


def test_constants_are_pythons() -> None:
    assert (pb.pi, pb.e, pb.inf, pb.newaxis) == (np.pi, np.e, np.inf, None)
    assert pb.nan != pb.nan
