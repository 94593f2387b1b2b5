"""What native code calls outside itself, by names that are given addresses when it is linked."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Final

from llvmlite import binding, ir

from pullback.compiler.frame import HOST_CALLBACK

CALL_HOST: Final = "pullback_call_host"


def declare(module: ir.Module, name: str, signature: ir.FunctionType) -> ir.Function:
    """Return an external function of a module."""
    found = module.globals.get(name)
    return found if isinstance(found, ir.Function) else ir.Function(module, signature, name)


@cache
def define_host() -> None:
    """Give the callback into Python its name."""
    address = ctypes.cast(HOST_CALLBACK, ctypes.c_void_p).value
    assert address is not None, "a function has an address"
    binding.add_symbol(CALL_HOST, address)
