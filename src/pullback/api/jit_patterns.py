"""Patterns: how a call of a jitted function is recognised as one like an earlier one.

This is on the way of each call, and what is spelled out here is spelled out for speed: most of the
work is done by whole lists at once. What a pattern does not recognise is no error, but takes the
way through `jit_arguments`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from enum import Enum
from operator import itemgetter
from typing import Final, Literal, TypeAlias, TypeVar, final

import numpy as np
from attrs import frozen

from pullback.api.jit_arguments import Arguments
from pullback.api.jit_tracing import Traced, unshared
from pullback.core import Array, constant
from pullback.primitives.quantity import Value
from pullback.tree.classes import kind_of
from pullback.tree.kinds import Kind, Node, exact
from pullback.tree.mappings import Construction

R = TypeVar("R")


@final
class Answer(Enum):
    """What comes in place of a result."""

    DIFFERENT = "the arguments look different, or the trace is stale"


DIFFERENT: Final = Answer.DIFFERENT
Different: TypeAlias = Literal[Answer.DIFFERENT]
#: Computes a result from positional and keyword arguments, if they are recognised.
Recall: TypeAlias = Callable[[tuple[object, ...], Mapping[str, object]], R | Different]
#: The class of a leaf; of an array of ours the class of its value; of an ndarray shape and dtype.
Wanted: TypeAlias = tuple[
    type[Value], type[Value] | None, tuple[int, ...] | None, np.dtype[np.generic] | None
]
#: Opens a container of the right class into a list, and says whether it is as it was.
Opener: TypeAlias = Callable[[Value, list[object]], bool]
#: A place of a container and its class; the length of a tuple or list, or how to open another.
Place: TypeAlias = tuple[int, type[Value], int, Opener | None]
#: Takes the values at some places out of a row.
Picker: TypeAlias = Callable[[Sequence[Value]], Sequence[Value]]

#: Classes of values that are the same if they are equal.
_EXACT: Final = frozenset({str, int, bool, bytes})
_DEEP: Final = 32


@final
@frozen(eq=False, repr=False)
class Pattern:
    """What the arguments of a call looked like.

    The arguments stand in a list; containers are opened one after another to its end, where those
    that are in them are opened later. Numbers and arrays are picked from fixed places of the list.
    Whether something is a leaf is settled by its class, and classes are compared all at once.
    """

    count: int
    names: tuple[str, ...]
    containers: tuple[Place, ...]
    #: The places of what is no number and no array, and what it is.
    others: tuple[tuple[int, object], ...]
    pick: Picker
    #: For each number or array what it has to be.
    wanted: tuple[Wanted, ...]
    #: Whether some leaf is an array of ours.
    arrays: bool

    def recall(self, traced: Traced[R], earlier: Iterable[Pattern] = ()) -> Recall[R]:
        """Return the function that computes the result of a trace for arguments that look so.

        It is one function, of variables in place of attributes: each of these takes time. Native
        code compares classes, dtypes and shapes of what it reads; only where it refuses are they
        looked at here.

        Args:
            traced: The trace.
            earlier: Patterns that are looked at after this one. A number or array in which one
                differs is looked at before native code is called.
        """
        count, names, containers, others = self.count, self.names, self.containers, self.others
        pick, wanted, arrays = self.pick, self.wanted, self.arrays
        build: Callable[[list[Value]], R] = traced._build
        changed, executable = traced.captures.changed, traced.executable()
        run, donated = executable.run, traced.donated
        direct = None if donated else executable.direct()
        read = _reader([inner is not None for _, inner, _, _ in wanted])
        probes = sorted({place for other in earlier for place in self._differences(other)})
        probed = [wanted[place] for place in probes]

        def recall(args: tuple[object, ...], keywords: Mapping[str, object]) -> R | Different:
            if len(args) != count:
                return DIFFERENT
            found: Sequence[Value] = args
            if keywords or names:
                if tuple(keywords) != names:
                    return DIFFERENT
                found = (*args, *keywords.values())
            if containers:
                found = [*found]
                for place, cls, length, open_into in containers:
                    item = found[place]
                    if item.__class__ is not cls:
                        return DIFFERENT
                    if open_into is None:
                        if len(item) != length:
                            return DIFFERENT
                        found += item
                    elif not open_into(item, found):
                        return DIFFERENT
            for place, other in others:
                if not _same(found[place], other):
                    return DIFFERENT
            row = pick(found)
            if probes and _values([row[place] for place in probes], probed) is None:
                return DIFFERENT
            if changed() is not None:
                return DIFFERENT
            outputs = None if direct is None else direct(read(row))
            if outputs is None:
                values = _values(row, wanted)
                if values is None:
                    return DIFFERENT
                given_up = unshared(values, donated, arrays=arrays) if donated else ()
                outputs = run(values, given_up)
            return build([*map(constant, outputs)] if arrays else outputs)

        return recall

    def _differences(self, other: Pattern) -> list[int]:
        """Return which number or array has to be another one than in another pattern, the first."""
        if len(other.wanted) != len(self.wanted):
            return []
        pairs = enumerate(zip(self.wanted, other.wanted, strict=True))
        return [place for place, (a, b) in pairs if a != b][:1]


def _reader(ours: Sequence[bool]) -> Callable[[Sequence[Value]], list[Value]]:
    """Return the function that takes the values of numbers and arrays, known ones of ours.

    Where one is not what it has to be, there will be too few values.

    Args:
        ours: Which of them are arrays of ours.
    """
    if not any(ours):
        return list
    if all(ours):
        return lambda row: [
            leaf._value for leaf in row if leaf.__class__ is Array and not leaf.sources
        ]
    return lambda row: [
        leaf._value if own else leaf
        for leaf, own in zip(row, ours, strict=True)
        if (leaf.__class__ is Array and not leaf.sources) is own
    ]


def _values(row: Sequence[Value], wanted: Sequence[Wanted]) -> list[Value] | None:
    """Return the values of numbers and arrays; None if one is not as it has to be."""
    values: list[Value] = []
    for (kind, inner, shape, dtype), leaf in zip(wanted, row, strict=True):
        value = leaf
        if value.__class__ is not kind:
            return None
        if inner is not None:
            if value.sources:
                return None
            value = value._value
            if value.__class__ is not inner:
                return None
        if shape is not None:
            if value.shape != shape:
                return None
            if value.dtype is not dtype and value.dtype != dtype:
                return None
        values.append(value)
    return values


def _same(value: object, other: object) -> bool:
    """Return whether two static values are the same for a trace."""
    if value is other:
        return True
    kind = value.__class__
    if kind is not other.__class__ or value != other:
        return False
    return kind in _EXACT or exact(value) == exact(other)


def pattern_of(
    args: tuple[object, ...],
    keywords: Mapping[str, object],
    static: Callable[[int | str], bool],
    given: Arguments,
) -> Pattern | None:
    """Return the pattern of a call; None if there is none that recognises it for sure.

    Args:
        args: The positional arguments.
        keywords: The keyword arguments.
        static: Whether the argument at a position or of a name is static.
        given: The same arguments taken apart.
    """
    fixed = {i for i, place in enumerate([*range(len(args)), *keywords]) if static(place)}
    opened = _open([*args, *keywords.values()], _trails(len(args), keywords), fixed)
    if opened is None:
        return None
    found, leaves, containers = opened
    numeric = [leaves[number] for number in given.numbers]
    row: list[object] = [found[place] for place in numeric]
    rows = zip(row, given.numbers, given.values, strict=True)
    for leaf, number, value in rows:
        if leaf is not given.leaves[number]:  # of a class that makes its children anew
            return None
        if leaf is not value and leaf.__class__ is not Array:  # it had to be converted
            return None
    others = sorted(fixed.union(leaves).difference(numeric))
    return Pattern(
        len(args),
        tuple(keywords),
        tuple(containers),
        tuple([(place, found[place]) for place in others]),
        _picker(numeric),
        tuple(map(_wanted, row, given.values)),
        given.arrays,
    )


def _wanted(leaf: object, value: Value) -> Wanted:
    """Return what a leaf has to be in order to be like this one."""
    inner = value.__class__ if leaf.__class__ is Array else None
    if value.__class__ is np.ndarray:
        return leaf.__class__, inner, value.shape, value.dtype
    return leaf.__class__, inner, None, None


def _trails(count: int, keywords: Iterable[str]) -> list[tuple[int, ...]]:
    """Return where arguments stand in the order of `flatten`, as numbers of children."""
    order = sorted(keywords)
    return [*[(0, i) for i in range(count)], *[(1, order.index(name)) for name in keywords]]


def _open(
    found: list[object], trails: list[tuple[int, ...]], fixed: Container[int]
) -> tuple[list[object], list[int], list[Place]] | None:
    """Open all containers in a list.

    Args:
        found: The list; what is opened is appended to it.
        trails: Where each stands in the order of `flatten`: the children that lead to it.
        fixed: The places of what is not opened.

    Returns:
        The list, the places of the leaves in the order of `flatten`, and how containers are opened.
    """
    containers: list[Place] = []
    leaves: list[int] = []
    for place, item in enumerate(found):  # which grows
        kind = None if place in fixed else kind_of(type(item))
        if kind is not None:
            if len(trails[place]) > _DEEP:
                return None
            cls: type[Value] = type(item)
            if cls in {list, tuple}:
                children: Value = item
                containers.append((place, cls, len(children), None))
                trails.extend([(*trails[place], number) for number in range(len(children))])
                found += children
                continue
            opener, numbers = _opener(item, kind)
            containers.append((place, cls, 0, opener))
            trails.extend([(*trails[place], number) for number in numbers])
            if not opener(item, found) or len(found) != len(trails):
                return None
        elif place not in fixed:
            leaves.append(place)
    return found, sorted(leaves, key=trails.__getitem__), containers


def _picker(places: Sequence[int]) -> Picker:
    """Return the function that takes the values at some places."""
    if not places:
        return lambda row: ()
    first = places[0]
    if list(places) == list(range(first, first + len(places))):
        return itemgetter(slice(first, first + len(places)))
    return itemgetter(*places)


def _opener(container: Value, kind: Kind) -> tuple[Opener, Iterable[int]]:
    """Return how to open containers like this one, and the numbers of the children it gives."""
    cls = type(container)
    node, _ = kind.open(container)
    if cls is dict:
        number = {key: i for i, key in enumerate(node[2])}
        return _dict_opener(tuple(container)), [number[key] for key in container]
    if kind.fixed is not None:
        return _record_opener(kind.fixed[1]), range(node[1])
    return _other_opener(kind, node), range(node[1])


def _dict_opener(keys: tuple[object, ...]) -> Opener:
    def open_into(item: Value, found: list[object]) -> bool:
        if tuple(item) != keys:
            return False
        found += item.values()
        return True

    return open_into


def _record_opener(children: Callable[[object], Iterable[object]]) -> Opener:
    def open_into(item: Value, found: list[object]) -> bool:
        found += children(item)
        return True

    return open_into


def _other_opener(kind: Kind, like: Node) -> Opener:
    how = like[3]
    order = how.order if isinstance(how, Construction) else None

    def open_into(item: Value, found: list[object]) -> bool:
        node, children = kind.open(item)
        if node != like or (order is not None and node[3].order != order):  # type: ignore[attr-defined]
            return False
        found += children
        return True

    return open_into
