"""Modules that load on first use: the one place where an import is late.

``special = lazy("scipy.special")`` costs nothing until an attribute of ``special`` is read. It
serves the heavy dependencies (SciPy, llvmlite), and the one reach upward in the layers: an array
finds the public namespace of NumPy-protocol functions only when NumPy asks for it.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import final


@final
class _LazyModule(ModuleType):
    """A stand-in that imports the module it names when an attribute is first read."""

    def __getattr__(self, name: str) -> object:
        module = importlib.import_module(self.__name__)
        value: object = getattr(module, name)
        self.__dict__[name] = value  # the next read is an ordinary attribute
        return value


def lazy(name: str) -> ModuleType:
    """Return a stand-in for the module ``name``, imported when it is first used.

    Args:
        name: The module's full dotted name.

    Returns:
        A module object; reading an attribute imports the real module.

    Raises:
        ImportError: On first use, where the module cannot be imported.

    Example:
        >>> fractions = lazy("fractions")
        >>> fractions.Fraction(1, 2)
        Fraction(1, 2)
    """
    return _LazyModule(name)
