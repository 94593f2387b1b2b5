"""Every kind of container: its leaves, their order, and how it is rebuilt."""

from __future__ import annotations

import copy
import subprocess
import sys
import types
from collections import OrderedDict, UserDict, defaultdict, deque
from enum import Enum
from typing import Final, NamedTuple, Self

import numpy as np
import pytest
from pyrsistent import PMap, PVector, pmap, pset, pvector

from pullback import tree
from tests.tree.models import BUILDERS, Build, Point

kinds = pytest.mark.parametrize("build", BUILDERS.values(), ids=list(BUILDERS))


class Color(Enum):
    RED = 1
    GREEN = 2


class Triple(NamedTuple):
    a: object
    b: object
    c: object = 3

    def total(self) -> float:
        return sum(leaf for leaf in self if isinstance(leaf, float))


class Checked(Point):
    """A named tuple with a constructor of its own."""

    __slots__ = ()

    def __new__(cls, x: float) -> Self:
        return super().__new__(cls, x, -x)


class Names(list[str]):
    pass


@kinds
def test_container_has_its_children_as_leaves(build: Build) -> None:
    assert {1.5, 2.5} <= set(tree.leaves(build(1.5, 2.5)))


@kinds
def test_container_is_rebuilt_as_its_own_class(build: Build) -> None:
    x = build(1.5, 2.5)
    y = tree.map(lambda leaf: leaf, x)
    assert type(y) is type(x)
    assert y == x
    assert y is not x


@kinds
def test_map_changes_no_container(build: Build) -> None:
    x = build([1.5], {"a": 2.5})
    before = copy.deepcopy(x)
    tree.map(str, x)
    assert x == before


@kinds
def test_container_may_hold_leaves_of_any_type(build: Build) -> None:
    x = build(1.5, 2.5)
    placeholders = [object() for _ in tree.leaves(x)]
    assert tree.leaves(tree.unflatten(tree.structure(x), placeholders)) == placeholders


@kinds
def test_container_in_itself_is_flattened_throughout(build: Build) -> None:
    inner = tree.leaves(build(1.5, 2.5))
    assert tree.structure(build(build(1.5, 2.5), 3.5)).num_leaves == 2 * len(inner) - 1


@kinds
def test_is_leaf_stops_at_a_container(build: Build) -> None:
    x = build(1.5, 2.5)
    assert tree.leaves([x, 3.5], is_leaf=lambda item: type(item) is type(x)) == (
        [x, 3.5] if type(x) is not list else [[x, 3.5]]
    )


@pytest.mark.parametrize("empty", [(), [], {}, OrderedDict(), pvector(), pmap(), None])
def test_empty_container_has_no_leaves(empty: object) -> None:
    leaves, structure = tree.flatten(empty)
    assert leaves == []
    assert structure.num_leaves == 0
    rebuilt = tree.unflatten(structure, [])
    assert rebuilt == empty
    assert type(rebuilt) is type(empty)


@pytest.mark.parametrize(
    "leaf",
    [
        1,
        2.5,
        True,
        1j,
        "text",
        b"bytes",
        np.float32(1.5),
        np.ones(3),
        abs,
        int,
        Point,
        object(),
        {1, 2},
        frozenset({1}),
        range(3),
        deque([1.0]),
        UserDict(),
        pset([1]),
        types.SimpleNamespace(a=1.0),
        types.MappingProxyType({"a": 1.0}),
        Color.RED,
        Names(["a"]),
        ...,
    ],
    ids=lambda leaf: type(leaf).__name__,
)
def test_any_other_object_is_a_leaf(leaf: object) -> None:
    leaves, structure = tree.flatten(leaf)
    assert len(leaves) == 1
    assert leaves[0] is leaf
    assert repr(structure) == "*"
    assert tree.unflatten(structure, leaves) is leaf


