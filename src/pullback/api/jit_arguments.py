"""The arguments of a jitted function: taken apart with care once, and by a pattern from then on.

`open_arguments` finds what a trace is kept by: the structure of the arguments, the types of their
numbers and arrays, and all else. How later arguments are recognised, `jit_patterns` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.api.outputs import NUMERIC, describe
from pullback.core import Array, lift
from pullback.errors import DTypeError, ProgramError
from pullback.primitives.quantity import NUMBERS, Value
from pullback.tree import Structure, flatten
from pullback.tree.kinds import exact
from pullback.tree.paths import Path
from pullback.tree.structures import leaf_path
from pullback.types import ArrayType, type_of

#: What is in an ndarray that native code reads as it is.
_READABLE: Final = frozenset(map(np.dtype, "?bhilBHILefdFD"))
#: The classes of numbers whose value is in the leaf itself.
_SCALARS: Final = NUMBERS | frozenset(dtype.type for dtype in _READABLE)

#: A static value together with what its equality overlooks.
Static: TypeAlias = tuple[object, object]


@final
@frozen(repr=False)
class Key:
    """What a trace is kept by: arguments with equal keys are traced once."""

    structure: Structure[object]
    #: For each dict its keys in the order of insertion, which a function can see.
    orders: tuple[tuple[object, ...], ...]
    #: The type of each leaf; None for one that is no number and no array.
    types: tuple[ArrayType | None, ...]
    #: The other leaves.
    others: tuple[Static, ...]
    #: The static arguments, by position or name.
    statics: tuple[tuple[int | str, Static], ...]


@final
@frozen(eq=False, repr=False)
class Arguments:
    """The arguments of one call, taken apart."""

    key: Key
    leaves: Sequence[object]
    #: Which leaves are numbers or arrays, and their values.
    numbers: Sequence[int]
    values: Sequence[Value]
    #: Whether some leaf is an array of ours, and whether one belongs to an outer transform.
    arrays: bool
    traced: bool
    statics: Mapping[int | str, object]

    def nodes(self) -> list[Array]:
        """Return the numbers and arrays as arrays."""
        return [lift(self.leaves[number]) for number in self.numbers]


def open_arguments(
    dynamic: tuple[object, ...],
    keywords: dict[str, object],
    statics: Mapping[int | str, object],
    label: Callable[[Path], str],
    name: Callable[[int | str], str],
    *,
    types: bool = False,
) -> Arguments:
    """Take arguments apart.

    Args:
        dynamic: The positional arguments that are not static.
        keywords: The keyword arguments that are not static.
        statics: The static ones, by position or name.
        label: Returns what a user calls a leaf, from its path; an error asks.
        name: Returns what a user calls a static argument, from its position or name.
        types: Whether an `ArrayType` stands for an array.

    Raises:
        ProgramError: Something that is no number and no array cannot be hashed.
        DTypeError: An array holds no numbers.
    """
    leaves, structure = flatten((dynamic, keywords))
    numbers: list[int] = []
    values: list[Value] = []
    found: list[ArrayType | None] = []
    others: list[Static] = []
    arrays = traced = False
    for number, leaf in enumerate(leaves):
        if isinstance(leaf, Array):
            arrays, traced = True, traced or bool(leaf.sources)
            value: Value = leaf._value
            found.append(leaf.type)
        elif isinstance(leaf, NUMERIC):
            try:
                value = leaf if _is_readable(leaf) else lift(leaf)._value
            except DTypeError as error:
                msg = f"jit: {label(leaf_path(structure, number))}: {error}"
                raise DTypeError(msg) from None
            found.append(type_of(value))
        elif types and isinstance(leaf, ArrayType):
            value = leaf
            found.append(leaf)
        else:
            if not _hashes(leaf):
                raise _unfit(label(leaf_path(structure, number)), leaf)
            found.append(None)
            others.append((leaf, exact(leaf)))
            continue
        numbers.append(number)
        values.append(value)
    for place, static in statics.items():
        if not _hashes(static):
            raise _unfit_static(name(place), static)
    key = Key(
        structure,
        structure.insertion_orders(),
        tuple(found),
        tuple(others),
        tuple([(place, (value, exact(value))) for place, value in statics.items()]),
    )
    return Arguments(key, leaves, numbers, values, arrays, traced, statics)


def _is_readable(leaf: object) -> bool:
    """Return whether native code reads a leaf as it is."""
    if leaf.__class__ is np.ndarray:
        return leaf.ndim > 0 and leaf.dtype in _READABLE
    return leaf.__class__ in _SCALARS


def _hashes(value: object) -> bool:
    """Return whether a value can be told from others by its hash and ``==``."""
    try:
        hash(value)
    except TypeError:
        return False
    return not isinstance(value, Array)  # `==` compares the elements


def _unfit(name: str, value: object) -> ProgramError:
    """Return the error about what a trace cannot be kept by."""
    return ProgramError(
        f"jit: {name} is {describe(value)}, which is no number or array and cannot be hashed, so "
        "that no trace can be kept by it; use a tuple in place of a list, a frozen class in place "
        "of one that changes, or register the class with tree.register"
    )


def _unfit_static(name: str, value: object) -> ProgramError:
    """Return the error about a static argument that no trace can be kept by."""
    if isinstance(value, (Array, np.ndarray)):
        msg = f"jit: the static argument {name} is an array; pass it as an ordinary argument"
        return ProgramError(msg)
    return ProgramError(
        f"jit: the static argument {name} is {describe(value)}, which cannot be hashed, so that no "
        "trace can be kept by it; use a tuple in place of a list, and a frozen class in place of a "
        "dict or of a class that changes"
    )
