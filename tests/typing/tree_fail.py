"""Pytrees: what must not type-check."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from pullback import tree


@frozen
class MLP:
    weight: float
    activation: Callable[[float], float] = tree.static()
    name: str = tree.static(default="mlp", kw_only=True)


@frozen
class Other:
    weight: float


def one(p: float) -> float:
    return p


def two(p: float, g: float) -> float:
    return p - g


model = MLP(1.0, abs)

# A static field has the type that is declared, and is required unless it has a default.
MLP(1.0)  # E: call-arg
MLP(1.0, "tanh")  # E: arg-type
MLP(1.0, abs, name=3)  # E: arg-type
MLP(1.0, abs, "small")  # E: call-arg
model.activation = abs  # E: misc
model.name + 1  # E: operator


@frozen
class Wrong:
    size: int = tree.static(default="large")  # E: assignment


# The function takes one leaf of each tree.
tree.map(two, model)  # E: arg-type
tree.map(one, model, model)  # E: arg-type
tree.map(1.0, model)  # E: call-overload
tree.map_with_path(one, model, model)  # E: arg-type
tree.map(one)  # E: call-overload

# The result has the type of the trees.
a: Other = tree.map(one, model)  # E: assignment
b: MLP = tree.map(two, model, Other(1.0))  # E: assignment
tree.map(one, model).bias  # E: attr-defined
c: Other = tree.unflatten(tree.structure(model), [1.0])  # E: assignment
d: tree.Structure[Other] = tree.structure(model)  # E: arg-type
e: dict[str, int] = tree.map(one, {"a": 1.0})  # E: dict-item

tree.leaves(model)[0] + 1  # E: operator
total: float = tree.reduce(two, model, "zero")  # E: arg-type, assignment
tree.check_same(model, model)  # E: call-arg
tree.all_close(model, model, 1e-5, 1e-8, True)  # E: call-arg
tree.unflatten([1.0], [1.0])  # E: arg-type
tree.register(Other, one, two)  # E: arg-type
tree.structure(model).num_leaves = 3  # E: misc
