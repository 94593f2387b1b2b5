"""What a loop carries: a pytree whose types every step must give again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pullback.api.closures import Closure, Tree, close, join_trees, open_tree
from pullback.api.functions import name_of
from pullback.api.outputs import describe
from pullback.core import Array, apply
from pullback.errors import DTypeError, ShapeError, StructureError
from pullback.primitives.cast import Cast
from pullback.tree.structures import mismatch
from pullback.types import ArrayType, promote

C = TypeVar("C")
Y = TypeVar("Y")


def close_step(
    operation: str,
    f: Callable[..., tuple[C, Y]],
    carry: Tree[C],
    others: Tree[object],
    other_types: Sequence[ArrayType],
) -> tuple[Closure[tuple[C, Y]], list[ArrayType]]:
    """Return the step of a loop as a program, and the types of what it carries.

    A Python number in the first carry takes the type that the step gives it: the step is traced
    again until the types stay.

    Args:
        operation: The name that errors give the loop.
        f: The step: a function of the carry, and of what else there is in ``others``, that
            returns the next carry and something else.
        carry: The first carry.
        others: The tuple of what else the step is given.
        other_types: The types of its arrays.

    Raises:
        StructureError: The step returns no pair, or a carry of another structure.
        ShapeError: A shape changes.
        DTypeError: A dtype changes.
    """
    types = [array.type for array in carry.arrays()]

    def step(first: C, rest: tuple[object, ...]) -> tuple[C, Y]:
        result: object = f(first, *rest)
        if not isinstance(result, tuple) or len(result) != 2:
            msg = (
                f"{operation}: {name_of(f)} returned {describe(result)}; it must return a pair: "
                "the next carry, and what the step gives (None, if nothing)"
            )
            raise StructureError(msg)
        following = open_tree(result[0])
        if following.structure != carry.structure or following.numbers != carry.numbers:
            trees = "the carry before a step and after it"
            raise mismatch(carry.structure, following.structure, operation, trees)
        return following.build(map(_fit, following.arrays(), types)), result[1]

    args = join_trees(carry, others)
    while True:
        closure = close(step, args, [*types, *other_types])
        found = closure.program.output_types[: len(types)]
        following = [
            _next_type(f"{operation}: the carry{place}", have, new)
            for place, have, new in zip(_places(carry), types, found, strict=True)
        ]
        if following == types:
            return closure, types
        types[:] = following


def _places(carry: Tree[object]) -> list[str]:
    """Return what an error adds to the name of a carry for each of its arrays."""
    paths = carry.structure.paths()
    return [f" at {paths[i].place}" if len(paths) > 1 else "" for i in carry.numbers]


def _fit(array: Array, want: ArrayType) -> Array:
    """Return an array, in the wanted dtype if it is a Python number that fits there."""
    have = array.type
    if have.weak and not want.weak and promote([want, have]) == want.dtype:
        return apply(Cast(want.dtype), array)
    return array


def _next_type(what: str, have: ArrayType, new: ArrayType) -> ArrayType:
    """Return the type of a carry for the next attempt to trace a step.

    Raises:
        ShapeError: The shape changes.
        DTypeError: The dtype changes, and the carry was no Python number.
    """
    if have.shape != new.shape:
        msg = f"{what} has shape {have.shape} before a step and {new.shape} after it"
        raise ShapeError(msg)
    if have.weak:
        return ArrayType((), promote([have, new]))
    if have.dtype != new.dtype:
        msg = (
            f"{what} has dtype {have.dtype} before a step and {new.dtype} after it; convert one "
            "with astype"
        )
        raise DTypeError(msg)
    return have


def cast_all(arrays: Sequence[Array], types: Sequence[ArrayType]) -> list[Array]:
    """Return the first carry in the types that the loop found."""
    return [
        array if array.type == type_ else apply(Cast(type_.dtype), array)
        for array, type_ in zip(arrays, types, strict=True)
    ]
