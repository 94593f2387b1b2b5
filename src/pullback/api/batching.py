"""`vmap`: a function of one example, applied to a batch of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

from pullback.api.axes import spread_axes
from pullback.api.callables import check_functions
from pullback.api.functions import like
from pullback.api.mapped_arguments import MappedArguments, map_arguments
from pullback.api.outputs import NUMERIC
from pullback.api.plain import plain
from pullback.compiler.blocks import owns
from pullback.core import Array, Trace, constant, lift, make_node
from pullback.errors import ShapeError, StructureError
from pullback.primitives.quantity import Quantity, Value, quantity_type, shape_of
from pullback.primitives.shape import move_axis
from pullback.transforms.batching import batch, with_batch_axis
from pullback.tree import Structure, flatten, unflatten
from pullback.tree.structures import leaf_path
from pullback.types import ArrayType

P = ParamSpec("P")
R = TypeVar("R")


def vmap(
    f: Callable[P, R], in_axes: object = 0, out_axes: object = 0, *, size: int | None = None
) -> Callable[P, R]:
    """Return a function that applies ``f`` to every example of a batch at once.

    ``vmap(f)(xs)`` is the stack of ``f(x)`` for each ``x`` along an axis of ``xs``. ``f`` is
    called once, with arrays of one example whose values are unknown to it, and each of its
    operations is done for the whole batch by one operation: there is no loop over the batch. What
    does not depend on mapped arguments is computed once. Leaves that are no arrays are handed
    through. NumPy's warnings are off, since some rows may compute what they do not select.

    Plain in, plain out, as in `grad`: where no leaf of any argument is an `Array`, neither is any
    of the result.

    Args:
        f: A function of pytrees that returns a pytree. It cannot branch on values of the batch:
            `where` and `cond` select.
        in_axes: The axis of the arguments that is mapped over: an integer for all leaves of all
            arguments, counted from the end if negative; or a tuple with one entry for each
            positional argument, an integer, None for an argument that all examples share, or a
            container of such like the argument. Keyword arguments are mapped over axis 0.
        out_axes: Where the batch axis goes in the result: an integer, or a container of such like
            the result; None for what is the same for all examples.
        size: The size of the batch, where no argument says it.

    Returns:
        A function with the parameters of ``f``, each mapped leaf with the batch axis added, that
        returns what ``f`` does, with the batch axis added.

    Raises:
        ShapeError: A mapped leaf has no such axis, the sizes of the batch differ or none is given,
            or ``out_axes`` is None for a result that differs between examples.
        DTypeError: ``f`` is no function.
        StructureError: ``in_axes`` or ``out_axes`` do not fit what they are for.
        ConversionError: ``f`` asks for a value that is not known.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> vmap(pb.vecdot, in_axes=(0, None))(np.eye(3), np.arange(3.0))
        array([0., 1., 2.])
        >>> vmap(pb.grad(lambda x: x**3))(np.array([1.0, 2.0]))
        array([ 3., 12.])
    """
    check_functions("vmap", f=f)
    for name, axes in (("in_axes", in_axes), ("out_axes", out_axes)):
        if isinstance(axes, (Array, np.ndarray)):
            msg = f"vmap: {name} is an array; arguments are those of the result, as in vmap(f)(x)"
            raise StructureError(msg)

    def mapped(*args: P.args, **kwargs: P.kwargs) -> R:
        arguments = map_arguments("vmap", f, in_axes, args, kwargs, size=size)
        return map_over("vmap", f, arguments, out_axes)

    return like(f, mapped)


def map_over(operation: str, f: Callable[..., R], mapped: MappedArguments, out_axes: object) -> R:
    """Return what a function makes of a batch.

    Args:
        operation: The name that errors give the transform.
        f: The function.
        mapped: Its arguments.
        out_axes: Where the batch axis goes in the result.

    Raises:
        ShapeError: There is no such axis, or it is None for what differs between examples.
        StructureError: ``out_axes`` do not fit the result.
    """
    trace = Trace()
    own = frozenset((trace,))
    nodes = [
        make_node(_element_type(whole), label, (), own)
        for whole, label in zip(mapped.wholes, mapped.labels, strict=True)
    ]
    result = mapped.call(f, nodes)
    leaves, structure = flatten(result)
    axes = spread_axes(
        operation, "out_axes", out_axes, what="the result", tree=result, number=len(leaves)
    )
    numbers = [number for number, leaf in enumerate(leaves) if isinstance(leaf, NUMERIC)]
    inputs = {node: (whole, True) for node, whole in zip(nodes, mapped.wholes, strict=True)}
    found = batch(trace, inputs, [lift(leaves[number]) for number in numbers], mapped.size)
    taken = set(map(id, mapped.wholes))
    for number, (quantity, batched) in zip(numbers, found, strict=True):
        whole = quantity
        axis = axes[number]
        if axis is not None:
            whole = quantity if batched else with_batch_axis(quantity, mapped.size)
            ndim = len(shape_of(whole))
            if not -ndim <= axis < ndim:
                raise _misplaced(operation, axis, structure, number, whole)
            whole = move_axis(whole, 0, axis % ndim)
        elif batched:
            raise _misplaced(operation, axis, structure, number, whole)
        else:
            taken.add(id(whole))  # a constant's value, perhaps
        leaves[number] = _result(whole, taken, arrays=mapped.arrays)
    return unflatten(structure, leaves)


def _misplaced(
    operation: str, axis: int | None, structure: Structure[object], number: int, whole: Quantity
) -> ShapeError:
    """Return the error of a batch axis that cannot stand where ``out_axes`` wants it."""
    place = "".join(leaf_path(structure, number).texts)
    if axis is None:
        why = "which differs between the examples; give an axis"
    else:
        why = f"whose shape with the batch axis in front is {shape_of(whole)}; give one of its axes"
    return ShapeError(f"{operation}: out_axes is {axis} for the result{place}, {why}")


def _element_type(whole: Quantity) -> ArrayType:
    type_ = quantity_type(whole)
    return ArrayType(type_.shape[1:], type_.dtype)


def _result(quantity: Value, taken: set[int], *, arrays: bool) -> object:
    """Return a result as it leaves: an array of ours; or plain, and sharing memory with nothing.

    Args:
        quantity: The result.
        taken: The identities of the values that others hold; to these the result is added.
        arrays: Whether results are arrays of ours.
    """
    if isinstance(quantity, Array):
        return quantity if arrays else plain(quantity)
    if arrays:
        return constant(quantity)
    if isinstance(quantity, np.ndarray) and (not owns(quantity) or id(quantity) in taken):
        return quantity.copy()
    taken.add(id(quantity))
    return quantity
