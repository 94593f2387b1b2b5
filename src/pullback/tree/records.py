"""The records: attrs classes and dataclasses, frozen or not, with slots or without.

The children of a record are the values of its fields, those with ``init=False`` among them; the
values of the fields marked static belong to the structure. What is not a field, such as a cached
property, is not part of the tree. A record is rebuilt without its ``__init__``, converters,
validators and ``__attrs_post_init__``: the rebuilt fields hold whatever the new leaves are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from types import BuiltinFunctionType, MemberDescriptorType
from typing import TYPE_CHECKING, Final, TypeAlias, final

import attrs

from pullback.errors import StructureError
from pullback.lazy import lazy
from pullback.tree.kinds import Fixed, Kind, Node, Opened, exact, show
from pullback.tree.paths import Step, attribute

__all__ = ["record_kind", "static"]

Getter: TypeAlias = Callable[[object], tuple[object, ...]]
Setter: TypeAlias = Callable[[object, object], None]

_STATIC: Final = "static"  # the key in the metadata of a field
_CACHED_HASH: Final = "_attrs_cached_hash"  # where attrs keeps the hash of a record, if asked to
_new: Final = object.__new__
_set_attribute: Final = object.__setattr__  # the way that frozen classes leave open

if TYPE_CHECKING:
    import dataclasses

    # To a type checker `static` *is* `attrs.field`: the one specifier of fields, besides those of
    # attrs itself, for which mypy and pyright know defaults, converters and `init=False`.
    from attrs import field as static
else:
    dataclasses = lazy("dataclasses")  # who makes a dataclass has loaded it; others save 1 ms

    def static(*, metadata: Mapping[object, object] | None = None, **arguments: object) -> object:
        """Declare a field of an attrs class that is part of the structure, not a child.

        For what a class needs besides its numbers: a size, the name of a mode, an activation. The
        values must be hashable and compare by value, because structures do: a tuple, not a list,
        and no arrays. In a dataclass write ``dataclasses.field(metadata={"static": True})``.

        Args:
            metadata: Metadata of the field, to which the mark is added.
            arguments: What `attrs.field` takes: ``default``, ``factory``, ``converter``,
                ``validator``, ``kw_only`` and the like.

        Returns:
            The specifier of a field, for the right-hand side of its declaration.

        Example:
            >>> from attrs import frozen
            >>> from pullback import tree
            >>> @frozen
            ... class Power:
            ...     scale: float
            ...     exponent: int = tree.static(default=2)
            >>> tree.leaves(Power(3.0))
            [3.0]
            >>> tree.structure(Power(3.0))
            Power(scale=*, exponent=2)
        """
        return attrs.field(metadata={**(metadata or {}), _STATIC: True}, **arguments)


def _fields(cls: type) -> list[tuple[str, bool]] | None:
    """Return the names of a record's fields and whether each is static; ``None`` if no record.

    A subclass that is not itself decorated has the fields of its nearest decorated base.
    """
    for base in cls.__mro__:
        if "__attrs_attrs__" in vars(base) and attrs.has(base):
            return [(a.name, bool(a.metadata.get(_STATIC))) for a in attrs.fields(base)]
        if "__dataclass_fields__" in vars(base):
            assert dataclasses.is_dataclass(base)
            return [(f.name, bool(f.metadata.get(_STATIC))) for f in dataclasses.fields(base)]
    return None


def _refuse_hidden_state(cls: type) -> None:
    """Refuse a record that is also, say, a `dict` or an `Exception`.

    Only such classes have a constructor written in C; its state would be lost.
    """
    for base in cls.__mro__[:-1]:
        if isinstance(vars(base).get("__new__"), BuiltinFunctionType):
            message = (
                f"tree: {cls.__qualname__} is also a {base.__qualname__}, so that its fields do "
                "not hold all of it; give it the methods tree_flatten and tree_unflatten, or "
                "declare it a leaf with tree.leaf"
            )
            raise StructureError(message)


def _getter(names: Sequence[str]) -> Getter:
    """Return the function from a record to the values of the named fields."""
    if not names:
        return lambda record: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda record: (get(record),)


def _setter(cls: type, name: str) -> Setter:
    """Return the function that gives a field of a new record its value, frozen or not."""
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    if isinstance(found, MemberDescriptorType):
        return found.__set__  # a slot: twice as fast as the general way
    return lambda record, value: _set_attribute(record, name, value)


def _caches_hash(cls: type) -> bool:
    """Whether attrs made a hash function that expects a place for its result."""
    code = getattr(cls.__hash__, "__code__", None)
    return code is not None and _CACHED_HASH in code.co_names


@final
class RecordKind(Kind):
    """A class of records, given with its fields: their names, and whether each is static."""

    __slots__ = (
        "_caches_hash",
        "_children",
        "_fields",
        "_get_children",
        "_get_static",
        "_set_children",
        "_set_static",
        "_static",
        "cls",
        "fixed",
    )

    def __init__(self, cls: type, fields: Iterable[tuple[str, bool]]) -> None:
        fields = tuple(fields)
        self.cls: type = cls
        self._fields = tuple(name for name, _ in fields)
        self._children = tuple(name for name, is_static in fields if not is_static)
        self._static = tuple(name for name, is_static in fields if is_static)
        self._get_children = _getter(self._children)
        self._get_static = _getter(self._static)
        self._set_children = tuple(_setter(cls, name) for name in self._children)
        self._set_static = tuple(_setter(cls, name) for name in self._static)
        self._caches_hash = _caches_hash(cls)
        node: Node = (cls, len(self._children), (), None)
        is_plain = not (self._static or self._caches_hash)
        self.fixed: Fixed | None = (node, self._get_children) if is_plain else None

    def open(self, container: object) -> Opened:
        values = self._get_static(container)
        node = (self.cls, len(self._children), values, exact(values))
        return node, self._get_children(container)

    def close(self, node: Node, stack: list[object]) -> object:
        record: object = _new(self.cls)
        for put in self._set_children:
            put(record, stack.pop())
        if self.fixed is None:
            for put, value in zip(self._set_static, node[2], strict=True):
                put(record, value)
            if self._caches_hash:
                _set_attribute(record, _CACHED_HASH, None)
        return record

    def steps(self, node: Node) -> Iterable[Step]:
        return map(attribute, self._children)

    def write(self, node: Node, children: Sequence[str]) -> str:
        texts = dict(zip(self._children, children, strict=True))
        texts.update(self._static_texts(node))
        return f"{self.cls.__qualname__}({', '.join(f'{f}={texts[f]}' for f in self._fields)})"

    def describe(self, node: Node, other: Node | None) -> str:
        name = self.cls.__qualname__
        if other is None or other[0] is not self.cls:
            return f"{name} with fields ({', '.join(self._fields)})"
        pairs = zip(self._static_texts(node), self._static_texts(other), strict=True)
        differing = [own for own, others in pairs if own != others]
        static = map("=".join, differing or self._static_texts(node))
        return f"{name} with {', '.join(static)}"

    def _static_texts(self, node: Node) -> Iterable[tuple[str, str]]:
        """Yield the name of each static field and a text for its value."""
        return zip(self._static, map(show, node[2]), strict=True)


def record_kind(cls: type) -> RecordKind | None:
    """Return the kind of an attrs class or a dataclass; ``None`` for any other class."""
    fields = _fields(cls)
    if fields is None:
        return None
    _refuse_hidden_state(cls)
    return RecordKind(cls, fields)
