"""What a function is called, and a function made from another that is called the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import update_wrapper
from types import FunctionType, MethodType
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_SHARED: Final = ("__module__", "__name__", "__qualname__", "__doc__")


def name_of(f: Callable[..., object]) -> str:
    """Return what an error calls a function."""
    name: object = getattr(f, "__name__", None)
    return name if isinstance(name, str) else f"the {type(f).__name__}"


def parameter_name(f: Callable[..., object], number: int) -> str:
    """Return what a function calls a positional argument; ``args[1]`` where that is not known."""
    if hasattr(f, "__wrapped__"):
        f = inspect.unwrap(f)
    offset = 0
    if isinstance(f, MethodType):
        f, offset = f.__func__, 1
    if isinstance(f, FunctionType) and number + offset < f.__code__.co_argcount:
        return f.__code__.co_varnames[number + offset]
    return f"args[{number}]"


def like(f: Callable[..., object], made: Callable[P, R]) -> Callable[P, R]:
    """Give a function made from ``f`` the name, documentation and signature of ``f``."""
    if isinstance(f, FunctionType):  # as update_wrapper does, in a third of the time
        made.__module__, made.__name__ = f.__module__, f.__name__
        made.__qualname__, made.__doc__ = f.__qualname__, f.__doc__
        made.__dict__["__wrapped__"] = f
        return made
    return update_wrapper(made, f, _SHARED, ())
