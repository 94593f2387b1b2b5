"""Conversion out of the graph: an error where it would cut a gradient, the value elsewhere."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable

import numpy as np
import pytest

import pullback as pb
from pullback.core import Array, lift
from pullback.errors import ConversionError, PullbackError
from tests.core.nodes import traced, unknown

CUTS: dict[str, tuple[Callable[[Array], object], str]] = {
    "float": (float, r"float\(x\): .*pullback or NumPy in place of those of math"),
    "complex": (complex, r"complex\(x\): .*in place of those of cmath"),
    "math.sin": (math.sin, r"float\(x\)"),
    "math.sqrt": (math.sqrt, r"float\(x\)"),
    "cmath.exp": (cmath.exp, r"complex\(x\)"),
    "asarray": (np.asarray, r"np.asarray\(x\): .*NumPy's functions work on the array itself"),
    "array": (np.array, r"np.asarray\(x\): "),
    "array of a list": (lambda x: np.array([x, 1.0]), r"np.asarray\(x\): .*pullback.stack"),
    "asarray of a list": (lambda x: np.asarray([[x], [x]]), r"np.asarray\(x\): "),
    "asarray with dtype": (lambda x: np.asarray(x, np.float32), r"np.asarray\(x\): "),
    "assignment": (lambda x: np.zeros(2).__setitem__(slice(1), x), r"np.asarray\(x\)"),
    "full": (lambda x: np.full(2, x), r"np.asarray\(x\)"),
    "np.float64": (np.float64, r"float\(x\)|np.asarray\(x\)"),
    "item": (lambda x: x.item(), r"x.item\(\): .*use the array itself"),
    "tolist": (lambda x: x.tolist(), r"x.tolist\(\): .*use the array itself"),
    "tobytes": (lambda x: x.tobytes(), r"x.tobytes\(\): .*use the array itself"),
    "dlpack": (np.from_dlpack, r"from_dlpack\(x\): "),
}


@pytest.mark.parametrize(("cut", "message"), CUTS.values(), ids=CUTS)
def test_conversion_that_would_cut_a_gradient_is_an_error(
    cut: Callable[[Array], object], message: str
) -> None:
    x = traced(0.5)
    with pytest.raises(ConversionError, match=message) as caught:
        cut(x)
    assert "is being differentiated" in str(caught.value)
    assert "stop_gradient(x)" in str(caught.value)
    assert repr(x) in str(caught.value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("cut", [cut for cut, _ in CUTS.values()], ids=CUTS)
def test_the_same_conversion_of_a_constant_works(cut: Callable[[Array], object]) -> None:
    cut(lift(0.5))
    cut(pb.asarray(0.5))


@pytest.mark.parametrize("cut", [cut for cut, _ in CUTS.values()], ids=CUTS)
def test_the_same_conversion_of_an_unknown_value_is_an_error(
    cut: Callable[[Array], object],
) -> None:
    with pytest.raises(ConversionError, match="is not known while vmap, jit or a loop traces"):
        cut(unknown())


def test_conversion_of_what_depends_on_an_input_is_an_error() -> None:
    y = (traced([1.0, 2.0]) * 2).sum()
    with pytest.raises(ConversionError, match="traced sum"):
        float(y)


def test_element_assignment_to_an_ndarray_is_an_error_caused_by_the_one_with_the_remedy() -> None:
    data = np.zeros(2)
    with pytest.raises(ValueError, match="setting an array element") as caught:
        data[0] = traced(0.5)
    assert isinstance(caught.value.__cause__, ConversionError)
    assert "y.at[i].set(x) in place of y[i] = x" in str(caught.value.__cause__)
    data[0] = lift(0.5)
    assert data[0] == 0.5


def test_stop_gradient_is_the_remedy() -> None:
    assert float(pb.stop_gradient(traced(2.0))) == 2.0


def test_plain_values_of_constants() -> None:
    x = pb.asarray([[1, 2], [3, 4]])
    assert x.tolist() == [[1, 2], [3, 4]]
    assert x.item(1, 0) == 3
    assert x.item(-1) == 4
    assert type(pb.asarray(2.0).item()) is float
    assert type(pb.asarray(2).item()) is int
    assert type(pb.asarray(True).item()) is bool
    assert x.tobytes() == np.array([[1, 2], [3, 4]]).tobytes()
    assert complex(pb.asarray(1 + 2j)) == 1 + 2j
    with pytest.raises(TypeError):
        float(pb.asarray([1.0, 2.0]))
    with pytest.raises(ValueError, match=r"size 1|scalar"):
        x.item()


def test_asarray_keeps_or_converts_the_dtype() -> None:
    x = pb.asarray([1.5, 2.5], dtype="float32")
    assert np.asarray(x).dtype == np.float32
    np.testing.assert_array_equal(np.asarray(x, int), [1, 2])
    with pytest.raises(ValueError, match="copy"):
        np.array(x, dtype=int, copy=False)


def test_comparison_and_branches_work_on_the_value() -> None:
    x = traced(2.0)
    assert x > 1
    assert not x <= 1
    assert x == 2
    assert bool(x)
    assert (3 if x else 4) == 3
    assert max(x, traced(1.0)) is x
    assert sorted([x, traced(1.0), traced(1.5)])[2] is x


def test_truth_of_several_elements_is_numpys_error() -> None:
    with pytest.raises(ValueError, match="ambiguous"):
        bool(traced([1.0, 2.0]))


def test_integers_have_no_derivative_and_work_on_the_value() -> None:
    x = traced(2.6)
    assert int(x) == 2
    assert math.floor(x) == 2
    assert math.ceil(x) == 3
    assert math.trunc(x) == 2
    assert type(math.floor(x)) is int
    assert ["a", "b", "c"][traced([1.0, 2.0]).argmax()] == "b"
    assert list(range(lift(3))) == [0, 1, 2]
    assert np.arange(5)[pb.asarray(2)] == 2
    with pytest.raises(TypeError):
        range(x)
    with pytest.raises(TypeError):
        math.floor(traced([1.0, 2.0]))


def test_round_is_the_differentiable_function() -> None:
    y = round(traced(2.567), 1)
    assert isinstance(y, Array)
    assert y == 2.6
    assert round(traced(2.567)) == 3.0


def test_printing_and_formatting_work_on_the_value() -> None:
    assert str(traced(2.5)) == "2.5"
    assert f"{traced(2.5)}" == "2.5"
    assert f"{traced(2.5):.3f}" == "2.500"
    assert f"{traced([1.0, 2.0])}" == "[1. 2.]"
    assert "%.1f" % pb.asarray(2.0) == "2.0"  # noqa: UP031 - `%` converts with float
    assert str(unknown(2)) == "Array(float64[2], input x)"
    with pytest.raises(ConversionError, match="not known"):
        f"{unknown():.3f}"


UNKNOWN: dict[str, tuple[Callable[[Array], object], str]] = {
    "bool": (bool, r"bool\(x\): .*use where, cond or while_loop in place of a branch"),
    "if": (lambda x: 1 if x > 0 else 2, r"bool\(x\): .*use where, cond or while_loop"),
    "int": (int, r"int\(x\): .*pass sizes and axes as plain integers"),
    "index": (range, r"operator.index\(x\): .*an array indexes another as x\[i\]"),
    "floor": (math.floor, r"math.floor\(x\): .*use floor"),
    "ceil": (math.ceil, r"math.ceil\(x\): .*use ceil"),
    "trunc": (math.trunc, r"math.trunc\(x\): .*use trunc"),
    "in": (lambda x: 1.0 in x, r"item in x: .*use any\(x == item\)"),
}


@pytest.mark.parametrize(("use", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_use_of_an_unknown_value_is_an_error_that_names_the_remedy(
    use: Callable[[Array], object], message: str
) -> None:
    with pytest.raises(ConversionError, match=message):
        use(unknown())


def test_length_iteration_and_membership() -> None:
    x = traced([1.0, 2.0, 3.0])
    assert len(x) == 3
    assert len(unknown(4, 2)) == 4
    assert [row.shape for row in unknown(2, 3)] == [(3,), (3,)]
    first, *rest = x
    assert isinstance(first, Array)
    assert [float(pb.stop_gradient(r)) for r in rest] == [2.0, 3.0]
    assert [float(pb.stop_gradient(r)) for r in reversed(x)] == [3.0, 2.0, 1.0]
    assert 2.0 in x
    assert 4.0 not in x
    assert list(pb.asarray([])) == []


@pytest.mark.parametrize("use", [len, iter, list])
def test_array_of_rank_0_has_no_length(use: Callable[[Array], object]) -> None:
    with pytest.raises(TypeError, match="rank 0"):
        use(traced(1.0))


def test_iterated_elements_carry_gradients() -> None:
    def f(x: Array) -> Array:
        a, b = x
        return a * a * b

    np.testing.assert_allclose(pb.grad(f)(pb.asarray([3.0, 5.0])), [30.0, 9.0])


def test_conversion_errors_are_pullback_errors() -> None:
    assert issubclass(ConversionError, PullbackError)
