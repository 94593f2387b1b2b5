"""What a program does as bytes: the same in every process, for equal programs alone.

Names, signatures and fields that take no part in comparisons are left out. Python functions, and
what else has no canonical form, stand as numbers and are given beside the bytes.
"""

from __future__ import annotations

import hashlib
import marshal
from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final, final

import numpy as np
from attrs import frozen

from pullback.core.program import Program
from pullback.lazy import lazy
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.types import ArrayType, Bundle

if TYPE_CHECKING:
    from pullback.primitives import windows
else:
    windows = lazy("pullback.primitives.windows")

#: What `marshal` writes in one way; not so strings, of which it marks those that are interned.
_PLAIN: Final = frozenset({type(None), bool, int, float, complex})
#: The last format without references: they depend on identities.
_FORMAT: Final = 2
_LONG: Final = 32  # bytes: the hash of an array that has more stands for it


@final
@frozen
class Content:
    """What a program does; it is equal for programs that do the same."""

    #: A hash (SHA-256) of what has a canonical form.
    digest: bytes
    #: What has none, in the order in which it occurs.
    objects: tuple[object, ...]


def content(program: Program) -> Content:
    """Return what a program does."""
    writer = _Writer()
    tree: Value = writer.program(program)
    return Content(hashlib.sha256(marshal.dumps(tree, _FORMAT)).digest(), tuple(writer.objects))


def foreign(primitive: Primitive, known: Iterable[int]) -> bool:
    """Return whether a primitive holds something that has no canonical form.

    Args:
        primitive: It, and the programs that it holds, are looked at.
        known: The identities of primitives that are not looked at.
    """
    writer = _Writer(known)
    writer.primitive(primitive)
    return bool(writer.objects)


@final
class _Writer:
    """Makes trees of tuples; each begins with its kind, so that what differs looks different.

    It goes down into the programs that primitives hold, never along a graph.
    """

    def __init__(self, known: Iterable[int] = ()) -> None:
        #: What has no canonical form, and its number: what is equal is one.
        self.objects: dict[object, int] = {}
        #: By identity, or that of the class of those without fields: the program holds them.
        self._primitives: dict[int, object] = dict.fromkeys(known, b"known")
        self._types: dict[int, object] = {}
        self._classes: dict[type, bytes] = {}

    def program(self, program: Program) -> object:
        rows = [numbers for _, numbers in program.steps]
        different = {id(type_): type_ for type_ in program.types}
        types = {key: self._type(type_) for key, type_ in different.items()}
        return (
            b"program",
            tuple(map(self._type, program.inputs)),
            tuple(map(self._of, program.constants)),
            *_numbered(self._primitives_of(program)),
            *_numbered([types[id(type_)] for type_ in program.types]),
            array("q", map(len, rows)).tobytes(),
            array("q", chain.from_iterable(rows)).tobytes(),
            program.outputs,
        )

    def _primitives_of(self, program: Program) -> list[Value]:
        primitives = [primitive for primitive, _ in program.steps]
        keys = [id(p) if p.__match_args__ else id(p.__class__) for p in primitives]
        different = dict(zip(keys, primitives, strict=True))
        trees = {key: self.primitive(primitive) for key, primitive in different.items()}
        return [trees[key] for key in keys]

    def primitive(self, primitive: Primitive) -> object:
        key = id(primitive) if primitive.__match_args__ else id(primitive.__class__)
        found = self._primitives.get(key)
        if found is None:
            found = self._primitives[key] = self._record(primitive)
        return found

    def _type(self, type_: ArrayType) -> object:
        found = self._types.get(id(type_))
        if found is None:
            found = self._types[id(type_)] = self._record(type_)
        return found

    def _record(self, record: Primitive | ArrayType | windows.Relation) -> object:
        """Return the tree of what compares by class and fields."""
        names: tuple[str, ...] = record.__match_args__
        fields = [self._of(getattr(record, name)) for name in names]
        return b"record", self._class(record), tuple(fields)

    def _of(self, value: Value) -> object:
        """Return the tree of a constant or a static parameter."""
        kind = value.__class__
        if kind in _PLAIN:
            return value
        if kind is tuple and _PLAIN.issuperset(map(type, value)):  # as most are
            return b"plain", value
        if kind is ArrayType:
            return self._type(value)
        match value:
            case tuple():
                return b"tuple", self._class(value), tuple(map(self._of, value))
            case str():
                return b"string", value.encode()
            case slice():
                return b"slice", *map(self._of, (value.start, value.stop, value.step))
            case np.dtype():
                return b"dtype", value.str.encode()
            case np.ndarray() | np.generic():
                dtype = value.dtype.str.encode()
                return b"array", self._class(value), dtype, value.shape, _bytes(value)
            case Bundle():
                return b"bundle", *map(self._of, value.parts)
            case Program():
                return self.program(value)
            case Primitive() | windows.Relation():
                return self._record(value)
            case _:
                return self._object(value)

    def _object(self, value: object) -> object:
        number = self.objects.setdefault(_comparable(value), len(self.objects))
        return b"object", number, self._class(value)

    def _class(self, value: object) -> bytes:
        kind = type(value)
        found = self._classes.get(kind)
        if found is None:
            found = self._classes[kind] = f"{kind.__module__}.{kind.__qualname__}".encode()
        return found


def _numbered(trees: Sequence[Value]) -> tuple[tuple[bytes, ...], bytes]:
    """Return the different ones among trees, in canonical form, and the number of each tree."""
    distinct = {id(tree): tree for tree in trees}
    found: dict[bytes, int] = {}
    numbers = {
        key: found.setdefault(marshal.dumps(tree, _FORMAT), len(found))
        for key, tree in distinct.items()
    }
    return tuple(found), array("q", [numbers[id(tree)] for tree in trees]).tobytes()


@final
class _Identity:
    """An object that equals itself alone, and that lives as long as this does."""

    __slots__ = ("_object",)

    def __init__(self, object_: object) -> None:
        self._object = object_

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self._object is other._object

    def __hash__(self) -> int:
        return id(self._object)


def _comparable(value: object) -> object:
    """Return an object, or what stands for its identity where it has no hash."""
    try:
        hash(value)
    except TypeError:
        return _Identity(value)
    return value


def _bytes(value: Value) -> bytes:
    """Return the bytes of an array or NumPy scalar, or their hash if they are many."""
    if value.nbytes <= _LONG:
        whole: bytes = value.tobytes()
        return whole
    array: Value = np.ascontiguousarray(value)
    return hashlib.sha256(array).digest()
