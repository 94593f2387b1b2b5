"""Trees without their arrays: what the call of a function remembers of its arguments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Generic, TypeVar, final

import numpy as np
from attrs import frozen

from pullback.api.calls import seeds
from pullback.api.inputs import is_inexact, zero_of
from pullback.api.outputs import NUMERIC
from pullback.control.custom import Parts
from pullback.core import Array
from pullback.transforms.vjp import as_node
from pullback.tree import Structure, flatten, unflatten

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_INTEGERS: Final = (int, bool)


@final
@frozen(eq=False, repr=False)
class Template(Generic[T_co]):
    """A tree without its arrays. Templates are equal if what they hold is."""

    structure: Structure[T_co]
    #: For each leaf None if an array takes its place, else the leaf.
    statics: tuple[object, ...]
    #: The places of the arrays.
    numbers: tuple[int, ...]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Template):
            return NotImplemented
        if self.numbers != other.numbers or self.structure != other.structure:
            return False
        return all(map(_same, self.statics, other.statics))

    def __hash__(self) -> int:
        return hash((self.structure, self.numbers))

    @staticmethod
    def static(tree: T) -> Template[T]:
        """Return a tree of which no leaf is an array that takes part."""
        leaves, structure = flatten(tree)
        return Template(structure, tuple(leaves), ())

    def build(self, arrays: Iterable[object]) -> T_co:
        """Return the tree with arrays."""
        leaves = list(self.statics)
        for number, array in zip(self.numbers, arrays, strict=True):
            leaves[number] = array
        return unflatten(self.structure, leaves)

    def change(self, arrays: Iterable[Array], changes: Iterable[Array | None]) -> T_co:
        """Return a tangent or cotangent of the tree: zero where there is none."""
        leaves = [kind() if (kind := type(leaf)) in _INTEGERS else leaf for leaf in self.statics]
        for number, array, change in zip(self.numbers, arrays, changes, strict=True):
            leaves[number] = as_node(zero_of(array)) if change is None else change
        return unflatten(self.structure, leaves)

    def read(self, what: str, of: str, arrays: Iterable[Array], tree: object) -> Parts:
        """Return the arrays of a tangent or cotangent of the tree, in the types of its arrays.

        Args:
            what: The operation and what the tree is, as in `seeds`.
            of: What it belongs to.
            arrays: The arrays of the tree.
            tree: The tangent or cotangent. What corresponds to integers is ignored.
        """
        nodes: list[Array | None] = [None] * self.structure.num_leaves
        for number, array in zip(self.numbers, arrays, strict=True):
            nodes[number] = array if is_inexact(array) else None
        found = seeds(what, of, self.structure, nodes, tree)
        return [found[number] for number in self.numbers]


def _same(x: object, y: object) -> bool:
    """Return whether two leaves that are no arrays of a call are the same."""
    if x is y:
        return True
    return type(x) is type(y) and not isinstance(x, (Array, np.ndarray)) and bool(x == y)


def take_apart(tree: T, *, integers: bool = False) -> tuple[Template[T], list[object]]:
    """Return a tree without its numbers and arrays, and these.

    Args:
        tree: The tree.
        integers: Whether Python's integers and booleans are among these. Where they are not, they
            can be the length of a loop, an axis or a flag.
    """
    leaves, structure = flatten(tree)
    numbers = [
        number
        for number, leaf in enumerate(leaves)
        if isinstance(leaf, NUMERIC) and (integers or not isinstance(leaf, int))
    ]
    found = [leaves[number] for number in numbers]
    for number in numbers:
        leaves[number] = None
    return Template(structure, tuple(leaves), tuple(numbers)), found
