"""Elements at places that index arrays name, and the look at these arrays.

check(indices) != 0  ->  the run ends, and NumPy evaluates the program and names the index
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, final

import numpy as np
from llvmlite import ir

from pullback.compiler.indexing import INDEXING, OneHot, Selection, unknown_indices
from pullback.compiler.indices import ZERO, Affine
from pullback.compiler.interface import REFUSED
from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm import scalars
from pullback.compiler.llvm.nests import nest
from pullback.compiler.llvm.places import STATUS, Places
from pullback.compiler.llvm.scalars import FLAG, INDEX, POINTER
from pullback.types.promotion import DType

if TYPE_CHECKING:
    from pullback.compiler.llvm.elements import Elements

_INT64: Final[DType] = np.dtype(np.int64)
_HALF: Final = ir.IntType(32)


def source(elements: Elements, found: Selection, index: tuple[Affine, ...]) -> tuple[Affine, ...]:
    """Append the loads of indices; return which element of the array is selected.

    Args:
        elements: The body of the loop.
        found: What the index arrays select.
        index: An index of what is selected.
    """
    at, start = found.at, found.at.position
    rest = iter([*index[:start], *index[start + len(found.block) :]])
    places: list[Affine] = []
    for axis, size in enumerate(found.shape):
        if axis not in at.axes:
            places.append(next(rest))
            continue
        k = at.axes.index(axis)
        grid = found.grids[k]
        if size == 1:
            places.append(ZERO)
        elif grid is not None:
            places.append(index[start + grid])
        else:
            places.append(elements.variable(_wrapped(elements, found, k, index)))
    return tuple(places)


def one_hot_element(
    elements: Elements, found: OneHot, updates: int, index: tuple[Affine, ...]
) -> ir.Value:
    """Append the comparison of an element's index with the one that has a term."""
    b, selection = elements.builder, found.selection
    place = found.updates(index)
    named = _wrapped(elements, selection, found.free, place)
    here = elements.place(index[found.axis])
    if selection.shape[found.axis] < 1 << 31:  # half the width, twice the elements in a vector
        named, here = (b.trunc(value, _HALF) for value in (named, here))
    value = elements.value(updates, place)
    zero = ir.Constant(value.type, 0)
    if not selection.at.unique and isinstance(value.type, (ir.FloatType, ir.DoubleType)):
        value = b.fadd(value, zero)  # so that -0.0 becomes 0.0
    return b.select(b.icmp_signed("==", named, here), value, zero)


def _wrapped(elements: Elements, found: Selection, k: int, index: tuple[Affine, ...]) -> ir.Value:
    """Append the load of an index, counted from the front."""
    b, number = elements.builder, found.indices[k]
    dtype = elements.plan.program.type_at(number).dtype
    value = scalars.cast(b, elements.value(number, found.index_of(k, index)), dtype, _INT64)
    if dtype.kind == "u":
        return value
    size = ir.Constant(INDEX, found.shape[found.at.axes[k]])
    negative = b.icmp_signed("<", value, ir.Constant(INDEX, 0))
    return b.select(negative, b.add(value, size), value)


@final
class Checks:
    """The looks at index arrays, each before the first kernel that reads the array."""

    def __init__(self, plan: Plan) -> None:
        self.open: dict[tuple[int, int], None] = {}
        if plan.program.operations.isdisjoint(INDEXING):
            return
        for number, (primitive, _) in enumerate(plan.program.steps, plan.first):
            if isinstance(primitive, INDEXING) and plan.kinds[number] is not Kind.HOST:
                self.open.update(dict.fromkeys(unknown_indices(plan.program, number)))

    def before(self, kernel: Kernel, places: Places) -> None:
        """Append those that a kernel needs."""
        b = places.builder
        for number, size in list(self.open):
            if number in kernel.reads:
                del self.open[number, size]
                type_ = places.plan.program.type_at(number)
                function = _check(b.module, type_.dtype, math.prod(type_.shape), size)
                places.check(b.call(function, [places.pointer(number)]))


def _check(module: ir.Module, dtype: DType, count: int, size: int) -> ir.Function:
    """Return a function that tells whether an index is out of range: 0, or `REFUSED`.

    Args:
        module: Where it goes.
        dtype: That of the indices.
        count: How many there are.
        size: The size of the axis that they index.
    """
    name = f"check_{dtype.str[1:]}_{count}_{size}"
    known = module.globals.get(name)
    if isinstance(known, ir.Function):
        return known
    function = ir.Function(module, ir.FunctionType(STATUS, [POINTER]), name)
    function.linkage = "internal"
    b = ir.IRBuilder(function.append_basic_block("entry"))
    outside = b.alloca(FLAG)
    b.store(ir.Constant(FLAG, 0), outside)
    shift, extent = (0, size) if dtype.kind == "u" else (size, 2 * size)
    kind = scalars.stored(dtype)

    def body(variables: dict[int, ir.Value]) -> None:
        pointer = b.gep(function.args[0], [variables[0]], source_etype=kind)
        index = scalars.cast(b, b.load(pointer, typ=kind), dtype, _INT64)
        moved = b.add(index, ir.Constant(INDEX, shift))
        wrong = b.icmp_unsigned(">=", moved, ir.Constant(INDEX, extent))
        b.store(b.or_(b.load(outside, typ=FLAG), wrong), outside)

    nest(b, [(0, count)], body)
    found = b.load(outside, typ=FLAG)
    b.ret(b.select(found, ir.Constant(STATUS, REFUSED), ir.Constant(STATUS, 0)))
    return function
