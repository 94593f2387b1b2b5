"""A tree as its leaves and its structure, and back.

Both directions are loops with a stack of their own, so a tree may be as deep as memory allows.
They run on every call of every transform; what is spelled out here is spelled out for speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias, TypeVar

from pullback.errors import StructureError
from pullback.tree.classes import kind_of
from pullback.tree.kinds import Node
from pullback.tree.paths import Path
from pullback.tree.structures import LEAF, Structure, leaf_path, node_kind

T = TypeVar("T")
IsLeaf: TypeAlias = Callable[[object], bool]

_new: Final = object.__new__
_set_nodes: Final = vars(Structure)["nodes"].__set__
_set_num_leaves: Final = vars(Structure)["num_leaves"].__set__
_SUSPICIOUS_DEPTH: Final = 1000  # only a tree this deep is searched for cycles


def flatten(
    tree: T, *, is_leaf: Callable[[object], bool] | None = None
) -> tuple[list[object], Structure[T]]:
    """Take a tree apart into its leaves and its structure.

    The containers are attrs classes, dataclasses, named tuples, tuples, lists, dicts (`dict`,
    `OrderedDict`, `defaultdict`), `PVector`, `PMap`, ``None`` (which has no leaves), and classes
    that flatten themselves (`Container`) or are registered (`register`). Every other object is a
    leaf. Leaves come from left to right: fields as declared, sequences by index, mappings in
    ascending order of their keys if these compare (otherwise a dict in its own order, a `PMap` by
    the keys' type and ``repr``), an `OrderedDict` in its own order.

    ``unflatten(*reversed(flatten(x)))`` equals ``x``.

    Args:
        tree: Any object. It may be of any depth; what occurs in it twice is visited twice.
        is_leaf: Called with each container before it is taken apart; where it returns true, the
            container is a leaf, and passes whole.

    Returns:
        The list of the leaves, and the structure.

    Raises:
        StructureError: If a container contains itself, or is of a class that cannot be rebuilt
            (see `register`).

    Example:
        >>> flatten({"w": (1.0, 2.0), "b": [3.0]})
        ([3.0, 1.0, 2.0], {'b': [*], 'w': (*, *)})
        >>> flatten({"w": (1.0, 2.0)}, is_leaf=lambda x: isinstance(x, tuple))
        ([(1.0, 2.0)], {'w': *})
    """
    if is_leaf is None and kind_of(type(tree)) is None:
        return [tree], LEAF
    leaves: list[object] = []
    nodes: list[Node | None] = []
    leaf_class: type | None = None  # of the last leaf: the next is likely to be of the same
    siblings: Iterator[object] = iter((tree,))
    unfinished: list[Iterator[object]] = []
    limit = _SUSPICIOUS_DEPTH
    while True:
        for item in siblings:
            cls = type(item)
            if cls is leaf_class:
                leaves.append(item)
                nodes.append(None)
                continue
            kind = kind_of(cls)
            if kind is None or (is_leaf is not None and is_leaf(item)):
                leaves.append(item)
                nodes.append(None)
                leaf_class = cls if kind is None else None
                continue
            if kind.fixed is not None:
                node, get_children = kind.fixed
                children = get_children(item)
            else:
                node, children = kind.open(item)
            nodes.append(node)
            unfinished.append(siblings)
            siblings = iter(children)
            if len(unfinished) > limit:
                _refuse_cycle(tree, is_leaf)
                limit *= 10
            break
        else:
            if not unfinished:
                # `Structure(tuple(nodes), len(leaves))`, in half the time
                result: Structure[T] = _new(Structure)
                _set_nodes(result, tuple(nodes))
                _set_num_leaves(result, len(leaves))
                return leaves, result
            siblings = unfinished.pop()


def _refuse_cycle(tree: object, is_leaf: IsLeaf | None) -> None:
    """Raise if some container in the tree contains itself."""
    siblings: Iterator[object] = iter((tree,))
    unfinished: list[tuple[Iterator[object], int]] = []
    open_ids: set[int] = set()  # of the containers from the root to where the walk is
    while True:
        for item in siblings:
            kind = kind_of(type(item))
            if kind is None or (is_leaf is not None and is_leaf(item)):
                continue
            if id(item) in open_ids:
                name = type(item).__qualname__
                message = f"tree.flatten: a {name} contains itself, so the tree has no end"
                raise StructureError(message)
            open_ids.add(id(item))
            unfinished.append((siblings, id(item)))
            siblings = iter(kind.open(item)[1])
            break
        else:
            if not unfinished:
                return
            siblings, identity = unfinished.pop()
            open_ids.discard(identity)


def unflatten(structure: Structure[T], leaves: Iterable[object]) -> T:
    """Build the tree with a given structure and given leaves: the inverse of `flatten`.

    Records are made without their ``__init__``, so leaves of any type will do; the type ``T`` of
    the result is what it says if each leaf has the type of the one it replaces.

    Args:
        structure: The structure, from `flatten` or `structure`.
        leaves: As many leaves as the structure has, in the order of `flatten`.

    Returns:
        A new tree.

    Raises:
        StructureError: If there are too few leaves or too many.

    Example:
        >>> _, treedef = flatten({"w": (1.0, 2.0), "b": [3.0]})
        >>> unflatten(treedef, "abc")
        {'w': ('b', 'c'), 'b': ['a']}
    """
    remaining = list(leaves)
    if len(remaining) != structure.num_leaves:
        raise _wrong_number(structure, len(remaining))
    # Backwards, so that a container comes after its children, the first of them on top.
    stack: list[object] = []
    for node in reversed(structure.nodes):
        if node is None:
            stack.append(remaining.pop())
        else:
            kind = kind_of(node[0]) or node_kind(node)
            stack.append(kind.close(node, stack))
    return stack[0]  # type: ignore[return-value] # the structure stands for the type


def _wrong_number(structure: Structure[object], given: int) -> StructureError:
    """Return the error of `unflatten` about too few or too many leaves."""
    wanted = structure.num_leaves
    noun = "leaf" if wanted == 1 else "leaves"
    message = f"tree.unflatten: the structure has {wanted} {noun}, not {given}"
    if given < wanted:
        message += f"; the first that is missing is {leaf_path(structure, given).place}"
    return StructureError(message)


def leaves(tree: object, *, is_leaf: Callable[[object], bool] | None = None) -> list[object]:
    """Return the leaves of a tree, from left to right.

    Args:
        tree: Any object; `flatten` says what is a container and in which order leaves come.
        is_leaf: As in `flatten`.

    Returns:
        A new list.

    Raises:
        StructureError: As `flatten` does.

    Example:
        >>> leaves([1.0, (2.0, None), {"b": 3.0}])
        [1.0, 2.0, 3.0]
    """
    return flatten(tree, is_leaf=is_leaf)[0]


def structure(tree: T, *, is_leaf: Callable[[object], bool] | None = None) -> Structure[T]:
    """Return the structure of a tree: what is left of it without its leaves.

    Args:
        tree: Any object; `flatten` says what is a container.
        is_leaf: As in `flatten`.

    Returns:
        The structure; see `Structure`.

    Raises:
        StructureError: As `flatten` does.

    Example:
        >>> structure([1.0, (2.0, None)])
        [*, (*, None)]
    """
    return flatten(tree, is_leaf=is_leaf)[1]


def flatten_with_path(
    tree: T, *, is_leaf: Callable[[object], bool] | None = None
) -> tuple[list[tuple[Path, object]], Structure[T]]:
    """Take a tree apart into its leaves, each with its path, and its structure.

    Args:
        tree: Any object; `flatten` says what is a container and in which order leaves come.
        is_leaf: As in `flatten`.

    Returns:
        The list of pairs of path and leaf, and the structure.

    Raises:
        StructureError: As `flatten` does.

    Example:
        >>> pairs, treedef = flatten_with_path({"w": [1.0, 2.0]})
        >>> [(str(path), leaf) for path, leaf in pairs]
        [("['w'][0]", 1.0), ("['w'][1]", 2.0)]
        >>> treedef
        {'w': [*, *]}
    """
    values, treedef = flatten(tree, is_leaf=is_leaf)
    return list(zip(treedef.paths(), values, strict=True)), treedef


def leaves_with_path(
    tree: object, *, is_leaf: Callable[[object], bool] | None = None
) -> list[tuple[Path, object]]:
    """Return the leaves of a tree, from left to right, each with its path.

    Args:
        tree: Any object; `flatten` says what is a container and in which order leaves come.
        is_leaf: As in `flatten`.

    Returns:
        A new list of pairs of path and leaf.

    Raises:
        StructureError: As `flatten` does.

    Example:
        >>> for path, leaf in leaves_with_path([1.0, {"b": 2.0}]):
        ...     print(path, leaf)
        [0] 1.0
        [1]['b'] 2.0
    """
    return flatten_with_path(tree, is_leaf=is_leaf)[0]
