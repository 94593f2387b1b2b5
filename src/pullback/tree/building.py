"""Building trees of one structure many times: what `unflatten` finds out anew is found out once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import TypeAlias, TypeVar

from pullback.tree.kinds import Kind, Node
from pullback.tree.mappings import Construction
from pullback.tree.structures import Structure, node_kind

T = TypeVar("T")
#: Takes the children of a container out of a list, as a tuple.
Getter: TypeAlias = Callable[[list[object]], tuple[object, ...]]
#: Makes a container of its children; None where these are it.
Maker: TypeAlias = Callable[[tuple[object, ...]], object] | None


def builder(structure: Structure[T]) -> Callable[[list[object]], T]:
    """Return the function that does what `unflatten` does for one structure.

    Args:
        structure: The structure.

    Returns:
        A function of a list of as many leaves as the structure has, which becomes its own.

    Example:
        >>> from pullback import tree
        >>> from pullback.tree.building import builder
        >>> build = builder(tree.structure({"w": (1.0, 2.0), "b": [3.0]}))
        >>> build([3.0, 1.0, 2.0])
        {'w': (1.0, 2.0), 'b': [3.0]}
    """
    nodes, leaves = structure.nodes, structure.num_leaves
    if nodes[0] is not None and nodes[1:] == (None,) * leaves:  # one container
        if nodes[0][0] is list:
            return lambda row: row  # type: ignore[return-value] # the structure stands for the type
        if nodes[0][0] is tuple:
            return tuple  # type: ignore[return-value] # the same
    # Each container is appended to the list of leaves, after all that are in it.
    plan: list[tuple[Getter, Maker]] = []
    places: list[int] = []  # of what was met and is in no container yet, the first uppermost
    leaf, end = leaves, leaves
    for node in reversed(nodes):
        if node is None:
            leaf -= 1
            places.append(leaf)
            continue
        children = [places.pop() for _ in range(node[1])]
        plan.append(_step(node, children))
        places.append(end)
        end += 1
    last = places[0]

    def build(row: list[object]) -> T:
        append = row.append
        for get, make in plan:
            children = get(row)
            append(children if make is None else make(children))
        return row[last]  # type: ignore[return-value] # the structure stands for the type

    return build


def _step(node: Node, children: Sequence[int]) -> tuple[Getter, Maker]:
    """Return how to make a container of what stands at some places of a list."""
    cls, how = node[0], node[3]
    if cls is tuple:
        return _getter(children), None
    if cls is list:
        return _getter(children), list
    if cls is dict and isinstance(how, Construction):
        place = dict(zip(node[2], children, strict=True))
        return _getter([place[key] for key in how.order]), partial(_dict, how.order)
    return _getter(children), partial(_other, node_kind(node), node)


def _getter(places: Sequence[int]) -> Getter:
    """Return the function that takes what stands at some places of a list."""
    match places:
        case []:
            return lambda row: ()
        case [place]:
            return lambda row: (row[place],)
        case _:
            return itemgetter(*places)


def _dict(keys: tuple[object, ...], values: tuple[object, ...]) -> object:
    return dict(zip(keys, values, strict=True))


def _other(kind: Kind, node: Node, children: tuple[object, ...]) -> object:
    return kind.close(node, list(reversed(children)))
