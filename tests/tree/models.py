"""Containers of every kind, and strategies that build trees of them."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Self, TypeAlias, final

from attrs import frozen, mutable
from hypothesis import strategies as st
from pyrsistent import pmap, pvector

from pullback import tree

Build: TypeAlias = Callable[[object, object], object]


@final
@frozen
class Linear:
    weight: object
    bias: object


@final
@frozen(slots=False)
class Conv:
    kernel: object
    stride: int = tree.static(default=1)


@final
@mutable
class Cell:
    a: object
    b: object


@final
@dataclasses.dataclass(frozen=True)
class Plain:
    a: object
    b: object
    mode: str = dataclasses.field(default="fast", metadata={"static": True})


@final
@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    a: object
    b: object


class Point(NamedTuple):
    x: object
    y: object


@final
@frozen
class MLP:
    layers: object
    activation: Callable[[float], float] = tree.static(default=abs)


@final
class Interval:
    """A class that flattens itself."""

    def __init__(self, low: object, high: object, unit: str = "m") -> None:
        self.low, self.high, self.unit = low, high, unit

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Interval) and (self.low, self.high, self.unit) == (
            other.low,
            other.high,
            other.unit,
        )

    __hash__ = None  # type: ignore[assignment] # equal by value, and of any values

    def tree_flatten(self) -> tuple[Iterable[object], str]:
        return (self.low, self.high), self.unit

    @classmethod
    def tree_unflatten(cls, static: str, children: Sequence[object]) -> Self:
        low, high = children
        return cls(low, high, static)


@final
class Ratio:
    """A class that is registered."""

    def __init__(self, over: object, under: object) -> None:
        self.over, self.under = over, under

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ratio) and (self.over, self.under) == (other.over, other.under)

    __hash__ = None  # type: ignore[assignment] # equal by value, and of any values


tree.register(Ratio, lambda r: ((r.over, r.under), None), lambda _, children: Ratio(*children))

# For each kind of container, a function that builds one of two children.
BUILDERS: Final[dict[str, Build]] = {
    "attrs": Linear,
    "attrs without slots": lambda a, b: Conv((a, b), stride=2),
    "attrs, not frozen": Cell,
    "dataclass": Plain,
    "dataclass with slots": Slotted,
    "named tuple": Point,
    "tuple": lambda a, b: (a, b),
    "list": lambda a, b: [a, b],
    "dict": lambda a, b: {"z": a, "b": b},
    "dict with keys that do not compare": lambda a, b: {"z": a, 0: b},
    "defaultdict": lambda a, b: defaultdict(int, {"z": a, "b": b}),
    "OrderedDict": lambda a, b: OrderedDict({"z": a, "b": b}),
    "PVector": lambda a, b: pvector([a, b]),
    "PMap": lambda a, b: pmap({"z": a, "b": b}),
    "PMap with keys that do not compare": lambda a, b: pmap({"z": a, 0: b, None: 3.0}),
    "methods": Interval,
    "registered": Ratio,
}

LEAVES: Final = st.integers() | st.floats(allow_nan=False) | st.text(max_size=3) | st.booleans()


def trees() -> st.SearchStrategy[object]:
    """Return a strategy for trees of containers of every kind, empty ones among them."""

    def grow(children: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        pairs = st.sampled_from(sorted(BUILDERS)).flatmap(
            lambda name: st.tuples(children, children).map(lambda ab: BUILDERS[name](*ab))
        )
        lists = st.lists(children, max_size=4)
        dicts = st.dictionaries(st.text(max_size=2) | st.integers(), children, max_size=4)
        return st.one_of(pairs, lists, lists.map(tuple), lists.map(pvector), dicts, dicts.map(pmap))

    return st.recursive(LEAVES | st.none(), grow, max_leaves=12)
