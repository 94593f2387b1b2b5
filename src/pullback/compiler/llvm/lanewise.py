"""Which maps are computed in vectors of the machine's width, several elements at a time.

The innermost loop's variable then steps by as many elements as a vector has: an operand is read
from memory side by side, or is the same in all lanes. What is read otherwise, in steps or from
where an array of indices says, is left to a loop over single elements, and to LLVM's vectoriser.
"""

from __future__ import annotations

import math
from typing import Final

from pullback.compiler.indices import Index, broadcast, flatten, through
from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import Kind
from pullback.compiler.llvm.vectors import registers
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.slicing import PadSlice
from pullback.primitives.trigonometric import Cos, Sin, Tan

_LONG: Final = 4096  # elements from which two registers at a time pay
_APART: Final = (PadSlice, Gather, ScatterAdd, Sin, Cos, Tan)  # these read memory by lanes


def lane_count(plan: Plan, kernel: Kernel, index: Index, variable: int) -> int:
    """Return how many elements a map takes at a time; 1 if it does not work in vectors.

    Args:
        plan: What is compiled.
        kernel: The map.
        index: Where it computes its values.
        variable: The innermost loop's.
    """
    stack: list[tuple[int, Index]] = [(number, index) for number in kernel.values]
    reads = frozenset(kernel.reads)
    size = math.prod(plan.program.type_at(kernel.values[0]).shape)
    seen: set[tuple[int, Index]] = set()
    widest = 1
    while stack:
        number, place = item = stack.pop()
        if item in seen or number in plan.literals:
            continue
        seen.add(item)
        type_ = plan.program.type_at(number)
        widest = max(widest, type_.dtype.itemsize)
        if number in reads:
            if dict(flatten(place, type_.shape).terms).get(variable, 0) not in {0, 1}:
                return 1
            continue
        primitive, operands = plan.program.steps[number - plan.first]
        if isinstance(primitive, _APART):
            return 1
        for operand in operands:
            have = plan.program.type_at(operand).shape
            if plan.kinds[number] is Kind.MAP:
                stack.append((operand, broadcast(place, have, type_.shape)))
            else:
                stack.append((operand, through(primitive, place, have, type_.shape)))
    return registers().bytes * (2 if size >= _LONG else 1) // widest
