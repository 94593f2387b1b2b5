"""How each step of a program is computed.

A *map* computes each element from elements of its operands at places that the program states; a
*view* only moves elements. A *fold* reduces, a *product* contracts, a *join* writes its operands
side by side, and what has no native rule is a call of the *host*: of NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from enum import Enum, auto
from typing import Final, final

import numpy as np
from attrs import evolve

from pullback.compiler import convolutions
from pullback.compiler.indexing import (
    INDEXING,
    constants_in_range,
    index_operands,
    one_hot,
)
from pullback.compiler.operations import Operations
from pullback.control.checkpointing import Named
from pullback.core.program import Program
from pullback.primitives.arithmetic import Positive
from pullback.primitives.bundle import Pack, Unpack
from pullback.primitives.cast import Cast
from pullback.primitives.complex import Conjugate, Real
from pullback.primitives.contraction import Contract
from pullback.primitives.convolution import Convolve
from pullback.primitives.cumulative import Cumprod, Cumsum, Recurrence
from pullback.primitives.elementwise import Elementwise
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.identity import Input, StopGradient
from pullback.primitives.joining import Concat
from pullback.primitives.pooling import MaxPool, MaxPoolShare
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
FOLDS: Final = (Sum, Prod, Max, Min, Any, All)
_MAPS: Final = (Elementwise, Where, Cast, *IDENTITIES)


@final
class Kind(Enum):
    """How a step is computed."""

    MAP = auto()
    VIEW = auto()
    FOLD = auto()
    PRODUCT = auto()
    CONVOLUTION = auto()
    POOLING = auto()
    JOIN = auto()
    #: Values written where index arrays say.
    SCATTER = auto()
    #: Each element made of the one before it.
    CUMULATIVE = auto()
    HOST = auto()
    #: A loop, a branch or a call: its programs are native, too.
    CONTROL = auto()
    #: What a native loop, branch or call takes and gives as one: nothing is computed.
    PART = auto()
    #: A kernel of steps with few elements, of all kinds. No step has it.
    STRAIGHT = auto()
    #: A kernel of reductions of the same rows, and of maps. No step has it.
    ROWS = auto()


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
    program: Program,
    like: Operations,
    literals: dict[int, Value],
    instructions: Instructions,
    controls: Container[int],
) -> dict[int, Kind]:
    """Return how each step is computed, given those that are native control flow."""
    first = len(program.inputs) + len(program.constants)
    kinds: dict[int, Kind] = {}
    known: dict[int, Kind] = {}  # by the operation, which alone decides about most steps
    bundled = not program.operations.isdisjoint({Pack, Unpack})
    whole: set[int] = set()  # bundles that somebody reads as such
    # Constants whose values count, or which are no literals.
    special = {
        number
        for number in range(len(program.inputs), first)
        if number not in literals or program.type_at(number).dtype.kind == "i"
    }
    if not bundled and program.operations.isdisjoint(INDEXING):
        return _plain_kinds(program, like, literals, instructions, special)
    number = first + len(program.steps)
    for (primitive, operands), operation in zip(
        reversed(program.steps), reversed(like.numbers), strict=True
    ):
        number -= 1
        if bundled and number in controls:
            kinds[number] = Kind.CONTROL
            continue
        if bundled and (
            (primitive.__class__ is Unpack and operands[0] in controls)
            or (primitive.__class__ is Pack and number not in whole)
        ):
            kinds[number] = Kind.PART
            continue
        if primitive.__class__ in INDEXING or not special.isdisjoint(operands):
            kind = _kind(program, number - first, literals, instructions)
        elif operation in known:
            kind = known[operation]
        else:
            kind = known[operation] = _kind(program, number - first, literals, instructions)
        kinds[number] = kind
        if bundled:
            whole.update(operands)
    return dict(reversed(kinds.items()))


def _plain_kinds(
    program: Program,
    like: Operations,
    literals: dict[int, Value],
    instructions: Instructions,
    special: set[int],
) -> dict[int, Kind]:
    """Return the kinds of steps without bundles and index arrays, given constants that count."""
    first = len(program.inputs) + len(program.constants)
    of = [_kind(program, example, literals, instructions) for example in like.examples]
    kinds = dict(enumerate(map(of.__getitem__, like.numbers), first))
    known: dict[tuple[object, ...], Kind] = {}  # by the operation and the values
    for k, (_, row) in enumerate(program.steps):
        if not special.isdisjoint(row):
            values = [(o in literals, literals.get(o, o)) for o in row if o in special]
            kind = known.get((like.numbers[k], *values))
            if kind is None:
                kind = _kind(program, k, literals, instructions)
                known[like.numbers[k], *values] = kind
            kinds[first + k] = kind
    return kinds


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
    primitive, _ = program.steps[k]
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
    if isinstance(primitive, INDEXING):
        return _indexing_kind(program, k, types)
    if isinstance(primitive, (Cumsum, Cumprod, Recurrence)):
        return Kind.CUMULATIVE if out.dtype.kind != "b" else Kind.HOST
    if isinstance(primitive, FOLDS):
        return Kind.FOLD
    if isinstance(primitive, Contract):
        native = dtypes == {out.dtype} and out.dtype.kind == "f"
        return Kind.PRODUCT if native else Kind.HOST
    if isinstance(primitive, (Convolve, MaxPool, MaxPoolShare)):
        native = dtypes == {out.dtype} and out.dtype.kind == "f"
        return _sliding_kind(program, k) if native else Kind.HOST
    if isinstance(primitive, _MAPS) and instructions(primitive, types, out.dtype):
        return Kind.MAP
    return Kind.HOST


def _indexing_kind(program: Program, k: int, types: tuple[ArrayType, ...]) -> Kind:
    """Return how a step with index arrays is computed."""
    primitive, operands = program.steps[k]
    number = len(program.inputs) + len(program.constants) + k
    indices = index_operands(primitive, operands)
    values = types[: len(types) - len(indices)]
    if any(program.type_at(index).dtype.str[1:] == "u8" for index in indices):
        return Kind.HOST  # an index beyond 2^63 would wrap
    if any(t.dtype != program.types[k].dtype for t in values):
        return Kind.HOST
    if not constants_in_range(program, number):
        return Kind.HOST
    element = isinstance(primitive, Gather) or (
        isinstance(primitive, ScatterAdd) and one_hot(program, number) is not None
    )
    return Kind.VIEW if element else Kind.SCATTER


def _sliding_kind(program: Program, k: int) -> Kind:
    """Return how a convolution or pooling of floats is computed."""
    primitive, operands = program.steps[k]
    if isinstance(primitive, Convolve):
        x, y = (program.type_at(operand).shape for operand in operands)
        native = convolutions.is_native(primitive, x, y, program.types[k].shape)
        return Kind.CONVOLUTION if native else Kind.HOST
    assert isinstance(primitive, (MaxPool, MaxPoolShare)), "the only others that slide"
    forward = all(r.x == 1 and r.y < 0 for r in primitive.relations)
    return Kind.POOLING if forward else Kind.HOST


def _constants_fit(program: Program, k: int, literals: dict[int, Value]) -> bool:
    """Return whether the operands that are rank-0 constants are literals."""
    constants = range(len(program.inputs), len(program.inputs) + len(program.constants))
    _, operands = program.steps[k]
    return all(
        o in literals or np.ndim(program.constants[o - constants.start]) > 0
        for o in operands
        if o in constants
    )
