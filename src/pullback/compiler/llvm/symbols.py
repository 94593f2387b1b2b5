"""What native code calls outside itself, by names that are given addresses when it is loaded."""

from __future__ import annotations

from llvmlite import ir


def declare(module: ir.Module, name: str, signature: ir.FunctionType) -> ir.Function:
    """Return an external function of a module."""
    found = module.globals.get(name)
    return found if isinstance(found, ir.Function) else ir.Function(module, signature, name)