def test_dict_is_flattened_in_the_order_of_its_sorted_keys() -> None:
    assert tree.leaves({"b": 1, "a": 2, "c": 3}) == [2, 1, 3]


def test_dict_is_rebuilt_in_the_order_of_insertion() -> None:
    assert list(tree.map(str, {"b": 1, "a": 2, "c": 3})) == ["b", "a", "c"]


def test_dict_whose_keys_do_not_compare_is_flattened_in_the_order_of_insertion() -> None:
    assert tree.leaves({"b": 1, 0: 2, "a": 3}) == [1, 2, 3]


def test_dicts_that_differ_in_the_order_of_insertion_have_one_structure() -> None:
    x, y = {"b": 1.0, "a": 2.0}, {"a": 2.0, "b": 1.0}
    assert tree.structure(x) == tree.structure(y)
    assert hash(tree.structure(x)) == hash(tree.structure(y))
    assert tree.map(lambda p, q: p - q, x, y) == {"b": 0.0, "a": 0.0}


def test_structure_tells_the_order_of_insertion() -> None:
    x = {"b": [{"d": 1, "c": 2}], "a": defaultdict(int, z=3)}
    assert tree.structure(x).insertion_orders() == (("b", "a"), ("z",), ("d", "c"))


def test_defaultdict_keeps_its_factory_and_its_order() -> None:
    y = tree.map(lambda leaf: -leaf, defaultdict(int, {"b": 1, "a": 2}))
    assert list(y.items()) == [("b", -1), ("a", -2)]
    assert y.default_factory is int


def test_flattening_a_defaultdict_adds_no_key() -> None:
    x = defaultdict(int, a=1)
    tree.leaves(x)
    assert dict(x) == {"a": 1}


def test_defaultdicts_of_different_factories_differ_in_structure() -> None:
    assert tree.structure(defaultdict(int, a=1)) != tree.structure(defaultdict(None, a=1))


def test_order_belongs_to_the_structure_of_an_ordered_dict() -> None:
    x, y = OrderedDict(b=1, a=2), OrderedDict(a=2, b=1)
    assert tree.leaves(x) == [1, 2]
    assert list(tree.map(str, x)) == ["b", "a"]
    assert tree.structure(x) != tree.structure(y)


def test_pmap_is_flattened_in_the_order_of_its_sorted_keys() -> None:
    assert tree.leaves(pmap({"b": 1, "a": 2, "c": 3})) == [2, 1, 3]


SEEDED: Final = """
from pyrsistent import pmap
from pullback import tree
print(tree.leaves(pmap({"a": 1, "b": 2, 3: 3, None: 4, ("c",): 5, "d": 6})))
"""


def test_order_of_a_pmap_does_not_depend_on_the_hash_seed() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", SEEDED],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1


def test_persistent_containers_stay_persistent() -> None:
    v, m = tree.map(str, (pvector([1, 2]), pmap({"a": 1})))
    assert isinstance(v, PVector)
    assert isinstance(m, PMap)


def test_keys_of_an_enumeration_are_kept() -> None:
    x: PMap[Color, float] = pmap({Color.RED: 1.0, Color.GREEN: 2.0})
    assert tree.map(lambda leaf: leaf, x) == x


def test_named_tuple_keeps_its_class_defaults_and_methods() -> None:
    x = tree.map(lambda leaf: 2.0 * leaf, Triple(1.0, 2.0))
    assert x == Triple(2.0, 4.0, 6.0)
    assert x.total() == 12.0


def test_named_tuple_is_rebuilt_without_its_constructor() -> None:
    x = tree.map(lambda leaf: leaf + 1.0, Checked(1.0))
    assert type(x) is Checked
    assert tuple(x) == (2.0, 0.0)


def test_what_occurs_twice_is_visited_twice() -> None:
    shared = [1.0]
    leaves, structure = tree.flatten((shared, shared))
    assert leaves == [1.0, 1.0]
    a, b = tree.unflatten(structure, leaves)
    assert a is not b
