"""Into how many parts the work of a kernel is cut, for threads to share.

The number depends on the program alone, and no result on who computes which part.
"""

from __future__ import annotations

import math
from typing import Final

from pullback.compiler.contractions import terms
from pullback.compiler.convolutions import shared_products
from pullback.compiler.kernel import Kernel
from pullback.compiler.kernels import Plan
from pullback.compiler.kinds import FOLDS, IDENTITIES, Kind
from pullback.compiler.reductions import Order, order
from pullback.compiler.rows import shared_rows
from pullback.primitives.arithmetic import Add, Multiply, Negative, Subtract
from pullback.primitives.cast import Cast
from pullback.primitives.contraction import Contract
from pullback.primitives.pooling import MaxPool, MaxPoolShare
from pullback.primitives.primitive import Primitive
from pullback.primitives.selection import Where

_WORTH: Final = 50_000  # nanoseconds of work from which it is shared
_PART: Final = 12_500  # nanoseconds of a part
_MOST: Final = 64  # parts
_TERM: Final = 0.005  # nanoseconds for each byte of an element of a contraction's terms
_ELEMENT: Final = 0.03  # nanoseconds for each byte of an element that a window shows
_CHEAP: Final = (Add, Subtract, Multiply, Negative, Where, Cast, *IDENTITIES)


def parts(plan: Plan, kernel: Kernel) -> int:
    """Return into how many parts a kernel is cut; 1 where that does not pay."""
    work = _nanoseconds(plan, kernel)
    return min(_MOST, int(work / _PART)) if work >= _WORTH else 1


def calls_threads(plan: Plan) -> bool:
    """Return whether a kernel of a plan, or of a program that it calls, is cut."""
    return any(parts(plan, kernel) > 1 for kernel in plan.kernels) or any(
        calls_threads(each) for plans in plan.calls.values() for each in plans
    )


def _nanoseconds(plan: Plan, kernel: Kernel) -> float:
    """Return about how long one thread takes, for kernels that can be cut."""
    program = plan.program
    value = kernel.values[0]
    if kernel.kind is Kind.PRODUCT:
        contract, (x, y) = program.steps[value - plan.first]
        assert isinstance(contract, Contract), "the only product"
        shapes = program.type_at(x).shape, program.type_at(y).shape
        return terms(contract, *shapes) * program.type_at(value).dtype.itemsize * _TERM
    if kernel.kind is Kind.CONVOLUTION:
        return shared_products(program, value) * program.type_at(value).dtype.itemsize * _TERM
    if kernel.kind is Kind.POOLING:
        pool = program.steps[value - plan.first][0]
        assert isinstance(pool, (MaxPool, MaxPoolShare)), "these are the poolings"
        every = (*kernel.reads, *kernel.writes)
        windows = min(math.prod(program.type_at(number).shape) for number in every)
        seen = windows * math.prod(pool.window) * len(kernel.reads)
        return seen * program.type_at(value).dtype.itemsize * _ELEMENT
    if kernel.kind is Kind.MAP:
        size = math.prod(program.type_at(value).shape)
        return size * (_moved(plan, kernel, size) + _computed(plan, kernel))
    if kernel.kind is Kind.FOLD:
        fold, (operand,) = program.steps[value - plan.first]
        assert isinstance(fold, FOLDS), "these are the folds"
        shape = program.type_at(operand).shape
        if order(shape, fold.axes) is not Order.RUNS:
            return 0.0
        size = math.prod(shape)
        return size * (_moved(plan, kernel, size) + _computed(plan, kernel))
    if kernel.kind is Kind.ROWS:
        rows = shared_rows(program, kernel.values)
        size = math.prod(rows.shape)
        rate = _moved(plan, kernel, size) + _computed(plan, kernel)
        return size * rate if rows.length < size else 0.0  # a single row is in one part
    return 0.0


def _moved(plan: Plan, kernel: Kernel, size: int) -> float:
    """Return the nanoseconds for reading and writing the elements of one of so many indices."""
    types = [plan.program.type_at(number) for number in (*kernel.reads, *kernel.writes)]
    return sum(0.03 * t.dtype.itemsize for t in types if math.prod(t.shape) * 2 > size)


def _computed(plan: Plan, kernel: Kernel) -> float:
    """Return the nanoseconds for the steps of one index."""
    stack, seen, total = list(kernel.values), set(kernel.reads), 0.0
    while stack:
        number = stack.pop()
        if number in seen or number < plan.first:
            continue
        seen.add(number)
        primitive, operands = plan.program.steps[number - plan.first]
        if plan.kinds[number] is Kind.MAP:
            itemsize = plan.program.type_at(number).dtype.itemsize
            total += itemsize * _cost(primitive)
        stack.extend(operands)
    return total


def _cost(primitive: Primitive) -> float:
    """Return the nanoseconds for each byte of a result."""
    return 0.01 if isinstance(primitive, _CHEAP) else 0.15
