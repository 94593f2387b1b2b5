"""``x.at[key]``: new arrays that differ from ``x`` in the elements that a key selects."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, final

import numpy as np
from attrs import evolve, frozen

from pullback.api.index_key import Selection, select
from pullback.api.index_steps import (
    at_indices,
    gathered_shape,
    inner_part,
    inner_replaced,
    placed,
    replaced,
    reshaped,
    taken,
)
from pullback.api.index_values import fitted
from pullback.api.indexing import getitem
from pullback.api.occurrences import Combine, updated_in_turn, without_repeats
from pullback.core import Array, ArrayLike, apply, constant, operands
from pullback.primitives.arithmetic import Add, Divide, Multiply, Subtract
from pullback.primitives.cast import Cast
from pullback.primitives.extremum import Maximum, Minimum
from pullback.primitives.power import Power
from pullback.primitives.primitive import Primitive
from pullback.primitives.scatter import ScatterExtreme
from pullback.primitives.selection import Where
from pullback.primitives.shape import BroadcastTo, Reshape


@final
@frozen(eq=False)
class At:
    """What ``x.at`` is: ``x.at[key]`` names elements of ``x``."""

    array: ArrayLike

    def __getitem__(self, key: object, /) -> Elements:
        return Elements(operands(self.array)[0], key)


@final
@frozen(eq=False)
class Elements:
    """The elements ``x[key]`` of an array, of which a method makes a new array.

    The new array has the shape and dtype of ``x``. A value broadcasts to the shape of ``x[key]``
    and takes the dtype of ``x``, which must hold its kind (NumPy's ``same_kind``, as for ``+=``):
    float64 may go into float32, but not a float into integers, nor a complex number into floats.
    Where an index occurs several times, every occurrence counts, in order, as for ``ufunc.at`` of
    NumPy; of several values that are set the last one stays. All is differentiable, in ``x`` and
    in the value.

    Example:
        >>> import pullback as pb
        >>> pb.asarray([1.0, 2.0, 3.0]).at[[0, 0, 2]].add(10.0)
        Array([21.,  2., 13.], float64[3])
    """

    array: Array
    key: object

    def get(
        self,
        *,
        mode: Literal["raise", "clip", "fill"] = "raise",
        fill_value: ArrayLike | None = None,
    ) -> Array:
        """Return ``x[key]``.

        Args:
            mode: What an integer index out of range does: "raise" raises, "clip" selects the
                nearest element, "fill" gives ``fill_value`` in its place.
            fill_value: A number; ``None`` is nan, for which ``x`` must be floating or complex.
        """
        if mode == "raise":
            return getitem(self.array, self.key)
        selection, inside = _clipped(select(self.key, self.array.shape, exact=False))
        found = taken(_named("get"), self.array, selection)
        if mode == "clip" or selection.gather is None:
            return found
        value = np.nan if fill_value is None else fill_value
        fill = fitted(_named("get"), value, self.array.dtype, selection.shape)
        shape = gathered_shape(selection, selection.gather)
        after = len(selection.inner) - len(selection.gather.axes) - selection.gather.position
        inside = apply(Reshape(inside.shape + (1,) * after), inside)
        inside = reshaped(apply(BroadcastTo(shape), inside), selection.shape)
        return apply(Where(), inside, found, fill)

    def set(self, value: ArrayLike) -> Array:
        """Return ``x`` with the elements replaced; the gradient in ``x`` is zero there."""
        selection, values = self._selected("set", value)
        return replaced(_named("set"), self.array, selection, values)

    def add(self, value: ArrayLike) -> Array:
        """Return ``x`` with the value added to the elements."""
        selection, values = self._selected("add", value)
        return apply(Add(), self.array, placed(_named("add"), self.array, selection, values))

    def subtract(self, value: ArrayLike) -> Array:
        """Return ``x`` with the value subtracted from the elements."""
        selection, values = self._selected("subtract", value)
        part = placed(_named("subtract"), self.array, selection, values)
        return apply(Subtract(), self.array, part)

    def multiply(self, value: ArrayLike) -> Array:
        """Return ``x`` with the elements multiplied by the value."""
        return self._combined("multiply", Multiply(), value)

    def divide(self, value: ArrayLike) -> Array:
        """Return ``x`` with the elements divided by the value; ``x`` must not be of integers."""
        return self._combined("divide", Divide(), value)

    def power(self, value: ArrayLike) -> Array:
        """Return ``x`` with the elements raised to the power of the value."""
        return self._combined("power", Power(), value)

    def min(self, value: ArrayLike) -> Array:
        """Return ``x`` with the elements replaced by the value where that is smaller.

        Where several are equal, each has an equal share of the gradient.
        """
        return self._extreme("min", value, least=True)

    def max(self, value: ArrayLike) -> Array:
        """Return ``x`` with the elements replaced by the value where that is larger.

        Where several are equal, each has an equal share of the gradient.
        """
        return self._extreme("max", value, least=False)

    def apply(self, function: Callable[[Array], Array]) -> Array:
        """Return ``x`` with the elements replaced by the function of them.

        Args:
            function: Takes an array of some of the elements, of any shape, to one of that shape;
                it works element by element. An element whose index occurs several times is put
                through it as often.
        """
        selection = select(self.key, self.array.shape)
        return _updated(_named("apply"), self.array, selection, function)

    def _selected(self, method: str, value: ArrayLike) -> tuple[Selection, Array]:
        """Return what the key selects, and the value in its shape and the dtype of the array."""
        selection = select(self.key, self.array.shape)
        values = fitted(_named(method), value, self.array.dtype, selection.shape)
        return selection, values

    def _combined(self, method: str, primitive: Primitive, value: ArrayLike) -> Array:
        """Return the array with the elements combined with the value by a primitive."""
        selection, values = self._selected(method, value)
        return _updated(_named(method), self.array, selection, partial(apply, primitive), values)

    def _extreme(self, method: str, value: ArrayLike, *, least: bool) -> Array:
        """Return the array with the elements replaced by the extreme of them and the value."""
        selection, values = self._selected(method, value)
        gather = selection.gather
        if gather is None or gather.unique:
            combine = partial(apply, Minimum() if least else Maximum())
            return _updated(_named(method), self.array, selection, combine, values)
        primitive = ScatterExtreme(gather, least)
        inner = inner_part(self.array, selection)
        values = reshaped(values, gathered_shape(selection, gather))
        inner = at_indices(_named(method), self.array, selection, primitive, inner, values)
        return inner_replaced(self.array, selection, inner)


def _named(method: str) -> str:
    """Return what an error calls a method."""
    return f"x.at[key].{method}"


def _updated(
    operation: str, array: Array, selection: Selection, combine: Combine, *values: Array
) -> Array:
    """Return the array with the selected elements combined with values, if there are any."""

    def combined(elements: Array, *values: Array) -> Array:
        return fitted(operation, combine(elements, *values), array.dtype, elements.shape)

    elements = taken(operation, array, selection)
    distinct = without_repeats(operation, selection)
    if distinct is None:
        return updated_in_turn(operation, array, selection, combined, values)
    return replaced(operation, array, distinct, combined(elements, *values))


def _clipped(selection: Selection) -> tuple[Selection, Array]:
    """Return the selection with its indices clipped, and where they were inside.

    The second has the broadcast shape of the index arrays.
    """
    inside = constant(np.True_)
    indices = []
    for index in selection.indices:
        n = selection.inner[index.axis]
        given = apply(Cast(np.dtype(np.intp)), index.array)
        counted = apply(Where(), given < 0, given + n, given)
        inside = inside & (counted >= 0) & (counted < n)
        clipped = apply(Minimum(), apply(Maximum(), counted, constant(0)), constant(n - 1))
        indices.append(evolve(index, array=clipped))
    return evolve(selection, indices=tuple(indices)), inside
