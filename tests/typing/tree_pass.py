"""Pytrees: what must type-check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Self, assert_type

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from pyrsistent import PMap, PVector, pmap, pvector

from pullback import tree


@frozen
class Linear:
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]


@frozen
class MLP:
    layers: PVector[Linear]
    activation: Callable[[float], float] = tree.static()
    name: str = tree.static(default="mlp", kw_only=True)
    sizes: tuple[int, ...] = tree.static(factory=tuple)


class Interval:
    def __init__(self, low: float, high: float, unit: str) -> None:
        self.low, self.high, self.unit = low, high, unit

    def tree_flatten(self) -> tuple[Iterable[float], str]:
        return (self.low, self.high), self.unit

    @classmethod
    def tree_unflatten(cls, static: str, children: Sequence[float], /) -> Self:
        low, high = children
        return cls(low, high, static)


class Ratio:
    def __init__(self, over: float, under: float) -> None:
        self.over, self.under = over, under


def half(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x / 2


def step(p: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
    return p - 0.1 * g


def is_linear(item: object) -> bool:
    return isinstance(item, Linear)


model = MLP(pvector([Linear(np.ones(2), np.ones(2))]), np.tanh, name="small")
model = MLP(pvector([]), activation=abs, sizes=(1, 2))

# A static field is a field like any other.
assert_type(model.name, str)
assert_type(model.sizes, tuple[int, ...])

# The map of a T is a T.
assert_type(tree.map(half, model), MLP)
assert_type(tree.map(step, model, model), MLP)
assert_type(tree.map(lambda p: p.sum() + p[0], model), MLP)
assert_type(tree.map(lambda p, g: p - 0.1 * g, model, model), MLP)
assert_type(tree.map(lambda p, m, v: p - m / v, model, model, model), MLP)
assert_type(tree.map(lambda p, m, v, s: p - m / v - s, model, model, model, model), MLP)
assert_type(tree.map(np.exp, {"a": 1.0}), dict[str, float])
assert_type(tree.map(half, pmap({"a": 1.0})), PMap[str, float])
assert_type(tree.map(lambda layer: layer, model, is_leaf=is_linear), MLP)
assert_type(tree.map(max, (1.0, [2]), (2.0, [3])), tuple[float, list[int]])
assert_type(tree.map_with_path(lambda path, p: p if path.keys else 0.0, model), MLP)
assert_type(tree.map_with_path(lambda path, p, g: (str(path), p, g), model, model), MLP)

# A structure remembers the type of its tree.
leaves, structure = tree.flatten(model)
assert_type(leaves, list[object])
assert_type(structure, tree.Structure[MLP])
assert_type(tree.unflatten(structure, leaves), MLP)
assert_type(tree.unflatten(tree.structure((1.0, [2])), iter(leaves)), tuple[float, list[int]])
anything: tree.Structure[object] = structure
assert_type(tree.transpose(anything, structure, [model]), MLP)
pairs, structure = tree.flatten_with_path(model)
assert_type(pairs, list[tuple[tree.Path, object]])

assert_type(tree.leaves(model), list[object])
assert_type(tree.reduce(lambda total, p: total + float(p.sum()), model, 0.0), float)
assert_type(tree.reduce(lambda count, _: count + 1, model, 0), int)
assert_type(tree.all_close(model, model, rtol=1e-3, equal_nan=True), bool)
tree.check_same(model, model, operation="step")

# Containers of one's own.
container: tree.Container[str, float] = Interval(0.0, 1.0, "m")
assert_type(tree.map(lambda x: 2 * x, Interval(0.0, 1.0, "m")), Interval)
tree.register(Ratio, lambda r: ((r.over, r.under), None), lambda _, children: Ratio(*children))
assert_type(tree.leaf(Ratio), type[Ratio])


@tree.leaf
@frozen
class Version:
    major: int


assert_type(Version(1).major, int)
