"""Which classes are containers: the one question that flattening asks of each object."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from types import MappingProxyType, NoneType
from typing import (
    TYPE_CHECKING,
    Final,
    TypeVar,
    cast,  # noqa: TID251 - `register` forgets T
)

from pullback.errors import StructureError
from pullback.lazy import lazy
from pullback.tree.kinds import Kind
from pullback.tree.mappings import DefaultDictKind, DictKind, OrderedDictKind, PMapKind
from pullback.tree.records import record_kind
from pullback.tree.registrations import MARK, RegisteredKind, method_kind
from pullback.tree.sequences import (
    ListKind,
    NoneKind,
    PVectorKind,
    TupleKind,
    named_tuple_kind,
)

if TYPE_CHECKING:
    import pyrsistent
else:
    pyrsistent = lazy("pyrsistent")

T = TypeVar("T")
C = TypeVar("C")
S = TypeVar("S")


_BUILT_IN: Final[Mapping[type, Kind]] = MappingProxyType(
    {
        NoneType: NoneKind(),
        tuple: TupleKind(),
        list: ListKind(),
        dict: DictKind(),
        defaultdict: DefaultDictKind(),
        OrderedDict: OrderedDictKind(),
    }
)


def _kind_of(cls: type) -> Kind | None:
    """Return how the instances of a class are taken apart; ``None`` if they are leaves.

    Whoever asks hands the kind only instances of that class.
    """
    return _BUILT_IN.get(cls) or _persistent_kind(cls) or _declared_kind(cls)


def _persistent_kind(cls: type) -> Kind | None:
    """Return the kind of pyrsistent's vectors and maps; the package loads when one is met."""
    if cls.__module__.partition(".")[0] not in {"pyrsistent", "pvectorc"}:
        return None
    if cls is pyrsistent.PMap:
        return PMapKind()
    # `PVector` is abstract; the concrete class is written in C where there was a compiler.
    vectors: tuple[type, ...] = (pyrsistent.PVector, type(pyrsistent.pvector()))
    return PVectorKind() if cls in vectors else None


# Bounded, so that classes made on the fly do not stay for ever.
_cached_kind_of: Final = lru_cache(maxsize=4096)(_kind_of)
kind_of: Final[Callable[[type], Kind | None]] = _cached_kind_of


def _declared_kind(cls: type) -> Kind | None:
    """Return what is said of a class, else what its methods say, else what it inherits."""
    own: RegisteredKind | None = vars(cls).get(MARK)
    if MARK in vars(cls) and (own is None or own.cls is cls):
        return own
    by_methods = method_kind(cls)
    if by_methods is not None:
        return by_methods
    for base in cls.__mro__:
        if MARK in vars(base):
            _refuse_container(cls, base)
            return None
    # The members of an enumeration are what they are, even if a dataclass is mixed in.
    return None if issubclass(cls, Enum) else record_kind(cls) or named_tuple_kind(cls)


def _refuse_container(cls: type, base: type) -> None:
    """Let a class inherit from a leaf, but not from a container: it would be rebuilt as that."""
    if vars(base)[MARK] is not None:
        message = (
            f"tree: {cls.__qualname__} derives from {base.__qualname__}, which is registered as a "
            "container, and is not registered itself; call tree.register for it too, or declare "
            "it a leaf with tree.leaf"
        )
        raise StructureError(message)


def _mark(cls: type, kind: RegisteredKind | None, operation: str) -> None:
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
    _cached_kind_of.cache_clear()


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
    kind = RegisteredKind(
        cls,
        cast("Callable[[object], object]", flatten),  # they are handed nothing else than
        cast("Callable[[object, Sequence[object]], object]", unflatten),  # what they return
    )
    _mark(cls, kind, "tree.register")


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
