"""Machine code made callable."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, final

from attrs import frozen

from pullback.compiler.frame import HOST_CALLBACK
from pullback.compiler.interface import CALL_HOST, PARALLEL, RUN
from pullback.compiler.native import Native
from pullback.lazy import lazy
from pullback.primitives.quantity import Value

if TYPE_CHECKING:
    from pullback.compiler.llvm import link, pool
else:
    link = lazy("pullback.compiler.llvm.link")
    pool = lazy("pullback.compiler.llvm.pool")

#: A compiled run: takes the root's address, the arguments and arrays for the results; returns 0, or
#: 1 where a host call failed, or `UNFIT` where an argument is not as described.
Run: TypeAlias = Callable[[int, Sequence[Value], list[Value]], int]

_RUN: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)


@final
@frozen(eq=False, repr=False)
class Loaded:
    """Machine code that can be called; it lives as long as its owner does."""

    owner: object
    call: Run


def load(native: Native, times: dict[str, float]) -> Loaded:
    """Load native code."""
    start = time.perf_counter()
    symbols = {CALL_HOST: _address(HOST_CALLBACK)}
    if native.threads:
        symbols[PARALLEL] = pool.parallel()
    owner = link.load(native.object_code, symbols)
    loaded = Loaded(owner, _RUN(owner.address(RUN)))
    times["load"] = time.perf_counter() - start
    return loaded


def _address(function: ctypes._FuncPointer) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None, "a function has an address"
    return address
