"""The classes that flatten themselves: by their own methods, or by functions given for them.

The functions given for a class are kept on the class itself; there is no registry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, Self, TypeVar, cast

from pullback.errors import StructureError
from pullback.tree.kinds import Kind, Node, Opened, exact, opener, show, take
from pullback.tree.paths import Child

T = TypeVar("T")
C = TypeVar("C")
S = TypeVar("S")

MARK: Final = "__pullback_tree__"
"""The attribute of a class that holds its `Kind`, or ``None`` where its instances are leaves."""


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


def registered_kind(
    cls: type[T],
    flatten: Callable[[T], tuple[Iterable[C], S]],
    unflatten: Callable[[S, Sequence[C]], T],
) -> Kind:
    """Return the kind of a class that a pair of functions takes apart and builds."""
    name = cls.__qualname__
    build = cast(  # noqa: TID251 - a node keeps static value and children as plain objects
        "Callable[[object, Sequence[object]], object]", unflatten
    )

    def open_registered(container: T) -> Opened:
        result: object = flatten(container)
        if not (isinstance(result, tuple) and len(result) == 2):
            message = f"tree: flattening a {name} must give (children, static), not {result!r}"
            raise StructureError(message)
        children, static = tuple(result[0]), result[1]
        return (cls, len(children), (static,), exact(static)), children

    def close(node: Node, stack: list[object]) -> object:
        container = build(node[2][0], take(node[1], stack))
        if type(container) is not cls:
            message = (
                f"tree: unflattening a {name} gave a {type(container).__qualname__}; "
                "an instance must be rebuilt as its own class"
            )
            raise StructureError(message)
        return container

    def write(node: Node, children: Sequence[str]) -> str:
        static = node[2][0]
        suffix = () if static is None else (f"static={show(static)}",)
        return f"{name}({', '.join((*children, *suffix))})"

    return Kind(
        cls,
        opener(open_registered),
        close,
        steps=lambda node: map(Child, range(node[1])),
        write=write,
        describe=lambda node, other: write(node, ["*"] * node[1]),
    )


def method_kind(cls: type) -> Kind | None:
    """Return the kind of a class that has the methods of `Container`; ``None`` without them."""
    flatten: object = getattr(cls, "tree_flatten", None)
    unflatten: object = getattr(cls, "tree_unflatten", None)
    if callable(flatten) and callable(unflatten):
        return registered_kind(cls, flatten, unflatten)
    if callable(flatten) or callable(unflatten):
        message = (
            f"tree: {cls.__qualname__} has only one of the methods tree_flatten and "
            "tree_unflatten; a container has both"
        )
        raise StructureError(message)
    return None
