"""Contractions in which some terms count as zero, whatever the other factor: see `Contract.no_nan`.

Where a sum is not nan, none of its terms was, and all count as what they are. So sums are made as
ever, and those that are nan a second time, one by one, by a function of the library.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import final

from attrs import frozen
from llvmlite import ir

from pullback.compiler.contractions import Axis
from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.library import borrow
from pullback.compiler.llvm.scalars import DOUBLE, INDEX, POINTER
from pullback.compiler.llvm.vectors import loop

#: The places of elements of the left and the right factor and of the result.
Places = tuple[ir.Value, ir.Value, ir.Value]
#: Appends what is done at some places to what is carried.
Body = Callable[[Places, list[ir.Value]], list[ir.Value]]


def mend(b: ir.IRBuilder, kind: ir.Type, silent: str, places: Places, axes: Sequence[Axis]) -> None:
    """Append a second look at each sum of a tile.

    Args:
        b: Where it goes.
        kind: Of the elements.
        silent: Which factors silence the other where they are zero: "x", "y" or "xy", of which
            x is the left one.
        places: Of the first elements.
        axes: The two axes of the tile, and those that are summed over.
    """
    numbers = [n for axis in axes for n in (axis.size, axis.x, axis.y, axis.out)]
    function = mending(b.module, kind, silent, len(axes))
    b.call(function, [*places, *(ir.Constant(INDEX, n) for n in numbers)])


def signature(count: int) -> ir.FunctionType:
    """Return the type of `mending` for so many axes: places, and of each axis four numbers."""
    return ir.FunctionType(ir.VoidType(), [POINTER] * 3 + [INDEX] * (4 * count))


def mending(module: ir.Module, kind: ir.Type, silent: str, count: int) -> ir.Function:
    """Return the function that looks at sums again: rarely called, so nobody optimises it."""
    name = f"mend_{'double' if kind == DOUBLE else 'single'}_{silent}_{count}"
    write = functools.partial(_write, kind=kind, silent=silent)
    return borrow(module, name, signature(count), write)


def _write(function: ir.Function, *, kind: ir.Type, silent: str) -> None:
    """Append the code of that function."""
    for attribute in ("noinline", "optnone"):
        function.attributes.add(attribute)
    left, right, out, *numbers = function.args
    rows, columns, *summed = [numbers[k : k + 4] for k in range(0, len(numbers), 4)]
    again = _Again(ir.IRBuilder(function.append_basic_block("entry")), kind, silent, summed)
    again.around([rows, columns], (left, right, out), [], again.look)
    again.b.ret_void()


@final
@frozen
class _Again:
    """The code of that function. Of each axis it knows, as values, the size and the three steps."""

    b: ir.IRBuilder
    kind: ir.Type
    silent: str
    summed: Sequence[Sequence[ir.Value]]

    def around(
        self,
        axes: Sequence[Sequence[ir.Value]],
        places: Places,
        carried: list[ir.Value],
        body: Body,
    ) -> list[ir.Value]:
        """Append loops over axes."""
        if not axes:
            return body(places, carried)
        b, (size, *steps), rest = self.b, axes[0], axes[1:]

        def inner(at: ir.Value, values: list[ir.Value]) -> list[ir.Value]:
            x, y, out = (
                b.gep(place, [b.mul(at, step)], source_etype=self.kind)
                for place, step in zip(places, steps, strict=True)
            )
            return self.around(rest, (x, y, out), values, body)

        return loop(b, 2, carried, inner, (ir.Constant(INDEX, 0), size))

    def look(self, places: Places, carried: list[ir.Value]) -> list[ir.Value]:
        """Append the second look at one sum."""
        b, place = self.b, places[2]
        with b.if_then(vectors.is_nan(b, b.load(place, typ=self.kind))):
            start: list[ir.Value] = [ir.Constant(self.kind, 0.0)]
            (total,) = self.around(self.summed, places, start, self.term)
            b.store(total, place)
        return carried

    def term(self, places: Places, totals: list[ir.Value]) -> list[ir.Value]:
        """Append the addition of a product, unless it is nan and counts as zero."""
        b, (total,) = self.b, totals
        x, y = (b.load(place, typ=self.kind) for place in places[:2])
        product, zero = b.fmul(x, y), ir.Constant(self.kind, 0.0)
        factors = [factor for factor, name in ((x, "x"), (y, "y")) if name in self.silent]
        quiet = functools.reduce(b.or_, [b.fcmp_ordered("==", f, zero) for f in factors])
        bad = b.and_(quiet, vectors.is_nan(b, product))
        return [b.select(bad, total, b.fadd(total, product))]
