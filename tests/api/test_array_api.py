"""The Array API standard, revision 2024.12: every name exists, with the standard's parameters."""

from __future__ import annotations

import inspect
from typing import Final

import pytest

import pullback as pb
from pullback.core import Array


def words(text: str) -> list[str]:
    """The names in a text."""
    return text.split()


#: The function names of the standard and the parameters by which portable code passes arguments:
#: how many by position, and which by keyword. The extensions linalg and fft are others' work.
FUNCTIONS: Final = {
    # constants and inspection stand below; data types
    "astype": (2, "copy device"), "can_cast": (2, ""), "finfo": (1, ""), "iinfo": (1, ""),
    "isdtype": (2, ""), "result_type": (2, ""),
    # creation
    "arange": (3, "stop step dtype device"), "asarray": (1, "dtype device copy"),
    "empty": (1, "dtype device"), "empty_like": (1, "dtype device"),
    "eye": (2, "k dtype device"), "from_dlpack": (1, "device copy"),
    "full": (2, "dtype device"), "full_like": (2, "dtype device"),
    "linspace": (3, "num dtype device endpoint"), "meshgrid": (2, "indexing"),
    "ones": (1, "dtype device"), "ones_like": (1, "dtype device"), "tril": (1, "k"),
    "triu": (1, "k"), "zeros": (1, "dtype device"), "zeros_like": (1, "dtype device"),
    # elementwise
    **dict.fromkeys(
        words(
        "abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor "
        "imag isfinite isinf isnan log log1p log2 log10 logical_not negative positive real "
        "reciprocal round sign signbit sin sinh square sqrt tan tanh trunc"),
        (1, ""),
    ),
    **dict.fromkeys(
        words(
        "add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor "
        "copysign divide equal floor_divide greater greater_equal hypot less less_equal logaddexp "
        "logical_and logical_or logical_xor maximum minimum multiply nextafter not_equal pow "
        "remainder subtract"),
        (2, ""),
    ),
    "clip": (3, "min max"),
    # linear algebra
    "matmul": (2, ""), "matrix_transpose": (1, ""), "tensordot": (2, "axes"), "vecdot": (2, "axis"),
    # manipulation
    "broadcast_arrays": (2, ""), "broadcast_to": (2, ""), "concat": (1, "axis"),
    "expand_dims": (1, "axis"), "flip": (1, "axis"), "moveaxis": (3, ""),
    "permute_dims": (2, "axes"), "repeat": (2, "axis"), "reshape": (2, "copy shape"),
    "roll": (2, "shift axis"), "squeeze": (2, "axis"), "stack": (1, "axis"), "tile": (2, ""),
    "unstack": (1, "axis"),
    # searching, sets, sorting, indexing
    "argmax": (1, "axis keepdims"), "argmin": (1, "axis keepdims"),
    "count_nonzero": (1, "axis keepdims"), "nonzero": (1, ""),
    "searchsorted": (2, "side sorter"), "where": (3, ""),
    "unique_all": (1, ""), "unique_counts": (1, ""), "unique_inverse": (1, ""),
    "unique_values": (1, ""),
    "argsort": (1, "axis descending stable"), "sort": (1, "axis descending stable"),
    "take": (2, "axis"), "take_along_axis": (2, "axis"),
    # statistics and utilities
    "cumulative_prod": (1, "axis dtype include_initial"),
    "cumulative_sum": (1, "axis dtype include_initial"),
    "max": (1, "axis keepdims"), "mean": (1, "axis keepdims"), "min": (1, "axis keepdims"),
    "prod": (1, "axis dtype keepdims"), "std": (1, "axis correction keepdims"),
    "sum": (1, "axis dtype keepdims"), "var": (1, "axis correction keepdims"),
    "all": (1, "axis keepdims"), "any": (1, "axis keepdims"),
    "diff": (1, "axis n prepend append"),
}  # fmt: skip
OTHERS: Final = words(
    "__array_namespace_info__ e inf nan newaxis pi bool int8 int16 int32 int64 uint8 uint16 uint32 "
    "uint64 float32 float64 complex64 complex128"
)
#: What is missing, each with its reason; a name that is there must not stand here.
MISSING: Final[dict[str, str]] = {}
OPERATORS: Final = words(
    "abs add and array_namespace bool complex dlpack dlpack_device eq float floordiv ge getitem gt "
    "index int invert le lshift lt matmul mod mul ne neg or pos pow rshift setitem sub truediv xor"
)
REFLECTED: Final = words("add and floordiv lshift matmul mod mul or pow rshift sub truediv xor")
ATTRIBUTES: Final = words("dtype device mT ndim shape size T to_device")


def test_standards_list_is_complete() -> None:
    assert len(FUNCTIONS) == 133
    assert len(OTHERS) == 19


@pytest.mark.parametrize("name", [*FUNCTIONS, *OTHERS])
def test_name_of_the_standard_is_public(name: str) -> None:
    assert (name in pb.__all__) is (name not in MISSING)
    assert hasattr(pb, name) is (name not in MISSING)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in MISSING])
def test_function_takes_the_standards_arguments(name: str) -> None:
    positional, keywords = FUNCTIONS[name]
    parameters = list(inspect.signature(getattr(pb, name)).parameters.values())
    kinds = [p.kind for p in parameters]
    by_position = sum(
        kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for kind in kinds
    )
    assert by_position >= positional or inspect.Parameter.VAR_POSITIONAL in kinds
    by_keyword = {p.name for p in parameters if p.kind is not inspect.Parameter.POSITIONAL_ONLY}
    assert set(keywords.split()) <= by_keyword


@pytest.mark.parametrize("name", [f"__{name}__" for name in OPERATORS])
def test_array_has_the_standards_operators(name: str) -> None:
    assert callable(getattr(Array, name))


@pytest.mark.parametrize("name", [f"__r{name}__" for name in REFLECTED])
def test_array_has_the_standards_reflected_operators(name: str) -> None:
    assert callable(getattr(Array, name))


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_array_has_the_standards_attributes(name: str) -> None:
    assert hasattr(Array, name)


def test_every_public_name_exists() -> None:
    assert [name for name in pb.__all__ if not hasattr(pb, name)] == []
    assert len(set(pb.__all__)) == len(pb.__all__)
