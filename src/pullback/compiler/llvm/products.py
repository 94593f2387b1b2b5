"""Kernels that contract: which axes the tiles run along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from attrs import evolve
from llvmlite import ir

from pullback.compiler.contractions import Axis, axes
from pullback.compiler.kernel import Kernel
from pullback.compiler.llvm import scalars, vectors
from pullback.compiler.llvm.dots import Dots
from pullback.compiler.llvm.epilogues import Epilogue
from pullback.compiler.llvm.loops import Code
from pullback.compiler.llvm.nests import nest
from pullback.compiler.llvm.panels import Panels
from pullback.compiler.llvm.sums import ONE, Places, Term
from pullback.primitives.contraction import Contract

_FEW: Final = 32  # twice the rows up to which transposing the other factor does not pay


def emit_product(code: Code, kernel: Kernel) -> None:
    """Append a contraction, and maps of its elements."""
    out, *maps = kernel.values
    contract, (x, y) = code.plan.program.steps[out - code.plan.first]
    assert isinstance(contract, Contract), "the only product"
    type_ = code.plan.program.type_at(out)
    kind = scalars.computed(type_.dtype)
    if 0 in code.shape(x):
        _clear(code, kind, code.pointers[out], math.prod(type_.shape))
        return
    epilogue = Epilogue(code, kernel) if maps else None
    streams = epilogue.streams if epilogue else ()
    place = epilogue.place if epilogue else code.pointers[out]
    beside = tuple([stream.pointer for stream in streams])
    places = Places(code.pointers[x], code.pointers[y], place, beside)
    steps = [stream.steps for stream in streams]
    loops = axes(contract, code.shape(x), code.shape(y), steps)
    along = next((axis for axis in loops if axis.out == 1), None)
    swapped = along is not None and along.y == 0
    if swapped:
        loops = tuple([evolve(axis, x=axis.y, y=axis.x) for axis in loops])
        places = evolve(places, left=places.right, right=places.left)
    silent = ""
    if contract.no_nan:
        silent = "xy" if contract.symmetric else "y" if swapped else "x"
    term = Term(kind, type_.dtype.itemsize, silent)
    evolve(_tiles(code.builder, term, loops), epilogue=epilogue).emit(places, code.part)


def _clear(code: Code, kind: ir.Type, pointer: ir.Value, size: int) -> None:
    """Append a store of zeros: sums of nothing."""
    b = code.builder

    def body(variables: dict[int, ir.Value]) -> None:
        place = b.gep(pointer, [variables[0]], source_etype=kind)
        b.store(vectors.zeros(kind), place)

    nest(b, [(0, size)], body)


def _tiles(b: ir.IRBuilder, term: Term, loops: Sequence[Axis]) -> Panels | Dots:
    """Return the tiles of a contraction whose right factor has the result's last axis."""
    along = next((axis for axis in loops if axis.out == 1), None)
    summed = [axis for axis in loops if axis.out == 0] or [ONE]
    around = [axis for axis in loops if axis.out > 0]
    rows = [axis for axis in around if axis.y == 0]
    used = math.prod(axis.size for axis in rows)
    dotted = max(summed, key=lambda axis: (axis.x == axis.y == 1, axis.size))
    if along is None or (
        along.y > 1 and dotted.x == dotted.y == 1 and 2 * used < min(dotted.size, _FEW)
    ):
        row = max(rows, key=_size, default=ONE)
        column = max((axis for axis in around if axis.x == 0), key=_size, default=ONE)
        summed = [axis for axis in summed if axis is not dotted]
        outside = [axis for axis in around if axis is not row and axis is not column]
        return Dots(b, term, dotted, row, column, outside, summed)
    row = max(rows, key=_size, default=ONE)
    inside = [axis for axis in rows if axis is not row]
    outside = [axis for axis in around if axis.y > 0 and axis is not along]
    return Panels(b, term, along, row, outside, inside, summed)


def _size(axis: Axis) -> int:
    return axis.size
