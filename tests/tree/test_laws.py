"""Laws that hold for every tree."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from pullback import tree
from pullback.tree.building import builder
from tests.tree.models import trees

any_tree = given(trees())


def wrap(leaf: object) -> object:
    return ("wrapped", repr(leaf))


def is_wrapped(item: object) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and item[0] == "wrapped"


@any_tree
def test_unflatten_undoes_flatten(x: object) -> None:
    leaves, structure = tree.flatten(x)
    y = tree.unflatten(structure, leaves)
    assert y == x
    assert type(y) is type(x)


@given(trees(), st.data())
def test_flatten_undoes_unflatten(x: object, data: st.DataObject) -> None:
    structure = tree.structure(x)
    n = structure.num_leaves
    leaves = data.draw(st.lists(st.floats(allow_nan=False), min_size=n, max_size=n))
    assert tree.flatten(tree.unflatten(structure, leaves)) == (leaves, structure)


@given(trees(), st.data())
def test_a_builder_does_what_unflatten_does(x: object, data: st.DataObject) -> None:
    structure = tree.structure(x)
    n = structure.num_leaves
    build = builder(structure)
    for _ in range(2):
        leaves = data.draw(st.lists(st.floats(allow_nan=False), min_size=n, max_size=n))
        built, expected = build([*leaves]), tree.unflatten(structure, leaves)
        assert built == expected
        assert type(built) is type(expected)
        assert tree.structure(built) == structure
        assert tree.structure(built).insertion_orders() == structure.insertion_orders()


@any_tree
def test_map_of_the_identity_is_the_identity(x: object) -> None:
    assert tree.map(lambda leaf: leaf, x) == x


@any_tree
def test_map_of_a_composition_is_the_composition_of_maps(x: object) -> None:
    once = tree.map(lambda leaf: repr(wrap(leaf)), x)
    assert once == tree.map(repr, tree.map(wrap, x), is_leaf=is_wrapped)


@any_tree
def test_map_keeps_the_structure(x: object) -> None:
    assert tree.structure(tree.map(repr, x)) == tree.structure(x)


@any_tree
def test_map_keeps_the_order_of_insertion_in_dicts(x: object) -> None:
    orders = tree.structure(x).insertion_orders()
    assert tree.structure(tree.map(repr, x)).insertion_orders() == orders


@any_tree
def test_number_of_leaves_is_that_of_the_structure(x: object) -> None:
    assert len(tree.leaves(x)) == tree.structure(x).num_leaves == len(tree.structure(x).paths())


@any_tree
def test_structures_of_one_tree_are_equal_and_hash_alike(x: object) -> None:
    assert tree.structure(x) == tree.structure(x)
    assert hash(tree.structure(x)) == hash(tree.structure(x))


@any_tree
def test_structure_survives_pickling(x: object) -> None:
    leaves, structure = tree.flatten(x)
    copy = pickle.loads(pickle.dumps(structure))  # noqa: S301 - the bytes are our own
    assert copy == structure
    assert hash(copy) == hash(structure)
    assert tree.unflatten(copy, leaves) == x


@any_tree
def test_reduce_visits_the_leaves_in_order(x: object) -> None:
    assert tree.reduce(lambda done, leaf: [*done, leaf], x, list[object]()) == tree.leaves(x)


@any_tree
def test_paths_are_distinct(x: object) -> None:
    paths = [path for path, _ in tree.leaves_with_path(x)]
    assert len(set(paths)) == len(paths)


@any_tree
def test_tree_is_the_same_as_itself(x: object) -> None:
    tree.check_same(x, x, operation="test")
    assert tree.all_close(x, x)


@given(st.integers(0, 3), st.integers(0, 3))
def test_transpose_of_transpose_is_identity(rows: int, columns: int) -> None:
    outer, inner = tree.structure([0] * rows), tree.structure({str(j): 0 for j in range(columns)})
    x: object = [{str(j): f"{i}, {j}" for j in range(columns)} for i in range(rows)]
    assert tree.transpose(inner, outer, tree.transpose(outer, inner, x)) == x
