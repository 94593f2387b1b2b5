"""What a loop carries: a pytree whose types every step must give again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pullback.api.closures import Closure, Tree, check_form, close, join_trees, open_tree
from pullback.api.functions import name_of
from pullback.api.outputs import describe
from pullback.core import Array, apply
from pullback.errors import DTypeError, ShapeError, StructureError
from pullback.primitives.cast import Cast
from pullback.tree.structures import LEAF
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

    A Python number in the first carry takes a type that holds what the steps make of it: the step
    is traced again until the types stay.

    Args:
        operation: The name that errors give the loop.
        f: The step: a function of the carry, and of what else there is in ``others``, that
            returns the next carry and something else.
        carry: The first carry.
        others: The tuple of what else the step is given.
        other_types: The types of its arrays.

    Raises:
        StructureError: The step returns no pair, or a carry that differs in structure or in what
            is no array.
        ShapeError: A shape changes.
        DTypeError: A dtype changes.
    """
    given = [array.type for array in carry.arrays()]
    numbers = [type_.weak for type_ in given]
    # A boolean is NumPy's from the first step on: ~True is -2.
    types = [ArrayType((), t.dtype) if t.weak and t.dtype.kind == "b" else t for t in given]

    def step(first: C, rest: tuple[object, ...]) -> tuple[C, Y]:
        result: object = f(first, *rest)
        if not isinstance(result, tuple) or len(result) != 2:
            msg = (
                f"{operation}: {name_of(f)} returned {describe(result)}; it must return a pair: "
                "the next carry, and what the step gives (None, if nothing)"
            )
            raise StructureError(msg)
        following = open_tree(result[0])
        check_form(operation, "the carry before a step and after it", carry, following)
        return following.build(map(_fit, following.arrays(), types)), result[1]

    args = join_trees(carry, others)
    while True:
        closure = close(step, args, [*types, *other_types])
        found = closure.program.output_types[: len(types)]
        following = [
            _next_type(f"{operation}: the carry{place}", have, new, number=number)
            for place, have, new, number in zip(_places(carry), types, found, numbers, strict=True)
        ]
        if following == types:
            return closure, types
        types[:] = following


def _places(carry: Tree[object]) -> list[str]:
    """Return what an error adds to the name of a carry for each of its arrays."""
    if carry.structure == LEAF:
        return [""] * len(carry.numbers)
    paths = carry.structure.paths()
    return [f" at {paths[number].place}" for number in carry.numbers]


def _fit(array: Array, want: ArrayType) -> Array:
    """Return an array, in the wanted dtype if it is a Python number that fits there."""
    have = array.type
    if have.weak and not want.weak and promote([want, have]) == want.dtype:
        return apply(Cast(want.dtype), array)
    return array


def _next_type(what: str, have: ArrayType, new: ArrayType, *, number: bool) -> ArrayType:
    """Return the type of a carry for the next attempt to trace a step.

    Args:
        what: What an error calls the carry.
        have: Its type before a step.
        new: Its type after it.
        number: Whether the first carry is a Python number.

    Raises:
        ShapeError: The shape changes.
        DTypeError: The dtype changes, and the first carry is no Python number.
    """
    if have.shape != new.shape:
        msg = (
            f"{what} has shape {have.shape} before a step and {new.shape} after it; every step "
            "must give the shape that it takes"
        )
        raise ShapeError(msg)
    if number:
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
