"""What native code calls outside itself, by names that are given addresses when it is linked."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Final

from llvmlite import binding, ir

from pullback.compiler.frame import HOST_CALLBACK
from pullback.lazy import lazy

blas = lazy("scipy.linalg.cython_blas")

CALL_HOST: Final = "pullback_call_host"
GEMM_DOUBLE: Final = "pullback_dgemm"
GEMM_SINGLE: Final = "pullback_sgemm"


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


@cache
def define_blas() -> None:
    """Give the products of SciPy's BLAS their names: a Cython module publishes their addresses."""
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    for symbol, function in ((GEMM_DOUBLE, "dgemm"), (GEMM_SINGLE, "sgemm")):
        capsule: object = blas.__pyx_capi__[function]
        binding.add_symbol(symbol, pointer(capsule, name(capsule)))
