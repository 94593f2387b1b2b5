"""What is stored, what is folded into its consumers, and which loops there are.

A *map* computes each element from elements of its operands at places that the program states; a
*view* only moves elements; both are folded into what reads them, unless storing is cheaper. A
*fold* reduces, a *product* contracts, a *join* writes its operands side by side, and what has no
native rule is a call of the *host*: of NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Final, final

import numpy as np
from attrs import evolve, field, frozen

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
_DEPTH: Final = 40  # of what is folded into one loop
_LARGEST: Final = 400  # steps in one loop: LLVM takes more than linear time


@final
class Kind(Enum):
    """How a step is computed."""

    MAP = auto()
    VIEW = auto()
    FOLD = auto()
    PRODUCT = auto()
    JOIN = auto()
    HOST = auto()


@final
@frozen
class Kernel:
    """A piece of code: a loop for values of one size, or for one value of another kind."""

    kind: Kind
    #: What it computes: several values for a map, in order; one otherwise.
    values: tuple[int, ...]
    #: The stored values that it reads from memory.
    reads: tuple[int, ...]
    #: The values that it writes; a value that is only needed inside stays in a register.
    writes: tuple[int, ...]


@final
@frozen
class Plan:
    """A program, cut into kernels."""

    program: Program
    kinds: dict[int, Kind]
    #: Numbers that stand in the code.
    literals: dict[int, Value]
    #: Inputs, constants and results that lie in memory.
    stored: frozenset[int]
    kernels: tuple[Kernel, ...]
    #: The number of the first step.
    first: int = field(init=False)

    @first.default
    def _first(self) -> int:
        return len(self.program.inputs) + len(self.program.constants)

    def __str__(self) -> str:
        """Write a line for each kernel."""
        lines = []
        for kernel in self.kernels:
            names = [self.program.steps[v - self.first][0].name for v in kernel.values]
            shape = self.program.type_at(kernel.values[-1])
            ends = f"{list(kernel.reads)} -> {list(kernel.writes)}"
            lines.append(f"{kernel.kind.name.lower()} {shape}: {ends}  ({', '.join(names)})")
        return "\n".join(lines)


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


def plan_kernels(program: Program, instructions: Instructions) -> Plan:
    """Return which values are stored, and the loops that compute them.

    Before -> after:
        [b = sin(a), c = b + 1, d = sum(c)]  ->  one fold over sin(a) + 1, which stores d alone
    """
    first = len(program.inputs) + len(program.constants)
    literals = {
        number: value
        for number, value in enumerate(program.constants, len(program.inputs))
        if np.ndim(value) == 0 and _fits(program.type_at(number), value)
    }
    kinds = {
        first + k: _kind(program, k, literals, instructions) for k in range(len(program.steps))
    }
    stored = _choose(program, kinds, literals)
    return Plan(program, kinds, literals, stored, _Scheduler(program, kinds, stored).kernels())


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


def _cheap(primitive: Primitive) -> bool:
    """Return whether computing costs no more than loading."""
    return isinstance(primitive, (Cast, *IDENTITIES))


def _choose(program: Program, kinds: dict[int, Kind], literals: dict[int, Value]) -> frozenset[int]:
    """Return which values lie in memory.

    ``demand`` counts how often an element of a value would be computed if it were not stored.
    """
    first = len(program.inputs) + len(program.constants)
    size = [
        math.prod(program.type_at(number).shape) for number in range(first + len(program.steps))
    ]
    stored = {o for o in program.outputs if o >= first}
    demand: dict[int, int] = dict.fromkeys(kinds, 0)
    for number in range(first + len(program.steps) - 1, first - 1, -1):
        primitive, operands = program.steps[number - first]
        kind = kinds[number]
        repeated = kind is Kind.MAP and demand[number] > 1 and not _cheap(primitive)
        if repeated or kind not in {Kind.MAP, Kind.VIEW}:
            stored.add(number)
        weight = 1 if number in stored else max(demand[number], 1)
        for operand in dict.fromkeys(operands):
            if operand < first:
                continue
            if kind in {Kind.PRODUCT, Kind.HOST} or isinstance(primitive, PadSlice):
                stored.add(operand)
            spread = kind in {Kind.MAP, Kind.VIEW} and size[number] > size[operand]
            demand[operand] += 2 * weight if spread else weight
    depth: dict[int, int] = {}
    bound: set[int] = set()  # values that need an index for each axis
    for number, kind in kinds.items():
        primitive, operands = program.steps[number - first]
        if isinstance(primitive, Reshape) and operands[0] in bound:
            stored.add(operands[0])
        inner = [o for o in operands if o >= first and o not in stored]
        depth[number] = 1 + max([depth[o] for o in inner], default=0)
        if (kind is Kind.VIEW and not isinstance(primitive, Reshape)) or (
            kind is Kind.MAP and (bound.intersection(inner) or _broadcasts(program, number))
        ):
            bound.add(number)
        if depth[number] > _DEPTH and kind in {Kind.MAP, Kind.VIEW}:
            stored.add(number)
    return frozenset(stored | (set(range(first)) - literals.keys()) | _factors(program, kinds))


def _broadcasts(program: Program, number: int) -> bool:
    """Return whether an operand of a step has another shape, and more than one element."""
    _, operands = program.steps[number - len(program.inputs) - len(program.constants)]
    shapes = {program.type_at(operand).shape for operand in operands}
    shapes.discard(program.type_at(number).shape)
    return any(math.prod(shape) != 1 for shape in shapes)


def _factors(program: Program, kinds: dict[int, Kind]) -> set[int]:
    """Return the operands of products: these read memory, literals too."""
    first = len(program.inputs) + len(program.constants)
    products = (n for n, kind in kinds.items() if kind is Kind.PRODUCT)
    return {operand for n in products for operand in program.steps[n - first][1]}


@final
class _Scheduler:
    """Puts each stored value into a kernel: maps of one shape share one, where order allows it."""

    def __init__(self, program: Program, kinds: dict[int, Kind], stored: frozenset[int]) -> None:
        self.program, self.kinds, self.stored = program, kinds, stored
        self.first = len(program.inputs) + len(program.constants)
        self.groups: list[list[int]] = []
        self.at: dict[int, int] = {}  # in which group a stored value is computed
        self.open: dict[tuple[int, ...], int] = {}  # the last group of maps of a shape
        self.weight: dict[int, int] = {}  # the steps that a value takes with it

    def kernels(self) -> tuple[Kernel, ...]:
        """Return the kernels in the order in which they run."""
        for number, kind in self.kinds.items():
            if number in self.stored:
                self._place(number, kind)
        reads = [self._leaves(group) for group in self.groups]
        needed = set(self.program.outputs).union(*reads)
        return tuple([
            Kernel(
                self._kind(group), tuple(group), tuple(read), tuple(v for v in group if v in needed)
            )
            for group, read in zip(self.groups, reads, strict=True)
        ])  # fmt: skip

    def _kind(self, group: list[int]) -> Kind:
        kind = self.kinds[group[0]]
        return Kind.MAP if kind is Kind.VIEW else kind

    def _place(self, number: int, kind: Kind) -> None:
        shape = self.program.type_at(number).shape
        shape = () if math.prod(shape) == 1 else shape
        inside, aligned = self._walk(number, shape)
        self.weight[number] = len(inside)
        if kind in {Kind.MAP, Kind.VIEW}:
            group = self.open.get(shape)
            if group is not None and self._joins(number, group, aligned):
                self.groups[group].append(number)
                self.at[number] = group
                return
            self.open[shape] = len(self.groups)
        self.at[number] = len(self.groups)
        self.groups.append([number])

    def _joins(self, number: int, group: int, aligned: dict[int, bool]) -> bool:
        """Return whether a value may be computed in a group that exists."""
        total = sum(self.weight[member] for member in self.groups[group])
        if total + self.weight[number] > _LARGEST:
            return False
        return all(
            self.at[leaf] < group or (self.at[leaf] == group and same)
            for leaf, same in aligned.items()
            if leaf >= self.first
        )

    def _walk(self, number: int, shape: tuple[int, ...]) -> tuple[set[int], dict[int, bool]]:
        """Return the steps folded into a value, and what it reads: whether at its own index."""
        inside: set[int] = set()
        aligned: dict[int, bool] = {}
        stack = [(number, True)]
        seen: set[tuple[int, bool]] = set()
        while stack:
            current, same = stack.pop()
            if (current, same) in seen:
                continue
            seen.add((current, same))
            inside.add(current)
            kind = self.kinds[current]
            for operand in self.program.steps[current - self.first][1]:
                has = self.program.type_at(operand).shape
                kept = same and (shape == () or (kind is Kind.MAP and has == shape))
                if operand in self.stored:
                    aligned[operand] = aligned.get(operand, True) and kept
                elif operand >= self.first:
                    stack.append((operand, kept))
        return inside, aligned

    def _leaves(self, group: Iterable[int]) -> list[int]:
        """Return the stored values that a group reads from outside."""
        own = set(group)
        found: dict[int, None] = {}
        for number in group:
            for leaf in self._walk(number, ())[1]:
                if leaf not in own:
                    found[leaf] = None
        return list(found)
