"""Whose code something is: a library's, which is taken for constant, or the user's."""

# ruff: noqa: PTH120 - a path of strings: pathlib takes milliseconds to load

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from os import path
from typing import Final

import numpy as np

_OWN: Final = __name__.partition(".")[0]

_KNOWN: Final = sys.stdlib_module_names | {"numpy", "scipy", _OWN}
#: Python's own library, what is installed beside NumPy, and this package.
_FOLDERS: Final = (
    path.dirname(os.__file__) + path.sep,
    path.dirname(path.dirname(np.__file__)) + path.sep,
    path.dirname(path.dirname(__file__)) + path.sep,
)
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


def is_library(variables: Mapping[str, object]) -> bool:
    """Return whether a module, given by its variables, is a library's: the program run is not."""
    name = variables.get("__name__")
    return name != "__main__" and _is_library(name, variables.get("__file__"))


def is_library_class(cls: type) -> bool:
    """Return whether a class is a library's."""
    name = _module_of(cls)
    module = sys.modules.get(name) if isinstance(name, str) else None
    return _is_library(name, None) if module is None else is_library(module.__dict__)


def is_own(variables: Mapping[str, object]) -> bool:
    """Return whether a module is one of this package."""
    return _top(variables.get("__name__")) == _OWN


def is_own_class(cls: type) -> bool:
    """Return whether a class is one of this package."""
    return _top(_module_of(cls)) == _OWN


def _module_of(cls: type) -> object:
    """Return the name of the module of a class, without asking its metaclass."""
    name: object = type.__dict__["__dict__"].__get__(cls).get("__module__", "builtins")
    return name


def _top(name: object) -> str:
    return name.partition(".")[0] if isinstance(name, str) else ""


@lru_cache(maxsize=1024)
def _is_library(name: object, file: object) -> bool:
    if not isinstance(file, str):
        return _top(name) in _KNOWN
    parts = path.normpath(file).split(path.sep)
    return not _INSTALLED.isdisjoint(parts) or file.startswith(_FOLDERS)
