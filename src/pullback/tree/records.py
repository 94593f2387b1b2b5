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
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from pullback.errors import StructureError
from pullback.lazy import lazy
from pullback.tree.kinds import Kind, Node, Opened, exact, show
from pullback.tree.paths import Attribute

__all__ = ["record_kind", "static"]

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


def _getter(names: Sequence[str]) -> Callable[[object], tuple[object, ...]]:
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


def _closer(
    cls: type, children: Sequence[str], static_names: Sequence[str]
) -> Callable[[Node, list[object]], object]:
    """Return the function that rebuilds a record of a class."""
    setters = [_setter(cls, name) for name in children]
    static_setters = [_setter(cls, name) for name in static_names]

    def close(node: Node, stack: list[object]) -> object:
        record = _new(cls)
        for put in setters:
            put(record, stack.pop())
        return record

    def close_with_static(node: Node, stack: list[object]) -> object:
        record = close(node, stack)
        for put, value in zip(static_setters, node[2], strict=True):
            put(record, value)
        return record

    def close_with_hash(node: Node, stack: list[object]) -> object:
        record = close_with_static(node, stack)
        _set_attribute(record, _CACHED_HASH, None)
        return record

    # `@frozen(cache_hash=True)` makes a hash function that expects a place for its result.
    code = getattr(cls.__hash__, "__code__", None)
    if code is not None and _CACHED_HASH in code.co_names:
        return close_with_hash
    return close_with_static if static_names else close


def record_kind(cls: type) -> Kind | None:
    """Return the kind of an attrs class or a dataclass; ``None`` for any other class."""
    fields = _fields(cls)
    if fields is None:
        return None
    _refuse_hidden_state(cls)
    children = [name for name, is_static in fields if not is_static]
    static_names = [name for name, is_static in fields if is_static]
    get_children, get_static = _getter(children), _getter(static_names)
    number = len(children)

    def open_record(record: object) -> Opened:
        values = get_static(record)
        return (cls, number, values, exact(values)), get_children(record)

    def steps(node: Node) -> Iterable[Attribute]:
        return map(Attribute, children)

    def write(node: Node, texts: Sequence[str]) -> str:
        values = dict(zip(children, texts, strict=True))
        values.update(zip(static_names, map(show, node[2]), strict=True))
        return f"{cls.__qualname__}({', '.join(f'{name}={values[name]}' for name, _ in fields)})"

    def describe(node: Node, other: Node | None) -> str:
        values = zip(static_names, map(show, node[2]), strict=True)
        static_text = ", ".join(f"{name}={text}" for name, text in values)
        if other is not None and other[0] is cls:
            return f"{cls.__qualname__} with {static_text}"
        return f"{cls.__qualname__} with fields ({', '.join([*children, *static_names])})"

    fixed = None if static_names else ((cls, number, (), None), get_children)
    close = _closer(cls, children, static_names)
    return Kind(cls, open_record, close, steps, write, describe, fixed)
