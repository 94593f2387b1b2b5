"""Where a leaf stands in a tree: a path, made of steps from a container to a child.

A path prints as the Python expression that reaches the leaf, without the name of the tree. This
module knows no containers; each kind of container says which steps lead to its children.
"""

from __future__ import annotations

from typing import TypeAlias, final

from attrs import frozen


@final
@frozen
class Attribute:
    """The step from a record to the value of one of its fields.

    Example:
        >>> print(Attribute("weight"))
        .weight
    """

    name: str

    def __str__(self) -> str:
        return f".{self.name}"


@final
@frozen
class Item:
    """The step from a sequence or a mapping to the value at an index or a key.

    Example:
        >>> print(Item(1), Item("bias"))
        [1] ['bias']
    """

    key: object

    def __str__(self) -> str:
        return f"[{self.key!r}]"


@final
@frozen
class Child:
    """The step from a container that flattens itself to one of its children, counted from 0.

    Such a container does not say which expression reaches the child.

    Example:
        >>> print(Child(0))
        .<child 0>
    """

    number: int

    def __str__(self) -> str:
        return f".<child {self.number}>"


Step: TypeAlias = Attribute | Item | Child


@final
@frozen
class Path:
    """The steps from the root of a tree to one place in it.

    ``str(path)`` is what one writes after the name of the tree: ``layers[1].weight``,
    ``['w'][0]``. The path of the root has no steps and prints as the empty string.

    Example:
        >>> print(Path((Attribute("layers"), Item(1), Attribute("weight"))))
        layers[1].weight
    """

    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return "".join(map(str, self.steps)).removeprefix(".")

    @property
    def place(self) -> str:
        """The path as a message names it: as printed, and ``the root`` where that is empty."""
        return str(self) or "the root"
