"""Functions of leaves, lifted to trees: map, reduce, and the exchange of outer and inner trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Never, TypeVar, overload

from pullback.tree.flattening import IsLeaf, flatten, unflatten
from pullback.tree.paths import Path
from pullback.tree.structures import Structure, leaf_path, mismatch

T = TypeVar("T")
R = TypeVar("R")

# `Callable[[Never], object]` is any function of one argument, whatever the argument's type: the
# overloads count the arguments of `f`, and leave their types to whoever knows the leaves.


@overload
def map(
    f: Callable[[Never], object], tree: T, *, is_leaf: Callable[[object], bool] | None = None
) -> T: ...
@overload
def map(
    f: Callable[[Never, Never], object],
    tree: T,
    rest: T,
    /,
    *,
    is_leaf: Callable[[object], bool] | None = None,
) -> T: ...
@overload
def map(
    f: Callable[..., object],
    tree: T,
    rest: T,
    other: T,
    /,
    *others: T,
    is_leaf: Callable[[object], bool] | None = None,
) -> T: ...
def map(
    f: Callable[..., object],
    tree: T,
    *rest: T,
    is_leaf: Callable[[object], bool] | None = None,
) -> T:
    """Apply a function to each leaf of a tree, or to corresponding leaves of several trees.

    ``map(f, x)`` has the structure of ``x``, and the leaf ``f(l)`` where ``x`` has ``l``; so
    ``map(lambda l: l, x)`` equals ``x``, and ``map(g, map(f, x))`` equals
    ``map(lambda l: g(f(l)), x)`` if ``f`` returns leaves. Static fields are as in ``tree``.

    Args:
        f: Takes one leaf of each tree.
        tree: The first tree; `flatten` says what is a container.
        rest: More trees, of the same structure.
        is_leaf: As in `flatten`; asked about each of the trees.

    Returns:
        A new tree, of the type of ``tree``. (That is what a type checker believes; it is true of
        the leaves, too, where ``f`` returns what it takes.)

    Raises:
        StructureError: If the trees differ in structure. What ``f`` raises passes through, with a
            note that names the leaf.

    Example:
        >>> params, grads = {"w": [1.0, 2.0], "b": 3.0}, {"w": [10.0, 0.0], "b": 20.0}
        >>> map(lambda p, g: p - 0.1 * g, params, grads)
        {'w': [0.0, 2.0], 'b': 1.0}
    """
    columns, treedef = _columns("tree.map", tree, rest, is_leaf)
    return unflatten(treedef, _apply("tree.map", f, columns, treedef))


def _columns(
    operation: str, tree: T, rest: tuple[object, ...], is_leaf: IsLeaf | None
) -> tuple[list[list[object]], Structure[T]]:
    """Return the leaves of several trees, tree by tree, and the structure that they share."""
    leaves, treedef = flatten(tree, is_leaf=is_leaf)
    columns = [leaves]
    for number, other in enumerate(rest, start=2):
        more, other_treedef = flatten(other, is_leaf=is_leaf)
        if other_treedef != treedef:
            trees = "the trees" if len(rest) == 1 else f"trees 1 and {number}"
            raise mismatch(treedef, other_treedef, operation, trees)
        columns.append(more)
    return columns, treedef


def _apply(
    operation: str,
    f: Callable[..., object],
    columns: list[list[object]],
    treedef: Structure[object],
) -> list[object]:
    """Apply a function to each row of leaves; an error gets a note that names the leaf."""
    results: list[object] = []
    try:
        for row in zip(*columns, strict=True):
            results.append(f(*row))  # noqa: PERF401 - the handler asks how many are done
    except Exception as error:
        error.add_note(f"{operation}: at {leaf_path(treedef, len(results)).place}")
        raise
    return results


@overload
def map_with_path(
    f: Callable[[Path, Never], object],
    tree: T,
    *,
    is_leaf: Callable[[object], bool] | None = None,
) -> T: ...
@overload
def map_with_path(
    f: Callable[[Path, Never, Never], object],
    tree: T,
    rest: T,
    /,
    *,
    is_leaf: Callable[[object], bool] | None = None,
) -> T: ...
@overload
def map_with_path(
    f: Callable[..., object],
    tree: T,
    rest: T,
    other: T,
    /,
    *others: T,
    is_leaf: Callable[[object], bool] | None = None,
) -> T: ...
def map_with_path(
    f: Callable[..., object],
    tree: T,
    *rest: T,
    is_leaf: Callable[[object], bool] | None = None,
) -> T:
    """Apply a function to each leaf of a tree, or of several trees, and to its path.

    Args:
        f: Takes the path of the leaf, and one leaf of each tree.
        tree: The first tree; `flatten` says what is a container.
        rest: More trees, of the same structure.
        is_leaf: As in `flatten`; asked about each of the trees.

    Returns:
        A new tree, of the type of ``tree``.

    Raises:
        StructureError: If the trees differ in structure. What ``f`` raises passes through, with a
            note that names the leaf.

    Example:
        >>> decay = {"w": [1.0, 2.0], "b": 3.0}
        >>> map_with_path(lambda path, p: p if str(path).startswith("['w']") else 0.0, decay)
        {'w': [1.0, 2.0], 'b': 0.0}
    """
    columns, treedef = _columns("tree.map_with_path", tree, rest, is_leaf)
    paths: list[object] = [*treedef.paths()]
    return unflatten(treedef, _apply("tree.map_with_path", f, [paths, *columns], treedef))


def reduce(
    f: Callable[..., R],
    tree: object,
    initial: R,
    *,
    is_leaf: Callable[[object], bool] | None = None,
) -> R:
    """Combine the leaves of a tree into one value, from left to right.

    ``f(... f(f(initial, l₁), l₂) ..., lₙ)`` for the leaves l₁ ... lₙ.

    Args:
        f: Takes the value so far and a leaf; returns the next value.
        tree: Any object; `flatten` says what is a container and in which order leaves come.
        initial: The first value, and the result for a tree without leaves.
        is_leaf: As in `flatten`.

    Returns:
        The last value.

    Raises:
        StructureError: As `flatten` does.

    Example:
        >>> reduce(lambda total, leaf: total + leaf**2, {"w": [1.0, 2.0], "b": 2.0}, 0.0)
        9.0
    """
    value = initial
    for leaf in flatten(tree, is_leaf=is_leaf)[0]:
        value = f(value, leaf)
    return value


def transpose(outer: Structure[object], inner: Structure[T], tree: object) -> T:
    """Exchange an outer tree of inner trees for an inner tree of outer trees.

    If ``tree[i][j]`` is the leaf at the place i of ``outer`` and j of ``inner``, the result has it
    at ``[j][i]``: a list of pairs becomes a pair of lists.

    Args:
        outer: The structure whose leaves are the inner trees.
        inner: The structure of each inner tree.
        tree: A tree that has the structure ``outer`` with ``inner`` at each of its leaves.

    Returns:
        A tree of structure ``inner`` with ``outer`` at each of its leaves. (A type checker
        believes that it is what ``inner`` was taken from, which is true of its containers.)

    Raises:
        StructureError: If the tree has another structure.

    Example:
        >>> from pullback import tree
        >>> losses = [(1.0, "a"), (2.0, "b"), (3.0, "c")]
        >>> transpose(tree.structure([0, 0, 0]), tree.structure((0, 0)), losses)
        ([1.0, 2.0, 3.0], ['a', 'b', 'c'])
    """
    composed = (n for node in outer.nodes for n in (inner.nodes if node is None else (node,)))
    wanted: Structure[object] = Structure(tuple(composed), outer.num_leaves * inner.num_leaves)
    leaves, found = flatten(tree)
    if found != wanted:
        raise mismatch(wanted, found, "tree.transpose", "the expected tree and the given one")
    width = inner.num_leaves
    return unflatten(inner, [unflatten(outer, leaves[j::width]) for j in range(width)])
