"""Where a leaf stands in a tree: a path, made of steps from a container to a child.

This module knows no containers; each kind of container says which steps lead to its children.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, final

from attrs import frozen

Step: TypeAlias = tuple[object, str]  # a key of a path, and its text


def attribute(name: str) -> Step:
    """Return the step from a record to the value of one of its fields."""
    return name, f".{name}"


def item(key: object) -> Step:
    """Return the step from a sequence or a mapping to the value at an index or a key."""
    return key, f"[{key!r}]"


def child(number: int) -> Step:
    """Return the step to a child, counted from 0, that no known expression reaches."""
    return number, f".<child {number}>"


@final
@frozen(repr=False)
class Path:
    """The way from the root of a tree to one place in it.

    ``str(path)`` is what one writes in Python after the name of the tree: ``layers[1].weight``,
    ``['w'][0]``. The path of the root is empty and prints as the empty string. A container that
    flattens itself does not say how its children are reached: they print as ``.<child 0>``.

    Attributes:
        keys: The name of a field, the index in a sequence, the key in a mapping, or the number of
            a child, for each step from the root.
        texts: What is printed for each of them.

    Example:
        >>> from pullback import tree
        >>> path, leaf = tree.leaves_with_path({"layers": [1.0]})[0]
        >>> print(path)
        ['layers'][0]
        >>> path.keys
        ('layers', 0)
    """

    keys: tuple[object, ...] = ()
    texts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "".join(self.texts).removeprefix(".")

    def __repr__(self) -> str:
        return f"<Path {self.place}>"

    @property
    def place(self) -> str:
        """The path as a message names it: as printed, and ``the root`` where that is empty."""
        return str(self) or "the root"


def path_of(steps: Iterable[Step]) -> Path:
    """Return the path that takes the given steps.

    Example:
        >>> print(path_of([attribute("layers"), item(1), attribute("weight")]))
        layers[1].weight
    """
    steps = tuple(steps)
    return Path(tuple(key for key, _ in steps), tuple(text for _, text in steps))
