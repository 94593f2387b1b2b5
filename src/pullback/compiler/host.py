"""Steps that have no native rule: NumPy computes them, called back from native code.

What NumPy makes for the program itself is kept as an object, and copied to memory only where native
code reads it. In the programs that loops and branches call, all lies in memory.
"""

from __future__ import annotations

import ctypes
import math
from typing import TypeAlias, final

import numpy as np
from attrs import frozen

from pullback.compiler.interface import UnfitError
from pullback.primitives.primitive import Primitive
from pullback.primitives.quantity import Value
from pullback.types import ArrayType


@final
@frozen(eq=False, repr=False)
class Cell:
    """The memory of a value: an entry of the program's table, and how many bytes from there."""

    entry: int
    offset: int
    type: ArrayType

    def view(self, table: int) -> np.ndarray:
        """Return the memory as an ndarray."""
        place = ctypes.c_void_p.from_address(table + 8 * self.entry).value
        assert place is not None, "each value has a place"
        return at_address(place + self.offset, self.type)


@final
@frozen(eq=False, repr=False)
class Known:
    """A constant."""

    value: Value


#: Where a value is: among the objects, by its number; in memory; or here.
Operand: TypeAlias = int | Cell | Known


@final
@frozen(eq=False, repr=False)
class HostCall:
    """One step for NumPy."""

    primitive: Primitive
    operands: tuple[Operand, ...]
    type: ArrayType
    #: The number of the result among the objects; None where all lies in memory.
    out: int | None
    #: The memory of the result, if native code reads it.
    cell: Cell | None
    #: The objects that nothing needs any more.
    ends: tuple[int, ...]

    def run(self, objects: dict[int, Value], table: int) -> None:
        """Compute the result, and put it among the objects or into memory.

        Args:
            objects: The values that are no memory, by number.
            table: The address of the program's table.

        Raises:
            UnfitError: It is a Python integer out of the memory's range.
        """
        result = self._evaluate([_value(operand, objects, table) for operand in self.operands])
        if self.cell is not None:
            _write(self.cell.view(table), result)
        if self.out is not None:
            objects[self.out] = result
            for ended in self.ends:
                objects.pop(ended, None)

    def _evaluate(self, operands: list[Value]) -> Value:
        """Compute the result; it shares no memory with the operands, whose memory is used again."""
        if self.type.parts is not None:
            operands = [x.copy() if x.__class__ is np.ndarray else x for x in operands]
        result = self.primitive.evaluate(*operands)
        if result.__class__ is np.ndarray and (
            result.base is not None or any(result is x for x in operands)
        ):
            return result.copy()
        return result


def _value(operand: Operand, objects: dict[int, Value], table: int) -> Value:
    """Return a value as a primitive takes it."""
    match operand:
        case Cell():
            return read(operand.view(table), operand.type)
        case Known(value):
            return value
        case _:
            return objects[operand]


def at_address(address: int, type_: ArrayType) -> np.ndarray:
    """Return memory as an ndarray, which does not keep it alive."""
    size = math.prod(type_.shape) * type_.dtype.itemsize
    buffer = memoryview((ctypes.c_ubyte * size).from_address(address))
    return np.ndarray(type_.shape, type_.dtype, buffer)


def read(memory: np.ndarray, type_: ArrayType) -> Value:
    """Return what lies in memory as a primitive takes it."""
    if type_.weak:
        return memory.item()
    return memory if type_.shape else memory[()]


def _write(memory: np.ndarray, value: Value) -> None:
    """Copy a value to memory.

    Raises:
        UnfitError: It is a Python integer out of the memory's range.
    """
    try:
        memory[...] = value
    except OverflowError:
        raise UnfitError from None
