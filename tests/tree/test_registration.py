"""Classes that flatten themselves, classes that are registered, and classes declared leaves."""

from __future__ import annotations

import array
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Self

import numpy as np
import pytest
from attrs import frozen, make_class

from pullback import tree
from pullback.errors import PullbackError, StructureError
from tests.tree.models import Interval, Ratio


class Pair:
    def __init__(self, a: object, b: object) -> None:
        self.a, self.b = a, b

    def tree_flatten(self) -> tuple[Iterable[object], None]:
        return iter([self.a, self.b]), None

    @classmethod
    def tree_unflatten(cls, _: None, children: Sequence[object]) -> Self:
        return cls(*children)


class Twin(Pair):
    """A subclass of a class that flattens itself."""


class Careless(Pair):
    @classmethod
    def tree_unflatten(cls, _: None, children: Sequence[object]) -> Self:
        return Pair(*children)  # type: ignore[return-value] # what the test is about


def test_class_with_the_methods_is_a_container() -> None:
    x = Interval(1.0, [2.0, 3.0], "m")
    assert tree.leaves(x) == [1.0, 2.0, 3.0]
    assert tree.map(lambda leaf: 2 * leaf, x) == Interval(2.0, [4.0, 6.0], "m")


def test_static_value_of_a_container_belongs_to_its_structure() -> None:
    assert tree.structure(Interval(1.0, 2.0, "m")) != tree.structure(Interval(1.0, 2.0, "s"))


def test_subclass_is_rebuilt_as_itself_by_the_method_it_inherits() -> None:
    assert type(tree.map(lambda leaf: leaf, Twin(1.0, 2.0))) is Twin


def test_unflattening_as_another_class_is_an_error() -> None:
    with pytest.raises(StructureError, match="unflattening a Careless gave a Pair"):
        tree.map(lambda leaf: leaf, Careless(1.0, 2.0))


def test_methods_come_before_fields() -> None:
    @frozen
    class Half:
        a: float
        b: float

        def tree_flatten(self) -> tuple[Iterable[float], float]:
            return (self.a,), self.b

        @classmethod
        def tree_unflatten(cls, static: float, children: Sequence[float]) -> Self:
            return cls(children[0], static)

    assert tree.leaves(Half(1.0, 2.0)) == [1.0]


def test_one_method_without_the_other_is_an_error() -> None:
    class Half:
        def tree_flatten(self) -> tuple[Iterable[object], None]:
            return (), None

    with pytest.raises(StructureError, match="Half has only one of the methods"):
        tree.leaves(Half())


def test_flattening_into_anything_else_than_two_values_is_an_error() -> None:
    class Wrong(Pair):
        def tree_flatten(self) -> tuple[Iterable[object], None]:
            return [self.a, self.b]  # type: ignore[return-value] # what the test is about

    with pytest.raises(StructureError, match=r"must give \(children, static\), not \[1.0, 2.0\]"):
        tree.leaves(Wrong(1.0, 2.0))


def test_registered_class_is_a_container() -> None:
    assert tree.map(lambda leaf: leaf + 1, [Ratio(1.0, (2.0,))]) == [Ratio(2.0, (3.0,))]


def test_instances_are_containers_from_the_registration_on() -> None:
    class Late:
        def __init__(self, a: float) -> None:
            self.a = a

    x = Late(1.0)
    assert tree.leaves(x) == [x]
    tree.register(Late, lambda late: ((late.a,), None), lambda _, children: Late(*children))
    assert tree.leaves(x) == [1.0]


def test_registration_of_an_attrs_class_replaces_its_fields() -> None:
    @frozen
    class Half:
        a: float
        b: float

    tree.register(Half, lambda h: ((h.a,), h.b), lambda b, children: Half(children[0], b))
    assert tree.map(lambda leaf: leaf + 1, Half(1.0, 2.0)) == Half(2.0, 2.0)


def test_subclass_of_a_registered_class_is_refused_until_it_is_registered() -> None:
    class Root:
        def __init__(self, a: float) -> None:
            self.a = a

    class Branch(Root):
        pass

    tree.register(Root, lambda r: ((r.a,), None), lambda _, children: Root(*children))
    with pytest.raises(StructureError, match=r"Branch derives from .*Root.*call tree.register"):
        tree.leaves(Branch(1.0))
    tree.register(Branch, lambda r: ((r.a,), None), lambda _, children: Branch(*children))
    assert type(tree.map(lambda leaf: leaf, Branch(1.0))) is Branch


@pytest.mark.parametrize("cls", [list, set, float, array.array, np.ndarray])
def test_class_that_refuses_attributes_cannot_be_registered(cls: type[object]) -> None:
    with pytest.raises(StructureError, match=rf"tree.register: {cls.__qualname__} does not accept"):
        tree.register(cls, lambda _: ((), None), lambda _, __: cls())
    with pytest.raises(StructureError, match=rf"tree.leaf: {cls.__qualname__} does not accept"):
        tree.leaf(cls)


def test_class_is_registered_once() -> None:
    with pytest.raises(StructureError, match=r"^tree\.register: Ratio has been registered"):
        tree.register(Ratio, lambda r: ((r.over,), r.under), lambda _, __: Ratio(1, 2))


def test_errors_have_the_base_class_and_are_value_errors() -> None:
    with pytest.raises(PullbackError):
        tree.leaf(Ratio)
    with pytest.raises(ValueError, match="has been registered"):
        tree.leaf(Ratio)


def test_record_that_is_declared_a_leaf_is_one() -> None:
    @tree.leaf
    @frozen
    class Outside:
        a: float

    @frozen
    @tree.leaf
    class Inside:
        a: float

    @tree.leaf
    class Tuple(NamedTuple):
        a: float

    x = [Outside(1.0), Inside(2.0), Tuple(3.0)]
    assert tree.leaves(x) == x


def test_subclass_of_a_leaf_is_a_leaf() -> None:
    @tree.leaf
    @frozen
    class Root:
        a: float

    @frozen
    class Branch(Root):
        b: float

    assert tree.leaves(Branch(1.0, 2.0)) == [Branch(1.0, 2.0)]


def test_subclass_of_a_leaf_may_flatten_itself() -> None:
    @tree.leaf
    class Root:
        pass

    class Branch(Root, Pair):
        pass

    assert tree.leaves(Branch(1.0, 2.0)) == [1.0, 2.0]


def test_structure_with_a_class_that_is_no_container_here_is_an_error() -> None:
    class Forgetful:
        def __init__(self, a: float) -> None:
            self.a = a

    tree.register(Forgetful, lambda f: ((f.a,), None), lambda _, children: Forgetful(*children))
    structure = tree.structure(Forgetful(1.0))
    # As in another process, where the class exists and nobody has registered it.
    del Forgetful.__pullback_tree__  # type: ignore[attr-defined] # private to the package
    tree.leaf(type("Other", (), {}))  # classes are looked at anew after any registration
    with pytest.raises(StructureError, match="Forgetful, which is not a container here"):
        tree.unflatten(structure, [1.0])


def test_threads_may_flatten_and_register_at_once() -> None:
    def work(number: int) -> list[object]:
        cls = make_class("Record", [f"field{number}"], frozen=True)
        tree.register(late := type("Late", (), {}), lambda _: ((1.0,), None), lambda _, __: late())
        return tree.leaves([cls(2.0), late(), None, {"a": 3.0}])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(400))) == [[2.0, 1.0, 3.0]] * 400
