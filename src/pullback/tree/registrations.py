"""The classes that flatten themselves: by their own methods, or by functions given for them.

The functions given for a class are kept on the class itself; there is no registry.
"""

# ruff: noqa: D102 - `Kind` documents the methods

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, Self, TypeVar, final

from pullback.errors import StructureError
from pullback.tree.kinds import Kind, Node, Opened, exact, show, take
from pullback.tree.paths import Step, child

C = TypeVar("C")
S = TypeVar("S")

MARK: Final = "__pullback_tree__"
"""The attribute of a class for its `RegisteredKind`, or ``None`` if its instances are leaves."""


class Container(Protocol[S, C]):
    """What a class offers whose instances are containers and which is not a record.

    Such a class flattens itself into children of type ``C`` and a static value of type ``S``,
    hashable and compared by value. It need not derive from this protocol; having both methods is
    enough. They undo each other: ``type(x).tree_unflatten(static, children)`` equals ``x`` for
    ``children, static = x.tree_flatten()``. The class method builds a ``cls``, so that a subclass
    is rebuilt as itself, and checks nothing about the children, which may be of any type.

    Example:
        >>> from pullback import tree
        >>> class Interval:
        ...     def __init__(self, low, high, unit):
        ...         self.low, self.high, self.unit = low, high, unit
        ...     def tree_flatten(self):
        ...         return (self.low, self.high), self.unit
        ...     @classmethod
        ...     def tree_unflatten(cls, static, children):
        ...         low, high = children
        ...         return cls(low, high, static)
        >>> tree.map(lambda end: 2 * end, Interval(1.0, 3.0, "m")).high
        6.0
    """

    def tree_flatten(self) -> tuple[Iterable[C], S]:
        """Return the children, and the static value that the structure keeps."""
        ...

    @classmethod
    def tree_unflatten(cls, static: S, children: Sequence[C], /) -> Self:
        """Return the instance with that static value and those children."""
        ...


@final
class RegisteredKind(Kind):
    """A class that a pair of functions takes apart and builds."""

    __slots__ = ("_flatten", "_unflatten", "cls")

    def __init__(
        self,
        cls: type,
        flatten: Callable[[object], object],
        unflatten: Callable[[object, Sequence[object]], object],
    ) -> None:
        self.cls: type = cls
        self._flatten = flatten
        self._unflatten = unflatten

    def open(self, container: object) -> Opened:
        result = self._flatten(container)
        if not (isinstance(result, tuple) and len(result) == 2):
            name = self.cls.__qualname__
            message = f"tree: flattening a {name} must give (children, static), not {result!r}"
            raise StructureError(message)
        children, static = tuple(result[0]), result[1]
        return (self.cls, len(children), (static,), exact(static)), children

    def close(self, node: Node, stack: list[object]) -> object:
        container = self._unflatten(node[2][0], take(node[1], stack))
        if type(container) is not self.cls:
            message = (
                f"tree: unflattening a {self.cls.__qualname__} gave a "
                f"{type(container).__qualname__}; it must give an instance of that very class"
            )
            raise StructureError(message)
        return container

    def steps(self, node: Node) -> Iterable[Step]:
        return map(child, range(node[1]))

    def write(self, node: Node, children: Sequence[str]) -> str:
        (static,) = node[2]
        suffix = () if static is None else (f"static={show(static)}",)
        return f"{self.cls.__qualname__}({', '.join((*children, *suffix))})"

    def describe(self, node: Node, other: Node | None) -> str:
        return self.write(node, ["*"] * node[1])


def method_kind(cls: type) -> RegisteredKind | None:
    """Return the kind of a class that has the methods of `Container`; ``None`` without them."""
    flatten: object = getattr(cls, "tree_flatten", None)
    unflatten: object = getattr(cls, "tree_unflatten", None)
    if callable(flatten) and callable(unflatten):
        return RegisteredKind(cls, flatten, unflatten)
    if callable(flatten) or callable(unflatten):
        message = (
            f"tree: {cls.__qualname__} has only one of the methods tree_flatten and "
            "tree_unflatten; a container has both"
        )
        raise StructureError(message)
    return None
