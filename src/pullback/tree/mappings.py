"""The kinds of mappings: `dict`, `defaultdict`, `OrderedDict` and `PMap`, but not subclasses.

A mapping is flattened in the order of its sorted keys, so that equal mappings have equal
structures; a dict is rebuilt in its own order of insertion, which is part of an `OrderedDict` and
therefore of its structure.
"""

# ruff: noqa: D102 - `Kind` documents the methods

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, final

from attrs import field, frozen

from pullback.lazy import lazy
from pullback.tree.kinds import Kind, Node, Opened, show, take
from pullback.tree.paths import Step, item

if TYPE_CHECKING:
    import pyrsistent
else:
    pyrsistent = lazy("pyrsistent")  # who has a map has loaded it; others save 7 ms


class MappingKind(Kind):
    """A class of mappings, in whose nodes the values are the keys."""

    __slots__ = ()

    @abstractmethod
    def make(self, node: Node, entries: dict[object, object]) -> object:
        """Return the mapping with these entries, which come in the order of flattening."""

    @abstractmethod
    def frame(self, node: Node, entries: str) -> str:
        """Return the text of a mapping, given that of its entries in braces."""

    @final
    def close(self, node: Node, stack: list[object]) -> object:
        return self.make(node, dict(zip(node[2], take(node[1], stack), strict=True)))

    @final
    def steps(self, node: Node) -> Iterable[Step]:
        return map(item, node[2])

    @final
    def write(self, node: Node, children: Sequence[str]) -> str:
        entries = (f"{key!r}: {text}" for key, text in zip(node[2], children, strict=True))
        return self.frame(node, f"{{{', '.join(entries)}}}")

    @final
    def describe(self, node: Node, other: Node | None) -> str:
        if other is None or other[0] is not node[0] or set(node[2]) == set(other[2]):
            return self.write(node, ["*"] * node[1])
        name, own = node[0].__name__, [repr(key) for key in node[2] if key not in other[2]]
        noun = "key" if len(own) == 1 else "keys"
        return f"{name} with the {noun} {', '.join(own)}" if own else f"{name} without"


@final
@frozen(repr=False)
class Construction:
    """What a dict is made with, besides its entries.

    Dicts are equal whatever the order in which their keys were inserted, and so are structures:
    the order takes no part in a comparison. It serves to rebuild a dict as it was.
    """

    order: tuple[object, ...] = field(eq=False)
    default_factory: Callable[[], object] | None = None


def _construction(node: Node) -> Construction:
    """Return the part of a node that says how the dict is made."""
    assert isinstance(node[3], Construction)
    return node[3]


def _sorted(keys: Iterable[object]) -> tuple[object, ...] | None:
    """Return the keys in ascending order, or ``None`` where some do not compare."""
    try:
        return tuple(sorted(keys))  # type: ignore[type-var] # to compare is how one finds out
    except TypeError:
        return None


@final
class DictKind(MappingKind):
    """Plain dicts."""

    __slots__ = ()

    def open(self, container: object) -> Opened:
        assert isinstance(container, dict)
        order = tuple(container)
        keys = _sorted(order) or order
        return (dict, len(keys), keys, Construction(order)), [container[key] for key in keys]

    def make(self, node: Node, entries: dict[object, object]) -> object:
        return {key: entries[key] for key in _construction(node).order}

    def frame(self, node: Node, entries: str) -> str:
        return entries


@final
class DefaultDictKind(MappingKind):
    """Dicts with a function for missing values, which is part of the structure."""

    __slots__ = ()

    def open(self, container: object) -> Opened:
        assert isinstance(container, defaultdict)
        order = tuple(container)
        keys = _sorted(order) or order
        extra = Construction(order, container.default_factory)
        return (defaultdict, len(keys), keys, extra), [container[key] for key in keys]

    def make(self, node: Node, entries: dict[object, object]) -> object:
        how = _construction(node)
        return defaultdict(how.default_factory, ((key, entries[key]) for key in how.order))

    def frame(self, node: Node, entries: str) -> str:
        return f"defaultdict({show(_construction(node).default_factory)}, {entries})"


@final
class OrderedDictKind(MappingKind):
    """Dicts to which the order of their keys belongs."""

    __slots__ = ()

    def open(self, container: object) -> Opened:
        assert isinstance(container, OrderedDict)
        return (OrderedDict, len(container), tuple(container), None), container.values()

    def make(self, node: Node, entries: dict[object, object]) -> object:
        return OrderedDict(entries)

    def frame(self, node: Node, entries: str) -> str:
        return f"OrderedDict({entries})"


@final
class PMapKind(MappingKind):
    """Persistent maps, whose own order depends on the seed of the hashes."""

    __slots__ = ()

    def open(self, container: object) -> Opened:
        assert isinstance(container, pyrsistent.PMap)
        keys = _sorted(container) or tuple(
            sorted(container, key=lambda key: (type(key).__qualname__, repr(key)))
        )
        return (pyrsistent.PMap, len(keys), keys, None), [container[key] for key in keys]

    def make(self, node: Node, entries: dict[object, object]) -> object:
        return pyrsistent.pmap(entries)

    def frame(self, node: Node, entries: str) -> str:
        return f"pmap({entries})"
