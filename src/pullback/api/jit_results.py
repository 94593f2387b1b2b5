"""What a jitted function cannot return: what is read once, and arrays that later calls do not have.

Leaves of a result that are no arrays are handed back as they are by every call. So they must not
hold arrays of the trace, whose values nobody will ever know, and must not be used up.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Final

from pullback.api.functions import name_of
from pullback.api.outputs import describe
from pullback.core import Array, Trace
from pullback.errors import ProgramError

_MOST: Final = 10_000  # objects that are looked at


def check_returns(f: Callable[..., object]) -> None:
    """Raise if a function is known to return what is used up by its first reader."""
    if inspect.iscoroutinefunction(f):
        kind = "a coroutine function, and its code runs when nobody traces it; remove async"
    elif inspect.isgeneratorfunction(f) or inspect.isasyncgenfunction(f):
        kind = "a generator function, and its code runs when nobody traces it; return a list"
    else:
        return
    msg = f"jit: {name_of(f)} is {kind}, or jit the functions that it calls"
    raise ProgramError(msg)


def check_leaves(f: Callable[..., object], leaves: Iterable[object], trace: Trace) -> None:
    """Raise if leaves of a result would be wrong in later calls.

    Args:
        f: The function that returned them.
        leaves: Those that are no arrays of ours.
        trace: The trace in which it was called.
    """
    for leaf in leaves:
        if isinstance(leaf, (Iterator, Awaitable, AsyncIterator)):
            fault = "can be read once, and every call returns the same; return a tuple or list"
        elif _reaches(leaf, trace):
            fault = (
                "holds arrays whose values are known to nobody, and is no pytree; return a tuple, "
                "dict or frozen class, or register the class with tree.register"
            )
        else:
            continue
        msg = f"jit: in the result of {name_of(f)}, {describe(leaf)} {fault}"
        raise ProgramError(msg)


def _reaches(leaf: object, trace: Trace) -> bool:
    """Return whether an object leads to an array of a trace."""
    seen: dict[int, object] = {}
    ahead = [leaf]
    while ahead and len(seen) < _MOST:
        thing = ahead.pop()
        if id(thing) in seen or isinstance(thing, (type, ModuleType, CodeType)):
            continue
        seen[id(thing)] = thing
        if isinstance(thing, Array):
            if trace in thing.sources:
                return True
        elif isinstance(thing, FunctionType):  # whose globals are no part of the result
            ahead += [*(thing.__closure__ or ()), *(thing.__defaults__ or ())]
        else:
            ahead += gc.get_referents(thing)
    return False
