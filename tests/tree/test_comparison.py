"""check_same and all_close: two trees, leaf by leaf."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pullback import tree
from pullback.errors import StructureError
from tests.tree.models import MLP, Linear

A = MLP([Linear(np.ones((4, 4)), 1.0), Linear(np.ones((4, 4)), 2.0)])


def test_trees_of_one_structure_and_shape_are_the_same() -> None:
    tree.check_same(A, tree.map(lambda leaf: leaf * 0, A), operation="step")


def test_leaf_without_a_shape_is_the_same_as_any() -> None:
    tree.check_same([1.0, "a"], [np.ones(3), 2.0], operation="step")
    tree.check_same([np.ndarray], [np.ones(3)], operation="step")


def test_difference_in_structure_names_operation_path_and_containers() -> None:
    b = MLP([Linear(np.ones((4, 4)), 1.0), None])
    message = "step: the trees differ at layers[1]: Linear with fields (weight, bias) against None"
    with pytest.raises(StructureError, match=f"^{re.escape(message)}$"):
        tree.check_same(A, b, operation="step")


def test_difference_in_shape_names_operation_path_and_shapes() -> None:
    b = MLP([Linear(np.ones((4, 4)), 1.0), Linear(np.ones((4, 3)), 2.0)])
    message = re.escape("layers[1].weight: shape (4, 4) against (4, 3)")
    with pytest.raises(StructureError, match=f"^step: {message}$"):
        tree.check_same(A, b, operation="step")
    with pytest.raises(StructureError, match=rf"^tree\.all_close: {message}$"):
        tree.all_close(A, b)


def test_difference_in_shape_at_the_root_says_so() -> None:
    with pytest.raises(StructureError, match=r"^step: the root: shape \(2,\) against \(3,\)$"):
        tree.check_same(np.ones(2), np.ones(3), operation="step")


@pytest.mark.parametrize(
    ("a", "b", "close"),
    [
        (1.0, 1.0, True),
        (1.0, 1.0 + 9e-6, True),
        (1.0, 1.0 + 2e-5, False),
        (0.0, 9e-9, True),
        (0.0, 2e-8, False),
        (1, 1.0, True),
        (1j, 1j + 1e-9, True),
        (float("inf"), float("inf"), True),
        (float("nan"), float("nan"), False),
        ("a", "a", True),
        ("a", "b", False),
        ("a", 1.0, False),
        (abs, abs, True),
        (abs, max, False),
        (10**400, 10**400, True),
        (10**400, 10**400 + 1, False),
        (np.ones(3), np.ones(3) + 1e-9, True),
        (np.ones(3), np.array([1, 1, 2]), False),
        (np.ones(0), np.ones(0), True),
        (np.array(["a"]), np.array(["a"]), True),
        (np.array(True), np.array(False), False),
    ],
)
def test_leaves_are_close_as_numbers_and_equal_as_anything_else(
    a: object, b: object, *, close: bool
) -> None:
    assert tree.all_close(a, b) is close
    assert tree.all_close({"x": (1.0, a)}, {"x": (1.0, b)}) is close


def test_tolerances_are_those_of_numpy() -> None:
    assert not tree.all_close([1.0], [1.1])
    assert tree.all_close([1.0], [1.1], 0.1)
    assert tree.all_close([1.0], [1.1], rtol=0.0, atol=0.11)
    assert tree.all_close([np.array([1.0, np.nan])], [np.array([1.0, np.nan])], equal_nan=True)


def test_one_leaf_that_is_far_makes_trees_far() -> None:
    assert not tree.all_close([1.0, 2.0, 3.0], [1.0, 2.5, 3.0])


def test_trees_without_leaves_are_close() -> None:
    assert tree.all_close([None, ()], [None, ()])


def test_number_and_array_are_not_compared_by_broadcasting() -> None:
    with pytest.raises(StructureError, match=r"^tree.all_close: \[0\]: shape \(\) against \(3,\)$"):
        tree.all_close([1.0], [np.ones(3)])


def test_all_close_refuses_trees_of_different_structure() -> None:
    with pytest.raises(StructureError, match=r"^tree.all_close: the trees differ at \[0\]"):
        tree.all_close([1.0], [None])


def test_shape_is_checked_even_after_values_that_differ() -> None:
    with pytest.raises(StructureError, match=r"\[1\]: shape \(2,\) against \(3,\)"):
        tree.all_close([1.0, np.ones(2)], [2.0, np.ones(3)])
