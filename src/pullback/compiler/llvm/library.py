"""Functions that no program decides anything of: a machine compiles each once, and keeps it.

A program's code declares what it calls of them; their object files are loaded beside its own. What
such a function does is told by its name and by the machine alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, final

from llvmlite import ir

#: Appends the code of a function.
Writer: TypeAlias = Callable[[ir.Function], None]


@final
class Module(ir.Module):
    """A module that calls such functions."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        #: What writes each of them, by its name.
        self.borrowed: dict[str, Writer] = {}
        #: Functions of the module's own by their code.
        self._known: dict[str, ir.Function] = {}

    def only(self, function: ir.Function) -> ir.Function:
        """Return a function with the code of the last one: that one, or one before it."""
        code = "\n".join([str(block) for block in function.blocks])
        found = self._known.setdefault(code, function)
        if found is not function:
            del self.globals[function.name]
        return found


def borrow(module: ir.Module, name: str, signature: ir.FunctionType, write: Writer) -> ir.Function:
    """Return the declaration of a function of the library."""
    found = module.globals.get(name)
    if isinstance(found, ir.Function):
        return found
    assert isinstance(module, Module), "its library is known"
    module.borrowed[name] = write
    return ir.Function(module, signature, name)


def text(module: Module, name: str) -> str:
    """Return the code of a function that a module calls, as a module of its own."""
    declared, own = module.globals[name], ir.Module(name)
    assert isinstance(declared, ir.Function), "it was borrowed"
    module.borrowed[name](ir.Function(own, declared.ftype, name))
    return str(own)
