"""The containers of Python and pyrsistent: sequences, mappings and ``None``.

A mapping with plain keys is flattened in the order of its sorted keys, so that equal mappings have
equal structures; a ``dict`` is rebuilt in its own order of insertion. Only these exact classes,
and named tuples, are containers: how an instance of a subclass is made, nobody knows.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType, NoneType
from typing import Final, TypeVar, final

from attrs import field, frozen
from pyrsistent import PMap, PVector, pmap, pvector

from pullback.tree.kinds import Kind, Node, Opened, opener, show, take
from pullback.tree.paths import Attribute, Item

M = TypeVar("M", bound=Mapping[object, object])
D = TypeVar("D", bound=dict[object, object])

# ------------------------------------------------------------------------------------- sequences


def _sequence_kind(
    cls: type, make: Callable[[list[object]], object], opening: str, closing: str
) -> Kind:
    """Return the kind of a class of sequences, written between two brackets."""

    def open_sequence(container: Sequence[object]) -> Opened:
        return (cls, len(container), (), None), container

    def close(node: Node, stack: list[object]) -> object:
        return make(take(node[1], stack))

    def steps(node: Node) -> Iterable[Item]:
        return map(Item, range(node[1]))

    def write(node: Node, children: Sequence[str]) -> str:
        comma = "," if cls is tuple and len(children) == 1 else ""
        return f"{opening}{', '.join(children)}{comma}{closing}"

    def describe(node: Node, other: Node | None) -> str:
        return f"{cls.__name__} of {node[1]}"

    return Kind(cls, opener(open_sequence), close, steps, write, describe)


def _none_kind() -> Kind:
    """Return the kind of ``None``, a container without children."""
    node: Node = (NoneType, 0, (), None)
    return Kind(
        NoneType,
        open=lambda container: (node, ()),
        close=lambda node, stack: None,
        steps=lambda node: (),
        write=lambda node, children: "None",
        describe=lambda node, other: "None",
    )


def named_tuple_kind(cls: type) -> Kind | None:
    """Return the kind of a class of named tuples; ``None`` for any other class."""
    names: object = getattr(cls, "_fields", None)
    if not (issubclass(cls, tuple) and isinstance(names, tuple)):
        return None
    fields = tuple(map(str, names))
    node: Node = (cls, len(fields), (), None)

    def open_tuple(container: tuple[object, ...]) -> Opened:
        return node, container

    def close(node: Node, stack: list[object]) -> object:
        # Not `cls(...)`: a subclass may have a constructor of its own.
        return tuple.__new__(cls, take(node[1], stack))

    def steps(node: Node) -> Iterable[Attribute]:
        return map(Attribute, fields)

    def write(node: Node, children: Sequence[str]) -> str:
        return f"{cls.__qualname__}({', '.join(map('='.join, zip(fields, children, strict=True)))})"

    def describe(node: Node, other: Node | None) -> str:
        return f"{cls.__qualname__} with fields ({', '.join(fields)})"

    return Kind(cls, opener(open_tuple), close, steps, write, describe)


# -------------------------------------------------------------------------------------- mappings


@final
@frozen
class Construction:
    """What a dict is made with, besides its entries.

    Dicts are equal whatever the order in which their keys were inserted, and so are structures:
    the order takes no part in a comparison. It serves to rebuild a dict as it was.
    """

    order: tuple[object, ...] = field(eq=False)
    default_factory: Callable[[], object] | None = None


def _sorted(keys: Iterable[object]) -> tuple[object, ...] | None:
    """Return the keys in ascending order, or ``None`` where some do not compare."""
    try:
        return tuple(sorted(keys))  # type: ignore[type-var] # to compare is how one finds out
    except TypeError:
        return None


def _by_text(keys: Iterable[object]) -> tuple[object, ...]:
    """Return the keys in ascending order of their types' names and their ``repr``."""
    return tuple(sorted(keys, key=lambda key: (type(key).__qualname__, repr(key))))


