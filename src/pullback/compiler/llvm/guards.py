"""Loops that are quick for ordinary arguments, and run again in full where a rare one occurred.

before -> quick loops -> (again | after), again -> complete loops -> after

`pullback.compiler.llvm.mathematics.emit` says which arguments are rare: angles beyond 2^20.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from llvmlite import ir

from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm.scalars import FLAG
from pullback.compiler.llvm.symbols import declare
from pullback.primitives.rounding import FloorDivide, Fmod, Remainder
from pullback.primitives.trigonometric import Cos, Sin, Tan

_QUICK: Final = (Sin, Cos, Tan, Remainder, Fmod, FloorDivide)
_KINDS: Final = frozenset({Kind.MAP, Kind.FOLD, Kind.ROWS})
_LONG: Final = 2000  # elements from which on a second form of the loops pays


def has_rare_arguments(plan: Plan, kernel: Kernel) -> bool:
    """Return whether a kernel has quick code, and enough to do for it."""
    stack, seen = list(kernel.values), set(kernel.reads)
    quick = long = False
    while stack and kernel.kind in _KINDS:
        number = stack.pop()
        type_ = plan.program.type_at(number)
        long = long or math.prod(type_.shape) >= _LONG
        if number in seen or number < plan.first:
            continue
        seen.add(number)
        primitive, operands = plan.program.steps[number - plan.first]
        quick = quick or (isinstance(primitive, _QUICK) and type_.dtype.kind == "f")
        stack.extend(operands)
    return quick and long


def run_guarded(b: ir.IRBuilder, loops: Callable[[ir.Value | None], None]) -> None:
    """Append quick loops, and complete ones for where a condition held.

    Args:
        b: Where they go.
        loops: Appends the loops; given a place for conditions, quick ones. They may write what
            they have written before, and must not have overwritten what they read.
    """
    with b.goto_entry_block():
        met = b.alloca(FLAG)
        b.store(ir.Constant(FLAG, 0), met)
    loops(met)
    again, after = (b.function.append_basic_block() for _ in range(2))
    b.cbranch(b.load(met, typ=FLAG), again, after)
    b.position_at_end(again)
    loops(None)
    b.branch(after)
    b.position_at_end(after)


def note(b: ir.IRBuilder, met: ir.Value, conditions: Sequence[ir.Value]) -> None:
    """Append the record of conditions, of a number each or of a vector's lanes."""
    total = b.load(met, typ=FLAG)
    for condition in conditions:
        total = b.or_(total, _any(b, condition))
    b.store(total, met)


def _any(b: ir.IRBuilder, condition: ir.Value) -> ir.Value:
    kind = condition.type
    if not isinstance(kind, ir.VectorType):
        return condition
    signature = ir.FunctionType(FLAG, [kind])
    function = declare(b.module, f"llvm.vector.reduce.or.v{kind.count}i1", signature)
    return b.call(function, [condition])
