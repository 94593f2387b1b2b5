"""Conjugate, real and imaginary part: linear over the reals, adjoint in Re Σ conj(w)·v."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest

from pullback.core import apply, constant
from pullback.primitives.complex import Conjugate, Imag, Real, conjugate, real_dtype
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from tests.checks import check_primitive, check_type, pullback_of
from tests.primitives.pointwise import applying, check_unknown, complexes, reals

PRIMITIVES: Final[list[Primitive]] = [Conjugate(), Real(), Imag()]
OPERANDS: Final[list[Value]] = [
    complexes((2, 3), -1, 1),
    complexes((), -1, 1),
    complexes((3,), -1, 1).astype(np.complex64),
    reals((2, 3), -1, 1),
    reals((3,), -1, 1).astype(np.float32),
    np.float64(0.5),
    np.zeros((2, 0), complex),
    1.5 - 0.5j,
    1.5,
]


@pytest.mark.parametrize("primitive", PRIMITIVES)
@pytest.mark.parametrize("x", OPERANDS)
def test_parts_of_numbers_have_exact_derivatives(primitive: Primitive, x: Value) -> None:
    double = np.asarray(x).dtype.itemsize in {8, 16} and np.asarray(x).dtype != np.complex64
    if double:
        check_primitive(primitive, x)
    check_type(primitive, x)
    check_unknown(primitive, x)


@pytest.mark.parametrize("primitive", PRIMITIVES)
@pytest.mark.parametrize("dtype", ["?", "i1", "i8", "u4", "f2", "f4", "f8", "c8", "c16"])
def test_parts_of_every_dtype_are_numpys(primitive: Primitive, dtype: str) -> None:
    reference: Value = {"conjugate": np.conj, "real": np.real, "imag": np.imag}[primitive.name]
    for x in (np.ones((2, 1), dtype), np.dtype(dtype).type(1)):
        check_type(primitive, x)
        assert np.array_equal(primitive.evaluate(x), reference(x))


def test_the_real_dtype_of_a_complex_one_has_its_precision() -> None:
    for dtype, real in (("c8", "f4"), ("c16", "f8"), ("f4", "f4"), ("i8", "i8")):
        assert real_dtype(np.dtype(dtype)) == real


def test_conjugation_leaves_real_quantities_alone() -> None:
    quantities: list[Value] = [1.5, np.ones(2), constant(np.ones(2))]
    for real in quantities:
        assert conjugate(real) is real
    number: Value = 1j
    assert np.conj(number) == conjugate(number)


def test_adjoints_embed_the_real_and_the_imaginary_axis() -> None:
    z = complexes((2,), -1, 1)
    weights = np.array([2.0, -3.0])
    assert pullback_of(applying(Real()), [z], weights)[0].tolist() == [2, -3]
    assert pullback_of(applying(Imag()), [z], weights)[0].tolist() == [2j, -3j]
    assert pullback_of(applying(Conjugate()), [z], weights + 1j)[0].tolist() == [2 - 1j, -3 - 1j]


def test_the_imaginary_part_of_a_real_number_has_no_slope() -> None:
    x = reals((2,), -1, 1)
    assert pullback_of(applying(Imag()), [x], np.ones(2))[0].tolist() == [0, 0]
    assert apply(Imag(), constant(x))._value.tolist() == [0, 0]
