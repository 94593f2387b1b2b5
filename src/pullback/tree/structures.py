"""The structure of a tree: the tree without its leaves, as a value.

A structure lists the nodes of the tree in preorder (a container, then its children from left to
right), with ``None`` for a leaf. A flat tuple compares, hashes and pickles without recursion, and
the first difference between two of them is the first place where the trees differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import eq
from typing import Final, Generic, Never, TypeVar, final

from attrs import frozen

from pullback.errors import StructureError
from pullback.tree.classes import kind_of
from pullback.tree.kinds import Kind, Node
from pullback.tree.mappings import Construction
from pullback.tree.paths import Path, Step, path_of

T_co = TypeVar("T_co", covariant=True)


@final
@frozen(eq=False, repr=False)
class Structure(Generic[T_co]):
    """What is left of a tree of type ``T`` when each leaf is replaced by ``*``.

    `flatten` makes one; nobody else need. Structures are immutable, hash and compare by value
    (two dicts that differ in the order of insertion have the same structure), and pickle if their
    classes and static values do. Static values must hash, and compare to a truth value; numbers
    among them are equal only if of the same type, so ``1``, ``1.0`` and ``True`` differ.

    Example:
        >>> from pullback import tree
        >>> tree.structure({"w": [1.0, 2.0], "b": None})
        {'b': None, 'w': [*, *]}
        >>> tree.structure((1, 2)) == tree.structure(("a", "b"))
        True
        >>> tree.structure((1, [2, 3])).num_leaves
        3
    """

    nodes: tuple[Node | None, ...]
    num_leaves: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Structure):
            return NotImplemented
        try:
            return self.nodes == other.nodes
        except ValueError as error:  # an array has no truth value
            pairs = zip(self.nodes, other.nodes, strict=False)
            index = next(i for i, (a, b) in enumerate(pairs) if _fails(eq, a, b))
            raise self._unfit(index, "do not compare to a truth value") from error

    def __hash__(self) -> int:
        try:
            return hash(self.nodes)
        except TypeError as error:
            index = next(i for i, a in enumerate(self.nodes) if _fails(hash, a))
            raise self._unfit(index, "cannot be hashed") from error

    def _unfit(self, index: int, fault: str) -> StructureError:
        """Return the error about static values that a structure cannot hold."""
        node = self.nodes[index]
        assert node is not None
        message = (
            f"tree: the static values of {node[0].__qualname__} at {path_at(self, index).place} "
            f"{fault}: {node[2]!r}; use tuples, not lists, and make a child of each array"
        )
        return StructureError(message)

    def __repr__(self) -> str:
        return self.write(["*"] * self.num_leaves)

    def write(self, leaves: Sequence[str]) -> str:
        """Return the structure as text, with a text for each leaf.

        Example:
            >>> from pullback import tree
            >>> tree.structure({"w": [1.0, 2.0], "b": None}).write(["x", "y"])
            "{'b': None, 'w': [x, y]}"
        """
        remaining = list(leaves)
        texts: list[str] = []
        for node in reversed(self.nodes):
            if node is None:
                texts.append(remaining.pop())
            else:
                children = texts[: -node[1] - 1 : -1]
                del texts[len(texts) - node[1] :]
                texts.append(node_kind(node).write(node, children))
        return texts[0]

    def paths(self) -> list[Path]:
        """Return the path of each leaf, in the order of the leaves."""
        return [path_of(trail) for trail, node in _trails(self) if node is None]

    def insertion_orders(self) -> tuple[tuple[object, ...], ...]:
        """Return the keys of each dict in the order of insertion, which ``==`` overlooks.

        Whoever keeps results by structure, and computes with the order of a dict, adds this to
        the key.
        """
        how = (node[3] for node in self.nodes if node is not None)
        return tuple(extra.order for extra in how if isinstance(extra, Construction))


LEAF: Final[Structure[Never]] = Structure((None,), 1)
"""The structure of a tree that is a single leaf."""


def _fails(function: Callable[..., object], *arguments: object) -> bool:
    """Whether a function cannot be applied to static values."""
    try:
        function(*arguments)
    except (TypeError, ValueError):
        return True
    return False


def node_kind(node: Node) -> Kind:
    """Return the kind of a container from its node."""
    kind = kind_of(node[0])
    if kind is None:
        message = (
            f"tree: the structure holds a {node[0].__qualname__}, which is not a container here; "
            "register the class before using a structure that was pickled elsewhere"
        )
        raise StructureError(message)
    return kind


def _trails(structure: Structure[object]) -> Iterator[tuple[list[Step], Node | None]]:
    """Yield each node in preorder, with the steps that lead to it, in a list that is reused."""
    trail: list[Step] = []
    pending: list[Iterator[Step]] = []  # for each container on the trail, the steps not yet taken
    for node in structure.nodes:
        while pending:
            del trail[len(pending) - 1 :]
            step = next(pending[-1], None)
            if step is not None:
                trail.append(step)
                break
            pending.pop()
        yield trail, node
        if node is not None:
            pending.append(iter(node_kind(node).steps(node)))


def path_at(structure: Structure[object], index: int) -> Path:
    """Return the path of the node at an index in preorder."""
    trail, _ = next(islice(_trails(structure), index, None))
    return path_of(trail)


def leaf_path(structure: Structure[object], number: int) -> Path:
    """Return the path of a leaf, counted from 0."""
    trails = (trail for trail, node in _trails(structure) if node is None)
    return path_of(next(islice(trails, number, None)))


def mismatch(
    a: Structure[object], b: Structure[object], operation: str, trees: str = "the trees"
) -> StructureError:
    """Return the error that says where two structures first differ, and in what."""
    pairs = zip(a.nodes, b.nodes, strict=False)
    index, first, second = next((i, x, y) for i, (x, y) in enumerate(pairs) if x != y)
    texts = [_describe(first, second), _describe(second, first)]
    if texts[0] == texts[1] and first is not None and second is not None:
        same_class = first[0] is second[0]
        texts[1] += " that is not equal" if same_class else ", another class of that name"
    place = path_at(a, index).place
    return StructureError(f"{operation}: {trees} differ at {place}: {texts[0]} against {texts[1]}")


def _describe(node: Node | None, other: Node | None) -> str:
    """Name a node in a message, against the one found in its stead."""
    return "a leaf" if node is None else node_kind(node).describe(node, other)
