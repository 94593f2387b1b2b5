"""What a container is: a class whose instances can be taken apart and built again.

A container in a structure is a *node*, a plain tuple ``(cls, number of children, values, extra)``
that compares and hashes by value: ``values`` are the keys of a mapping or the static fields of a
record, ``extra`` is whatever else the structure must compare. (A tuple, not a record: one is made
for each container of each tree that is flattened.) A leaf in a structure is ``None``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TypeAlias

from pullback.tree.paths import Step

Node: TypeAlias = tuple[type, int, tuple[object, ...], object]
Opened: TypeAlias = tuple[Node, Iterable[object]]
Fixed: TypeAlias = tuple[Node, Callable[[object], Iterable[object]]]


class Kind(ABC):
    """How the containers of one class, or of a few similar ones, are treated.

    Kinds are immutable. They are plain classes, because half of the time to import this package
    would go into making records of them.
    """

    __slots__ = ()

    fixed: Fixed | None = None
    """Where all instances have the same node: that node, and the function to the children.

    It does the work of `open` without a call to Python, for most records of a model.
    """

    @abstractmethod
    def open(self, container: object) -> Opened:
        """Take a container apart, into its node and its children from left to right."""

    @abstractmethod
    def close(self, node: Node, stack: list[object]) -> object:
        """Build a container from a node and its children, which are taken off a stack.

        The first child lies uppermost.
        """

    @abstractmethod
    def steps(self, node: Node) -> Iterable[Step]:
        """Return the steps that lead from a container to its children."""

    @abstractmethod
    def write(self, node: Node, children: Sequence[str]) -> str:
        """Return the text of a container in a structure, given those of its children."""

    @abstractmethod
    def describe(self, node: Node, other: Node | None) -> str:
        """Name a container in a message, against the node that stands in its place elsewhere."""


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
    if isinstance(value, (FunctionType, BuiltinFunctionType, MethodType)):
        return None  # equal to its like only; and pickle cannot find these types by their names
    return type(value)


def show(value: object) -> str:
    """Return a short text for a static value: a function or class by its name."""
    if isinstance(value, (FunctionType, BuiltinFunctionType, type)):
        return value.__qualname__
    return repr(value)
