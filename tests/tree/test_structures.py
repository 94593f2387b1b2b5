"""Structures and paths as values: how they print, compare and travel; trees of any depth."""

from __future__ import annotations

import pickle
from collections import OrderedDict, defaultdict

import attrs
import numpy as np
import pytest
from attrs import mutable
from pyrsistent import pmap, pvector

from pullback import tree
from pullback.errors import StructureError
from tests.tree.models import MLP, Conv, Interval, Linear, Plain, Point, Ratio

DEPTH = 100_000


@mutable
class Link:
    to: object = None


def nested(depth: int) -> object:
    x: object = 1.0
    for _ in range(depth):
        x = [x]
    return x


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (1.0, "*"),
        (None, "None"),
        ((), "()"),
        ((1,), "(*,)"),
        ((1, [2, 3]), "(*, [*, *])"),
        ({"b": 1, "a": (2,)}, "{'a': (*,), 'b': *}"),
        (OrderedDict(b=1, a=2), "OrderedDict({'b': *, 'a': *})"),
        (defaultdict(int, a=1), "defaultdict(int, {'a': *})"),
        (defaultdict(None, a=1), "defaultdict(None, {'a': *})"),
        (pvector([1, 2]), "pvector([*, *])"),
        (pmap({"a": 1}), "pmap({'a': *})"),
        (Point(1, 2), "Point(x=*, y=*)"),
        (MLP([Linear(1, 2)]), "MLP(layers=[Linear(weight=*, bias=*)], activation=abs)"),
        (Conv(1, 2), "Conv(kernel=*, stride=2)"),
        (Plain(1, None), "Plain(a=*, b=None, mode='fast')"),
        (Interval(1, 2), "Interval(*, *, static='m')"),
        (Ratio(1, 2), "Ratio(*, *)"),
    ],
)
def test_structure_prints_as_the_tree_without_its_leaves(x: object, text: str) -> None:
    assert repr(tree.structure(x)) == text


@pytest.mark.parametrize(
    ("x", "paths"),
    [
        (1.0, [""]),
        (None, []),
        ([1, (2, 3)], ["[0]", "[1][0]", "[1][1]"]),
        ({"w": [1, 2], "b": 3}, ["['b']", "['w'][0]", "['w'][1]"]),
        (pmap({1: pvector([1])}), ["[1][0]"]),
        (MLP([Linear(1, 2), None, 3]), ["layers[0].weight", "layers[0].bias", "layers[2]"]),
        ({"key": Point(1, 2)}, ["['key'].x", "['key'].y"]),
        (Plain({"w": [1]}, 2), ["a['w'][0]", "b"]),
        ([Interval(1, [2])], ["[0].<child 0>", "[0].<child 1>[0]"]),
        ([[], [[], 1], 2], ["[1][1]", "[2]"]),
    ],
)
def test_path_prints_as_the_expression_that_reaches_the_leaf(x: object, paths: list[str]) -> None:
    assert [str(path) for path, _ in tree.leaves_with_path(x)] == paths


def test_path_tells_names_indices_and_keys() -> None:
    pairs, structure = tree.flatten_with_path(MLP([{"w": 1.5}]))
    ((path, leaf),) = pairs
    assert path.keys == ("layers", 0, "w")
    assert leaf == 1.5
    assert structure == tree.structure(MLP([{"w": 0.0}]))


def test_path_of_a_field_and_of_a_key_of_one_name_differ() -> None:
    (field, _), (key, _) = (tree.leaves_with_path(x)[0] for x in (Point(1, 2), {"x": 1}))
    assert field.keys == key.keys
    assert field != key


def test_path_is_hashable_and_pickles() -> None:
    path = tree.leaves_with_path({"w": [1]})[0][0]
    assert pickle.loads(pickle.dumps(path)) == path  # noqa: S301 - the bytes are our own
    assert {path: 1}[path] == 1
    assert repr(path) == "<Path ['w'][0]>"
    assert repr(tree.Path()) == "<Path the root>"


@attrs.frozen
class Layer:
    weight: float
    activation: object = tree.static()


@pytest.mark.parametrize("function", [abs, nested, np.tanh, Ratio, None])
def test_structure_with_a_static_function_pickles(function: object) -> None:
    structure = tree.structure(Layer(1.0, function))
    copy = pickle.loads(pickle.dumps(structure))  # noqa: S301 - the bytes are our own
    assert copy == structure
    assert structure != tree.structure(Layer(1.0, max))


def test_structures_of_different_trees_differ() -> None:
    trees = [
        1,
        None,
        (),
        [],
        {},
        (1,),
        [1],
        {"a": 1},
        {"b": 1},
        pmap({"a": 1}),
        Point(1, 2),
        (1, 2),
    ]
    structures = [tree.structure(x) for x in trees]
    assert len(set(structures)) == len(structures)


def test_structure_differs_from_other_values() -> None:
    assert tree.structure((1,)) != ((tuple, 1),)


def test_structure_is_immutable() -> None:
    structure = tree.structure((1, 2))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        structure.num_leaves = 3  # type: ignore[misc] # what must not work


def test_leaves_take_no_part_in_a_structure() -> None:
    assert tree.structure([1, "a"]) == tree.structure([np.ones(3), abs])


def test_tree_of_any_depth_is_flattened_and_rebuilt() -> None:
    leaves, structure = tree.flatten(nested(DEPTH))
    assert leaves == [1.0]
    assert structure == tree.structure(nested(DEPTH))
    assert hash(structure) == hash(tree.structure(nested(DEPTH)))
    assert pickle.loads(pickle.dumps(structure)) == structure  # noqa: S301 - the bytes are our own
    assert tree.leaves(tree.unflatten(structure, [2.0])) == [2.0]
    assert repr(structure) == "[" * DEPTH + "*" + "]" * DEPTH


def test_path_in_a_tree_of_any_depth_is_found() -> None:
    assert str(tree.leaves_with_path(nested(DEPTH))[0][0]) == "[0]" * DEPTH
    with pytest.raises(StructureError, match=r"\[0\]: a leaf against None$"):
        tree.map(lambda a, b: (a, b), nested(DEPTH), tree.map(lambda _: None, nested(DEPTH)))


def test_list_that_contains_itself_is_an_error() -> None:
    x: list[object] = [1.0]
    x.append({"a": x})
    with pytest.raises(StructureError, match=r"^tree\.flatten: a list contains itself"):
        tree.flatten(x)


def test_record_that_contains_itself_is_an_error() -> None:
    link = Link()
    link.to = [link]
    with pytest.raises(StructureError, match="contains itself, so the tree has no end"):
        tree.leaves([1.0, (link,)])


def test_is_leaf_can_cut_a_cycle() -> None:
    link = Link()
    link.to = [link, 1.0]
    assert tree.leaves(link.to, is_leaf=lambda item: item is link) == [link, 1.0]


def test_deep_tree_with_sharing_is_no_cycle() -> None:
    shared = Link(2.0)
    x: object = 1.0
    for _ in range(2_000):
        x = [shared, x, shared]
    assert tree.structure(x).num_leaves == 4_001
