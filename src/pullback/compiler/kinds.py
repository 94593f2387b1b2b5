"""How each step of a program is computed.

A *map* computes each element from elements of its operands at places that the program states; a
*view* only moves elements. A *fold* reduces, a *product* contracts, a *join* writes its operands
side by side, and what has no native rule is a call of the *host*: of NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Final, final

import numpy as np
from attrs import evolve

from pullback.compiler.contractions import is_native
from pullback.control.checkpointing import Named
from pullback.core.program import Program
from pullback.primitives.arithmetic import Positive
from pullback.primitives.cast import Cast
from pullback.primitives.complex import Conjugate, Real
from pullback.primitives.contraction import Contract
from pullback.primitives.elementwise import Elementwise
from pullback.primitives.identity import Input, StopGradient
from pullback.primitives.joining import Concat
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.primitives.reduction import All, Any, Max, Min, Prod
from pullback.primitives.selection import Where
from pullback.primitives.shape import BroadcastTo, Flip, Reshape, Sum, Transpose
from pullback.primitives.slicing import PadSlice, Slice, SliceSet
from pullback.types import ArrayType
from pullback.types.promotion import DType

#: Primitives that hand their operand on, if it is real.
IDENTITIES: Final = (Input, StopGradient, Named, Positive, Conjugate, Real)
#: Whether a primitive has instructions for operands of these types and a result of a dtype.
Instructions = Callable[[Primitive, tuple[ArrayType, ...], DType], bool]

_VIEWS: Final = (Transpose, BroadcastTo, Reshape, Flip, Slice, PadSlice)
_FOLDS: Final = (Sum, Prod, Max, Min, Any, All)
_MAPS: Final = (Elementwise, Where, Cast, *IDENTITIES)


@final
class Kind(Enum):
    """How a step is computed."""

    MAP = auto()
    VIEW = auto()
    FOLD = auto()
    PRODUCT = auto()
    JOIN = auto()
    HOST = auto()


def has_scalar(dtype: DType) -> bool:
    """Return whether native code knows elements of a dtype."""
    return dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize in {4, 8})


def step_types(program: Program, step: int, literals: dict[int, Value]) -> tuple[ArrayType, ...]:
    """Return the operands' types as the code sees them: a literal that fits is not weak."""
    out = program.types[step].dtype
    types = []
    for operand in program.steps[step][1]:
        type_ = program.type_at(operand)
        if operand in literals and type_.weak and type_.dtype.kind == "i" and out.kind in "iu":
            limit = 1 << (8 * out.itemsize - (out.kind == "i"))
            if -limit * (out.kind == "i") <= literals[operand] < limit:
                type_ = evolve(type_, weak=False)
        types.append(evolve(type_, shape=()) if type_.parts is None else type_)
    return tuple(types)


def step_kinds(
    program: Program, literals: dict[int, Value], instructions: Instructions
) -> dict[int, Kind]:
    """Return how each step is computed."""
    first = len(program.inputs) + len(program.constants)
    return {first + k: _kind(program, k, literals, instructions) for k in range(len(program.steps))}


def number_literals(program: Program) -> dict[int, Value]:
    """Return the constants that are numbers which can stand in the code."""
    return {
        number: value
        for number, value in enumerate(program.constants, len(program.inputs))
        if np.ndim(value) == 0 and _fits(program.type_at(number), value)
    }


def _fits(type_: ArrayType, value: Value) -> bool:
    """Return whether a constant is a number that code can hold."""
    if type_.parts is not None or not has_scalar(type_.dtype):
        return False
    return value.__class__ is not int or -(2**63) <= value < 2**63


def _kind(program: Program, k: int, literals: dict[int, Value], instructions: Instructions) -> Kind:
    """Return how a step is computed."""
    primitive, operands = program.steps[k]
    out = program.types[k]
    types = step_types(program, k, literals)
    native = all(t.parts is None and has_scalar(t.dtype) for t in (out, *types))
    if not native or (out.weak and out.dtype.kind == "i"):  # Python's integers have no end
        return Kind.HOST
    if not _constants_fit(program, k, literals):
        return Kind.HOST
    dtypes = {t.dtype for t in types}
    if isinstance(primitive, _VIEWS):
        return Kind.VIEW
    if isinstance(primitive, (Concat, SliceSet)):
        return Kind.JOIN if dtypes == {out.dtype} else Kind.HOST
    if isinstance(primitive, _FOLDS):
        return Kind.FOLD
    if isinstance(primitive, Contract):
        x, y = (program.type_at(o).shape for o in operands)
        native = dtypes == {out.dtype} and out.dtype.kind == "f" and is_native(primitive, x, y)
        return Kind.PRODUCT if native else Kind.HOST
    if isinstance(primitive, _MAPS) and instructions(primitive, types, out.dtype):
        return Kind.MAP
    return Kind.HOST


def _constants_fit(program: Program, k: int, literals: dict[int, Value]) -> bool:
    """Return whether the operands that are rank-0 constants are literals."""
    constants = range(len(program.inputs), len(program.inputs) + len(program.constants))
    _, operands = program.steps[k]
    return all(
        o in literals or np.ndim(program.constants[o - constants.start]) > 0
        for o in operands
        if o in constants
    )
