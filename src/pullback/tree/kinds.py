"""A kind of container: how the instances of one class are opened, rebuilt and described.

A container in a structure is a *node*, a plain tuple ``(cls, number of children, values, extra)``
that compares and hashes by value: ``values`` are the keys of a mapping or the static fields of a
record, ``extra`` is whatever else the structure must compare. (A tuple, not a record: one is made
for each container of each tree that is flattened.) A leaf in a structure is ``None``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import BuiltinFunctionType, FunctionType
from typing import TypeAlias, TypeVar, cast, final

from attrs import frozen

from pullback.tree.paths import Step

C = TypeVar("C")

Node: TypeAlias = tuple[type, int, tuple[object, ...], object]
Opened: TypeAlias = tuple[Node, Iterable[object]]


@final
@frozen(eq=False, repr=False)
class Kind:
    """How one class of containers is treated.

    ``open`` takes a container apart, into its node and its children. ``close`` builds one from a
    node and a stack whose top holds the children, the first uppermost, and takes them off.
    ``steps`` lead from a container to its children; ``write`` gives its ``repr`` from theirs;
    ``describe`` names it in a message, against the node found in its stead.

    Where all instances have the same node, ``fixed`` is that node and a function that returns the
    children: the short way that most records of a model take.
    """

    cls: type
    open: Callable[[object], Opened]
    close: Callable[[Node, list[object]], object]
    steps: Callable[[Node], Iterable[Step]]
    write: Callable[[Node, Sequence[str]], str]
    describe: Callable[[Node, Node | None], str]
    fixed: tuple[Node, Callable[[object], Iterable[object]]] | None = None


def opener(function: Callable[[C], Opened]) -> Callable[[object], Opened]:
    """Forget the class that a function opens: `kind_of` hands it only instances of that class."""
    return cast(  # noqa: TID251 - no type says "the class that was looked up"
        "Callable[[object], Opened]", function
    )


def take(number: int, stack: list[object]) -> list[object]:
    """Take the children of a node off a stack, the first of them uppermost.

    Example:
        >>> stack = ["other", "second", "first"]
        >>> take(2, stack), stack
        (['first', 'second'], ['other'])
    """
    children = stack[: -number - 1 : -1]
    del stack[len(stack) - number :]
    return children


def exact(value: object) -> object:
    """Return what ``==`` overlooks in a static value: types of numbers, signs of zeros.

    ``1 == 1.0 == True`` and ``0.0 == -0.0``, but a function that computes with them need not give
    the same for each; a structure keeps them apart. Tuples are searched, other values are not.

    Example:
        >>> exact((1, 2.0)) == exact((True, 2.0))
        False
    """
    if isinstance(value, tuple):
        return (type(value), *map(exact, value))
    if isinstance(value, (float, complex)):
        return (type(value), repr(value))
    return type(value)


def show(value: object) -> str:
    """Return a short text for a static value: a function or class by its name."""
    if isinstance(value, (FunctionType, BuiltinFunctionType, type)):
        return value.__qualname__
    return repr(value)
