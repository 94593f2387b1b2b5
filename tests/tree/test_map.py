"""map, map_with_path, reduce, transpose, unflatten: what they do, and what they refuse."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pyrsistent import pmap

from pullback import tree
from pullback.errors import StructureError
from tests.tree.models import MLP, Conv, Linear

MODEL = MLP([Linear(1.0, 2.0), Linear(3.0, 4.0)], np.tanh)


def test_map_of_several_trees_meets_corresponding_leaves() -> None:
    assert tree.map(lambda p, g: p - g, MODEL, MODEL) == tree.map(lambda _: 0.0, MODEL)
    assert tree.map(lambda a, b, c: a + 10 * b + 100 * c, [1], [2], [3]) == [321]


def test_map_calls_the_function_from_left_to_right() -> None:
    seen: list[object] = []
    tree.map(seen.append, {"b": (1, 2), "a": [3]})
    assert seen == [3, 1, 2]


def test_map_passes_is_leaf_to_every_tree() -> None:
    def is_pair(item: object) -> bool:
        return isinstance(item, tuple)

    x, y = [(1, 2)], [(3, 4, 5)]
    assert tree.map(lambda a, b: a + b, x, y, is_leaf=is_pair) == [(1, 2, 3, 4, 5)]


def test_is_leaf_can_make_none_a_leaf() -> None:
    x = tree.map(
        lambda a, b: b if a is None else a, [None, 1], [2, None], is_leaf=lambda i: i is None
    )
    assert x == [2, 1]


def test_error_of_the_function_has_a_note_that_names_the_leaf() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        tree.map(lambda p: 1 / p, {"w": [1.0, 0.0]})
    assert caught.value.__notes__ == ["tree.map: at ['w'][1]"]
    with pytest.raises(ZeroDivisionError) as caught:
        tree.map_with_path(lambda _, p: 1 / p, 0.0)
    assert caught.value.__notes__ == ["tree.map_with_path: at the root"]


def test_stop_iteration_of_the_function_does_not_cut_the_tree() -> None:
    with pytest.raises(StopIteration):
        tree.map(lambda leaf: next(iter(())), [1, 2])


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (
            MLP([Linear(1, 2), Linear(3, 4)]),
            MLP([Linear(1, 2), Conv(3)]),
            (
                "the trees differ at layers[1]: Linear with fields (weight, bias) "
                "against Conv with fields (kernel, stride)"
            ),
        ),
        (
            [1.0, MLP(1.0, np.tanh)],
            [1.0, MLP(1.0, np.sin)],
            (
                "the trees differ at [1]: MLP with activation=<ufunc 'tanh'> "
                "against MLP with activation=<ufunc 'sin'>"
            ),
        ),
        (
            Conv(1),
            Conv(1, 2),
            "the trees differ at the root: Conv with stride=1 against Conv with stride=2",
        ),
        ([[1, 2]], [[1, 2, 3]], "the trees differ at [0]: list of 2 against list of 3"),
        ([1], (1,), "the trees differ at the root: list of 1 against tuple of 1"),
        ((None,), (1,), "the trees differ at [0]: None against a leaf"),
        (Linear(1, 2), Linear(1, [2]), "the trees differ at bias: a leaf against list of 1"),
        (
            {"a": 1, "b": 2, "c": 3},
            {"a": 1},
            "the trees differ at the root: dict with the keys 'b', 'c' against dict without",
        ),
        (
            pmap({"a": 1, "b": 2}),
            pmap({"a": 1, "c": 2}),
            "the trees differ at the root: PMap with the key 'b' against PMap with the key 'c'",
        ),
        ({"a": 1}, pmap({"a": 1}), "the trees differ at the root: {'a': *} against pmap({'a': *})"),
    ],
)
def test_map_of_trees_that_differ_says_where_and_in_what(
    a: object, b: object, message: str
) -> None:
    with pytest.raises(StructureError, match=f"^{re.escape(f'tree.map: {message}')}$"):
        tree.map(lambda x, y: (x, y), a, b)


def test_first_difference_from_the_left_is_the_one_named() -> None:
    with pytest.raises(StructureError, match=r"differ at \[0\]\[1\]: a leaf against None"):
        tree.map(lambda x, y: (x, y), [[1, 2], 3], [[1, None], None])


def test_map_of_three_trees_says_which_of_them_differs() -> None:
    with pytest.raises(StructureError, match=r"^tree.map: trees 1 and 3 differ at \[0\]: a leaf"):
        tree.map(lambda x, y, z: (x, y, z), [1], [2], [(3,)])


def test_classes_of_one_name_are_told_apart() -> None:
    first, second = (type("Same", (tuple,), {"_fields": ("a",)}) for _ in range(2))
    with pytest.raises(StructureError, match=r"against .*, another class of that name$"):
        tree.map(lambda x, y: (x, y), first((1,)), second((1,)))


def test_values_of_one_repr_are_told_apart() -> None:
    class Opaque:
        def __repr__(self) -> str:
            return "Opaque()"

    with pytest.raises(StructureError, match=r"stride=Opaque\(\) that is not equal$"):
        tree.map(lambda x, y: (x, y), Conv(1, Opaque()), Conv(1, Opaque()))  # type: ignore[arg-type] # any value


def test_map_with_path_tells_the_path_of_each_leaf() -> None:
    x = tree.map_with_path(lambda path, leaf: f"{path}={leaf}", MODEL)
    assert tree.leaves(x) == [
        "layers[0].weight=1.0",
        "layers[0].bias=2.0",
        "layers[1].weight=3.0",
        "layers[1].bias=4.0",
    ]


def test_map_with_path_takes_several_trees() -> None:
    x: object = {"w": [1]}
    y = tree.map_with_path(lambda path, a, b: (path.keys, a, b), x, {"w": [2]})
    assert y == {"w": [(("w", 0), 1, 2)]}


def test_map_with_path_refuses_trees_that_differ() -> None:
    with pytest.raises(StructureError, match=r"^tree\.map_with_path: the trees differ at the root"):
        tree.map_with_path(lambda path, a, b: (path, a, b), [1], (1,))


def test_reduce_of_a_tree_without_leaves_is_the_initial_value() -> None:
    assert tree.reduce(lambda total, leaf: total + leaf, (None, []), 1.5) == 1.5


def test_transpose_exchanges_outer_and_inner_trees() -> None:
    x = {"a": Linear(1, 2), "b": Linear(3, 4)}
    y = tree.transpose(tree.structure({"a": 0, "b": 0}), tree.structure(Linear(0, 0)), x)
    assert y == Linear({"a": 1, "b": 3}, {"a": 2, "b": 4})


def test_transpose_refuses_a_tree_of_another_structure() -> None:
    outer, inner = tree.structure([0, 0]), tree.structure((0, 0))
    with pytest.raises(
        StructureError,
        match=r"^tree.transpose: the expected tree and the given one differ at \[1\]: "
        r"tuple of 2 against tuple of 3$",
    ):
        tree.transpose(outer, inner, [(1, 2), (3, 4, 5)])


def test_unflatten_refuses_too_few_leaves_and_names_the_first_that_is_missing() -> None:
    structure = tree.structure(MODEL)
    message = (
        "tree.unflatten: the structure has 4 leaves, not 3; "
        "the first that is missing is layers[1].bias"
    )
    with pytest.raises(StructureError, match=f"^{re.escape(message)}$"):
        tree.unflatten(structure, [1, 2, 3])


def test_unflatten_refuses_too_many_leaves() -> None:
    with pytest.raises(StructureError, match=r"^tree.unflatten: the structure has 1 leaf, not 2$"):
        tree.unflatten(tree.structure(1.0), [1, 2])


def test_unflatten_takes_any_iterable() -> None:
    assert tree.unflatten(tree.structure(["", ""]), iter("ab")) == ["a", "b"]
