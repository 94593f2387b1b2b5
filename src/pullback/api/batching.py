"""`vmap`: a function of one example, applied to a batch of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar, final

import numpy as np
from attrs import frozen

from pullback.api.axes import moved_axis, spread_axes
from pullback.api.functions import like, name_of, parameter_name
from pullback.api.inputs import USUAL
from pullback.api.outputs import NUMERIC
from pullback.api.plain import plain
from pullback.core import Array, Trace, constant, lift, unknown
from pullback.errors import ShapeError, StructureError
from pullback.primitives.quantity import Quantity, Value, quantity_type, shape_of
from pullback.primitives.shape import Transpose
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
    does not depend on mapped arguments is computed once.

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
        StructureError: ``in_axes`` or ``out_axes`` do not fit what they are for; or a leaf that
            should be mapped is no array.
        ConversionError: ``f`` asks for a value that is not known.

    Example:
        >>> import numpy as np
        >>> import pullback as pb
        >>> vmap(pb.vecdot, in_axes=(0, None))(np.eye(3), np.arange(3.0))
        array([0., 1., 2.])
        >>> vmap(pb.grad(lambda x: x**3))(np.array([1.0, 2.0]))
        array([ 3., 12.])
    """

    def mapped(*args: P.args, **kwargs: P.kwargs) -> R:
        return _Mapped(f, in_axes, out_axes, size).run(args, kwargs)

    made: Callable[P, R] = like(f, mapped)
    return made


@final
@frozen(eq=False, repr=False)
class _Mapped:
    """A function, and over what it is mapped."""

    f: Callable[..., object]
    in_axes: object
    out_axes: object
    size: int | None

    def run(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
        """Call the function for a batch."""
        axes = self._axes(args, kwargs)
        leaves, structure = flatten((args, dict(kwargs)))
        arrays = Array in map(type, leaves)
        trace = Trace()
        own = frozenset((trace,))
        inputs: dict[Array, tuple[Quantity, bool]] = {}
        sizes: dict[int, int] = {}  # of the batch, by the number of the leaf
        for number, (leaf, axis) in enumerate(zip(leaves, axes, strict=True)):
            if axis is None or not isinstance(leaf, NUMERIC):
                continue
            whole = _value(leaf, arrays=arrays)
            type_ = quantity_type(whole)
            if not -type_.ndim <= axis < type_.ndim:
                raise self._no_axis(axis, structure, number, type_)
            order = moved_axis(type_.ndim, axis % type_.ndim, 0)
            if order is not None:
                whole = Transpose(order)(whole)
            sizes[number], *rest = quantity_type(whole).shape
            node = unknown(ArrayType(tuple(rest), type_.dtype), own, self._label(structure, number))
            inputs[node] = whole, True
            leaves[number] = node
        size = self._size(sizes, structure)
        args, kwargs = unflatten(structure, leaves)
        return self._results(trace, inputs, self.f(*args, **kwargs), size, arrays=arrays)

    def _axes(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> list[int | None]:
        """Return the axis of each leaf of the arguments."""
        in_axes = self.in_axes
        if isinstance(in_axes, (tuple, list)):
            if len(in_axes) != len(args):
                msg = (
                    f"vmap: in_axes has {len(in_axes)} entries, and {name_of(self.f)} was called "
                    f"with {len(args)} positional arguments; give one for each"
                )
                raise StructureError(msg)
            in_axes = tuple(in_axes)
        return [
            *spread_axes("vmap", "in_axes", in_axes, args),
            *spread_axes("vmap", "in_axes", 0, dict(kwargs)),
        ]

    def _size(self, sizes: Mapping[int, int], structure: Structure[object]) -> int:
        """Return the size of the batch, which all mapped leaves have."""
        if not sizes and self.size is None:
            msg = (
                f"vmap: no argument of {name_of(self.f)} is mapped; give an axis in in_axes, or "
                "the size of the batch as size=..."
            )
            raise ShapeError(msg)
        size = next(iter(sizes.values())) if self.size is None else self.size
        for number, other in sizes.items():
            if other != size:
                first = next(iter(sizes))
                before = f"{self._label(structure, first)} has {size}"
                if self.size is not None:
                    before = f"size={size}"
                msg = (
                    f"vmap: the sizes of the batch differ: {before}, "
                    f"{self._label(structure, number)} has {other}; in_axes says which axes count"
                )
                raise ShapeError(msg)
        return size

    def _label(self, structure: Structure[object], number: int) -> str:
        """Return how a user reaches a leaf of the arguments."""
        keyword, key, *rest = leaf_path(structure, number).texts
        if keyword == "[1]":
            return key[2:-2] + "".join(rest)
        return parameter_name(self.f, int(key[1:-1])) + "".join(rest)

    def _no_axis(
        self, axis: int, structure: Structure[object], number: int, type_: ArrayType
    ) -> ShapeError:
        return ShapeError(
            f"vmap: {self._label(structure, number)} has shape {type_.shape}, and no axis {axis} "
            "to map over; give another axis in in_axes, or None for what all examples share"
        )

    def _results(
        self,
        trace: Trace,
        inputs: Mapping[Array, tuple[Quantity, bool]],
        result: object,
        size: int,
        *,
        arrays: bool,
    ) -> object:
        """Return the result of the whole batch from that of one example."""
        axes = spread_axes("vmap", "out_axes", self.out_axes, result)
        leaves, structure = flatten(result)
        numbers = [number for number, leaf in enumerate(leaves) if isinstance(leaf, NUMERIC)]
        nodes = [lift(leaves[number]) for number in numbers]
        given = {id(quantity) for quantity, _ in inputs.values()}
        found = batch(trace, inputs, nodes, size)
        for number, (quantity, batched) in zip(numbers, found, strict=True):
            axis = axes[number]
            if axis is None and batched:
                msg = (
                    f"vmap: the result at {leaf_path(structure, number).place} differs between "
                    "the examples, and out_axes is None for it; give an axis"
                )
                raise ShapeError(msg)
            whole: Quantity = quantity
            if axis is not None:
                whole = quantity if batched else with_batch_axis(quantity, size)
                ndim = len(shape_of(whole))
                if not -ndim <= axis < ndim:
                    msg = f"vmap: no axis {axis} in a result of shape {shape_of(whole)}"
                    raise ShapeError(msg)
                order = moved_axis(ndim, 0, axis % ndim)
                whole = whole if order is None else Transpose(order)(whole)
            leaves[number] = _result(whole, arrays=arrays, owned=id(whole) not in given)
        return unflatten(structure, leaves)


def _value(leaf: Value, *, arrays: bool) -> Quantity:
    """Return a mapped leaf: a node, or where results will be plain, the ndarray itself."""
    if not arrays and leaf.__class__ is np.ndarray and leaf.dtype in USUAL and leaf.ndim:
        plain_value: Quantity = leaf
        return plain_value
    node = lift(leaf)
    bare: Quantity = node._value
    return node if node.sources else bare


def _result(quantity: Value, *, arrays: bool, owned: bool) -> object:
    """Return a result as it leaves: an array of ours, or plain and not shared with anything."""
    if isinstance(quantity, Array):
        return quantity if arrays else plain(quantity)
    if arrays:
        return constant(quantity)
    if isinstance(quantity, np.ndarray) and not (owned and quantity.base is None):
        return quantity.copy()
    return quantity
