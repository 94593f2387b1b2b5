"""Attrs classes and dataclasses: which fields are children, and how a record is rebuilt."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

import attrs
import numpy as np
import pytest
from attrs import define, field, frozen

from pullback import tree
from pullback.errors import StructureError
from tests.tree.models import MLP, Conv, Linear

T = TypeVar("T")


def forbidden(*_: object) -> None:
    pytest.fail("rebuilding a record must not run its code")


def once(value: float) -> float:
    """A converter that placeholders do not pass."""
    return float(value)


def ints(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(values)


@frozen
class Guarded:
    value: float = field(converter=once, validator=attrs.validators.instance_of(float))
    doubled: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "doubled", 2 * self.value)


@frozen
class Hidden:
    _scale: float
    __offset: float = 0.5
    shift: float = field(default=1.0, alias="by", kw_only=True)

    def call(self, x: float) -> float:
        return self._scale * x + self.__offset + self.shift


@frozen
class Base:
    a: float
    kind: str = tree.static(default="base", kw_only=True)


@frozen
class Derived(Base):
    b: float


class Undecorated(Derived):
    __slots__ = ()


@frozen(slots=False)
class WithDict(Base):
    c: float = 3.0


@frozen
class Box(Generic[T]):
    content: T


@frozen
class OnlyStatic:
    size: int = tree.static()


@frozen
class Single:
    value: object


@frozen
class Nothing:
    pass


@frozen(cache_hash=True)
class Hashed:
    value: float


@frozen(cache_hash=True, slots=False)
class HashedInDict:
    value: float
    name: str = tree.static(default="n")


@frozen
class Lazy:
    value: float

    @cached_property
    def squared(self) -> float:
        return self.value**2


@dataclasses.dataclass
class Data:
    a: float
    offset: dataclasses.InitVar[float]
    shared: ClassVar[float] = 7.0
    b: float = dataclasses.field(init=False)

    def __post_init__(self, offset: float) -> None:
        self.b = self.a + offset


@dataclasses.dataclass(frozen=True)
class Mixed:
    radius: int


class Planet(Mixed, Enum):
    EARTH = 1


@frozen
class NumberedError(Exception):
    number: float


@dataclasses.dataclass
class Table(dict[str, float]):
    scale: float = 1.0


@define(on_setattr=forbidden)
class Watched:
    value: float


def test_children_are_the_fields_in_the_order_of_their_declaration() -> None:
    assert tree.leaves(Linear(1.0, 2.0)) == [1.0, 2.0]


def test_converters_validators_and_post_init_are_not_run() -> None:
    x = Guarded(1.0)
    y = tree.unflatten(tree.structure(x), ["a", "b"])
    assert tree.leaves(y) == ["a", "b"]


def test_fields_that_init_does_not_set_are_children() -> None:
    assert tree.leaves(tree.map(lambda leaf: leaf + 1, Guarded(1.0))) == [2.0, 3.0]


def test_hooks_on_assignment_are_not_run() -> None:
    assert tree.map(lambda leaf: leaf + 1, Watched(1.0)) == Watched(2.0)


def test_rebuilt_record_is_as_frozen_as_the_original() -> None:
    x = tree.map(lambda leaf: leaf, Linear(1.0, 2.0))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        x.weight = 3.0  # type: ignore[misc] # what must not work
    y = tree.map(lambda leaf: leaf, Conv(1.0))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        y.kernel = 3.0  # type: ignore[misc] # what must not work


def test_private_names_and_aliases_work() -> None:
    x = tree.map(lambda leaf: 2 * leaf, Hidden(1.0, by=3.0))
    assert tree.leaves(x) == [2.0, 1.0, 6.0]
    assert x.call(1.0) == 9.0


def test_inherited_fields_are_children() -> None:
    assert tree.leaves(Derived(1.0, 2.0)) == [1.0, 2.0]
    assert tree.leaves(WithDict(1.0)) == [1.0, 3.0]


@pytest.mark.parametrize(
    "x", [Derived(1.0, 2.0, kind="k"), Undecorated(1.0, 2.0, kind="k"), WithDict(1.0, kind="k")]
)
def test_instance_of_a_subclass_is_rebuilt_as_such(x: Base) -> None:
    y = tree.map(lambda leaf: leaf, x)
    assert type(y) is type(x)
    assert y == x


def test_subclass_and_base_differ_in_structure() -> None:
    assert tree.structure(Derived(1.0, 2.0)) != tree.structure(Undecorated(1.0, 2.0))


def test_generic_records_work() -> None:
    x, y = Box[list[int]]([1, 2]), Box(1.0)
    assert tree.map(lambda leaf: leaf + 1, x).content == [2, 3]
    assert tree.map(lambda leaf: leaf + 1, y) == Box(2.0)


def test_record_without_children_has_no_leaves() -> None:
    assert tree.leaves((OnlyStatic(3), Nothing())) == []
    assert tree.map(lambda leaf: leaf, (OnlyStatic(3), Nothing())) == (OnlyStatic(3), Nothing())


def test_static_field_is_kept_and_not_mapped() -> None:
    x = tree.map(lambda leaf: leaf + 1, MLP([1.0], np.tanh))
    assert x == MLP([2.0], np.tanh)


def test_static_field_takes_the_arguments_of_a_field() -> None:
    @frozen
    class Layer:
        sizes: tuple[int, ...] = tree.static(converter=ints, metadata={"unit": "px"})
        mode: str = tree.static(default="a", kw_only=True)
        other: str = tree.static(factory=str)

    assert Layer([1, 2]).sizes == (1, 2)
    assert tree.leaves(Layer([1], mode="b")) == []
    assert attrs.fields(Layer).sizes.metadata["unit"] == "px"


@pytest.mark.parametrize(
    ("a", "b"),
    [(1, 2), ("x", "y"), (1, True), (1, 1.0), (0.0, -0.0), ((1, 2), (1, 2.0)), (None, ())],
)
def test_different_static_values_make_different_structures(a: object, b: object) -> None:
    @frozen
    class Static:
        value: object = tree.static()

    assert tree.structure(Static(a)) == tree.structure(Static(a))
    assert tree.structure(Static(a)) != tree.structure(Static(b))


def test_cached_hash_is_not_carried_over() -> None:
    for x, y in ((Hashed(1.0), Hashed(2.0)), (HashedInDict(1.0), HashedInDict(2.0))):
        hash(x)
        z = tree.map(lambda leaf: leaf + 1, x)
        assert z == y
        assert hash(z) == hash(y)


def test_cached_property_is_computed_anew() -> None:
    x = Lazy(3.0)
    assert x.squared == 9.0
    assert tree.map(lambda leaf: leaf + 1, x).squared == 16.0


def test_dataclass_has_its_fields_as_children_and_nothing_else() -> None:
    x = Data(1.0, offset=2.0)
    assert tree.leaves(x) == [1.0, 3.0]
    y = tree.map(lambda leaf: leaf + 1, x)
    assert (y.a, y.b, y.shared) == (2.0, 4.0, 7.0)


def test_member_of_an_enumeration_of_records_is_a_leaf() -> None:
    assert tree.leaves([Planet.EARTH]) == [Planet.EARTH]


@pytest.mark.parametrize("x", [NumberedError(1.0), Table(2.0)], ids=["exception", "dict"])
def test_record_with_state_outside_its_fields_is_refused(x: object) -> None:
    with pytest.raises(StructureError, match=r"is also a \w+, so that its fields do not hold all"):
        tree.leaves(x)


def test_class_is_a_leaf_although_its_instances_are_records() -> None:
    assert tree.leaves([Linear, MLP]) == [Linear, MLP]


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, np.ones(2)], ids=["list", "dict", "array"])
def test_static_value_that_cannot_be_hashed_is_an_error_that_names_it(value: object) -> None:
    @frozen
    class Static:
        value: object = tree.static()

    structure = tree.structure([1.0, Static(value)])
    with pytest.raises(
        StructureError, match=r"static values of .*Static at \[1\] cannot be hashed"
    ):
        hash(structure)


def test_static_arrays_do_not_compare_and_the_error_says_so() -> None:
    @frozen
    class Static:
        value: object = tree.static()

    a, b = (tree.structure({"a": Static(np.ones(2))}) for _ in range(2))
    with pytest.raises(StructureError, match=r"at \['a'\] do not compare to a truth value"):
        _ = a == b


def test_function_as_static_field_may_be_a_lambda() -> None:
    square: Callable[[float], float] = lambda x: x * x  # noqa: E731 - that is the point
    assert tree.structure(MLP(1.0, square)) == tree.structure(MLP(2.0, square))
