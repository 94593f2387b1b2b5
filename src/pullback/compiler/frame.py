"""What runs work with: constants and descriptions for all of them, a frame for each.

A frame serves one run at a time, so that threads share nothing; between runs it waits in a list.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from itertools import groupby
from typing import Final, final

import numpy as np

from pullback.compiler.interface import (
    ARENA,
    CONSTANTS,
    DESCRIPTIONS,
    FRAME,
    INPUTS,
    TABLE,
    UnfitError,
)
from pullback.compiler.native import Native
from pullback.core.program import Program
from pullback.errors import ProgramError
from pullback.primitives.quantity import Value
from pullback.types import ArrayType, type_of

_LINE: Final = 64
_MANY: Final = 16  # numbers among outputs: an array for each takes most of the time of a call
_LARGEST: Final = 2**63 - 1
_WORDS: Final = 4  # of the description of an input; see `llvm.entry`


@final
class Ground:
    """What all runs share, and none changes."""

    def __init__(self, program: Program, native: Native) -> None:
        self.calls = native.calls
        self.arena = native.arena
        self.inputs = len(program.inputs)
        self.integers = [
            (number, _class(type_))
            for number, type_ in enumerate(program.inputs)
            if type_.weak and type_.dtype.kind in "bi"
        ]
        self.entries = INPUTS + len(program.inputs) + len(native.outputs)
        #: The outputs that are numbers side by side in each frame, if they are many.
        self.row = _row(native)
        first = None if self.row is None else native.written[self.row.start]
        self.weak = first is not None and first.weak
        self.constants = {
            entry: np.ascontiguousarray(value, type_of(value).dtype)
            for entry, value in native.root.items()
        }
        self.shapes = np.array([size for type_ in program.inputs for size in type_.shape], np.int64)
        shape = self.shapes.ctypes.data
        self.descriptions = (ctypes.c_void_p * (_WORDS * len(program.inputs)))()
        for number, type_ in enumerate(program.inputs):
            start = _WORDS * number
            self.descriptions[start] = id(_class(type_))
            if type_.shape:
                self.descriptions[start + 1] = id(usual(type_.dtype))
                self.descriptions[start + 2] = len(type_.shape)
                self.descriptions[start + 3] = shape
                shape += self.shapes.itemsize * len(type_.shape)

    def boxed(self, values: Sequence[Value]) -> list[Value]:
        """Return arguments in a list, Python's integers as NumPy scalars if they fit."""
        boxed = list(values)
        for number, scalar in self.integers:
            if number < len(boxed) and abs(boxed[number]) <= _LARGEST:
                boxed[number] = scalar(boxed[number])
        return boxed


@final
class Frame:
    """The memory of one run."""

    def __init__(self, ground: Ground) -> None:
        self.calls = ground.calls
        self.objects: dict[int, Value] = {}
        self.error: BaseException | None = None
        self.arena = np.empty(ground.arena + _LINE, np.uint8)
        self.table = (ctypes.c_void_p * ground.entries)()
        self.table[ARENA] = -(-self.arena.ctypes.data // _LINE) * _LINE
        self.root = (ctypes.c_void_p * (CONSTANTS + len(ground.constants)))()
        self.root[FRAME] = id(self)
        self.root[DESCRIPTIONS] = ctypes.addressof(ground.descriptions)
        self.root[TABLE] = ctypes.addressof(self.table)
        for entry, array in ground.constants.items():
            self.root[entry] = array.ctypes.data
        self.address = ctypes.addressof(self.root)
        count = 0 if ground.row is None else ground.row.stop - ground.row.start
        self.numbers = np.empty(count)
        self.row = [self.numbers[k, ...] for k in range(count)]
        self.weak = ground.weak

    def taken(self) -> list[Value]:
        """Return the numbers of the row as values of their types."""
        return self.numbers.tolist() if self.weak else [*self.numbers]

    def call(self, number: int, table: int) -> int:
        """Do a step that native code asks for; keep the error if it fails."""
        try:
            self.calls[number].run(self.objects, table)
        except BaseException as error:  # noqa: BLE001 - raised again when native code has returned
            self.error = error
            return 1
        return 0


def _row(native: Native) -> slice | None:
    """Return the most outputs in a row that are doubles, weak or not; None if they are few."""
    kinds = [
        each.weak if each is not None and each.shape == () and each.dtype == np.float64 else None
        for each in native.written
    ]
    best, start = slice(0, 0), 0
    for kind, group in groupby(kinds):
        stop = start + len(list(group))
        if kind is not None and stop - start > best.stop - best.start:
            best = slice(start, stop)
        start = stop
    return best if best.stop - best.start >= _MANY else None


def fitting(program: Program, values: Sequence[Value]) -> list[Value]:
    """Return arguments as native code reads them.

    Raises:
        ProgramError: One is of another shape.
        UnfitError: A Python integer is too long.
    """
    return [_fitting(value, type_) for value, type_ in zip(values, program.inputs, strict=True)]


def _fitting(value: Value, type_: ArrayType) -> Value:
    if np.shape(value) != type_.shape:
        msg = f"a compiled program: an argument of shape {np.shape(value)} in place of {type_}"
        raise ProgramError(msg)
    if not type_.shape:
        try:
            return _class(type_)(value)
        except OverflowError:
            raise UnfitError from None
    array = np.ascontiguousarray(value, type_.dtype).view(usual(type_.dtype), np.ndarray)
    return array if array.flags.aligned else array.copy()


def usual(dtype: np.dtype) -> np.dtype:
    """Return the one object that NumPy itself takes for a dtype, and for others like it.

    An integer of 64 bits has two names in C.
    """
    return np.dtype(dtype.str)


def _class(type_: ArrayType) -> type:
    """Return the class of values of a type, as native code reads them."""
    if type_.shape:
        return np.ndarray
    if type_.weak and type_.dtype.kind in "fc":
        return float if type_.dtype.kind == "f" else complex
    scalar: type = usual(type_.dtype).type
    return scalar


def _call(frame: Frame, number: int, table: int) -> int:
    return frame.call(number, table)


#: A host call of a frame, which native code passes by its address.
HOST_CALLBACK: Final = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.py_object, ctypes.c_int, ctypes.c_void_p
)(_call)
