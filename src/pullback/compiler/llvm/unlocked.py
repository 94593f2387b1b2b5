"""LLVM's passes and its generation of code, in several threads at once.

llvmlite lets one thread at a time into LLVM. LLVM asks for less: threads must share no context, so
each module here has one of its own; and no passes, and no description of the machine.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

from llvmlite import binding
from llvmlite.binding import ffi


def parse(text: str) -> binding.ModuleRef:
    """Return a module that shares nothing with others."""
    return binding.parse_assembly(text, binding.create_context())


def optimise(
    module: binding.ModuleRef, manager: binding.ModulePassManager, builder: binding.PassBuilder
) -> None:
    """Run passes over a module."""
    _function("LLVMPY_RunNewModulePassManager")(manager, module, builder)


def emit_object(module: binding.ModuleRef, machine: binding.TargetMachine) -> bytes:
    """Return the object file of a module."""
    with ffi.OutputString() as error:
        buffer = _function("LLVMPY_TargetMachineEmitToMemory")(machine, module, 1, error)
        if not buffer:
            raise RuntimeError(str(error))
    try:
        start = ffi.lib.LLVMPY_GetBufferStart(buffer)
        return ctypes.string_at(start, ffi.lib.LLVMPY_GetBufferSize(buffer))
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)


@functools.cache
def _function(name: str) -> Callable[..., object]:
    """Return a function of llvmlite's library without the lock around it."""
    locked = getattr(ffi.lib, name)
    # The library's path has no other name.
    function: Callable[..., object] = ctypes.CDLL(ffi.lib._name)[name]  # noqa: SLF001
    function.argtypes, function.restype = locked.argtypes, locked.restype  # type: ignore[attr-defined]  # as ctypes has it
    return function
