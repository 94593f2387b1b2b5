"""A function of pytrees as a program: what control flow and calls make of their functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar, final

from attrs import frozen

from pullback.api.outputs import NUMERIC, describe
from pullback.api.plain import plain
from pullback.core import Array, Program, build_program, lift, trace_program, unknown
from pullback.core.trace import Trace
from pullback.errors import DTypeError, ShapeError, StructureError
from pullback.tree import Structure, flatten, unflatten
from pullback.tree.structures import leaf_path, mismatch
from pullback.types import ArrayType

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@final
@frozen(eq=False, repr=False)
class Tree(Generic[T_co]):
    """A pytree taken apart into its arrays and the rest."""

    structure: Structure[T_co]
    leaves: Sequence[object]
    #: Which leaves are numbers or arrays.
    numbers: Sequence[int]

    def arrays(self) -> list[Array]:
        """Return the leaves that are numbers or arrays, as arrays."""
        return [lift(self.leaves[number]) for number in self.numbers]

    def build(self, arrays: Iterable[object]) -> T_co:
        """Return the tree with other arrays."""
        leaves = list(self.leaves)
        for number, array in zip(self.numbers, arrays, strict=True):
            leaves[number] = array
        return unflatten(self.structure, leaves)

    def result(self, arrays: Iterable[Array], *, as_arrays: bool) -> T_co:
        """Return the tree with other arrays, which are plain unless they are to be arrays."""
        return self.build(arrays if as_arrays else map(plain, arrays))


def open_tree(tree: T) -> Tree[T]:
    """Take a tree apart."""
    leaves, structure = flatten(tree)
    return Tree(
        structure, leaves, [i for i, leaf in enumerate(leaves) if isinstance(leaf, NUMERIC)]
    )


def join_trees(first: Tree[object], second: Tree[object]) -> Tree[tuple[object, ...]]:
    """Return the pair of two trees."""
    return open_tree(
        (unflatten(first.structure, first.leaves), unflatten(second.structure, second.leaves))
    )


def check_form(operation: str, trees: str, first: Tree[object], second: Tree[object]) -> None:
    """Check that two trees differ in nothing but their numbers and arrays.

    Args:
        operation: The name that an error gives the operation.
        trees: What it calls the two.
        first: A tree.
        second: Another.

    Raises:
        StructureError: They differ in structure, or in a leaf that is no number and no array.
    """
    if first.structure != second.structure:
        raise mismatch(first.structure, second.structure, operation, trees)
    for number, (a, b) in enumerate(zip(first.leaves, second.leaves, strict=True)):
        numeric = isinstance(a, NUMERIC), isinstance(b, NUMERIC)
        if any(numeric) if numeric[0] != numeric[1] else not (numeric[0] or a is b or a == b):
            place = leaf_path(first.structure, number).place
            msg = (
                f"{operation}: {trees} differ at {place}: {_shown(a)} against {_shown(b)}; only "
                "the values of numbers and arrays may differ"
            )
            raise StructureError(msg)


def _shown(leaf: object) -> str:
    return str(lift(leaf).type) if isinstance(leaf, NUMERIC) else repr(leaf)


def integer(what: str, value: object) -> Array:
    """Return an integer as an array.

    Args:
        what: What an error calls it.
        value: What a user gave.

    Raises:
        DTypeError: It is no integer.
        ShapeError: It is an array of several.
    """
    if not isinstance(value, NUMERIC):
        msg = f"{what}: expected one integer, not {describe(value)}"
        raise DTypeError(msg)
    array = lift(value)
    if array.shape or array.dtype.kind not in "iu":
        shown = repr(value) if array.type.weak and array.known else array.type
        msg = f"{what}: expected one integer, not {shown}"
        raise (ShapeError if array.shape else DTypeError)(msg)
    return array


def at_least(least: int, what: str, value: int) -> int:
    """Return a number that a user gave, which decides what is traced.

    Args:
        least: The least that it may be.
        what: What an error calls it.
        value: The number.

    Raises:
        DTypeError: It is no integer.
        ShapeError: It is less.
    """
    number = int(integer(what, value))
    if number < least:
        msg = f"{what}: expected at least {least}, not {number}"
        raise ShapeError(msg)
    return number


@final
@frozen(eq=False, repr=False)
class Closure(Generic[T_co]):
    """A function as a program: its inputs are what it captured, then the arrays it was given."""

    program: Program
    captured: Sequence[Array]
    result: Tree[T_co]


def close(
    f: Callable[..., T], args: Tree[tuple[object, ...]], types: Sequence[ArrayType]
) -> Closure[T]:
    """Call a function with arrays whose values are unknown to it, and return what it does.

    Args:
        f: The function.
        args: Its arguments.
        types: The types of their arrays.
    """
    trace = Trace()
    own = frozenset((trace,))
    inputs = [unknown(type_, own) for type_ in types]
    result = open_tree(f(*args.build(inputs)))
    program, captured = build_program(trace, inputs, result.arrays())
    return Closure(program, captured, result)


def unify(closures: Sequence[Closure[object]]) -> tuple[list[Program], list[Array]]:
    """Return the programs of closures over the same arguments, with one list of captured nodes."""
    captured = list(dict.fromkeys(node for closure in closures for node in closure.captured))
    place = {node: number for number, node in enumerate(captured)}
    programs = []
    for closure in closures:
        own = closure.program.inputs[len(closure.captured) :]
        chosen = [place[node] for node in closure.captured]
        if chosen == list(range(len(captured))):
            programs.append(closure.program)
            continue

        def call(
            nodes: list[Array], program: Program = closure.program, chosen: list[int] = chosen
        ) -> list[Array]:
            return program.apply([*(nodes[i] for i in chosen), *nodes[len(captured) :]])

        types = [*(node.type for node in captured), *own]
        programs.append(trace_program(call, types)[0])
    return programs, captured


def active(operands: Iterable[Array]) -> tuple[bool, ...]:
    """Return which operands may have a derivative that someone asks for."""
    return tuple([bool(operand.sources) for operand in operands])
