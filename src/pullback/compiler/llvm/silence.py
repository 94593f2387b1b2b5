"""Contractions in which some terms count as zero, whatever the other factor: see `Contract.no_nan`.

Where a sum is not nan, none of its terms was, and all count as what they are. So sums are made as
ever, and those that are nan a second time, one by one, by a function that a module has once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llvmlite import ir

from pullback.compiler.contractions import Axis
from pullback.compiler.llvm import vectors
from pullback.compiler.llvm.scalars import DOUBLE, INDEX, POINTER
from pullback.compiler.llvm.vectors import loop

#: The places of elements of the left and the right factor and of the result.
Places = tuple[ir.Value, ir.Value, ir.Value]


def mend(
    b: ir.IRBuilder, kind: ir.Type, silent: str, places: Places, axes: Sequence[Axis]
) -> None:
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
    function = _function(b.module, kind, silent, len(axes))
    b.call(function, [*places, *(ir.Constant(INDEX, n) for n in numbers)])


def _function(module: ir.Module, kind: ir.Type, silent: str, count: int) -> ir.Function:
    """Return the function that looks at sums again: rarely called, so nobody optimises it."""
    name = f"mend_{'double' if kind == DOUBLE else 'single'}_{silent}_{count}"
    found = module.globals.get(name)
    if isinstance(found, ir.Function):
        return found
    arguments = [POINTER] * 3 + [INDEX] * (4 * count)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    function.linkage = "internal"
    for attribute in ("noinline", "optnone"):
        function.attributes.add(attribute)
    left, right, out, *numbers = function.args
    b = ir.IRBuilder(function.append_basic_block("entry"))
    rows, columns, *summed = [numbers[k : k + 4] for k in range(0, len(numbers), 4)]

    def again(places: Places, _: list[ir.Value]) -> list[ir.Value]:
        place = places[2]
        with b.if_then(vectors.is_nan(b, b.load(place, typ=kind))):
            start = [ir.Constant(kind, 0.0)]
            (total,) = _around(b, kind, summed, places, start, lambda p, t: [_term(b, kind, silent, p, t)])
            b.store(total, place)
        return []

    _around(b, kind, [rows, columns], (left, right, out), [], again)
    b.ret_void()
    return function


def _around(
    b: ir.IRBuilder,
    kind: ir.Type,
    axes: Sequence[Sequence[ir.Value]],
    places: Places,
    carried: list[ir.Value],
    body: Callable[[Places, list[ir.Value]], list[ir.Value]],
) -> list[ir.Value]:
    """Append loops over axes, each its size and its three steps."""
    if not axes:
        return body(places, carried)
    (size, *steps), *rest = axes

    def inner(at: ir.Value, values: list[ir.Value]) -> list[ir.Value]:
        x, y, out = (
            b.gep(place, [b.mul(at, step)], source_etype=kind)
            for place, step in zip(places, steps, strict=True)
        )
        return _around(b, kind, rest, (x, y, out), values, body)

    return loop(b, 2, carried, inner, (ir.Constant(INDEX, 0), size))


def _term(
    b: ir.IRBuilder, kind: ir.Type, silent: str, places: Places, totals: list[ir.Value]
) -> ir.Value:
    """Append the addition of a product, unless it is nan and counts as zero."""
    (total,) = totals
    x, y = (b.load(place, typ=kind) for place in places[:2])
    product = b.fmul(x, y)
    zero = ir.Constant(kind, 0.0)
    flags = [b.fcmp_ordered("==", v, zero) for v, name in ((x, "x"), (y, "y")) if name in silent]
    quiet = flags[0] if len(flags) == 1 else b.or_(*flags)
    bad = b.and_(quiet, vectors.is_nan(b, product))
    return b.select(bad, total, b.fadd(total, product))
