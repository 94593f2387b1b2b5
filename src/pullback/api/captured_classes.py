"""How the walk over captured things looks at instances, by their classes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cached_property
from operator import attrgetter, itemgetter, methodcaller
from types import MappingProxyType, SimpleNamespace
from typing import Final

from pullback.core import Program, Trace
from pullback.errors import StructureError
from pullback.primitives.primitive import Primitive
from pullback.tree.classes import kind_of

MAPPINGS: Final = (dict, MappingProxyType)
SETS: Final = (set, frozenset)
#: Where the function is in what wraps one.
WRAPPERS: Final[Mapping[type, str]] = {
    property: "fget",
    cached_property: "func",
    staticmethod: "__func__",
    classmethod: "__func__",
}
#: The classes of what is compared by identity, though one could look inside: they and those that
#: derive from them. Their like are not asked for with `issubclass`, which looks at all primitives.
CLOSED: Final = frozenset({Enum, Program, Primitive, Trace})
#: What reads attributes or elements that are given by name or place.
GETTERS: Final = (attrgetter, itemgetter, methodcaller)
#: Classes of libraries whose instances are no more than their attributes.
TRANSPARENT: Final = (SimpleNamespace, slice)
#: Special methods that no computation calls.
IDLE: Final = frozenset(
    {"__repr__", "__str__", "__format__", "__reduce__", "__reduce_ex__", "__getstate__"}
    | {"__setstate__", "__del__", "__dir__", "__sizeof__", "__init_subclass__"}
)


def shows_all(thing: object) -> bool:
    """Return whether a library's code reads all attributes of an instance for a user."""
    return callable(thing) or hasattr(type(thing), "__getitem__") or type(thing) is slice


def is_tree(cls: type) -> bool:
    """Return whether instances of a class are taken apart into leaves."""
    try:
        return kind_of(cls) is not None
    except StructureError:
        return True