def _mapping_kind(
    cls: type,
    open_mapping: Callable[[M], Opened],
    make: Callable[[Node, dict[object, object]], object],
    frame: Callable[[Node, str], str],
) -> Kind:
    """Return the kind of a class of mappings, whose nodes have the keys as their values.

    ``make`` turns a dict in the order of flattening into a mapping of the class, and ``frame``
    completes the text ``{...}`` of its entries.
    """

    def close(node: Node, stack: list[object]) -> object:
        return make(node, dict(zip(node[2], take(node[1], stack), strict=True)))

    def steps(node: Node) -> Iterable[Item]:
        return map(Item, node[2])

    def write(node: Node, children: Sequence[str]) -> str:
        entries = (f"{key!r}: {text}" for key, text in zip(node[2], children, strict=True))
        return frame(node, f"{{{', '.join(entries)}}}")

    def describe(node: Node, other: Node | None) -> str:
        if other is None or other[0] is not cls or set(node[2]) == set(other[2]):
            return write(node, ["*"] * node[1])
        own = [repr(key) for key in node[2] if key not in other[2]]
        noun = "key" if len(own) == 1 else "keys"
        return (
            f"{cls.__name__} with the {noun} {', '.join(own)}" if own else f"{cls.__name__} without"
        )

    return Kind(cls, opener(open_mapping), close, steps, write, describe)


def _dict_kind(
    cls: type[D],
    factory: Callable[[D], Callable[[], object] | None],
    make: Callable[[Construction, dict[object, object]], object],
    frame: Callable[[Construction, str], str],
) -> Kind:
    """Return the kind of `dict` or `defaultdict`, which differ in how they are made."""

    def construction(node: Node) -> Construction:
        assert isinstance(node[3], Construction)
        return node[3]

    def open_dict(container: D) -> Opened:
        order = tuple(container)
        keys = _sorted(order) or order
        node = (cls, len(keys), keys, Construction(order, factory(container)))
        return node, [container[key] for key in keys]

    def make_in_order(node: Node, entries: dict[object, object]) -> object:
        how = construction(node)
        return make(how, {key: entries[key] for key in how.order})

    return _mapping_kind(
        cls, open_dict, make_in_order, lambda node, text: frame(construction(node), text)
    )


def _ordered_dict_kind() -> Kind:
    """Return the kind of `OrderedDict`, to which the order of insertion belongs."""

    def open_ordered_dict(container: OrderedDict[object, object]) -> Opened:
        return (OrderedDict, len(container), tuple(container), None), container.values()

    return _mapping_kind(
        OrderedDict,
        open_ordered_dict,
        make=lambda node, entries: OrderedDict(entries),
        frame=lambda node, text: f"OrderedDict({text})",
    )


def _pmap_kind() -> Kind:
    """Return the kind of `PMap`, whose own order depends on the seed of the hashes."""

    def open_pmap(container: PMap[object, object]) -> Opened:
        keys = _sorted(container) or _by_text(container)
        return (PMap, len(keys), keys, None), [container[key] for key in keys]

    return _mapping_kind(
        PMap,
        open_pmap,
        make=lambda node, entries: pmap(entries),
        frame=lambda node, text: f"pmap({text})",
    )


_PVECTOR: Final = _sequence_kind(PVector, pvector, "pvector([", "])")

BUILT_IN: Final[Mapping[type, Kind]] = MappingProxyType(
    {
        NoneType: _none_kind(),
        tuple: _sequence_kind(tuple, tuple, "(", ")"),
        list: _sequence_kind(list, list, "[", "]"),
        dict: _dict_kind(
            dict, lambda _: None, lambda how, entries: entries, lambda how, text: text
        ),
        defaultdict: _dict_kind(
            defaultdict,
            factory=lambda container: container.default_factory,
            make=lambda how, entries: defaultdict(how.default_factory, entries),
            frame=lambda how, text: f"defaultdict({show(how.default_factory)}, {text})",
        ),
        OrderedDict: _ordered_dict_kind(),
        PMap: _pmap_kind(),
        # `PVector` is abstract; the concrete class is written in C where there was a compiler.
        PVector: _PVECTOR,
        type(pvector()): _PVECTOR,
    }
)
