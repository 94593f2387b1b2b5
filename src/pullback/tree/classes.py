"""Which classes are containers: the one question that flattening asks of each object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import TypeVar

from pullback.errors import StructureError
from pullback.tree.containers import BUILT_IN, named_tuple_kind
from pullback.tree.kinds import Kind
from pullback.tree.records import record_kind
from pullback.tree.registrations import MARK, method_kind, registered_kind

T = TypeVar("T")
C = TypeVar("C")
S = TypeVar("S")


@lru_cache(maxsize=4096)  # bounded, so that classes made on the fly do not stay for ever
def kind_of(cls: type) -> Kind | None:
    """Return how the instances of a class are taken apart; ``None`` if they are leaves.

    What is said of the class itself comes first, then its methods, then what it inherits.
    """
    if cls in BUILT_IN:
        return BUILT_IN[cls]
    own: Kind | None = vars(cls).get(MARK)
    if MARK in vars(cls) and (own is None or own.cls is cls):
        return own
    by_methods = method_kind(cls)
    if by_methods is not None:
        return by_methods
    for base in cls.__mro__:
        if MARK in vars(base):
            return _refuse_inheritance(cls, base) if vars(base)[MARK] is not None else None
    # The members of an enumeration are what they are, even if a dataclass is mixed in.
    return None if issubclass(cls, Enum) else record_kind(cls) or named_tuple_kind(cls)


def _refuse_inheritance(cls: type, base: type) -> Kind | None:
    """Refuse a class of which only a base is registered: it would be rebuilt as that base."""
    message = (
        f"tree: {cls.__qualname__} derives from {base.__qualname__}, which is registered as a "
        "container, and is not registered itself; call tree.register for it too, or declare it "
        "a leaf with tree.leaf"
    )
    raise StructureError(message)


def _mark(cls: type, kind: Kind | None, operation: str) -> None:
    """Say of a class, on the class, whether and how its instances are taken apart."""
    if MARK in vars(cls):
        message = f"{operation}: {cls.__qualname__} has been registered, or declared a leaf, before"
        raise StructureError(message)
    try:
        setattr(cls, MARK, kind)
    except (AttributeError, TypeError):  # a class written in C, or a metaclass that refuses
        message = (
            f"{operation}: {cls.__qualname__} does not accept attributes, as most classes that "
            "are not written in Python; use a subclass of it, or a class that holds one"
        )
        raise StructureError(message) from None
    kind_of.cache_clear()


def register(
    cls: type[T],
    flatten: Callable[[T], tuple[Iterable[C], S]],
    unflatten: Callable[[S, Sequence[C]], T],
) -> None:
    """Make containers of the instances of a class that one cannot edit.

    A class of one's own takes the methods of `Container` instead. Attrs classes, dataclasses and
    named tuples need neither. Register a class before its instances are flattened: until then
    they are leaves. A subclass is registered by itself, because only its author knows how its
    instances are built; until then its instances are refused.

    Args:
        cls: The class. The pair of functions is kept on it, in one private attribute.
        flatten: Takes an instance; returns its children, and a static value that is hashable and
            compares by value (``None`` if there is nothing to say).
        unflatten: Takes the static value and the children; returns the instance, of exactly this
            class. The children may be of any type: it must not check or convert them.

    Raises:
        StructureError: If the class was registered or declared a leaf before, or is written in C
            and accepts no attributes.

    Example:
        >>> from pullback import tree
        >>> class Ratio:
        ...     def __init__(self, over, under):
        ...         self.over, self.under = over, under
        >>> tree.register(
        ...     Ratio, lambda r: ((r.over, r.under), None), lambda _, children: Ratio(*children)
        ... )
        >>> tree.leaves([Ratio(1.0, 2.0), 3.0])
        [1.0, 2.0, 3.0]
    """
    _mark(cls, registered_kind(cls, flatten, unflatten), "tree.register")


def leaf(cls: type[T]) -> type[T]:
    """Declare that the instances of a class are leaves, although the class is a record.

    For attrs classes, dataclasses and named tuples that are values, as a number is, rather than
    containers of values. Subclasses inherit it. Use it as a decorator, or call it for a class
    that one cannot edit.

    Args:
        cls: The class.

    Returns:
        The same class.

    Raises:
        StructureError: If the class was registered or declared a leaf before, or is written in C
            and accepts no attributes.

    Example:
        >>> from attrs import frozen
        >>> from pullback import tree
        >>> @tree.leaf
        ... @frozen
        ... class Version:
        ...     major: int
        ...     minor: int
        >>> tree.leaves([Version(1, 2), 3.0])
        [Version(major=1, minor=2), 3.0]
    """
    _mark(cls, None, "tree.leaf")
    return cls
