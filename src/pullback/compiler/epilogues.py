"""Maps of a product's elements in the product's kernel: computed while sums are in registers.

A layer's bias and activation, the mask of its derivative, the step of a weight.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from typing import Final, final

from pullback.compiler.contractions import axes
from pullback.compiler.indices import Index, NeedsAxesError, axes_index, flatten, operand_indices
from pullback.compiler.kernel import Kernel
from pullback.compiler.kinds import Kind
from pullback.core.program import Program
from pullback.primitives.contraction import Contract
from pullback.primitives.gather import Gather, ScatterAdd
from pullback.primitives.quantity import Value
from pullback.primitives.slicing import PadSlice
from pullback.primitives.trigonometric import Cos, Sin, Tan

_MOST: Final = 24  # values in one kernel
_NEAR: Final = 1 << 20  # bytes that a tile's rows are read and written among
_FAR: Final = 1 << 24  # the same for a result of the program: to store its gradient takes memory
_APART: Final = (PadSlice, Gather, ScatterAdd, Sin, Cos, Tan)  # these have no vectors of their own

#: Where a value is read.
Read = tuple[int, Index]


@final
class Reading:
    """What a map is made of, and at which elements."""

    def __init__(self, program: Program, kinds: dict[int, Kind], literals: Container[int]) -> None:
        self.program, self.kinds, self.literals = program, kinds, literals
        self.first = len(program.inputs) + len(program.constants)

    def reads(self, number: int, stop: Container[int]) -> dict[Read, None] | None:
        """Return what an element of a map is made of; None if it cannot be in a vector.

        Args:
            number: The map.
            stop: The values that are not computed again.

        Returns:
            Values of ``stop``, and where each is read: for a variable for each axis of the map.
        """
        found: dict[Read, None] = {}
        try:
            stack = self._operands(number, axes_index(self.program.type_at(number).shape))
            seen: set[Read] = set()
            while stack:
                item = stack.pop()
                if item in seen or item[0] in self.literals:
                    continue
                seen.add(item)
                if item[0] in stop:
                    found[item] = None
                else:
                    stack += self._operands(*item)
        except NeedsAxesError:
            return None
        return found

    def steps(self, read: Read, rank: int) -> list[int]:
        """Return by how many elements the place of a value moves along each axis of a map."""
        number, index = read
        found = dict(flatten(index, self.program.type_at(number).shape).terms)
        return [found.get(axis, 0) for axis in range(rank)]

    def _operands(self, number: int, index: Index) -> list[Read]:
        primitive, operands = self.program.steps[number - self.first]
        if isinstance(primitive, _APART):
            raise NeedsAxesError
        want = self.program.type_at(number).shape
        have = [self.program.type_at(operand).shape for operand in operands]
        elementwise = self.kinds[number] is Kind.MAP
        found = operand_indices(primitive, index, have, want, elementwise=elementwise)
        return list(zip(operands, found, strict=True))


def merge_epilogues(
    program: Program,
    kinds: dict[int, Kind],
    literals: dict[int, Value],
    stored: frozenset[int],
    kernels: Sequence[Kernel],
) -> tuple[Kernel, ...]:
    """Put maps of a product's elements into the product's kernel.

    Before -> after:
        [p = x @ w], [a = p + b, h = max(a, 0)]  ->  one kernel, which stores h alone

    A map joins if it reads the product, or what has joined, at its own index alone, and if all
    else that it reads is there before anything needs the product.
    """
    if not any(kernel.kind is Kind.PRODUCT for kernel in kernels):
        return tuple(kernels)
    return _Merging(program, Reading(program, kinds, literals), stored, kernels).kernels()


@final
class _Group:
    """What one kernel computes."""

    def __init__(self, kernel: Kernel, position: tuple[int, ...]) -> None:
        self.kernel, self.position = kernel, position
        self.values = list(kernel.values)
        self.reads = dict.fromkeys(kernel.reads)
        self.changed = False


@final
class _Merging:
    """Kernels, some of which take values from others."""

    def __init__(
        self,
        program: Program,
        reading: Reading,
        stored: frozenset[int],
        kernels: Sequence[Kernel],
    ) -> None:
        self.program, self.reading, self.stored = program, reading, stored
        self.groups = [_Group(kernel, (k,)) for k, kernel in enumerate(kernels)]
        self.home = {number: group for group in self.groups for number in group.values}
        self.readers: dict[int, list[_Group]] = {}
        for group in self.groups:
            for number in group.reads:
                self.readers.setdefault(number, []).append(group)

    def kernels(self) -> tuple[Kernel, ...]:
        """Return the kernels, with what has moved from one to another."""
        for group in self.groups:
            if group.kernel.kind is Kind.PRODUCT and self._has_terms(group.values[0]):
                self._extend(group)
        groups = sorted((g for g in self.groups if g.values), key=_position)
        needed = set(self.program.outputs).union(*(group.reads for group in groups))
        return tuple([
            self._kernel(group, needed) if group.changed else group.kernel for group in groups
        ])  # fmt: skip

    def _has_terms(self, number: int) -> bool:
        _, operands = self.program.steps[number - self.reading.first]
        return all(0 not in self.program.type_at(operand).shape for operand in operands)

    def _kernel(self, group: _Group, needed: Container[int]) -> Kernel:
        kind, values = group.kernel.kind, group.values
        writes = [number for number in values if number in needed]
        dtype = self.program.type_at(values[0]).dtype
        if kind is Kind.PRODUCT and all(self.program.type_at(n).dtype != dtype for n in writes):
            writes.insert(0, values[0])  # sums in blocks need a place until they are complete
        return Kernel(kind, tuple(values), tuple(group.reads), tuple(writes))

    def _extend(self, group: _Group) -> None:
        """Let a product take maps along."""
        shape = self.program.type_at(group.values[0]).shape
        for number in group.values:  # which grows
            for source in (*self.readers.get(number, ()), self.home[number]):
                if source.kernel.kind is not Kind.MAP:
                    continue
                for value in list(source.values):
                    if self.program.type_at(value).shape == shape and len(group.values) < _MOST:
                        self._take(group, source, value)

    def _take(self, group: _Group, source: _Group, value: int) -> None:
        """Move a value from a kernel to a product's, if it can be there."""
        reads = self.reading.reads(value, self.stored)
        if reads is None:
            return
        own = [item for item in reads if item[0] in group.values]
        if not own or not all(map(self._is_aligned, own)):
            return
        if not self._keeps_loops(group.values[0], [item for item in reads if item not in own]):
            return
        others = dict.fromkeys(number for number, _ in reads if number not in group.values)
        most = _FAR if value in self.program.outputs else _NEAR
        if self._bytes({*group.values, *group.reads, *others, value}, value) > most:
            return
        homes = [self.home[number] for number in others if number in self.home]
        last = max(homes, key=_position, default=group)
        if last.position > group.position:
            position = (*last.position, *group.position)
            if last.kernel.kind is Kind.PRODUCT or self._needed(group, position):
                return
            group.position = position
        source.values.remove(value)
        source.reads = self._leaves(source.values)
        for number in source.reads:
            self.readers.setdefault(number, []).append(source)
        self.home[value] = group
        group.values.append(value)
        group.reads |= others
        source.changed = group.changed = True

    def _keeps_loops(self, number: int, reads: Iterable[Read]) -> bool:
        """Return whether loops over a product's elements are those over what its maps read.

        Else there would be more of them, with other tiles and sums in another order.
        """
        program, rank = self.program, len(self.program.type_at(number).shape)
        contract, operands = program.steps[number - self.reading.first]
        assert isinstance(contract, Contract), "the only product"
        x, y = (program.type_at(operand).shape for operand in operands)
        beside = [self.reading.steps(read, rank) for read in reads]
        return len(axes(contract, x, y, beside)) == len(axes(contract, x, y))

    def _bytes(self, numbers: Iterable[int], like: int) -> int:
        """Return the bytes of those values that have as many elements as one of them."""
        types = [self.program.type_at(number) for number in numbers]
        size = math.prod(self.program.type_at(like).shape)
        return sum(size * t.dtype.itemsize for t in types if math.prod(t.shape) == size)

    def _is_aligned(self, item: Read) -> bool:
        number, index = item
        shape = self.program.type_at(number).shape
        return flatten(index, shape) == flatten(axes_index(shape), shape)

    def _needed(self, group: _Group, position: tuple[int, ...]) -> bool:
        """Return whether a kernel before a position reads what a product gives."""
        own = set(group.values)
        return any(
            reader.values and group.position < reader.position < position
            for number in group.values
            for reader in self.readers.get(number, ())
            if own.intersection(reader.reads)
        )

    def _leaves(self, values: Iterable[int]) -> dict[int, None]:
        """Return the stored values that values of one kernel read from outside."""
        own = set(values)
        found: dict[int, None] = {}
        stack, seen = [*own], set(own)
        while stack:
            _, operands = self.program.steps[stack.pop() - self.reading.first]
            for operand in operands:
                if operand in seen:
                    continue
                if operand in self.stored:
                    found[operand] = None
                elif operand >= self.reading.first:
                    seen.add(operand)
                    stack.append(operand)
        return found


def _position(group: _Group) -> tuple[int, ...]:
    return group.position
