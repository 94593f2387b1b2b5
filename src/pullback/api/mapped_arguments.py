"""The arguments of a function that is mapped over a batch: `vmap` and `map_chunked` share this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, final

import numpy as np
from attrs import frozen

from pullback.api.axes import spread_axes
from pullback.api.functions import name_of, parameter_name
from pullback.api.inputs import USUAL, input_primitives
from pullback.api.outputs import NUMERIC
from pullback.api.plain import holds_array
from pullback.core import lift
from pullback.errors import ShapeError, StructureError
from pullback.primitives.identity import Input
from pullback.primitives.quantity import Quantity, Value, shape_of
from pullback.primitives.shape import move_axis
from pullback.transforms.programs import bare
from pullback.tree import Structure, flatten, unflatten
from pullback.tree.structures import LEAF

R = TypeVar("R")


@final
@frozen(eq=False, repr=False)
class MappedArguments:
    """Arguments with some leaves mapped: those hold a batch, the rest is for all examples."""

    arguments: tuple[object, ...]
    #: The names of the last arguments, which are passed by keyword.
    keywords: tuple[str, ...]
    #: The place of each argument with mapped leaves, its structure and leaves, and which of those.
    opened: Sequence[tuple[int, Structure[object], list[object], list[int]]]
    #: What a user calls each mapped leaf.
    labels: Sequence[Input]
    #: The mapped leaves, the batch axis in front: nodes, or bare values where all is plain.
    wholes: Sequence[Value]
    #: The size of the batch.
    size: int
    #: Whether the arguments hold arrays of ours, so that results are such.
    arrays: bool

    def call(self, f: Callable[..., R], parts: Sequence[object]) -> R:
        """Call a function with other arrays in place of the mapped leaves."""
        given = list(self.arguments)
        rest = iter(parts)
        for place, structure, leaves, numbers in self.opened:
            if structure is LEAF:
                given[place] = next(rest)
                continue
            filled = list(leaves)
            for number in numbers:
                filled[number] = next(rest)
            given[place] = unflatten(structure, filled)
        if not self.keywords:
            return f(*given)
        positional = len(given) - len(self.keywords)
        named = zip(self.keywords, given[positional:], strict=True)
        return f(*given[:positional], **dict(named))


def map_arguments(
    operation: str,
    f: Callable[..., object],
    in_axes: object,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    *,
    size: int | None = None,
) -> MappedArguments:
    """Take the arguments of a mapped function apart.

    Args:
        operation: The name that errors give the transform.
        f: The function.
        in_axes: What the user said of the positional arguments.
        args: The positional arguments.
        kwargs: The keyword arguments, mapped over axis 0.
        size: The size of the batch, if the user gave it.

    Raises:
        ShapeError: A leaf has no such axis, or the sizes of the batch differ or are unknown.
        StructureError: ``in_axes`` do not fit the arguments.
    """
    axes = [*_argument_axes(operation, f, in_axes, args), *[0] * len(kwargs)]
    arguments = (*args, *kwargs.values())
    keywords = tuple(kwargs)
    arrays = holds_array(arguments)
    opened = []
    labels: list[Input] = []
    wholes: list[Value] = []
    for place, (argument, axis) in enumerate(zip(arguments, axes, strict=True)):
        if axis is None:
            continue
        number = place - len(args)
        name = keywords[number] if number >= 0 else parameter_name(f, place)
        leaves, structure = flatten(argument)
        leaf_axes = spread_axes(
            operation, "in_axes", axis, what=name, tree=argument, number=len(leaves)
        )
        primitives = input_primitives(name, structure)
        numbers = []
        for number, (leaf, leaf_axis) in enumerate(zip(leaves, leaf_axes, strict=True)):
            if leaf_axis is not None and isinstance(leaf, NUMERIC):
                whole = _value(leaf, arrays=arrays)
                wholes.append(_batch_in_front(operation, primitives[number], whole, leaf_axis))
                labels.append(primitives[number])
                numbers.append(number)
        if numbers:
            opened.append((place, structure, leaves, numbers))
    size = _batch_size(operation, f, labels, wholes, size)
    return MappedArguments(arguments, keywords, opened, labels, wholes, size, arrays)


def _argument_axes(
    operation: str, f: Callable[..., object], in_axes: object, args: tuple[object, ...]
) -> Sequence[object]:
    """Return what the user said of each positional argument."""
    if in_axes is None or in_axes.__class__ is int:
        return [in_axes] * len(args)
    if not isinstance(in_axes, (tuple, list)):
        msg = (
            f"{operation}: in_axes: expected an axis, None, or a tuple with one entry for each "
            f"positional argument, not {in_axes!r}"
        )
        raise StructureError(msg)
    if len(in_axes) != len(args):
        msg = (
            f"{operation}: in_axes has {len(in_axes)} entries, and {name_of(f)} was called with "
            f"{len(args)} positional arguments; give one for each"
        )
        raise StructureError(msg)
    return in_axes


def _value(leaf: Value, *, arrays: bool) -> Value:
    """Return a mapped leaf: a node, or where results will be plain, the ndarray itself."""
    if not arrays and leaf.__class__ is np.ndarray and leaf.dtype in USUAL and leaf.ndim:
        return leaf
    return bare(lift(leaf))


def _batch_in_front(operation: str, label: Input, whole: Quantity, axis: int) -> Quantity:
    """Return a mapped leaf with its batch axis in front."""
    ndim = len(shape_of(whole))
    if not -ndim <= axis < ndim:
        msg = (
            f"{operation}: {label.label} has shape {shape_of(whole)}, and no axis {axis} to map "
            "over; give arrays in place of lists of numbers, another axis in in_axes, or None "
            "there for what all examples share (which must be passed by position)"
        )
        raise ShapeError(msg)
    return move_axis(whole, axis % ndim, 0)


def _batch_size(
    operation: str,
    f: Callable[..., object],
    labels: Sequence[Input],
    wholes: Sequence[Value],
    given: int | None,
) -> int:
    """Return the size of the batch, which all mapped leaves have."""
    if given is not None and (given.__class__ is not int or given < 0):
        msg = f"{operation}: size: expected an integer, 0 or more, not {given!r}"
        raise ShapeError(msg)
    sizes = [shape_of(whole)[0] for whole in wholes]
    if given is None and not sizes:
        msg = (
            f"{operation}: no argument of {name_of(f)} is mapped; give one an axis in in_axes, or "
            "tell vmap the size of the batch as size=..."
        )
        raise ShapeError(msg)
    size = sizes[0] if given is None else given
    for label, other in zip(labels, sizes, strict=True):
        if other != size:
            first = f"size={size}" if given is not None else f"{labels[0].label} has {size}"
            msg = (
                f"{operation}: the sizes of the batch differ: {first}, {label.label} has {other}; "
                "in_axes says which axes count, None for what all examples share"
            )
            raise ShapeError(msg)
    return size
