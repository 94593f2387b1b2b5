"""Captured values as they were: what is kept of each, and how two such notes differ.

A number is compared by class and value (nan is nan, 0.0 is not -0.0), an array by its contents:
it may change in place. What is only known to be an object is compared by identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from operator import is_
from types import EllipsisType, NoneType, NotImplementedType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final  # noqa: TID251 - of any dtype

import numpy as np
from attrs import frozen

from pullback.core import Array
from pullback.lazy import lazy
from pullback.types import ArrayType

if TYPE_CHECKING:
    import hashlib
else:
    hashlib = lazy("hashlib")

AnyArray: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[Any]]

_COPIED: Final = 1 << 28  # bytes; of a larger array only a digest is kept
_SHOWN: Final = 60  # characters of a value in a message


@final
class Missing(Enum):
    """What stands for a name that is not bound."""

    MISSING = auto()


MISSING: Final = Missing.MISSING

#: Classes whose instances never change, and are the same if they are equal.
ATOMS: Final = frozenset(
    {bool, int, float, complex, str, bytes, range, NoneType, EllipsisType, NotImplementedType}
    | {Missing}
)


@final
@frozen(eq=False, repr=False)
class Content:
    """An array with its elements as they were."""

    array: AnyArray
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    #: The bytes of one that can be written to, or their digest.
    data: bytearray | bytes | None
    #: Whose array it is: itself, but for what only becomes an array.
    owner: object
    #: Whether its memory can be compared as it lies.
    plain: bool

    def holds(self) -> bool:
        """Return whether the array is as it was."""
        array, data = self.array, self.data
        if array.shape != self.shape or array.dtype is not self.dtype:
            return False
        if data.__class__ is bytearray:
            # It compares with any buffer that lies in one piece at the speed of memory.
            return bytearray.__eq__(data, array if self.plain else _bytes(array)) is True
        return data is None or data == _digest(array)

    def same(self, other: Content) -> bool:
        """Return whether two arrays were equal, bit for bit."""
        if self.shape != other.shape or self.dtype != other.dtype:
            return False
        return self._kept() == other._kept()

    def _kept(self) -> bytearray | bytes:
        return _keep(self.array) if self.data is None else self.data


def note(array: AnyArray, owner: object = None) -> Content:
    """Return an array with its elements, those of one that can change copied.

    Args:
        array: The array.
        owner: What became this array, if it is not itself what was found.
    """
    data = None if _read_only(array) else _keep(array)
    plain = array.flags.c_contiguous and array.dtype.kind not in "Mm"  # times are no buffers
    return Content(array, array.shape, array.dtype, data, array if owner is None else owner, plain)


def _read_only(array: AnyArray) -> bool:
    """Return whether nothing can write to the memory of an array."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return False
        owner = owner.base
    return owner is None or isinstance(owner, bytes)


