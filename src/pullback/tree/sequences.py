"""The kinds of sequences: tuples, named tuples, lists, `PVector`; and of ``None``.

Apart from named tuples, only these exact classes are containers: how an instance of a subclass is
made, nobody knows.
"""

# ruff: noqa: D102 - `Kind` documents the methods

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from types import NoneType
from typing import TYPE_CHECKING, final

from pullback.lazy import lazy
from pullback.tree.kinds import Kind, Node, Opened, take
from pullback.tree.paths import Step, attribute, item

if TYPE_CHECKING:
    import pyrsistent
else:
    pyrsistent = lazy("pyrsistent")  # who has a vector has loaded it; others save 7 ms


class SequenceKind(Kind):
    """A class of sequences without names."""

    __slots__ = ()

    @abstractmethod
    def frame(self, entries: str) -> str:
        """Return the text of a sequence, given that of its entries with commas between them."""

    @final
    def steps(self, node: Node) -> Iterable[Step]:
        return map(item, range(node[1]))

    @final
    def write(self, node: Node, children: Sequence[str]) -> str:
        entries = ", ".join(children)
        return self.frame(f"{entries}," if node[0] is tuple and node[1] == 1 else entries)

    @final
    def describe(self, node: Node, other: Node | None) -> str:
        return f"{node[0].__name__} of {node[1]}"


@final
class TupleKind(SequenceKind):
    """Plain tuples."""

    __slots__ = ()

    def open(self, container: object) -> Opened:
        assert isinstance(container, tuple)
        return (tuple, len(container), (), None), container

    def close(self, node: Node, stack: list[object]) -> object:
        return tuple(take(node[1], stack))

    def frame(self, entries: str) -> str:
        return f"({entries})"


@final
class ListKind(SequenceKind):
    """Plain lists."""

    __slots__ = ()

    def open(self, container: object) -> Opened:
        assert isinstance(container, list)
        return (list, len(container), (), None), container

    def close(self, node: Node, stack: list[object]) -> object:
        return take(node[1], stack)

    def frame(self, entries: str) -> str:
        return f"[{entries}]"


@final
class PVectorKind(SequenceKind):
    """Persistent vectors."""

    __slots__ = ()

    def open(self, container: object) -> Opened:
        vector: pyrsistent.PVector[object] = container  # type: ignore[assignment]  # by its class
        return (pyrsistent.PVector, len(vector), (), None), vector

    def close(self, node: Node, stack: list[object]) -> object:
        return pyrsistent.pvector(take(node[1], stack))

    def frame(self, entries: str) -> str:
        return f"pvector([{entries}])"


@final
class NoneKind(Kind):
    """The class of ``None``, a container without children."""

    __slots__ = ()

    def open(self, container: object) -> Opened:
        return (NoneType, 0, (), None), ()

    def close(self, node: Node, stack: list[object]) -> None:
        return None

    def steps(self, node: Node) -> Iterable[Step]:
        return ()

    def write(self, node: Node, children: Sequence[str]) -> str:
        return "None"

    def describe(self, node: Node, other: Node | None) -> str:
        return "None"


@final
class NamedTupleKind(Kind):
    """A class of named tuples, with the names of their fields."""

    __slots__ = ("names",)

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names: tuple[str, ...] = names

    def open(self, container: object) -> Opened:
        assert isinstance(container, tuple)
        return (type(container), len(self.names), (), None), container

    def close(self, node: Node, stack: list[object]) -> object:
        # Not `cls(...)`: a subclass may have a constructor of its own.
        return tuple.__new__(node[0], take(node[1], stack))

    def steps(self, node: Node) -> Iterable[Step]:
        return map(attribute, self.names)

    def write(self, node: Node, children: Sequence[str]) -> str:
        fields = map("=".join, zip(self.names, children, strict=True))
        return f"{node[0].__qualname__}({', '.join(fields)})"

    def describe(self, node: Node, other: Node | None) -> str:
        return f"{node[0].__qualname__} with fields ({', '.join(self.names)})"


def named_tuple_kind(cls: type) -> NamedTupleKind | None:
    """Return the kind of a class of named tuples; ``None`` for any other class."""
    names: object = getattr(cls, "_fields", None)
    if issubclass(cls, tuple) and isinstance(names, tuple):
        return NamedTupleKind(names)
    return None