def _bytes(array: AnyArray) -> AnyArray:
    """Return the elements in row-major order, as bytes."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _keep(array: AnyArray) -> bytearray | bytes:
    """Return what is kept of the elements of an array that may change."""
    return bytearray(_bytes(array)) if array.nbytes <= _COPIED else _digest(array)


def _digest(array: AnyArray) -> bytes:
    return hashlib.blake2b(_bytes(array).data).digest()


@final
class Kind(Enum):
    """How two notes are compared."""

    ATOM = auto()  # by class and value
    ATOMS = auto()  # a sequence of such
    SHAPE = auto()  # a text and what else there is to know of a container, by value
    CONTENT = auto()  # an array
    NODE = auto()  # an array of ours
    OBJECT = auto()  # by identity
    SEEN = auto()  # what stands elsewhere, too: the number of its mark


#: Of one captured thing: where it was found, how it is compared, and what it was.
Mark: TypeAlias = tuple["Place", Kind, Any]


@final
@frozen(eq=False, repr=False)
class Place:
    """Where a value was found: the root, as in a sentence, with the steps to it."""

    before: str
    path: str
    after: str = ""

    def child(self, step: str) -> Place:
        """Return the place of a part."""
        return Place(self.before, self.path + step, self.after)

    def __str__(self) -> str:
        return f"{self.before}`{self.path}`{self.after}"


def difference(old: Sequence[Mark], new: Sequence[Mark]) -> str | None:
    """Return what is no longer as it was, as a line for a reader; None if all is the same."""
    if len(old) == len(new) and all(map(_agree, old, new)):
        return None
    before, after = _by_place(old), _by_place(new)
    common = [(mark, after[place]) for place, mark in before.items() if place in after]
    came = [
        ((mark[0], Kind.ATOM, MISSING), mark)
        for place, mark in after.items()
        if place not in before
    ]
    went = [
        (mark, (mark[0], Kind.ATOM, MISSING))
        for place, mark in before.items()
        if place not in after
    ]
    differing = [pair for pair in (*common, *came, *went) if not _agree(*pair)]
    return (
        _describe(*differing[0]) if differing else "what one name stands for, others no longer do"
    )


def _by_place(marks: Sequence[Mark]) -> dict[tuple[str, int], Mark]:
    """Return marks by their place, and their number among those of one place."""
    found: dict[tuple[str, int], Mark] = {}
    number: dict[str, int] = {}
    for mark in marks:
        if mark[1] is not Kind.SEEN:
            place = str(mark[0])
            number[place] = number.get(place, -1) + 1
            found[place, number[place]] = mark
    return found


def _agree(mark: Mark, other: Mark) -> bool:
    return mark[1] is other[1] and _same(mark[1], mark[2], other[2])


def same_atom(a: object, b: object) -> bool:
    """Return whether two numbers or strings, or the like, are the same to any function."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.generic):
        assert isinstance(b, np.generic)
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, (float, complex)):
        return repr(a) == repr(b)
    return a == b


def _same(kind: Kind, a: Any, b: Any) -> bool:  # noqa: ANN401 - what the kind says
    match kind:
        case Kind.ATOM:
            return same_atom(a, b)
        case Kind.ATOMS:
            (text, parts), (other, others) = a, b
            if text != other or len(parts) != len(others):
                return False
            return all(map(is_, parts, others)) or all(map(same_atom, parts, others))
        case Kind.SHAPE | Kind.SEEN:
            return bool(a == b)
        case Kind.CONTENT:
            assert isinstance(a, Content)
            return a.same(b)
        case Kind.NODE:
            return _same_node(a, b)
        case Kind.OBJECT:
            return a is b


def _same_node(a: Array, b: Array) -> bool:
    """Return whether two arrays of ours are one, or constants that are equal bit for bit."""
    if a is b:
        return True
    if a.sources or b.sources or a.type != b.type or isinstance(a._value, ArrayType):
        return False
    x, y = a._value, b._value
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return note(x).same(note(y))
    return same_atom(x, y)


def _describe(old: Mark, new: Mark) -> str:
    """Return the line about a place where two marks differ."""
    (place, kind, was), (_, other, now) = old, new
    if kind is other is Kind.ATOMS:
        for number, (a, b) in enumerate(zip(was[1], now[1], strict=False)):
            if not same_atom(a, b):
                return f"{place.child(f'[{number}]')} was {_show(a)} and is {_show(b)}"
    if kind is other is Kind.CONTENT and was.owner is now.owner:
        return f"{place} was changed in place"
    before, after = _phrase(kind, was), _phrase(other, now)
    return f"{place} was {before} and is {after if after != before else 'another'}"


def _phrase(kind: Kind, value: Any) -> str:  # noqa: ANN401 - what the kind says
    """Return what a message calls a value."""
    match kind:
        case Kind.ATOM:
            return _show(value)
        case Kind.ATOMS:
            return f"{value[0]} of {len(value[1])}"
        case Kind.SHAPE:
            return str(value[0])
        case Kind.SEEN:
            return "what stands elsewhere, too"
        case Kind.CONTENT:
            return f"an ndarray, {ArrayType(value.shape, value.dtype)}"
        case Kind.NODE:
            return f"an Array, {value.type}"
        case Kind.OBJECT:
            return f"an object of class {type(value).__qualname__}"


def _show(value: object) -> str:
    """Return the text of an atom."""
    if value is MISSING:
        return "not there"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
